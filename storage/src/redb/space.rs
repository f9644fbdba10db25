//! The space guard: looks at the disk's free space now and then, and says why nothing more is accepted.

use std::path::Path;
use std::time::{Duration, Instant};

use super::options::FreeSpace;

pub(super) struct Guard {
    free: Option<FreeSpace>,
    least: u64,
    every: Duration,
    looked: Option<Instant>,
    low: Option<Box<str>>,
}

impl Guard {
    pub(super) fn new(free: Option<FreeSpace>, least: u64, every: Duration) -> Self {
        Self { free, least, every, looked: None, low: None }
    }

    /// Why messages are refused, if they are.
    pub(super) fn obstacle(&mut self, now: Instant) -> Option<Box<str>> {
        let free = self.free.as_ref()?;
        if self.looked.is_none_or(|looked| now.duration_since(looked) >= self.every) {
            self.looked = Some(now);
            let was_low = self.low.is_some();
            self.low = free().filter(|free| *free < self.least).map(|free| text(free, self.least));
            if was_low != self.low.is_some() {
                tracing::warn!(reason = self.low.as_deref().unwrap_or("none"), "acceptance for lack of space changed");
            }
        }
        self.low.clone()
    }
}

fn text(free: u64, least: u64) -> Box<str> {
    format!("the disk has {} MB free, and {} MB are kept in reserve", free >> 20, least >> 20).into()
}

/// Looks up the filesystem that a file is on.
pub(super) fn of_filesystem(path: &Path) -> FreeSpace {
    let path = path.to_owned();
    Box::new(move || {
        let figures = rustix::fs::statvfs(&path).ok()?;
        Some(figures.f_bavail.saturating_mul(figures.f_frsize))
    })
}
