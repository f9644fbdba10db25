//! Statuses of the messages that we sent, and Meta's error objects.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::lax::{self, List};
use crate::graph::{Outcome, outcome_of_code};

/// One element of `statuses[]`.
#[derive(Debug, Clone)]
pub struct StatusUpdate {
    /// Our number's id.
    pub phone_number_id: String,
    /// The id of the message we sent.
    pub wamid: String,
    /// How far it came.
    pub status: StatusKind,
    /// When, to the second; `None` when the timestamp cannot be read.
    pub at_ms: Option<u64>,
    /// The person's number, or the group's id.
    pub recipient_id: Option<String>,
    /// The person's business-scoped user id.
    pub recipient_user_id: Option<String>,
    /// The member of a group that this status is about; part of the deduplication key there.
    pub participant_id: Option<String>,
    /// What we sent as `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// Why it failed; empty otherwise.
    pub errors: Vec<ErrorObject>,
    /// The whole element.
    pub raw: Box<RawValue>,
}

impl StatusUpdate {
    /// What a failure means for the sender: the first error decides. `None` unless it failed.
    pub fn outcome(&self) -> Option<Outcome> {
        (self.status == StatusKind::Failed)
            .then(|| self.errors.first().map_or(Outcome::Permanent, ErrorObject::outcome))
    }
}

/// What a status says besides, read from [`StatusUpdate::raw`] when somebody asks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusDetails {
    /// Set when the message went to a group; `recipient_id` is then the group's.
    pub is_group: bool,
    /// The parent form of the person's user id.
    pub parent_user_id: Option<String>,
    /// The member of the group, by number.
    pub participant_id: Option<String>,
    /// The member of the group, by user id.
    pub participant_user_id: Option<String>,
    /// Only when the identity check is on.
    pub identity_key_hash: Option<String>,
    /// What the message costs.
    pub pricing: Option<Pricing>,
    /// Since v24.0 only within a free entry point; before that for every message.
    pub conversation: Option<Conversation>,
}

/// What a message costs. Since October 2026 service messages may be billed too: do not assume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Pricing {
    /// To be deprecated by Meta; [`kind`](Self::kind) decides.
    #[serde(default, deserialize_with = "lax::flag")]
    pub billable: bool,
    /// `PMP` (per message), `CBP` before July 2025.
    #[serde(default, rename = "pricing_model", deserialize_with = "lax::string")]
    pub model: Option<String>,
    /// `regular`, `free_customer_service`, `free_entry_point`, `free_group_customer_service`.
    #[serde(default, rename = "type", deserialize_with = "lax::string")]
    pub kind: Option<String>,
    /// `service`, `utility`, `marketing`, `authentication`, …
    #[serde(default, deserialize_with = "lax::string")]
    pub category: Option<String>,
}

/// The billing window of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: Option<String>,
    /// `service`, `referral_conversion`, …
    pub origin: Option<String>,
    /// When it ends; on `sent` only.
    pub expires_ms: Option<u64>,
}

impl Conversation {
    /// Whether the person came by an advertisement or post, so that messages are free until it ends.
    pub fn is_free_entry(&self) -> bool {
        self.origin.as_deref() == Some("referral_conversion")
    }
}

impl StatusUpdate {
    /// Reads what the update itself does not carry; what cannot be read is left out.
    pub fn details(&self) -> StatusDetails {
        #[derive(Deserialize, Default)]
        struct Wire<'a> {
            #[serde(default, deserialize_with = "lax::string")]
            recipient_type: Option<String>,
            #[serde(default, deserialize_with = "lax::owned_id")]
            recipient_parent_user_id: Option<String>,
            #[serde(default, deserialize_with = "lax::owned_id")]
            recipient_participant_id: Option<String>,
            #[serde(default, deserialize_with = "lax::owned_id")]
            recipient_participant_user_id: Option<String>,
            #[serde(default, deserialize_with = "lax::owned_id")]
            recipient_identity_key_hash: Option<String>,
            #[serde(borrow, default)]
            pricing: Option<&'a RawValue>,
            #[serde(borrow, default)]
            conversation: Option<&'a RawValue>,
        }
        let wire: Wire<'_> = lax::object(self.raw.get()).unwrap_or_default();
        StatusDetails {
            is_group: wire.recipient_type.as_deref() == Some("group"),
            parent_user_id: wire.recipient_parent_user_id,
            participant_id: wire.recipient_participant_id,
            participant_user_id: wire.recipient_participant_user_id,
            identity_key_hash: wire.recipient_identity_key_hash,
            pricing: wire.pricing.and_then(|raw| lax::object(raw.get()).ok()),
            conversation: wire.conversation.and_then(|raw| conversation(raw.get())),
        }
    }
}

