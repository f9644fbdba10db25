//! What a conversation's shard and its actor share: the inputs that wait. The store is the truth; this is the copy that
//! saves reading it again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use storage::{ContactId, Inbound, InboxSeq};

use crate::forms::{Ask, Step};
use crate::records::inbox::is_deed;

/// An input that waits. Its row rides along while memory allows.
#[derive(Debug)]
pub(crate) struct Item {
    pub seq: InboxSeq,
    pub row: Option<Inbound>,
    /// Its ids lead to this contact as well: the conversation becomes a part of that one's.
    pub merge_into: Option<ContactId>,
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
    bytes: AtomicUsize,
    /// Those of the items that cannot get their turn now, whatever is done.
    standing: AtomicUsize,
}

/// Waiting inputs in all queues together; beyond it the router leaves rows in the store.
pub(crate) const MAX_ITEMS: usize = 1_000_000;
/// Bytes of rows that ride along; beyond it they are read from the store when their time comes.
pub(crate) const MAX_RIDING_BYTES: usize = 64 << 20;

impl Load {
    pub(crate) fn is_full(&self) -> bool {
        self.items.load(Ordering::Relaxed) >= MAX_ITEMS
    }

    /// Inputs whose turn comes as soon as others had theirs.
    pub(crate) fn going(&self) -> usize {
        self.items.load(Ordering::Relaxed).saturating_sub(self.standing.load(Ordering::Relaxed))
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

/// Why an actor leaves its inputs where they are. Whoever ends that tells the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// The bot version is tripped; the number is [`crate::Bots`]' generation at which it was.
    Version(u64),
    /// Too many of its messages have not left yet.
    Outbox,
}

/// The inputs of one conversation.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Set while a wake token is in the actor's mailbox.
    pub woken: AtomicBool,
    /// Set while a timer of this conversation is due.
    tick: AtomicBool,
    /// Set while the actor has taken the due timer and not committed.
    ticking: AtomicBool,
    /// The input being handled ([`HANDLING_TICK`] for a timer, 0 for none): tells the shard what a panic was about.
    pub handling: AtomicU64,
    /// Commits so far: tells the shard whether a failure is the one before.
    pub commits: AtomicU64,
}

/// See [`Queue::handling`]; no inbox row has this number.
pub(crate) const HANDLING_TICK: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// The first input that was left in the store because the queue was full.
    held_from: Option<InboxSeq>,
    /// Held inputs were asked for.
    refilling: bool,
    stalled: Option<Stall>,
    /// How many of the items count as standing still.
    standing: usize,
    /// What forms ask, in the order in which it came.
    asks: VecDeque<Ask>,
    /// Deeds: they are done before everything else, whatever keeps the other inputs back.
    deeds: VecDeque<Item>,
}

impl Queue {
    /// Appends an input, or leaves it in the store when `limit` are waiting. Answers the length, or `None` if held.
    pub(crate) fn push(&self, mut item: Item, limit: usize, load: &Load) -> Option<usize> {
        let mut waiting = self.waiting.lock();
        if item.row.as_ref().is_some_and(|row| is_deed(&row.payload)) {
            load.add(&item);
            waiting.deeds.push_back(item);
            return Some(waiting.items.len());
        }
        if waiting.held_from.is_some() || waiting.items.len() >= limit {
            waiting.held_from.get_or_insert(item.seq);
            return None;
        }
        if load.bytes.load(Ordering::Relaxed) + item.bytes() > MAX_RIDING_BYTES {
            item.row = None;
        }
        load.add(&item);
        waiting.items.push_back(item);
        waiting.count(load);
        Some(waiting.items.len())
    }

    /// Where held inputs begin, once nothing else waits; asked for once until [`Queue::refill`].
    pub(crate) fn ask_for_held(&self) -> Option<InboxSeq> {
        let mut waiting = self.waiting.lock();
        let from = waiting.held_from.filter(|_| waiting.items.is_empty() && !waiting.refilling)?;
        waiting.refilling = true;
        Some(from)
    }

    /// Puts back what was held: `items` in order, and where the rest begins.
    pub(crate) fn refill(&self, items: Vec<Item>, held_from: Option<InboxSeq>, load: &Load) {
        let mut waiting = self.waiting.lock();
        waiting.refilling = false;
        for item in items {
            // A deed did not stay behind with the others.
            if waiting.deeds.iter().all(|deed| deed.seq != item.seq) {
                load.add(&item);
                waiting.items.push_back(item);
            }
        }
        waiting.held_from = held_from;
        waiting.count(load);
    }

