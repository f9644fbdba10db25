//! Numbers that a phone app shares with us: what staff writes there, earlier chats, its contacts.
//!
//! Echoes are as Meta's reference has them; the shapes of `history` and `smb_app_state_sync` come from
//! open SDKs and are not confirmed by a stored page.

use serde::Deserialize;

use super::{elements, part, raw_elements};
use crate::webhook::lax;
use crate::webhook::message::Message;
use crate::webhook::status::ErrorObject;

/// A message that staff sent from the phone app.
#[derive(Debug, Clone, PartialEq)]
pub struct Echo {
    /// Our number, in digits.
    pub from: Option<String>,
    /// The person's number, in digits.
    pub to: Option<String>,
    /// The person's business-scoped user id.
    pub to_user_id: Option<String>,
    /// When.
    pub at_ms: Option<u64>,
    /// What was sent.
    pub message: Message,
}

/// Chats from before the number was connected; they come in pieces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The pieces of this webhook.
    pub chunks: Vec<HistoryChunk>,
}

/// A piece of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryChunk {
    /// How far back: 0 the last day, 1 the last three months, 2 the rest.
    pub phase: Option<u32>,
    /// The piece's number.
    pub order: Option<u32>,
    /// Percent done.
    pub progress: Option<u32>,
    /// Conversations.
    pub threads: Vec<Thread>,
    /// Why there is none, e.g. that the business shares no history.
    pub errors: Vec<ErrorObject>,
}

/// A conversation of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// The person's number, in digits.
    pub id: Option<String>,
    /// Its messages, in both directions; compare [`Message::from`] with our number.
    pub messages: Vec<Message>,
}

/// A contact of the phone app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppContact {
    /// `add`, `remove`, or something newer.
    pub action: Option<String>,
    /// The whole name.
    pub name: Option<String>,
    /// The number, in digits.
    pub phone: Option<String>,
}

impl History {
    /// How many messages it holds.
    pub fn messages(&self) -> usize {
        self.chunks.iter().flat_map(|chunk| &chunk.threads).map(|thread| thread.messages.len()).sum()
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "lax::owned_id")]
    from: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    to: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    to_user_id: Option<String>,
    #[serde(default, deserialize_with = "lax::seconds")]
    timestamp: Option<u64>,
}

pub(super) fn echoes(raw: &str) -> Option<Vec<Echo>> {
    Some(raw_elements(raw, "message_echoes")?.into_iter().filter_map(|raw| echo(raw.get())).collect())
}

pub(super) fn echo(raw: &str) -> Option<Echo> {
    let Head { from, to, to_user_id, timestamp } = lax::object(raw).ok()?;
    Some(Echo { from, to, to_user_id, at_ms: timestamp, message: Message::parse(raw) })
}

pub(super) fn history(raw: &str) -> Option<History> {
    Some(History { chunks: raw_elements(raw, "history")?.into_iter().filter_map(|raw| chunk(raw.get())).collect() })
}

fn chunk(raw: &str) -> Option<HistoryChunk> {
    #[derive(Deserialize, Default)]
    struct Metadata {
        #[serde(default, deserialize_with = "lax::code")]
        phase: Option<u32>,
        #[serde(default, deserialize_with = "lax::code")]
        chunk_order: Option<u32>,
        #[serde(default, deserialize_with = "lax::code")]
        progress: Option<u32>,
    }
    lax::object::<serde::de::IgnoredAny>(raw).ok()?;
    let Metadata { phase, chunk_order, progress } = part(raw, "metadata").unwrap_or_default();
    let threads = raw_elements(raw, "threads").unwrap_or_default();
    Some(HistoryChunk {
        phase,
        order: chunk_order,
        progress,
        threads: threads.into_iter().filter_map(|raw| thread(raw.get())).collect(),
        errors: elements(raw, "errors").unwrap_or_default(),
    })
}

fn thread(raw: &str) -> Option<Thread> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(default, deserialize_with = "lax::owned_id")]
        id: Option<String>,
    }
    let Id { id } = lax::object(raw).ok()?;
    let messages = raw_elements(raw, "messages").unwrap_or_default();
    Some(Thread { id, messages: messages.into_iter().map(|raw| Message::parse(raw.get())).collect() })
}

pub(super) fn contacts(raw: &str) -> Option<Vec<AppContact>> {
    #[derive(Deserialize)]
    struct Change {
        #[serde(default, deserialize_with = "lax::owned_id")]
        action: Option<String>,
    }
    #[derive(Deserialize, Default)]
    struct Card {
        #[serde(default, deserialize_with = "lax::owned_id")]
        full_name: Option<String>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        phone_number: Option<String>,
    }
    let contact = |raw: &serde_json::value::RawValue| {
        let Change { action } = lax::object(raw.get()).ok()?;
        let Card { full_name, phone_number } = part(raw.get(), "contact").unwrap_or_default();
        Some(AppContact { action, name: full_name, phone: phone_number })
    };
    Some(raw_elements(raw, "state_sync")?.into_iter().filter_map(contact).collect())
}
