//! The pieces that the schema is put together from. Each takes the line that an editor shows.

use serde_json::{Map, Value, json};

/// A map with these keys and `x-…`, and no others.
pub(super) fn nothing_else(description: &str, required: &[&str], properties: Vec<(&str, Value)>) -> Value {
    let properties: Map<String, Value> = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut object = json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// A map whose keys are names of the author's.
pub(super) fn map_of(description: &str, value: Value) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": value })
}

pub(super) fn list(description: &str, item: Value) -> Value {
    json!({ "type": "array", "description": description, "items": item })
}

/// One of several forms.
pub(super) fn one_of(description: &str, forms: Vec<Value>) -> Value {
    json!({ "description": description, "anyOf": forms })
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

pub(super) fn about(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn referring(name: &str, description: &str) -> Value {
    about(reference(name), description)
}

/// A text in which `{{ … }}` may stand.
pub(super) fn text(description: &str) -> Value {
    referring("text", description)
}

/// A text that is taken as it is.
pub(super) fn plain(description: &str) -> Value {
    referring("plain", description)
}

pub(super) fn expression(description: &str) -> Value {
    referring("expression", description)
}

pub(super) fn duration(description: &str) -> Value {
    referring("duration", description)
}

pub(super) fn node(description: &str) -> Value {
    referring("node_id", description)
}

pub(super) fn variable(description: &str) -> Value {
    referring("variable", description)
}

pub(super) fn word(description: &str, words: &[&str]) -> Value {
    json!({ "enum": words, "description": description })
}

pub(super) fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

pub(super) fn number(description: &str) -> Value {
    json!({ "type": "number", "description": description })
}

pub(super) fn count(description: &str, from: u32, to: u32) -> Value {
    json!({ "type": "integer", "minimum": from, "maximum": to, "description": description })
}

pub(super) fn anything(description: &str) -> Value {
    json!({ "description": description })
}
