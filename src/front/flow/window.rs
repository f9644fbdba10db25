//! The same request again: it gets the same bytes, or waits for them.
//!
//! A second, different answer to one request would be encrypted under the same key and IV, which gives both away. The
//! window covers what was sealed by this process: screens, ends, acknowledgements, pings, and texts of dead tokens, for
//! the last [`MAX_KEPT`] requests or [`MAX_KEPT_BYTES`] of answers, and whatever is under way. Behind it stands the
//! conversation, which remembers the digests that a form of its own was answered for, over restarts, too; of forms that are
//! dead it remembers none, so that the text of a dead token is held by this window alone.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::answers::Reply;

/// Answers kept at most.
const MAX_KEPT: usize = 8_192;
/// Bytes of answers kept at most.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

type Digest = [u8; 32];

#[derive(Default)]
pub(super) struct Window {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: HashMap<Digest, Slot>,
    /// Those that are answered, oldest first.
    answered: VecDeque<Digest>,
    bytes: usize,
}

enum Slot {
    Open(watch::Receiver<Option<Reply>>),
    Answered(Reply),
}

/// How a request finds the window.
pub(super) enum Entered {
    /// Nobody asked this before: answer it, and leave with the ticket.
    First(Ticket),
    /// It was answered with this.
    Known(Reply),
    /// It is being answered.
    Copy(First),
}

/// Held by the first; whoever waits goes empty-handed when it is dropped.
pub(super) struct Ticket(watch::Sender<Option<Reply>>);

/// The answer to the first one, when it is there.
pub(super) struct First(watch::Receiver<Option<Reply>>);

impl First {
    /// `None` if the first one broke.
    pub(super) async fn await_it(mut self) -> Option<Reply> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl Window {
    pub(super) fn enter(&self, digest: Digest) -> Entered {
        let mut state = self.state.lock();
        let open = |entry: Entry<'_, Digest, Slot>| {
            let (tell, told) = watch::channel(None);
            entry.insert_entry(Slot::Open(told));
            Entered::First(Ticket(tell))
        };
        match state.slots.entry(digest) {
            Entry::Occupied(slot) => match slot.get() {
                Slot::Answered(reply) => Entered::Known(reply.clone()),
                // The task that had it is gone without a word: this one takes its place.
                Slot::Open(told) if told.has_changed().is_err() => open(Entry::Occupied(slot)),
                Slot::Open(told) => Entered::Copy(First(told.clone())),
            },
            vacant @ Entry::Vacant(_) => open(vacant),
        }
    }

    /// Tells whoever waits, and keeps what was sealed.
    pub(super) fn leave(&self, digest: Digest, ticket: Ticket, reply: &Reply) {
        let mut state = self.state.lock();
        if reply.is_sealed() {
            state.bytes += reply.bytes();
            state.slots.insert(digest, Slot::Answered(reply.clone()));
            state.answered.push_back(digest);
            state.forget_the_oldest();
        } else {
            state.slots.remove(&digest);
        }
        ticket.0.send_replace(Some(reply.clone()));
    }
}

impl State {
    fn forget_the_oldest(&mut self) {
        while self.answered.len() > MAX_KEPT || self.bytes > MAX_KEPT_BYTES {
            let Some(digest) = self.answered.pop_front() else { return };
            if let Some(Slot::Answered(reply)) = self.slots.remove(&digest) {
                self.bytes -= reply.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::dead_in_clear;
    use super::*;

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    fn first(window: &Window, number: usize) -> Ticket {
        match window.enter(digest(number)) {
            Entered::First(ticket) => ticket,
            _ => panic!("{number} was there before"),
        }
    }

    #[tokio::test]
    async fn copies_wait_for_the_first_and_later_ones_get_the_same() {
        let window = Window::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        let reply = dead_in_clear("gone");
        window.leave(digest(1), ticket, &reply);
        assert_eq!(copy.await_it().await, Some(reply.clone()));
        let Entered::Known(known) = window.enter(digest(1)) else { panic!("known") };
        assert_eq!(known, reply);
    }

    #[tokio::test]
    async fn what_was_not_sealed_may_be_tried_again() {
        let window = Window::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        window.leave(digest(1), ticket, &Reply::BUSY);
        assert_eq!(copy.await_it().await, Some(Reply::BUSY));
        drop(first(&window, 1));
    }

    #[tokio::test]
    async fn request_that_broke_leaves_its_place() {
        let window = Window::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        drop(ticket);
        assert_eq!(copy.await_it().await, None);
        first(&window, 1);
    }

    #[test]
    fn window_is_bounded_by_count_and_by_bytes() {
        let window = Window::default();
        for number in 0..MAX_KEPT + 10 {
            let ticket = first(&window, number);
            window.leave(digest(number), ticket, &dead_in_clear(""));
        }
        assert_eq!(window.state.lock().slots.len(), MAX_KEPT);
        let (large, many) = (dead_in_clear(&"x".repeat(1_000_000)), 40);
        for number in 100_000..100_000 + many {
            let ticket = first(&window, number);
            window.leave(digest(number), ticket, &large);
        }
        let state = window.state.lock();
        assert!(state.bytes <= MAX_KEPT_BYTES && state.slots.len() < many, "{}", state.bytes);
        assert_eq!(state.slots.len(), state.answered.len());
    }
}
