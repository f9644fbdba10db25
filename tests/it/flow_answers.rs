//! What a form asks over HTTP, answered by the bot: screens, errors of fields, the end, and how the Flow does.

use parlance::front::FLOW_PATH;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulator::SeededFlow;
use whatsapp::flow::{FlowKey, SealedRequest, seal_request};

use crate::support::{ADA, SECRET, Setup, World, signature, until};

const BOT: &str = r#"
parlance: 1
id: clinic
vars: { got: { type: object } }
triggers:
  - default: {}
    to: form
nodes:
  form: { type: flow, flow: visit, prompt: Pick a day, cta: Open, entry: data_exchange, save: got, next: { done: thanks } }
  thanks: { type: say, messages: [ { text: "Until {{ got.day }}." } ], next: { next: fin } }
  fin: { type: end }
flows:
  visit:
    id: "8100200300"
    on:
      init: [ { show: { screen: DAY, data: { day: "" } } } ]
      submit:
        DAY:
          - require: [ { when: form.day, field: day, message: Pick a day. } ]
          - show: { screen: SURE, data: { day: "{{ form.day }}" } }
        SURE: [ { finish: { data: { day: "{{ form.day }}" } } } ]
"#;

struct Place {
    world: World,
    key: FlowKey,
    token: String,
}

impl Place {
    /// Ada has the form on her phone.
    async fn new() -> Self {
        let key = FlowKey::generate().unwrap();
        let pem = key.private_pem();
        let setup = Setup::default().bot(BOT).set("whatsapp.flow_private_key", pem.expose_secret());
        let flow = SeededFlow { id: "8100200300".into(), name: "visit".into(), json: None, endpoint_uri: None };
        let world = setup.stand_in(|stand_in| stand_in.flows = vec![flow]).start().await;
        world.write(ADA, "hi").await;
        world.wait_replies(ADA, 1).await;
        let token = until("the token of the form", async || {
            let messages = world.messages(ADA).await;
            let sent = messages.iter().find(|message| message["direction"] == "out")?;
            sent["raw"]["interactive"]["action"]["parameters"]["flow_token"].as_str().map(str::to_owned)
        })
        .await;
        Self { world, key, token }
    }

    fn request(&self, action: &str, screen: &str, data: Value) -> SealedRequest {
        let text = json!({
            "version": "3.0", "action": action, "screen": screen, "data": data, "flow_token": self.token,
        });
        seal_request(&self.key, text.to_string().as_bytes()).unwrap()
    }

    async fn post(&self, request: &SealedRequest) -> (u16, String) {
        let signed = signature(SECRET, &request.body);
        let post = self.world.http.post(self.world.url(FLOW_PATH)).header("x-hub-signature-256", signed);
        let answer = post.body(request.body.clone()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The status, and the plaintext of the answer.
    async fn ask(&self, action: &str, screen: &str, data: Value) -> (u16, Value) {
        let request = self.request(action, screen, data);
        let (status, text) = self.post(&request).await;
        let opened = request.open(text.as_bytes());
        (status, opened.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap()))
    }
}

#[tokio::test]
async fn form_is_asked_filled_in_and_closed_and_the_bot_goes_on() {
    let place = Place::new().await;
    let first = place.ask("INIT", "", json!({})).await;
    assert_eq!(first, (200, json!({"screen": "DAY", "data": {"day": ""}})));
    let (status, wrong) = place.ask("data_exchange", "DAY", json!({"day": ""})).await;
    assert_eq!((status, &wrong["screen"]), (200, &json!("DAY")));
    assert!(wrong.to_string().contains("Pick a day."), "{wrong}");
    let request = place.request("data_exchange", "DAY", json!({"day": "2026-12-01"}));
    let (status, text) = place.post(&request).await;
    let shown: Value = serde_json::from_slice(&request.open(text.as_bytes()).unwrap()).unwrap();
    assert_eq!((status, shown), (200, json!({"screen": "SURE", "data": {"day": "2026-12-01"}})));
    let (status, end) = place.ask("data_exchange", "SURE", json!({"day": "2026-12-01"})).await;
    let params = &end["data"]["extension_message_response"]["params"];
    assert_eq!((status, &end["screen"], &params["day"]), (200, &json!("SUCCESS"), &json!("2026-12-01")));
    assert_eq!(params["flow_token"], json!(place.token));
    assert_eq!(place.world.wait_replies(ADA, 2).await.last().unwrap(), "Until 2026-12-01.");
    // What was asked before gets its bytes again, although the form is closed.
    assert_eq!(place.post(&request).await, (200, text));
    place.world.end().await;
}

#[tokio::test]
async fn flow_that_does_badly_is_warned_of_before_meta_does() {
    let place = Place::new().await;
    assert_eq!(place.ask("INIT", "", json!({})).await.0, 200);
    for _ in 0..19 {
        let data = json!({"error": "payload-schema-error", "error_message": "field day is not a string"});
        let answer = place.ask("data_exchange", "DAY", data).await;
        assert_eq!(answer, (200, json!({"data": {"acknowledged": true}})));
    }
    let health = place.world.items("/api/v1/flows/health").await.remove(0);
    assert_eq!((&health["bot"], &health["flow"], &health["requests"]), (&json!("clinic"), &json!("visit"), &json!(20)));
    assert_eq!((&health["error_rate"], &health["near"][0]), (&json!(95.0), &json!("error_rate")));
    let notice = place.world.wait_items("/api/v1/notices", 1).await.remove(0);
    assert_eq!((&notice["field"], &notice["alarm"]), (&json!("flow_health"), &json!(true)), "{notice}");
    let metric = r#"parlance_flow_health_warnings_total{bot="clinic",flow="visit",measure="error_rate"}"#;
    assert_eq!(place.world.metric(metric).await, 1.0);
    place.world.end().await;
}
