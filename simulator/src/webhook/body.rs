//! The bodies of webhooks, in the shape of Meta's.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::config::Number;
use crate::graph::known;
use crate::phone::{PhoneInfo, Progress};
use crate::templates::{StoredTemplate, TemplateStatus};

/// A webhook with one message of a phone.
pub(crate) fn message(number: &Number, who: &PhoneInfo, message: &Map<String, Value>) -> Bytes {
    envelope(number, json!({ "contacts": [contact(who)], "messages": [message] }))
}

fn contact(who: &PhoneInfo) -> Value {
    let mut contact = json!({ "profile": { "name": who.name }, "user_id": who.user_id });
    if !who.hides_number {
        contact["wa_id"] = json!(who.wa_id);
    }
    if let Some(username) = &who.username {
        contact["profile"]["username"] = json!(username);
    }
    contact
}

/// A status of a sent message.
pub(crate) struct Status<'a> {
    pub(crate) wamid: &'a str,
    pub(crate) progress: Progress,
    pub(crate) at_ms: u64,
    /// The phone, or the id that was addressed.
    pub(crate) recipient: Recipient<'a>,
    pub(crate) callback_data: Option<&'a str>,
    /// Of a failed message.
    pub(crate) code: Option<u32>,
    pub(crate) pricing: Pricing,
    /// Before v24 statuses carry a `conversation`.
    pub(crate) major: u32,
}

/// What a message costs, as its statuses say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pricing {
    /// By the category of the message: `service`, `utility`, …
    Regular(&'static str),
    /// Free until then, in milliseconds: the person came through an ad.
    EntryPoint(u64),
}

impl Pricing {
    fn row(self) -> Value {
        let (billable, kind, category) = match self {
            Self::Regular(category) => (true, "regular", category),
            Self::EntryPoint(_) => (false, "free_entry_point", "referral_conversion"),
        };
        json!({ "billable": billable, "pricing_model": "PMP", "type": kind, "category": category })
    }

    /// From v24 on only a free entry point has a conversation.
    fn conversation(self, status: &Status<'_>) -> Option<Value> {
        match self {
            Self::EntryPoint(until_ms) => {
                let mut conversation = json!({ "id": status.wamid, "origin": { "type": "referral_conversion" } });
                if status.progress == Progress::Sent {
                    conversation["expiration_timestamp"] = json!((until_ms / 1_000).to_string());
                }
                Some(conversation)
            }
            Self::Regular(category) if status.major < 24 => {
                Some(json!({ "id": status.wamid, "origin": { "type": category } }))
            }
            Self::Regular(_) => None,
        }
    }
}

