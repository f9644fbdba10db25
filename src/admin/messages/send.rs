//! `POST /api/v1/conversations/{id}/messages`: a Cloud API message body without `to`, sent in the order of the
//! conversation. 202 means that it is durable.

use actors::{Order, OrderError, Ordered, Refusal};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use whatsapp::limits::LimitError;
use whatsapp::message::Outgoing;

use super::super::lists::{Asked, read, read_json};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, conversations, once, time};
use crate::admin::shapes;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct SendQuery {
    /// Also where somebody else of staff answers; without it that is 423.
    #[serde(default)]
    pub(in super::super) force: bool,
}

/// Sends a message in the order of the conversation. 202 means that it is durable.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/messages",
    params(SendQuery),
    request_body(content = serde_json::Value, description = "A message of the Cloud API without `to`",
        example = json!({ "type": "text", "text": { "body": "hello" } })),
    responses((status = ACCEPTED, body = shapes::Accepted)),
)]
pub(in super::super) async fn send(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<SendQuery>,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Response, Problem> {
    let SendQuery { force } = read(query)?;
    let conversation = conversations::named(&principal, &id)?;
    let body = read_json(body)?;
    let message = Outgoing::parse(&body).map_err(|errors| invalid(&errors))?;
    let (key, who) = (once::key(&headers, &principal.who)?, principal.who.clone());
    let order = Order { conversation, message, key, who, force };
    match shared.parts.engine.order(order).await? {
        Ordered::Queued(send) => Ok(accepted(&send.to_string(), "queued")),
        Ordered::Waiting(seq) => Ok(accepted(&seq.0.to_string(), "waiting")),
        Ordered::Refused(refusal) => Err(refused(&refusal)),
        Ordered::Full => Err(conflict("outbox-full", "too many messages of this conversation have not left yet")
            .hint("try again when some have left")),
        Ordered::Unknown => Err(conversations::unknown(&id)),
    }
}

fn accepted(id: &str, state: &str) -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "id": id, "state": state }))).into_response()
}

/// Every part that is wrong, with its path, the limit and the value.
pub(in super::super) fn invalid(errors: &[LimitError]) -> Problem {
    let one = |error: &LimitError| json!({ "pointer": pointer(&error.field), "code": "PAR-0133", "suggestion": null, "field": error.field, "limit": error.limit.to_string(), "actual": error.actual, "value": error.value, "detail": error.to_string() });
    let detail = errors.first().map(ToString::to_string).unwrap_or_default();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-message", detail)
        .hint("the body is a message of the Cloud API without `to`")
        .with("errors", errors.iter().map(one).collect::<Vec<_>>())
}

pub(in super::super) fn refused(refusal: &Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::WindowClosed(ended_ms) => {
            let time = ended_ms.and_then(|ms| jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
            conflict("window-closed", &detail)
                .hint("send an approved template; the person's answer opens the window for 24 hours")
                .with("window_expired_at", time.map(|time| format!("{time:.3}")))
        }
        Refusal::KeyReused => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail)
            .hint("use a new key for a new message"),
        Refusal::OptedOut => conflict("opted-out", &detail).hint("templates of other categories may still be sent"),
        Refusal::Duplicate => conflict("conflict", &detail),
        Refusal::WithHuman => {
            conflict("with-human", &detail).hint("it is a bot's message: hand the conversation back first")
        }
        Refusal::Resolved => conflict("letter-resolved", &detail),
        Refusal::Owned { who, since_ms } => Problem::new(StatusCode::LOCKED, "owned-by-another", detail)
            .hint("take the conversation over first, or send it with force=true")
            .with("owner", &**who)
            .with("since", time::at(*since_ms)),
        Refusal::NobodyToSendTo => conflict("no-address", &detail),
    }
}

pub(in super::super) fn conflict(kind: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, kind, detail)
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) => error.into(),
            OrderError::State(error) => Problem::damaged(&error),
        }
    }
}

/// `template.components[0].type` as a JSON pointer.
fn pointer(field: &str) -> String {
    let parts = field.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
    parts.map(|part| format!("/{part}")).collect()
}
