//! What is known of the hosts that are called: how many tries are under way, and whether they answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use storage::ConversationId;
use tokio::sync::Semaphore;

use super::breaker::Breaker;

/// Hosts that are remembered; those that are in use or failed are kept beyond it.
const REMEMBERED: usize = 1_000;

pub(super) struct Hosts {
    per_host: usize,
    by_name: Mutex<HashMap<Box<str>, Arc<Host>>>,
}

/// One host and port.
pub(super) struct Host {
    name: Box<str>,
    room: Semaphore,
    /// Calls that are made, wait for their turn, or pause between tries.
    calls: AtomicUsize,
    breaker: Mutex<Breaker>,
}

/// A call of a host, until this is dropped.
pub(super) struct Called<'h>(&'h Host);

impl Drop for Called<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hosts {
    pub(super) fn new(per_host: usize) -> Self {
        Self { per_host, by_name: Mutex::default() }
    }

    pub(super) fn get(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.by_name.lock();
        if let Some(host) = hosts.get(name) {
            return host.clone();
        }
        if hosts.len() >= REMEMBERED {
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || !host.breaker.lock().is_fresh());
        }
        if hosts.len() >= 2 * REMEMBERED {
            // So many that fail: they are begun anew, rather than remembered without end.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let breaker = Mutex::default();
        let (room, calls) = (Semaphore::new(self.per_host), AtomicUsize::new(0));
        let host = Arc::new(Host { name: name.into(), room, calls, breaker });
        hosts.insert(name.into(), host.clone());
        host
    }
}

impl Host {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One more call, unless it has so many already.
    pub(super) fn enter(&self, most: usize) -> Option<Called<'_>> {
        let more = |calls| (calls < most).then_some(calls + 1);
        self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Called(self))
    }

    pub(super) fn room(&self) -> &Semaphore {
        &self.room
    }

    /// See [`Breaker::may_try`].
    pub(super) fn may_try(&self, now_ms: u64) -> Result<(), u64> {
        self.breaker.lock().may_try(now_ms)
    }

    /// See [`Breaker::tried`].
    pub(super) fn tried(&self, failed: bool, of: (ConversationId, &str), now_ms: u64) -> bool {
        self.breaker.lock().tried(failed, of, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_end_do_not_take_memory_without_end() {
        let hosts = Hosts::new(1);
        let kept = hosts.get("kept");
        for n in 0..10_000 {
            hosts.get(&format!("h{n}")).tried(n % 2 == 0, (ConversationId([1; 16]), "c"), 0);
        }
        assert!(hosts.by_name.lock().len() <= 2 * REMEMBERED);
        assert!(Arc::ptr_eq(&kept, &hosts.get("kept")));
    }
}