fn conversation(raw: &str) -> Option<Conversation> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(default, deserialize_with = "lax::owned_id")]
        id: Option<String>,
        #[serde(borrow, default)]
        origin: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "lax::seconds")]
        expiration_timestamp: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Origin {
        #[serde(default, rename = "type", deserialize_with = "lax::owned_id")]
        kind: Option<String>,
    }
    let wire: Wire<'_> = lax::object(raw).ok()?;
    let origin = wire.origin.and_then(|raw| lax::object::<Origin>(raw.get()).ok());
    Some(Conversation {
        id: wire.id,
        origin: origin.and_then(|origin| origin.kind),
        expires_ms: wire.expiration_timestamp,
    })
}

/// How far a message came. Statuses arrive in any order; the highest [`rank`](Self::rank) ever seen wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum StatusKind {
    /// Left Meta.
    Sent,
    /// Reached the phone.
    Delivered,
    /// Was shown.
    Read,
    /// A voice message was played.
    Played,
    /// Did not reach the person.
    Failed,
    /// A status this version does not know, as it was written.
    Other(String),
}

impl StatusKind {
    /// Meta's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
            Self::Other(other) => other,
        }
    }

    /// The precedence `accepted (1) < sent < failed < delivered < read < played`; unknown ones have 0.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Other(_) => 0,
            Self::Sent => 2,
            Self::Failed => 3,
            Self::Delivered => 4,
            Self::Read => 5,
            Self::Played => 6,
        }
    }
}

impl From<String> for StatusKind {
    fn from(word: String) -> Self {
        match word.as_str() {
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "played" => Self::Played,
            "failed" => Self::Failed,
            _ => Self::Other(word),
        }
    }
}

impl From<StatusKind> for String {
    fn from(kind: StatusKind) -> Self {
        match kind {
            StatusKind::Other(word) => word,
            known => known.as_str().to_owned(),
        }
    }
}

impl fmt::Display for StatusKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as webhooks carry it, in statuses, in unsupported messages, and for a whole number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// Meta's number; `None` when it cannot be read.
    #[serde(default, deserialize_with = "lax::code")]
    pub code: Option<u32>,
    /// A short name.
    #[serde(default, deserialize_with = "lax::string")]
    pub title: Option<String>,
    /// In practice the title again.
    #[serde(default, deserialize_with = "lax::string")]
    pub message: Option<String>,
    /// The sentence that helps: `error_data.details`, or `error_data` when that is text.
    #[serde(default, alias = "error_data", deserialize_with = "details")]
    pub details: Option<String>,
}

/// The person has stopped marketing messages of this business.
pub(crate) const MARKETING_STOPPED: u32 = 131_050;

impl ErrorObject {
    /// Whether it says that the person does not want marketing.
    pub fn is_marketing_stopped(&self) -> bool {
        self.code == Some(MARKETING_STOPPED)
    }

    /// What it means for the sender; without a code the message is lost.
    pub fn outcome(&self) -> Outcome {
        self.code.map_or(Outcome::Permanent, outcome_of_code)
    }
}

/// Reads `error_data`, which is an object with `details` or plain text.
pub(crate) fn details<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Data {
        #[serde(default, deserialize_with = "lax::string")]
        details: Option<String>,
    }
    let value = Option::<serde_json::Value>::deserialize(input)?;
    Ok(match value {
        Some(serde_json::Value::String(text)) => Some(text),
        Some(data @ serde_json::Value::Object(_)) => serde_json::from_value::<Data>(data).ok().and_then(|d| d.details),
        _ => None,
    })
}

/// The readable elements of an `errors[]` array.
pub(crate) fn errors(list: &List<'_>) -> Vec<ErrorObject> {
    list.items.iter().filter_map(|raw| lax::object(raw.get()).ok()).collect()
}

/// Reads one element of `statuses[]`. Errors: no id or no status.
pub(crate) fn read(number: &str, raw: &RawValue) -> Result<StatusUpdate, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default, deserialize_with = "lax::id")]
        id: Option<Cow<'a, str>>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        status: Option<String>,
        #[serde(default, deserialize_with = "lax::seconds")]
        timestamp: Option<u64>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        recipient_id: Option<String>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        recipient_user_id: Option<String>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        recipient_participant_id: Option<String>,
        #[serde(default, deserialize_with = "lax::owned_id")]
        recipient_participant_user_id: Option<String>,
        #[serde(default, deserialize_with = "lax::string")]
        biz_opaque_callback_data: Option<String>,
        #[serde(borrow, default, deserialize_with = "lax::list")]
        errors: List<'a>,
    }
    let wire: Wire<'_> = lax::object(raw.get())?;
    let missing = |name| -> serde_json::Error { serde::de::Error::missing_field(name) };
    Ok(StatusUpdate {
        phone_number_id: number.to_owned(),
        wamid: wire.id.ok_or_else(|| missing("id"))?.into_owned(),
        status: wire.status.ok_or_else(|| missing("status"))?.into(),
        at_ms: wire.timestamp,
        recipient_id: wire.recipient_id,
        recipient_user_id: wire.recipient_user_id,
        participant_id: wire.recipient_participant_id.or(wire.recipient_participant_user_id),
        callback_data: wire.biz_opaque_callback_data,
        errors: errors(&wire.errors),
        raw: raw.to_owned(),
    })
}
