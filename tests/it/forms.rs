//! Forms through the real server: a phone that encrypts, the bot's handlers, another program that they ask, and the run that
//! goes on.

mod clinic;
mod faults;
mod shop;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use parlance::front::FLOW_PATH;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use whatsapp::flow::{FlowKey, SealedRequest, seal_request};

use crate::support::{SECRET, Setup, World, body, message, signature, until};

/// The other program that handlers ask. It answers by path, or as it is told for the next requests.
#[derive(Clone)]
struct Program {
    port: u16,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    asked: Vec<String>,
    next: VecDeque<Does>,
}

/// What it does with a request, other than to answer it.
enum Does {
    Says(u16, Value),
    Hangs,
}

impl Program {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let program = Self { port: listener.local_addr().unwrap().port(), inner: Arc::default() };
        let router = axum::Router::new().fallback(take).with_state(program.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        program
    }

    fn then(&self, does: impl IntoIterator<Item = Does>) {
        self.inner.lock().next.extend(does);
    }

    /// What it was asked: method and path with query.
    fn asked(&self) -> Vec<String> {
        self.inner.lock().asked.clone()
    }
}

async fn take(State(program): State<Program>, request: axum::extract::Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let does = {
        let mut inner = program.inner.lock();
        inner.asked.push(line.clone());
        inner.next.pop_front()
    };
    let (status, answer) = match does {
        Some(Does::Hangs) => std::future::pending().await,
        Some(Does::Says(status, answer)) => (status, answer),
        None => known(&line),
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(answer)).into_response()
}

/// What there is in the shop and at the clinic.
fn known(line: &str) -> (u16, Value) {
    let path = line.split(' ').nth(1).unwrap();
    let answer = match path.split('?').next().unwrap() {
        "/v1/brands" => json!({ "items": [ { "id": "kite", "title": "Kite & Co", "active": true },
            { "id": "old", "title": "Old Ltd", "active": false } ] }),
        "/v1/brands/kite/products" => json!({ "brand": "Kite & Co",
            "items": [ { "id": "k1", "title": "Stunt kite" }, { "id": "k2", "title": "Box kite" } ] }),
        "/v1/prices" => json!({ "title": "Box kite", "price": 12.5, "stock": 4 }),
        "/days" => {
            json!({ "days": [ { "id": "2026-12-01", "title": "Tuesday" }, { "id": "2026-12-02", "title": "Wednesday" } ] })
        }
        "/slots" => json!({ "slots": [ { "id": "09:30", "title": "09:30" }, { "id": "10:00", "title": "10:00" } ] }),
        "/holds" => return (201, json!({ "id": "V-77" })),
        _ => return (404, json!({})),
    };
    (200, answer)
}

/// A world with one of the composed bots, the program that it asks, and the key of its Flows.
struct Forms {
    world: World,
    program: Program,
    key: FlowKey,
    _bots: tempfile::TempDir,
}

/// A form on a person's phone.
struct Phone<'f> {
    forms: &'f Forms,
    person: &'static str,
    token: String,
    wamid: String,
}

impl Forms {
    /// The bot of this name, whose Flow Meta knows by this one.
    async fn with(bot: &str, flow: &str) -> Self {
        let program = Program::start().await;
        let bots = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("chatbot/testdata/flows");
        let source = std::fs::read_to_string(from.join(format!("{bot}.yaml"))).unwrap();
        let here = format!("http://127.0.0.1:{}", program.port);
        let source = source.replace("https://shop.example.test", &here).replace("https://clinic.example.test", &here);
        // A machine that is slow with something else has time for it: what hangs is over when the clock is moved.
        let source = source.replace("budget_ms: 1000", "budget_ms: 8000").replace("budget_ms: 900", "budget_ms: 8000");
        std::fs::write(bots.path().join(format!("{bot}.yaml")), source).unwrap();
        std::fs::create_dir(bots.path().join("json")).unwrap();
        std::fs::copy(from.join(format!("json/{bot}.json")), bots.path().join(format!("json/{bot}.json"))).unwrap();
        let key = FlowKey::generate().unwrap();
        let world = Setup::default()
            .set("bots.dir", &bots.path().display().to_string())
            .set("bots.default", bot)
            .set("bots.secrets.shop_key", "fixture-of-a-key")
            .set("http.allow", &format!("127.0.0.1:{}", program.port))
            .set("whatsapp.flow_private_key", key.private_pem().expose_secret())
            .stand_in(|stand_in| stand_in.flows[0].name = flow.into());
        Self { world: world.start().await, program, key, _bots: bots }
    }

