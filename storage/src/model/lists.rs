//! The model's lists: everything is gathered, sorted and cut.

use super::{Numbered, World};
use crate::{ConversationId, DeadLetter, Entry, Head, Listed, Notice, Page, Quarantined, Send, SendState};

impl World {
    pub(super) fn list_conversations(&self, prefix: Option<[u8; 4]>, page: &Page) -> Listed<(ConversationId, Head)> {
        let wanted = self.heads.iter().filter(|(id, _)| prefix.is_none_or(|prefix| id.0.starts_with(&prefix)));
        let rows = wanted.map(|(id, head)| (*id, head.clone())).collect();
        newest_first(rows, page, |(id, head)| format!("{:020}-{id}", head.updated_ms))
    }

    pub(super) fn list_history(&self, conversation: ConversationId, page: &Page) -> Listed<Entry> {
        let entries = self.history.get(&conversation).into_iter().flatten();
        let rows = entries.map(|(index, payload)| Entry { index: *index, payload: payload.clone() });
        newest_first(rows.collect(), page, |entry| format!("{:020}", entry.index))
    }

    pub(super) fn history_from(&self, conversation: ConversationId, index: u64, limit: usize) -> Vec<Entry> {
        let entries = self.history.get(&conversation).into_iter().flatten();
        let rows = entries.map(|(index, payload)| Entry { index: *index, payload: payload.clone() });
        rows.skip_while(|entry| entry.index < index).take(limit.clamp(1, 1_000)).collect()
    }

    pub(super) fn list_outbox(&self, state: Option<SendState>, page: &Page) -> Listed<Send> {
        let sends = self.sends.values().map(|row| &row.send);
        let rows = sends.filter(|send| state.is_none_or(|state| send.state == state)).cloned().collect();
        newest_first(rows, page, |send: &Send| {
            format!("{:020}-{}-{:020}", send.created_ms, send.id.conversation, send.id.n)
        })
    }

    pub(super) fn list_letters(&self, page: &Page) -> Listed<DeadLetter> {
        newest_first(self.letters.rows.values().cloned().collect(), page, |letter| format!("{:020}", letter.id))
    }

    pub(super) fn list_resolved(&self, page: &Page) -> Listed<DeadLetter> {
        newest_first(self.resolved.values().cloned().collect(), page, |letter| format!("{:020}", letter.id))
    }

    pub(super) fn list_quarantine(&self, page: &Page) -> Listed<(u64, Quarantined)> {
        list_numbered(&self.quarantine, page)
    }

    pub(super) fn quarantine_from(&self, id: u64, limit: usize) -> Vec<(u64, Quarantined)> {
        let rows = self.quarantine.rows.range(id..).map(|(id, row)| (*id, row.clone()));
        rows.take(limit.clamp(1, 1_000)).collect()
    }

    pub(super) fn list_notices(&self, page: &Page) -> Listed<(u64, Notice)> {
        list_numbered(&self.notices, page)
    }
}

fn list_numbered<T: Clone>(list: &Numbered<T>, page: &Page) -> Listed<(u64, T)> {
    let rows = list.rows.iter().map(|(id, row)| (*id, row.clone())).collect();
    newest_first(rows, page, |(id, _)| format!("{id:020}"))
}

/// Sorts by name, descending, and cuts the page out; the cursor is the name of the last row shown.
fn newest_first<T>(mut rows: Vec<T>, page: &Page, name: impl Fn(&T) -> String) -> Listed<T> {
    rows.sort_by_key(|row| std::cmp::Reverse(name(row)));
    if let Some(cursor) = &page.cursor {
        rows.retain(|row| name(row).as_str() < &**cursor);
    }
    let limit = page.limit.clamp(1, 1_000);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| name(row).into());
    Listed { items: rows, next }
}
