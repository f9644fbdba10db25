//! A place with the stand-in opposite.

use std::sync::Arc;
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Config, Handle, Running, Simulator};
use tokio::time::Instant;

use super::place::{NUMBER, Place, free_ports};
use super::program::{Program, SOON, eventually};

/// Before a webhook that was not taken is posted again.
const AGAIN: Duration = Duration::from_millis(20);

struct RealTime(AdjustableClock);

impl simulator::Clock for RealTime {
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn advance(&self, _: u64) -> bool {
        false
    }
}

pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) meta: Handle,
    pub(crate) http: reqwest::Client,
    _stand_in: Running,
}

impl World {
    pub(crate) const DOUBT_WINDOW_MS: u64 = 1_000;
    /// Requests to Graph under way at once.
    pub(crate) const CONCURRENCY: usize = 16;

    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// A world whose stand-in differs from the usual one: all statuses, no window, a ledger, quick repeats.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let port = free_ports(1);
        let place = Place::new(&format!("http://127.0.0.1:{port}"));
        let mut config = Config::new(
            format!("http://{}/api/webhooks/whatsapp", place.front),
            SecretString::from(place.app_secret.as_str()),
            SecretString::from(place.access_token.as_str()),
            Arc::new(RealTime(AdjustableClock::system())),
        );
        config.listen = ([127, 0, 0, 1], port).into();
        config.enforce_window = false;
        config.ledger = true;
        config.retry = simulator::Retry { first_ms: 50, max_ms: 200, tries: 1_000 };
        change(&mut config);
        let stand_in = Simulator::start(config).await.expect("the stand-in starts");
        let http = reqwest::Client::builder().no_proxy().timeout(SOON).build().expect("an HTTP client");
        Self { place, meta: stand_in.handle(), http, _stand_in: stand_in }
    }

    /// Starts `serve` and waits until it is ready. Answers also how long that took.
    pub(crate) async fn start(&self) -> (Program, Duration) {
        let started = Instant::now();
        let mut program = self.place.spawn(&["serve"]);
        self.ready(&mut program).await;
        (program, started.elapsed())
    }

    pub(crate) async fn ready(&self, program: &mut Program) {
        let url = format!("http://{}/readyz", self.place.admin);
        eventually("the server is ready", SOON, async || {
            assert!(program.runs(), "it did not start: {}", program.stderr());
            let answer = self.http.get(&url).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
    }

    /// Posts a signed webhook. The status of the answer, or nothing if there was none.
    pub(crate) async fn post(&self, body: &Bytes) -> Option<u16> {
        let signature = whatsapp::signature::sign(&SecretString::from(self.place.app_secret.as_str()), body);
        let url = format!("http://{}/api/webhooks/whatsapp", self.place.front);
        let request = self.http.post(url).header("x-hub-signature-256", signature);
        let answer = request.header("content-type", "application/json").body(body.clone()).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Posts a webhook as Meta does: until it is taken.
    pub(crate) async fn deliver(&self, body: &Bytes) {
        let mut again = tokio::time::interval(AGAIN);
        loop {
            again.tick().await;
            if self.post(body).await == Some(200) {
                return;
            }
        }
    }

    pub(crate) async fn admin(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.place.admin);
        let answer =
            self.http.get(url).bearer_auth(&self.place.admin_token).send().await.expect("the admin port answers");
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.expect("the admin port answers JSON")
    }

    /// Waits until everything accepted was answered and everything decided has left.
    pub(crate) async fn drained(&self, at_most: Duration) {
        // What a turn decides between the senders' answer and the store's is in neither: twice, with nothing in between.
        let mut quiet_at = None;
        eventually("everything is done", at_most, async || {
            let status = self.admin("/api/v1/status").await;
            let senders = status["engine"]["senders"].as_object()?;
            let open: u64 = senders.values().map(|sender| sender["open"].as_u64().unwrap_or(1)).sum();
            let waiting = status["engine"]["waiting_inputs"].as_u64()? + status["store"]["inbox"].as_u64()?;
            let quiet = (open + waiting == 0 && !senders.is_empty()).then_some(status["store"]["rows"].as_u64()?);
            let before = std::mem::replace(&mut quiet_at, quiet);
            (quiet.is_some() && quiet == before).then_some(())
        })
        .await;
    }

    /// Nothing is left over anywhere: given up, set aside, or in the air.
    pub(crate) async fn nothing_left_over(&self) {
        for path in ["dead-letters", "quarantine"] {
            assert_eq!(self.admin(&format!("/api/v1/{path}")).await["items"], json!([]), "{path}");
        }
        for state in ["queued", "sending", "uncertain", "held", "failed", "dead"] {
            assert_eq!(self.admin(&format!("/api/v1/outbox?state={state}")).await["items"], json!([]), "{state}");
        }
    }

    /// A webhook body with texts: person, message id, text.
    pub(crate) fn texts(&self, messages: &[(String, String, String)]) -> Bytes {
        let seconds = (self.meta.now_ms() / 1_000).to_string();
        let contact = |(from, _, _): &(String, String, String)| json!({ "profile": { "name": "Ada" }, "wa_id": from });
        let message = |(from, id, text): &(String, String, String)| json!({ "from": from, "id": id, "timestamp": seconds, "type": "text", "text": { "body": text } });
        let value = json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550100100", "phone_number_id": NUMBER },
            "contacts": messages.iter().map(contact).collect::<Vec<_>>(),
            "messages": messages.iter().map(message).collect::<Vec<_>>(),
        });
        let changes = json!([{ "field": "messages", "value": value }]);
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "300100200300400", "changes": changes }] });
        Bytes::from(body.to_string())
    }
}
