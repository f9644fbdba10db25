//! What a picture shows, whatever draws it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{clip, one_line};
use crate::bot::{Bot, reached};
use crate::diagnostic::Diagnostic;
use crate::node::Node;

/// Characters of a condition, a word list or a text that are shown.
const LONGEST: usize = 34;

pub(super) struct Model {
    pub(super) title: String,
    /// First what leads into the bot, then its nodes in the order of the file.
    pub(super) boxes: Vec<Box>,
    /// In the order of their boxes and ports; one for each pair of boxes.
    pub(super) edges: Vec<Edge>,
}

/// A node, a trigger or a policy.
pub(super) struct Box {
    /// The id of the node, or the type of the trigger or policy.
    pub(super) name: String,
    /// The type of the node.
    pub(super) kind: &'static str,
    /// What it says or asks for.
    pub(super) text: String,
    pub(super) look: Look,
    pub(super) mark: Option<Mark>,
}

/// What a box is about.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Look {
    Entry,
    Talk,
    Question,
    Choice,
    Logic,
    Time,
    Outside,
    Human,
    End,
}

/// What is wrong with a node.
#[derive(Clone, PartialEq)]
pub(super) enum Mark {
    /// Nothing leads to it.
    Unreached,
    /// What the checker says.
    Finding(String),
}

pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
}

impl Model {
    pub(super) fn of(bot: &Bot, found: &[Diagnostic]) -> Self {
        let file: Value = serde_json::from_str(&bot.canonical_json()).unwrap_or_default();
        let mut entries = triggers(bot, &file);
        entries.extend(policies(bot, &file));
        let first = entries.len();
        let mut boxes: Vec<Box> = entries.iter().map(|(entry, _)| entry.clone_entry()).collect();
        let mut edges: Vec<Edge> = entries
            .iter()
            .enumerate()
            .map(|(from, (_, to))| Edge { from, to: first + to, label: String::new() })
            .collect();
        let reached = reached(&bot.nodes, &bot.triggers, &bot.policies);
        let findings = findings(found);
        for (index, node) in bot.nodes.iter().enumerate() {
            let own = &file["nodes"][node.id.as_str()];
            let mark = match findings.get(node.id.as_str()) {
                _ if !reached[index] => Some(Mark::Unreached),
                Some(message) => Some(Mark::Finding((*message).to_owned())),
                None => None,
            };
            let kind = node.kind.name();
            boxes.push(Box { name: one_line(&node.id), kind, text: text_of(own), look: look(kind), mark });
            let leads = leads(bot, node, own);
            edges.extend(leads.into_iter().map(|(label, to)| Edge { from: first + index, to: first + to, label }));
        }
        Self { title: one_line(bot.title()), boxes, edges: joined(edges) }
    }
}

impl Box {
    fn entry(name: &str, text: &str) -> Self {
        Self { name: one_line(name), kind: "", text: clip(&one_line(text), LONGEST), look: Look::Entry, mark: None }
    }

    fn clone_entry(&self) -> Self {
        Self { name: self.name.clone(), text: self.text.clone(), mark: self.mark.clone(), ..*self }
    }
}

fn look(kind: &str) -> Look {
    match kind {
        "say" | "template" => Look::Talk,
        "ask" | "menu" | "flow" => Look::Question,
        "branch" | "split" => Look::Choice,
        "wait" => Look::Time,
        "http" | "emit" => Look::Outside,
        "handoff" => Look::Human,
        "end" | "return" | "restart" => Look::End,
        _ => Look::Logic,
    }
}

/// The first finding of each node.
fn findings(found: &[Diagnostic]) -> BTreeMap<String, &str> {
    let mut findings = BTreeMap::new();
    for one in found {
        let Some(rest) = one.pointer.strip_prefix("/nodes/") else { continue };
        let id = rest.split('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        findings.entry(id).or_insert(one.message.as_str());
    }
    findings
}

/// Triggers in their order, with the nodes that they lead to.
fn triggers(bot: &Bot, file: &Value) -> Vec<(Box, usize)> {
    let list = file["triggers"].as_array();
    let shown = |index: usize| list.and_then(|list| list.get(index)).map_or_else(Default::default, trigger);
    let all = bot.triggers.iter().enumerate();
    all.map(|(index, trigger)| {
        let (name, detail) = shown(index);
        (Box::entry(&name, &detail), trigger.to)
    })
    .collect()
}

/// The type of a trigger, and what it waits for.
fn trigger(trigger: &Value) -> (String, String) {
    const BESIDE: [&str; 3] = ["to", "interrupt", "when"];
    let entries = trigger.as_object().into_iter().flatten();
    let Some((kind, value)) =
        entries.into_iter().find(|(key, _)| !BESIDE.contains(&key.as_str()) && !key.starts_with("x-"))
    else {
        return Default::default();
    };
    let details: Vec<String> = match value {
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| *key != "match").map(|(_, value)| shown(value)).collect()
        }
        value => vec![shown(value)],
    };
    let mut detail = details.join(", ");
    if let Some(when) = trigger.get("when") {
        detail = format!("{detail} if {}", shown(when));
    }
    (kind.clone(), detail)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Policies that lead to a node.
