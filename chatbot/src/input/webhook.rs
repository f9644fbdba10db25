//! A message of a webhook as bots see it.

use serde_json::{Value, json};
use whatsapp::webhook::message::{FlowReply, Location, Media};
use whatsapp::webhook::{Message, MessageKind};

use super::Incoming;

impl From<&Message> for Incoming {
    /// `at_ms` stays 0 (the time stands in the envelope), and whether the message belongs to a group
    /// is the caller's to say: it sets `kind` to `group`.
    fn from(message: &Message) -> Self {
        let context = message.context.as_ref();
        let mut incoming = Incoming {
            wamid: message.wamid.clone(),
            kind: message.type_name().to_owned(),
            text: message.text().to_owned(),
            id: message.reply_id().map(str::to_owned),
            media: message.media().map(|found| media(message.type_name(), found)),
            context_id: context.and_then(|context| context.id.clone()),
            referral: message.referral.clone(),
            product: context.and_then(|context| context.referred_product.clone()),
            forwarded: context.is_some_and(|context| context.forwarded || context.frequently_forwarded),
            frequently_forwarded: context.is_some_and(|context| context.frequently_forwarded),
            data: data(message),
            ..Incoming::default()
        };
        match &message.kind {
            MessageKind::Button { text, .. } => incoming.title = Some(text.clone()),
            MessageKind::ButtonReply { title, .. } | MessageKind::ListReply { title, .. } => {
                incoming.title = Some(title.clone());
            }
            // Meta leaves the name out at times.
            MessageKind::FlowReply(reply) => {
                incoming.form = Some(reply.name.clone().unwrap_or_else(|| "flow".to_owned()))
            }
            MessageKind::Location(place) => incoming.location = Some(location(place)),
            // Its type may be one that is known, in a shape that is not.
            MessageKind::Unknown { .. } => incoming.kind = "unknown".to_owned(),
            _ => {}
        }
        incoming
    }
}

/// What else a type has.
fn data(message: &Message) -> Option<Value> {
    Some(match &message.kind {
        MessageKind::Contacts(data) | MessageKind::Order(data) => data.clone(),
        MessageKind::FlowReply(reply) => form(reply),
        MessageKind::ListReply { description: Some(description), .. } => json!({ "description": description }),
        MessageKind::Reaction { message_id, emoji } => {
            json!({ "message_id": message_id, "emoji": emoji, "removed": emoji.is_none() })
        }
        MessageKind::System(system) => {
            json!({ "type": system.kind, "wa_id": system.wa_id, "user_id": system.user_id })
        }
        MessageKind::Edit | MessageKind::Revoke => json!({ "message_id": message.original_message_id }),
        MessageKind::Unsupported { kind } => json!({ "type": kind }),
        MessageKind::Unknown { type_name } => json!({ "type": type_name }),
        _ => return None,
    })
}

fn media(kind: &str, media: &Media) -> Value {
    json!({
        "type": kind, "id": media.id, "mime_type": media.mime_type, "sha256": media.sha256,
        "caption": media.caption, "filename": media.filename, "voice": media.voice, "animated": media.animated,
    })
}

fn location(place: &Location) -> Value {
    json!({
        "latitude": place.latitude, "longitude": place.longitude, "name": place.name, "address": place.address,
        "url": place.url,
    })
}

fn form(reply: &FlowReply) -> Value {
    match &reply.response {
        Some(response) => Value::Object(response.clone()),
        None => Value::String(reply.response_json.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Class;

    fn read(raw: &str) -> Incoming {
        Incoming::from(&Message::parse(raw))
    }

    #[test]
    fn typed_text_is_text() {
        let got = read(r#"{"id":"wamid.A","from":"15550100001","timestamp":"1","type":"text","text":{"body":"hi"}}"#);
        assert_eq!((got.kind.as_str(), got.text.as_str(), got.class()), ("text", "hi", Class::Text));
        assert_eq!(got.wamid, "wamid.A");
    }

    #[test]
    fn a_tapped_row_has_id_and_title() {
        let raw = r#"{"id":"wamid.B","from":"15550100001","timestamp":"1","type":"interactive","context":{"id":"wamid.A"},
            "interactive":{"type":"list_reply","list_reply":{"id":"eye","title":"Eyes","description":"d"}}}"#;
        let got = read(raw);
        assert_eq!((got.id.as_deref(), got.title.as_deref(), got.text.as_str()), (Some("eye"), Some("Eyes"), "Eyes"));
        assert_eq!((got.context_id.as_deref(), got.class()), (Some("wamid.A"), Class::Tap));
    }

    #[test]
    fn media_and_places_keep_their_facts() {
        let got = read(
            r#"{"id":"w","from":"1","type":"image","image":{"id":"77","mime_type":"image/jpeg","caption":"look"}}"#,
        );
        assert_eq!((got.media.unwrap()["id"].clone(), got.text.as_str()), (json!("77"), "look"));
        let got = read(r#"{"id":"w","from":"1","type":"location","location":{"latitude":1.5,"longitude":2.5}}"#);
        assert_eq!(got.location.unwrap()["latitude"], json!(1.5));
    }

    #[test]
    fn odd_messages_begin_nothing() {
        for raw in [
            r#"{"id":"w","from":"1","type":"reaction","reaction":{"message_id":"m","emoji":"x"}}"#,
            r#"{"id":"w","from":"1","type":"system","system":{"body":"b"}}"#,
            r#"{"id":"w","from":"1","type":"unsupported","errors":[]}"#,
        ] {
            assert!(!read(raw).may_start(), "{raw}");
        }
        assert!(!Incoming { kind: "group".into(), ..Incoming::default() }.may_start());
    }
}
