//! Dead letters: what they were given up for, grouped; and what becomes of them: they go again, changed or not, or they
//! are dropped with a reason.

mod batch;
mod cause;
mod groups;

use serde::{Deserialize, Serialize};
use storage::{DeadLetter, SendId};

pub use batch::{Batch, BatchError, BatchPlan, Batches, MAX_BATCH};
pub(crate) use cause::{ALL_TRIES, ALL_TRIES_FIX};
pub use cause::{Cause, Meaning};
pub use groups::{Group, Groups, LetterFilter};

use crate::codec;
use crate::records::{DeadLetterPayload, SendError};

/// What became of a dead letter, as it is kept with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resolution {
    pub how: How,
    /// Who decided it.
    pub by: Box<str>,
    pub at_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<str>>,
    /// The message that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<SendId>,
}

/// How a dead letter came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It went again as it was.
    Retried,
    /// It went again with another content.
    Edited,
    /// It was dropped.
    Dropped,
}

impl How {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            How::Retried => "retried",
            How::Edited => "edited",
            How::Dropped => "dropped",
        }
    }
}

/// Why a letter was given up that an operator made of a message, by ending it.
pub(crate) const DROPPED: &str = "dropped";

/// Whether nothing more comes of it: it went again, or was dropped. What an operator ended is dropped from its first moment.
pub(crate) fn is_settled(letter: &DeadLetter) -> bool {
    letter.resolution.is_some() || *letter.reason == *DROPPED
}

/// What became of a dead letter.
pub(crate) fn resolution(letter: &DeadLetter) -> Option<Resolution> {
    codec::decode(letter.resolution.as_deref()?).ok()
}

/// What a letter says; one that the store made of a `failed` status says it in the error of its row.
pub(crate) fn payload(letter: &DeadLetter) -> Option<DeadLetterPayload> {
    codec::decode(&letter.payload).ok()
}

/// Meta's number, if Meta gave one.
pub(crate) fn code(letter: &DeadLetter) -> Option<u32> {
    let error = || codec::decode::<SendError>(&letter.payload).ok()?.code;
    payload(letter).and_then(|payload| payload.code).or_else(error)
}
