//! Ids and draws: everything that looks random, a function of the seed and of the order of calls.

use std::sync::atomic::{AtomicU64, Ordering};

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes message ids and trace ids, and draws for trouble.
///
/// Message ids also depend on the clock at the start: a stand-in started again next to a kept
/// store must not repeat the ids of its former life, else the engine drops them as duplicates.
#[derive(Debug)]
pub(crate) struct Ids {
    salt: u64,
    messages: AtomicU64,
    traces: AtomicU64,
    draws: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: u64, started_ms: u64) -> Self {
        Self {
            salt: mix(seed ^ mix(started_ms)),
            messages: AtomicU64::new(0),
            traces: AtomicU64::new(0),
            draws: AtomicU64::new(seed),
        }
    }

    /// A new message id, unique in this process.
    pub(crate) fn wamid(&self) -> String {
        let n = self.messages.fetch_add(1, Ordering::Relaxed);
        format!("wamid.HBgM{:016X}{n:08X}", mix(self.salt.wrapping_add(n.wrapping_mul(STEP))))
    }

    /// A trace id as Graph errors carry one.
    pub(crate) fn trace(&self) -> String {
        let n = self.traces.fetch_add(1, Ordering::Relaxed);
        format!("A{:016x}", mix(self.salt ^ mix(n)))
    }

    /// What makes a link valid: a function of the thing, the time and this start.
    pub(crate) fn seal(&self, what: &str, until: u64) -> String {
        let hash = what.bytes().fold(self.salt, |h, b| mix(h ^ u64::from(b)));
        format!("{:016x}", mix(hash ^ mix(until)))
    }

    /// True in `percent` of 100 draws.
    pub(crate) fn draw(&self, percent: u8) -> bool {
        percent >= 100 || mix(self.draws.fetch_add(STEP, Ordering::Relaxed)) % 100 < u64::from(percent)
    }
}

/// SplitMix64's finisher: a bijection, so distinct inputs stay distinct.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draws = |seed| {
            let ids = Ids::new(seed, 5);
            (0..64).map(|_| ids.draw(30)).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        assert!(!Ids::new(1, 1).draw(0));
        assert!(Ids::new(1, 1).draw(100));
    }

    #[test]
    fn ids_of_a_later_start_differ() {
        assert_ne!(Ids::new(7, 1_000).wamid(), Ids::new(7, 2_000).wamid());
        assert_eq!(Ids::new(7, 1_000).wamid(), Ids::new(7, 1_000).wamid());
    }
}