    /// The form that a person gets who writes.
    async fn form(&self, person: &'static str) -> Phone<'_> {
        let before = self.world.replies(person).len();
        self.world.write(person, "hi").await;
        self.world.wait_replies(person, before + 1).await;
        let sent = until("the message with the form", async || {
            let calls = self.world.calls();
            let bodies = calls.iter().rev().filter_map(|call| {
                let body: Value = serde_json::from_str(&call.request).ok()?;
                let answer: Value = serde_json::from_str(&call.response).ok()?;
                let is_it = body["to"] == format!("+{person}") && body["interactive"]["type"] == "flow";
                is_it.then_some((body, answer))
            });
            bodies.into_iter().next()
        });
        let (body, answer) = sent.await;
        let token = body["interactive"]["action"]["parameters"]["flow_token"].as_str().unwrap().to_owned();
        let wamid = answer["messages"][0]["id"].as_str().unwrap().to_owned();
        Phone { forms: self, person, token, wamid }
    }

    fn seal(&self, asked: &Value) -> SealedRequest {
        seal_request(&self.key, asked.to_string().as_bytes()).unwrap()
    }

    async fn post(&self, body: &[u8]) -> (u16, String) {
        let request = self.world.http.post(self.world.url(FLOW_PATH)).header("content-type", "application/json");
        let request = request.header("x-hub-signature-256", signature(SECRET, body)).body(body.to_vec());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Status and answer, opened.
    async fn exchange(&self, asked: &Value) -> (u16, Value) {
        let request = self.seal(asked);
        let (status, text) = self.post(&request.body).await;
        let opened = request.open(text.as_bytes()).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        (status, opened.unwrap_or_default())
    }

    /// Entries of a person's journal.
    async fn entries(&self, person: &str) -> Vec<Value> {
        let id = self.world.conversation(person).await["id"].as_str().unwrap().to_owned();
        self.world.items(&format!("/api/v1/conversations/{id}/journal?limit=200")).await
    }
}

impl Phone<'_> {
    fn asked(&self, action: &str, screen: &str, data: Value) -> Value {
        json!({ "version": "3.0", "action": action, "screen": screen, "data": data, "flow_token": self.token })
    }

    async fn ask(&self, action: &str, screen: &str, data: Value) -> (u16, Value) {
        self.forms.exchange(&self.asked(action, screen, data)).await
    }

    async fn open(&self) -> (u16, Value) {
        self.ask("INIT", "", json!({})).await
    }

    async fn submit(&self, screen: &str, data: Value) -> (u16, Value) {
        self.ask("data_exchange", screen, data).await
    }

    async fn back(&self, screen: &str) -> (u16, Value) {
        self.ask("BACK", screen, json!({})).await
    }

    /// The form comes back in a message.
    async fn comes_back(&self, mut response: Value, with_token: bool) {
        if with_token {
            response["flow_token"] = json!(self.token);
        }
        let world = &self.forms.world;
        let reply = json!({
            "type": "interactive", "context": { "from": "15550100100", "id": self.wamid },
            "interactive": { "type": "nfm_reply",
                "nfm_reply": { "name": "flow", "body": "Sent", "response_json": response.to_string() } },
        });
        let reply = message(self.person, &world.wamid(), world.now_ms(), reply);
        assert_eq!(world.post(body(&[reply])).await, 200);
    }
}

/// The screen of an answer that must be one.
fn screen((status, answer): &(u16, Value)) -> &str {
    assert_eq!(*status, 200, "{answer}");
    answer["screen"].as_str().unwrap_or_else(|| panic!("{answer}"))
}
