//! `POST /api/v1/conversations/{id}/handback`: a human is done, the bot goes on. `{"outcome": "closed"}` says that the
//! matter is settled; without it the conversation is returned. 202 means that it is durable.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chatbot::HandBack;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::given::read_text;
use super::problem::Problem;
use super::{Ctx, conversations};
use crate::admin::shapes;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HandBackOrder, example = json!({ "outcome": "closed" }))]
struct Asked {
    /// `returned`, or `closed` if the matter is settled.
    #[schema(value_type = String)]
    outcome: HandBack,
}

/// A human is done: the bot goes on. 202 means that it is durable.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/handback",
    request_body(content = Option<Asked>),
    responses((status = ACCEPTED, body = shapes::HandedBack)),
)]
pub(super) async fn hand_back(State(shared): Ctx, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let conversation = id.parse().map_err(|_| conversations::unknown(&id))?;
    let outcome = match body.is_empty() {
        true => HandBack::Returned,
        false => read_text::<Asked>(&body)?.outcome,
    };
    match shared.parts.engine.hand_back(conversation, outcome).await? {
        Some(true) => Ok((StatusCode::ACCEPTED, Json(json!({ "id": id, "outcome": outcome }))).into_response()),
        Some(false) => Err(Problem::new(StatusCode::CONFLICT, "with-bot", "the bot has this conversation already")),
        None => Err(conversations::unknown(&id)),
    }
}
