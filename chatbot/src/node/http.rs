//! `http`: asks another program and waits for its answer. A durable wait: the turn decides the call, somebody outside
//! makes it, and its result is the next input. Without one in time the same call is ordered again, under the same key.
//!
//! A missing value is an error here, whatever `policies.missing` says: the call is not made and the port is `http_error`.
//! What came of a call is `input`: `status`, `error`, `text`, `data`, `tries`.

mod answer;
mod body;
mod parts;
mod path;
mod request;

use crate::bot::read::{At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::http::{HttpCall, HttpDone, HttpRetry, RetryOn};
use crate::input::Incoming;
use crate::snapshot::{Calling, Wait};
use crate::trace::{Trace, Why};
use crate::tree::Kind;
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};
use answer::Taking;
use request::Request;

pub(crate) const KEYS: &[&str] = &[
    "method",
    "url",
    "query",
    "headers",
    "auth",
    "body",
    "timeout_ms",
    "retry",
    "idempotency",
    "max_bytes",
    "extract",
    "filter",
    "save",
    "expect_status",
];
/// Methods of a call.
pub(crate) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// After what a call is tried again, where `retry` does not say.
const RETRY_ON: [RetryOn; 4] = [RetryOn::Timeout, RetryOn::Connection, RetryOn::ServerError, RetryOn::Status(429)];
const FIRST_PAUSE_MS: u32 = 500;

pub(crate) struct Http {
    request: Request,
    timeout_ms: u64,
    retry: HttpRetry,
    idempotency: bool,
    max_bytes: u64,
    taking: Taking,
}

pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Http> {
    let method = match fields.get("method") {
        Some(at) => reader.word(&at, METHODS)?,
        None => "GET",
    };
    let request = reader.strictly(|reader| request::read(reader, fields, method));
    let timeout_ms = fields.get("timeout_ms").and_then(|at| reader.count(&at, 1, caps::MAX_HTTP_TIMEOUT_MS));
    let retry = fields.get("retry").map(|at| read_retry(reader, &at)).unwrap_or_default();
    let idempotency = match fields.get("idempotency") {
        Some(at) => reader.flag(&at)?,
        None => !matches!(method, "GET" | "HEAD"),
    };
    let max_bytes = fields.get("max_bytes").and_then(|at| reader.count(&at, 1, caps::MAX_HTTP_ANSWER));
    let taking = answer::read(reader, fields);
    Some(Http {
        request: request?,
        timeout_ms: timeout_ms.map_or(caps::HTTP_TIMEOUT_MS, u64::from),
        retry,
        idempotency,
        max_bytes: max_bytes.unwrap_or(caps::MAX_HTTP_ANSWER).into(),
        taking,
    })
}

fn read_retry(reader: &mut Reader<'_>, at: &At<'_>) -> HttpRetry {
    let Some(fields) = reader.fields(at, &["times", "backoff_ms", "on"]) else { return HttpRetry::default() };
    let mut number = |key: &str, from: u32, to: u32| fields.get(key).and_then(|at| reader.count(&at, from, to));
    let times = number("times", 0, caps::MAX_HTTP_RETRIES).unwrap_or(1);
    let most = u32::try_from(caps::MAX_HTTP_PAUSE_MS).unwrap_or(u32::MAX);
    let backoff_ms = number("backoff_ms", 0, most).unwrap_or(FIRST_PAUSE_MS).into();
    let on = match fields.get("on") {
        Some(at) => {
            let items = reader.list(&at);
            items.iter().filter_map(|item| read_on(reader, item)).collect()
        }
        None => RETRY_ON.to_vec(),
    };
    HttpRetry { times, backoff_ms, on }
}

