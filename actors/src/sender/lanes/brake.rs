//! Why nothing but probes leaves, and when the next probe may.

use std::cmp::Ordering;

use storage::SendId;

/// Why all messages of a number wait. Later ones are stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// Meta asks for it.
    TooFast,
    /// Nothing gets through to Meta.
    Unreachable,
    /// Meta refuses the number or its token.
    Refused,
    /// An operator stopped it.
    Stopped,
}

impl Cause {
    /// A stable word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Cause::TooFast => "too_fast",
            Cause::Unreachable => "unreachable",
            Cause::Refused => "refused",
            Cause::Stopped => "stopped",
        }
    }
}

/// Nothing leaves until a probe, one message at a time, gets through.
#[derive(Clone, Debug)]
pub(crate) struct Brake {
    pub cause: Cause,
    /// In words.
    pub why: Box<str>,
    /// Meta's number, if it gave one.
    pub code: Option<u32>,
    pub since_ms: u64,
    /// When the next probe may leave; `None`: not before somebody resumes the number.
    pub probe_ms: Option<u64>,
    /// From one probe to the next.
    pub every_ms: u64,
    /// The last probe. Only one that left after the brake was set can release it.
    pub probe: Option<SendId>,
}

/// A number that Meta refuses is tried again after a minute, later every half hour (ms).
const PROBE_MAX_MS: u64 = 30 * 60_000;

impl Brake {
    pub(crate) fn new(cause: Cause, why: Box<str>, code: Option<u32>, now_ms: u64, every_ms: u64) -> Self {
        let every_ms = every_ms.max(1);
        Self { cause, why, code, since_ms: now_ms, probe_ms: Some(now_ms + every_ms), every_ms, probe: None }
    }

    pub(crate) fn stopped(why: Box<str>, now_ms: u64) -> Self {
        Self { probe_ms: None, ..Self::new(Cause::Stopped, why, None, now_ms, 1) }
    }

    /// Takes over what another refusal says; `refused` is the message that met it. Answers whether the cause is new.
    pub(crate) fn meet(&mut self, refused: Option<SendId>, other: Brake) -> bool {
        let probed = refused.is_some() && refused == self.probe;
        match other.cause.cmp(&self.cause) {
            _ if self.cause == Cause::Stopped => false,
            Ordering::Equal if probed && self.cause == Cause::Refused => {
                self.every_ms = (self.every_ms * 2).min(PROBE_MAX_MS);
                let now_ms = other.since_ms;
                *self = Self { since_ms: self.since_ms, every_ms: self.every_ms, ..other };
                self.probe_ms = Some(now_ms + self.every_ms);
                false
            }
            Ordering::Equal => {
                let later_ms = self.probe_ms.max(other.probe_ms);
                *self = Self { since_ms: self.since_ms, probe_ms: later_ms, probe: self.probe, ..other };
                false
            }
            Ordering::Less if !probed => {
                self.probe_ms = self.probe_ms.max(other.probe_ms);
                false
            }
            Ordering::Less | Ordering::Greater => {
                *self = other;
                true
            }
        }
    }

    /// A probe leaves.
    pub(crate) fn probed(&mut self, probe: SendId, now_ms: u64) {
        self.probe = Some(probe);
        self.probe_ms = Some(now_ms + self.every_ms);
    }
}
