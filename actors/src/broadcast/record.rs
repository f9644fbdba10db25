//! What is kept of a broadcast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{ConversationId, InboxSeq, SendId, SendState};

use super::BroadcastError;
use crate::orders::Refusal;

/// Progress is told once in this time at the most (ms).
const TELL_MS: u64 = 1_000;

/// A broadcast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// `br_…`; sorts by when it was made.
    pub id: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The number that it leaves from.
    pub number_id: Box<str>,
    /// The template message, with `{{name}}` where a person's variable goes.
    pub message: Value,
    /// How many people were named, also those who get nothing.
    pub people: u32,
    /// How many of them were to get it when it was planned.
    pub recipients: u32,
    /// Messages per second at the most; absent: as fast as the number may.
    pub rate: Option<u32>,
    /// Not before this time (Unix ms).
    pub start_at_ms: Option<u64>,
    /// When it was begun to look up who its people are: who was erased since gets nothing.
    pub named_ms: u64,
    /// How it stands.
    pub phase: Phase,
    /// Place of the next one to release: how far it is.
    pub next: u32,
    /// How many were released whose conversation had not taken it when that was last looked at.
    pub waiting: u32,
    /// Who made it, and when.
    pub created_by: Box<str>,
    /// See `created_by`.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
    /// When the first message was released.
    pub started_ms: Option<u64>,
    /// When it was done or cancelled.
    pub ended_ms: Option<u64>,
    /// What those hear who watch, by the write that it was kept with.
    pub news: Option<News>,
    /// When there was news last.
    pub told_ms: u64,
}

/// What happened to a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It was made.
    Created,
    /// A draft was let go.
    Started,
    /// The first message was released.
    Begun,
    /// It got on; told once in a second at the most.
    Progress,
    /// Somebody paused it.
    Paused,
    /// Somebody let it go on.
    Resumed,
    /// Everybody was released.
    Finished,
    /// Somebody ended it.
    Cancelled,
}

/// How a broadcast stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It waits to be started.
    Draft,
    /// It is being released, or will be from its time on.
    Running,
    /// It waits to be started again.
    Paused {
        /// Who stopped it.
        by: Box<str>,
        /// Why, if they said so.
        why: Option<Box<str>>,
    },
    /// Everybody was released.
    Done,
    /// Nothing more is released, ever.
    Cancelled {
        /// Who ended it.
        by: Box<str>,
    },
}

impl Broadcast {
    /// The word for how it stands.
    pub fn state(&self, now_ms: u64) -> &'static str {
        match self.phase {
            Phase::Draft => "draft",
            Phase::Running if self.start_at_ms.is_some_and(|at_ms| now_ms < at_ms) => "scheduled",
            Phase::Running => "running",
            Phase::Paused { .. } => "paused",
            Phase::Done => "done",
            Phase::Cancelled { .. } => "cancelled",
        }
    }

    /// What is new since it was written before.
    pub(super) fn tell(&mut self, before: &Self) {
        self.news = match (&before.phase, &self.phase) {
            (Phase::Draft, Phase::Running) => Some(News::Started),
            (Phase::Paused { .. }, Phase::Running) => Some(News::Resumed),
            (Phase::Running, Phase::Paused { .. }) => Some(News::Paused),
            (before, Phase::Done) if *before != Phase::Done => Some(News::Finished),
            (before, after @ Phase::Cancelled { .. }) if before != after => Some(News::Cancelled),
            _ if before.started_ms.is_none() && self.started_ms.is_some() => Some(News::Begun),
            _ => {
                let is_time = self.next > before.next && self.updated_ms >= before.told_ms + TELL_MS;
                is_time.then_some(News::Progress)
            }
        };
        if self.news.is_some() {
            self.told_ms = self.updated_ms;
        }
    }

    pub(super) fn refuses(&self, asked: &'static str) -> BroadcastError {
        BroadcastError::State { is: self.state(u64::MAX), asked }
    }

    pub(super) fn chunks(&self) -> usize {
        (self.people as usize).div_ceil(super::CHUNK)
    }
}

/// Somebody who is named in a broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    /// As [`crate::Target`] reads it, where it could be read; else as it was given.
    pub to: Box<str>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<Box<str>, Box<str>>,
    /// Why nothing is sent to them, if that was clear from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<Skip>,
}

/// Why somebody gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Skip {
    /// A stable word: `opted_out`, `invalid`, `duplicate`, `no_address`, `refused`.
    pub why: Box<str>,
    /// In words.
    pub detail: Box<str>,
}

impl Skip {
    pub(super) fn new(why: &str, detail: impl Into<Box<str>>) -> Self {
        Self { why: why.into(), detail: detail.into() }
    }
}

impl From<&Refusal> for Skip {
    fn from(refusal: &Refusal) -> Self {
        let why = match refusal {
            Refusal::OptedOut => "opted_out",
            Refusal::Duplicate => "duplicate",
            Refusal::NobodyToSendTo => "no_address",
            Refusal::WindowClosed(_) | Refusal::KeyReused | Refusal::WithHuman => "refused",
            Refusal::Resolved | Refusal::Owned { .. } => "refused",
        };
        Self::new(why, refusal.to_string())
    }
}

/// What became of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is a message of their conversation.
    Sent(Sent),
    /// Their conversation has not taken it yet.
    Waiting { seq: u64 },
    /// They get nothing.
    Skipped(Skip),
}

impl Outcome {
    /// Whether it is a message of such a conversation.
    pub(super) fn is_of(&self, such: impl Fn(ConversationId) -> bool) -> bool {
        matches!(self, Self::Sent(sent) if such(sent.conversation))
    }

    /// The row that its conversation has not taken yet.
    pub(super) fn waits(&self) -> Option<InboxSeq> {
        if let Self::Waiting { seq } = self { Some(InboxSeq(*seq)) } else { None }
    }
}

/// A message that was released, as it was last known to stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    pub conversation: ConversationId,
    pub n: u64,
    pub state: SendState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<str>>,
}

impl Sent {
    pub(super) fn queued(send: SendId) -> Self {
        Self { conversation: send.conversation, n: send.n, state: SendState::Queued, code: None, error: None }
    }

    pub(super) fn id(&self) -> SendId {
        SendId { conversation: self.conversation, n: self.n }
    }

    /// Whether it can still change.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.state, SendState::Read | SendState::Failed | SendState::Dead)
    }
}

pub(super) fn id_of(at_ms: u64) -> Box<str> {
    format!("br_{at_ms:013}").into()
}

pub(super) fn chunk_key(id: &str, chunk: usize) -> Box<str> {
    format!("{id}/{chunk:06}").into()
}
