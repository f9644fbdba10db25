//! The ledger: which sends were accepted, in which order. For crash tests and benches.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use serde::Serialize;

/// Rows and callback data kept; later ones are only counted.
const MAX_ROWS: usize = 1_000_000;
const TEXT_CHARS: usize = 40;

/// An accepted send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// The person, by number or by business-scoped user id.
    pub person: Box<str>,
    /// `biz_opaque_callback_data`, empty if there was none.
    pub callback_data: Box<str>,
    /// The message id that was given.
    pub wamid: Box<str>,
    /// The first 40 characters of the text.
    pub text: Box<str>,
}

/// How often one callback data was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// POSTs, whatever became of them.
    pub posts: u32,
    /// POSTs that were accepted, answered or not.
    pub accepted: u32,
}

/// A copy of the ledger.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LedgerView {
    /// Accepted sends in the order of acceptance.
    pub rows: Vec<LedgerRow>,
    /// Accepted sends that found the ledger full.
    pub not_kept: u64,
}

impl LedgerView {
    /// How often each callback data was accepted.
    pub fn accepted(&self) -> HashMap<&str, u32> {
        let mut counts = HashMap::new();
        for row in &self.rows {
            *counts.entry(&*row.callback_data).or_default() += 1;
        }
        counts
    }

    /// The accepted sends of each person, in order.
    pub fn by_person(&self) -> HashMap<&str, Vec<&LedgerRow>> {
        let mut people: HashMap<&str, Vec<&LedgerRow>> = HashMap::new();
        for row in &self.rows {
            people.entry(&row.person).or_default().push(row);
        }
        people
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    view: Mutex<LedgerView>,
    counts: Mutex<HashMap<Box<str>, Count, RandomState>>,
}

impl Ledger {
    pub(crate) fn posted(&self, callback_data: &str) {
        self.count(callback_data, |count| count.posts += 1);
    }

    pub(crate) fn accepted(&self, person: &str, callback_data: &str, wamid: &str, text: &str) {
        self.count(callback_data, |count| count.accepted += 1);
        let row = LedgerRow {
            person: person.into(),
            callback_data: callback_data.into(),
            wamid: wamid.into(),
            text: text.chars().take(TEXT_CHARS).collect::<String>().into(),
        };
        let mut view = self.view.lock();
        if view.rows.len() < MAX_ROWS {
            view.rows.push(row);
        } else {
            view.not_kept += 1;
        }
    }

    pub(crate) fn count_of(&self, callback_data: &str) -> Count {
        self.counts.lock().get(callback_data).copied().unwrap_or_default()
    }

    pub(crate) fn view(&self) -> LedgerView {
        self.view.lock().clone()
    }

    pub(crate) fn clear(&self) {
        *self.view.lock() = LedgerView::default();
        self.counts.lock().clear();
    }

    fn count(&self, callback_data: &str, add: impl FnOnce(&mut Count)) {
        if callback_data.is_empty() {
            return;
        }
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(callback_data) {
            add(count);
        } else if counts.len() < MAX_ROWS {
            let mut count = Count::default();
            add(&mut count);
            counts.insert(callback_data.into(), count);
        }
    }
}
