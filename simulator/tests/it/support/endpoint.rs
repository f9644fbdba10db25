//! An endpoint of a Flow: opens what phones ask with the key of Parlance's reference vector, and answers as it is told.

use std::collections::VecDeque;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::consts::U16;
use aes_gcm::{AesGcm, Nonce};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use rsa::{Oaep, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::SECRET;

/// What the endpoint does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// Encrypts this.
    Answers(Value),
    /// Answers with this status, and with this text encrypted, if any.
    Says(u16, Option<Value>),
    /// Answers 200 with these bytes.
    Babbles(&'static str),
    /// Never answers.
    Hangs,
}

#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) uri: String,
    state: Arc<Inner>,
}

struct Inner {
    key: Mutex<RsaPrivateKey>,
    next: Mutex<VecDeque<Does>>,
    asked: Mutex<Vec<Value>>,
    bodies: Mutex<Vec<Bytes>>,
    never: Notify,
}

pub(crate) fn vector_key() -> RsaPrivateKey {
    let text: String = include_str!("../../../testdata/flow-vector.key.b64").split_whitespace().collect();
    RsaPrivateKey::from_pkcs8_der(&STANDARD.decode(text).unwrap()).unwrap()
}

pub(crate) fn public_pem(key: &RsaPrivateKey) -> String {
    key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Inner {
            key: Mutex::new(vector_key()),
            next: Mutex::default(),
            asked: Mutex::default(),
            bodies: Mutex::default(),
            never: Notify::new(),
        });
        let app = Router::new().route("/flow", post(answer)).with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/flow", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { uri, state }
    }

    /// What it does next, in order; a ping is always answered.
    pub(crate) fn then(&self, does: Does) {
        self.state.next.lock().push_back(does);
    }

    pub(crate) fn answers(&self, answer: Value) {
        self.then(Does::Answers(answer));
    }

    pub(crate) fn set_key(&self, key: RsaPrivateKey) {
        *self.state.key.lock() = key;
    }

    /// Everything that was asked, pings left out.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.state.asked.lock().clone()
    }

    pub(crate) fn last(&self) -> Value {
        self.asked().pop().unwrap()
    }

    /// Bodies as they came, right or wrong.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.state.bodies.lock().clone()
    }
}

async fn answer(State(state): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    state.bodies.lock().push(body.clone());
    let status = |code: u16| StatusCode::from_u16(code).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    if headers.get("x-hub-signature-256").is_none_or(|given| given != expected.as_str()) {
        return (status(432), String::new());
    }
    let key = state.key.lock().clone();
    let Some((asked, cipher, iv)) = open(&key, &body) else { return (status(421), String::new()) };
    let seal = |value: &Value| {
        let inverted = Nonce::<U16>::from(iv.map(|byte| !byte));
        STANDARD.encode(cipher.encrypt(&inverted, value.to_string().as_bytes()).unwrap())
    };
    if asked["action"] == "ping" {
        return (status(200), seal(&json!({ "data": { "status": "active" } })));
    }
    if asked["data"]["error"].is_string() {
        state.asked.lock().push(asked);
        return (status(200), seal(&json!({ "data": { "acknowledged": true } })));
    }
    state.asked.lock().push(asked);
    let next = state.next.lock().pop_front();
    match next {
        Some(Does::Answers(value)) => (status(200), seal(&value)),
        Some(Does::Says(code, text)) => (status(code), text.map(|text| seal(&text)).unwrap_or_default()),
        Some(Does::Babbles(text)) => (status(200), text.to_owned()),
        Some(Does::Hangs) => {
            state.never.notified().await;
            (status(200), String::new())
        }
        None => (status(500), String::new()),
    }
}

type Cipher = AesGcm<Aes128, U16>;

fn open(key: &RsaPrivateKey, body: &[u8]) -> Option<(Value, Cipher, [u8; 16])> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let bytes = |name: &str| STANDARD.decode(body[name].as_str()?).ok();
    let aes: [u8; 16] = key.decrypt(Oaep::<Sha256>::new(), &bytes("encrypted_aes_key")?).ok()?.try_into().ok()?;
    let iv: [u8; 16] = bytes("initial_vector")?.try_into().ok()?;
    let cipher = Cipher::new(&aes.into());
    let plain = cipher.decrypt(&Nonce::<U16>::from(iv), bytes("encrypted_flow_data")?.as_slice()).ok()?;
    Some((serde_json::from_slice(&plain).ok()?, cipher, iv))
}
