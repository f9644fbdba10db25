//! Who waits for an actor's place when the cap is reached, and who may be asked to leave.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::ConversationId;

/// Live actors looked at when one must leave: the longest idle of a sample, since a look at all of them for every
/// newcomer would cost more than it gains.
const SAMPLE: usize = 256;

pub(super) struct Room {
    max_live: usize,
    waiting: VecDeque<ConversationId>,
    /// Live actors, and some that were, in no order that matters.
    live: VecDeque<ConversationId>,
    leaving: usize,
    crowded: Arc<AtomicBool>,
}

impl Room {
    pub(super) fn new(max_live: usize) -> Self {
        let crowded = Arc::new(AtomicBool::new(false));
        Self { max_live: max_live.max(1), waiting: VecDeque::new(), live: VecDeque::new(), leaving: 0, crowded }
    }

    /// Whether a newcomer may have a place: nobody waited before it.
    pub(super) fn has_place(&self, live: usize) -> bool {
        self.waiting.is_empty() && live < self.max_live
    }

    pub(super) fn waits(&mut self, id: ConversationId) {
        self.waiting.push_back(id);
        self.crowded.store(true, Ordering::Release);
    }

    /// The one that waited longest, if there is a place for it.
    pub(super) fn next(&mut self, live: usize) -> Option<ConversationId> {
        let next = if live < self.max_live { self.waiting.pop_front() } else { None };
        self.crowded.store(!self.waiting.is_empty(), Ordering::Release);
        next
    }

    pub(super) fn is_crowded(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Set while somebody waits: actors that have nothing to do say so then.
    pub(super) fn crowded(&self) -> Arc<AtomicBool> {
        self.crowded.clone()
    }

    pub(super) fn came(&mut self, id: ConversationId) {
        self.live.push_back(id);
    }

    pub(super) fn leaves(&mut self) {
        self.leaving += 1;
    }

    pub(super) fn left(&mut self) {
        self.leaving = self.leaving.saturating_sub(1);
    }

    /// Replaces the list of live actors.
    pub(super) fn set_live(&mut self, live: impl Iterator<Item = ConversationId>) {
        self.live.clear();
        self.live.extend(live);
    }

    /// Whom to ask to leave: `idle` answers since when one has had nothing to do, `None` for one that is busy or gone.
    pub(super) fn whom(&mut self, idle: impl Fn(ConversationId) -> Option<u64>) -> Vec<ConversationId> {
        let wanted = self.waiting.len().saturating_sub(self.leaving);
        if wanted == 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        for _ in 0..self.live.len().min(SAMPLE) {
            let Some(id) = self.live.pop_front() else { break };
            self.live.push_back(id);
            found.extend(idle(id).map(|since_ms| (since_ms, id)));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().take(wanted).map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ConversationId {
        ConversationId([n; 16])
    }

    #[test]
    fn the_longest_idle_leave_as_many_as_wait() {
        let mut room = Room::new(3);
        for n in 1..=3 {
            assert!(room.has_place(usize::from(n) - 1));
            room.came(id(n));
        }
        assert!(!room.has_place(3));
        let idle = |who: ConversationId| [Some(30), None, Some(10)][usize::from(who.0[0]) - 1];
        assert!(room.whom(idle).is_empty(), "nobody waits");
        room.waits(id(4));
        assert_eq!(room.whom(idle), [id(3)]);
        room.leaves();
        assert!(room.whom(idle).is_empty(), "a place is on its way");
        room.waits(id(5));
        assert_eq!(room.whom(|who| idle(who).filter(|_| who != id(3))), [id(1)]);
    }

    #[test]
    fn places_are_given_in_the_order_of_waiting() {
        let mut room = Room::new(1);
        room.waits(id(1));
        room.waits(id(2));
        assert!(room.crowded().load(Ordering::Acquire));
        assert!(!room.has_place(0), "others wait");
        assert_eq!(room.next(1), None);
        assert_eq!(room.next(0), Some(id(1)));
        assert_eq!(room.next(0), Some(id(2)));
        assert!(!room.crowded().load(Ordering::Acquire) && !room.is_crowded());
    }
}
