//! The newest log lines in memory, for operators who cannot see the process's output.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::Level;

/// Lines in memory at the most.
const MAX_LINES: usize = 5_000;
/// And their bytes.
const MAX_BYTES: usize = 4 << 20;

/// A line as it was written, scrubbed like every other.
#[derive(Debug)]
pub struct Line {
    /// Rises by one with each line.
    pub number: u64,
    /// How bad it is.
    pub level: Level,
    /// Who wrote it.
    pub target: Box<str>,
    /// A JSON object in one line, without the line break.
    pub json: Box<str>,
}

/// See the module.
#[derive(Debug)]
pub struct Logs {
    ring: Mutex<Ring>,
    bell: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Arc<Line>>,
    last: u64,
    bytes: usize,
}

impl Default for Logs {
    fn default() -> Self {
        Self { ring: Mutex::default(), bell: watch::Sender::new(()) }
    }
}

impl Logs {
    /// Keeps a line; the oldest ones go.
    pub fn push(&self, level: Level, target: &str, json: &str) {
        let mut ring = self.ring.lock();
        ring.last += 1;
        ring.bytes += json.len();
        let (number, target, json) = (ring.last, target.into(), json.trim_end().into());
        ring.lines.push_back(Arc::new(Line { number, level, target, json }));
        while ring.lines.len() > MAX_LINES || ring.bytes > MAX_BYTES {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes = ring.bytes.saturating_sub(oldest.json.len() + 1);
        }
        drop(ring);
        self.bell.send_replace(());
    }

    /// The number of the last line.
    pub fn last(&self) -> u64 {
        self.ring.lock().last
    }

    /// Rings with every line.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// Lines after a number, oldest first.
    pub fn after(&self, number: u64, limit: usize) -> Vec<Arc<Line>> {
        let ring = self.ring.lock();
        let first = ring.lines.front().map_or(0, |line| line.number);
        let skipped = usize::try_from((number + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        ring.lines.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// Lines before a number (0 is the end) that pass, newest first.
    pub fn before(&self, number: u64, limit: usize, wants: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
        // Not under the lock: looking into a line takes longer than copying its reference.
        let lines: Vec<_> = self.ring.lock().lines.iter().cloned().collect();
        let earlier = lines.iter().rev().filter(|line| number == 0 || line.number < number);
        earlier.filter(|line| wants(line)).take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_stay_within_both_bounds() {
        let logs = Logs::default();
        for n in 1..=2 * MAX_LINES {
            logs.push(Level::INFO, "target", &format!("{{\"n\":{n}}}\n"));
        }
        assert_eq!(logs.last(), 2 * MAX_LINES as u64);
        assert_eq!(logs.before(0, usize::MAX, |_| true).len(), MAX_LINES);
        assert_eq!(logs.after(logs.last() - 2, 10).len(), 2);
        assert_eq!(logs.after(0, 1)[0].number, MAX_LINES as u64 + 1);
        assert!(logs.after(logs.last(), 10).is_empty());
        let page = logs.before(logs.last(), 2, |line| line.number.is_multiple_of(2));
        assert_eq!(page.iter().map(|line| line.number).collect::<Vec<_>>(), [9_998, 9_996]);
        let long = "x".repeat(MAX_BYTES / 2);
        (0..5).for_each(|_| logs.push(Level::INFO, "target", &long));
        assert!(logs.before(0, usize::MAX, |_| true).len() <= 2);
    }
}
