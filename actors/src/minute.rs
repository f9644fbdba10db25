//! Counting what may come in floods, so that a few of it are said and the rest is not.

use parking_lot::Mutex;

const MINUTE_MS: u64 = 60_000;

/// How often something happened within the minute that began with the first time.
#[derive(Debug, Default)]
pub struct Minute(Mutex<Option<(u64, u32)>>);

impl Minute {
    /// It happened: the how-manieth time, from 1.
    pub fn count(&self, now_ms: u64) -> u32 {
        let mut kept = self.0.lock();
        // A clock that was set back must not silence it for longer.
        let (since_ms, times) =
            kept.filter(|(since_ms, _)| now_ms.abs_diff(*since_ms) < MINUTE_MS).unwrap_or((now_ms, 0));
        let times = times.saturating_add(1);
        *kept = Some((since_ms, times));
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_begins_with_the_first_time_and_counts_anew() {
        let minute = Minute::default();
        let counts = [5, 6, 60_004, 60_005, 60_006, 10].map(|now_ms| minute.count(now_ms));
        assert_eq!(counts, [1, 2, 3, 1, 2, 3]);
        assert_eq!(minute.count(9_000_000), 1);
        assert_eq!(minute.count(7), 1, "the clock was set back");
    }
}
