//! Leaves a host alone that fails again and again. Closed, it lets everything through; after [`FAILURES`] in a row it is
//! open for [`OPEN_MS`]; then one try at a time looks whether the host is back.

/// Failures in a row that open it.
pub(crate) const FAILURES: u32 = 5;
/// How long a host is left alone.
pub(crate) const OPEN_MS: u64 = 30_000;

#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// When a try may look again.
    open_until_ms: Option<u64>,
}

impl Breaker {
    /// Whether a try may be made now; if not, how long until one may.
    pub(super) fn may_try(&mut self, now_ms: u64) -> Result<(), u64> {
        let Some(until_ms) = self.open_until_ms else { return Ok(()) };
        if now_ms < until_ms {
            return Err(until_ms - now_ms);
        }
        // This one looks. Should it never come back, another one does.
        self.open_until_ms = Some(now_ms.saturating_add(OPEN_MS));
        Ok(())
    }

    /// What came of a try; answers whether the host is left alone from now on.
    pub(super) fn tried(&mut self, failed: bool, now_ms: u64) -> bool {
        if !failed {
            *self = Self::default();
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= FAILURES;
        if opens {
            self.open_until_ms = Some(now_ms.saturating_add(OPEN_MS));
        }
        opens
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_open_it_and_one_probe_closes_it() {
        let mut breaker = Breaker::default();
        for n in 1..=FAILURES {
            assert_eq!(breaker.may_try(n.into()), Ok(()));
            assert_eq!(breaker.tried(true, n.into()), n == FAILURES);
        }
        assert_eq!(breaker.may_try(6), Err(OPEN_MS - 1));
        let later = OPEN_MS + 5;
        assert_eq!(breaker.may_try(later), Ok(()), "the probe");
        assert_eq!(breaker.may_try(later), Err(OPEN_MS), "no second one beside it");
        assert!(breaker.tried(true, later), "it failed, too");
        assert!(breaker.may_try(later + 1).is_err());
        assert_eq!(breaker.may_try(later + OPEN_MS), Ok(()));
        assert!(!breaker.tried(false, later + OPEN_MS));
        assert!(breaker.is_fresh() && breaker.may_try(later + OPEN_MS).is_ok());
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for n in 0..20 {
            assert!(!breaker.tried(n % FAILURES as u64 != 0, n), "{n}");
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_lets_another_one_look() {
        let mut breaker = Breaker::default();
        let opened = (0..FAILURES).map(|_| breaker.tried(true, 0)).last();
        assert_eq!(opened, Some(true));
        assert_eq!(breaker.may_try(OPEN_MS), Ok(()));
        assert_eq!(breaker.may_try(2 * OPEN_MS), Ok(()));
    }
}
