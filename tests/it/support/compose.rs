//! Webhook bodies and their signatures.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::NUMBER;

/// A text message of a person.
pub(crate) fn text(from: &str, wamid: &str, at_ms: u64, body: &str) -> Value {
    message(from, wamid, at_ms, json!({ "type": "text", "text": { "body": body } }))
}

/// Any message of a person.
pub(crate) fn message(from: &str, wamid: &str, at_ms: u64, mut rest: Value) -> Value {
    rest["from"] = json!(from);
    rest["id"] = json!(wamid);
    rest["timestamp"] = json!((at_ms / 1_000).to_string());
    rest
}

/// The body that carries these messages.
pub(crate) fn body(messages: &[Value]) -> String {
    let contacts: Vec<_> = messages
        .iter()
        .filter_map(|message| message["from"].as_str())
        .map(|from| json!({ "wa_id": from, "profile": { "name": "Somebody" } }))
        .collect();
    value(json!({ "contacts": contacts, "messages": messages }))
}

/// The body that carries these statuses.
pub(crate) fn statuses(statuses: &[Value]) -> String {
    value(json!({ "statuses": statuses }))
}

/// A status of a message that was sent with this callback data.
pub(crate) fn status(wamid: &str, callback_data: &str, word: &str, at_ms: u64) -> Value {
    let mut status = json!({
        "id": wamid, "status": word, "timestamp": (at_ms / 1_000).to_string(), "recipient_id": super::ADA,
        "biz_opaque_callback_data": callback_data,
    });
    if word == "failed" {
        status["errors"] = json!([{ "code": 131026, "title": "Message undeliverable" }]);
    }
    status
}

/// The body with this `value`; the number is ours unless it names another.
pub(crate) fn value(mut value: Value) -> String {
    value["messaging_product"] = json!("whatsapp");
    if value.get("metadata").is_none() {
        value["metadata"] = json!({ "display_phone_number": "15550100100", "phone_number_id": NUMBER });
    }
    let change = json!({ "field": "messages", "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "300100200300400", "changes": [change] }] })
        .to_string()
}

/// The value of `X-Hub-Signature-256`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    whatsapp::signature::sign(&SecretString::from(secret), body)
}
