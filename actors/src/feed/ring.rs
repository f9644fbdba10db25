//! The newest events in memory, once for all followers.

use std::collections::VecDeque;
use std::sync::Arc;

use storage::LogSeq;

use super::told::{Place, Told};

/// Events in memory at the most.
const MAX_EVENTS: usize = 4_096;
/// And their bytes.
const MAX_BYTES: usize = 4 << 20;
/// Events that a follower takes at once: what it holds for itself while its client reads slowly.
pub(super) const BATCH: usize = 32;

/// See the module.
#[derive(Default)]
pub(super) struct Ring {
    /// Whether somebody follows; else there is nothing in it.
    open: bool,
    /// All events of the rows after this one and up to `read` are in it.
    base: LogSeq,
    read: LogSeq,
    /// The index of the first event; indexes are never used twice.
    first: u64,
    events: VecDeque<Arc<Told>>,
    bytes: usize,
}

/// What a follower finds at its index.
pub(super) enum Found {
    /// These, and the index after the last one looked at; `level` when that is the end.
    Events { wanted: Vec<Arc<Told>>, next: u64, level: Option<LogSeq> },
    /// It is not in memory any more.
    Gone,
}

impl Ring {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Begins anew after a row.
    pub(super) fn open(&mut self, after: LogSeq) {
        self.close();
        self.open = true;
        (self.base, self.read) = (after, after);
    }

    pub(super) fn close(&mut self) {
        self.open = false;
        // Whoever still has an index finds that it is gone, also one at the end.
        self.first = self.end() + 1;
        self.events = VecDeque::new();
        self.bytes = 0;
    }

    /// The last row that was taken in.
    pub(super) fn read_to(&self) -> LogSeq {
        self.read
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a row in.
    pub(super) fn take(&mut self, row: LogSeq, events: Vec<Told>) {
        events.into_iter().for_each(|told| self.push(told));
        self.read = row;
    }

    pub(super) fn push(&mut self, told: Told) {
        self.bytes += told.bytes();
        self.events.push_back(Arc::new(told));
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.first += 1;
            // Of a row that is cut the rest is not enough.
            self.base = oldest.place.map_or(self.base, |place| place.seq);
        }
    }

    /// The index at which a follower goes on that has everything up to this place.
    pub(super) fn index_after(&self, place: Place) -> Option<u64> {
        if !self.open || place.whole() < self.base || place.whole() > self.read {
            return None;
        }
        let is_old = |told: &Arc<Told>| match told.place {
            Some(Place { seq, part }) if seq == place.seq => match (part, place.part) {
                (Some(part), Some(had)) => part <= had,
                (None, Some(_)) => false,
                (_, None) => true,
            },
            Some(Place { seq, .. }) => seq < place.seq,
            None => false,
        };
        // Those that are not in the log have no order of their own: whoever comes from the log gets those after it.
        let old = self.events.iter().rposition(is_old).map_or(0, |last| last + 1);
        Some(self.first + old as u64)
    }

    /// Up to a batch of events from an index on.
    pub(super) fn from(&self, index: u64, wants: impl Fn(&Told) -> bool) -> Found {
        let Some(skipped) = index.checked_sub(self.first).filter(|_| self.open && index <= self.end()) else {
            return Found::Gone;
        };
        let (mut wanted, mut next) = (Vec::new(), index);
        for told in self.events.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)) {
            if wanted.len() == BATCH {
                return Found::Events { wanted, next, level: None };
            }
            next += 1;
            if wants(told) {
                wanted.push(told.clone());
            }
        }
        Found::Events { wanted, next, level: Some(self.read) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::Topic;
    use super::*;

    fn told(seq: u64, part: Option<u32>) -> Told {
        let place = Some(Place { seq: LogSeq(seq), part });
        Told { place, topic: Topic::Bots, kind: "bot.updated", conversation: None, number: None, data: "{}".into() }
    }

    fn row(ring: &mut Ring, seq: u64, events: u32) {
        let place = |n| if n == events { None } else { Some(n) };
        ring.take(LogSeq(seq), (1..=events).map(|n| told(seq, place(n))).collect());
    }

    fn left(ring: &Ring, index: u64) -> Vec<(u64, Option<u32>)> {
        let Found::Events { wanted, .. } = ring.from(index, |_| true) else { panic!("it is in memory") };
        wanted.iter().filter_map(|told| told.place).map(|place| (place.seq.0, place.part)).collect()
    }

    #[test]
    fn a_follower_goes_on_in_the_middle_of_a_row() {
        let mut ring = Ring::default();
        ring.open(LogSeq(4));
        row(&mut ring, 5, 3);
        ring.push(Told { place: None, ..told(0, None) });
        row(&mut ring, 6, 0);
        row(&mut ring, 7, 1);
        let after = |seq, part| ring.index_after(Place { seq: LogSeq(seq), part });
        assert_eq!(left(&ring, after(5, Some(1)).unwrap()), [(5, Some(2)), (5, None), (7, None)]);
        assert_eq!(left(&ring, after(5, None).unwrap()), [(7, None)]);
        assert_eq!(left(&ring, after(4, None).unwrap()).len(), 4);
        assert_eq!(after(7, None), Some(ring.end()));
        assert_eq!(after(3, None), None, "what came before it is not in memory");
        assert_eq!(after(8, None), None, "what is not read yet cannot be passed over");
    }

    #[test]
    fn memory_is_bounded_and_who_fell_out_is_told_so() {
        let mut ring = Ring::default();
        ring.open(LogSeq(0));
        for seq in 1..=3 * MAX_EVENTS as u64 {
            row(&mut ring, seq, 2);
        }
        assert_eq!(ring.len(), MAX_EVENTS);
        assert!(ring.bytes() <= MAX_BYTES);
        assert!(matches!(ring.from(0, |_| true), Found::Gone));
        assert_eq!(ring.index_after(Place::after(LogSeq(5_000))), None);
        let Found::Events { wanted, level, .. } = ring.from(ring.first, |_| true) else { panic!("it is in memory") };
        assert_eq!((wanted.len(), level), (BATCH, None));
        let large = Told { data: "x".repeat(MAX_BYTES / 2).into(), ..told(20_000, None) };
        (0..5).for_each(|_| ring.push(large.clone()));
        assert!(ring.bytes() <= MAX_BYTES && ring.len() == 1);
    }

    #[test]
    fn nothing_stays_when_nobody_follows() {
        let mut ring = Ring::default();
        ring.open(LogSeq(0));
        row(&mut ring, 1, 2);
        ring.close();
        assert_eq!((ring.len(), ring.bytes()), (0, 0));
        ring.open(LogSeq(9));
        assert!((0..=2).all(|index| matches!(ring.from(index, |_| true), Found::Gone)));
    }
}
