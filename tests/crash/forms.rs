//! kill -9 while people fill forms: between two screens, and at the end, which comes by the endpoint and by a message.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use simulator::Filter;
use whatsapp::flow::{FlowKey, seal_request};

use crate::support::{SOON, World, eventually};

const CYCLES: usize = 10;
const SEED: u64 = 20_261_128;

const BOT: &str = r#"
parlance: 1
id: echo
vars: { visit: { type: object } }
triggers: [ { default: {}, to: form } ]
nodes:
  form: { type: flow, flow: visit, prompt: When?, cta: Choose, entry: data_exchange, save: visit, next: { done: ok, expired: bye } }
  ok: { type: say, messages: [ "booked {{ visit.slot }}" ], next: { next: wait } }
  wait: { type: ask, prompt: Anything else?, save: _more, next: { ok: bye } }
  bye: { type: end, reason: done }
flows:
  visit:
    file: json/clinic.json
    on:
      init: [ { show: { screen: DEPARTMENT, data: { departments: [ { id: eye, title: Eyes } ] } } } ]
      submit:
        DEPARTMENT:
          - set: { department: form.department }
          - show: { screen: DAY, data: { days: [ { id: d1, title: One } ] } }
        DAY:
          - set: { day: form.day }
          - show: { screen: SLOT, data: { day: "{{ department }} {{ day }}", slots: [ { id: s1, title: One } ] } }
        SLOT: [ { finish: { data: { slot: "{{ form.slot }}", day: "{{ day }}" } } } ]
        DETAILS: [ { finish: { data: { day: "{{ day }}" } } } ]
"#;

struct Forms {
    world: World,
    key: FlowKey,
}

impl Forms {
    async fn new() -> Self {
        let mut world = World::with(|config| {
            config.flows = vec![simulator::SeededFlow {
                id: "8100200300".into(),
                name: "echo_visit".into(),
                json: None,
                endpoint_uri: None,
            }];
        })
        .await;
        let key = FlowKey::generate().expect("a key");
        world.place.set("WHATSAPP_FLOW_PRIVATE_KEY", key.private_pem().expose_secret());
        let bots = world.place.path().join("bots");
        std::fs::remove_file(bots.join("echo.json")).expect("the usual bot");
        std::fs::write(bots.join("echo.yaml"), BOT).expect("a bot file");
        std::fs::create_dir(bots.join("json")).expect("a folder");
        let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("chatbot/testdata/flows/json/clinic.json");
        std::fs::copy(flow, bots.join("json/clinic.json")).expect("the Flow");
        Self { world, key }
    }

    /// The token of the form that a person gets who writes.
    async fn token(&self, person: &str) -> String {
        let body = self.world.texts(&[(person.into(), format!("wamid.hi.{person}"), "hi".into())]);
        assert_eq!(self.world.post(&body).await, Some(200));
        eventually("the message with the form", SOON, async || {
            let calls = self.world.meta.requests(&Filter { path: Some("/messages".into()), ..Filter::default() });
            calls.iter().find_map(|call| {
                let body: Value = serde_json::from_str(&call.request).ok()?;
                let token = body["interactive"]["action"]["parameters"]["flow_token"].as_str()?;
                (body["to"] == format!("+{person}")).then(|| token.to_owned())
            })
        })
        .await
    }

    /// Status and screen, if there is an answer.
    async fn ask(&self, token: &str, action: &str, screen: &str, data: Value) -> Option<(u16, Value)> {
        let asked = json!({ "version": "3.0", "action": action, "screen": screen, "data": data, "flow_token": token });
        let request = seal_request(&self.key, asked.to_string().as_bytes()).expect("randomness");
        let secret = SecretString::from(self.world.place.app_secret.as_str());
        let signature = whatsapp::signature::sign(&secret, &request.body);
        let url = format!("http://{}/api/webhooks/flow-endpoint", self.world.place.front);
        let post = self.world.http.post(url).header("x-hub-signature-256", signature);
        let answer = post.header("content-type", "application/json").body(request.body.clone()).send().await.ok()?;
        let status = answer.status().as_u16();
        let opened = request.open(&answer.bytes().await.ok()?);
        Some((status, opened.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()))
    }

    async fn shows(&self, token: &str, action: &str, screen: &str, data: Value) -> Value {
        let (status, answer) = self.ask(token, action, screen, data).await.expect("an answer");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn reply(&self, person: &str, token: &str) -> Bytes {
        let response = json!({ "flow_token": token, "slot": "s1" }).to_string();
        let text = self.world.texts(&[(person.into(), format!("wamid.done.{person}"), String::new())]);
        let mut body: Value = serde_json::from_slice(&text).expect("a body");
        let message = &mut body["entry"][0]["changes"][0]["value"]["messages"][0];
        message["type"] = "interactive".into();
        message["interactive"] = json!({ "type": "nfm_reply",
            "nfm_reply": { "name": "flow", "body": "Sent", "response_json": response } });
        Bytes::from(body.to_string())
    }
}

/// Delivers as Meta does: until it is taken.
async fn deliver(forms: Arc<Forms>, body: Bytes) {
    let taken = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while forms.world.post(&body).await != Some(200) {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(SOON, taken).await.expect("the webhook is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_goes_on_after_a_kill_between_two_screens_and_its_end_counts_once() {
    let forms = Arc::new(Forms::new().await);
    let mut random = StdRng::seed_from_u64(SEED);
    let mut done = 0;
    for cycle in 0..CYCLES {
        let person = format!("9990000{cycle:04}");
        let (program, _) = forms.world.start().await;
        let token = forms.token(&person).await;
        forms.shows(&token, "INIT", "", json!({})).await;
        let day = forms.shows(&token, "data_exchange", "DEPARTMENT", json!({ "department": "eye" })).await;
        assert_eq!(day["screen"], "DAY");
        program.kill();

        let (mut program, _) = forms.world.start().await;
        let slot = forms.shows(&token, "data_exchange", "DAY", json!({ "day": "d1" })).await;
        assert_eq!(
            (&slot["screen"], &slot["data"]["day"]),
            (&json!("SLOT"), &json!("eye d1")),
            "what was set before the kill"
        );
        let ends = tokio::spawn({
            let (forms, token) = (forms.clone(), token.clone());
            async move { forms.ask(&token, "data_exchange", "SLOT", json!({ "slot": "s1" })).await }
        });
        let comes = tokio::spawn(deliver(forms.clone(), forms.reply(&person, &token)));
        program.run_for(random.random_range(1..40)).await;
        program.kill();
        let (_program, _) = forms.world.start().await;
        done += usize::from(ends.await.expect("the phone's task").is_some_and(|(status, _)| status == 200));
        comes.await.expect("Meta's task");
        // The phone that got no answer asks once more: it is told the same end, or that the form came back by the chat.
        let again = forms.ask(&token, "data_exchange", "SLOT", json!({ "slot": "s1" })).await.expect("an answer");
        assert!(again.0 == 427 || (again.0 == 200 && again.1["screen"] == "SUCCESS"), "{again:?}");
        forms.world.drained(SOON).await;
        let books = forms.world.meta.ledger().expect("the stand-in keeps books");
        let booked = books.rows.iter().filter(|row| *row.person == *person && row.text.starts_with("booked"));
        let decided: HashSet<_> = booked.map(|row| row.callback_data.clone()).collect();
        assert_eq!(decided.len(), 1, "cycle {cycle}: {:?}", books.rows);
    }
    println!("{CYCLES} kills at the end of a form, {done} of them answered by the endpoint before");
    let (_program, _) = forms.world.start().await;
    forms.world.nothing_left_over().await;
}
