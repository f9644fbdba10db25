//! A message that quotes another.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Outgoing;
use crate::limits::{Limit, LimitError};

/// A message shown as an answer. Meta leaves the bubble out on templates and when the quoted message
/// is older than about 30 days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Quote {
    message_id: String,
    message: Box<Outgoing>,
}

#[derive(Deserialize)]
struct Unchecked {
    message_id: String,
    message: Box<Outgoing>,
}

impl TryFrom<Unchecked> for Quote {
    type Error = LimitError;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitError> {
        Self::new(unchecked.message_id, *unchecked.message)
    }
}

impl Quote {
    /// Checks whether the message may quote; one that does already quotes the new message instead.
    /// Errors: a reaction, or no message id.
    pub(super) fn new(message_id: String, message: Outgoing) -> Result<Self, LimitError> {
        let field = "context.message_id";
        match message {
            Outgoing::Quote(quote) => Self::new(message_id, *quote.message),
            Outgoing::Reaction(_) => Err(LimitError::new(field, Limit::Form("left out on a reaction"), 0, None)),
            _ if message_id.trim().is_empty() => Err(LimitError::new(field, Limit::NotEmpty, 0, None)),
            message => Ok(Self { message_id, message: Box::new(message) }),
        }
    }

    /// The quoted message.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The message itself; it quotes nothing.
    pub fn message(&self) -> &Outgoing {
        &self.message
    }

    pub(super) fn raw(&self) -> Value {
        let mut raw = self.message.raw();
        raw["context"] = json!({ "message_id": self.message_id });
        raw
    }
}
