//! What a phone writes: message objects as Meta's webhooks carry them.

use serde_json::{Map, Value, json};

use super::{Choice, ChoiceKind, PhoneError, PhoneInfo};
use crate::config::Number;

/// The longest text a person can send.
const MAX_TEXT: usize = 65_536;

pub(crate) fn text(body: &str) -> Result<Map<String, Value>, PhoneError> {
    if body.trim().is_empty() {
        return Err(PhoneError::Invalid("the text is empty".into()));
    }
    if body.chars().count() > MAX_TEXT {
        return Err(PhoneError::Invalid(format!("the text has more than {MAX_TEXT} characters")));
    }
    Ok(object(json!({ "type": "text", "text": { "body": body } })))
}

/// The reply that a tap or a pick makes, quoting the message that offered it.
pub(crate) fn reply(choice: &Choice, offered_by: &str, number: &Number) -> Map<String, Value> {
    let content = match choice.kind {
        ChoiceKind::Button => json!({
            "type": "button_reply",
            "button_reply": { "id": choice.id, "title": choice.title },
        }),
        ChoiceKind::Row => {
            let mut row = json!({ "id": choice.id, "title": choice.title });
            if let Some(description) = &choice.description {
                row["description"] = json!(description);
            }
            json!({ "type": "list_reply", "list_reply": row })
        }
    };
    object(json!({
        "context": { "from": number.display_phone_number, "id": offered_by },
        "type": "interactive",
        "interactive": content,
    }))
}

/// The tap on a quick reply of a template.
pub(crate) fn quick_reply(choice: &Choice, offered_by: &str, number: &Number) -> Map<String, Value> {
    object(json!({
        "context": { "from": number.display_phone_number, "id": offered_by },
        "type": "button",
        "button": { "payload": choice.id, "text": choice.title },
    }))
}

/// Any message object; what it leaves out is filled in by [`complete`].
pub(crate) fn raw(message: Value) -> Result<Map<String, Value>, PhoneError> {
    let Value::Object(message) = message else {
        return Err(PhoneError::Invalid("a raw message is a JSON object with a `type`".into()));
    };
    if !message.get("type").is_some_and(Value::is_string) {
        return Err(PhoneError::Invalid("a raw message needs a `type`".into()));
    }
    for key in ["from", "from_user_id", "id", "timestamp"] {
        if message.get(key).is_some_and(|v| !v.is_string()) {
            return Err(PhoneError::Invalid(format!("`{key}` of a raw message is a string")));
        }
    }
    Ok(message)
}

/// Fills in sender, id and time where they are missing.
pub(crate) fn complete(message: &mut Map<String, Value>, who: &PhoneInfo, wamid: String, now_ms: u64) {
    let mut fill = |key: &str, value: String| {
        message.entry(key).or_insert(Value::String(value));
    };
    if !who.hides_number {
        fill("from", who.wa_id.clone());
    }
    fill("from_user_id", who.user_id.clone());
    fill("id", wamid);
    fill("timestamp", (now_ms / 1_000).to_string());
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
