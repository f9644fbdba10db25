//! `POST /api/v1/runs`: starts a bot's trigger `api` with variables for somebody.

use actors::{CallTo, Called};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chatbot::ApiCall;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::lists::read_json;
use super::super::messages::conflict;
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, conversations, once, trigger};

/// A run to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to": "+44 7700 900123", "trigger": "order.paid", "variables": { "order": "A-17", "total": 12.5 }
}))]
pub(in super::super) struct NewRun {
    /// A number with its country code, a business-scoped user id, or a conversation's id.
    to: String,
    /// The `phone_number_id` that it is over; not needed where there is one only.
    from: Option<String>,
    /// The bot, where it is not the one that answers on this number.
    bot: Option<String>,
    /// The name of a trigger `api` of the bot, or of a wait's `until_event`.
    trigger: String,
    /// What the bot finds as `input.data`.
    #[serde(default)]
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
}

/// A run that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "1207", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "trigger": "order.paid", "state": "accepted"
}))]
pub(in super::super) struct RunAccepted {
    /// Its place in the journal.
    id: String,
    /// The conversation that it runs in.
    conversation: String,
    /// As it was asked for.
    trigger: String,
    /// `accepted`: durable, and it gets its turn.
    state: String,
}

#[utoipa::path(
    post, path = "/api/v1/runs", tag = "sending", summary = "Start a bot's trigger for somebody",
    description = "Durable when it answers. While another run is under way, the trigger's `interrupt` says whether it \
        begins in its place. With `Idempotency-Key` it counts once within 24 hours.",
    request_body = NewRun, responses((status = 202, body = RunAccepted))
)]
pub(in super::super) async fn start(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    body: Result<Json<NewRun>, JsonRejection>,
) -> Result<Response, Problem> {
    let NewRun { to, from, bot, trigger: name, variables } = read_json(body)?;
    let to = super::target(&to)?;
    let number_id = super::number(&shared, &principal, from.as_deref(), Some(&to))?;
    let call = ApiCall::new(name.clone(), Value::Object(variables)).map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-trigger", error.to_string())
            .hint("trigger is a name such as order.paid; variables are an object")
    })?;
    let unknown = || conversations::unknown(&to.to_string());
    let bot = bot.map(Box::from);
    let key = once::key(&headers, &principal.who)?;
    let call = CallTo { number_id, to: to.clone(), bot: bot.clone(), call, key };
    let (conversation, called) = shared.parts.engine.call_to(call).await?;
    let conversation = conversation.ok_or_else(unknown)?.to_string();
    match called {
        Called::Accepted(seq) => {
            let run = RunAccepted { id: seq.0.to_string(), conversation, trigger: name, state: "accepted".to_owned() };
            Ok((StatusCode::ACCEPTED, Json(run)).into_response())
        }
        Called::NoBot if bot.is_some() => {
            let id = bot.unwrap_or_default();
            Err(Problem::not_found(format!("there is no live bot {id:?}")).hint("GET /api/v1/bots lists them"))
        }
        Called::Busy(running) => {
            Err(conflict("run-under-way", &format!("a run of the bot {running} is under way in this conversation"))
                .hint("wait for its end, or end it: POST /api/v1/conversations/{id}/end"))
        }
        other => Err(trigger::refused(other, &name, &conversation)),
    }
}
