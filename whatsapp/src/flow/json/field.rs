//! Fields of a screen's data model: the part of JSON Schema that Flow JSON uses.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::{Kind, Node};

/// A field that a screen is given when it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: Type,
    /// What previews show: `__example__`.
    pub example: Option<Value>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A text.
    Text,
    /// A number, whole or not.
    Number,
    /// True or false.
    Flag,
    /// A map, and the types of the fields that it names.
    Map(BTreeMap<String, Type>),
    /// A list; of such elements, if it says so.
    List(Box<Type>),
    /// Anything: the Flow JSON does not say, or says what nobody knows.
    Any,
}

impl Type {
    pub(super) fn of_schema(schema: &Node) -> Self {
        match schema.text_at("type") {
            Some("string") => Self::Text,
            Some("number") => Self::Number,
            Some("boolean") => Self::Flag,
            Some("object") => {
                let properties = schema.get("properties").map_or(&[][..], Node::entries);
                Self::Map(properties.iter().map(|e| (e.key.clone(), Self::of_schema(&e.value))).collect())
            }
            Some("array") => Self::List(Box::new(schema.get("items").map_or(Self::Any, Self::of_schema))),
            _ => Self::Any,
        }
    }

    /// How JSON Schema calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Flag => "boolean",
            Self::Map(_) => "object",
            Self::List(_) => "array",
            Self::Any => "any",
        }
    }

    /// Whether a value fits. A map may lack what its schema names and have what it does not, as in JSON Schema.
    /// Errors: what does not fit, beginning with `path`.
    pub fn accepts(&self, value: &Value, path: &str) -> Result<(), String> {
        match (self, value) {
            (Self::Any, _)
            | (Self::Text, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Flag, Value::Bool(_)) => Ok(()),
            (Self::Map(fields), Value::Object(values)) => fields.iter().try_for_each(|(name, holds)| {
                values.get(name).map_or(Ok(()), |value| holds.accepts(value, &format!("{path}.{name}")))
            }),
            (Self::List(holds), Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(at, item)| holds.accepts(item, &format!("{path}[{at}]")))
            }
            _ => Err(format!("{path} is {}, not {}", noun(value), article(self.name()))),
        }
    }

    /// Whether a value of the other type can stand where this one is wanted.
    pub(super) fn takes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Map(wanted), Self::Map(given)) => {
                wanted.iter().all(|(name, holds)| given.get(name).is_none_or(|given| holds.takes(given)))
            }
            (Self::List(wanted), Self::List(given)) => wanted.takes(given),
            _ => self.name() == other.name(),
        }
    }

    /// The type of a value as it stands, without looking into texts.
    pub(super) fn of_value(value: &Node) -> Self {
        match &value.kind {
            Kind::Null => Self::Any,
            Kind::Bool(_) => Self::Flag,
            Kind::Number(_) => Self::Number,
            Kind::Text(_) => Self::Text,
            Kind::List(items) => Self::List(Box::new(items.first().map_or(Self::Any, Self::of_value))),
            Kind::Map(entries) => {
                Self::Map(entries.iter().map(|e| (e.key.clone(), Self::of_value(&e.value))).collect())
            }
        }
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn article(name: &str) -> String {
    let article = if name.starts_with(['a', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}
