//! What a person sent, as a step with stand-ins.

use serde_json::{Map, Value, json};
use whatsapp::webhook::{Message, MessageKind};

use super::mask::{Mask, Shape};

/// Stands for what a person shared and nobody needs to know.
const PLACE: &str = "a place";

/// A step of the person.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    User(String),
    Tap(String),
    Send(Map<String, Value>),
    /// A form that is sent off: what was filled in.
    Submit(Map<String, Value>),
    /// Nothing that a bot would notice.
    Nothing,
}

/// The step of a message. `personal` says that all of it is personal, and what it was read as.
pub(super) fn said(raw: &Value, mask: &mut Mask, personal: Option<Shape>) -> Said {
    let message = Message::parse(&raw.to_string());
    let kind = message.type_name().to_owned();
    if let Some(id) = message.reply_id() {
        return Said::Tap(mask.text(id));
    }
    let mut text = |text: &str| match personal {
        Some(shape) => mask.personal(text, shape),
        None => mask.text(text),
    };
    let content = &raw[kind.as_str()];
    let mut step = match &message.kind {
        MessageKind::Text { .. } if message.referral.is_none() => return Said::User(text(message.text())),
        MessageKind::Text { .. } => json!({ "body": text(message.text()) }),
        MessageKind::Location(place) => {
            let mut found = json!({ "latitude": tenth(place.latitude), "longitude": tenth(place.longitude) });
            if place.name.is_some() {
                found["name"] = PLACE.into();
            }
            found
        }
        MessageKind::Contacts(list) => contacts(list, mask),
        MessageKind::Order(order) => {
            let mut found = pick(order, &["catalog_id", "product_items"]);
            if let Some(words) = order["text"].as_str() {
                found["text"] = text(words).into();
            }
            found
        }
        MessageKind::Reaction { emoji, .. } => json!({ "emoji": emoji }),
        MessageKind::FlowReply(reply) => {
            let mut form = reply.response.clone().unwrap_or_default();
            // The test has a token of its own.
            form.remove("flow_token");
            return match mask.personal_json(&form.into()) {
                Value::Object(form) => Said::Submit(form),
                _ => Said::Nothing,
            };
        }
        _ => match kind.as_str() {
            "image" | "video" | "audio" | "document" | "sticker" => {
                let mut found = pick(content, &["mime_type", "voice", "animated"]);
                if let Some(caption) = content["caption"].as_str().filter(|caption| !caption.is_empty()) {
                    found["caption"] = text(caption).into();
                }
                if let Some(name) = content["filename"].as_str() {
                    let end = name.rsplit_once('.').map_or("bin", |(_, end)| end);
                    found["filename"] = format!("file.{end}").into();
                }
                found
            }
            "request_welcome" => json!({}),
            _ => return Said::Nothing,
        },
    };
    step["type"] = kind.into();
    if let Some(referral) = &message.referral {
        let mut kept = pick(referral, &["source_type", "source_id", "headline", "body"]);
        if referral.get("source_url").is_some() {
            kept["source_url"] = "https://example.com/".into();
        }
        step["referral"] = kept;
    }
    match step {
        Value::Object(step) => Said::Send(step),
        _ => Said::Nothing,
    }
}

fn pick(from: &Value, keys: &[&str]) -> Value {
    let found = |key: &&str| Some(((*key).to_owned(), from.get(*key)?.clone()));
    Value::Object(keys.iter().filter_map(found).collect())
}

/// About ten kilometres.
fn tenth(degrees: f64) -> f64 {
    (degrees * 10.0).round() / 10.0
}

fn contacts(list: &Value, mask: &mut Mask) -> Value {
    let one = |contact: &Value| {
        let name = mask.personal(contact["name"]["formatted_name"].as_str().unwrap_or("Bea"), Shape::Text);
        let phones = contact["phones"].as_array().into_iter().flatten();
        let phones: Vec<Value> =
            phones.map(|phone| json!({ "phone": mask.text(phone["phone"].as_str().unwrap_or_default()) })).collect();
        json!({ "name": { "formatted_name": name }, "phones": phones })
    };
    json!({ "contacts": list.as_array().into_iter().flatten().map(one).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_person_is_left_in_what_they_sent() {
        let mut mask = Mask::default();
        let mut step = |raw: Value| match said(&raw, &mut mask, None) {
            Said::Send(step) => Value::Object(step),
            other => json!(format!("{other:?}")),
        };
        let at = json!({ "type": "location", "location": { "latitude": 52.37403, "longitude": 4.88969, "name": "Home", "address": "Dam 1" } });
        assert_eq!(step(at), json!({ "type": "location", "latitude": 52.4, "longitude": 4.9, "name": "a place" }));
        let file = json!({ "type": "document", "document": { "id": "77", "sha256": "x", "mime_type": "application/pdf", "filename": "Jane Roe.pdf", "caption": "mail j@r.example" } });
        assert_eq!(
            step(file),
            json!({ "type": "document", "mime_type": "application/pdf", "filename": "file.pdf", "caption": "mail person1@example.com" })
        );
        let card = json!({ "type": "contacts", "contacts": [ { "name": { "formatted_name": "Bo Li" }, "phones": [ { "phone": "+44 7700 900125", "wa_id": "447700900125" } ], "emails": [ { "email": "x" } ] } ] });
        assert_eq!(
            step(card)["contacts"][0],
            json!({ "name": { "formatted_name": "Aa Aa" }, "phones": [ { "phone": "+44 7000 000001" } ] })
        );
        let ad = json!({ "type": "text", "text": { "body": "hi" }, "referral": { "source_type": "ad", "source_id": "1", "ctwa_clid": "secret", "source_url": "https://fb.me/x" } });
        assert_eq!(
            step(ad)["referral"],
            json!({ "source_type": "ad", "source_id": "1", "source_url": "https://example.com/" })
        );
        let form = json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": { "response_json": "{\"flow_token\":\"secret\",\"who\":\"Jane\"}" } } });
        assert_eq!(step(form), json!("Submit({\"who\": String(\"Bbbb\")})"));
        assert_eq!(step(json!({ "type": "system", "system": { "body": "moved" } })), json!("Nothing"));
    }
}
