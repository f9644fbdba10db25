//! What people want to receive, and who they are.

use serde::Deserialize;

use super::raw_elements;
use super::words::words;
use crate::webhook::lax;

words! {
    /// What a person wants.
    PreferenceValue {
        /// No more of it.
        Stop = "stop",
        /// Again.
        Resume = "resume",
        /// For the first time.
        Signup = "signup",
    }
}

/// A person changed what they want to receive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Preference {
    /// The number in digits; may be withheld.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub wa_id: Option<String>,
    /// The business-scoped user id.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub user_id: Option<String>,
    /// The change in words.
    #[serde(default, deserialize_with = "lax::string")]
    pub detail: Option<String>,
    /// What it is about; so far `marketing_messages`.
    #[serde(default, deserialize_with = "lax::string")]
    pub category: Option<String>,
    /// What the person wants.
    pub value: PreferenceValue,
    /// When.
    #[serde(default, rename = "timestamp", deserialize_with = "lax::seconds")]
    pub at_ms: Option<u64>,
}

impl Preference {
    /// Whether marketing may go to this person; `None` when it is about something else.
    pub fn marketing(&self) -> Option<bool> {
        if self.category.as_deref() != Some("marketing_messages") {
            return None;
        }
        match self.value {
            PreferenceValue::Stop => Some(false),
            PreferenceValue::Resume | PreferenceValue::Signup => Some(true),
            PreferenceValue::Other(_) => None,
        }
    }
}

/// A person has a new business-scoped user id: the alias moves, the conversation stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIdChange {
    /// The number in digits; may be withheld.
    pub wa_id: Option<String>,
    /// The id before.
    pub previous: Option<String>,
    /// The id now.
    pub current: String,
    /// The parent ids, before and now, for enrolled portfolios.
    pub parent: (Option<String>, Option<String>),
    /// The change in words.
    pub detail: Option<String>,
    /// When.
    pub at_ms: Option<u64>,
}

pub(super) fn user_ids(raw: &str) -> Option<Vec<UserIdChange>> {
    Some(raw_elements(raw, "user_id_update")?.into_iter().filter_map(|raw| user_id(raw.get())).collect())
}

pub(super) fn user_id(raw: &str) -> Option<UserIdChange> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(default, deserialize_with = "lax::owned_id")]
        wa_id: Option<String>,
        #[serde(default, deserialize_with = "lax::string")]
        detail: Option<String>,
        #[serde(default, deserialize_with = "lax::seconds")]
        timestamp: Option<u64>,
    }
    #[derive(Deserialize, Default)]
    struct Pair {
        #[serde(default, deserialize_with = "lax::owned_id")]
        previous: Option<String>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        current: Option<String>,
    }
    let wire: Wire = lax::object(raw).ok()?;
    let ids: Pair = super::part(raw, "user_id")?;
    let parent: Pair = super::part(raw, "parent_user_id").unwrap_or_default();
    Some(UserIdChange {
        wa_id: wire.wa_id,
        previous: ids.previous,
        current: ids.current?,
        parent: (parent.previous, parent.current),
        detail: wire.detail,
        at_ms: wire.timestamp,
    })
}
