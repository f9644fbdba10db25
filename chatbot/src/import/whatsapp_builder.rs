//! Exports of whatsapp-builder: React-Flow nodes and edges, bare or wrapped.
//!
//! Shapes as the program wrote them in 2025: `{name, nodes, edges}`, or `{version, exportedAt,
//! chatbot, whatsappFlows?}` around it. What cannot be said in our format is reported by the name
//! of its node; nothing is dropped silently.

mod condition;
mod export;
mod later;
mod names;
mod numbering;
mod question;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use unicode_segmentation::UnicodeSegmentation;
use whatsapp::limits;

use super::{ImportError, Imported};
use crate::bot::{Format, load};
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
    let source = source.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(source).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let export = Export::read(&value)?;
    let (bot_json, changes) = Writer::new(&export).write()?;
    let loaded = load(&bot_json.to_string(), "import", Format::Json);
    let first = loaded
        .diagnostics
        .iter()
        .find(|found| found.is_error())
        .map(|found| format!("{}: {} ({})", found.code, found.message, found.pointer));
    match (loaded.bot, first) {
        (Some(bot), _) => Ok(Imported { bot_json, bot, changes }),
        (None, first) => Err(ImportError::DoesNotLoad(first.unwrap_or_default())),
    }
}

/// Writes our bot file, node by node.
struct Writer<'e> {
    export: &'e Export,
    names: Names,
    nodes: Map<String, Value>,
    flows: Map<String, Value>,
    changes: Vec<String>,
    ends: bool,
}

impl<'e> Writer<'e> {
    fn new(export: &'e Export) -> Self {
        let (names, changes) = Names::new(export);
        Self { export, names, nodes: Map::new(), flows: Map::new(), changes, ends: false }
    }

    fn write(mut self) -> Result<(Value, Vec<String>), ImportError> {
        let start = self.export.start()?;
        let export = self.export;
        self.changes.extend(export.oddities.iter().cloned());
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
            "id": names::slug(&export.name, "imported"),
            "title": export.name,
            "x-imported": "whatsapp-builder",
            "triggers": [ { "default": {}, "to": to } ],
            "nodes": self.nodes,
            "ui": { "positions": positions },
        });
        if !self.flows.is_empty() {
            bot["flows"] = Value::Object(self.flows);
        }
        Ok((bot, self.changes))
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
        self.changes.push(format!("{}: {what}", node.shown()));
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
            self.changes.push(
                "all nodes: a variable without a value prints as nothing; the original left its {{name}} standing"
                    .into(),
            );
        }
        if self.nodes.values().any(|node| node["type"] == "menu") {
            self.changes.push("all menus: a typed title counts as the tap on it".into());
        }
    }
}

/// Cuts a text into parts of at most `limit` characters, at spaces where there are some.
fn pieces(text: &str, limit: usize) -> Vec<String> {
    if limits::chars(text) <= limit {
        return vec![text.to_owned()];
    }
    let mut parts = Vec::new();
    let mut part = String::new();
    for word in text.split_word_bounds().flat_map(|word| {
        let whole = limits::chars(word) <= limit;
        if whole { vec![word] } else { word.graphemes(true).collect() }
    }) {
        if limits::chars(&part) + limits::chars(word) > limit {
            parts.push(std::mem::take(&mut part).trim().to_owned());
        }
        part.push_str(word);
    }
    parts.push(part.trim().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Cuts a title as WhatsApp allows, between graphemes.
fn cut(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for grapheme in text.trim().graphemes(true) {
        if limits::chars(&out) + limits::chars(grapheme) > limit {
            break;
        }
        out.push_str(grapheme);
    }
    out.trim().to_owned()
}
