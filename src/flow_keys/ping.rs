//! Whether our own endpoint answers somebody who has the public key: signed, encrypted, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use whatsapp::flow::{FlowKey, seal_request};
use whatsapp::signature;

/// As long as Meta waits.
const PATIENCE: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = br#"{"version":"3.0","action":"ping"}"#;

/// What a ping came to.
#[derive(Clone, Debug, Serialize)]
pub struct Ping {
    /// Meta's `phone_number_id`.
    pub number: Box<str>,
    /// Whether the answer was right.
    pub ok: bool,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// From the request to the whole answer, in milliseconds.
    pub took_ms: Option<u64>,
    /// What is wrong.
    pub problem: Option<String>,
}

pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()
}

pub(super) async fn ping(
    client: &reqwest::Client,
    endpoint: &str,
    number: &str,
    key: Option<Arc<FlowKey>>,
    secret: Option<SecretString>,
) -> Ping {
    let nothing = Ping { number: number.into(), ok: false, status: None, took_ms: None, problem: None };
    let failed = |problem: String| Ping { problem: Some(problem), ..nothing.clone() };
    let (Some(key), Some(secret)) = (key, secret) else { return failed("there is no private key for it".into()) };
    let Some(request) = seal_request(&key, REQUEST) else { return failed("there is no randomness".into()) };
    let signed = signature::sign(&secret, &request.body);
    let started = Instant::now();
    let post = client.post(endpoint).header("content-type", "application/json").header("x-hub-signature-256", signed);
    let answer = match post.body(request.body.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => return failed(format!("the endpoint does not answer: {error}")),
    };
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap_or_default();
    let took_ms = u64::try_from(started.elapsed().as_millis()).ok();
    let told = request.open(&body).and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let ok = status == 200 && told == Some(json!({ "data": { "status": "active" } }));
    let problem = (!ok).then(|| match status {
        421 => "it cannot decrypt what is encrypted for this key (421)".to_owned(),
        432 => "it does not accept the app secret's signature (432)".to_owned(),
        _ => format!("it answered {status}, and not the ping"),
    });
    Ping { ok, status: Some(status), took_ms, problem, ..nothing }
}
