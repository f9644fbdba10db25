//! `POST /api/v1/messages`: a template to anybody, or a reply to whoever wrote within 24 hours. And how one stands.

use actors::{OrderTo, Ordered, view};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{ConversationId, InboxSeq, Page, SendId};
use utoipa::ToSchema;
use whatsapp::message::Outgoing;

use super::super::lists::{Asked, read, read_json};
use super::super::messages::{SendQuery, conflict, invalid, refused};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, Shared, conversations, once};

/// Entries of a conversation looked through for what became of a message that had waited.
const LOOKED_AT: usize = 1_000;

/// A message for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to": "+44 7700 900123",
    "message": { "type": "template", "template": { "name": "order_shipped", "language": { "code": "en" } } }
}))]
pub(in super::super) struct NewMessage {
    /// A number with its country code, a business-scoped user id, or a conversation's id.
    to: String,
    /// The `phone_number_id` that it leaves from; not needed where there is one only.
    from: Option<String>,
    /// A message of the Cloud API without `to`. Only a template may go to whoever has not written within 24 hours.
    message: Value,
}

/// A message that was taken.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB-7", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "state": "queued"
}))]
pub(in super::super) struct Placed {
    /// For `GET /api/v1/messages/{id}`.
    id: String,
    /// The conversation that it belongs to.
    conversation: String,
    /// `queued`: it is in the outbox. `waiting`: its conversation has not taken it yet.
    state: String,
}

#[utoipa::path(
    post, path = "/api/v1/messages", tag = "sending", summary = "Send a message to anybody",
    description = "Durable when it answers. With `Idempotency-Key` it is sent once within 24 hours.",
    params(SendQuery), request_body = NewMessage, responses((status = 202, body = Placed))
)]
pub(in super::super) async fn send(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<SendQuery>,
    headers: HeaderMap,
    body: Result<Json<NewMessage>, JsonRejection>,
) -> Result<Response, Problem> {
    let SendQuery { force } = read(query)?;
    let NewMessage { to, from, message } = read_json(body)?;
    let to = super::target(&to)?;
    let number_id = super::number(&shared, &principal, from.as_deref(), Some(&to))?;
    let message = Outgoing::parse(&message).map_err(|errors| invalid(&errors))?;
    let unknown = || conversations::unknown(&to.to_string());
    let (key, who) = (once::key(&headers, &principal.who)?, principal.who.clone());
    let order = OrderTo { number_id, to: to.clone(), message, key, who, force };
    let (conversation, ordered) = shared.parts.engine.order_to(order).await?;
    let conversation = conversation.ok_or_else(unknown)?;
    let placed = |id: String, state: &str| {
        let placed = Placed { id, conversation: conversation.to_string(), state: state.to_owned() };
        (StatusCode::ACCEPTED, Json(placed)).into_response()
    };
    match ordered {
        Ordered::Queued(send) => Ok(placed(send.to_string(), "queued")),
        Ordered::Waiting(seq) => Ok(placed(waiting_id(conversation, seq), "waiting")),
        Ordered::Refused(refusal) => Err(refused(&refusal)),
        Ordered::Full => Err(conflict("outbox-full", "too many messages of this conversation have not left yet")
            .hint("try again when some have left")),
        Ordered::Unknown => Err(unknown()),
    }
}

/// A message that was sent, or is to be.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB-7", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "state": "delivered",
    "phone_number_id": "106540352242922", "wamid": "wamid.HBgL", "type": "template", "text": "", "error": null,
    "created_at": "2026-11-27T09:00:00.000Z", "updated_at": "2026-11-27T09:00:02.000Z"
}))]
pub(in super::super) struct Sent {
    /// As it was given out; once its conversation has taken it, the outbox id.
    id: String,
    /// The conversation that it belongs to.
    conversation: String,
    /// `waiting`, `refused`, or a state of the outbox: queued, sending, uncertain, held, accepted, sent, delivered, read,
    /// failed, dead.
    state: String,
    /// The number that it leaves from.
    phone_number_id: Option<String>,
    /// Meta's id, once known.
    wamid: Option<String>,
    /// Meta's type.
    r#type: Option<String>,
    /// Body, caption or empty.
    text: Option<String>,
    /// Why it has not left, or why it was refused.
    error: Option<Value>,
    /// When it was decided.
    created_at: Option<String>,
    /// When its state last changed.
    updated_at: Option<String>,
}

