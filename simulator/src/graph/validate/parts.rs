//! Small checks that every kind of message needs.

use serde_json::{Map, Value};

use crate::graph::error::Refusal;

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

/// Exactly one of `id` and `link`.
pub(super) fn media_source(map: &Map<String, Value>, path: &str) -> Result<(), Refusal> {
    match (optional_string(map, "id", path)?, optional_string(map, "link", path)?) {
        (None, Some(link)) if link.starts_with("https://") || link.starts_with("http://") => Ok(()),
        (None, Some(link)) => Err(Refusal::value(format!("{path}['link'] {link:?} is not an http or https address."))),
        (Some(id), None) => Err(Refusal::parameter(format!(
            "Param {path}['id'] {id:?} is not a valid whatsapp business account media attachment ID"
        ))),
        _ => Err(Refusal::parameter(format!("Param {path} takes exactly one of id and link."))),
    }
}
