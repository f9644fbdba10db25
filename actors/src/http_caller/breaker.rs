//! Leaves a host alone that fails again and again. Closed, it lets everything through; after [`FAILURES`] calls in a row
//! that failed, of [`CONVERSATIONS`] at the least, it is open for [`OPEN_MS`]; then one try at a time looks whether the
//! host is back. However often a call is tried, it counts once: what one person writes must not close a host for all.

use storage::ConversationId;

/// Failed calls in a row that open it.
pub(crate) const FAILURES: usize = 5;
/// Conversations whose calls they are, at the least.
pub(crate) const CONVERSATIONS: usize = 3;
/// How long a host is left alone.
pub(crate) const OPEN_MS: u64 = 30_000;

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The calls that failed since the last success: [`FAILURES`] of them, then only those of other conversations.
    failed: Vec<(ConversationId, Box<str>)>,
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

    /// What came of a try of this call; answers whether the host is left alone from now on.
    pub(super) fn tried(&mut self, failed: bool, (conversation, call): (ConversationId, &str), now_ms: u64) -> bool {
        if !failed {
            *self = Self::default();
            return false;
        }
        let is_new = self.failed.iter().all(|(known, _)| *known != conversation);
        let counts = is_new || (self.failed.len() < FAILURES && self.failed.iter().all(|(_, known)| **known != *call));
        if self.open_until_ms.is_none() && counts {
            self.failed.push((conversation, call.into()));
        }
        let opens = self.open_until_ms.is_some() || (self.failed.len() >= FAILURES && self.people() >= CONVERSATIONS);
        if opens {
            self.open_until_ms = Some(now_ms.saturating_add(OPEN_MS));
        }
        opens
    }

    fn people(&self) -> usize {
        let earlier = |at: usize| self.failed.iter().take(at).map(|(conversation, _)| conversation);
        self.failed.iter().enumerate().filter(|(at, (of, _))| earlier(*at).all(|other| other != of)).count()
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(breaker: &mut Breaker, failed: bool, (person, call): (u64, u64), now_ms: u64) -> bool {
        breaker.tried(failed, (ConversationId([person as u8; 16]), &call.to_string()), now_ms)
    }

    #[test]
    fn tries_of_a_call_count_once_and_calls_of_one_person_are_not_enough() {
        let mut breaker = Breaker::default();
        assert!((0..20).all(|_| !tried(&mut breaker, true, (1, 1), 0)));
        assert!((2..20).all(|call| !tried(&mut breaker, true, (1, call), 0)));
        assert!(!tried(&mut breaker, true, (2, 30), 0) && breaker.failed.len() <= FAILURES + CONVERSATIONS);
        assert!(breaker.may_try(0).is_ok());
        assert!(tried(&mut breaker, true, (3, 31), 0), "the third person");
    }

    #[test]
    fn five_failures_open_it_and_one_probe_closes_it() {
        let mut breaker = Breaker::default();
        for n in 1..=FAILURES as u64 {
            assert_eq!(breaker.may_try(n), Ok(()));
            assert_eq!(tried(&mut breaker, true, (n, n), n), n == FAILURES as u64);
        }
        assert_eq!(breaker.may_try(6), Err(OPEN_MS - 1));
        let later = OPEN_MS + 5;
        assert_eq!(breaker.may_try(later), Ok(()), "the probe");
        assert_eq!(breaker.may_try(later), Err(OPEN_MS), "no second one beside it");
        assert!(tried(&mut breaker, true, (1, 9), later), "it failed, too");
        assert!(breaker.may_try(later + 1).is_err());
        assert_eq!(breaker.may_try(later + OPEN_MS), Ok(()));
        assert!(!tried(&mut breaker, false, (1, 9), later + OPEN_MS));
        assert!(breaker.is_fresh() && breaker.may_try(later + OPEN_MS).is_ok());
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for n in 0..20 {
            assert!(!tried(&mut breaker, n % FAILURES as u64 != 0, (n, n), n), "{n}");
        }
    }

    #[test]
    fn a_probe_that_never_comes_back_lets_another_one_look() {
        let mut breaker = Breaker::default();
        let opened = (0..FAILURES as u64).map(|n| tried(&mut breaker, true, (n, n), 0)).last();
        assert_eq!(opened, Some(true));
        assert_eq!(breaker.may_try(OPEN_MS), Ok(()));
        assert_eq!(breaker.may_try(2 * OPEN_MS), Ok(()));
    }
}
