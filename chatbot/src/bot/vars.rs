//! Declared variables: `vars: {name: {type, default, scope, pii, max}}`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde_json::Value;

use super::read::{At, Reader};
use crate::expr::scope::Home;

/// Types of variables.
pub(crate) const TYPES: &[&str] =
    &["text", "int", "number", "bool", "date", "time", "datetime", "list", "object", "media", "location"];

/// A declared variable.
pub(crate) struct Declared {
    kind: &'static str,
    pub(crate) default: Option<Value>,
    pub(crate) home: Home,
    /// Personal: not to be seen where it need not be.
    pub(crate) pii: bool,
    /// Characters of a text, elements of a list.
    max: Option<u32>,
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeMap<String, Declared> {
    let mut vars = BTreeMap::new();
    for (entry, value_at) in reader.entries(at) {
        let named = reader.variable_name(&entry.key, entry.key_span.clone(), &value_at.pointer);
        if let Some(declared) = read_one(reader, &value_at)
            && named
        {
            vars.insert(entry.key.clone(), declared);
        }
    }
    vars
}

fn read_one(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Declared> {
    let fields = reader.fields(at, &["type", "default", "scope", "pii", "max"])?;
    let kind = match fields.get("type") {
        Some(at) => reader.word(&at, TYPES)?,
        None => "text",
    };
    let home = match fields.get("scope").map(|at| reader.word(&at, &["run", "contact"])) {
        Some(Some("contact")) => Home::Contact,
        _ => Home::Run,
    };
    let pii = fields.get("pii").and_then(|at| reader.flag(&at)).unwrap_or_default();
    let max = fields.get("max").and_then(|at| reader.count(&at, 1, u32::MAX));
    let mut declared = Declared { kind, default: None, home, pii, max };
    if let Some(at) = fields.get("default") {
        match declared.fit(at.node.to_json()) {
            Ok(value) => declared.default = Some(value),
            Err(why) => {
                reader.report(crate::explain::WRONG_VALUE, &at, format!("the default {why}"));
            }
        }
    }
    Some(declared)
}

impl Declared {
    /// The declared type.
    pub(crate) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Brings a value to the declared type, or says why it cannot be.
    pub(crate) fn fit(&self, value: Value) -> Result<Value, String> {
        let found = match (self.kind, value) {
            (_, Value::Null) => return Ok(Value::Null),
            ("int", value) => number(&value).filter(|n| n.is_i64() || n.is_u64()),
            ("number", value) => number(&value),
            ("bool", value) => boolean(&value),
            ("text", value) => text(value),
            // What a person left out.
            ("date" | "time" | "datetime", Value::String(text)) if text.trim().is_empty() => return Ok(Value::Null),
            ("date", value) => date(&value),
            ("time", value) => time(&value),
            ("datetime", value) => datetime(&value),
            ("list", value) => value.is_array().then_some(value),
            ("location", value) => {
                let known = |key: &str| value.get(key).is_some_and(|at| !at.is_null());
                (known("latitude") && known("longitude")).then_some(value)
            }
            (_, value) => value.is_object().then_some(value),
        };
        let value = found.ok_or_else(|| format!("is not of type {}", self.kind))?;
        let size = match &value {
            Value::String(text) => text.chars().count(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        match self.max {
            Some(max) if size > max as usize => Err(format!("has {size} elements, `max` is {max}")),
            _ => Ok(value),
        }
    }
}

fn number(value: &Value) -> Option<Value> {
    let whole = |n: f64| n.fract() == 0.0 && n.abs() < 9e15;
    #[allow(clippy::cast_possible_truncation)] // bounded by `whole`
    let tidy = |n: f64| if whole(n) { Value::from(n as i64) } else { Value::from(n) };
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map(tidy),
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            text.parse::<i64>()
                .map(Value::from)
                .ok()
                .or_else(|| text.parse().ok().filter(|n: &f64| n.is_finite()).map(tidy))
        }
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) if text == "true" || text == "false" => Some(Value::Bool(text == "true")),
        _ => None,
    }
}

/// `2026-04-03`; of a day with a time the day.
fn date(value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let day = text.parse::<Date>().ok()?;
    Some(day.to_string().into())
}

/// `14:30`, `14:30:05`.
fn time(value: &Value) -> Option<Value> {
    let time = value.as_str()?.trim().parse::<Time>().ok()?;
    Some(if time.second() == 0 { time.strftime("%H:%M") } else { time.strftime("%H:%M:%S") }.to_string().into())
}

/// A day with a time, with an offset or without.
fn datetime(value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let with_time = text.contains(':') && (text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok());
    with_time.then(|| text.into())
}

fn text(value: Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value),
        Value::Number(n) => Some(Value::String(n.to_string())),
        Value::Bool(b) => Some(Value::String(b.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declared(kind: &'static str, max: Option<u32>) -> Declared {
        Declared { kind, default: None, home: Home::Run, pii: false, max }
    }

    #[test]
    fn values_are_brought_to_their_type() {
        assert_eq!(declared("int", None).fit(json!("42")), Ok(json!(42)));
        assert_eq!(declared("number", None).fit(json!(2.0)), Ok(json!(2)));
        assert_eq!(declared("text", None).fit(json!(5)), Ok(json!("5")));
        assert_eq!(declared("bool", None).fit(json!("true")), Ok(json!(true)));
        assert_eq!(declared("list", None).fit(json!(null)), Ok(json!(null)));
        assert_eq!(declared("date", None).fit(json!("2026-04-03")), Ok(json!("2026-04-03")));
        assert_eq!(declared("date", None).fit(json!("2026-04-03T14:30:00+02:00")), Ok(json!("2026-04-03")));
        assert_eq!(declared("date", None).fit(json!(" ")), Ok(json!(null)));
        assert_eq!(declared("time", None).fit(json!("09:05:00")), Ok(json!("09:05")));
        assert_eq!(declared("time", None).fit(json!("09:05:07")), Ok(json!("09:05:07")));
        for at in ["2026-04-03T14:30:00+02:00", "2026-04-03T12:30:00Z", "2026-04-03T14:30"] {
            assert_eq!(declared("datetime", None).fit(json!(at)), Ok(json!(at)));
        }
        let place = json!({ "latitude": 1.5, "longitude": 2.5, "name": null });
        assert_eq!(declared("location", None).fit(place.clone()), Ok(place));
        assert_eq!(declared("media", None).fit(json!({ "id": "m" })), Ok(json!({ "id": "m" })));
    }

    #[test]
    fn other_values_are_refused() {
        assert!(declared("int", None).fit(json!(1.5)).is_err());
        assert!(declared("list", None).fit(json!("x")).is_err());
        assert!(declared("text", None).fit(json!({})).is_err());
        for (kind, value) in [
            ("date", json!("3 April")),
            ("date", json!("2026-02-30")),
            ("date", json!(20_260_403)),
            ("time", json!("25:00")),
            ("datetime", json!("2026-04-03")),
            ("datetime", json!("14:30")),
            ("location", json!({ "latitude": 1.5 })),
            ("media", json!("m_1")),
            ("bool", json!("yes")),
        ] {
            assert!(declared(kind, None).fit(value.clone()).is_err(), "{kind} {value}");
        }
        assert_eq!(declared("text", Some(2)).fit(json!("abc")), Err("has 3 elements, `max` is 2".to_owned()));
    }
}
