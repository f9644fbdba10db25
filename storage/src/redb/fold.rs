//! Folding: a frozen memtable goes into the `state` table in key order, a slice with each commit; when all of it is
//! there, what it consumed leaves the inbox, and the oldest rows leave the log.
//!
//! 1. Slices of final values. Readers still look through the frozen memtable, so it does not matter how far this is.
//! 2. With the last slice, in the same transaction, `folded` moves to the newest log row of the memtable: a replay
//!    starts behind it. The memtable is dropped after that commit.
//! 3. Slices of log rows are freed: the inbox rows that they consumed go, and `freed` moves in the same transaction; a
//!    row behind it tells which inbox rows are not pending. Beside that the oldest freed rows go, down to what is kept.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use redb::WriteTransaction;

use super::kept::Kept;
use super::memtable::Memtable;
use super::tables::{INBOX, META, META_FOLDED, META_FREED, META_INBOX, STATE};
use crate::keys::Key;

pub(super) struct Fold {
    table: Arc<Memtable>,
    /// The last key that was folded.
    at: Option<Key>,
    folded: usize,
    /// The log rows that are not freed, up to the memtable's newest.
    first_log: u64,
    /// Entries of the memtable's `consumed` that are deleted.
    freed: usize,
    /// Stage 2 is done.
    complete: bool,
}

impl Fold {
    pub(super) fn new(table: Arc<Memtable>, first_log: u64) -> Self {
        Self { table, at: None, folded: 0, first_log, freed: 0, complete: false }
    }

    /// Rows that are still to be touched.
    pub(super) fn left(&self, kept: &Kept) -> usize {
        let log = (self.table.last_log + 1).saturating_sub(self.first_log) as usize;
        let coming = if self.complete { 0 } else { self.table.log_bytes };
        let surplus = kept.surplus(self.table.last_log, coming);
        let freed = log + self.table.consumed.len() - self.freed;
        self.table.len() - self.folded + freed + surplus as usize + usize::from(!self.complete)
    }

    /// Whether the folded table holds all of it, so that readers need not look into the memtable.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn first_log(&self) -> u64 {
        self.first_log
    }

    /// Touches about `quota` rows. `last_inbox` is the newest inbox number given out.
    pub(super) fn advance(
        &mut self,
        transaction: &WriteTransaction,
        quota: usize,
        last_inbox: u64,
        kept: &mut Kept,
    ) -> Result<(), redb::Error> {
        let mut quota = quota;
        if !self.complete {
            quota -= self.fold_slice(transaction, quota)?.min(quota);
            if self.folded == self.table.len() {
                self.move_cursor(transaction, last_inbox)?;
                kept.take(transaction, self.table.log_bytes)?;
                self.complete = true;
            }
        }
        if self.complete && quota > 0 {
            self.free_slice(transaction, quota)?;
            kept.trim(transaction, self.first_log - 1, quota as u64)?;
        }
        Ok(())
    }

    fn fold_slice(&mut self, transaction: &WriteTransaction, quota: usize) -> Result<usize, redb::Error> {
        let mut state = transaction.open_table(STATE)?;
        let from = self.at.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut done = 0;
        let mut last: Option<&Key> = None;
        for (key, value) in self.table.range(from, Bound::Unbounded).take(quota) {
            fold_one(&mut state, key, value)?;
            last = Some(key);
            done += 1;
        }
        if let Some(last) = last {
            self.at = Some(last.clone());
        }
        self.folded += done;
        Ok(done)
    }

    fn move_cursor(&self, transaction: &WriteTransaction, last_inbox: u64) -> Result<(), redb::Error> {
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_FOLDED, self.table.last_log.to_be_bytes().as_slice())?;
        meta.insert(META_INBOX, last_inbox.to_be_bytes().as_slice())?;
        Ok(())
    }

    fn free_slice(&mut self, transaction: &WriteTransaction, quota: usize) -> Result<(), redb::Error> {
        let end = self.table.last_log.min(self.first_log.saturating_add(quota as u64 - 1));
        if self.first_log > end {
            return Ok(());
        }
        let mut inbox = transaction.open_table(INBOX)?;
        let rest = self.table.consumed.get(self.freed..).unwrap_or_default();
        for (_, seq) in rest.iter().take_while(|(log, _)| *log <= end) {
            inbox.remove(seq)?;
            self.freed += 1;
        }
        transaction.open_table(META)?.insert(META_FREED, end.to_be_bytes().as_slice())?;
        self.first_log = end + 1;
        Ok(())
    }
}

type State<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;

fn fold_one(state: &mut State<'_>, key: &Key, value: Option<&Bytes>) -> Result<(), redb::StorageError> {
    match value {
        Some(value) => drop(state.insert(&**key, value.as_ref())?),
        None => drop(state.remove(&**key)?),
    }
    Ok(())
}