#[utoipa::path(
    get, path = "/api/v1/messages/{id}", tag = "sending", summary = "Show how a message stands",
    params(("id" = String, Path, description = "As it was given out")), responses((status = 200, body = Sent))
)]
pub(in super::super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Sent>, Problem> {
    if let Ok(send) = id.parse::<SendId>() {
        return sent(&shared, &principal, send).await.map(Json);
    }
    let (conversation, seq) = of_waiting(&id).ok_or_else(|| unknown(&id))?;
    super::number(&shared, &principal, None, Some(&actors::Target::Conversation(conversation)))
        .map_err(|_| unknown(&id))?;
    let waits = |state: &str, error: Option<Value>| Sent {
        id: id.clone(),
        conversation: conversation.to_string(),
        state: state.to_owned(),
        phone_number_id: None,
        wamid: None,
        r#type: None,
        text: None,
        error,
        created_at: None,
        updated_at: None,
    };
    let store = &shared.parts.store;
    if !store.inbox(vec![seq]).await?.is_empty() {
        return Ok(Json(waits("waiting", None)));
    }
    let page = Page { cursor: None, limit: LOOKED_AT };
    for entry in store.history(conversation, page).await?.items {
        match view::fate_of(&entry, seq).map_err(|error| Problem::damaged(&error))? {
            Some(view::Fate::Sent(n)) => return sent(&shared, &principal, SendId { conversation, n }).await.map(Json),
            Some(view::Fate::Refused(why)) => return Ok(Json(waits("refused", Some(json!({ "title": why }))))),
            None => {}
        }
    }
    Err(unknown(&id))
}

async fn sent(shared: &Shared, principal: &Principal, id: SendId) -> Result<Sent, Problem> {
    let row = shared.parts.store.sends(vec![id]).await?.into_iter().flatten().next();
    let row = row.ok_or_else(|| unknown(&id.to_string()))?;
    let row = view::send(&row).map_err(|error| Problem::damaged(&error))?;
    if !principal.sees(&row.phone_number_id) {
        return Err(unknown(&id.to_string()));
    }
    Ok(Sent {
        id: row.id,
        conversation: row.conversation,
        state: row.state.to_owned(),
        phone_number_id: Some(row.phone_number_id.into()),
        wamid: row.wamid.map(Into::into),
        r#type: Some(row.kind),
        text: Some(row.text),
        error: row.error,
        created_at: Some(super::super::time::at(row.created_ms)),
        updated_at: Some(super::super::time::at(row.updated_ms)),
    })
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no message {id:?}"))
}

fn waiting_id(conversation: ConversationId, seq: InboxSeq) -> String {
    let conversation = conversation.to_string();
    format!("q_{}-{}", conversation.trim_start_matches("c_"), seq.0)
}

fn of_waiting(id: &str) -> Option<(ConversationId, InboxSeq)> {
    let (conversation, seq) = id.strip_prefix("q_")?.split_once('-')?;
    Some((format!("c_{conversation}").parse().ok()?, InboxSeq(seq.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use actors::identity;

    use super::*;

    #[test]
    fn a_message_that_waits_has_an_id_of_its_own() {
        let conversation = identity::conversation_id(&storage::Partition("1".into()), storage::ContactId([7; 12]));
        let id = waiting_id(conversation, InboxSeq(12));
        assert_eq!(of_waiting(&id), Some((conversation, InboxSeq(12))));
        assert!(of_waiting("q_x-1").is_none() && of_waiting("o_x-1").is_none() && id.parse::<SendId>().is_err());
    }
}
