//! The endpoint with answers of the test's choice.

use actors::AdjustableClock;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Notify;
use whatsapp::flow::{SealedRequest, seal_request};
use whatsapp::signature::sign;

use super::*;
use crate::config::{Config, Mode, Sources};

const TOKEN: &str = "pl1.a.b";

/// Gives the same outcome to everybody, when it may; without one it panics.
struct Fake {
    outcome: Mutex<Option<FormOutcome>>,
    asked: Mutex<Vec<FormRequest>>,
    gate: Option<Notify>,
}

impl Forms for Fake {
    fn ask(&self, request: FormRequest, _within: Duration) -> Pin<Box<dyn Future<Output = FormAnswered> + Send + '_>> {
        Box::pin(async move {
            self.asked.lock().push(request);
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            let flow = Some(("clinic".into(), "booking".into()));
            let outcome = self.outcome.lock().clone();
            FormAnswered { outcome: outcome.expect("an outcome"), flow }
        })
    }
}

struct Place {
    endpoint: Arc<FlowEndpoint>,
    fake: Arc<Fake>,
    key: Arc<FlowKey>,
}

fn config(pairs: &[(&str, &str)]) -> Config {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let sources = Sources {
        file: None,
        env: std::collections::BTreeMap::new(),
        overrides: pairs.iter().map(pair).collect(),
        generated: Vec::new(),
        mode: Mode::Dev,
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::load(sources).unwrap()
}

impl Place {
    fn new() -> Self {
        Self::with(|_| (), None)
    }

    fn with(change: impl FnOnce(&mut Settings), gate: Option<Notify>) -> Self {
        let numbers = [
            ("whatsapp.number.0.phone_number_id", "100"),
            ("whatsapp.number.0.app_secret", "secret-a"),
            ("whatsapp.number.1.phone_number_id", "900"),
            ("whatsapp.number.1.app_secret", "secret-b"),
        ];
        let config = config(&numbers);
        let key = Arc::new(FlowKey::generate().unwrap());
        let keyring = Keyring::new([("100", Some(key.clone()), None), ("900", None, None)]);
        let fake = Arc::new(Fake { outcome: Mutex::default(), asked: Mutex::default(), gate });
        let metrics = Arc::<FlowMetrics>::default();
        let mut settings = Settings {
            max_body_bytes: 1_000_000,
            max_buffered_bytes: 1_000_000,
            answer_within: Duration::from_secs(8),
            plain_dead_answer: false,
        };
        change(&mut settings);
        let endpoint = FlowEndpoint::new(Parts {
            signers: Arc::new(Signers::new(&config.whatsapp.numbers)),
            keyring: Arc::new(keyring),
            forms: fake.clone(),
            health: Arc::new(FlowHealth::new(metrics.clone(), Box::new(|_, _, _| ()))),
            clock: Arc::new(AdjustableClock::starting_at(1_000)),
            metrics,
            settings,
        });
        Self { endpoint: Arc::new(endpoint), fake, key }
    }

    fn outcome(&self, outcome: FormOutcome) {
        *self.fake.outcome.lock() = Some(outcome);
    }

    fn sealed(&self, text: &Value) -> SealedRequest {
        seal_request(&self.key, text.to_string().as_bytes()).unwrap()
    }

    async fn post(&self, request: &SealedRequest) -> Done {
        self.post_by("secret-a", request).await
    }

    async fn post_by(&self, secret: &str, request: &SealedRequest) -> Done {
        let body = Bytes::from(request.body.clone());
        let header = sign(&SecretString::from(secret), &body);
        let bytes = body.len().try_into().unwrap();
        let permit = self.endpoint.buffered.clone().acquire_many_owned(bytes).await.unwrap();
        self.endpoint.open_and_serve(Some(&header), &body, permit, Instant::now()).await
    }

    /// What a submit of the screen DAY gets: status, and the plaintext.
    async fn submit(&self, outcome: FormOutcome) -> (u16, Value) {
        self.outcome(outcome);
        let request = self.sealed(&submit());
        let reply = self.post(&request).await.reply;
        (reply.status, opened(&request, &reply))
    }
}

fn submit() -> Value {
    json!({"version": "3.0", "action": "data_exchange", "screen": "DAY", "data": {"day": "1"}, "flow_token": TOKEN})
}

fn opened(request: &SealedRequest, reply: &Reply) -> Value {
    let text = request.open(&reply.body);
    text.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
}

fn screen() -> FormOutcome {
    FormOutcome::Answer { screen: "SLOT".into(), data: json!({"slots": []}) }
}

#[tokio::test]
async fn every_outcome_has_its_status_and_its_text() {
    let place = Place::new();
    let answered = place.submit(screen()).await;
    assert_eq!(answered, (200, json!({"screen": "SLOT", "data": {"slots": []}})));
    let finished = place.submit(FormOutcome::Finish { params: json!({"id": "B-1"}) }).await;
    let params = json!({"id": "B-1", "flow_token": TOKEN});
    assert_eq!(
        finished,
        (200, json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}))
    );
    assert_eq!(place.submit(FormOutcome::Acknowledged).await, (200, json!({"data": {"acknowledged": true}})));
    let dead = place.submit(FormOutcome::Dead { message: "This form is closed.".into() }).await;
    assert_eq!(dead, (427, json!({"error_msg": "This form is closed."})));
    assert_eq!(place.submit(FormOutcome::Late).await, (503, Value::Null));
    assert_eq!(place.submit(FormOutcome::Refused).await, (500, Value::Null));
    assert_eq!(place.submit(FormOutcome::Busy).await, (503, Value::Null));
    let data = Value::String("x".repeat(1_000_000));
    assert_eq!(place.submit(FormOutcome::Answer { screen: "SLOT".into(), data }).await, (500, Value::Null));
    let asked = place.fake.asked.lock();
    assert_eq!((asked.len(), asked[0].token.as_str(), asked[0].digest.len()), (8, TOKEN, 64));
}

