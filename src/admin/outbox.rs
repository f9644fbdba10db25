//! `/api/v1/outbox`: what is to leave and what left, by filters; one with its content; and what operators decide about those
//! that wait.

use actors::{CodecError, Decided, view};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{ConversationId, Page, Send, SendId, SendState};
use utoipa::{IntoParams, ToSchema};

use super::audit::Audited;
use super::letters::{duration, reason};
use super::lists::{Asked, limit, page, read, read_json};
use super::messages::conflict;
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, cursor};
use crate::admin::shapes;

/// Pages looked through for those that a filter takes.
const PAGES: usize = 20;
/// Messages of a conversation looked through for those that a filter takes.
const LOOKED_AT: u64 = 4_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OutboxQuery {
    /// In this state only.
    state: Option<String>,
    /// From this number only.
    phone_number_id: Option<String>,
    /// Of this conversation only.
    conversation: Option<String>,
    /// With this number of Meta's only.
    code: Option<u64>,
    /// Decided longer ago than this, such as `10m`.
    older_than: Option<String>,
    /// Of this broadcast only.
    broadcast: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What is asked for.
struct Wanted<'p> {
    principal: &'p Principal,
    state: Option<SendState>,
    number: Option<String>,
    code: Option<u64>,
    before_ms: Option<u64>,
    broadcast: Option<String>,
}

impl Wanted<'_> {
    fn view(&self, row: &Send) -> Result<Option<view::SendView>, CodecError> {
        if self.state.is_some_and(|state| state != row.state) || self.before_ms.is_some_and(|ms| row.created_ms >= ms) {
            return Ok(None);
        }
        let shown = view::send(row)?;
        let code = |shown: &view::SendView| shown.error.as_ref().and_then(|error| error["code"].as_u64());
        let takes = self.principal.sees(&shown.phone_number_id)
            && self.number.as_ref().is_none_or(|number| **number == *shown.phone_number_id)
            && self.broadcast.as_ref().is_none_or(|id| shown.broadcast.as_deref() == Some(id))
            && (self.code.is_none() || code(&shown) == self.code);
        Ok(takes.then_some(shown))
    }
}

/// Messages on their way, newest first. A page may be short, or even empty, and still have a next one.
#[utoipa::path(
    get, path = "/api/v1/outbox",
    params(OutboxQuery),
    responses((status = OK, body = shapes::Listed<shapes::Outgoing>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<OutboxQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let state = query.state.as_deref().map(state_named).transpose()?;
    let older_ms = query.older_than.as_deref().map(duration).transpose()?;
    let wanted = Wanted {
        principal: &principal,
        state,
        number: query.phone_number_id,
        code: query.code,
        before_ms: older_ms.map(|ms| shared.parts.clock.now_ms().saturating_sub(ms)),
        broadcast: query.broadcast,
    };
    if let Some(id) = query.conversation {
        let conversation = super::conversations::named(&principal, &id)?;
        let (limit, before) = (limit(query.limit)?, cursor::take(&id, query.cursor.as_deref())?);
        let before = before.and_then(|before| before.parse().ok());
        let (items, next) = of_conversation(&shared, conversation, &wanted, before, limit).await?;
        return Ok(Json(json!({ "items": items, "next_cursor": cursor::give(&id, next.map(|n| n.to_string())) })));
    }
    let mut asked = page("outbox", query.limit, query.cursor.as_deref())?;
    let (mut items, limit) = (Vec::new(), asked.limit);
    for _ in 0..PAGES {
        asked = Page { limit: limit - items.len(), cursor: asked.cursor };
        let listed = shared.parts.store.outbox(state, asked.clone()).await?;
        for row in &listed.items {
            items.extend(wanted.view(row).map_err(|error| Problem::damaged(&error))?);
        }
        asked.cursor = listed.next;
        if asked.cursor.is_none() || items.len() >= limit {
            break;
        }
    }
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give("outbox", asked.cursor) })))
}

/// Newest first, from before a number on. Answers where it goes on, if it does.
async fn of_conversation(
    shared: &Shared,
    conversation: ConversationId,
    wanted: &Wanted<'_>,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<view::SendView>, Option<u64>), Problem> {
    let store = &shared.parts.store;
    let head = store.load(conversation).await?;
    let first = before.unwrap_or_else(|| head.map_or(1, |head| head.next_send));
    let (mut items, mut at) = (Vec::new(), first);
    let end = first.saturating_sub(LOOKED_AT).max(1);
    while at > end && items.len() < limit {
        let from = at.saturating_sub(200).max(end);
        let ids = (from..at).rev().map(|n| SendId { conversation, n }).collect();
        for row in store.sends(ids).await?.iter().flatten() {
            items.extend(wanted.view(row).map_err(|error| Problem::damaged(&error))?);
            at = row.id.n;
            if items.len() == limit {
                return Ok((items, Some(at).filter(|at| *at > 1)));
            }
        }
        at = from;
    }
    Ok((items, Some(at).filter(|at| *at > 1)))
}

