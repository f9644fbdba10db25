//! Between JSON, which snapshots hold, and the values that templates see.

use std::collections::BTreeMap;

use minijinja::value::Value;
use serde_json::Value as Json;

/// Converts without serialization, so that reading one variable costs its size and no more.
pub(crate) fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => Value::from(i),
            (None, Some(u)) => Value::from(u),
            _ => Value::from(n.as_f64().unwrap_or_default()),
        },
        Json::String(s) => Value::from(s.as_str()),
        Json::Array(items) => Value::from(items.iter().map(to_value).collect::<Vec<_>>()),
        Json::Object(entries) => {
            Value::from(entries.iter().map(|(key, value)| (key.clone(), to_value(value))).collect::<BTreeMap<_, _>>())
        }
    }
}

/// Converts a result; a missing value becomes null, and so does what JSON cannot hold.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    if value.is_undefined() || value.is_none() {
        return Ok(Json::Null);
    }
    if let Some(text) = value.as_str() {
        return Ok(Json::String(text.to_owned()));
    }
    serde_json::to_value(value).map_err(|error| error.to_string())
}
