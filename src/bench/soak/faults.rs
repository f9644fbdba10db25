//! What goes wrong in a soak: drawn from a seed, and counted, because a fault that never came proves nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::time::Instant;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// Meta answers 500.
    Busy,
    /// Meta answers 500 to everybody for a while.
    Outage,
    /// Meta answers 429 with 130429: the number is too fast.
    TooFast,
    /// The connection is cut and Meta has not taken the message.
    CutBefore,
    /// The connection is cut, but Meta has taken the message.
    CutAfter,
    /// No answer comes before the client gives up; the message is not taken.
    HungBefore,
    /// No answer comes before the client gives up; the message is taken.
    HungAfter,
    /// The answer takes its time.
    Late,
    /// A webhook comes twice.
    Doubled,
    /// A webhook comes after later ones.
    Reordered,
    /// kill -9, and started again.
    Killed,
    /// SIGTERM, and started again.
    Ended,
}

const NAMES: [(Fault, &str); 12] = [
    (Fault::Busy, "500"),
    (Fault::Outage, "outages"),
    (Fault::TooFast, "429"),
    (Fault::CutBefore, "cut, not taken"),
    (Fault::CutAfter, "cut, taken"),
    (Fault::HungBefore, "hung, not taken"),
    (Fault::HungAfter, "hung, taken"),
    (Fault::Late, "late"),
    (Fault::Doubled, "webhooks doubled"),
    (Fault::Reordered, "reordered"),
    (Fault::Killed, "kill -9"),
    (Fault::Ended, "SIGTERM"),
];
/// Of ten thousand requests to send a message.
const OF_SENDS: [(Fault, u32); 8] = [
    (Fault::Busy, 100),
    (Fault::Outage, 12),
    (Fault::TooFast, 8),
    (Fault::CutBefore, 40),
    (Fault::CutAfter, 40),
    (Fault::HungBefore, 15),
    (Fault::HungAfter, 15),
    (Fault::Late, 150),
];
/// Of ten thousand webhooks.
const OF_WEBHOOKS: [(Fault, u32); 2] = [(Fault::Doubled, 500), (Fault::Reordered, 500)];
const OUTAGE: Duration = Duration::from_secs(5);

/// Draws and counts.
pub(super) struct Faults {
    random: Mutex<StdRng>,
    over: AtomicBool,
    outage_until: Mutex<Option<Instant>>,
    counts: [AtomicU64; NAMES.len()],
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            over: AtomicBool::default(),
            outage_until: Mutex::default(),
            counts: Default::default(),
        }
    }

    /// From now on nothing goes wrong.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// What becomes of a request to send a message.
    pub(super) fn of_send(&self) -> Option<Fault> {
        if self.over.load(Ordering::Relaxed) {
            return None;
        }
        if self.outage_until.lock().is_some_and(|until| Instant::now() < until) {
            return Some(Fault::Busy);
        }
        let fault = self.draw(&OF_SENDS)?;
        if fault == Fault::Outage {
            *self.outage_until.lock() = Some(Instant::now() + OUTAGE);
        }
        Some(fault)
    }

    /// What becomes of a webhook.
    pub(super) fn of_webhook(&self) -> Option<Fault> {
        if self.over.load(Ordering::Relaxed) { None } else { self.draw(&OF_WEBHOOKS) }
    }

    /// Some time between these.
    pub(super) fn time(&self, from: Duration, to: Duration) -> Duration {
        let (from, to) = (from.as_micros() as u64, to.as_micros() as u64);
        Duration::from_micros(self.random.lock().random_range(from..to.max(from + 1)))
    }

    /// Some number below this one.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.random.lock().random_range(0..end.max(1))
    }

    pub(super) fn count(&self, fault: Fault) {
        if let Some(at) = NAMES.iter().position(|(named, _)| *named == fault) {
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often each kind was seen.
    pub(super) fn seen(&self) -> Vec<(&'static str, u64)> {
        NAMES.iter().zip(&self.counts).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed))).collect()
    }

    fn draw(&self, table: &[(Fault, u32)]) -> Option<Fault> {
        let mut drawn = self.random.lock().random_range(0..10_000);
        for (fault, share) in table {
            if drawn < *share {
                self.count(*fault);
                return Some(*fault);
            }
            drawn -= share;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_a_request_comes_sooner_or_later_the_same_for_a_seed_and_none_after_the_end() {
        let drawn = |faults: &Faults| -> Vec<_> {
            (0..20_000).map(|_| (faults.draw(&OF_SENDS), faults.of_webhook())).collect()
        };
        let faults = Faults::new(7);
        let first = drawn(&faults);
        assert_eq!(first, drawn(&Faults::new(7)));
        assert_ne!(first, drawn(&Faults::new(8)));
        let never: Vec<_> = faults.seen().into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
        assert_eq!(never, ["kill -9", "SIGTERM"], "these are planned, not drawn");
        faults.end();
        assert!((0..20_000).all(|_| faults.of_send().is_none() && faults.of_webhook().is_none()));
    }
}
