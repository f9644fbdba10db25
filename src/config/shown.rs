//! The configuration as people see it: each key with its value, where that came from, and what another configuration would
//! change. Secrets are told as set or not, and nothing of them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use super::keys::{self, Effect, Kind};
use super::layers::{Setting, Value};
use super::problem::Source;

/// A setting as people see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Where it came from.
    pub source: Source,
    value: Held,
}

#[derive(Clone, Debug)]
enum Held {
    Open(Value),
    /// `None` where it is not set.
    Secret(Option<SecretString>),
}

/// A key that another configuration has otherwise.
#[derive(Clone, Debug)]
pub struct Change {
    /// The key.
    pub key: String,
    /// As it is; `None` where there is no such key.
    pub before: Option<Shown>,
    /// As it would be.
    pub after: Option<Shown>,
    /// How that takes effect.
    pub effect: Effect,
}

impl Shown {
    pub(super) fn new(key: &str, setting: Setting) -> Self {
        let value = match (keys::is_secret(key), setting.value) {
            (true, Value::Text(text) | Value::Raw(text)) => Held::Secret(Some(text.into()).filter(is_set)),
            (true, _) => Held::Secret(None),
            (false, value) => Held::Open(value),
        };
        Self { source: setting.source, value }
    }

    /// Whether it holds anything.
    pub fn is_set(&self) -> bool {
        match &self.value {
            Held::Open(Value::Text(text) | Value::Raw(text)) => !text.is_empty(),
            Held::Open(_) => true,
            Held::Secret(secret) => secret.is_some(),
        }
    }

    /// The value as JSON has it; null for a secret, whether or not it is set.
    pub fn json(&self, key: &str) -> Json {
        let Held::Open(value) = &self.value else { return Json::Null };
        let kind = keys::find(key).map(|key| key.kind);
        match (value, kind) {
            (Value::Raw(text), Some(Kind::Boolean)) => text.parse::<bool>().map_or_else(|_| json!(text), Json::from),
            (Value::Raw(text), Some(Kind::Integer(..) | Kind::MaybeInteger(..))) => {
                text.replace('_', "").parse::<i64>().map_or_else(|_| json!(text), Json::from)
            }
            (Value::Raw(text), Some(Kind::List)) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
            }
            (Value::Text(text) | Value::Raw(text), Some(Kind::Url)) => json!(without_query(text)),
            (Value::Text(text) | Value::Raw(text), _) => json!(text),
            (Value::Integer(number), _) => json!(number),
            (Value::Bool(value), _) => json!(value),
            (Value::List(items), _) => json!(items),
            (Value::Other(kind), _) => json!(kind),
        }
    }

    /// The value in a line for people.
    pub fn line(&self, key: &str) -> String {
        match (&self.value, self.is_set()) {
            (Held::Secret(_), true) => "(set)".to_owned(),
            (_, false) => "(not set)".to_owned(),
            _ => self.json(key).to_string(),
        }
    }

    fn is_like(&self, other: &Self, key: &str) -> bool {
        let secret = |held: &Held| match held {
            Held::Secret(secret) => secret.as_ref().map(|secret| secret.expose_secret().to_owned()),
            Held::Open(_) => None,
        };
        self.json(key) == other.json(key)
            && self.is_set() == other.is_set()
            && secret(&self.value) == secret(&other.value)
    }
}

/// What differs between two configurations, by key.
pub(super) fn changes(before: &BTreeMap<String, Shown>, after: &BTreeMap<String, Shown>) -> Vec<Change> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let differs = |key: &&String| match (before.get(*key), after.get(*key)) {
        (Some(before), Some(after)) => !before.is_like(after, key),
        // A section that stands several times, or a name: keys that come and go without a value say nothing.
        (one, other) => one.or(other).is_some_and(Shown::is_set),
    };
    let change = |key: &String| Change {
        key: key.clone(),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
        effect: effect(key, before.contains_key(key), after.contains_key(key)),
    };
    keys.filter(differs).map(change).collect()
}

/// What comes or goes with a section of its own does so at a start.
fn effect(key: &str, before: bool, after: bool) -> Effect {
    let is_of_section = super::layers::repeated_key(key).is_some();
    match keys::find(key) {
        Some(key) if before && after || !is_of_section => key.effect,
        _ => Effect::Restart,
    }
}

fn is_set(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

/// What stands behind the `?` of an address may be a credential.
fn without_query(text: &str) -> String {
    match text.split_once('?') {
        Some((before, _)) => format!("{before}?…"),
        None => text.to_owned(),
    }
}
