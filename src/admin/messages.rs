//! `/api/v1/conversations/{id}/messages`: what was said, newest first. What no turn has taken yet comes first, then the
//! history, entry by entry, then the histories of the conversations that became a part of this one. And what is to be
//! said: [`send`].

pub(super) mod send;

use actors::identity;
use actors::view::{self, MessageView};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{ConversationId, Entry, InboxSeq, Page, SendId, Store};
use utoipa::IntoParams;

use super::lists::{Asked, limit, read};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, conversations, cursor};
use crate::admin::shapes;
pub(super) use send::{SendQuery, conflict, invalid, refused};

/// Inbox rows looked through for messages that no turn has taken yet, and how many at a time.
const WAITING_LOOKED_THROUGH: usize = 100_000;
const WAITING_AT_ONCE: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MessagesQuery {
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was said, newest first.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/messages",
    params(MessagesQuery),
    responses((status = OK, body = shapes::Listed<shapes::Message>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<MessagesQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (store, limit) = (&*shared.parts.store, limit(query.limit)?);
    let place = Place::parse(&id, query.cursor.as_deref())?;
    // It may have no state yet: what waits for its first turn is shown, too.
    let conversation = conversations::named(&principal, &id)?;
    let (items, next) = match place {
        Place::Waiting { before } => newest(store, conversation, before, limit).await?,
        Place::History(place) => histories(store, conversation, place, Vec::new(), limit).await?,
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
        return histories(store, id, InHistory::default(), views, limit).await;
    }
    waiting.truncate(limit);
    let next = waiting.last().map(|(seq, _)| Place::Waiting { before: seq.0 });
    Ok((waiting.into_iter().map(|(_, view)| view).collect(), next))
}

/// Fills `items` up from a place of the histories: this conversation's, then those of its parts, latest part first.
async fn histories(
    store: &dyn Store,
    id: ConversationId,
    mut place: InHistory,
    mut items: Vec<MessageView>,
    limit: usize,
) -> Result<Part, Problem> {
    let head = store.load(id).await?;
    let links = head.map(|head| view::links(id, &head)).transpose().map_err(|error| Problem::damaged(&error))?;
    let parts: Vec<_> = std::iter::once(id).chain(links.unwrap_or_default().absorbed.into_iter().rev()).collect();
    while let Some(part) = parts.get(place.part) {
        let next = history(store, *part, &place, &mut items, limit).await?;
        if next.is_some() {
            return Ok((items, next.map(Place::History)));
        }
        place = InHistory { part: place.part + 1, ..InHistory::default() };
        if items.len() >= limit && place.part < parts.len() {
            return Ok((items, Some(Place::History(place))));
        }
    }
    Ok((items, None))
}

/// Fills `items` up from a place of one history. Answers where it goes on, if it does.
async fn history(
    store: &dyn Store,
    id: ConversationId,
    place: &InHistory,
    items: &mut Vec<MessageView>,
    limit: usize,
) -> Result<Option<InHistory>, Problem> {
    let InHistory { part, mut before, mut skip } = place.clone();
    loop {
        let listed = store.history(id, Page { cursor: before.clone(), limit: 1 }).await?;
        let Some(entry) = listed.items.first() else { return Ok(None) };
        let mut newest_first = entry_messages(store, id, entry).await?;
        newest_first.reverse();
        newest_first.retain(|message| !items.iter().any(|known| known.id == message.id));
        let room = limit.saturating_sub(items.len());
        let left = newest_first.len().saturating_sub(skip);
        items.extend(newest_first.into_iter().skip(skip).take(room));
        if left > room {
            return Ok(Some(InHistory { part, before, skip: skip + room }));
        }
        let Some(next) = listed.next else { return Ok(None) };
        (before, skip) = (Some(next), 0);
        if items.len() >= limit {
            return Ok(Some(InHistory { part, before, skip }));
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
                let view = view::pending(*seq, row).map_err(|error| Problem::damaged(&error))?;
                found.extend(view.map(|view| (*seq, view)));
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
    /// In a history.
    History(InHistory),
}

/// A place in the histories of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct InHistory {
    /// 0 is its own, then those that became a part of it.
    part: usize,
    /// Before this entry.
    before: Option<Box<str>>,
    /// Without the first messages of the next entry: they were given already.
    skip: usize,
}

impl Place {
    /// From a cursor that the list of this conversation gave out; the newest page without one.
    fn parse(conversation: &str, cursor: Option<&str>) -> Result<Self, Problem> {
        let Some(inner) = cursor::take(conversation, cursor)? else { return Ok(Self::Waiting { before: u64::MAX }) };
        let fields: Vec<_> = inner.split('.').collect();
        Ok(match fields[..] {
            [before, skip, part] => Self::History(InHistory {
                part: part.parse().unwrap_or_default(),
                before: Some(before.into()).filter(|_| !before.is_empty()),
                skip: skip.parse().unwrap_or_default(),
            }),
            _ => Self::Waiting { before: inner.parse().unwrap_or_default() },
        })
    }

    fn text(&self) -> String {
        match self {
            Self::Waiting { before } => before.to_string(),
            Self::History(InHistory { part, before, skip }) => {
                format!("{}.{skip}.{part}", before.as_deref().unwrap_or_default())
            }
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
