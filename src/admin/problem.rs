//! Errors of the admin API: `application/problem+json` (RFC 9457) with a stable type and what to do.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
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

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this method is not allowed here")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid credential is needed")
            .hint("send Authorization: Bearer and the admin token")
    }

    /// The role does not cover it.
    pub(super) fn forbidden(principal: &Principal, needed: Role) -> Self {
        let detail = format!("this needs the role {}, {} is {}", needed.name(), principal.who, principal.role.name());
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
            .hint("ask an admin for the role, or use another credential")
            .with("needed_role", needed.name())
    }

    pub(super) fn braked(seconds: u64) -> Self {
        let detail = "too many wrong credentials came from this address";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail);
        Self { retry_after_seconds: Some(seconds), ..problem }
    }

    /// The answer broke while it was made: the log has the whole story.
    pub(super) fn broken(error: &tokio::task::JoinError) -> Self {
        tracing::error!(%error, "an answer of the admin API broke");
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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("/problems/{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "hint": self.hint,
            "meta": null,
        });
        for (name, value) in self.more {
            body[name] = value;
        }
        let mut answer = (self.status, body.to_string()).into_response();
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
