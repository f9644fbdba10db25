//! How a sender stands, as operators see it.

use super::lanes::Brake;

/// A sender as operators see it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct SenderStatus {
    /// Messages not settled yet, held ones left out.
    pub open: usize,
    /// Those of them that are one of many (broadcasts).
    pub open_bulk: usize,
    /// Those of them that wait for no later time, such as a retry or the end of a doubt.
    pub ready_bulk: usize,
    /// Requests under way.
    pub under_way: usize,
    /// When the oldest open message was decided (Unix ms).
    pub oldest_ms: Option<u64>,
    /// When the oldest open one that is not one of many was decided (Unix ms).
    pub oldest_reply_ms: Option<u64>,
    /// When the oldest open one of many was decided (Unix ms).
    pub oldest_bulk_ms: Option<u64>,
    /// Messages per second as of now; absent without a limit.
    pub per_second: Option<f64>,
    /// Why nothing but a probe now and then is sent, if so.
    pub paused: Option<Paused>,
}

/// Why nothing but a probe now and then is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Paused {
    /// `too_fast` (Meta asks to slow down), `unreachable`, `refused` (Meta refuses the number or its token) or
    /// `stopped` (by an operator).
    pub cause: &'static str,
    /// In words.
    pub why: Box<str>,
    /// Meta's number, if it gave one.
    pub code: Option<u32>,
    /// Since when (Unix ms).
    pub since_ms: u64,
    /// When one message tries whether it works again (Unix ms); absent: not before it is resumed.
    pub next_probe_ms: Option<u64>,
}

impl From<&Brake> for Paused {
    fn from(brake: &Brake) -> Self {
        Self {
            cause: brake.cause.name(),
            why: brake.why.clone(),
            code: brake.code,
            since_ms: brake.since_ms,
            next_probe_ms: brake.probe_ms,
        }
    }
}
