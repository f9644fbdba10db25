//! Exports of whatsapp-builder: React-Flow nodes and edges, bare or wrapped.
//!
//! Shapes as the program wrote them in 2025: `{name, nodes, edges}`, or `{version, exportedAt,
//! chatbot, whatsappFlows?}` around it. What cannot be said in our format is reported by the name
//! of its node; nothing is dropped silently.

mod condition;
mod export;
mod form;
mod names;
mod numbering;
mod question;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use whatsapp::limits;

use super::draft::Changes;
use super::finish::finish;
use super::text::{pieces, slug};
use super::{ImportError, Imported, Mapping};
use export::{Export, Source};
use names::Names;

/// The node in which paths end that lead nowhere.
const END: &str = "end";

pub(super) fn recognises(value: &Value) -> bool {
    let chatbot = value.get("chatbot").unwrap_or(value);
    ["nodes", "edges"].iter().all(|key| chatbot.get(key).is_some_and(Value::is_array))
}

/// Imports an export of whatsapp-builder.
///
/// # Errors
/// The text is not JSON, or not such an export.
pub fn whatsapp_builder(source: &str) -> Result<Imported, ImportError> {
    import(&super::parse(source)?)
}

pub(super) fn import(value: &Value) -> Result<Imported, ImportError> {
    let export = Export::read(value)?;
    let (bot_json, changes) = Writer::new(&export).write()?;
    finish(bot_json, changes)
}

/// Each kind of node, and what it becomes.
pub const NODES: &[Mapping] = &[
    ("condition", Some("`branch`, with `loosely` for each comparison")),
    ("google_calendar", Some("`http` to an address that is none: listed")),
    ("message", Some("`say`")),
    ("question", Some("`ask` for text, `menu` for buttons and lists, `options_from` for dynamic ones")),
    ("rest_api", Some("`http`")),
    ("start", Some("the `default` trigger")),
    ("whatsapp_flow", Some("`flow`, and an entry of `flows`")),
];

/// Writes our bot file, node by node.
struct Writer<'e> {
    export: &'e Export,
    names: Names,
    nodes: Map<String, Value>,
    flows: Map<String, Value>,
    secrets: BTreeSet<String>,
    changes: Changes,
    ends: bool,
}

impl<'e> Writer<'e> {
    fn new(export: &'e Export) -> Self {
        let (names, told) = Names::new(export);
        let mut changes = Changes::default();
        told.iter().chain(&export.oddities).for_each(|line| changes.line(line.clone()));
        let (nodes, flows) = (Map::new(), Map::new());
        Self { export, names, nodes, flows, secrets: BTreeSet::new(), changes, ends: false }
    }

    fn write(mut self) -> Result<(Value, Vec<String>), ImportError> {
        let start = self.export.start()?;
        let export = self.export;
        for node in &export.nodes {
            self.node(node);
        }
        let to = self.target_any(start);
        if self.ends {
            self.nodes.insert(END.to_owned(), json!({ "type": "end", "reason": "done" }));
        }
        self.general_changes();
        let positions: BTreeMap<&str, &Value> =
            export.nodes.iter().filter_map(|node| Some((node.name.as_str(), node.position.as_ref()?))).collect();
        let mut bot = json!({
            "parlance": 1,
            "id": slug(&export.name, "imported"),
            "title": export.name,
            "x-imported": "whatsapp-builder",
            "triggers": [ { "default": {}, "to": to } ],
            "nodes": self.nodes,
            "ui": { "positions": positions },
        });
        if !self.flows.is_empty() {
            bot["flows"] = Value::Object(self.flows);
        }
        if !self.secrets.is_empty() {
            bot["secrets"] = json!(self.secrets);
        }
        if !export.stop_words.is_empty() {
            bot["policies"] = json!({ "stop_words": export.stop_words });
        }
        Ok((bot, self.changes.into_list()))
    }

    fn node(&mut self, node: &'e Source) {
        match node.kind.as_str() {
            "start" => {}
            "message" => self.message(node),
            "question" => self.question(node),
            "condition" => self.condition(node),
            "rest_api" => self.rest_api(node),
            "whatsapp_flow" => self.whatsapp_flow(node),
            "google_calendar" => self.google_calendar(node),
            other => {
                self.change(node, &format!("node type `{other}` is unknown; the node is passed over"));
                let to = self.target_any(node);
                self.put(node, json!({ "type": "goto", "to": to }));
            }
        }
    }

    /// Texts over WhatsApp's limit, which the original could not send, become several.
    fn message(&mut self, node: &'e Source) {
        let content = node.text("content");
        if node.has("messageType") && node.text("messageType") != "text" {
            self.change(node, &format!("a message of type `{}` is sent as text", node.text("messageType")));
        }
        if content.trim().is_empty() {
            self.change(node, "the message is empty and is not sent");
        }
        let parts = pieces(&content, limits::TEXT_BODY);
        if parts.len() > 1 {
            self.change(
                node,
                &format!("the text is longer than WhatsApp allows and is sent as {} messages", parts.len()),
            );
        }
        let messages: Vec<Value> = parts.iter().map(|part| json!({ "text": self.template(node, part) })).collect();
        let next = self.target_any(node);
        self.put(node, json!({ "type": "say", "messages": messages, "next": { "next": next } }));
    }

    // Pieces for all kinds

    fn put(&mut self, node: &Source, value: Value) {
        self.nodes.insert(node.name.clone(), value);
    }

    fn change(&mut self, node: &Source, what: &str) {
        self.changes.at(&node.shown(), what);
    }

    /// A text of the original with its `{{variables}}` under our names.
    fn template(&mut self, node: &Source, text: &str) -> String {
        let (text, changes) = self.names.template(text);
        for change in changes {
            self.change(node, &change);
        }
        text
    }

    /// The node behind a handle: its edge, else the default edge, else the end.
    fn target(&mut self, node: &Source, handle: &str) -> String {
        let found = self.export.edge(node, handle).or_else(|| self.export.default_edge(node));
        self.or_end(found)
    }

    /// The node behind the only edge of a node.
    fn target_any(&mut self, node: &Source) -> String {
        let found = self.export.default_edge(node).or_else(|| self.export.any_edge(node));
        self.or_end(found)
    }

    fn or_end(&mut self, found: Option<&str>) -> String {
        match found {
            Some(name) => name.to_owned(),
            None => {
                self.ends = true;
                END.to_owned()
            }
        }
    }

    fn general_changes(&mut self) {
        if self.names.used {
            let what = "a variable without a value prints as nothing; the original left its {{name}} standing";
            self.changes.at("all nodes", what);
        }
        if self.names.used && self.export.nodes.iter().any(|node| node.kind == "rest_api") {
            let what =
                "a list in a text prints with commas and a map as JSON; the original numbered and shortened them";
            self.changes.at("all nodes", what);
        }
        if self.nodes.values().any(|node| node["type"] == "menu") {
            self.changes.at("all menus", "a typed title counts as the tap on it");
        }
        if !self.export.stop_words.is_empty() {
            self.changes.at("stop words", "they end the run, and offers to the person, too");
        }
    }
}