fn state_named(name: &str) -> Result<SendState, Problem> {
    view::state_by_name(name).ok_or_else(|| {
        Problem::bad_request(format!("there is no outbox state {name:?}"))
            .hint("queued, sending, uncertain, held, accepted, sent, delivered, read, failed, dead")
    })
}

/// A message of the outbox with its content.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "message": { "id": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB-7", "state": "held", "phone_number_id": "106540352242922" },
    "body": { "type": "text", "text": { "body": "hello" } }
}))]
pub(super) struct OutboxShown {
    /// As in the list.
    #[schema(value_type = Object)]
    message: Value,
    /// What is sent.
    #[schema(value_type = Object)]
    body: Value,
}

#[utoipa::path(
    get, path = "/api/v1/outbox/{id}", tag = "outbox", summary = "Show a message of the outbox",
    params(("id" = String, Path)), responses((status = 200, body = OutboxShown))
)]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<OutboxShown>, Problem> {
    one(&shared, &principal, &id).await.map(Json)
}

async fn one(shared: &Shared, principal: &Principal, id: &str) -> Result<OutboxShown, Problem> {
    let send: SendId = id.parse().map_err(|_| unknown(id))?;
    let row = shared.parts.store.sends(vec![send]).await?.into_iter().flatten().next().ok_or_else(|| unknown(id))?;
    let shown = view::send(&row).map_err(|error| Problem::damaged(&error))?;
    if !principal.sees(&shown.phone_number_id) {
        return Err(unknown(id));
    }
    let body = view::outgoing(&row).map_err(|error| Problem::damaged(&error))?.raw;
    Ok(OutboxShown { message: json!(shown), body })
}

#[utoipa::path(
    post, path = "/api/v1/outbox/{id}/release", tag = "outbox", summary = "Let a message go that is held or in doubt",
    description = "One in doubt may reach the person a second time by this.",
    params(("id" = String, Path)), responses((status = 200, body = OutboxShown))
)]
pub(super) async fn release(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<(Extension<Audited>, Json<OutboxShown>), Problem> {
    let before = one(&shared, &principal, &id).await?;
    let send: SendId = id.parse().map_err(|_| unknown(&id))?;
    decided(shared.parts.engine.release_send(send).await?, &id, "released")?;
    let after = one(&shared, &principal, &id).await?;
    Ok((Extension(audited(&before, &after).reason(None::<Box<str>>)), Json(after)))
}

/// Why it shall not leave.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the person has it already" }))]
pub(super) struct DropSend {
    /// Kept with it.
    reason: String,
}

#[utoipa::path(
    post, path = "/api/v1/outbox/{id}/drop", tag = "outbox", summary = "End a message that has not left",
    params(("id" = String, Path)), request_body = DropSend, responses((status = 200, body = OutboxShown))
)]
pub(super) async fn drop_send(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<DropSend>, JsonRejection>,
) -> Result<(Extension<Audited>, Json<OutboxShown>), Problem> {
    let before = one(&shared, &principal, &id).await?;
    let why = reason(&read_json(body)?.reason)?;
    let send: SendId = id.parse().map_err(|_| unknown(&id))?;
    decided(shared.parts.engine.drop_send(send, &principal.who, &why).await?, &id, "dropped")?;
    let after = one(&shared, &principal, &id).await?;
    Ok((Extension(audited(&before, &after).reason(Some(why))), Json(after)))
}

/// What the audit trail says of a message: how it stood, and not what is in it.
fn audited(before: &OutboxShown, after: &OutboxShown) -> Audited {
    let state = |shown: &OutboxShown| json!({ "state": shown.message["state"] });
    Audited::default().before(state(before)).after(state(after))
}

fn decided(decided: Decided, id: &str, asked: &str) -> Result<(), Problem> {
    match decided {
        Decided::Now(_) => Ok(()),
        Decided::Not(state) => {
            let detail = format!("the message is {}: it cannot be {asked}", view::state_name(state));
            Err(conflict("outbox-state", &detail))
        }
        Decided::UnderWay => {
            Err(conflict("outbox-state", "a request for this message is under way").hint("look again in a moment"))
        }
        Decided::WithHuman => Err(conflict("with-human", "somebody answers in the bot's place")
            .hint("it leaves when the conversation is handed back")),
        Decided::Unknown => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", format!("there is no message {id:?}"))
}
