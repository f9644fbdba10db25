//! kill -9 while people fill forms: between two screens, and at the end, which comes by the endpoint and by a message.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use whatsapp::flow::FlowKey;

use crate::support::{FormAsk, SOON, World, eventually, seed_visit};

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
        let mut world = World::with(seed_visit).await;
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
        let known = HashSet::new();
        eventually("the message with the form", SOON, async || self.world.token_of(person, &known)).await
    }

    /// Status and screen, if there is an answer.
    async fn ask(&self, token: &str, action: &str, screen: &str, data: Value) -> Option<(u16, Value)> {
        self.world.ask_form(&self.key, &FormAsk { token, action, screen, data }).await
    }

    async fn shows(&self, token: &str, action: &str, screen: &str, data: Value) -> Value {
        let (status, answer) = self.ask(token, action, screen, data).await.expect("an answer");
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// Delivers as Meta does: until it is taken.
async fn deliver(forms: Arc<Forms>, body: Bytes) {
    tokio::time::timeout(SOON, forms.world.deliver(&body)).await.expect("the webhook is taken");
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
        let comes = tokio::spawn(deliver(
            forms.clone(),
            forms.world.form_reply(&person, format!("wamid.done.{person}"), &token),
        ));
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
