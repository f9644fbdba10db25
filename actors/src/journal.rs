//! What a conversation went through, entry by entry, and what it was after any of them.
//!
//! A state is not computed by running inputs again: versions of bots go, programs change, and staff, timers and other
//! conversations change a state without any input. Each entry keeps what it changed (`records/change`); reading a state
//! is folding at most [`WHOLE_EVERY`] of them.

mod entry;
mod state;

use chatbot::Snapshot;
use serde_json::Value;
use storage::{ConversationId, Entry, Store, StoreError};

use crate::codec::{self, CodecError};
use crate::records::HistoryEntry;
use crate::records::change::{After, Change, WHOLE_EVERY};

pub use entry::{EntryView, InputView, entry};
pub use state::{ChangeView, StateView};

/// Why the state after an entry cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
    /// There is no such entry.
    #[error("there is no entry {index}: {}", .last.map_or_else(|| "the conversation has none".to_owned(), |last| format!("the last one is {last}")))]
    NoEntry {
        /// The entry that was asked for.
        index: u64,
        /// The last one that there is.
        last: Option<u64>,
    },
    /// An entry before it does not say what it changed.
    #[error("the state after entry {index} is not known: entry {at} does not say what it changed")]
    NotKept {
        /// The entry that was asked for.
        index: u64,
        /// The entry that is the reason.
        at: u64,
    },
}

/// What a conversation was after an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The entry.
    pub index: u64,
    /// When it was written.
    pub at_ms: u64,
    /// All that the history tells of the state.
    told: Value,
    /// What the entry made of it; all of it for the first one.
    change: Change,
    /// What it was before.
    before: Option<Value>,
}

/// The state after an entry, and what that entry changed.
///
/// # Errors
/// There is no such entry, or what came before it is not known.
pub async fn moment(store: &dyn Store, id: ConversationId, index: u64) -> Result<Moment, JournalError> {
    let (first, limit) = window(index);
    let entries = store.history_from(id, first, limit).await?;
    if entries.last().is_none_or(|last| last.index != index) {
        let last = store.load(id).await?.and_then(|head| head.next_entry.checked_sub(1));
        return Err(JournalError::NoEntry { index, last });
    }
    fold(&entries, index)
}

/// The entries that are read for the state after one and before it: from which on, and how many.
pub(crate) fn window(index: u64) -> (u64, usize) {
    let first = index.saturating_sub(1) / WHOLE_EVERY * WHOLE_EVERY;
    (first, usize::try_from(index - first + 1).unwrap_or(usize::MAX))
}

/// Folds entries in a row, the first one of which keeps a whole state, up to one of them. Pure.
pub(crate) fn fold(entries: &[Entry], index: u64) -> Result<Moment, JournalError> {
    let mut told: Option<Value> = None;
    let mut before: Option<Value> = None;
    let (mut at_ms, mut expected) = (0, entries.first().map_or(index, |entry| entry.index));
    for row in entries.iter().take_while(|entry| entry.index <= index) {
        let not_kept = || JournalError::NotKept { index, at: row.index };
        if row.index != expected {
            return Err(not_kept());
        }
        expected += 1;
        let entry: HistoryEntry = codec::decode(&row.payload)?;
        at_ms = entry.at_ms;
        if row.index == index {
            before.clone_from(&told);
        }
        match entry.after {
            Some(After::Whole(whole)) => told = Some(whole),
            _ if told.is_none() => return Err(not_kept()),
            Some(After::Changed(change)) => {
                let state = told.as_mut().ok_or_else(not_kept)?;
                if !change.apply(state) {
                    return Err(not_kept());
                }
            }
            // Where a whole state belongs none is there: it was written before the history told it.
            None if row.index.is_multiple_of(WHOLE_EVERY) => return Err(not_kept()),
            None => {}
        }
    }
    let told = told.ok_or(JournalError::NotKept { index, at: index })?;
    let change = Change::between(before.as_ref().unwrap_or(&Value::Null), &told);
    Ok(Moment { index, at_ms, told, change, before })
}

impl Moment {
    /// The chatbot's part of the state. Errors: it was written by a newer version.
    pub fn bot(&self) -> Result<Snapshot, CodecError> {
        codec::of_json(self.told.get("bot").cloned().unwrap_or_default())
    }

    /// All that the history tells of the state, as JSON.
    pub fn told(&self) -> &Value {
        &self.told
    }
}

/// What the history is to tell of a stored state: the same as [`Moment::told`] after its last entry.
///
/// # Errors
/// The row was written by a newer version, or is damaged.
pub fn told(head: &storage::Head) -> Result<Value, CodecError> {
    Ok(crate::records::change::told(&crate::records::State::decode(&head.snapshot)?))
}
