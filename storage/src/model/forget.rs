//! The model's ageing: each list from its oldest row up to the first that must stay.

use std::collections::BTreeMap;

use super::{Numbered, World};
use crate::{Horizons, Send, SendId};

impl World {
    pub(super) fn forget(&mut self, before: &Horizons, limit: usize) -> usize {
        let mut left = limit;
        self.quarantine.forget(before.quarantine_ms, &mut left, |row| row.received_ms);
        self.notices.forget(before.notices_ms, &mut left, |row| row.received_ms);
        self.letters.forget(before.dead_letters_ms, &mut left, |row| row.at_ms);
        forget_rows(&mut self.resolved, before.dead_letters_ms, &mut left, |row| row.at_ms);
        for id in self.forgettable_sends(before.outbox_ms, left) {
            self.sends.remove(&id);
            left -= 1;
        }
        limit - left
    }

    fn forgettable_sends(&self, before_ms: Option<u64>, limit: usize) -> Vec<SendId> {
        let Some(before_ms) = before_ms else { return Vec::new() };
        let old = |send: &&Send| send.state.is_settled() && send.created_ms < before_ms && send.updated_ms < before_ms;
        let mut sends: Vec<_> = self.sends.values().map(|row| &row.send).filter(old).collect();
        sends.sort_by_key(|send| (send.created_ms, send.id));
        sends.iter().take(limit).map(|send| send.id).collect()
    }
}

impl<T> Numbered<T> {
    fn forget(&mut self, before_ms: Option<u64>, left: &mut usize, time: impl Fn(&T) -> u64) {
        forget_rows(&mut self.rows, before_ms, left, time);
    }
}

fn forget_rows<T>(rows: &mut BTreeMap<u64, T>, before_ms: Option<u64>, left: &mut usize, time: impl Fn(&T) -> u64) {
    let Some(before_ms) = before_ms else { return };
    while let Some(oldest) = rows.first_entry().filter(|row| *left > 0 && time(row.get()) < before_ms) {
        oldest.remove();
        *left -= 1;
    }
}
