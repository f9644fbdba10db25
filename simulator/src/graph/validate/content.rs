//! The kinds of content besides interactive messages and templates.

use serde_json::{Map, Value};

use super::Known;
use super::parts::{self, bounded, object, only_keys, optional_string, required_string};
use crate::graph::error::Refusal;
use crate::media::essence;

const MAX_CONTACTS: usize = 257;

pub(super) fn text(map: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(map, &["body", "preview_url"], "text")?;
    let body = required_string(map, "body", "text")?;
    if map.get("preview_url").is_some_and(|v| !v.is_boolean()) {
        return Err(Refusal::parameter("Param text['preview_url'] must be a boolean."));
    }
    match body.chars().count() {
        0 => Err(Refusal::parameter("Param text['body'] cannot be empty.")),
        1..=4096 => Ok(()),
        n => Err(Refusal::parameter(format!("Param text['body'] must be at most 4096 characters long, got {n}."))),
    }
}

pub(super) fn media(map: &Map<String, Value>, kind: &str, known: &Known<'_>) -> Result<(), Refusal> {
    let keys: &[&str] = match kind {
        "image" | "video" => &["id", "link", "caption"],
        "document" => &["id", "link", "caption", "filename"],
        "audio" => &["id", "link", "voice"],
        _ => &["id", "link"],
    };
    only_keys(map, keys, kind)?;
    if optional_string(map, "caption", kind)?.is_some_and(|c| c.chars().count() > 1024) {
        return Err(Refusal::parameter(format!("Param {kind}['caption'] must be at most 1024 characters long.")));
    }
    if optional_string(map, "filename", kind)?.is_some_and(|n| n.is_empty() || n.chars().count() > 240) {
        return Err(Refusal::parameter(format!("Param {kind}['filename'] takes 1 to 240 characters.")));
    }
    parts::media_source(map, kind, kind, known)?;
    match map.get("voice") {
        None | Some(Value::Bool(false)) => Ok(()),
        Some(Value::Bool(true)) => voice(map, known),
        Some(_) => Err(Refusal::parameter("Param audio['voice'] must be a boolean.")),
    }
}

/// Voice messages are Ogg files; the type of a link is not known before it is fetched.
fn voice(map: &Map<String, Value>, known: &Known<'_>) -> Result<(), Refusal> {
    let item = map.get("id").and_then(Value::as_str).and_then(|id| known.media.get(id, known.now_ms));
    match item.map(|item| essence(&item.mime).to_owned()) {
        Some(mime) if mime != "audio/ogg" => {
            Err(Refusal::new(131053, format!("A voice message is audio/ogg, the media is {mime}.")))
        }
        _ => Ok(()),
    }
}

pub(super) fn location(map: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(map, &["latitude", "longitude", "name", "address"], "location")?;
    for (key, most) in [("latitude", 90.0), ("longitude", 180.0)] {
        let value = map.get(key).ok_or_else(|| Refusal::missing(&format!("location['{key}']")))?;
        let degrees = value.as_f64().or_else(|| value.as_str().and_then(|s| s.parse().ok()));
        if !degrees.is_some_and(|d: f64| d.abs() <= most) {
            return Err(Refusal::value(format!("location['{key}'] is not a number from -{most} to {most}.")));
        }
    }
    optional_string(map, "name", "location")?;
    optional_string(map, "address", "location").map(drop)
}

pub(super) fn reaction(map: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(map, &["message_id", "emoji"], "reaction")?;
    if !required_string(map, "message_id", "reaction")?.starts_with("wamid.") {
        return Err(Refusal::value("reaction['message_id'] is not a message id."));
    }
    // An empty emoji takes the reaction back; letters and digits are no emoji.
    match optional_string(map, "emoji", "reaction")? {
        Some(emoji) if emoji.chars().any(|c| c.is_ascii_alphabetic()) || emoji.chars().count() > 16 => {
            Err(Refusal::value(format!("reaction['emoji'] {emoji:?} is not one emoji.")))
        }
        _ => Ok(()),
    }
}

pub(super) fn contacts(content: &Value) -> Result<(), Refusal> {
    let list = content.as_array().ok_or_else(|| Refusal::parameter("Param contacts must be an array."))?;
    if list.is_empty() || list.len() > MAX_CONTACTS {
        return Err(Refusal::value(format!("contacts takes 1 to {MAX_CONTACTS} contacts, got {}.", list.len())));
    }
    list.iter().try_for_each(contact)
}

fn contact(contact: &Value) -> Result<(), Refusal> {
    let contact = object(contact, "contacts")?;
    only_keys(contact, &["addresses", "birthday", "emails", "name", "org", "phones", "urls"], "contacts")?;
    let path = "contacts['name']";
    let name = object(contact.get("name").ok_or_else(|| Refusal::missing(path))?, path)?;
    only_keys(name, &["formatted_name", "first_name", "last_name", "middle_name", "suffix", "prefix"], path)?;
    bounded(name, "formatted_name", path, 1024)?;
    // Meta's pages ask for one more part of the name beside the formatted one.
    if name.len() < 2 {
        return Err(Refusal::missing("contacts['name']['first_name']"));
    }
    for (key, inner) in [("phones", "phone"), ("emails", "email"), ("urls", "url")] {
        if contact.contains_key(key) {
            let path = format!("contacts['{key}']");
            for entry in parts::list(contact, key, "contacts")? {
                optional_string(object(entry, &path)?, inner, &path)?;
            }
        }
    }
    Ok(())
}
