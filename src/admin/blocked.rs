//! Blocking people: at Meta, by conversation; and the list of those who are.

use actors::blocking::BlockError;
use actors::view;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use whatsapp::graph::{Blocked, CallError};
use whatsapp::message::Recipient;

use super::conversations::seen;
use super::lists::{Asked, limit, read};
use super::principal::Principal;
use super::problem::Problem;
use super::time::at;
use super::{Ctx, Shared, cursor};
use crate::admin::shapes;

const LIST: &str = "blocked";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Of this number of ours only.
    phone_number_id: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RefreshQuery {
    /// Of this number of ours only.
    phone_number_id: Option<String>,
}

/// Blocks the person at Meta.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/block", responses((status = OK, body = shapes::Blocked)))]
pub(super) async fn block(state: Ctx, who: Extension<Principal>, id: Path<String>) -> Result<Json<Value>, Problem> {
    change(state, who, id, true).await
}

/// Lets the person write again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/unblock", responses((status = OK, body = shapes::Blocked)))]
pub(super) async fn unblock(state: Ctx, who: Extension<Principal>, id: Path<String>) -> Result<Json<Value>, Problem> {
    change(state, who, id, false).await
}

async fn change(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    blocks: bool,
) -> Result<Json<Value>, Problem> {
    let (id, head) = seen(&shared, &principal, &id).await?;
    let (conversation, _) = view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?;
    let phone = conversation.wa_id.as_deref().map(|wa_id| Recipient::Phone(wa_id.into()));
    let who = phone.or_else(|| conversation.user_id.as_deref().map(|id| Recipient::UserId(id.into())));
    let who = who.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "no-person", "nobody knows who the person of this conversation is")
    })?;
    let (services, number) = (&shared.parts.services, &conversation.phone_number_id);
    let answer = match blocks {
        true => services.blocks.block(number, &who).await?,
        false => services.blocks.unblock(number, &who).await?,
    };
    refused(&answer)?;
    Ok(Json(json!({ "id": id.to_string(), "blocked": blocks })))
}

fn refused(answer: &Blocked) -> Result<(), Problem> {
    let Some(failure) = answer.failed.first() else { return Ok(()) };
    let error = failure.errors.first();
    let words = error.and_then(|error| error.details.clone().or(error.message.clone()).or(error.title.clone()));
    let detail = words.unwrap_or_else(|| "Meta did not do it and does not say why".to_owned());
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "meta-refused", detail)
        .hint("only who wrote within the last 24 hours can be blocked");
    Err(problem.meta(json!({ "code": error.and_then(|error| error.code), "subcode": null, "fbtrace_id": null })))
}

/// People who are blocked.
#[utoipa::path(
    get, path = "/api/v1/blocked",
    params(ListQuery),
    responses((status = OK, body = shapes::Listed<shapes::BlockedPerson>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (limit, number) = (limit(query.limit)?, query.phone_number_id.as_deref());
    let after = cursor::take(LIST, query.cursor.as_deref())?;
    let after = after.as_deref().and_then(|after| after.split_once('/'));
    let wanted = |of: &str| principal.sees(of) && number.is_none_or(|number| *number == *of);
    let mut people = shared.parts.services.blocks.list(wanted, after, limit + 1);
    let more = people.len() > limit;
    people.truncate(limit);
    let next = people.last().filter(|_| more).map(|last| format!("{}/{}", last.phone_number_id, last.person));
    let shown = people.iter().map(|blocked| {
        json!({
            "phone_number_id": blocked.phone_number_id,
            "person": blocked.person,
            "since": at(blocked.since_ms),
        })
    });
    Ok(Json(json!({ "items": shown.collect::<Vec<_>>(), "next_cursor": cursor::give(LIST, next) })))
}

/// Reads from Meta who is blocked, at once instead of within the hour.
#[utoipa::path(
    post, path = "/api/v1/blocked/refresh",
    params(RefreshQuery),
    responses((status = OK, body = shapes::BlockedRefreshed)),
)]
pub(super) async fn refresh(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<RefreshQuery>,
) -> Result<Json<Value>, Problem> {
    let asked = read(query)?.phone_number_id;
    let mut numbers = super::begin::numbers(&shared, &principal);
    numbers.retain(|number| asked.as_ref().is_none_or(|asked| **asked == **number));
    if let Some(asked) = asked.filter(|_| numbers.is_empty()) {
        return Err(super::numbers::unknown(&asked));
    }
    let mut people = 0;
    for number in &numbers {
        people += shared.parts.services.blocks.sync(number).await?;
    }
    Ok(Json(json!({ "numbers": numbers.len(), "people": people })))
}

/// Adds `blocked` to a conversation as it is shown.
pub(super) fn mark(shared: &Shared, conversation: &mut Value) {
    let text = |key: &str| conversation[key].as_str().unwrap_or_default();
    let blocked = shared.parts.services.blocks.is_blocked(text("phone_number_id"), &[text("wa_id"), text("user_id")]);
    conversation["blocked"] = json!(blocked);
}

impl From<BlockError> for Problem {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Number(_) => Self::new(StatusCode::CONFLICT, "number-not-configured", error.to_string()),
            BlockError::Call(CallError::Graph(error)) => {
                Self::of_meta(&CallError::Graph(error)).hint("only who wrote within the last 24 hours can be blocked")
            }
            BlockError::Call(error) => Self::of_meta(&error),
            BlockError::Store(error) => error.into(),
        }
    }
}
