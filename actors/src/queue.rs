//! What a conversation's shard and its actor share: the inputs that wait. The store is the truth; this is the copy that
//! saves reading it again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use storage::{Inbound, InboxSeq};

/// An input that waits. Its row rides along while memory allows.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub seq: InboxSeq,
    pub row: Option<Inbound>,
}

impl Item {
    fn bytes(&self) -> usize {
        self.row.as_ref().map_or(0, |row| row.payload.len())
    }
}

/// Counts over all queues: what bounds the memory of waiting inputs.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub items: AtomicUsize,
    pub bytes: AtomicUsize,
}

/// Waiting inputs in all queues together; beyond it the router leaves rows in the store.
pub(crate) const MAX_ITEMS: usize = 1_000_000;
/// Bytes of rows that ride along; beyond it they are read from the store when their time comes.
pub(crate) const MAX_RIDING_BYTES: usize = 64 << 20;

impl Load {
    pub(crate) fn is_full(&self) -> bool {
        self.items.load(Ordering::Relaxed) >= MAX_ITEMS
    }

    fn add(&self, item: &Item) {
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(item.bytes(), Ordering::Relaxed);
    }

    fn remove(&self, item: &Item) {
        self.items.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(item.bytes(), Ordering::Relaxed);
    }
}

/// The inputs of one conversation.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Set while a wake token is in the actor's mailbox.
    pub woken: AtomicBool,
    /// Set while a timer of this conversation is due.
    pub tick: AtomicBool,
    /// The input being handled ([`HANDLING_TICK`] for a timer, 0 for none): tells the shard what a panic was about.
    pub handling: AtomicU64,
}

/// See [`Queue::handling`]; no inbox row has this number.
pub(crate) const HANDLING_TICK: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// The first input that was left in the store because the queue was full.
    held_from: Option<InboxSeq>,
}

impl Queue {
    /// Appends an input, or leaves it in the store when `limit` are waiting. Answers the length, or `None` if held.
    pub(crate) fn push(&self, mut item: Item, limit: usize, load: &Load) -> Option<usize> {
        let mut waiting = self.waiting.lock();
        if waiting.held_from.is_some() || waiting.items.len() >= limit {
            waiting.held_from.get_or_insert(item.seq);
            return None;
        }
        if load.bytes.load(Ordering::Relaxed) + item.bytes() > MAX_RIDING_BYTES {
            item.row = None;
        }
        load.add(&item);
        waiting.items.push_back(item);
        Some(waiting.items.len())
    }

    /// Puts back what was held: `items` in order, and where the rest begins.
    pub(crate) fn refill(&self, items: Vec<Item>, held_from: Option<InboxSeq>, load: &Load) {
        let mut waiting = self.waiting.lock();
        for item in items {
            load.add(&item);
            waiting.items.push_back(item);
        }
        waiting.held_from = held_from;
    }

    /// The first inputs, which stay queued until [`Queue::consumed`].
    pub(crate) fn front(&self, count: usize) -> Vec<Item> {
        self.waiting.lock().items.iter().take(count).cloned().collect()
    }

    /// Drops the first `count` inputs: they are committed.
    pub(crate) fn consumed(&self, count: usize, load: &Load) {
        let mut waiting = self.waiting.lock();
        for _ in 0..count {
            if let Some(item) = waiting.items.pop_front() {
                load.remove(&item);
            }
        }
    }

    /// Keeps only the inputs that are still to do.
    pub(crate) fn retain(&self, wanted: impl Fn(InboxSeq) -> bool, load: &Load) {
        self.waiting.lock().items.retain(|item| {
            let keep = wanted(item.seq);
            if !keep {
                load.remove(item);
            }
            keep
        });
    }

    pub(crate) fn sequences(&self) -> Vec<InboxSeq> {
        self.waiting.lock().items.iter().map(|item| item.seq).collect()
    }

    /// Where held inputs begin, once nothing else waits.
    pub(crate) fn refill_from(&self) -> Option<InboxSeq> {
        let waiting = self.waiting.lock();
        waiting.held_from.filter(|_| waiting.items.is_empty())
    }

    /// Whether nothing waits, neither here nor held in the store.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.items.is_empty() && waiting.held_from.is_none() && !self.tick.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(seq: u64) -> Item {
        Item { seq: InboxSeq(seq), row: None }
    }

    #[test]
    fn beyond_the_limit_inputs_are_held_until_the_queue_is_empty() {
        let (queue, load) = (Queue::default(), Load::default());
        assert_eq!(queue.push(item(1), 2, &load), Some(1));
        assert_eq!(queue.push(item(2), 2, &load), Some(2));
        assert_eq!(queue.push(item(3), 2, &load), None);
        queue.consumed(1, &load);
        assert_eq!(queue.push(item(4), 2, &load), None, "an older one is held, so order wants this one held too");
        assert_eq!(queue.refill_from(), None);
        queue.consumed(1, &load);
        assert_eq!(queue.refill_from(), Some(InboxSeq(3)));
        queue.refill(vec![item(3), item(4)], None, &load);
        assert_eq!(queue.sequences(), [InboxSeq(3), InboxSeq(4)]);
        assert_eq!(load.items.load(Ordering::Relaxed), 2);
    }
}
