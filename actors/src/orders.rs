//! Messages that somebody outside wants to have sent: who waits for them in this process, and why one is refused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use chatbot::Closed;
use parking_lot::Mutex;
use storage::SendId;
use tokio::sync::oneshot;
use whatsapp::message::Outgoing;

use crate::deeds::DeedRefusal;
use crate::records::{PHONE_APP, State};

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrderOutcome {
    /// It is in the outbox, now or since an earlier order with the same key.
    Queued(SendId),
    /// It will not be sent.
    Refused(Refusal),
}

/// What became of a deed: whether it changed anything, or why it was not done.
pub(crate) type DeedOutcome = Result<bool, DeedRefusal>;

/// Why a message is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only templates may be sent, since this time (Unix ms); `None` if the person never wrote.
    #[error("the service window is closed: only a template may be sent")]
    WindowClosed(Option<u64>),
    /// The key came with another message before.
    #[error("this idempotency key was used for another message")]
    KeyReused,
    /// The person wants no marketing.
    #[error("the person does not want marketing messages")]
    OptedOut,
    /// The person had this broadcast already.
    #[error("the person had this broadcast already")]
    Duplicate,
    /// Somebody answers in the bot's place, and a bot had decided it.
    #[error("somebody answers in the bot's place")]
    WithHuman,
    /// It is a dead letter that went again, or was dropped, before.
    #[error("this letter went again, or was dropped, before")]
    Resolved,
    /// Somebody else of staff answers here.
    #[error("{who} answers here since {}", crate::view::time_text(*since_ms))]
    Owned {
        /// Who.
        who: Box<str>,
        /// Since when (Unix ms).
        since_ms: u64,
    },
    /// Neither a number nor a user id is known.
    #[error("there is neither a number nor a user id to send to")]
    NobodyToSendTo,
}

impl Refusal {
    /// A stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::WindowClosed(_) => "window_closed",
            Refusal::KeyReused => "key_reused",
            Refusal::OptedOut => "opted_out",
            Refusal::Duplicate => "duplicate",
            Refusal::WithHuman => "with_human",
            Refusal::Resolved => "resolved",
            Refusal::Owned { .. } => "owned",
            Refusal::NobodyToSendTo => "no_address",
        }
    }
}

/// Those who wait for what becomes of an order, or of something else that a turn decides.
#[derive(Debug)]
pub(crate) struct Tickets<T = OrderOutcome> {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<T>>>,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Self { next: AtomicU64::default(), waiting: Mutex::default() }
    }
}

impl<T> Tickets<T> {
    /// A ticket that no other of this process has. Numbers of an earlier process are not in use any more: whoever
    /// waited is gone.
    pub(crate) fn draw(&self, started_ms: u64) -> (u64, oneshot::Receiver<T>) {
        let ticket = started_ms.wrapping_mul(1 << 20).wrapping_add(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(ticket, sender);
        (ticket, receiver)
    }

    /// Nobody waits any more.
    pub(crate) fn give_back(&self, ticket: u64) {
        self.waiting.lock().remove(&ticket);
    }

    /// The turn that decided is committed.
    pub(crate) fn answer(&self, answers: Vec<(u64, T)>) {
        for (ticket, outcome) in answers {
            if let Some(sender) = self.waiting.lock().remove(&ticket) {
                // Whoever waited may have gone.
                let _gone = sender.send(outcome);
            }
        }
    }
}

/// How those of staff begin who write themselves, and not through a program.
const STAFF: &str = "user:";

impl State {
    /// Why somebody should not write here, if so: somebody else of staff answers. A program says what must be said whoever
    /// does, and nobody can hand back from the phone app.
    pub(crate) fn refuses_writer(&self, who: &str) -> Option<Refusal> {
        let (owner, since_ms) = self.owner().filter(|(owner, _)| *owner != who && *owner != PHONE_APP)?;
        who.starts_with(STAFF).then(|| Refusal::Owned { who: owner.into(), since_ms })
    }

    /// Why this message may not be sent now, if so.
    pub(crate) fn refuses(&self, message: &Outgoing, is_marketing: bool, now_ms: u64) -> Option<Refusal> {
        if is_marketing && self.opted_out() {
            return Some(Refusal::OptedOut);
        }
        let closed = !message.is_template() && !self.window_is_open(now_ms);
        closed.then(|| Refusal::WindowClosed(self.window_until_ms()))
    }

    /// Why a message that was given up may not go again now, if so. It said itself what becomes of it when the service
    /// window is closed: what is asked about is what would leave.
    pub(crate) fn refuses_again(
        &self,
        message: &Outgoing,
        closed: &Closed,
        could_be_marketing: impl Fn(&Outgoing) -> bool,
        now_ms: u64,
    ) -> Option<Refusal> {
        let is_closed = !message.is_template() && !self.window_is_open(now_ms);
        let instead = match closed {
            Closed::Template(template) if is_closed => Some(Outgoing::Template((**template).clone())),
            _ => None,
        };
        if self.opted_out() && could_be_marketing(instead.as_ref().unwrap_or(message)) {
            return Some(Refusal::OptedOut);
        }
        (is_closed && *closed == Closed::Drop).then(|| Refusal::WindowClosed(self.window_until_ms()))
    }
}
