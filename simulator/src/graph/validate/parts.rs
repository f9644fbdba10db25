//! Small checks that every kind of message needs.

use serde_json::{Map, Value};

use super::Known;
use crate::graph::error::Refusal;
use crate::media::limit_of;

pub(super) fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| Refusal::parameter(format!("Param {path} must be a JSON object.")))
}

pub(super) fn string_of<'a>(value: &'a Value, path: &str) -> Result<&'a str, Refusal> {
    value.as_str().ok_or_else(|| Refusal::parameter(format!("Param {path} must be a string.")))
}

pub(super) fn required_string<'a>(map: &'a Map<String, Value>, key: &str, path: &str) -> Result<&'a str, Refusal> {
    let path = format!("{path}['{key}']");
    string_of(map.get(key).ok_or_else(|| Refusal::missing(&path))?, &path)
}

pub(super) fn optional_string<'a>(
    map: &'a Map<String, Value>,
    key: &str,
    path: &str,
) -> Result<Option<&'a str>, Refusal> {
    map.get(key).map(|value| string_of(value, &format!("{path}['{key}']"))).transpose()
}

/// A required member of 1 to `most` characters.
pub(super) fn bounded<'a>(map: &'a Map<String, Value>, key: &str, path: &str, most: usize) -> Result<&'a str, Refusal> {
    let text = required_string(map, key, path)?;
    match text.chars().count() {
        n if (1..=most).contains(&n) => Ok(text),
        n => Err(length(&format!("{path}['{key}']"), most, n)),
    }
}

pub(super) fn length(path: &str, most: usize, got: usize) -> Refusal {
    Refusal::value(format!("{path} length invalid. Min length: 1, Max length: {most}, got {got}."))
}

pub(super) fn only_keys(map: &Map<String, Value>, keys: &[&str], path: &str) -> Result<(), Refusal> {
    match map.keys().find(|k| !keys.contains(&k.as_str())) {
        None => Ok(()),
        Some(odd) => Err(Refusal::parameter(format!("Unexpected key \"{odd}\" on param \"{path}\"."))),
    }
}

pub(super) fn list<'a>(map: &'a Map<String, Value>, key: &str, path: &str) -> Result<&'a [Value], Refusal> {
    let path = format!("{path}['{key}']");
    let value = map.get(key).ok_or_else(|| Refusal::missing(&path))?;
    let list = value.as_array().ok_or_else(|| Refusal::parameter(format!("Param {path} must be an array.")))?;
    Ok(list.as_slice())
}

/// Exactly one of `id` and `link`; an id must be known to the account, and of a type that goes with `kind`.
pub(super) fn media_source(map: &Map<String, Value>, path: &str, kind: &str, known: &Known<'_>) -> Result<(), Refusal> {
    match (optional_string(map, "id", path)?, optional_string(map, "link", path)?) {
        (None, Some(link)) => web_address(link, &format!("{path}['link']")),
        (Some(id), None) => uploaded(id, path, kind, known),
        _ => Err(Refusal::parameter(format!("Param {path} takes exactly one of id and link."))),
    }
}

pub(super) fn web_address(link: &str, path: &str) -> Result<(), Refusal> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return Ok(());
    }
    Err(Refusal::value(format!("{path} {link:?} is not an http or https address.")))
}

fn uploaded(id: &str, path: &str, kind: &str, known: &Known<'_>) -> Result<(), Refusal> {
    let item = known.media.get(id, known.now_ms).filter(|item| item.waba_id == known.number.waba_id);
    let Some(item) = item else {
        return Err(Refusal::parameter(format!(
            "Param {path}['id'] {id:?} is not a valid whatsapp business account media attachment ID"
        )));
    };
    let fits = match limit_of(&item.mime, &item.bytes) {
        // What a phone sent may be of a type that cannot be uploaded.
        None => kind == "document",
        // Any file goes as a document.
        Some((found, most)) => (found == kind || kind == "document") && item.bytes.len() <= most,
    };
    if fits {
        return Ok(());
    }
    let (mime, size) = (item.essence(), item.bytes.len());
    Err(Refusal::new(131053, format!("The media {id} of type {mime} with {size} bytes cannot be sent as {kind}.")))
}
