//! An endpoint: what it wants, and how it stands. What matters of it is in the store; the counts are of this process.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use storage::NewDocument;
use tokio::sync::Notify;
use url::Url;

use super::sign::Keys;
use super::types::Types;
use crate::codec;
use crate::minute::Minute;
use crate::seen;

/// Documents of this kind say which endpoints want nothing more, by name.
pub(super) const GONE: &str = "event_gone";
/// After so many failures in a row one delivery at a time tries, until one gets through.
const BRAKED_AFTER: u32 = 5;

/// An endpoint as it is configured.
#[derive(Clone, Debug)]
pub struct EndpointSettings {
    /// Its name: what deliveries refer to.
    pub name: Box<str>,
    /// Where events go.
    pub url: Url,
    /// Which ones.
    pub types: Types,
    /// What they are signed with.
    pub keys: Keys,
}

/// How an endpoint stands, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Deliveries that wait.
    pub pending: u64,
    /// Events that were dropped because too many waited, since the start.
    pub dropped: u64,
    /// Failures since the last success.
    pub failures: u32,
    /// When it last took an event, since the start.
    pub succeeded_ms: Option<u64>,
    /// When it last did not, since the start, and why.
    pub failed: Option<(u64, Box<str>)>,
    /// Since when it wants nothing more: it answered 410.
    pub gone_ms: Option<u64>,
    /// Until when it wants to be left alone.
    pub paused_until_ms: Option<u64>,
}

/// Why nothing is sent to an endpoint until somebody resumes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gone {
    pub at_ms: u64,
    /// A keyed hash of its address: another one is another matter, and people put tokens into them.
    pub address: u64,
}

pub(super) struct Endpoint {
    pub settings: EndpointSettings,
    /// Rung when there is something to do.
    pub wake: Notify,
    pub failing: Minute,
    pub dropping: Minute,
    pub giving_up: Minute,
    pending: AtomicU64,
    standing: Mutex<Standing>,
}

impl Endpoint {
    pub(super) fn new(settings: EndpointSettings) -> Self {
        Self {
            settings,
            wake: Notify::new(),
            failing: Minute::default(),
            dropping: Minute::default(),
            giving_up: Minute::default(),
            pending: AtomicU64::new(0),
            standing: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { pending: self.pending(), ..self.standing.lock().clone() }
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    pub(super) fn set_pending(&self, count: u64) {
        self.pending.store(count, Ordering::Relaxed);
    }

    pub(super) fn one_more(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn one_less(&self) {
        // Cannot fail: the closure always answers.
        let _before = self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(1)));
    }

    pub(super) fn dropped(&self) {
        self.standing.lock().dropped += 1;
    }

    pub(super) fn succeeded(&self, now_ms: u64) {
        let mut standing = self.standing.lock();
        standing.failures = 0;
        standing.succeeded_ms = Some(now_ms);
        standing.paused_until_ms = None;
    }

    pub(super) fn failed(&self, now_ms: u64, why: &str, pause_ms: Option<u64>) {
        let mut standing = self.standing.lock();
        standing.failures = standing.failures.saturating_add(1);
        standing.failed = Some((now_ms, why.into()));
        standing.paused_until_ms = pause_ms.map(|pause_ms| now_ms.saturating_add(pause_ms));
    }

    pub(super) fn set_gone(&self, gone_ms: Option<u64>) {
        let mut standing = self.standing.lock();
        standing.gone_ms = gone_ms;
        if gone_ms.is_none() {
            (standing.failures, standing.paused_until_ms) = (0, None);
        }
    }

    /// Its address without what may be private in it.
    pub(super) fn address(&self, secret: &[u8; 16]) -> u64 {
        seen::hash(secret, self.settings.url.as_str())
    }

    pub(super) fn gone_document(&self, gone_ms: Option<u64>, secret: &[u8; 16]) -> NewDocument {
        let gone = gone_ms.map(|at_ms| codec::encode(&Gone { at_ms, address: self.address(secret) }));
        (GONE.into(), self.settings.name.clone(), gone)
    }

    /// How many deliveries may be under way now, of at most so many; and when that may change by itself.
    pub(super) fn allowed(&self, most: usize, now_ms: u64) -> (usize, Option<u64>) {
        let standing = self.standing.lock();
        match standing.paused_until_ms.filter(|until_ms| *until_ms > now_ms) {
            _ if standing.gone_ms.is_some() => (0, None),
            Some(until_ms) => (0, Some(until_ms)),
            None if standing.failures >= BRAKED_AFTER => (1.min(most), None),
            None => (most, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new(EndpointSettings {
            name: "crm".into(),
            url: Url::parse("http://127.0.0.1:9/hook").unwrap(),
            types: Types::parse(["*"].into_iter()).unwrap(),
            keys: Keys::parse(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap(),
        })
    }

    #[test]
    fn who_keeps_failing_gets_one_at_a_time_until_one_gets_through() {
        let endpoint = endpoint();
        for _ in 0..BRAKED_AFTER {
            assert_eq!(endpoint.allowed(8, 5), (8, None));
            endpoint.failed(5, "500", None);
        }
        assert_eq!(endpoint.allowed(8, 5), (1, None));
        endpoint.succeeded(6);
        assert_eq!(endpoint.allowed(8, 6), (8, None));
    }

    #[test]
    fn who_asks_for_a_pause_gets_it_and_who_is_gone_gets_nothing() {
        let endpoint = endpoint();
        endpoint.failed(5, "429", Some(100));
        assert_eq!(endpoint.allowed(8, 104), (0, Some(105)));
        assert_eq!(endpoint.allowed(8, 105), (8, None));
        endpoint.set_gone(Some(7));
        assert_eq!(endpoint.allowed(8, 1_000), (0, None));
        endpoint.set_gone(None);
        assert_eq!(endpoint.allowed(8, 1_000), (8, None));
    }

    #[test]
    fn count_of_what_waits_never_goes_below_nothing() {
        let endpoint = endpoint();
        endpoint.one_more();
        endpoint.one_less();
        endpoint.one_less();
        assert_eq!(endpoint.pending(), 0);
    }
}
