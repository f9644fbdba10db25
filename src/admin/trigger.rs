//! `POST /api/v1/conversations/{id}/trigger`: tells a conversation's bot that something happened. `{"name", "data"}`;
//! 202 means that it is durable. With `Idempotency-Key` it counts once.

use actors::{Call, Called};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chatbot::ApiCall;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::lists::read_json;
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, conversations, once};
use crate::admin::shapes;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiEvent, example = json!({ "name": "order.paid", "data": { "order": 7 } }))]
pub(super) struct Told {
    /// Of this name only.
    name: String,
    /// Whatever the bot shall know.
    #[serde(default)]
    data: Value,
}

/// Tells the bot of a conversation that something happened. 202 means that it is durable.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/trigger",
    request_body(content = Told),
    responses((status = ACCEPTED, body = shapes::Told)),
)]
pub(super) async fn trigger(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Told>, JsonRejection>,
) -> Result<Response, Problem> {
    let conversation = conversations::named(&principal, &id)?;
    let Told { name, data } = read_json(body)?;
    let call = ApiCall::new(name.clone(), data).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-trigger", error.to_string())
            .hint("the body is {\"name\": …, \"data\": …}")
    })?;
    let key = once::key(&headers, &principal.who)?;
    match shared.parts.engine.call(Call { conversation, call, key }).await? {
        Called::Accepted(seq) => {
            let body = json!({ "id": seq.0.to_string(), "conversation": id, "name": name });
            Ok((StatusCode::ACCEPTED, Json(body)).into_response())
        }
        other => Err(refused(other, &name, &id)),
    }
}

/// Why a call was not taken.
pub(super) fn refused(called: Called, name: &str, id: &str) -> Problem {
    match called {
        Called::WithHuman => {
            conflict("with-human", "a human answers in this conversation").hint("hand it back first: POST …/handback")
        }
        Called::NoBot => conflict("no-bot", "no bot answers in this conversation"),
        Called::Busy(running) => conflict("run-under-way", &format!("a run of the bot {running} is under way")),
        Called::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "this idempotency key was used for another call",
        )
        .hint("use a new key for a new call"),
        Called::Unheard(bot) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-trigger",
            format!("the bot {bot} has neither a trigger nor a wait for {name}"),
        )
        .hint("add a trigger `api` of this name to the bot, or a `wait` with `until_event`"),
        Called::Accepted(_) | Called::Unknown => conversations::unknown(id),
    }
}

fn conflict(kind: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, kind, detail)
}
