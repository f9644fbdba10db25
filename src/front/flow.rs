//! The endpoint of Flows: what a phone asks while a form is open, opened, answered by the conversation and sealed again.
//!
//! The order is fixed: size (413), signature (432) before any private-key operation, envelope and key (421), token (427).
//! Nothing of what is wrong with an envelope is told. Private-key operations run on threads of their own, so that they
//! never hold up a webhook.

mod answers;
mod asked;
mod health;
mod keyring;
mod metrics;
mod pool;
mod window;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::{Clock, Engine, FormAnswered, FormOutcome};
use chatbot::{FormAction, FormRequest};
use http::{Request, Response};
use hyper::body::{Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use whatsapp::flow::{Envelope, FlowKey, MAX_KEYS_TRIED, Opened, Seal};
use whatsapp::signature::SignatureError;

use super::body::{self, BodyError};
use super::reply;
use super::signers::{Signer, Signers};
use crate::net::Body;
use answers::Reply;
use asked::Asked;
pub use health::{FlowHealth, Reading, Tell, Trouble};
pub use keyring::{Keyring, Slot};
pub use metrics::FlowMetrics;
use pool::Pool;
use window::{Entered, Window};

/// Path of the endpoint: `endpoint_uri` of a Flow ends with it.
pub const FLOW_PATH: &str = "/api/webhooks/flow-endpoint";

const NO_KEY: &str = "there is no private key: make one with `parlance flow key new`, name it in \
    whatsapp.flow_private_key_file, then `parlance flow key upload`";
const TOO_MANY_KEYS: &str = "its app has more than 16 private keys, with those before a rotation: the oldest are not tried. \
    Remove `.previous` files whose rotation is a day old and restart, and let numbers share a key";

/// Whoever answers what a form asks.
pub trait Forms: Send + Sync {
    /// The answer, and whose it is.
    fn ask(&self, request: FormRequest, within: Duration) -> Pin<Box<dyn Future<Output = FormAnswered> + Send + '_>>;
}

impl Forms for Engine {
    fn ask(&self, request: FormRequest, within: Duration) -> Pin<Box<dyn Future<Output = FormAnswered> + Send + '_>> {
        Box::pin(self.ask_form(request, within))
    }
}

/// What the endpoint is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest body, in bytes.
    pub max_body_bytes: usize,
    /// Bytes of all bodies that are not answered yet.
    pub max_buffered_bytes: usize,
    /// Time for an answer, less than Meta's 10 seconds.
    pub answer_within: Duration,
    /// Whether the text of a dead token is sent in clear.
    pub plain_dead_answer: bool,
}

/// What the endpoint works with.
pub struct Parts {
    /// Whose signature counts.
    pub signers: Arc<Signers>,
    /// The private keys.
    pub keyring: Arc<Keyring>,
    /// Whoever answers.
    pub forms: Arc<dyn Forms>,
    /// How the Flows do.
    pub health: Arc<FlowHealth>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<FlowMetrics>,
    /// What it is set to.
    pub settings: Settings,
}

/// The endpoint.
pub struct FlowEndpoint {
    parts: Parts,
    pool: Pool,
    window: Arc<Window>,
    /// Its own: forms wait for bots, and webhooks must not wait with them.
    buffered: Arc<Semaphore>,
    /// It was said that there is no key, and that there are too many.
    said: [AtomicBool; 2],
}

/// A request as it is counted, and its answer.
struct Done {
    action: &'static str,
    outcome: &'static str,
    flow: Option<health::Flow>,
    reply: Reply,
}

impl Done {
    /// As health goes. A phone that tells of an error had no usable answer before.
    fn kind(&self) -> health::Kind {
        if self.action == "error" { health::Kind::Error } else { health::Kind::of(self.outcome) }
    }

    fn early(outcome: &'static str, reply: Reply) -> Self {
        Self { action: "unknown", outcome, flow: None, reply }
    }
}

impl FlowEndpoint {
    /// An endpoint over these parts.
    pub fn new(parts: Parts) -> Self {
        let pool = Pool::start(parts.metrics.queued.clone());
        let buffered = Arc::new(Semaphore::new(parts.settings.max_buffered_bytes.min(Semaphore::MAX_PERMITS)));
        Self { parts, pool, window: Arc::default(), buffered, said: Default::default() }
    }

    /// Answers one POST.
    pub(super) async fn answer(self: &Arc<Self>, request: Request<Incoming>, timeout: Duration) -> Response<Body> {
        let started = Instant::now();
        let header =
            request.headers().get("x-hub-signature-256").and_then(|value| value.to_str().ok().map(String::from));
        let limits = body::Limits { max_bytes: self.parts.settings.max_body_bytes, timeout };
        let (body, permit) = match body::read(request, limits, &self.buffered).await {
            Ok(read) => read,
            Err(error) => {
                self.parts.metrics.answered("unknown", unread(&error), started.elapsed());
                return refuse(&error, limits.max_bytes);
            }
        };
        let done = self.open_and_serve(header.as_deref(), &body, permit, started).await;
        let took = started.elapsed();
        self.parts.metrics.answered(done.action, done.outcome, took);
        if let Some(flow) = &done.flow {
            self.parts.health.record(flow, self.parts.clock.now_ms(), took, done.kind());
        }
        done.reply.response()
    }