    /// The first deed, as [`Queue::take`].
    pub(crate) fn take_deed(&self, load: &Load) -> Option<Item> {
        let mut waiting = self.waiting.lock();
        let deed = waiting.deeds.front_mut()?;
        load.bytes.fetch_sub(deed.bytes(), Ordering::Relaxed);
        Some(Item { seq: deed.seq, row: deed.row.take(), merge_into: deed.merge_into })
    }

    /// Whether a deed waits.
    pub(crate) fn has_deed(&self) -> bool {
        !self.waiting.lock().deeds.is_empty()
    }

    /// The first inputs, with their rows. They keep their place until [`Queue::consumed`]; should the actor fail, their
    /// rows are read from the store again.
    pub(crate) fn take(&self, count: usize, load: &Load) -> Vec<Item> {
        let mut waiting = self.waiting.lock();
        let taken = waiting.items.iter_mut().take(count).map(|item| {
            load.bytes.fetch_sub(item.bytes(), Ordering::Relaxed);
            Item { seq: item.seq, row: item.row.take(), merge_into: item.merge_into }
        });
        taken.collect()
    }

    /// Drops inputs that are committed, or gone from the store.
    pub(crate) fn consumed(&self, consumed: &[InboxSeq], load: &Load) {
        let mut waiting = self.waiting.lock();
        for seq in consumed {
            if waiting.items.front().is_some_and(|item| item.seq == *seq) {
                waiting.items.pop_front().inspect(|item| load.remove(item));
            } else {
                drop_where(&mut waiting.items, |item| item.seq == *seq, load);
                drop_where(&mut waiting.deeds, |item| item.seq == *seq, load);
            }
        }
        waiting.count(load);
    }

    /// Keeps only the inputs that are still to do.
    pub(crate) fn retain(&self, wanted: impl Fn(InboxSeq) -> bool, load: &Load) {
        let mut waiting = self.waiting.lock();
        drop_where(&mut waiting.items, |item| !wanted(item.seq), load);
        drop_where(&mut waiting.deeds, |item| !wanted(item.seq), load);
        waiting.count(load);
    }

    /// Drops everything that waits here.
    pub(crate) fn clear(&self, load: &Load) {
        let mut waiting = self.waiting.lock();
        drop_where(&mut waiting.items, |_| true, load);
        drop_where(&mut waiting.deeds, |_| true, load);
        (waiting.held_from, waiting.refilling, waiting.stalled) = (None, false, None);
        waiting.count(load);
        waiting.asks.clear();
        self.tick.store(false, Ordering::Release);
        self.ticking.store(false, Ordering::Release);
    }

    pub(crate) fn sequences(&self) -> Vec<InboxSeq> {
        let waiting = self.waiting.lock();
        waiting.items.iter().chain(&waiting.deeds).map(|item| item.seq).collect()
    }

    /// Takes what a form asks, to be answered after the inputs that wait now. It comes back if so many wait that some
    /// were left in the store: nobody knows when their turn comes.
    pub(crate) fn push_ask(&self, mut ask: Ask) -> Result<(), Ask> {
        let mut waiting = self.waiting.lock();
        if waiting.held_from.is_some() {
            return Err(ask);
        }
        ask.after = waiting.items.back().map(|item| item.seq);
        waiting.asks.push_back(ask);
        Ok(())
    }

    /// The next one whose turn it is. Those that nobody waits for any more are dropped.
    pub(crate) fn take_ask(&self) -> Option<Ask> {
        let mut waiting = self.waiting.lock();
        waiting.asks.retain(|ask| !ask.is_abandoned());
        let first = waiting.items.front().map(|item| item.seq);
        let is_next = |ask: &Ask| ask.after.is_none_or(|after| first.is_none_or(|first| first > after));
        waiting.asks.front().is_some_and(is_next).then(|| waiting.asks.pop_front())?
    }

    /// It was taken, and nothing came of it.
    pub(crate) fn put_ask_back(&self, ask: Ask) {
        self.waiting.lock().asks.push_front(ask);
    }

