//! The JSON Schema of a configuration file, made from the table of keys.

use serde_json::{Map, Value, json};

use super::keys::{KEYS, Key, Kind};
use super::layers::BOT_SECRETS;

/// Digits and a unit.
const DURATION: &str = "^[0-9]+(ms|s|m|h|d)$";

/// The schema: JSON Schema 2020-12, of the file as an object.
pub fn schema() -> Value {
    let mut sections = Map::new();
    for key in KEYS {
        insert(&mut sections, key);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Parlance",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

fn insert(sections: &mut Map<String, Value>, key: &Key) {
    let property = property(key);
    if key.name.starts_with(BOT_SECRETS) {
        let bots = section(sections, "bots");
        let secrets =
            json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": key.reason() });
        bots["properties"]["secrets"] = secrets;
        return;
    }
    match key.name.split_once(".N.") {
        Some((table, name)) => {
            let (outer, inner) = table.split_once('.').unwrap_or((table, ""));
            let tables = &mut section(sections, outer)["properties"][inner];
            if tables.is_null() {
                let items = json!({ "type": "object", "additionalProperties": false, "properties": {} });
                *tables = json!({ "type": "array", "items": items });
            }
            tables["items"]["properties"][name] = property;
        }
        None => {
            let (outer, name) = key.name.split_once('.').unwrap_or((key.name, ""));
            section(sections, outer)["properties"][name] = property;
        }
    }
}

fn section<'s>(sections: &'s mut Map<String, Value>, name: &str) -> &'s mut Value {
    let empty = || json!({ "type": "object", "additionalProperties": false, "properties": {} });
    sections.entry(name.to_owned()).or_insert_with(empty)
}

fn property(key: &Key) -> Value {
    let mut property = match key.kind {
        Kind::Text | Kind::Id | Kind::Url | Kind::Path | Kind::Address | Kind::SecretFile => {
            json!({ "type": "string" })
        }
        Kind::Name => json!({ "type": "string", "minLength": 1 }),
        Kind::Secret => json!({ "type": "string", "writeOnly": true }),
        Kind::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Kind::MaybeInteger(from, to) => {
            json!({ "anyOf": [{ "type": "integer", "minimum": from, "maximum": to }, { "const": "" }] })
        }
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::DurationOrZero => {
            json!({ "anyOf": [{ "type": "string", "pattern": DURATION }, { "const": 0 }, { "const": "0" }] })
        }
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
    };
    property["description"] = json!(key.reason());
    if let Some(default) = default(key) {
        property["default"] = default;
    }
    property["x-effect"] = json!(key.effect);
    property
}

fn default(key: &Key) -> Option<Value> {
    if matches!(key.kind, Kind::Secret | Kind::SecretFile) {
        return None;
    }
    let table: toml::Table = toml::from_str(&format!("x = {}", key.default())).ok()?;
    serde_json::to_value(table.get("x")?).ok()
}
