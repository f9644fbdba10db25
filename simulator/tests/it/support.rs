//! A simulator with a receiver for its webhooks.

pub(crate) mod endpoint;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{Config, Handle, ManualClock, Running, SeededFlow, Simulator};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) const SECRET: &str = "test-app-secret";
pub(crate) const TOKEN: &str = "test-access-token";
pub(crate) const NUMBER: &str = "700800900100200";
pub(crate) const ACCOUNT: &str = "300100200300400";
pub(crate) const PHONE_1: &str = "447700900101";
/// A published Flow that is there from the start, known by its name only.
pub(crate) const VISIT: &str = "8100200300";
pub(crate) const NOON: u64 = 1_795_348_800_000;
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A webhook as it arrived.
pub(crate) struct Received {
    pub(crate) signature: Option<String>,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn value(&self) -> Value {
        self.json()["entry"][0]["changes"][0]["value"].clone()
    }

    pub(crate) fn status(&self) -> String {
        self.value()["statuses"][0]["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn is_signed(&self) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&self.body);
        let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        self.signature.as_deref() == Some(&*expected)
    }
}

#[derive(Clone)]
struct Receiver {
    arrived: mpsc::UnboundedSender<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("x-hub-signature-256").map(|v| v.to_str().unwrap().to_owned());
    let answer = receiver.answers.lock().pop_front().unwrap_or(200);
    receiver.arrived.send(Received { signature, body }).unwrap();
    StatusCode::from_u16(answer).unwrap()
}

pub(crate) struct World {
    pub(crate) sim: Running,
    pub(crate) handle: Handle,
    pub(crate) http: reqwest::Client,
    webhooks: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

pub(crate) fn config() -> Config {
    let mut config =
        Config::new("", SecretString::from(SECRET), SecretString::from(TOKEN), Arc::new(ManualClock::new(NOON)));
    config.ledger = true;
    let visit = SeededFlow { id: VISIT.into(), name: "visit".into(), json: None, endpoint_uri: None };
    config.flows = vec![visit];
    config.retry.first_ms = 1;
    config
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (arrived, webhooks) = mpsc::unbounded_channel();
        let answers = Arc::<Mutex<VecDeque<u16>>>::default();
        let receiver = Receiver { arrived, answers: answers.clone() };
        let app = Router::new().route("/hook", post(receive)).with_state(receiver);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let sim = Simulator::start(config).await.unwrap();
        let handle = sim.handle();
        handle.set_webhook_url(&hook);
        Self { sim, handle, http: reqwest::Client::builder().no_proxy().build().unwrap(), webhooks, answers }
    }

    /// The receiver answers the next webhooks with these statuses, later ones with 200.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.answers.lock().extend(statuses);
    }

    pub(crate) async fn webhook(&mut self) -> Received {
        tokio::time::timeout(SOON, self.webhooks.recv()).await.expect("no webhook came").unwrap()
    }

    /// Webhooks until `count` came.
    pub(crate) async fn webhooks(&mut self, count: usize) -> Vec<Received> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.webhook().await);
        }
        all
    }

    /// Nothing more is waiting at the receiver.
    pub(crate) fn no_webhook(&mut self) -> bool {
        self.webhooks.try_recv().is_err()
    }

    pub(crate) fn messages_url(&self) -> String {
        format!("{}/v25.0/{NUMBER}/messages", self.handle.base_url())
    }

    pub(crate) async fn post(&self, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let answer = self.http.post(self.messages_url()).bearer_auth(TOKEN).json(body).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// A call to Graph with the token, JSON in and JSON out.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}/v25.0/{path}", self.handle.base_url()) };
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth(TOKEN);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Uploads a file as a form.
    pub(crate) async fn upload(&self, mime: &str, bytes: &[u8]) -> (u16, Value) {
        let head = format!(
            "--XY\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n--XY\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: {mime}\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--XY--\r\n"].concat();
        let request = self.http.post(format!("{}/v25.0/{NUMBER}/media", self.handle.base_url())).bearer_auth(TOKEN);
        let answer =
            request.header("content-type", "multipart/form-data; boundary=XY").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Uploads Flow JSON as a form.
    pub(crate) async fn upload_json(&self, id: &str, json: &str) -> (u16, Value) {
        let field = |name: &str, value: &str| {
            format!("--XY\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = format!(
            "{}{}--XY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"flow.json\"\r\n\
             Content-Type: application/json\r\n\r\n{json}\r\n--XY--\r\n",
            field("name", "flow.json"),
            field("asset_type", "FLOW_JSON")
        );
        let request = self.http.post(format!("{}/v25.0/{id}/assets", self.handle.base_url())).bearer_auth(TOKEN);
        let answer =
            request.header("content-type", "multipart/form-data; boundary=XY").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> (u16, Value) {
        self.post(&text_body(to, text)).await.unwrap()
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.handle.base_url());
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.handle.base_url())).send().await.unwrap().json().await.unwrap()
    }
}

pub(crate) fn text_body(to: &str, text: &str) -> Value {
    json!({
        "messaging_product": "whatsapp", "to": format!("+{to}"), "type": "text",
        "text": { "body": text }, "biz_opaque_callback_data": format!("obx:{text}"),
    })
}

pub(crate) fn code(answer: &(u16, Value)) -> (u16, u64) {
    (answer.0, answer.1["error"]["code"].as_u64().unwrap_or_default())
}
