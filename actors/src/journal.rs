//! What a conversation went through, entry by entry, and what it was after any of them.
//!
//! A state is not computed by running inputs again: versions of bots go, programs change, and staff, timers and other
//! conversations change a state without any input. Each entry keeps what it changed (`records/change`); reading a state
//! is folding at most 64 of them.

mod entry;
mod export;
mod state;

use chatbot::Snapshot;
use serde_json::Value;
use storage::{ConversationId, Entry, Store, StoreError};

use crate::codec::{self, CodecError};
use crate::records::HistoryEntry;
use crate::records::change::{After, Change, WHOLE_EVERY};

pub use entry::{EntryView, InputView, entry};
pub use export::{MAX_ENTRIES, Made, TestError, test};
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
    let of_index = |error| match error {
        JournalError::NotKept { at, .. } => JournalError::NotKept { index, at },
        other => other,
    };
    let mut fold = Fold::after(None);
    let mut before = None;
    let mut at_ms = 0;
    for row in entries.iter().take_while(|entry| entry.index <= index) {
        if row.index == index {
            before = fold.told().cloned();
        }
        at_ms = fold.take(row).map_err(of_index)?.at_ms;
    }
    let told = fold.told.ok_or(JournalError::NotKept { index, at: index })?;
    let change = Change::between(before.as_ref().unwrap_or(&Value::Null), &told);
    Ok(Moment { index, at_ms, told, change, before })
}

/// A state that goes from entry to entry.
struct Fold {
    told: Option<Value>,
    /// The entry that must come next.
    next: Option<u64>,
}

impl Fold {
    fn after(told: Option<Value>) -> Self {
        Self { told, next: None }
    }

    fn told(&self) -> Option<&Value> {
        self.told.as_ref()
    }

    /// Takes the next entry. Errors: it is another one, or does not say what it changed.
    fn take(&mut self, row: &Entry) -> Result<HistoryEntry, JournalError> {
        let not_kept = || JournalError::NotKept { index: row.index, at: row.index };
        if self.next.replace(row.index + 1).is_some_and(|next| next != row.index) {
            return Err(not_kept());
        }
        let mut entry: HistoryEntry = codec::decode(&row.payload)?;
        match entry.after.take() {
            Some(After::Whole(whole)) => self.told = Some(whole),
            Some(After::Changed(change)) => {
                let state = self.told.as_mut().ok_or_else(not_kept)?;
                if !change.apply(state) {
                    return Err(not_kept());
                }
            }
            // Where a whole state belongs none is there: it was written before the history told it.
            None if self.told.is_none() || row.index.is_multiple_of(WHOLE_EVERY) => return Err(not_kept()),
            None => {}
        }
        Ok(entry)
    }
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
    Ok(crate::records::change::tell(&crate::records::State::decode(&head.snapshot)?).value())
}
