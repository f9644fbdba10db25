//! What the stand-in hears, by whose message is replied to.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::super::load::{Pace, Tally};

/// Message numbers say whose message it is: the chat's from 0 on, and those of the troubles from these.
pub(super) const CROWD: u64 = 10_000_000;
pub(super) const ONE: u64 = 20_000_000;
pub(super) const PIPELINED: u64 = 30_000_000;
/// Messages that hide in bodies of other requests: nobody may ever reply to one.
pub(super) const HIDDEN: u64 = 40_000_000;

/// Replies heard.
#[derive(Default)]
pub(super) struct Ears {
    pace: Mutex<Option<Pace>>,
    times_us: Mutex<Vec<u32>>,
    chat: AtomicU64,
    crowd: AtomicU64,
    one: AtomicU64,
    pipelined: AtomicU64,
    hidden: AtomicU64,
}

impl Ears {
    /// A first reply to this message.
    pub(super) fn hear(&self, n: u64) {
        self.count(n).fetch_add(1, Ordering::Relaxed);
        if n < CROWD
            && let Some(due) = self.pace.lock().and_then(|pace| pace.due(n))
        {
            self.times_us.lock().push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// First replies to messages of the range that begins here; 0 is the chat's.
    pub(super) fn heard(&self, first: u64) -> u64 {
        self.count(first).load(Ordering::Relaxed)
    }

    /// From now on messages of the chat have these times.
    pub(super) fn expect(&self, pace: Pace) {
        *self.pace.lock() = Some(pace);
    }

    /// The times of the chat's replies since this was last asked.
    pub(super) fn take(&self) -> Tally {
        let mut acks_us = std::mem::take(&mut *self.times_us.lock());
        acks_us.sort_unstable();
        Tally { acks_us, refused: 0 }
    }

    fn count(&self, n: u64) -> &AtomicU64 {
        match n {
            HIDDEN.. => &self.hidden,
            PIPELINED.. => &self.pipelined,
            ONE.. => &self.one,
            CROWD.. => &self.crowd,
            _ => &self.chat,
        }
    }
}
