//! Errors of the admin API: `application/problem+json` (RFC 9457) with a stable type and what to do.

pub(crate) mod kinds;
pub(super) mod page;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use storage::StoreError;
use whatsapp::graph::{CallError, Outcome};

use super::principal::Principal;
use super::role::Role;

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    hint: Option<String>,
    retry_after_seconds: Option<u64>,
    more: serde_json::Map<String, Value>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            hint: None,
            retry_after_seconds: None,
            more: serde_json::Map::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// When the same may work.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// The parts of the request that are wrong.
    pub(super) fn errors(self, errors: impl IntoIterator<Item = Wrong>) -> Self {
        let errors: Vec<Value> = errors.into_iter().map(|wrong| json!(wrong)).collect();
        self.with("errors", errors)
    }

    /// What Meta said: code, subcode and trace id.
    pub(super) fn meta(self, meta: Value) -> Self {
        self.with("meta", meta)
    }

    /// A call to Meta that failed: 422 when the request is at fault, else 502.
    pub(super) fn of_meta(error: &CallError) -> Self {
        let record = error.to_record();
        let status = match (error, error.outcome()) {
            (CallError::Graph(_), Outcome::Permanent | Outcome::WindowClosed) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_GATEWAY,
        };
        let kind = if matches!(error, CallError::Graph(_)) { "meta-refused" } else { "meta-failed" };
        let problem = Self::new(status, kind, error.to_string()).hint(record.advice);
        match error {
            CallError::Graph(graph) => problem.meta(json!({
                "code": graph.code,
                "subcode": graph.subcode,
                "fbtrace_id": graph.fbtrace_id,
            })),
            _ => problem,
        }
    }

    /// One more member of the body.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// A parameter of the query that the path does not take; the nearest of those that it takes is told.
    pub(super) fn unknown_parameter<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let nearest = nearest_of(name, known).map(str::to_owned);
        let detail = format!("the query has a parameter {name:?}, which this path does not take");
        let code = kinds::by_name("unknown-parameter").map_or("", |kind| kind.code);
        let wrong = Wrong { pointer: format!("?{name}"), code, detail: detail.clone(), suggestion: nearest.clone() };
        let problem = Self::new(StatusCode::BAD_REQUEST, "unknown-parameter", detail).errors([wrong]);
        match nearest {
            Some(nearest) => problem.hint(format!("did you mean {nearest}?")),
            None => problem,
        }
    }

    /// Another request came with the key.
    pub(super) fn key_reused() -> Self {
        let detail = "this idempotency key was used for another request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
            .hint("use a new key for a new request")
    }

    /// The first request with the key is not answered yet.
    pub(super) fn in_flight() -> Self {
        let detail = "a request with this idempotency key is still being answered";
        let problem = Self::new(StatusCode::CONFLICT, "idempotency-in-flight", detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this method is not allowed here")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid credential is needed")
            .hint("send Authorization: Bearer and a token, or log in")
    }

    /// The role does not cover it.
    pub(super) fn forbidden(principal: &Principal, needed: Role) -> Self {
        let detail = format!("this needs the role {}, {} is {}", needed.name(), principal.who, principal.role.name());
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
            .hint("ask an admin for the role, or use another credential")
            .with("needed_role", needed.name())
    }

    /// It comes with a session, and maybe from a page of elsewhere.
    pub(super) fn forged() -> Self {
        Self::new(StatusCode::FORBIDDEN, "csrf", "this write may come from a page of elsewhere").hint(
            "with a session, write from the console's own origin and with the header X-Parlance: 1; or use a token",
        )
    }

    pub(super) fn braked(seconds: u64) -> Self {
        Self::braked_for(seconds, "too many wrong credentials came from this address")
    }

    /// Too much of it for so many seconds.
    pub(super) fn braked_for(seconds: u64, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail);
        Self { retry_after_seconds: Some(seconds), ..problem }
    }

    /// What the framework refuses before a handler sees it.
    pub(super) fn of_framework(status: StatusCode, text: &str) -> Self {
        let kind = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too-large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported-media-type",
            StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::UNPROCESSABLE_ENTITY => "invalid-body",
            status if status.is_client_error() => "bad-request",
            _ => "internal",
        };
        let text = text.trim();
        let detail = if text.is_empty() { status.canonical_reason().unwrap_or("the request is refused") } else { text };
        Self::new(status, kind, detail)
    }

    /// Another time it works.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    /// The answer broke while it was made: the log has the whole story.
    pub(super) fn broken(error: &tokio::task::JoinError) -> Self {
        tracing::error!(%error, "an answer of the admin API broke");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer broke; the log says why")
    }

    /// As [`Problem::broken`], of a handler that panicked: the log has where.
    pub(super) fn panicked() -> Self {
        tracing::error!("an answer of the admin API broke");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer broke; the log says why")
    }

    /// A row that cannot be decoded: the log has the whole story.
    pub(super) fn damaged(error: &actors::CodecError) -> Self {
        tracing::error!(%error, "a stored row cannot be decoded");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged-row", error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the admin API could not use the store");
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", error.to_string());
        Self { retry_after_seconds: Some(1), ..problem }
    }
}

impl Problem {
    /// As an answer to this request.
    pub(super) fn told(self, request_id: &str, path: &str) -> Response {
        self.with("request_id", request_id).with("instance", path).rendered()
    }

    /// The body.
    pub(super) fn to_json(&self) -> Value {
        let kind = kinds::by_name(self.kind);
        let mut body = json!({
            "type": format!("/problems/{}", self.kind),
            "title": kind.map_or_else(|| self.status.canonical_reason().unwrap_or_default(), |kind| kind.title),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": kind.map(|kind| kind.code),
            "hint": self.hint.as_deref().or(kind.map(|kind| kind.handle)),
            "meta": null,
        });
        for (name, value) in &self.more {
            body[name] = value.clone();
        }
        body
    }

    fn rendered(&self) -> Response {
        let mut answer = (self.status, self.to_json().to_string()).into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

impl IntoResponse for Problem {
    /// The envelope around all answers adds the request's id.
    fn into_response(self) -> Response {
        let mut answer = self.rendered();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// A part of a request that is wrong.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Wrong {
    /// Where in the body, as a JSON pointer; or the name of a parameter of the query behind `?`.
    pub pointer: String,
    /// The code of the problem.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
    /// The nearest that would be right.
    pub suggestion: Option<String>,
}

impl Wrong {
    /// A part that does not fit its type, as serde tells it.
    pub(super) fn of_serde(pointer: String, kind: &str, told: &str) -> Self {
        let code = kinds::by_name(kind).map_or("", |kind| kind.code);
        Self { pointer, code, detail: told.to_owned(), suggestion: nearest(told) }
    }
}

/// Of an error such as "unknown field `limt`, expected `limit` or `cursor`": the name that was meant.
fn nearest(told: &str) -> Option<String> {
    let mut quoted = told.split('`').skip(1).step_by(2);
    let given = quoted.next().filter(|_| told.starts_with("unknown "))?;
    nearest_of(given, quoted).map(str::to_owned)
}

fn nearest_of<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::damerau_levenshtein(given, known), known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + given.chars().count() / 3).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_no_far_one() {
        let told = |name: &str| nearest(&format!("unknown field `{name}`, expected one of `limit`, `cursor`, `state`"));
        assert_eq!(told("limt").as_deref(), Some("limit"));
        assert_eq!(told("stat").as_deref(), Some("state"));
        assert_eq!(told("colour"), None);
        assert_eq!(nearest("invalid type: string \"`a`\", expected u64 `b`"), None);
    }
}
