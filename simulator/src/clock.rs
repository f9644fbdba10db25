//! The clock that the simulator lives by. It is handed in, so that `dev` and tests can move it
//! together with the clock of the engine.

use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the time of the stand-in: timestamps, the 24 hour window, rates.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC.
    fn now_ms(&self) -> u64;

    /// Moves the clock forward by `ms`. False when it cannot be moved.
    fn advance(&self, ms: u64) -> bool;
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Starts at `now_ms` (milliseconds since 1970-01-01 UTC).
    pub fn new(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn advance(&self, ms: u64) -> bool {
        self.0.fetch_add(ms, Ordering::Relaxed);
        true
    }
}

/// Reads a span like `90s`, `15m`, `25h`, `31d` or `250ms`; a bare number is milliseconds.
pub(crate) fn parse_span(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_ms = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, ms) in [("25h", 90_000_000), ("90 s", 90_000), ("31d", 2_678_400_000), ("250ms", 250), ("7", 7)] {
            assert_eq!(parse_span(text), Some(ms), "{text}");
        }
        for text in ["", "h", "5y", "-3h", "1.5h", "99999999999999999999d", "ü5h"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }
}
