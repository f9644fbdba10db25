//! `migrate` and `drain_after` of a bot file, and the same policy in a request.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Migrate, Place, Running};
use crate::bot::read::{At, Fields, Reader};
use crate::caps;
use crate::duration;
use crate::explain;
use crate::node::Node;
use crate::tree::Kind;

const WORDS: &[&str] = &["pin", "same_node"];
const END: &str = "end";

/// Reads the policy of a bot file whose nodes are known.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, nodes: &[Node]) -> Running {
    let migrate = fields.get("migrate").map(|at| read_migrate(reader, &at, nodes)).unwrap_or_default();
    let drain_after_ms = fields.get("drain_after").and_then(|at| reader.duration_ms(&at));
    Running { migrate, drain_after_ms }
}

fn read_migrate(reader: &mut Reader<'_>, at: &At<'_>, nodes: &[Node]) -> Migrate {
    if !matches!(at.node.kind, Kind::Map(_)) {
        return match reader.word(at, WORDS) {
            Some("same_node") => Migrate::SameNode,
            _ => Migrate::Pin,
        };
    }
    let mut map = BTreeMap::new();
    for (entry, at) in reader.entries(at) {
        if map.len() >= caps::MAX_NODES_PER_BOT {
            break;
        }
        let is_end = matches!(&at.node.kind, Kind::Text(word) if word == END);
        let place = if is_end { Some(Place::End) } else { read_place(reader, &at, nodes, &entry.key) };
        map.extend(place.map(|place| (entry.key.clone(), place)));
    }
    Migrate::Map(map)
}

fn read_place(reader: &mut Reader<'_>, at: &At<'_>, nodes: &[Node], from: &str) -> Option<Place> {
    let index = reader.target(at)?;
    // Nodes that could not be read shift the others; that is an error already.
    let node = nodes.get(index)?;
    if !node.kind.waits() && !node.kind.is_frame() {
        let message = format!("node `{}` is a `{}`, which does not wait", node.id, node.kind.name());
        reader.report(explain::WRONG_VALUE, at, message).help =
            Some("name the node at which these runs shall go on waiting, or `end`".to_owned());
    }
    if node.kind.is_answered_from_outside() && node.id != from {
        let message = format!("nobody would be asked for what `{}`, a `{}`, waits for", node.id, node.kind.name());
        reader.report(explain::WRONG_VALUE, at, message).help =
            Some("name a node at which the person answers, or `end`".to_owned());
    }
    Some(Place::Node(node.id.clone()))
}

impl Running {
    /// Reads a policy as requests write it: `"same_node"`, or `{"migrate": …, "drain_after": "24h"}`. Errors: what is
    /// expected instead. Whether the nodes of a map exist is [`Running::problems`]'s to say.
    pub fn parse(policy: &Value) -> Result<Self, String> {
        let Value::Object(fields) = policy else {
            return Ok(Self { migrate: parse_migrate(policy)?, drain_after_ms: None });
        };
        if let Some(unknown) = fields.keys().find(|key| !["migrate", "drain_after"].contains(&key.as_str())) {
            return Err(format!("a policy has `migrate` and `drain_after`, not `{unknown}`"));
        }
        let migrate = fields.get("migrate").map(parse_migrate).transpose()?.unwrap_or_default();
        let drain_after_ms = match fields.get("drain_after") {
            None | Some(Value::Null) => None,
            Some(text) => {
                let parsed = text.as_str().and_then(duration::parse_ms);
                Some(parsed.ok_or_else(|| format!("`drain_after` is {text}; write a duration such as \"24h\""))?)
            }
        };
        Ok(Self { migrate, drain_after_ms })
    }
}

fn parse_migrate(value: &Value) -> Result<Migrate, String> {
    let place = |(from, to): (&String, &Value)| match to.as_str() {
        Some(END) => Ok((from.clone(), Place::End)),
        Some(to) => Ok((from.clone(), Place::Node(to.to_owned()))),
        None => Err(format!("`migrate` leads from `{from}` to {to}; name a node, or `end`")),
    };
    match value {
        Value::String(word) if word == "pin" => Ok(Migrate::Pin),
        Value::String(word) if word == "same_node" => Ok(Migrate::SameNode),
        Value::Object(map) => Ok(Migrate::Map(map.iter().map(place).collect::<Result<_, _>>()?)),
        other => Err(format!("`migrate` is {other}; write \"pin\", \"same_node\", or a map of nodes")),
    }
}