#[tokio::test]
async fn nothing_is_sealed_that_the_conversation_did_not_decide() {
    let place = Place::new();
    let request = place.sealed(&submit());
    for outcome in [FormOutcome::Late, FormOutcome::Busy] {
        place.outcome(outcome);
        let reply = place.post(&request).await.reply;
        assert_eq!((&reply, reply.clone().response().headers()["retry-after"].as_bytes()), (&Reply::BUSY, &b"1"[..]));
    }
    // What it decides later is the first text under this key.
    place.outcome(screen());
    let reply = place.post(&request).await.reply;
    assert_eq!((reply.status, &opened(&request, &reply)["screen"]), (200, &json!("SLOT")));
}

#[tokio::test]
async fn what_is_always_the_same_takes_no_place_from_answers() {
    let place = Place::new();
    place.outcome(FormOutcome::Acknowledged);
    let notice = json!({"error": "timeout", "error_message": "late"});
    for text in [
        json!({"action": "ping"}),
        json!({"action": "INIT"}),
        json!({"action": "INIT", "data": notice}),
        json!({"action": "INIT", "data": notice, "flow_token": TOKEN}),
    ] {
        let request = place.sealed(&text);
        let first = place.post(&request).await;
        assert!(first.reply.status != 503 && !first.reply.is_kept, "{text}");
        let again = place.post(&request).await;
        assert_eq!((again.outcome, again.reply), (first.outcome, first.reply), "{text}");
    }
    place.outcome(screen());
    let request = place.sealed(&submit());
    place.post(&request).await;
    assert_eq!(place.post(&request).await.outcome, "repeated");
}

#[tokio::test]
async fn request_that_breaks_leaves_nothing_behind() {
    let place = Place::new();
    let request = place.sealed(&submit());
    let done = place.post(&request).await;
    assert_eq!((done.outcome, done.reply), ("broken", Reply::FAILED));
    place.outcome(screen());
    assert_eq!(place.post(&request).await.reply.status, 200);
    assert_eq!(place.endpoint.buffered.available_permits(), 1_000_000);
}

