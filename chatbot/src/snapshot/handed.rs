//! A conversation that a bot handed to a human.

use serde::{Deserialize, Serialize};

use super::Snapshot;

/// See the module.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct HandOver {
    /// Who shall answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What they should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How soon.
    #[serde(default)]
    pub priority: Priority,
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// The bot goes on after this time without a word of a human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_after_ms: Option<u64>,
}

/// How soon a human should answer.
#[derive(Serialize, Deserialize, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before the others.
    High,
    /// At once.
    Urgent,
}

impl Priority {
    pub(crate) const WORDS: &[&str] = &["low", "normal", "high", "urgent"];
}

impl Snapshot {
    /// Whether, and how, a bot handed the conversation to a human who has it still.
    pub fn handed_over(&self) -> Option<&HandOver> {
        self.run.as_ref()?.wait.as_ref()?.handed_over.as_deref()
    }

    /// A human wrote: the time after which the bot goes on begins anew.
    pub fn human_wrote(&mut self, now_ms: u64) {
        let Some(wait) = self.run.as_mut().and_then(|run| run.wait.as_mut()) else { return };
        if let Some(after_ms) = wait.handed_over.as_ref().and_then(|handed| handed.return_after_ms) {
            wait.timeout_ms = Some(now_ms.saturating_add(after_ms));
        }
    }
}
