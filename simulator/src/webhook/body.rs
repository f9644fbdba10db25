//! The bodies of webhooks, in the shape of Meta's.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::config::Number;
use crate::graph::known;
use crate::phone::{PhoneInfo, Progress};

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
    /// Before v24 statuses carry a `conversation`.
    pub(crate) major: u32,
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
        row["pricing"] = json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "service" });
        if status.major < 24 {
            row["conversation"] = json!({ "id": status.wamid, "origin": { "type": "service" } });
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
        Progress::Failed => "failed",
    }
}

fn envelope(number: &Number, mut value: Value) -> Bytes {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] =
        json!({ "display_phone_number": number.display_phone_number, "phone_number_id": number.phone_number_id });
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": number.waba_id, "changes": [{ "field": "messages", "value": value }] }],
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
