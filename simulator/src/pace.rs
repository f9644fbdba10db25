//! Meta's own rate limits, off unless trouble switches them on.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

const PAIR_BURST: u64 = 45;
const PAIR_INTERVAL_MS: u64 = 6_000;
const MAX_PAIRS: usize = 1_000_000;

/// Which limit a send ran into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Pair,
    Throughput,
}

#[derive(Default)]
pub(crate) struct Pace {
    /// When the bucket of a pair is full again.
    pairs: Mutex<HashMap<String, u64, RandomState>>,
    /// The running second of each number and the sends in it.
    seconds: Mutex<HashMap<usize, (u64, u32), RandomState>>,
}

impl Pace {
    /// Counts one send, or says which limit forbids it. A refused send costs nothing.
    pub(crate) fn spend(
        &self,
        number: usize,
        person: &str,
        now_ms: u64,
        pair_rate: bool,
        per_second: Option<u32>,
    ) -> Result<(), Limit> {
        if let Some(most) = per_second {
            let mut seconds = self.seconds.lock();
            let (second, sends) = seconds.entry(number).or_default();
            if *second != now_ms / 1_000 {
                (*second, *sends) = (now_ms / 1_000, 0);
            }
            if *sends >= most {
                return Err(Limit::Throughput);
            }
            *sends += 1;
        }
        if pair_rate { self.spend_pair(number, person, now_ms) } else { Ok(()) }
    }

    /// A bucket of 45 that gains one every 6 s, kept as the time at which it is full.
    fn spend_pair(&self, number: usize, person: &str, now_ms: u64) -> Result<(), Limit> {
        let mut pairs = self.pairs.lock();
        if pairs.len() >= MAX_PAIRS {
            pairs.retain(|_, full_at| *full_at > now_ms);
        }
        let full_at = pairs.entry(format!("{number}/{person}")).or_insert(now_ms);
        let after = (*full_at).max(now_ms).saturating_add(PAIR_INTERVAL_MS);
        if after - now_ms > PAIR_BURST * PAIR_INTERVAL_MS {
            return Err(Limit::Pair);
        }
        *full_at = after;
        Ok(())
    }

    pub(crate) fn clear(&self) {
        self.pairs.lock().clear();
        self.seconds.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_may_burst_and_then_waits() {
        let pace = Pace::default();
        for _ in 0..PAIR_BURST {
            pace.spend(0, "a", 0, true, None).unwrap();
        }
        assert_eq!(pace.spend(0, "a", 0, true, None), Err(Limit::Pair));
        assert_eq!(pace.spend(0, "b", 0, true, None), Ok(()));
        assert_eq!(pace.spend(0, "a", PAIR_INTERVAL_MS - 1, true, None), Err(Limit::Pair));
        assert_eq!(pace.spend(0, "a", PAIR_INTERVAL_MS, true, None), Ok(()));
        assert_eq!(pace.spend(0, "a", PAIR_INTERVAL_MS, true, None), Err(Limit::Pair));
    }

    #[test]
    fn a_number_has_so_many_a_second() {
        let pace = Pace::default();
        assert_eq!(pace.spend(0, "a", 999, false, Some(1)), Ok(()));
        assert_eq!(pace.spend(0, "b", 999, false, Some(1)), Err(Limit::Throughput));
        assert_eq!(pace.spend(1, "b", 999, false, Some(1)), Ok(()));
        assert_eq!(pace.spend(0, "b", 1_000, false, Some(1)), Ok(()));
    }
}
