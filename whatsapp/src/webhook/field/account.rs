//! The business account and its numbers.

use std::fmt;

use serde::Deserialize;

use super::{elements, member, part};
use crate::webhook::lax;

/// Something happened to the business account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUpdate {
    /// Meta's word, e.g. `ACCOUNT_RESTRICTION`.
    pub event: String,
    /// What is not allowed, and until when.
    pub restrictions: Vec<Restriction>,
    /// Meta's word for the violation.
    pub violation: Option<String>,
    /// The ban.
    pub ban: Option<Ban>,
}

/// Something the account may not do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Restriction {
    /// Meta's word for it.
    #[serde(default, rename = "restriction_type", deserialize_with = "lax::string")]
    pub kind: Option<String>,
    /// Until when.
    #[serde(default, rename = "expiration", deserialize_with = "lax::seconds")]
    pub expires_ms: Option<u64>,
}

/// A ban of the account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ban {
    /// Meta's word for its state.
    #[serde(default, rename = "waba_ban_state", deserialize_with = "lax::string")]
    pub state: Option<String>,
    /// Since or from when, as Meta writes it.
    #[serde(default, rename = "waba_ban_date", deserialize_with = "lax::string")]
    pub date: Option<String>,
}

pub(super) fn read(raw: &str) -> Option<AccountUpdate> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(default, deserialize_with = "lax::owned_id")]
        event: Option<String>,
    }
    #[derive(Deserialize)]
    struct Violation {
        #[serde(default, deserialize_with = "lax::string")]
        violation_type: Option<String>,
    }
    Some(AccountUpdate {
        event: lax::object::<Event>(raw).ok()?.event?,
        restrictions: elements(raw, "restriction_info").unwrap_or_default(),
        violation: part::<Violation>(raw, "violation_info").and_then(|violation| violation.violation_type),
        ban: part(raw, "ban_info"),
    })
}

impl AccountUpdate {
    /// Whether an operator should hear of it at once.
    pub fn is_alarm(&self) -> bool {
        matches!(
            self.event.as_str(),
            "ACCOUNT_DELETED" | "ACCOUNT_RESTRICTION" | "ACCOUNT_VIOLATION" | "DISABLED_UPDATE" | "ACCOUNT_OFFBOARDED"
        )
    }
}

impl fmt::Display for AccountUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account: {}", self.event)?;
        let kinds = self.restrictions.iter().filter_map(|restriction| restriction.kind.as_deref());
        let ban = self.ban.as_ref().and_then(|ban| ban.state.as_deref());
        for word in kinds.chain(self.violation.as_deref()).chain(ban) {
            write!(f, ", {word}")?;
        }
        Ok(())
    }
}

/// A number's limit or throughput changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PhoneQuality {
    /// The number as people see it.
    #[serde(default, deserialize_with = "lax::string")]
    pub display_phone_number: Option<String>,
    /// `ONBOARDING`, `THROUGHPUT_UPGRADE`, or something newer.
    #[serde(default, deserialize_with = "lax::string")]
    pub event: Option<String>,
    /// E.g. `TIER_2K`: people it may write to outside windows in a day. Older payloads call it `current_limit`.
    #[serde(
        default,
        rename = "max_daily_conversations_per_business",
        alias = "current_limit",
        deserialize_with = "lax::string"
    )]
    pub tier: Option<String>,
}

impl fmt::Display for PhoneQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}:", self.display_phone_number.as_deref().unwrap_or("?"))?;
        write!(f, " {}", self.event.as_deref().unwrap_or("changed"))?;
        self.tier.as_ref().map_or(Ok(()), |tier| write!(f, ", {tier}"))
    }
}

/// A display name was reviewed. The member names are not confirmed by a stored page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PhoneName {
    /// The number as people see it.
    #[serde(default, deserialize_with = "lax::string")]
    pub display_phone_number: Option<String>,
    /// `APPROVED`, `REJECTED`, `DEFERRED`, …
    #[serde(default, deserialize_with = "lax::string")]
    pub decision: Option<String>,
    /// The name that was asked for.
    #[serde(default, rename = "requested_verified_name", deserialize_with = "lax::string")]
    pub name: Option<String>,
    /// Why it was rejected.
    #[serde(default, rename = "rejection_reason", deserialize_with = "lax::string")]
    pub reason: Option<String>,
}

impl fmt::Display for PhoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}:", self.display_phone_number.as_deref().unwrap_or("?"))?;
        write!(f, " display name {}", self.decision.as_deref().unwrap_or("reviewed"))
    }
}

/// A notice that is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The webhook field.
    pub field: String,
    /// The first word that says what happened: `event`, `decision`, `alert_type`, …
    pub what: Option<String>,
    /// `CRITICAL`, `WARNING`, `INFORMATIONAL`; alerts only.
    pub severity: Option<String>,
    /// A sentence, if there is one.
    pub description: Option<String>,
}

impl Notice {
    pub(super) fn read(field: &str, raw: &str) -> Option<Self> {
        member_is_object(raw)?;
        // alerts wrap theirs, by samples that are not confirmed
        let inner = member(raw, "alert_info").map_or(raw, |inner| inner.get());
        let word = |names: &[&str]| names.iter().find_map(|name| text(inner, name));
        Some(Self {
            field: field.to_owned(),
            what: word(&["event", "decision", "alert_type", "status", "event_name"]),
            severity: word(&["alert_severity"]),
            description: word(&["alert_description", "description", "message"]),
        })
    }

    /// Whether an operator should hear of it at once.
    pub fn is_alarm(&self) -> bool {
        self.severity.as_deref() == Some("CRITICAL") || self.what.as_deref() == Some("REJECTED")
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        let words = [&self.what, &self.description];
        words.into_iter().flatten().try_for_each(|word| write!(f, ": {word}"))
    }
}

fn member_is_object(raw: &str) -> Option<()> {
    lax::object::<serde::de::IgnoredAny>(raw).ok().map(drop)
}

fn text(raw: &str, name: &str) -> Option<String> {
    let mut input = serde_json::Deserializer::from_str(member(raw, name)?.get());
    lax::owned_id(&mut input).ok().flatten()
}