    /// Answers all that wait; `step` is asked for each.
    pub(crate) fn answer_asks(&self, step: impl Fn() -> Step) {
        let asks = std::mem::take(&mut self.waiting.lock().asks);
        for ask in asks {
            ask.answer(step());
        }
    }

    /// Drops what forms ask: whoever waits hears it.
    pub(crate) fn drop_asks(&self) {
        drop(std::mem::take(&mut self.waiting.lock().asks));
    }

    /// A timer is due.
    pub(crate) fn set_tick(&self) {
        self.tick.store(true, Ordering::Release);
    }

    pub(crate) fn take_tick(&self) -> bool {
        let tick = self.tick.swap(false, Ordering::AcqRel);
        self.ticking.store(tick, Ordering::Release);
        tick
    }

    /// The timer that was taken is dealt with.
    pub(crate) fn tick_done(&self) {
        self.ticking.store(false, Ordering::Release);
    }

    /// The timer that was taken and not dealt with is due again.
    pub(crate) fn put_tick_back(&self) {
        if self.ticking.swap(false, Ordering::AcqRel) {
            self.set_tick();
        }
    }

    /// Whether inputs wait in the store because there was no room here.
    pub(crate) fn holds(&self) -> bool {
        self.waiting.lock().held_from.is_some()
    }

    /// Whether an input or a timer waits here.
    pub(crate) fn has_work(&self) -> bool {
        self.tick.load(Ordering::Acquire) || !self.waiting.lock().items.is_empty()
    }

    /// Whether nothing waits, neither here nor held in the store.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.waiting.lock();
        let inputs = !waiting.items.is_empty() || waiting.held_from.is_some();
        !inputs && waiting.asks.is_empty() && waiting.deeds.is_empty() && !self.tick.load(Ordering::Acquire)
    }

    /// Says why the inputs stay where they are, or that they do not.
    pub(crate) fn set_stalled(&self, stalled: Option<Stall>, load: &Load) {
        let mut waiting = self.waiting.lock();
        waiting.stalled = stalled;
        waiting.count(load);
    }

    pub(crate) fn stalled(&self) -> Option<Stall> {
        self.waiting.lock().stalled
    }
}

impl Waiting {
    /// Counts anew what stands still.
    fn count(&mut self, load: &Load) {
        let standing = if self.stalled.is_some() { self.items.len() } else { 0 };
        load.standing.fetch_add(standing, Ordering::Relaxed);
        load.standing.fetch_sub(self.standing, Ordering::Relaxed);
        self.standing = standing;
    }
}

fn drop_where(items: &mut VecDeque<Item>, unwanted: impl Fn(&Item) -> bool, load: &Load) {
    items.retain(|item| {
        let drop = unwanted(item);
        if drop {
            load.remove(item);
        }
        !drop
    });
}

#[cfg(test)]
mod tests {
    use storage::Partition;

    use super::*;

    fn item(seq: u64) -> Item {
        let payload = bytes::Bytes::from_static(b"12345");
        let row = Inbound { partition: Partition("1".into()), aliases: Vec::new(), received_ms: 0, payload };
        Item { seq: InboxSeq(seq), row: Some(row), merge_into: None }
    }

    fn counts(load: &Load) -> (usize, usize) {
        (load.items.load(Ordering::Relaxed), load.bytes.load(Ordering::Relaxed))
    }

    #[test]
    fn beyond_the_limit_inputs_are_held_until_the_queue_is_empty() {
        let (queue, load) = (Queue::default(), Load::default());
        assert_eq!(queue.push(item(1), 2, &load), Some(1));
        assert_eq!(queue.push(item(2), 2, &load), Some(2));
        assert_eq!(queue.push(item(3), 2, &load), None);
        queue.consumed(&[InboxSeq(1)], &load);
        assert_eq!(queue.push(item(4), 2, &load), None, "an older one is held, so order wants this one held too");
        assert_eq!(queue.ask_for_held(), None);
        queue.consumed(&[InboxSeq(2)], &load);
        assert_eq!(queue.ask_for_held(), Some(InboxSeq(3)));
        assert_eq!(queue.ask_for_held(), None, "asked for already");
        queue.refill(vec![item(3), item(4)], None, &load);
        assert_eq!(queue.sequences(), [InboxSeq(3), InboxSeq(4)]);
        assert_eq!(counts(&load), (2, 10));
    }

