//! `/api/v1/conversations/{id}/messages`: what was said, newest first. What no turn has taken yet comes first, then the
//! history, entry by entry.

use actors::identity;
use actors::view::{self, MessageView};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{ConversationId, Entry, InboxSeq, Page, SendId, Store};

use super::lists::limit;
use super::problem::Problem;
use super::{Ctx, conversations, cursor};

/// Inbox rows looked through for messages that no turn has taken yet, and how many at a time.
const WAITING_LOOKED_THROUGH: usize = 100_000;
const WAITING_AT_ONCE: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Result<Query<MessagesQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let (store, limit) = (&*shared.parts.store, limit(query.limit)?);
    let place = Place::parse(&id, query.cursor.as_deref())?;
    let conversation = id.parse().map_err(|_| conversations::unknown(&id))?;
    let (items, next) = match place {
        Place::Waiting { before } => newest(store, conversation, before, limit).await?,
        Place::History { before, skip } => history(store, conversation, before, skip, Vec::new(), limit).await?,
    };
    if items.is_empty() && store.load(conversation).await?.is_none() {
        return Err(conversations::unknown(&id));
    }
    let next = next.and_then(|place| cursor::give(&id, Some(place.text())));
    Ok(Json(json!({ "items": items, "next_cursor": next })))
}

type Part = (Vec<MessageView>, Option<Place>);

/// Messages that wait, then the history. In this order: one that is taken in between is seen twice rather than not at
/// all.
async fn newest(store: &dyn Store, id: ConversationId, before: u64, limit: usize) -> Result<Part, Problem> {
    let mut waiting = waiting(store, id, before).await?;
    if waiting.len() <= limit {
        let views = waiting.into_iter().map(|(_, view)| view).collect();
        return history(store, id, None, 0, views, limit).await;
    }
    waiting.truncate(limit);
    let next = waiting.last().map(|(seq, _)| Place::Waiting { before: seq.0 });
    Ok((waiting.into_iter().map(|(_, view)| view).collect(), next))
}

/// Fills `items` up with the history: before the entry `before`, without the first `skip` messages of the next one.
async fn history(
    store: &dyn Store,
    id: ConversationId,
    mut before: Option<Box<str>>,
    mut skip: usize,
    mut items: Vec<MessageView>,
    limit: usize,
) -> Result<Part, Problem> {
    loop {
        let listed = store.history(id, Page { cursor: before.clone(), limit: 1 }).await?;
        let Some(entry) = listed.items.first() else { return Ok((items, None)) };
        let mut newest_first = entry_messages(store, id, entry).await?;
        newest_first.reverse();
        newest_first.retain(|message| !items.iter().any(|known| known.id == message.id));
        let room = limit.saturating_sub(items.len());
        let left = newest_first.len().saturating_sub(skip);
        items.extend(newest_first.into_iter().skip(skip).take(room));
        if left > room {
            return Ok((items, Some(Place::History { before, skip: skip + room })));
        }
        let Some(next) = listed.next else { return Ok((items, None)) };
        (before, skip) = (Some(next), 0);
        if items.len() >= limit {
            return Ok((items, Some(Place::History { before, skip })));
        }
    }
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

/// Accepted messages of this conversation that no turn has taken, before a place of the inbox, newest first.
async fn waiting(store: &dyn Store, id: ConversationId, before: u64) -> Result<Vec<(InboxSeq, MessageView)>, Problem> {
    let (mut found, mut after) = (Vec::new(), InboxSeq(0));
    for _ in 0..WAITING_LOOKED_THROUGH / WAITING_AT_ONCE {
        let mut rows = store.pending(after, WAITING_AT_ONCE).await?;
        let next = rows.get(WAITING_AT_ONCE - 1).map(|(seq, _)| *seq);
        rows.retain(|(seq, row)| seq.0 < before && identity::partition_tag(&row.partition) == identity::tag_of(id));
        for (of, (seq, row)) in view::conversations_of(store, &rows).await?.into_iter().zip(&rows) {
            if of == id {
                found.push((*seq, view::pending(*seq, row).map_err(|error| Problem::damaged(&error))?));
            }
        }
        let Some(next) = next.filter(|next| next.0 < before) else { break };
        after = next;
    }
    found.reverse();
    Ok(found)
}

/// Where a page begins.
enum Place {
    /// Among the messages that wait, before this one of the inbox.
    Waiting { before: u64 },
    /// Before this history entry, and how many messages of the next one were given already.
    History { before: Option<Box<str>>, skip: usize },
}

impl Place {
    /// From a cursor that the list of this conversation gave out; the newest page without one.
    fn parse(conversation: &str, cursor: Option<&str>) -> Result<Self, Problem> {
        let Some(inner) = cursor::take(conversation, cursor)? else { return Ok(Self::Waiting { before: u64::MAX }) };
        let (before, skip) = inner.split_once('.').unwrap_or_default();
        Ok(match skip.parse() {
            Ok(skip) => Self::History { before: Some(before.into()).filter(|_| !before.is_empty()), skip },
            Err(_) => Self::Waiting { before: before.parse().unwrap_or_default() },
        })
    }

    fn text(&self) -> String {
        match self {
            Self::Waiting { before } => format!("{before}."),
            Self::History { before, skip } => format!("{}.{skip}", before.as_deref().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use storage::{Accept, Model};
    use whatsapp::webhook::Received;

    use super::*;

    fn said(person: u64) -> Accept {
        let message = json!({ "type": "text", "text": { "body": "hello" } });
        let received = Received {
            phone_number_id: "700800900100200".into(),
            wamid: "wamid.1".into(),
            from: Some(format!("44770090{person:04}")),
            from_user_id: None,
            from_parent_user_id: None,
            group_id: None,
            sent_ms: None,
            display_phone_number: None,
            message: serde_json::value::to_raw_value(&message).unwrap(),
            contact: None,
        };
        Accept::Message(actors::inbound(&received, 1))
    }

    #[tokio::test]
    async fn messages_that_wait_behind_thousands_of_others_are_found() {
        let store = Model::new();
        let mut items: Vec<_> = (0..2 * WAITING_AT_ONCE as u64).map(|at| said(1 + at % 100)).collect();
        items.insert(0, said(0));
        items.push(said(0));
        let numbers = store.append(items).await.unwrap();
        let first = store.pending(InboxSeq(0), 1).await.unwrap();
        let id = view::conversations_of(&*store, &first).await.unwrap()[0];
        let found = async |before| -> Vec<u64> {
            let found = waiting(&*store, id, before).await.unwrap();
            found.into_iter().map(|(seq, _)| seq.0).collect()
        };
        let last = numbers.last().unwrap().0;
        assert_eq!(found(u64::MAX).await, [last, 1]);
        assert_eq!(found(last).await, [1]);
    }
}