fn policies(bot: &Bot, file: &Value) -> Vec<(Box, usize)> {
    let policies = &file["policies"];
    let mut found = vec![
        ("on_idle".to_owned(), String::new(), &policies["on_idle"]),
        ("on_error".to_owned(), String::new(), &policies["on_error"]),
        ("human_words".to_owned(), shown(&policies["human_words"]["words"]), &policies["human_words"]["to"]),
    ];
    for what in ["media", "reaction", "other"] {
        found.push((format!("unexpected {what}"), String::new(), &policies["unexpected"][what]["route"]));
    }
    let led =
        found.into_iter().filter_map(|(name, text, to)| Some((Box::entry(&name, &text), bot.node(to.as_str()?)?)));
    let mut led: Vec<(Box, usize)> = led.collect();
    let others: Vec<usize> =
        bot.policies.targets().into_iter().filter(|to| !led.iter().any(|(_, led)| led == to)).collect();
    led.extend(others.into_iter().map(|to| (Box::entry("policies", ""), to)));
    led
}

/// Where a node leads, in the order of its ports: label and node.
fn leads(bot: &Bot, node: &Node, own: &Value) -> Vec<(String, usize)> {
    let ports = node.kind.ports();
    let mut led: Vec<(String, usize)> = Vec::new();
    for port in ports.required.iter().chain(&ports.optional) {
        if let Some(to) = node.ports.get(port) {
            led.push((if port == "next" { String::new() } else { one_line(port) }, *to));
        }
    }
    let label = |text: &Value| clip(&one_line(&shown(text)), LONGEST);
    let named = match node.kind.name() {
        "branch" => {
            let cases = own["cases"].as_array().into_iter().flatten();
            cases.map(|case| (label(&case["when"]), &case["to"])).chain([("else".to_owned(), &own["else"])]).collect()
        }
        "each" => vec![("each".to_owned(), &own["body"])],
        "call" => vec![("call".to_owned(), &own["node"])],
        _ => Vec::new(),
    };
    led.extend(named.into_iter().filter_map(|(label, to)| Some((label, bot.node(&shown(to))?))));
    let others: Vec<usize> = node.kind.jumps().into_iter().filter(|to| !led.iter().any(|(_, led)| led == to)).collect();
    led.extend(others.into_iter().map(|to| (String::new(), to)));
    led
}

/// What a node says or asks for, in a few words.
fn text_of(own: &Value) -> String {
    let message = own["messages"].get(0).unwrap_or(&own["prompt"]);
    let text = match message {
        Value::Object(fields) => fields.get("text").map_or_else(
            || {
                let (kind, value) =
                    fields.iter().next().map_or(("", &Value::Null), |(kind, value)| (kind.as_str(), value));
                let inner = value["text"].as_str().or(value["caption"].as_str());
                inner.map_or_else(|| kind.to_owned(), str::to_owned)
            },
            shown,
        ),
        Value::String(text) => text.clone(),
        _ => of_kind(own),
    };
    clip(&one_line(text.trim()), LONGEST)
}

/// What matters of a node that says nothing.
fn of_kind(own: &Value) -> String {
    let key = |key: &str| own.get(key).map(shown);
    match own["type"].as_str().unwrap_or_default() {
        "set" => Some(assigned(own)),
        "end" => key("reason"),
        "template" => key("name"),
        "wait" => key("for").or_else(|| key("until")).or_else(|| Some("business hours".to_owned())),
        "handoff" => key("queue"),
        "emit" => key("event"),
        "http" => {
            Some(format!("{} {}", key("method").unwrap_or_else(|| "GET".to_owned()), key("url").unwrap_or_default()))
        }
        "flow" => key("flow"),
        "each" => key("list"),
        "return" => key("value"),
        _ => None,
    }
    .unwrap_or_default()
}

/// One edge for each pair of boxes, with all labels.
fn joined(edges: Vec<Edge>) -> Vec<Edge> {
    let mut joined: Vec<Edge> = Vec::new();
    let mut at: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for edge in edges {
        match at.get(&(edge.from, edge.to)) {
            Some(first) => {
                let label = &mut joined[*first].label;
                let both = [label.as_str(), edge.label.as_str()]
                    .iter()
                    .filter(|part| !part.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", ");
                *label = clip(&both, LONGEST);
            }
            None => {
                at.insert((edge.from, edge.to), joined.len());
                joined.push(edge);
            }
        }
    }
    joined
}

fn assigned(own: &Value) -> String {
    let entries = own["assign"].as_object().into_iter().flatten();
    entries.map(|(name, value)| format!("{name} = {}", shown(value))).collect::<Vec<_>>().join(", ")
}
