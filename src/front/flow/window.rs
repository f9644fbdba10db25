//! The same request again: it gets the same bytes, or waits for them.
//!
//! A second, different answer to one request would be encrypted under the same key and IV, which gives both away. So only
//! two kinds are ever encrypted: what is always the same (pings, acknowledgements, the text for a form without a token), which
//! needs no place here; and what the conversation decided. Of that the window keeps the last [`MAX_KEPT`] answers of this
//! process, or [`MAX_KEPT_BYTES`], and whatever is under way. Behind it stands the conversation: it committed an answer before it
//! gave it, and a form that is open remembers the digests that it answered, over restarts, too. The text of a dead token is
//! held by this window alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

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

/// Held by the first. However it goes, its place is free or answered then; whoever waits goes empty-handed when it broke.
pub(super) struct Ticket {
    window: Arc<Window>,
    digest: Digest,
    tell: watch::Sender<Option<Reply>>,
}

/// The answer to the first one, when it is there.
pub(super) struct First(watch::Receiver<Option<Reply>>);

impl First {
    /// `None` if the first one broke.
    pub(super) async fn await_it(mut self) -> Option<Reply> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl Window {
    pub(super) fn enter(self: &Arc<Self>, digest: Digest) -> Entered {
        let mut state = self.state.lock();
        match state.slots.get(&digest) {
            Some(Slot::Answered(reply)) => Entered::Known(reply.clone()),
            Some(Slot::Open(told)) => Entered::Copy(First(told.clone())),
            None => {
                let (tell, told) = watch::channel(None);
                state.slots.insert(digest, Slot::Open(told));
                Entered::First(Ticket { window: self.clone(), digest, tell })
            }
        }
    }
}

impl Ticket {
    /// Keeps what must be the same again, and tells whoever waits.
    pub(super) fn leave(self, reply: &Reply) {
        let mut state = self.window.state.lock();
        match reply.is_kept {
            true => state.keep(self.digest, reply),
            false => drop(state.slots.remove(&self.digest)),
        }
        drop(state);
        self.tell.send_replace(Some(reply.clone()));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.tell.borrow().is_none() {
            self.window.state.lock().slots.remove(&self.digest);
        }
    }
}

impl State {
    fn keep(&mut self, digest: Digest, reply: &Reply) {
        self.bytes += reply.bytes();
        self.slots.insert(digest, Slot::Answered(reply.clone()));
        self.answered.push_back(digest);
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
    use hyper::body::Bytes;

    use super::*;

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    fn sealed(text: &str) -> Reply {
        Reply { status: 200, content_type: None, body: Bytes::from(text.to_owned()), is_kept: true }
    }

    fn first(window: &Arc<Window>, number: usize) -> Ticket {
        match window.enter(digest(number)) {
            Entered::First(ticket) => ticket,
            _ => panic!("{number} was there before"),
        }
    }

    #[tokio::test]
    async fn copies_wait_for_the_first_and_later_ones_get_the_same() {
        let window = Arc::<Window>::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        let reply = sealed("gone");
        ticket.leave(&reply);
        assert_eq!(copy.await_it().await, Some(reply.clone()));
        let Entered::Known(known) = window.enter(digest(1)) else { panic!("known") };
        assert_eq!(known, reply);
    }

    #[tokio::test]
    async fn what_was_not_sealed_may_be_tried_again() {
        let window = Arc::<Window>::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        ticket.leave(&Reply::BUSY);
        assert_eq!(copy.await_it().await, Some(Reply::BUSY));
        drop(first(&window, 1));
    }

    #[tokio::test]
    async fn request_that_broke_leaves_its_place() {
        let window = Arc::<Window>::default();
        let ticket = first(&window, 1);
        let Entered::Copy(copy) = window.enter(digest(1)) else { panic!("a copy") };
        drop(ticket);
        assert_eq!(copy.await_it().await, None);
        assert!(window.state.lock().slots.is_empty(), "also if nobody asks again");
        first(&window, 1);
    }

    #[test]
    fn window_is_bounded_by_count_and_by_bytes() {
        let window = Arc::<Window>::default();
        for number in 0..MAX_KEPT + 10 {
            let ticket = first(&window, number);
            ticket.leave(&sealed(""));
        }
        assert_eq!(window.state.lock().slots.len(), MAX_KEPT);
        let (large, many) = (sealed(&"x".repeat(1_000_000)), 40);
        for number in 100_000..100_000 + many {
            let ticket = first(&window, number);
            ticket.leave(&large);
        }
        let state = window.state.lock();
        assert!(state.bytes <= MAX_KEPT_BYTES && state.slots.len() < many, "{}", state.bytes);
        assert_eq!(state.slots.len(), state.answered.len());
    }
}
