//! `/api/v1/conversations`: the list, one conversation, its messages.

use actors::view::{self, ConversationView, MessageView};
use actors::{CodecError, identity};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{ConversationId, Entry, Head, InboxSeq, Listed, Page, Partition, SendId, Store};

use super::{Ctx, cursor};
use super::lists::{limit, page};
use super::problem::Problem;

/// Name of the list of conversations, for its cursors.
const LIST: &str = "conversations";
/// Inbox rows looked through for messages that no turn has consumed yet.
const PENDING_LOOKED_THROUGH: usize = 2_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    phone: Option<String>,
    phone_number_id: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    State(shared): Ctx,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(filter) = filter.map_err(|error| Problem::bad_request(error.body_text()))?;
    let store = &*shared.parts.store;
    let number = filter.phone_number_id.as_deref();
    let found: Listed<(ConversationId, Head)> = match &filter.phone {
        Some(phone) => of_person(store, &shared.parts.numbers, number, phone).await?,
        None => {
            let prefix = number.map(|number| identity::partition_tag(&Partition(number.into())));
            store.conversations(prefix, page(LIST, filter.limit, filter.cursor.as_deref())?).await?
        }
    };
    let items: Result<Vec<ConversationView>, CodecError> =
        found.items.iter().map(|(id, head)| view::conversation(*id, head).map(|(view, _)| view)).collect();
    let items = items.map_err(|error| Problem::damaged(&error))?;
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, found.next) })))
}

/// A person has at most one conversation with each of our numbers.
async fn of_person(
    store: &dyn Store,
    numbers: &[Box<str>],
    only: Option<&str>,
    phone: &str,
) -> Result<Listed<(ConversationId, Head)>, Problem> {
    if !phone.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(
            Problem::bad_request("phone must have digits").hint("such as phone=447700900123 or phone=%2B447700900123")
        );
    }
    let contact = view::contact_of_phone(store, phone).await?;
    let mut items = Vec::new();
    for number in numbers.iter().filter(|number| only.is_none_or(|only| *only == ***number)) {
        let id = identity::conversation_id(&Partition(number.clone()), contact);
        items.extend(store.load(id).await?.map(|head| (id, head)));
    }
    items.sort_by_key(|(_, head)| std::cmp::Reverse(head.updated_ms));
    Ok(Listed { items, next: None })
}

pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let (id, head) = find(&*shared.parts.store, &id).await?;
    let (view, variables) = view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?;
    let mut answer = json!(view);
    answer["variables"] = variables;
    Ok(Json(answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn messages(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Result<Query<MessagesQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let store = &*shared.parts.store;
    let limit = limit(query.limit)?;
    let mut place = Place::parse(&id, query.cursor.as_deref())?;
    let mut items = Vec::new();
    // Pending ones first: a message that is consumed in between is seen twice rather than not at all.
    if query.cursor.is_none() {
        items = pending(store, &id).await?;
    }
    let (id, _) = match find(store, &id).await {
        Ok(found) => found,
        // Messages can wait for a conversation that has not had its first turn.
        Err(_) if !items.is_empty() => {
            items.truncate(limit);
            return Ok(Json(json!({ "items": items, "next_cursor": null })));
        }
        Err(problem) => return Err(problem),
    };
    let next = loop {
        let listed = store.history(id, Page { cursor: place.before.clone(), limit: 1 }).await?;
        let Some(entry) = listed.items.first() else { break None };
        let mut newest_first = entry_messages(store, id, entry).await?;
        newest_first.reverse();
        newest_first.retain(|message| !items.iter().any(|known: &MessageView| known.id == message.id));
        let room = limit.saturating_sub(items.len());
        let left = newest_first.len().saturating_sub(place.skip);
        items.extend(newest_first.into_iter().skip(place.skip).take(room));
        if left > room {
            break Some(Place { before: place.before, skip: place.skip + room });
        }
        match listed.next {
            Some(next) => place = Place { before: Some(next), skip: 0 },
            None => break None,
        }
        if items.len() >= limit {
            break Some(place);
        }
    };
    items.truncate(limit);
    Ok(Json(json!({ "items": items, "next_cursor": next.map(|place| place.text(&id.to_string())) })))
}

async fn entry_messages(
    store: &dyn Store,
    conversation: ConversationId,
    entry: &Entry,
) -> Result<Vec<MessageView>, Problem> {
    let numbers = view::sends_of(entry).map_err(|error| Problem::damaged(&error))?;
    let ids = numbers.into_iter().map(|n| SendId { conversation, n }).collect();
    let rows = store.sends(ids).await?;
    let row = |n| rows.iter().flatten().find(|row| row.id.n == n).cloned();
    view::messages(entry, row).map_err(|error| Problem::damaged(&error))
}

/// Accepted messages of this conversation that no turn has consumed, newest first.
async fn pending(store: &dyn Store, id: &str) -> Result<Vec<MessageView>, Problem> {
    let Ok(id) = id.parse::<ConversationId>() else { return Ok(Vec::new()) };
    let rows = store.pending(InboxSeq(0), PENDING_LOOKED_THROUGH).await?;
    let mut found = Vec::new();
    for (seq, row) in rows {
        if view::conversation_of(store, &row).await? == id {
            found.push(view::pending(seq, &row).map_err(|error| Problem::damaged(&error))?);
        }
    }
    found.reverse();
    Ok(found)
}

async fn find(store: &dyn Store, id: &str) -> Result<(ConversationId, Head), Problem> {
    let parsed: ConversationId =
        id.parse().map_err(|error| Problem::not_found(format!("{id:?} is no conversation: {error}")))?;
    let head = store.load(parsed).await?;
    head.map(|head| (parsed, head)).ok_or_else(|| Problem::not_found(format!("there is no conversation {id}")))
}

/// Where a page of messages ended: before which history entry, and how many of the next one's messages were given.
struct Place {
    before: Option<Box<str>>,
    skip: usize,
}

impl Place {
    /// From a cursor that the list of this conversation gave out.
    fn parse(conversation: &str, cursor: Option<&str>) -> Result<Self, Problem> {
        let inner = cursor::take(conversation, cursor)?;
        let (before, skip) = inner.as_deref().and_then(|inner| inner.split_once('.')).unwrap_or_default();
        let before = Some(before).filter(|before| !before.is_empty()).map(Into::into);
        Ok(Self { before, skip: skip.parse().unwrap_or_default() })
    }

    fn text(&self, conversation: &str) -> Option<String> {
        let inner = format!("{}.{}", self.before.as_deref().unwrap_or_default(), self.skip);
        cursor::give(conversation, Some(inner))
    }
}
