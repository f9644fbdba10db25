//! A message of a type that is not known here: it goes out as it was written.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Outgoing;
use super::part::Part;

/// A body without addressee, checked for its shape only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    type_name: String,
    body: Map<String, Value>,
}

impl Other {
    /// Meta's `type`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The body, as it was written.
    pub(super) fn raw(&self) -> Value {
        Value::Object(self.body.clone())
    }

    /// The body of an interactive message.
    pub(super) fn text(&self) -> &str {
        let content = self.body.get(&self.type_name);
        let text = content.and_then(|content| content.get("body")?.get("text")?.as_str());
        text.unwrap_or_default()
    }

    /// Keeps a body that was looked at already.
    pub(super) fn read(body: &Part<'_>) -> Self {
        let mut body = body.value().and_then(Value::as_object).cloned().unwrap_or_default();
        for name in super::ADDRESSING.iter().chain(&["context"]) {
            body.remove(*name);
        }
        let type_name = body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { type_name, body }
    }
}

impl From<Other> for Outgoing {
    fn from(message: Other) -> Self {
        Self::Other(message)
    }
}

impl Serialize for Other {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(output)
    }
}

/// A type that a later version knows is still read: it was good when it was stored.
impl<'de> Deserialize<'de> for Other {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let body = Value::Object(Map::deserialize(input)?);
        let other = Self::read(&Part::root(&body));
        if other.type_name.is_empty() || other.body.get(&other.type_name).is_none() {
            return Err(serde::de::Error::custom("a message has a type and a member of that name"));
        }
        Ok(other)
    }
}
