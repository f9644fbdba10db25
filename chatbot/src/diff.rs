//! What differs between two versions of a bot: nodes, where they lead, what they say, and everything else, each with
//! its place. Works on the canonical form, so the order of keys and the syntax of the files make no difference.

mod tell;
mod values;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::bot::Bot;
pub use tell::{Line, Mark};
use values::changes;

/// The differences; empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// Nodes that the second version has and the first has not.
    pub added: Vec<NodeName>,
    /// Nodes that the first version has and the second has not.
    pub removed: Vec<NodeName>,
    /// Nodes that both have, not alike.
    pub changed: Vec<NodeChange>,
    /// The other parts of the file: `triggers`, `policies`, `vars`, …
    pub parts: BTreeMap<String, Vec<Change>>,
}

/// A node that one version has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeName {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// How a node differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeChange {
    /// Its id.
    pub id: String,
    /// Its type in the second version.
    #[serde(rename = "type")]
    pub kind: String,
    /// Ports that lead elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewired: Vec<Rewired>,
    /// What people read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<Change>,
    /// Everything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Change>,
}

/// A port that leads elsewhere, or that only one version connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rewired {
    /// Its name, or the place of the target: `cases/0/to`.
    pub port: String,
    /// The node before.
    pub from: Option<String>,
    /// The node now.
    pub to: Option<String>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its place: keys, positions and ids, with `/` between them.
    pub path: String,
    /// The value before; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The value now; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// What differs from one version to another. Versions of different bots may be compared, too.
pub fn diff(from: &Bot, to: &Bot) -> Diff {
    // Canonical forms are objects: both were loaded.
    let read = |bot: &Bot| serde_json::from_str::<Map<String, Value>>(&bot.canonical_json()).unwrap_or_default();
    let (mut from, mut to) = (read(from), read(to));
    let nodes = |all: &mut Map<String, Value>| match all.remove("nodes") {
        Some(Value::Object(nodes)) => nodes,
        _ => Map::new(),
    };
    let mut diff = nodes_of(&nodes(&mut from), &nodes(&mut to));
    let keys: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for key in keys {
        let found = changes(from.get(key), to.get(key));
        if !found.is_empty() {
            diff.parts.insert(key.clone(), found);
        }
    }
    diff
}

fn nodes_of(from: &Map<String, Value>, to: &Map<String, Value>) -> Diff {
    let name = |(id, node): (&String, &Value)| NodeName { id: id.clone(), kind: kind(node) };
    let only = |these: &Map<String, Value>, others: &Map<String, Value>| {
        these.iter().filter(|(id, _)| !others.contains_key(*id)).map(name).collect()
    };
    let both = from.iter().filter_map(|(id, before)| Some((id, before, to.get(id)?)));
    let changed = both.filter(|(_, before, after)| before != after).map(|(id, before, after)| node(id, before, after));
    Diff { added: only(to, from), removed: only(from, to), changed: changed.collect(), parts: BTreeMap::new() }
}

fn kind(node: &Value) -> String {
    node["type"].as_str().unwrap_or_default().to_owned()
}

fn node(id: &str, before: &Value, after: &Value) -> NodeChange {
    let mut change =
        NodeChange { id: id.to_owned(), kind: kind(after), rewired: Vec::new(), texts: Vec::new(), fields: Vec::new() };
    for found in changes(Some(before), Some(after)) {
        let target = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        match values::what(&found.path) {
            values::What::Target(port) => {
                let (from, to) = (target(&found.from), target(&found.to));
                change.rewired.push(Rewired { port: port.to_owned(), from, to });
            }
            values::What::Text => change.texts.push(found),
            values::What::Field => change.fields.push(found),
        }
    }
    change
}
