//! The entries of a turn: what came, what came of it, and what it made of the state.

use bytes::Bytes;

use crate::codec;
use crate::records::change::{After, WHOLE_EVERY, tell};
use crate::records::{HistoryEntry, State, Telling};

/// The entries in the making.
pub(super) struct Journal {
    entries: Vec<HistoryEntry>,
    /// The index of the first one.
    first: u64,
    /// The state before the last entry, and after it as far as it was looked at.
    before: Telling,
    after: Telling,
}

impl Journal {
    pub(super) fn new(first: u64, state: &State) -> Self {
        let after = tell(state);
        Self { entries: Vec::new(), first, before: Telling::default(), after }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry; what the state became since the one before is its doing.
    pub(super) fn enter(&mut self, entry: HistoryEntry, state: &State) {
        let after = tell(state);
        self.before = std::mem::replace(&mut self.after, after);
        let after = self.kept(self.first + self.entries.len() as u64);
        self.entries.push(HistoryEntry { after, ..entry });
    }

    /// Some things are done after they were written down: the last entry tells them, too. Without one there is nothing
    /// to tell, or an entry of its own.
    pub(super) fn settle(&mut self, state: &State, at_ms: u64) {
        let after = tell(state);
        if after == self.after {
            return;
        }
        if self.entries.is_empty() {
            if self.first > 0 {
                self.enter(HistoryEntry { at_ms, ..HistoryEntry::default() }, state);
            }
            return;
        }
        self.after = after;
        let kept = self.kept(self.first + self.entries.len() as u64 - 1);
        if let Some(last) = self.entries.last_mut() {
            last.after = kept;
        }
    }

    fn kept(&self, index: u64) -> Option<After> {
        if index.is_multiple_of(WHOLE_EVERY) {
            return Some(After::Whole(self.after.value()));
        }
        let change = self.after.since(&self.before);
        (!change.is_empty()).then_some(After::Changed(change))
    }

    pub(super) fn into_rows(self) -> Vec<Bytes> {
        self.entries.iter().map(codec::encode).collect()
    }
}
