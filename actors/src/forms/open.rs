//! Which requests are under way: bounded, and copies join the first.

use std::sync::Arc;

use foldhash::HashMap;
use parking_lot::Mutex;
use storage::ConversationId;
use tokio::sync::watch;

use super::{FormAnswered, FormOutcome};

/// Requests under way at once, without copies.
const MAX_OPEN: usize = 2_000;
/// Of one conversation.
const MAX_OPEN_OF_CONVERSATION: usize = 8;
/// Who may wait for one of them.
const MAX_COPIES: usize = 128;

type Told = watch::Sender<Option<FormAnswered>>;
type Key = (ConversationId, Box<str>);

/// See the module.
#[derive(Default)]
pub(super) struct Open {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    asks: HashMap<Key, Arc<Told>>,
    of: HashMap<ConversationId, usize>,
}

/// What became of a newcomer.
pub(super) enum Entered {
    First(Ticket),
    Copy(watch::Receiver<Option<FormAnswered>>),
    Full,
}

/// A request that is under way until this is dropped; then all who wait are told, whatever happened.
pub(super) struct Ticket {
    open: Arc<Open>,
    key: Key,
    told: Arc<Told>,
}

impl Open {
    pub(super) fn enter(self: &Arc<Self>, conversation: ConversationId, digest: &str) -> Entered {
        let key: Key = (conversation, digest.into());
        let mut inner = self.inner.lock();
        if let Some(told) = inner.asks.get(&key) {
            return match told.receiver_count() < MAX_COPIES {
                true => Entered::Copy(told.subscribe()),
                false => Entered::Full,
            };
        }
        let of = inner.of.get(&conversation).copied().unwrap_or_default();
        if inner.asks.len() >= MAX_OPEN || of >= MAX_OPEN_OF_CONVERSATION {
            return Entered::Full;
        }
        let told = Arc::new(watch::Sender::new(None));
        inner.asks.insert(key.clone(), told.clone());
        inner.of.insert(conversation, of + 1);
        Entered::First(Ticket { open: self.clone(), key, told })
    }
}

impl Ticket {
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<FormAnswered>> {
        self.told.subscribe()
    }

    pub(super) fn answer(self, answered: FormAnswered) {
        self.told.send_replace(Some(answered));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.open.inner.lock();
        inner.asks.remove(&self.key);
        let conversation = self.key.0;
        let left = inner.of.get(&conversation).map_or(0, |of| of.saturating_sub(1));
        match left {
            0 => inner.of.remove(&conversation),
            left => inner.of.insert(conversation, left),
        };
        drop(inner);
        self.told.send_if_modified(|told| {
            let unanswered = told.is_none();
            told.get_or_insert_with(|| FormOutcome::Late.into());
            unanswered
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ConversationId {
        ConversationId([n; 16])
    }

    fn first(open: &Arc<Open>, conversation: u8, digest: &str) -> Option<Ticket> {
        match open.enter(id(conversation), digest) {
            Entered::First(ticket) => Some(ticket),
            Entered::Copy(_) | Entered::Full => None,
        }
    }

    #[test]
    fn copies_hear_what_the_first_hears_also_when_it_is_lost() {
        let open: Arc<Open> = Arc::default();
        let ticket = first(&open, 1, "a").unwrap();
        let Entered::Copy(copy) = open.enter(id(1), "a") else { panic!("a copy") };
        ticket.answer(FormOutcome::Acknowledged.into());
        assert_eq!(copy.borrow().as_ref().unwrap().outcome, FormOutcome::Acknowledged);
        let ticket = first(&open, 1, "a").unwrap();
        let Entered::Copy(copy) = open.enter(id(1), "a") else { panic!("a copy") };
        drop(ticket);
        assert_eq!(copy.borrow().as_ref().unwrap().outcome, FormOutcome::Late);
    }

    #[test]
    fn one_conversation_has_only_so_many_and_gets_its_places_back() {
        let open: Arc<Open> = Arc::default();
        let mut tickets: Vec<_> =
            (0..MAX_OPEN_OF_CONVERSATION).map(|n| first(&open, 1, &n.to_string()).unwrap()).collect();
        assert!(matches!(open.enter(id(1), "more"), Entered::Full));
        assert!(first(&open, 2, "of another").is_some());
        tickets.pop();
        assert!(first(&open, 1, "more").is_some());
        drop(tickets);
        assert!(open.inner.lock().of.is_empty() && open.inner.lock().asks.is_empty());
    }

    #[test]
    fn so_many_wait_for_one_and_no_more() {
        let open: Arc<Open> = Arc::default();
        let ticket = first(&open, 1, "a").unwrap();
        let told = ticket.subscribe();
        let copies: Vec<_> = (1..MAX_COPIES)
            .map(|_| match open.enter(id(1), "a") {
                Entered::Copy(copy) => copy,
                Entered::First(_) | Entered::Full => panic!("a copy"),
            })
            .collect();
        assert!(matches!(open.enter(id(1), "a"), Entered::Full));
        drop((told, copies));
    }
}
