//! The webhook fields beside `messages`: what they say about a person goes to that person's conversation, all else is
//! kept as a notice, and whoever keeps templates or Flows is told.

use std::sync::Arc;

use actors::{AccountEvent, identity};
use hyper::body::Bytes;
use serde_json::value::RawValue;
use storage::{Accept, Inbound, Notice};
use whatsapp::webhook::field::{self, About};
use whatsapp::webhook::{FieldEvent, StatusUpdate};

use super::aside::Aside;
use super::{How, Intake, OLDER, Repeats, Sorted, TOO_OLD, is_too_old, raw};

/// Statuses of messages that we do not know, kept as notices in a minute at the most.
const STRANGERS_PER_MINUTE: u32 = 10;

/// The fields that are counted by name; the rest is `other`.
const KNOWN: [&str; 22] = [
    "account_alerts",
    "account_review_update",
    "account_update",
    "automatic_events",
    "business_capability_update",
    "calls",
    "errors",
    "flows",
    "history",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_app_state_sync",
    "smb_message_echoes",
    "template_category_update",
    "user_id_update",
    "user_preferences",
];

/// One change of a field.
pub(super) struct Field {
    pub name: String,
    /// The business account's id, may be empty.
    pub account: String,
    pub number: Option<String>,
    /// When Meta said it.
    pub time_ms: Option<u64>,
    pub raw: Box<RawValue>,
}

impl Intake {
    pub(super) fn field(&self, sorted: &mut Sorted, field: Field, how: How<'_>) {
        let label = KNOWN.into_iter().find(|known| *known == field.name).unwrap_or("other");
        let elements = field::about_people(&field.name, field.raw.get());
        let Some(number) = self.number_of(&field).filter(|_| !elements.is_empty()) else {
            self.notice(sorted, label, &field, &field.raw, how);
            return;
        };
        for (element, about) in elements {
            match about.and_then(|about| row(&number, &about, &element, how.now_ms)) {
                Some(row) => match self.of_person(label, row, how) {
                    Some(item) => sorted.items.push(item),
                    None => sorted.erased += 1,
                },
                None => self.notice(sorted, label, &field, &element, how),
            }
        }
    }

    /// The number that a field is about; one that names none is about our only one.
    fn number_of(&self, field: &Field) -> Option<Box<str>> {
        field.number.as_deref().map(Into::into).or_else(|| self.signers.only())
    }

    fn notice(&self, sorted: &mut Sorted, label: &'static str, field: &Field, element: &RawValue, how: How<'_>) {
        let now_ms = how.now_ms;
        if label == "flows" && self.is_repeated(sorted, field, element, now_ms) {
            return self.count(how, label, "duplicate");
        }
        let event = FieldEvent::parse(&field.name, element.get());
        let alarm = event.is_alarm();
        self.count(how, label, if label == "flows" && alarm { "alarm" } else { "notice" });
        if how.is_tried {
            // It is said when it is taken in.
        } else if alarm {
            tracing::warn!(field = label, account = field.account, %event, "Meta reports something that needs a look");
        } else {
            tracing::info!(field = label, account = field.account, "Meta reports a change");
        }
        sorted.items.push(Accept::Notice(Notice {
            field: field.name.as_str().into(),
            account: field.account.as_str().into(),
            detail: event.to_string().into(),
            alarm,
            received_ms: now_ms,
            payload: raw(element),
        }));
        let (account, name) = (field.account.as_str().into(), field.name.as_str().into());
        let at_ms = field.time_ms.map_or(now_ms, |time_ms| time_ms.min(now_ms));
        sorted.events.push(AccountEvent { account, field: name, event: Arc::new(event), at_ms });
    }

    /// Whether a report came before; without a time nobody can tell.
    fn is_repeated(&self, sorted: &mut Sorted, field: &Field, element: &RawValue, now_ms: u64) -> bool {
        let Some(time_ms) = field.time_ms else { return false };
        let name = Repeats::name(&field.name, &field.account, time_ms, element.get());
        if !self.repeats.take(&name, now_ms) {
            return true;
        }
        sorted.reports.push(name);
        false
    }

    /// Whether a field tells something of before about somebody who was erased.
    pub(super) fn is_late(&self, field: &str, number: &str, raw: &RawValue, now_ms: u64) -> bool {
        let mut elements = field::about_people(field, raw.get()).into_iter();
        elements.any(|(element, about)| {
            let row = about.and_then(|about| row(number, &about, &element, now_ms));
            row.is_some_and(|(row, _)| self.tombs.drops(&row))
        })
    }

    /// `None` if it is of somebody who was erased.
    fn of_person(&self, label: &'static str, (row, sent_ms): (Inbound, Option<u64>), how: How<'_>) -> Option<Accept> {
        if self.tombs.drops(&row) {
            self.count(how, label, "erased");
            return None;
        }
        if sent_ms.is_some_and(|sent_ms| is_too_old(sent_ms, how)) {
            return Some(self.quarantine(TOO_OLD, OLDER, Aside::as_it_came(row.payload), how));
        }
        self.count(how, label, "accepted");
        Some(Accept::Message(row))
    }

    /// Whether a status of a message that we do not know is of one that went when its person was erased.
    pub(super) fn is_to_erased(&self, status: &StatusUpdate) -> bool {
        let ids = identity::aliases_of_ids(status.recipient_id.as_deref(), &[status.recipient_user_id.as_deref()]);
        self.engine.is_of_erased(status) || ids.iter().any(|id| self.tombs.erased_ms(id).is_some())
    }

    /// A status of a message that we do not know: a few are kept, all are counted.
    pub(super) fn unknown_status(&self, status: &StatusUpdate, now_ms: u64) -> Option<Accept> {
        self.metrics.event("status", "unknown");
        (self.strangers.count(now_ms) <= STRANGERS_PER_MINUTE).then(|| {
            Accept::Notice(Notice {
                field: "statuses".into(),
                account: "".into(),
                detail: format!("status {} of a message that is not known here", status.status).into(),
                alarm: false,
                received_ms: now_ms,
                payload: Bytes::copy_from_slice(status.raw.get().as_bytes()),
            })
        })
    }
}

/// The row of an element, and when it was sent, where that decides whether it is too old; `None` if it names nobody.
fn row(number: &str, about: &About, element: &RawValue, now_ms: u64) -> Option<(Inbound, Option<u64>)> {
    match about {
        About::Preference(preference) => Some((actors::preference(number, preference, element, now_ms)?, None)),
        About::UserId(change) => Some((actors::user_id_change(number, change, element, now_ms)?, None)),
        About::Echo(echo) => Some((actors::echo(number, echo, element, now_ms)?, echo.at_ms)),
    }
}
