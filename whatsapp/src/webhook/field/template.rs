//! Templates: approval, quality, words and category.

use std::fmt;

use serde::Deserialize;

use super::words::words;
use crate::webhook::lax;

words! {
    /// What happened to a template.
    TemplateEvent {
        /// Can be sent.
        Approved = "APPROVED",
        /// Put away.
        Archived = "ARCHIVED",
        /// Gone.
        Deleted = "DELETED",
        /// Switched off for good, for quality or policy.
        Disabled = "DISABLED",
        /// Near a pause for quality.
        Flagged = "FLAGGED",
        /// Its rejection was appealed.
        InAppeal = "IN_APPEAL",
        /// Too many of it were sent.
        LimitExceeded = "LIMIT_EXCEEDED",
        /// Cannot be edited.
        Locked = "LOCKED",
        /// Cannot be sent for a while, for quality.
        Paused = "PAUSED",
        /// Is being reviewed.
        Pending = "PENDING",
        /// Can be sent again.
        Reinstated = "REINSTATED",
        /// Will be gone.
        PendingDeletion = "PENDING_DELETION",
        /// Was not approved.
        Rejected = "REJECTED",
    }
}

impl TemplateEvent {
    /// Whether it can be sent after this; `None` when the event does not say.
    pub fn sendable(&self) -> Option<bool> {
        match self {
            Self::Approved | Self::Reinstated => Some(true),
            Self::Archived
            | Self::Deleted
            | Self::Disabled
            | Self::InAppeal
            | Self::Paused
            | Self::Pending
            | Self::PendingDeletion
            | Self::Rejected => Some(false),
            Self::Flagged | Self::LimitExceeded | Self::Locked | Self::Other(_) => None,
        }
    }

    /// Whether an operator should hear of it at once.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Disabled | Self::Flagged | Self::Paused | Self::Rejected | Self::LimitExceeded)
    }
}

/// Which template: id, name and language, the last two its key for sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct TemplateChange {
    /// Meta's id.
    #[serde(default, rename = "message_template_id", deserialize_with = "lax::owned_id")]
    pub id: Option<String>,
    /// The name.
    #[serde(default, rename = "message_template_name", deserialize_with = "lax::string")]
    pub name: Option<String>,
    /// The language's code.
    #[serde(default, rename = "message_template_language", deserialize_with = "lax::string")]
    pub language: Option<String>,
}

impl fmt::Display for TemplateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().or(self.id.as_deref()).unwrap_or("without a name"))?;
        self.language.as_ref().map_or(Ok(()), |language| write!(f, " ({language})"))
    }
}

/// A template was approved, rejected, paused, …
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TemplateStatus {
    /// Which.
    #[serde(flatten)]
    pub template: TemplateChange,
    /// What happened.
    pub event: TemplateEvent,
    /// Its category.
    #[serde(default, rename = "message_template_category", deserialize_with = "lax::string")]
    pub category: Option<String>,
    /// Meta's word for why, e.g. `INVALID_FORMAT`; `NONE` is left out.
    #[serde(default, deserialize_with = "reason")]
    pub reason: Option<String>,
}

impl fmt::Display for TemplateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template {}: {}", self.template, self.event)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ", {reason}"))
    }
}

/// The quality score of a template changed. The member names are not confirmed by a stored page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TemplateQuality {
    /// Which.
    #[serde(flatten)]
    pub template: TemplateChange,
    /// `GREEN`, `YELLOW`, `RED` or `UNKNOWN`, before.
    #[serde(default, rename = "previous_quality_score", deserialize_with = "lax::string")]
    pub before: Option<String>,
    /// The same, now.
    #[serde(default, rename = "new_quality_score", deserialize_with = "lax::string")]
    pub now: Option<String>,
}

impl fmt::Display for TemplateQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template {}: quality {}", self.template, self.now.as_deref().unwrap_or("changed"))
    }
}

/// The words of a template were edited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TemplateComponents {
    /// Which.
    #[serde(flatten)]
    pub template: TemplateChange,
}

/// Meta put a template into another category. The member names are not confirmed by a stored page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TemplateCategory {
    /// Which.
    #[serde(flatten)]
    pub template: TemplateChange,
    /// Before.
    #[serde(default, rename = "previous_category", deserialize_with = "lax::string")]
    pub before: Option<String>,
    /// Now, or soon.
    #[serde(default, rename = "new_category", alias = "correct_category", deserialize_with = "lax::string")]
    pub now: Option<String>,
}

impl fmt::Display for TemplateCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template {}: category {}", self.template, self.now.as_deref().unwrap_or("changed"))
    }
}

fn reason<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(lax::owned_id(input)?.filter(|reason| reason != "NONE"))
}
