//! An endpoint for outgoing events on loopback, which reads signatures by itself: HMAC by RFC 2104 over SHA-256.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    Takes,
    Says(u16),
    Redirects,
    Hangs,
    /// Answers with this status and a body without an end.
    Floods(u16),
    AsksForPause,
}

/// A request that it got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) timestamp: u64,
    pub(crate) signature: String,
    pub(crate) raw: Bytes,
    pub(crate) body: Value,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    got: Vec<Got>,
    /// One after the other; then it takes everything.
    next: VecDeque<Does>,
}

impl Receiver {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=do-not-show", listener.local_addr().unwrap());
        let receiver = Self { url, state: Arc::default() };
        let router = axum::Router::new().fallback(any(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub(crate) fn then(&self, does: impl IntoIterator<Item = Does>) {
        self.state.lock().next.extend(does);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.state.lock().got.clone()
    }

    pub(crate) fn of_type(&self, kind: &str) -> Vec<Got> {
        self.got().into_iter().filter(|got| got.body["type"] == kind).collect()
    }
}

async fn take(State(receiver): State<Receiver>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let raw = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let header = |headers: &HeaderMap, name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!((parts.method.as_str(), &*header(&parts.headers, "content-type")), ("POST", "application/json"));
    let got = Got {
        path: parts.uri.path().to_owned(),
        id: header(&parts.headers, "webhook-id"),
        timestamp: header(&parts.headers, "webhook-timestamp").parse().unwrap(),
        signature: header(&parts.headers, "webhook-signature"),
        body: serde_json::from_slice(&raw).unwrap(),
        raw,
    };
    let does = {
        let mut state = receiver.state.lock();
        state.got.push(got);
        state.next.pop_front().unwrap_or(Does::Takes)
    };
    let status = |status: u16| StatusCode::from_u16(status).unwrap();
    match does {
        Does::Takes => status(204).into_response(),
        Does::Says(code) => (status(code), "the receiver\u{7} says no").into_response(),
        Does::Redirects => (status(307), [("location", "/elsewhere")]).into_response(),
        Does::Hangs => std::future::pending().await,
        Does::AsksForPause => (status(429), [("retry-after", "600")]).into_response(),
        Does::Floods(code) => {
            let endless = stream::repeat_with(|| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 8_192])));
            (status(code), Body::from_stream(endless)).into_response()
        }
    }
}

impl Got {
    /// Whether a secret of this text made one of the signatures.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = [format!("{}.{}.", self.id, self.timestamp).as_bytes(), &self.raw].concat();
        let expected = format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(&key, &signed)));
        self.signature.split(' ').any(|signature| signature == expected)
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    assert!(key.len() <= 64, "longer keys are hashed first");
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize().into()
}
