//! The rate of a business number: a bucket that can be looked at without taking from it, and whose rate can change,
//! which governor's cannot.
//!
//! Each time Meta says that the number is too fast, its rate halves, down to a sixteenth; each 12 seconds of quiet double
//! it again, so that it is whole again within a minute.

/// Halvings at the most.
const MAX_HALVED: u32 = 4;
/// After this long without a refusal, one halving is taken back (ms).
const RECOVER_MS: u64 = 12_000;
/// Meta's highest throughput: what a number without a limit of ours is slowed down from.
const HIGHEST: f64 = 1_000.0;
/// A burst of this part of a second's messages: a whole second's worth at once would look like a flood.
const BURST_SECONDS: f64 = 0.125;
/// Counting in fractions must not cost a message a millisecond.
const EPSILON: f64 = 1e-6;

pub(crate) struct Rate {
    /// Messages per second; `None` is no limit.
    full: Option<f64>,
    halved: u32,
    quiet_from_ms: u64,
    tokens: f64,
    counted_ms: u64,
}

impl Rate {
    /// `per_second` 0 is no limit.
    pub(crate) fn new(per_second: u32, now_ms: u64) -> Self {
        let full = (per_second > 0).then_some(f64::from(per_second));
        Self { full, halved: 0, quiet_from_ms: now_ms, tokens: full.map_or(0.0, burst), counted_ms: now_ms }
    }

    /// Takes one message's share, or answers how long it must wait (ms). One that must `spare` a share for others waits
    /// while it would take the last.
    pub(crate) fn take(&mut self, now_ms: u64, spare: bool) -> Option<u64> {
        let per_second = self.per_second(now_ms)?;
        let room = burst(per_second);
        let since_ms = now_ms.saturating_sub(self.counted_ms);
        self.tokens = (self.tokens + since_ms as f64 * per_second / 1_000.0).min(room);
        self.counted_ms = now_ms;
        let needed = if spare && room >= 2.0 { 2.0 } else { 1.0 };
        if self.tokens + EPSILON >= needed {
            self.tokens -= 1.0;
            return None;
        }
        let wait_ms = (needed - self.tokens) * 1_000.0 / per_second;
        Some((wait_ms.ceil() as u64).max(1))
    }

    /// Messages per second as of now; `None` is no limit.
    pub(crate) fn per_second(&self, now_ms: u64) -> Option<f64> {
        let halved = self.halved(now_ms);
        if halved == 0 {
            return self.full;
        }
        Some((self.full.unwrap_or(HIGHEST) / f64::from(1u32 << halved)).max(f64::MIN_POSITIVE))
    }

    fn halved(&self, now_ms: u64) -> u32 {
        let quiet_ms = now_ms.saturating_sub(self.quiet_from_ms);
        self.halved.saturating_sub(u32::try_from(quiet_ms / RECOVER_MS).unwrap_or(u32::MAX))
    }

    /// Meta said that the number is too fast.
    pub(crate) fn halve(&mut self, now_ms: u64) {
        self.set(self.halved(now_ms) + 1, now_ms);
    }

    /// Meta is about to say so: at most half, for now.
    pub(crate) fn ease(&mut self, now_ms: u64) {
        self.set(self.halved(now_ms).max(1), now_ms);
    }

    /// Nothing could be refused while nothing left: quiet counts from here.
    pub(crate) fn goes_on(&mut self, now_ms: u64) {
        self.set(self.halved.min(MAX_HALVED), now_ms);
    }

    fn set(&mut self, halved: u32, now_ms: u64) {
        (self.halved, self.quiet_from_ms) = (halved.min(MAX_HALVED), now_ms);
    }
}

fn burst(per_second: f64) -> f64 {
    (per_second * BURST_SECONDS).floor().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many leave in a time, asking whenever the rate says so.
    fn leave(rate: &mut Rate, from_ms: u64, for_ms: u64) -> u64 {
        let (mut now_ms, mut left) = (from_ms, 0);
        while now_ms < from_ms + for_ms {
            match rate.take(now_ms, false) {
                None => left += 1,
                Some(wait_ms) => now_ms += wait_ms,
            }
        }
        left
    }

    #[test]
    fn a_rate_is_kept_and_a_burst_is_an_eighth_of_it() {
        let mut rate = Rate::new(80, 0);
        assert_eq!(leave(&mut rate, 0, 1), 10);
        assert!((795..=805).contains(&leave(&mut rate, 0, 10_000)));
    }

    #[test]
    fn whoever_spares_leaves_a_share_for_the_next_one() {
        let mut rate = Rate::new(80, 0);
        while rate.take(0, true).is_none() {}
        assert_eq!(rate.take(0, false), None);
        assert_eq!(rate.take(0, false), Some(13));
    }

    #[test]
    fn refusals_halve_it_to_a_sixteenth_and_a_minute_of_quiet_makes_it_whole() {
        let mut rate = Rate::new(80, 0);
        for expected in [40.0, 20.0, 10.0, 5.0, 5.0] {
            rate.halve(0);
            assert_eq!(rate.per_second(0), Some(expected));
        }
        assert_eq!(rate.per_second(12_000), Some(10.0));
        assert_eq!(rate.per_second(48_000), Some(80.0));
        rate.ease(50_000);
        rate.ease(50_000);
        assert_eq!(rate.per_second(50_000), Some(40.0));
    }

    #[test]
    fn without_a_limit_it_is_slowed_down_from_the_highest_that_meta_takes() {
        let mut rate = Rate::new(0, 0);
        assert_eq!((rate.take(0, true), rate.per_second(0)), (None, None));
        rate.halve(0);
        assert_eq!(rate.per_second(0), Some(500.0));
        assert!((495..=570).contains(&leave(&mut rate, 0, 1_000)));
        assert_eq!(rate.per_second(12_000), None);
    }
}
