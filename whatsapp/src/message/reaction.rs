//! An emoji on a message of the person.

use serde_json::{Value, json};

use super::check::Check;
use super::on_the_wire;
use super::part::Part;
use crate::limits::LimitError;

/// A reaction. It cannot quote; a message that is too old (30 days), gone, or a reaction itself is
/// refused later, by status 131009. Only a `sent` status follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    message_id: String,
    emoji: String,
}

impl Reaction {
    /// Checks the target. Errors: no message id.
    pub fn new(message_id: impl Into<String>, emoji: impl Into<String>) -> Result<Self, LimitError> {
        Self { message_id: message_id.into(), emoji: emoji.into() }.checked()
    }

    /// Takes an earlier reaction away.
    pub fn removal(message_id: impl Into<String>) -> Result<Self, LimitError> {
        Self::new(message_id, "")
    }

    /// The message it is on.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The emoji; empty takes an earlier one away.
    pub fn emoji(&self) -> &str {
        &self.emoji
    }

    pub(super) fn raw(&self) -> Value {
        json!({ "type": "reaction", "reaction": { "message_id": self.message_id, "emoji": self.emoji } })
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        part.members(check, &["message_id", "emoji"]);
        Self { message_id: part.get("message_id").needed(check), emoji: part.get("emoji").any_text(check) }
    }
}

on_the_wire!(Reaction);
