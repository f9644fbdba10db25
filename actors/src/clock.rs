//! The one source of time: handed down from the binary, so that tests and `parlance dev` can move it.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

/// Wall-clock time, in Unix milliseconds, and waiting for it.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now_ms(&self) -> u64;

    /// Returns once `now_ms() >= until_ms`.
    fn wait_until(&self, until_ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Real time plus an offset that can only grow ([`AdjustableClock::advance`]); in production nobody advances it.
/// Reads wall time once and goes on with monotonic time, so a jump of the system clock cannot fire every timer at once.
#[derive(Debug)]
pub struct AdjustableClock {
    base_ms: u64,
    started: Instant,
    offset_ms: AtomicU64,
    /// Wakes in the order in which was begun to wait, so that what happens then can happen again.
    moved: Notify,
}

impl AdjustableClock {
    /// A clock that starts at the system's wall time.
    #[allow(clippy::disallowed_methods, reason = "this is the Clock")]
    pub fn system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::starting_at(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// A clock that starts at `now_ms`.
    #[allow(clippy::disallowed_methods, reason = "this is the Clock; tokio's instant stands still in paused tests")]
    pub fn starting_at(now_ms: u64) -> Self {
        Self { base_ms: now_ms, started: Instant::now(), offset_ms: AtomicU64::new(0), moved: Notify::new() }
    }

    /// Moves time forward and wakes everybody who waits.
    pub fn advance(&self, by_ms: u64) {
        self.offset_ms.fetch_add(by_ms, Ordering::AcqRel);
        self.moved.notify_waiters();
    }
}

impl Clock for AdjustableClock {
    fn now_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.base_ms + elapsed + self.offset_ms.load(Ordering::Acquire)
    }

    fn wait_until(&self, until_ms: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let mut moved = pin!(self.moved.notified());
                // From here on no move is missed.
                moved.as_mut().enable();
                let left = until_ms.saturating_sub(self.now_ms());
                if left == 0 {
                    return;
                }
                tokio::select! {
                    biased;
                    () = moved => {}
                    () = tokio::time::sleep(Duration::from_millis(left)) => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_the_clock_is_advanced() {
        let clock = Arc::new(AdjustableClock::starting_at(1_000));
        let waiter = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.wait_until(1_000 + 3_600_000).await;
                clock.now_ms()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(3_600_000);
        assert!(waiter.await.unwrap() >= 3_601_000);
    }
}