fn read_on(reader: &mut Reader<'_>, at: &At<'_>) -> Option<RetryOn> {
    if matches!(at.node.kind, Kind::Number(_)) {
        return reader.count(at, 400, 599).and_then(|status| u16::try_from(status).ok()).map(RetryOn::Status);
    }
    Some(match reader.word(at, &["timeout", "connection", "5xx"])? {
        "timeout" => RetryOn::Timeout,
        "connection" => RetryOn::Connection,
        _ => RetryOn::ServerError,
    })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["ok".into()], optional: ["http_error", "timeout", "bad_body"].map(str::to_owned).into() }
}

impl Http {
    /// Whether nothing but single values of an answer become variables.
    pub(super) fn extracts_only(&self) -> bool {
        self.taking.extracts_only()
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        match self.prepare(walk, &here.node.id) {
            Ok(mut call) => {
                call.id = walk.call_id(&here.node.id);
                Ok(order(walk, here, Calling { call, orders: 0 }))
            }
            Err(fault) => {
                walk.see_http_error(fault.what());
                Err(fault.at_port("http_error"))
            }
        }
    }

    /// No result came in time: the call was lost, with the process or on the way. A call that was made all the same is
    /// made again under the same key.
    pub(super) fn lost(&self, here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait) -> Next {
        match wait.call.as_deref() {
            Some(calling) if calling.orders < caps::MAX_HTTP_ORDERS => order(walk, here, calling.clone()),
            _ => {
                let message = format!("no result after {} orders", caps::MAX_HTTP_ORDERS);
                walk.see_http_error(&message);
                walk.note(Trace::Error { node: Some(here.node.id.clone()), message });
                Next::Port { port: "timeout".into(), why: Some(Why::said("no result", caps::MAX_HTTP_ORDERS)) }
            }
        }
    }

    pub(super) fn done(&self, here: Here<'_>, walk: &mut Walk<'_>, done: &HttpDone) -> Next {
        walk.note(answer::noted(&here.node.id, done));
        match self.taking.take(walk, &done.outcome) {
            Ok(why) => Next::Port { port: "ok".into(), why: Some(why) },
            Err(trouble) => {
                walk.see_http_error(&trouble.message);
                walk.note(Trace::Error { node: Some(here.node.id.clone()), message: trouble.message });
                Next::Port { port: trouble.port.into(), why: Some(trouble.why) }
            }
        }
    }

    /// The call, with every value in its place but those of secrets, and without its id. `asker` is the node.
    pub(crate) fn prepare(&self, walk: &Walk<'_>, asker: &str) -> Result<HttpCall, Fault> {
        self.request.call(self, asker, walk)
    }

    /// Takes what came of a call, or says what was wrong with it.
    pub(crate) fn taken(&self, walk: &mut Walk<'_>, asker: &str, done: &HttpDone) -> Result<(), String> {
        walk.note(answer::noted(asker, done));
        self.taking.take(walk, &done.outcome).map(drop).map_err(|trouble| trouble.message)
    }

    /// The person writes while the call is under way.
    pub(super) fn answer(&self, walk: &mut Walk<'_>, message: &Incoming) -> Next {
        let why = "the run waits for the answer of another program".to_owned();
        walk.note(Trace::Ignored { kind: message.kind.clone(), why });
        Next::Stay
    }

    fn follows(&self) -> bool {
        !self.taking.expects(300..=399)
    }
}

fn order(walk: &mut Walk<'_>, here: Here<'_>, calling: Calling) -> Next {
    let calling = Calling { orders: calling.orders + 1, ..calling };
    let lease_ms = calling.call.lease_ms();
    walk.call_http(&calling.call, calling.orders);
    let wait = walk.wait(here, Some(lease_ms));
    Next::Wait(Wait { idle_ms: None, call: Some(Box::new(calling)), ..wait })
}

/// A part of the node that another program would not take. What was imported loads all the same.
fn refuse(reader: &mut Reader<'_>, at: &At<'_>, message: String) {
    let code = if reader.imported { explain::LATER_IMPORTED } else { explain::HTTP_PART };
    reader.report(code, at, message);
}