pub(crate) enum Recipient<'a> {
    Scripted(&'a PhoneInfo),
    Phone(&'a str),
    UserId(&'a str),
}

pub(crate) fn status(number: &Number, status: &Status<'_>) -> Bytes {
    let mut row = json!({
        "id": status.wamid,
        "status": name(status.progress),
        "timestamp": (status.at_ms / 1_000).to_string(),
    });
    match status.recipient {
        Recipient::Scripted(who) => {
            if !who.hides_number {
                row["recipient_id"] = json!(who.wa_id);
            }
            row["recipient_user_id"] = json!(who.user_id);
        }
        Recipient::Phone(id) => row["recipient_id"] = json!(id),
        Recipient::UserId(id) => row["recipient_user_id"] = json!(id),
    }
    if let Some(data) = status.callback_data {
        row["biz_opaque_callback_data"] = json!(data);
    }
    if matches!(status.progress, Progress::Sent | Progress::Delivered) {
        row["pricing"] = status.pricing.row();
        if let Some(conversation) = status.pricing.conversation(status) {
            row["conversation"] = conversation;
        }
    }
    if let Some(code) = status.code {
        row["errors"] = json!([error(code)]);
    }
    let mut value = json!({ "statuses": [row] });
    if let (Recipient::Scripted(who), None) = (&status.recipient, status.code) {
        value["contacts"] = json!([contact(who)]);
    }
    envelope(number, value)
}

fn error(code: u32) -> Value {
    let (_, title) = known(code);
    json!({
        "code": code,
        "title": title,
        "message": title,
        "error_data": { "details": title },
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    })
}

fn name(progress: Progress) -> &'static str {
    match progress {
        Progress::Accepted => "accepted",
        Progress::Sent => "sent",
        Progress::Delivered => "delivered",
        Progress::Read => "read",
        Progress::Played => "played",
        Progress::Failed => "failed",
    }
}

/// A message that the business wrote on the phone that it keeps the number on.
pub(crate) fn echo(number: &Number, message: &Value) -> Bytes {
    field(number, "smb_message_echoes", json!({ "message_echoes": [message] }))
}

/// A message without contacts, as WhatsApp itself writes them.
pub(crate) fn system(number: &Number, message: &Map<String, Value>) -> Bytes {
    envelope(number, json!({ "messages": [message] }))
}

/// The person stopped or resumed marketing messages.
pub(crate) fn preference(number: &Number, who: &PhoneInfo, stops: bool, at_ms: u64) -> Bytes {
    let value = if stops { "stop" } else { "resume" };
    let mut row = json!({
        "user_id": who.user_id,
        "detail": format!("User requested to {value} marketing messages"),
        "category": "marketing_messages",
        "value": value,
        "timestamp": at_ms / 1_000,
    });
    if !who.hides_number {
        row["wa_id"] = json!(who.wa_id);
    }
    field(number, "user_preferences", json!({ "contacts": [contact(who)], "user_preferences": [row] }))
}

/// The person has another business-scoped user id.
pub(crate) fn user_id_update(number: &Number, before: &PhoneInfo, who: &PhoneInfo, at_ms: u64) -> Bytes {
    let mut row = json!({
        "detail": "The user changed their phone number",
        "user_id": { "previous": before.user_id, "current": who.user_id },
        "timestamp": at_ms / 1_000,
    });
    if !who.hides_number {
        row["wa_id"] = json!(who.wa_id);
    }
    field(number, "user_id_update", json!({ "contacts": [contact(who)], "user_id_update": [row] }))
}

/// Meta thinks otherwise of a template.
pub(crate) fn template_status(template: &StoredTemplate, event: &str, reason: Option<&str>, at_ms: u64) -> Bytes {
    let mut value = json!({
        "event": event,
        "message_template_id": template.id.parse::<u64>().unwrap_or_default(),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "message_template_category": template.category,
        "reason": reason.unwrap_or("NONE"),
    });
    if event == TemplateStatus::Paused.name() {
        value["other_info"] =
            json!({ "title": "FIRST_PAUSE", "description": "Paused for 3 hours: people disliked it." });
    }
    account(&template.waba_id, "message_template_status_update", &value, at_ms)
}

/// A notice about an account.
pub(crate) fn account(waba_id: &str, field: &str, value: &Value, at_ms: u64) -> Bytes {
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": waba_id, "time": at_ms / 1_000, "changes": [{ "field": field, "value": value }] }],
    });
    Bytes::from(body.to_string())
}

fn envelope(number: &Number, value: Value) -> Bytes {
    field(number, "messages", value)
}

fn field(number: &Number, field: &str, mut value: Value) -> Bytes {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] =
        json!({ "display_phone_number": number.display_phone_number, "phone_number_id": number.phone_number_id });
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": number.waba_id, "changes": [{ "field": field, "value": value }] }],
    });
    Bytes::from(body.to_string())
}

/// Who wrote in a webhook body: for each inbound message, the business number and the person.
pub(crate) fn writers(body: &[u8]) -> Vec<(String, String)> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let items = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for change in items(&body["entry"]).iter().flat_map(|e| items(&e["changes"])) {
        let value = &change["value"];
        let Some(number) = value["metadata"]["phone_number_id"].as_str() else { continue };
        for message in items(&value["messages"]) {
            for person in [&message["from"], &message["from_user_id"]].iter().filter_map(|v| v.as_str()) {
                found.push((number.to_owned(), person.to_owned()));
            }
        }
    }
    found
}