    #[test]
    fn what_stands_still_does_not_count_as_what_goes_on() {
        let (queue, other, load) = (Queue::default(), Queue::default(), Load::default());
        queue.push(item(1), 9, &load);
        other.push(item(2), 9, &load);
        queue.set_stalled(Some(Stall::Outbox), &load);
        assert_eq!(load.going(), 1);
        queue.push(item(3), 9, &load);
        queue.consumed(&[InboxSeq(1)], &load);
        assert_eq!((load.going(), counts(&load).0), (1, 2));
        queue.set_stalled(None, &load);
        assert_eq!(load.going(), 2);
        queue.set_stalled(Some(Stall::Outbox), &load);
        queue.clear(&load);
        assert_eq!((load.going(), counts(&load).0), (1, 1));
    }

    #[test]
    fn taken_inputs_keep_their_place_but_not_their_row() {
        let (queue, load) = (Queue::default(), Load::default());
        for seq in 1..=3 {
            queue.push(item(seq), 9, &load);
        }
        assert!(queue.take(2, &load).iter().all(|item| item.row.is_some()));
        assert_eq!(counts(&load), (3, 5));
        assert!(queue.take(2, &load).iter().all(|item| item.row.is_none()), "after a failure they are read again");
        queue.consumed(&[InboxSeq(1), InboxSeq(2)], &load);
        assert_eq!(queue.sequences(), [InboxSeq(3)]);
        assert_eq!(counts(&load), (1, 5));
    }

    #[test]
    fn what_is_consumed_is_dropped_wherever_it_stands() {
        let (queue, load) = (Queue::default(), Load::default());
        for seq in 1..=3 {
            queue.push(item(seq), 9, &load);
        }
        queue.consumed(&[InboxSeq(2), InboxSeq(9)], &load);
        assert_eq!(queue.sequences(), [InboxSeq(1), InboxSeq(3)]);
    }

    fn ask() -> (Ask, tokio::sync::oneshot::Receiver<Step>) {
        let request = chatbot::FormRequest {
            token: String::new(),
            action: chatbot::FormAction::Init,
            screen: None,
            data: serde_json::Value::Null,
            digest: String::new(),
            results: Vec::new(),
            late: false,
        };
        Ask::new(storage::ConversationId([1; 16]), std::sync::Arc::new(request))
    }

    #[test]
    fn what_a_form_asks_comes_after_the_inputs_that_waited_and_before_those_that_came_later() {
        let (queue, load) = (Queue::default(), Load::default());
        let (first, _heard) = ask();
        assert!(queue.push_ask(first).is_ok() && queue.take_ask().is_some(), "nothing waits");
        queue.push(item(1), 9, &load);
        queue.push(item(2), 9, &load);
        let (second, heard) = ask();
        assert!(queue.push_ask(second).is_ok());
        queue.push(item(3), 9, &load);
        assert!(queue.take_ask().is_none() && !queue.is_idle());
        queue.consumed(&[InboxSeq(1)], &load);
        assert!(queue.take_ask().is_none());
        queue.consumed(&[InboxSeq(2)], &load);
        let taken = queue.take_ask().unwrap();
        queue.put_ask_back(taken);
        drop(heard);
        assert!(queue.take_ask().is_none(), "nobody waits for it any more");
    }

    #[test]
    fn what_a_form_asks_does_not_wait_behind_inputs_that_are_held() {
        let (queue, load) = (Queue::default(), Load::default());
        queue.push(item(1), 1, &load);
        queue.push(item(2), 1, &load);
        assert!(queue.push_ask(ask().0).is_err());
    }

    #[test]
    fn a_timer_that_was_taken_and_not_committed_is_due_again() {
        let queue = Queue::default();
        queue.set_tick();
        assert!(queue.take_tick() && !queue.has_work());
        queue.put_tick_back();
        assert!(queue.take_tick());
        queue.tick_done();
        queue.put_tick_back();
        assert!(queue.is_idle());
    }

    #[test]
    fn rows_ride_along_only_while_memory_allows() {
        let (queue, load) = (Queue::default(), Load::default());
        load.bytes.store(MAX_RIDING_BYTES - 7, Ordering::Relaxed);
        queue.push(item(1), 9, &load);
        queue.push(item(2), 9, &load);
        let rows: Vec<_> = queue.take(2, &load).into_iter().map(|item| item.row.is_some()).collect();
        assert_eq!(rows, [true, false]);
    }
}
