//! A single resettable alarm: calls a function when the clock reaches the time that was set last.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;

/// Rings once for each time that is set. Dropping it silences it.
pub(crate) struct Alarm {
    at_ms: watch::Sender<Option<u64>>,
    task: JoinHandle<()>,
}

impl Alarm {
    pub(crate) fn new(clock: Arc<dyn Clock>, ring: impl Fn() + Send + 'static) -> Self {
        let (at_ms, mut changes) = watch::channel(None::<u64>);
        let task = tokio::spawn(async move {
            loop {
                let at_ms = *changes.borrow_and_update();
                let changed = match at_ms {
                    None => changes.changed().await,
                    Some(at_ms) => tokio::select! {
                        biased;
                        changed = changes.changed() => changed,
                        () = clock.wait_until(at_ms) => {
                            ring();
                            changes.changed().await
                        }
                    },
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        Self { at_ms, task }
    }

    /// Sets the next time, or none.
    pub(crate) fn set(&self, at_ms: Option<u64>) {
        self.at_ms.send_replace(at_ms);
    }

    /// Sets the time unless an earlier one is set.
    pub(crate) fn set_at_latest(&self, at_ms: u64) {
        self.at_ms.send_if_modified(|current| match current {
            Some(earlier) if *earlier <= at_ms => false,
            _ => {
                *current = Some(at_ms);
                true
            }
        });
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.task.abort();
    }
}
