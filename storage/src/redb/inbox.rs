//! The inbox in memory: every accepted row that no turn consumed, with its content up to a budget.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{Inbound, InboxSeq};

/// A pending row; without its content when the budget was used up.
pub(super) type Known = (InboxSeq, Option<Inbound>);

/// The pending rows, in order.
#[derive(Debug)]
pub(super) struct Inbox {
    rows: BTreeMap<u64, Option<Inbound>>,
    bytes: usize,
    budget: usize,
}

fn cost(row: &Inbound) -> usize {
    let aliases: usize = row.aliases.iter().map(|alias| 24 + alias.0.len()).sum();
    128 + row.payload.len() + row.partition.0.len() + aliases
}

impl Inbox {
    pub(super) fn new(budget: usize) -> Self {
        Self { rows: BTreeMap::new(), bytes: 0, budget }
    }

    /// Whether the content of one more row of this size would still be kept.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.budget
    }

    pub(super) fn insert(&mut self, seq: u64, row: Inbound) {
        let cost = cost(&row);
        if self.bytes + cost > self.budget {
            self.rows.insert(seq, None);
            return;
        }
        self.bytes += cost;
        self.rows.insert(seq, Some(row));
    }

    pub(super) fn insert_number(&mut self, seq: u64) {
        self.rows.insert(seq, None);
    }

    pub(super) fn remove(&mut self, seq: u64) {
        if let Some(Some(row)) = self.rows.remove(&seq) {
            self.bytes -= cost(&row);
        }
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        self.rows.contains_key(&seq)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn after(&self, after: InboxSeq, limit: usize) -> Vec<Known> {
        let later = self.rows.range((Bound::Excluded(after.0), Bound::Unbounded));
        later.take(limit).map(|(seq, row)| (InboxSeq(*seq), row.clone())).collect()
    }

    pub(super) fn select(&self, rows: &[InboxSeq]) -> Vec<Known> {
        rows.iter().filter_map(|seq| Some((*seq, self.rows.get(&seq.0)?.clone()))).collect()
    }
}
