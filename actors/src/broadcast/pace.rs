//! How many messages may be released by now.

/// A burst of this part of a second's messages.
const BURST_SECONDS: f64 = 0.25;
/// A step is what may go in so many seconds, so that replies meet few of them at a time, and not one message where the rate
/// is high.
const STEP_SECONDS: f64 = 0.02;
/// Counting in fractions must not cost a message a millisecond.
const EPSILON: f64 = 1e-6;

/// A rate that can change from step to step.
pub(super) struct Pace {
    tokens: f64,
    counted_ms: u64,
}

impl Pace {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { tokens: 1.0, counted_ms: now_ms }
    }

    /// So many may go now, of `wanted`; else when to ask again (ms). `per_second` absent is no limit.
    pub(super) fn take(&mut self, wanted: usize, per_second: Option<f64>, now_ms: u64) -> Result<usize, u64> {
        let Some(per_second) = per_second.map(|rate| rate.max(0.001)) else { return Ok(wanted) };
        let room = (per_second * BURST_SECONDS).max(1.0);
        let since_ms = now_ms.saturating_sub(self.counted_ms);
        self.tokens = (self.tokens + since_ms as f64 * per_second / 1_000.0).min(room);
        self.counted_ms = now_ms;
        let least = (per_second * STEP_SECONDS).floor().clamp(1.0, wanted.max(1) as f64);
        if self.tokens + EPSILON < least {
            let wait_ms = ((least - self.tokens) * 1_000.0 / per_second).ceil() as u64;
            return Err(now_ms + wait_ms.max(1));
        }
        let taken = wanted.min((self.tokens + EPSILON) as usize);
        self.tokens -= taken as f64;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(per_second: f64, for_ms: u64) -> usize {
        let (mut pace, mut now_ms, mut count) = (Pace::new(0), 0, 0);
        while now_ms < for_ms {
            match pace.take(50, Some(per_second), now_ms) {
                Ok(taken) => count += taken,
                Err(again_ms) => now_ms = again_ms,
            }
        }
        count
    }

    #[test]
    fn a_rate_is_kept_over_time_whatever_it_is() {
        assert!((9..=11).contains(&released(1.0, 10_000)));
        assert!((790..=825).contains(&released(80.0, 10_000)));
        assert!((1..=2).contains(&released(0.1, 10_000)));
    }

    #[test]
    fn steps_are_small_and_not_single_where_the_rate_is_high() {
        let step = |per_second| {
            let (mut pace, mut now_ms, mut steps) = (Pace::new(0), 0, Vec::new());
            while steps.len() < 3 {
                match pace.take(16, Some(per_second), now_ms) {
                    Ok(taken) => steps.push(taken),
                    Err(again_ms) => now_ms = again_ms,
                }
            }
            steps[2]
        };
        assert_eq!([20.0, 80.0, 200.0, 800.0, 5_000.0].map(step), [1, 1, 4, 16, 16]);
    }

    #[test]
    fn without_a_rate_everything_may_go_and_a_few_are_not_waited_for() {
        let mut pace = Pace::new(0);
        assert_eq!(pace.take(50, None, 0), Ok(50));
        assert_eq!(pace.take(1, Some(80.0), 0), Ok(1));
        assert!(pace.take(1, Some(80.0), 0).is_err());
    }
}
