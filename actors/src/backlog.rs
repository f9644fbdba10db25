//! How many messages of each conversation have not left yet. A conversation with too many takes no input until half of
//! them are gone, so that the bot of a flooding person runs no faster than its replies leave.

use foldhash::HashMap;
use parking_lot::Mutex;
use storage::ConversationId;

/// Open messages by conversation; one that is not in it has none.
pub(crate) struct Backlog {
    open: Mutex<HashMap<ConversationId, usize>>,
    limit: usize,
}

impl Backlog {
    /// A conversation with `limit` open messages (at least 1) is full.
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Mutex::default(), limit: limit.max(1) }
    }

    pub(crate) fn add(&self, id: ConversationId, count: usize) {
        if count > 0 {
            *self.open.lock().entry(id).or_default() += count;
        }
    }

    /// One message less. Answers whether the conversation, if it was full, may go on now; says so once.
    pub(crate) fn settled(&self, id: ConversationId) -> bool {
        let mut open = self.open.lock();
        let Some(count) = open.get_mut(&id) else { return false };
        *count -= 1;
        let left = *count;
        if left == 0 {
            open.remove(&id);
        }
        left == self.limit / 2
    }

    /// Nobody counts the messages of these conversations any more.
    pub(crate) fn forget(&self, which: impl Fn(ConversationId) -> bool) {
        self.open.lock().retain(|id, _| !which(*id));
    }

    pub(crate) fn is_full(&self, id: ConversationId) -> bool {
        self.open.lock().get(&id).is_some_and(|count| *count >= self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_conversation_goes_on_when_half_has_left() {
        let (backlog, id) = (Backlog::new(4), ConversationId([1; 16]));
        backlog.add(id, 3);
        assert!(!backlog.is_full(id));
        backlog.add(id, 2);
        assert!(backlog.is_full(id));
        let goes_on: Vec<_> = (0..5).map(|_| backlog.settled(id)).collect();
        assert_eq!(goes_on, [false, false, true, false, false]);
        assert!(!backlog.settled(id), "nothing is open");
        assert!(backlog.open.lock().is_empty());
    }

    #[test]
    fn a_limit_of_one_still_ends() {
        let (backlog, id) = (Backlog::new(0), ConversationId([1; 16]));
        backlog.add(id, 1);
        assert!(backlog.is_full(id));
        assert!(backlog.settled(id) && !backlog.is_full(id));
    }
}
