//! What the person of a test sends, as Meta would deliver it.

use serde_json::{Map, Value, json};
use whatsapp::webhook::{Message, MessageKind};

use super::bubble::{Choice, How};
use crate::input::Incoming;

/// The types that `send` takes.
pub(crate) const TYPES: &[&str] = &[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "order",
    "reaction",
    "button",
    "interactive",
    "system",
    "edit",
    "revoke",
    "request_welcome",
    "unsupported",
];
/// What stands beside the content and not in it.
const BESIDE: [&str; 5] = ["type", "context", "referral", "errors", "from"];

/// A message from the map under `send`: `type`, and the content under its type as Meta has it, or right
/// beside it. Media need no id. `None` if Meta sends nothing of this shape.
pub(super) fn message(given: &Map<String, Value>, kind: &str) -> Option<Incoming> {
    let (mut whole, loose): (Map<_, _>, Map<_, _>) =
        given.clone().into_iter().partition(|(key, _)| BESIDE.contains(&key.as_str()) || key == kind);
    let content = whole.entry(kind).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(content) = content {
        content.extend(loose);
        complete(content, kind);
    } else if !loose.is_empty() {
        return None;
    }
    let message = Message::parse(&Value::Object(whole).to_string());
    let unknown = matches!(message.kind, MessageKind::Unknown { .. });
    (!unknown).then(|| Incoming::from(&message))
}

/// What a message always has and no author wants to write.
fn complete(content: &mut Map<String, Value>, kind: &str) {
    let mime_type = match kind {
        "image" => "image/jpeg",
        "video" => "video/mp4",
        "audio" => "audio/ogg; codecs=opus",
        "document" => "application/pdf",
        "sticker" => "image/webp",
        "reaction" => {
            content.entry("message_id").or_insert_with(|| json!(LAST));
            return;
        }
        _ => return,
    };
    content.entry("id").or_insert_with(|| json!("media.1"));
    content.entry("mime_type").or_insert_with(|| json!(mime_type));
}

/// Stands for the id of the bot's last message.
pub(super) const LAST: &str = "last";

pub(super) fn text(body: &str) -> Incoming {
    read(&json!({ "type": "text", "text": { "body": body } }))
}

pub(super) fn tap(choice: &Choice, of: &str) -> Incoming {
    let title = choice.title.as_deref().unwrap_or(&choice.id);
    let context = json!({ "id": of });
    read(&match choice.how {
        How::TemplateButton => {
            json!({ "type": "button", "button": { "payload": choice.id, "text": title }, "context": context })
        }
        How::Button => json!({ "type": "interactive", "context": context,
            "interactive": { "type": "button_reply", "button_reply": { "id": choice.id, "title": title } } }),
        How::Row => json!({ "type": "interactive", "context": context, "interactive": { "type": "list_reply",
            "list_reply": { "id": choice.id, "title": title, "description": choice.description } } }),
    })
}

pub(super) fn read(raw: &Value) -> Incoming {
    Incoming::from(&Message::parse(&raw.to_string()))
}