    async fn open_and_serve(
        self: &Arc<Self>,
        header: Option<&str>,
        body: &Bytes,
        permit: OwnedSemaphorePermit,
        started: Instant,
    ) -> Done {
        let signer = match self.parts.signers.verify(header, body) {
            Ok(signer) => signer,
            Err(error) => {
                self.parts.metrics.refused(reason(error));
                return Done::early("signature", Reply::SIGNATURE);
            }
        };
        let Ok(envelope) = Envelope::read(body) else { return Done::early("undecryptable", Reply::UNDECRYPTABLE) };
        let ticket = match self.window.enter(*envelope.digest()) {
            Entered::First(ticket) => ticket,
            Entered::Known(reply) => return Done::early("repeated", reply),
            Entered::Copy(first) => {
                return Done::early("repeated", first.await_it().await.unwrap_or(Reply::FAILED));
            }
        };
        // A task of its own: it goes on when the caller hangs up, so that a repeat finds its answer. It has the permit, since it
        // has the bytes.
        let endpoint = self.clone();
        let serving = tokio::spawn(async move {
            let _permit = permit;
            let done = endpoint.decide(envelope, &signer, started).await;
            ticket.leave(&done.reply);
            done
        });
        serving.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a Flow request broke");
            Done::early("broken", Reply::FAILED)
        })
    }

    async fn decide(&self, envelope: Envelope, signer: &Signer, started: Instant) -> Done {
        let keys = self.parts.keyring.of(signer);
        if keys.is_empty() {
            self.say(0, NO_KEY);
            return Done::early("no_key", Reply::UNDECRYPTABLE);
        }
        if keys.len() > MAX_KEYS_TRIED {
            self.say(1, TOO_MANY_KEYS);
        }
        let operations = self.parts.metrics.operations.clone();
        let opening = self
            .pool
            .run(move || {
                open(envelope, &keys, || {
                    operations.inc();
                })
            })
            .await;
        let (asked, seal) = match opening {
            Ok(Some(opened)) => opened,
            Ok(None) => return Done::early("undecryptable", Reply::UNDECRYPTABLE),
            Err(pool::Full) => return Done::early("overloaded", Reply::BUSY),
        };
        match asked {
            Asked::Ping => {
                Done { action: "ping", outcome: "answer", flow: None, reply: answers::constant(seal, &answers::pong()) }
            }
            Asked::Form { request, named } => self.ask(request, named, seal, started).await,
            Asked::Tokenless { named } => {
                let reply = Reply { is_kept: false, ..self.dead(seal, answers::NO_TOKEN) };
                Done { action: named, outcome: "dead", flow: None, reply }
            }
        }
    }

    async fn ask(&self, request: FormRequest, named: &'static str, seal: Seal, started: Instant) -> Done {
        let (token, is_error) = (request.token.clone(), request.action == FormAction::Error);
        if is_error {
            tracing::warn!(
                error = asked::notice(&request.data),
                "a phone could not use an answer of a Flow's endpoint"
            );
        }
        let within = self.parts.settings.answer_within.saturating_sub(started.elapsed());
        let answered = match token.is_empty() {
            true => FormOutcome::Acknowledged.into(),
            false => self.parts.forms.ask(request, within).await,
        };
        let FormAnswered { outcome, flow } = answered;
        let name = outcome.name();
        let reply = match outcome {
            // A notice is taken, whatever became of its form: the phone waits for nothing else.
            _ if is_error => answers::constant(seal, &answers::acknowledged()),
            FormOutcome::Answer { screen, data } => answers::sealed(seal, &answers::screen(&screen, data)),
            FormOutcome::Finish { params } => answers::sealed(seal, &answers::finish(params, &token)),
            FormOutcome::Acknowledged => answers::constant(seal, &answers::acknowledged()),
            FormOutcome::Dead { message } => self.dead(seal, &message),
            FormOutcome::Refused => Reply::FAILED,
            // The conversation may still answer, so nothing is sealed that it did not decide.
            FormOutcome::Late | FormOutcome::Busy => Reply::BUSY,
        };
        let outcome = if reply == Reply::FAILED { "refused" } else { name };
        Done { action: named, outcome, flow, reply }
    }

    fn dead(&self, seal: Seal, message: &str) -> Reply {
        match self.parts.settings.plain_dead_answer {
            true => answers::dead_in_clear(message),
            false => answers::dead(seal, message),
        }
    }

    /// Once.
    fn say(&self, which: usize, what: &str) {
        if self.said.get(which).is_some_and(|said| !said.swap(true, Ordering::Relaxed)) {
            tracing::warn!("a Flow request came and {what}");
        }
    }
}

/// On a thread of the pool: everything between the envelope and what is asked.
fn open(envelope: Envelope, keys: &[Arc<FlowKey>], count: impl Fn()) -> Option<(Asked, Seal)> {
    let Opened { plaintext, digest, seal } = envelope.open(keys.iter().map(|key| &**key).inspect(|_| count())).ok()?;
    Some((Asked::read(&plaintext, digest)?, seal))
}

fn reason(error: SignatureError) -> &'static str {
    match error {
        SignatureError::Missing => "missing",
        SignatureError::Malformed => "malformed",
        SignatureError::Mismatch => "mismatch",
    }
}

fn unread(error: &BodyError) -> &'static str {
    match error {
        BodyError::TooLarge => "too_large",
        BodyError::TooSlow | BodyError::Broken => "broken_off",
        BodyError::Crowded => "overloaded",
    }
}

fn refuse(error: &BodyError, max_bytes: usize) -> Response<Body> {
    match error {
        BodyError::TooLarge => reply::too_large(max_bytes),
        BodyError::TooSlow => reply::closing(http::StatusCode::REQUEST_TIMEOUT, "the body took too long"),
        BodyError::Broken => reply::closing(http::StatusCode::BAD_REQUEST, "the body broke off"),
        BodyError::Crowded => reply::unavailable("too many bodies are being read"),
    }
}

#[cfg(test)]
mod tests;
