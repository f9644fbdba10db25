//! The front door: the only port that the internet reaches. Meta's webhooks come in here and are answered 200 once they
//! are stored, before anybody looks at what they mean.
//!
//! Routes: `GET` and `POST /api/webhooks/whatsapp`, `POST /api/webhooks/flow-endpoint`, `GET /healthz`. Everything else is 404 or 405.

mod body;
mod displays;
mod flow;
mod intake;
mod reply;
mod signers;

use std::sync::Arc;

use actors::Clock;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::{Bytes, Incoming};
use parking_lot::RwLock;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::inspector::{Id, Inspector, Note, Taken};
use crate::metrics::{FrontMetrics, Refusal};
use crate::net::Body;
use body::BodyError;
pub use displays::Displays;
pub use flow::{
    FLOW_PATH, FlowEndpoint, FlowHealth, FlowMetrics, Forms, Keyring, Parts as FlowParts, Reading as FlowReading,
    Settings as FlowSettings, Slot as KeySlot, Tell as TellFlow, Trouble as FlowTrouble,
};
pub(crate) use intake::Stays;
pub use intake::{Intake, Repeats, webhook_of};
use reply::{error, text};
pub use signers::{Signer, Signers};

/// Path of Meta's webhooks.
pub const WEBHOOK_PATH: &str = "/api/webhooks/whatsapp";

/// The header that proves who sent a webhook.
const SIGNATURE: &str = "x-hub-signature-256";
/// The verdict on the signature of a body that was not read.
const UNREAD: &str = "unread";

/// What the front door needs to answer.
pub struct Front {
    intake: Intake,
    inspector: Arc<Inspector>,
    clock: Arc<dyn Clock>,
    flow: Arc<FlowEndpoint>,
    verify_token: RwLock<SecretString>,
    /// Those of numbers that have one of their own.
    also: RwLock<Vec<SecretString>>,
    body: body::Limits,
    buffered: Arc<Semaphore>,
    metrics: Arc<FrontMetrics>,
}

impl Front {
    /// A front door over `intake` and `flow`, which notes what it answers.
    pub fn new(
        (intake, inspector, clock): (Intake, Arc<Inspector>, Arc<dyn Clock>),
        flow: Arc<FlowEndpoint>,
        verify_token: SecretString,
        server: &crate::config::Server,
        metrics: Arc<FrontMetrics>,
    ) -> Self {
        let body = body::Limits { max_bytes: server.max_body_bytes, timeout: server.body_timeout };
        let buffered = Arc::new(Semaphore::new(server.max_buffered_bytes.min(Semaphore::MAX_PERMITS)));
        Self {
            intake,
            inspector,
            clock,
            flow,
            verify_token: RwLock::new(verify_token),
            also: RwLock::default(),
            body,
            buffered,
            metrics,
        }
    }

    /// Puts another token in the place of the one that proves a subscription request.
    pub fn replace_verify_token(&self, token: SecretString) {
        *self.verify_token.write() = token;
    }

    /// Subscription requests are proved by any of these, too.
    pub fn also_verify(&self, tokens: Vec<SecretString>) {
        *self.also.write() = tokens;
    }

