//! A window in slices, each with its own times, memory and file: what gets worse while a run goes on.

use std::time::Duration;

use serde::Serialize;

use super::super::load::Tally;
use super::Moment;
use super::outcome::Share;

/// A slice of a long window; a shorter window has this many slices.
const LONG: Duration = Duration::from_secs(60);
const SLICES: u32 = 4;

/// Times of a slice.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    pub messages: Tally,
    pub statuses: Tally,
    pub replies: Tally,
}

/// One slice.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Slice {
    /// When it ended, from the beginning of the window.
    pub until_seconds: f64,
    pub messages: Share,
    pub statuses: Share,
    pub replies: Share,
    /// Processor time and bytes written for each reply.
    pub cpu_us_each: f64,
    pub written_each: f64,
    /// At its end.
    pub rss_bytes: u64,
    pub file_bytes: u64,
    pub unfolded: u64,
}

/// Cuts a window.
pub(super) struct Drift {
    every_seconds: f64,
    next_seconds: f64,
    last: (f64, u64, u64),
    all: Collected,
    pub slices: Vec<Slice>,
    until_seconds: f64,
}

impl Drift {
    pub(super) fn over(window: Duration, before: &Moment) -> Self {
        let every = if window >= 2 * LONG { LONG } else { window / SLICES };
        let every_seconds = every.as_secs_f64();
        Self {
            every_seconds,
            next_seconds: every_seconds,
            last: (0.0, before.usage.cpu_us, before.usage.written),
            all: Collected::default(),
            slices: Vec::new(),
            until_seconds: window.as_secs_f64(),
        }
    }

    pub(super) fn is_due(&self, at_seconds: f64) -> bool {
        at_seconds >= self.next_seconds
    }

    /// Messages of the slices so far.
    pub(super) fn messages(&self) -> u64 {
        self.all.messages.acks_us.len() as u64
    }

    /// The rest of the window, and what came in after it.
    pub(super) fn end(&mut self, came: &Collected, moment: &Moment) {
        self.slice(self.until_seconds, came, moment);
    }

    pub(super) fn slice(&mut self, until_seconds: f64, came: &Collected, moment: &Moment) {
        let (from_seconds, cpu_us, written) = self.last;
        let seconds = (until_seconds - from_seconds).max(0.001);
        let replies = came.replies.acks_us.len().max(1) as f64;
        self.slices.push(Slice {
            until_seconds,
            messages: Share::of(&came.messages, seconds),
            statuses: Share::of(&came.statuses, seconds),
            replies: Share::of(&came.replies, seconds),
            cpu_us_each: moment.usage.cpu_us.saturating_sub(cpu_us) as f64 / replies,
            written_each: moment.usage.written.saturating_sub(written) as f64 / replies,
            rss_bytes: moment.rss_bytes,
            file_bytes: moment.file_bytes,
            unfolded: moment.unfolded,
        });
        self.last = (until_seconds, moment.usage.cpu_us, moment.usage.written);
        self.next_seconds += self.every_seconds;
        self.all.messages.add(came.messages.clone());
        self.all.statuses.add(came.statuses.clone());
        self.all.replies.add(came.replies.clone());
    }

    /// Everything of the window.
    pub(super) fn all(&mut self) -> Collected {
        let Collected { messages, statuses, replies } = &mut self.all;
        Collected { messages: messages.take(), statuses: statuses.take(), replies: replies.take() }
    }
}

pub(super) fn table(slices: &[Slice]) -> String {
    let mega = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let mut text = format!(
        "\n  {:<12}{:>10}{:>12}{:>12}{:>13}{:>9}{:>11}{:>9}{:>9}{:>11}\n",
        "until",
        "replies/s",
        "ack p99 ms",
        "status p99",
        "reply p99 ms",
        "cpu us",
        "written B",
        "RSS MB",
        "file MB",
        "not folded"
    );
    for slice in slices {
        text.push_str(&format!(
            "  {:<12}{:>10.0}{:>12.1}{:>12.1}{:>13.1}{:>9.0}{:>11.0}{:>9.0}{:>9.0}{:>11}\n",
            format!("{:.0} s", slice.until_seconds),
            slice.replies.per_second,
            slice.messages.p99_ms,
            slice.statuses.p99_ms,
            slice.replies.p99_ms,
            slice.cpu_us_each,
            slice.written_each,
            mega(slice.rss_bytes),
            mega(slice.file_bytes),
            slice.unfolded
        ));
    }
    text
}
