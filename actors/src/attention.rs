//! Conversations that a person has, or shall have: a small document for each, written in the commit that made it so. So
//! the queue "needs a person" is read as it stands, in the order of waiting, without looking through all conversations.

use serde::{Deserialize, Serialize};
use storage::{ConversationId, NewDocument, Store, StoreError};

use crate::codec;
use crate::records::{Control, State};

/// Documents of this kind are named by the conversation.
const KIND: &str = "attention";
/// Documents read at once.
const PAGE: usize = 1_000;
/// And altogether: a queue of more is shown as the first of them by name, and says so.
pub const MAX_ATTENTION: usize = 50_000;

/// Why a conversation wants attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody shall answer, and nobody does.
    NeedsPerson,
    /// Somebody answers.
    Human,
    /// The bot is stopped.
    Paused,
}

/// A conversation that wants attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Which.
    pub conversation: ConversationId,
    /// Why.
    pub why: Why,
    /// Since when (Unix ms).
    pub since_ms: u64,
    /// Who has it, or has stopped the bot.
    pub who: Option<Box<str>>,
}

/// As it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    why: Why,
    since_ms: u64,
    who: Option<Box<str>>,
}

impl Row {
    /// What a conversation in this state wants.
    pub(crate) fn of(state: &State) -> Option<Self> {
        if let Some(since_ms) = state.needs_person_ms() {
            return Some(Self { why: Why::NeedsPerson, since_ms, who: None });
        }
        match &state.control {
            Control::Human { by, since_ms, paused, .. } => {
                let why = if *paused { Why::Paused } else { Why::Human };
                Some(Self { why, since_ms: *since_ms, who: by.clone() })
            }
            Control::Bot => None,
        }
    }
}

/// The document that makes `after` of `before`, if they differ.
pub(crate) fn change(id: ConversationId, before: Option<&Row>, after: Option<&Row>) -> Option<NewDocument> {
    (before != after).then(|| (KIND.into(), id.to_string().into(), after.map(codec::encode)))
}

/// All of them, the longest waiting first, and whether there are more than are looked at.
///
/// # Errors
/// The store could not be read.
pub async fn all(store: &dyn Store) -> Result<(Vec<Attention>, bool), StoreError> {
    let (mut found, mut after): (Vec<Attention>, Option<Box<str>>) = (Vec::new(), None);
    let mut more = true;
    while more && found.len() < MAX_ATTENTION {
        let page = store.documents_page(KIND, after.as_deref(), PAGE).await?;
        more = page.len() == PAGE;
        after = page.last().map(|(key, _)| key.clone());
        found.extend(page.iter().filter_map(|(key, value)| read(key, value)));
    }
    found.sort_by_key(|attention| (attention.since_ms, attention.conversation));
    Ok((found, more))
}

fn read(key: &str, value: &[u8]) -> Option<Attention> {
    let Row { why, since_ms, who } = codec::decode(value).ok()?;
    Some(Attention { conversation: key.parse().ok()?, why, since_ms, who })
}
