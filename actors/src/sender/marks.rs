//! Read marks and typing indicators: best effort, beside the messages and never in their way.

use std::collections::VecDeque;

use storage::ConversationId;

use crate::metrics::{Metrics, Result as ResultLabel};

/// Marks that wait at the most; the oldest ones are dropped.
const WAITING: usize = 256;
/// Marks under way at once.
const UNDER_WAY: usize = 4;

/// A message of the person that a committed turn has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub conversation: ConversationId,
    pub wamid: Box<str>,
    /// Show that an answer is being written.
    pub typing: bool,
}

#[derive(Default)]
pub(super) struct Marks {
    waiting: VecDeque<Seen>,
    under_way: usize,
}

impl Marks {
    /// Takes one, if `calm`. It replaces an earlier one of the conversation: Meta marks what came before with it.
    pub(super) fn add(&mut self, seen: Seen, calm: bool, metrics: &Metrics) {
        if !calm {
            metrics.read_marks.get_or_create(&ResultLabel::DROPPED).inc();
            return;
        }
        if let Some(place) = self.waiting.iter().position(|other| other.conversation == seen.conversation) {
            self.waiting[place] = seen;
            return;
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            metrics.read_marks.get_or_create(&ResultLabel::DROPPED).inc();
        }
        self.waiting.push_back(seen);
    }

    /// Nothing that waits is asked for any more: the number is slowed down.
    pub(super) fn clear(&mut self, metrics: &Metrics) {
        let dropped = std::mem::take(&mut self.waiting).len();
        if dropped > 0 {
            metrics.read_marks.get_or_create(&ResultLabel::DROPPED).inc_by(dropped as u64);
        }
    }

    /// Drops the mark of a conversation.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.waiting.retain(|seen| seen.conversation != conversation);
    }

    /// The next one, marked as under way.
    pub(super) fn next(&mut self, may: bool) -> Option<Seen> {
        let seen = self.waiting.pop_front_if(|_| may && self.under_way < UNDER_WAY)?;
        self.under_way += 1;
        Some(seen)
    }

    pub(super) fn ended(&mut self) {
        self.under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(person: u16, wamid: &str) -> Seen {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&person.to_be_bytes());
        Seen { conversation: ConversationId(id), wamid: wamid.into(), typing: false }
    }

    fn dropped(metrics: &Metrics) -> u64 {
        metrics.read_marks.get_or_create(&ResultLabel::DROPPED).get()
    }

    #[test]
    fn the_last_mark_of_a_conversation_stands_for_the_earlier_ones() {
        let (mut marks, metrics) = (Marks::default(), Metrics::default());
        for wamid in ["a", "b", "c"] {
            marks.add(seen(1, wamid), true, &metrics);
        }
        assert_eq!(marks.next(true), Some(seen(1, "c")));
        assert_eq!((marks.next(true), dropped(&metrics)), (None, 0));
    }

    #[test]
    fn four_are_under_way_and_beyond_256_the_oldest_are_dropped() {
        let (mut marks, metrics) = (Marks::default(), Metrics::default());
        for person in 0..300 {
            marks.add(seen(person, "a"), true, &metrics);
        }
        let first: Vec<_> = std::iter::from_fn(|| marks.next(true)).collect();
        assert_eq!(first, [44, 45, 46, 47].map(|person| seen(person, "a")));
        marks.ended();
        assert_eq!((marks.next(false), marks.next(true)), (None, Some(seen(48, "a"))));
        assert_eq!(dropped(&metrics), 44);
    }

    #[test]
    fn nothing_waits_while_the_number_is_slowed_down() {
        let (mut marks, metrics) = (Marks::default(), Metrics::default());
        marks.add(seen(1, "a"), true, &metrics);
        marks.add(seen(2, "a"), false, &metrics);
        marks.clear(&metrics);
        assert_eq!((marks.next(true), dropped(&metrics)), (None, 2));
    }
}