#[tokio::test]
async fn text_of_a_dead_token_may_go_in_clear() {
    let place = Place::with(|settings| settings.plain_dead_answer = true, None);
    place.outcome(FormOutcome::Dead { message: "Closed.".into() });
    let reply = place.post(&place.sealed(&submit())).await.reply;
    assert_eq!((reply.status, reply.content_type), (427, Some("application/json")));
    assert_eq!(reply.body, r#"{"error_msg":"Closed."}"#);
}

#[tokio::test]
async fn same_request_gets_the_same_bytes_whatever_has_changed() {
    let place = Place::new();
    place.outcome(screen());
    let request = place.sealed(&submit());
    let first = place.post(&request).await.reply;
    place.outcome(FormOutcome::Dead { message: "Closed.".into() });
    let again = place.post(&request).await;
    assert_eq!((again.outcome, &again.reply), ("repeated", &first));
    assert_eq!(place.fake.asked.lock().len(), 1);
    // A dead token, too.
    let request = place.sealed(&submit());
    let dead = place.post(&request).await.reply;
    place.outcome(screen());
    assert_eq!(place.post(&request).await.reply, dead);
    // What was not sealed is tried again.
    place.outcome(FormOutcome::Busy);
    let request = place.sealed(&submit());
    assert_eq!(place.post(&request).await.reply, Reply::BUSY);
    place.outcome(screen());
    assert_eq!(place.post(&request).await.reply.status, 200);
}

#[tokio::test]
async fn copies_at_the_same_time_are_one_request() {
    let place = Place::with(|_| (), Some(Notify::new()));
    place.outcome(screen());
    let request = place.sealed(&submit());
    let release = async {
        while place.fake.asked.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        place.fake.gate.as_ref().unwrap().notify_one();
    };
    let (one, two, three, ()) = tokio::join!(place.post(&request), place.post(&request), place.post(&request), release);
    assert_eq!((&one.reply, &one.reply), (&two.reply, &three.reply));
    assert_eq!(place.fake.asked.lock().len(), 1);
}

#[tokio::test]
async fn caller_who_hangs_up_finds_the_answer_when_it_comes_again() {
    let place = Place::with(|_| (), Some(Notify::new()));
    place.outcome(screen());
    let request = place.sealed(&submit());
    let hang_up = async {
        while place.fake.asked.lock().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = place.post(&request) => panic!("it cannot be answered yet"),
        () = hang_up => {}
    }
    let left = place.endpoint.buffered.available_permits();
    assert_eq!(left, 1_000_000 - request.body.len(), "its bytes are in memory still");
    place.fake.gate.as_ref().unwrap().notify_one();
    assert_eq!(place.post(&request).await.reply.status, 200);
    assert_eq!(place.fake.asked.lock().len(), 1);
    assert_eq!(place.endpoint.buffered.available_permits(), 1_000_000);
}

#[tokio::test]
async fn notices_are_acknowledged_even_if_their_form_is_dead() {
    let place = Place::new();
    place.outcome(FormOutcome::Dead { message: "Closed.".into() });
    let data = json!({"error": "timeout", "error_message": "late"});
    for token in [TOKEN, "unused"] {
        let request = place.sealed(&json!({"action": "INIT", "data": data, "flow_token": token}));
        let done = place.post(&request).await;
        assert_eq!((done.action, opened(&request, &done.reply)), ("error", json!({"data": {"acknowledged": true}})));
    }
    assert_eq!(place.fake.asked.lock().len(), 1, "without a token there is nobody to ask");
}

#[tokio::test]
async fn keys_of_another_app_are_not_tried() {
    let place = Place::new();
    place.outcome(screen());
    let request = place.sealed(&submit());
    let done = place.post_by("secret-b", &request).await;
    assert_eq!((done.outcome, done.reply), ("no_key", Reply::UNDECRYPTABLE));
    assert_eq!(place.endpoint.parts.metrics.operations.get(), 0);
    assert_eq!(place.post_by("secret-c", &request).await.reply, Reply::SIGNATURE);
    assert_eq!(place.post(&request).await.reply.status, 200);
}

#[tokio::test]
async fn health_is_measured_by_flow() {
    let place = Place::new();
    place.outcome(FormOutcome::Refused);
    let done = place.post(&place.sealed(&submit())).await;
    assert_eq!((done.outcome, done.flow), ("refused", Some(("clinic".into(), "booking".into()))));
}
