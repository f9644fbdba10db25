//! The webhook fields beside `messages`, typed when somebody asks: [`FieldEvent::parse`] on the raw
//! value of an [`Event::Other`](super::Event::Other).
//!
//! Reading never fails. A field that this version does not know, or a known one in an odd shape, is
//! [`FieldEvent::Other`]; an odd element of a list is passed over. The caller has the raw value.
//! Sources: Meta's webhook reference of 2026; what they do not print is marked.

mod about;
mod account;
mod coexistence;
mod flows;
mod people;
mod template;
mod words;

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use about::{About, about_people};
pub use account::{AccountUpdate, Ban, Notice, PhoneName, PhoneQuality, Restriction};
pub use coexistence::{AppContact, Echo, History, HistoryChunk, Thread};
pub use flows::{FlowEvent, FlowEventKind, FlowFault};
pub use people::{Preference, PreferenceValue, UserIdChange};
pub use template::{
    TemplateCategory, TemplateChange, TemplateComponents, TemplateEvent, TemplateQuality, TemplateStatus,
};

use super::lax::{self, List};
use super::status::ErrorObject;

/// What a webhook field reports.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldEvent {
    /// A template was approved, rejected, paused, …
    TemplateStatus(TemplateStatus),
    /// The quality score of a template changed.
    TemplateQuality(TemplateQuality),
    /// The words of a template were edited.
    TemplateComponents(TemplateComponents),
    /// Meta put a template into another category.
    TemplateCategory(TemplateCategory),
    /// A number's limit or throughput changed.
    PhoneQuality(PhoneQuality),
    /// A display name was reviewed.
    PhoneName(PhoneName),
    /// Something happened to the business account.
    Account(AccountUpdate),
    /// A notice about account, number or payments: to be shown.
    Notice(Notice),
    /// People changed what they want to receive.
    Preferences(Vec<Preference>),
    /// People got new business-scoped user ids.
    UserIds(Vec<UserIdChange>),
    /// Staff wrote from the phone app. Never for a bot; a person has taken over.
    Echoes(Vec<Echo>),
    /// Chats from before the number was connected.
    History(History),
    /// Contacts of the phone app.
    AppContacts(Vec<AppContact>),
    /// A Flow changed its state, or its endpoint is in trouble.
    Flow(FlowEvent),
    /// An error of the system, the app or the account (`value.errors[]`).
    Error(ErrorObject),
    /// Everything else, calls included.
    Other {
        /// The field's name.
        field: String,
    },
}

impl FieldEvent {
    /// Reads the value of a field.
    pub fn parse(field: &str, raw: &str) -> Self {
        known(field, raw).unwrap_or_else(|| Self::Other { field: field.to_owned() })
    }

    /// Whether an operator should hear of it at once.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::TemplateStatus(status) => status.event.is_alarm(),
            Self::Account(update) => update.is_alarm(),
            Self::Flow(event) => event.is_alarm(),
            Self::Notice(notice) => notice.is_alarm(),
            Self::Error(_) => true,
            _ => false,
        }
    }
}

/// One line for a list of events.
impl fmt::Display for FieldEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TemplateStatus(status) => write!(f, "{status}"),
            Self::TemplateQuality(quality) => write!(f, "{quality}"),
            Self::TemplateComponents(change) => write!(f, "template {} was edited", change.template),
            Self::TemplateCategory(change) => write!(f, "{change}"),
            Self::PhoneQuality(quality) => write!(f, "{quality}"),
            Self::PhoneName(name) => write!(f, "{name}"),
            Self::Account(update) => write!(f, "{update}"),
            Self::Notice(notice) => write!(f, "{notice}"),
            Self::Preferences(all) => write!(f, "{} changed what they want to receive", people(all.len())),
            Self::UserIds(all) => write!(f, "{} got a new user id", people(all.len())),
            Self::Echoes(all) => write!(f, "{} sent from the phone app", count(all.len(), "message")),
            Self::History(history) => write!(f, "{} of earlier chats", count(history.messages(), "message")),
            Self::AppContacts(all) => write!(f, "{} of the phone app", count(all.len(), "contact")),
            Self::Flow(event) => write!(f, "{event}"),
            Self::Error(error) => {
                let mut words = [&error.title, &error.message].into_iter().flatten().filter(|text| !text.is_empty());
                f.write_str(words.next().map_or("an error without a reason", String::as_str))
            }
            Self::Other { field } if field.is_empty() => f.write_str("a change without a name"),
            Self::Other { field } => f.write_str(field),
        }
    }
}

fn people(n: usize) -> String {
    if n == 1 { "a person".to_owned() } else { format!("{n} people") }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn known(field: &str, raw: &str) -> Option<FieldEvent> {
    Some(match field {
        "message_template_status_update" => FieldEvent::TemplateStatus(lax::object(raw).ok()?),
        "message_template_quality_update" => FieldEvent::TemplateQuality(lax::object(raw).ok()?),
        "message_template_components_update" => FieldEvent::TemplateComponents(lax::object(raw).ok()?),
        "template_category_update" => FieldEvent::TemplateCategory(lax::object(raw).ok()?),
        "phone_number_quality_update" => FieldEvent::PhoneQuality(lax::object(raw).ok()?),
        "phone_number_name_update" => FieldEvent::PhoneName(lax::object(raw).ok()?),
        "account_update" => FieldEvent::Account(account::read(raw)?),
        "security"
        | "business_capability_update"
        | "account_alerts"
        | "account_review_update"
        | "partner_solutions"
        | "payment_configuration_update"
        | "automatic_events" => FieldEvent::Notice(Notice::read(field, raw)?),
        "user_preferences" => FieldEvent::Preferences(elements(raw, "user_preferences")?),
        "user_id_update" => FieldEvent::UserIds(people::user_ids(raw)?),
        "smb_message_echoes" => FieldEvent::Echoes(coexistence::echoes(raw)?),
        "smb_app_state_sync" => FieldEvent::AppContacts(coexistence::contacts(raw)?),
        "history" => FieldEvent::History(coexistence::history(raw)?),
        "flows" => FieldEvent::Flow(flows::read(raw)?),
        "errors" => FieldEvent::Error(lax::object(raw).ok()?),
        _ => return None,
    })
}

/// The raw elements of an array member; `None` when it is missing or no array.
fn raw_elements<'a>(raw: &'a str, name: &str) -> Option<Vec<&'a RawValue>> {
    let list = member(raw, name)?;
    let list: List<'a> = lax::list(&mut serde_json::Deserializer::from_str(list.get())).ok()?;
    (!list.odd).then_some(list.items)
}

/// The readable elements of an array member.
fn elements<'a, T: Deserialize<'a>>(raw: &'a str, name: &str) -> Option<Vec<T>> {
    Some(raw_elements(raw, name)?.into_iter().filter_map(|raw| lax::object(raw.get()).ok()).collect())
}

/// A member that is there and not `null`.
fn member<'a>(raw: &'a str, name: &str) -> Option<&'a RawValue> {
    let members: super::message::Members<'a> = lax::object(raw).ok()?;
    members.get(name).copied().filter(|raw| raw.get() != "null")
}

/// A member that is an object, read whole.
fn part<'a, T: Deserialize<'a>>(raw: &'a str, name: &str) -> Option<T> {
    lax::object(member(raw, name)?.get()).ok()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::samples;
