//! The model's erasing: one row after the other, as long as there is room.

use super::World;
use crate::{ConversationId, Erase, Revision};

impl World {
    pub(super) fn idle_conversations(
        &self,
        after: Option<(u64, ConversationId)>,
        before_ms: u64,
        limit: usize,
    ) -> Vec<(u64, ConversationId)> {
        let place = |(at_ms, id): (u64, ConversationId)| ([id.0[0], id.0[1], id.0[2], id.0[3]], at_ms, id);
        let mut idle: Vec<_> = self.heads.iter().map(|(id, head)| (head.updated_ms, *id)).collect();
        idle.retain(|found| found.0 < before_ms && after.is_none_or(|after| place(*found) > place(after)));
        idle.sort_by_key(|found| place(*found));
        idle.truncate(limit);
        idle
    }

    pub(super) fn erase(&mut self, what: Vec<Erase>, limit: usize) -> usize {
        let mut left = limit;
        for what in what {
            match what {
                Erase::Conversation { id, revision } => self.erase_conversation(id, revision, &mut left),
                Erase::History { id, below } => self.erase_history(id, below, &mut left),
                Erase::Inbox(seq) => one(&mut left, || self.inbox.remove(&seq).is_some()),
                Erase::Alias(alias, contact) => one(&mut left, || {
                    let is_theirs = self.aliases.get(&alias) == Some(&contact);
                    is_theirs && self.aliases.remove(&alias).is_some()
                }),
                Erase::AliasOfNobody(alias, contact, without) => one(&mut left, || {
                    let is_theirs = self.aliases.get(&alias) == Some(&contact);
                    let is_nobodys = without.iter().all(|id| !self.heads.contains_key(id));
                    is_theirs && is_nobodys && self.aliases.remove(&alias).is_some()
                }),
                Erase::DeadLetter(id) => {
                    one(&mut left, || self.letters.rows.remove(&id).is_some() || self.resolved.remove(&id).is_some())
                }
                Erase::Quarantined(id) => one(&mut left, || self.quarantine.rows.remove(&id).is_some()),
                Erase::Notice(id) => one(&mut left, || self.notices.rows.remove(&id).is_some()),
            }
        }
        limit - left
    }

    fn erase_conversation(&mut self, id: ConversationId, revision: Option<Revision>, left: &mut usize) {
        let actual = self.heads.get(&id).map(|head| head.revision);
        if revision.is_some_and(|revision| actual != Some(revision)) {
            return;
        }
        self.erase_history(id, u64::MAX, left);
        let sends: Vec<_> = self.sends.keys().filter(|send| send.conversation == id).copied().collect();
        for send in sends {
            one(left, || self.sends.remove(&send).is_some());
        }
        let has_history = self.history.get(&id).is_some_and(|entries| !entries.is_empty());
        if !has_history && self.sends.keys().all(|send| send.conversation != id) {
            one(left, || self.heads.remove(&id).is_some());
        }
    }

    fn erase_history(&mut self, id: ConversationId, below: u64, left: &mut usize) {
        let Some(entries) = self.history.get_mut(&id) else { return };
        while let Some(first) = entries.first_entry().filter(|first| *left > 0 && *first.key() < below) {
            first.remove();
            *left -= 1;
        }
    }
}

/// Removes one row if there is room; what was not there takes none.
fn one(left: &mut usize, remove: impl FnOnce() -> bool) {
    if *left > 0 && remove() {
        *left -= 1;
    }
}
