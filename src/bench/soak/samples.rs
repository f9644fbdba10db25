//! What is looked at again and again in a soak, and whether it stands still.

use serde::Serialize;

/// One look.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Sample {
    pub at_seconds: f64,
    /// Which start of the process this was, and for how long it had been running.
    pub life: u32,
    pub age_seconds: f64,
    pub rss_bytes: u64,
    pub descriptors: u64,
    pub store_bytes: u64,
    pub webhook_bytes: u64,
    /// Messages without a reply.
    pub open: u64,
    pub inbox: u64,
    pub outbox: u64,
    pub unfolded: u64,
    /// Conversations in memory.
    pub live: u64,
    /// Rows of conversations that grew old, of this start.
    pub erased: u64,
}

/// Rows of conversations that grew old, of all starts: what was erased after the last look of a start is not counted.
pub(super) fn erased(samples: &[Sample]) -> u64 {
    samples.chunk_by(|one, next| one.life == next.life).filter_map(|life| life.last()).map(|last| last.erased).sum()
}

/// Samples of the last life that are not of its warm-up.
pub(super) fn steady(samples: &[Sample], warm_up_seconds: f64) -> &[Sample] {
    let life = samples.last().map_or(0, |sample| sample.life);
    let from = samples.partition_point(|sample| sample.life < life || sample.age_seconds < warm_up_seconds);
    samples.get(from..).unwrap_or_default()
}

/// The slope of the line that fits best, a second.
pub(super) fn slope(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean_at = samples.iter().map(|sample| sample.at_seconds).sum::<f64>() / count;
    let mean = samples.iter().map(|sample| of(sample) as f64).sum::<f64>() / count;
    let away = |sample: &Sample| sample.at_seconds - mean_at;
    let spread: f64 = samples.iter().map(|sample| away(sample).powi(2)).sum();
    let both: f64 = samples.iter().map(|sample| away(sample) * (of(sample) as f64 - mean)).sum();
    if spread > 0.0 { both / spread } else { 0.0 }
}

/// Seconds from the first to the last of them.
pub(super) fn seconds(samples: &[Sample]) -> f64 {
    let at = |sample: Option<&Sample>| sample.map_or(0.0, |sample| sample.at_seconds);
    at(samples.last()) - at(samples.first())
}

/// The most in the first and in the last third.
pub(super) fn most_of_thirds(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> (u64, u64) {
    let third = samples.len().div_ceil(3);
    let most = |part: &[Sample]| part.iter().map(&of).max().unwrap_or_default();
    (most(samples.get(..third).unwrap_or_default()), most(samples.get(samples.len() - third..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising(by: u64) -> Vec<Sample> {
        let sample = |second: u32, life, age_seconds: f64| Sample {
            at_seconds: f64::from(second),
            life,
            age_seconds,
            rss_bytes: 1_000 + u64::from(second) * by,
            ..Sample::default()
        };
        let first = (0..10).map(|second| sample(second, 0, second.into()));
        first.chain((10..40).map(|second| sample(second, 1, f64::from(second) - 10.0))).collect()
    }

    #[test]
    fn slope_is_of_the_last_life_after_its_warm_up() {
        let mut samples = rising(5);
        samples[3].rss_bytes = 1_000_000;
        samples[12].rss_bytes = 1_000_000;
        let steady = steady(&samples, 10.0);
        assert_eq!((steady.len(), steady[0].at_seconds, seconds(steady)), (20, 20.0, 19.0));
        assert!((slope(steady, |sample| sample.rss_bytes) - 5.0).abs() < 1e-6);
        assert_eq!(slope(&[], |sample| sample.rss_bytes), 0.0);
    }

    #[test]
    fn what_each_start_erased_is_summed() {
        let sample = |life, erased| Sample { life, erased, ..Sample::default() };
        assert_eq!(erased(&[sample(0, 3), sample(0, 5), sample(1, 0), sample(2, 2)]), 7);
        assert_eq!(erased(&[]), 0);
    }

    #[test]
    fn thirds_show_what_grows() {
        let samples = rising(2);
        assert_eq!(most_of_thirds(&samples, |sample| sample.rss_bytes), (1_026, 1_078));
        assert_eq!(most_of_thirds(&[], |sample| sample.rss_bytes), (0, 0));
    }
}