    /// Answers one request.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let started = tokio::time::Instant::now();
        let method = request.method().clone();
        let (route, answer) = match (&method, request.uri().path()) {
            (&Method::POST, WEBHOOK_PATH) => ("webhook", self.webhook(request).await),
            (&Method::GET, WEBHOOK_PATH) => ("verify", self.verify(request.uri().query().unwrap_or_default())),
            (&Method::POST, FLOW_PATH) => ("flow", self.flow_request(request, started).await),
            (&Method::GET | &Method::HEAD, "/healthz") => ("healthz", text(StatusCode::OK, "ok".into())),
            (_, WEBHOOK_PATH) => ("webhook", reply::not_allowed("GET, POST")),
            (_, FLOW_PATH) => ("flow", reply::not_allowed("POST")),
            (_, "/healthz") => ("healthz", reply::not_allowed("GET, HEAD")),
            _ => ("other", error(StatusCode::NOT_FOUND, "there is nothing here")),
        };
        self.metrics.request("front", route.into(), &method, answer.status(), started.elapsed());
        answer
    }

    /// Meta's check of the callback URL: echoes the challenge if the token is right.
    fn verify(&self, query: &str) -> Response<Body> {
        let (mut mode, mut token, mut challenge) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "hub.mode" => mode = Some(value),
                "hub.verify_token" => token = Some(value),
                "hub.challenge" => challenge = Some(value),
                _ => {}
            }
        }
        let right = token.is_some_and(|token| self.is_verify_token(&token));
        match challenge.filter(|_| right && mode.as_deref() == Some("subscribe")) {
            Some(challenge) => text(StatusCode::OK, challenge.into_owned()),
            None => error(StatusCode::FORBIDDEN, "the verify token, the mode or the challenge is wrong or missing"),
        }
    }

    fn is_verify_token(&self, token: &str) -> bool {
        let fits = |known: &SecretString| whatsapp::signature::tokens_match(known, token);
        // All are compared, so that the time tells nothing of which one it was.
        self.also.read().iter().fold(fits(&self.verify_token.read()), |any, known| any | fits(known))
    }

    async fn webhook(&self, request: Request<Incoming>) -> Response<Body> {
        let started = tokio::time::Instant::now();
        let headers = request.headers().clone();
        let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
        // Held until the answer: bytes in memory are bounded, whoever sends them.
        let (body, _permit) = match body::read(request, self.body, &self.buffered).await {
            Ok(read) => read,
            Err(error) => {
                let answer = self.unread(&error);
                let note = self.note("webhook", UNREAD, &answer, started);
                self.inspector.note(Note { headers, ..note });
                return answer;
            }
        };
        let (answer, verdict, taken) = self.take(signature, body.clone(), started).await;
        let note = self.note("webhook", verdict, &answer, started);
        self.inspector.note(Note { taken, headers, ..note }.of(body));
        answer
    }

    fn unread(&self, error: &BodyError) -> Response<Body> {
        match error {
            BodyError::TooLarge => reply::too_large(self.body.max_bytes),
            BodyError::TooSlow => reply::closing(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
            BodyError::Broken => reply::closing(StatusCode::BAD_REQUEST, "the body broke off"),
            BodyError::Crowded => reply::unavailable("too many bodies are being read"),
        }
    }

    /// Takes a body in. Answers also the verdict on its signature, and what became of it.
    async fn take(
        &self,
        signature: Option<&str>,
        body: Bytes,
        started: tokio::time::Instant,
    ) -> (Response<Body>, &'static str, Option<Taken>) {
        let signer = match self.intake.verify(signature, &body) {
            Ok(signer) => signer,
            Err(refused) => {
                self.metrics.refused(&refused);
                let text = format!("X-Hub-Signature-256 {}", refusal_text(&refused));
                return (error(StatusCode::UNAUTHORIZED, &text), refused.reason, None);
            }
        };
        let verdict = if signer.previous { "previous" } else { "valid" };
        match self.intake.accept(&signer, body.clone()).await {
            Ok(taken) => {
                self.metrics.acknowledged(started.elapsed());
                (reply::success(), verdict, Some(taken))
            }
            Err(error) => {
                tracing::error!(%error, "a webhook was not stored; Meta was told to send it again");
                self.metrics.refused_to_store();
                let late = self.intake.late(&body);
                (reply::unavailable("it could not be stored"), verdict, late)
            }
        }
    }

    /// Takes the bytes of a webhook in again, signed with the secret of a number's app. Answers the status, and what became of
    /// it; `None` if the number is not served.
    pub(crate) async fn take_again(&self, number: &str, body: Bytes, of: Id) -> Option<(u16, Option<Taken>)> {
        let started = tokio::time::Instant::now();
        let signature = self.intake.sign(number, &body)?;
        let (answer, verdict, taken) = self.take(Some(&signature), body.clone(), started).await;
        let note = self.note("webhook", verdict, &answer, started);
        self.inspector.note(Note { taken: taken.clone(), replay_of: Some(of), ..note }.of(body));
        Some((answer.status().as_u16(), taken))
    }

    /// Takes a webhook in again that was put aside as `row`; else says why it stays.
    pub(crate) async fn take_from_quarantine(
        &self,
        row: &storage::Quarantined,
        webhook: &[u8],
        confirm: bool,
        dry_run: bool,
    ) -> Result<Result<Taken, Stays>, storage::StoreError> {
        self.intake.release(row, webhook, confirm, dry_run).await
    }

    /// A Flow's request is noted without its bytes, which nobody could tell a person's from another's.
    async fn flow_request(&self, request: Request<Incoming>, started: tokio::time::Instant) -> Response<Body> {
        let headers = request.headers().clone();
        let answer = self.flow.answer(request, self.body.timeout).await;
        let verdict = match answer.status().as_u16() {
            432 if headers.contains_key(SIGNATURE) => "mismatch",
            432 => "missing",
            400 | 408 | 413 | 503 => UNREAD,
            _ => "valid",
        };
        let note = self.note("flow", verdict, &answer, started);
        let length = headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        self.inspector.note(Note { headers, body_bytes: length.unwrap_or(0), ..note });
        answer
    }

    fn note(
        &self,
        path: &'static str,
        signature: &'static str,
        answer: &Response<Body>,
        started: tokio::time::Instant,
    ) -> Note {
        Note {
            at_ms: self.clock.now_ms(),
            path,
            signature,
            status: answer.status().as_u16(),
            took: started.elapsed(),
            taken: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_bytes: 0,
            replay_of: None,
        }
    }
}

fn refusal_text(refusal: &Refusal) -> &'static str {
    match refusal.reason {
        "missing" => "is missing",
        "malformed" => "is not sha256= and 64 hexadecimal digits",
        _ => "does not fit the body",
    }
}
