//! The nodes and edges of an export, as they stand in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::import::ImportError;
use crate::import::text::unique_slug;

/// A node of the export.
pub(super) struct Source {
    /// Its id there.
    pub(super) id: String,
    /// Its id in our file.
    pub(super) name: String,
    pub(super) kind: String,
    label: String,
    data: Map<String, Value>,
    pub(super) position: Option<Value>,
}

struct Edge {
    source: String,
    handle: Option<String>,
    target: String,
}

/// A whole export.
pub(super) struct Export {
    pub(super) name: String,
    pub(super) nodes: Vec<Source>,
    edges: Vec<Edge>,
    /// Definitions of Flows by Meta's id.
    pub(super) flows: BTreeMap<String, Value>,
    /// Words that end the conversation at any node.
    pub(super) stop_words: Vec<String>,
    /// What is odd about the graph itself.
    pub(super) oddities: Vec<String>,
    by_id: BTreeMap<String, usize>,
}

impl Source {
    pub(super) fn text(&self, key: &str) -> String {
        match self.data.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.data.get(key).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(super) fn get(&self, key: &str) -> &Value {
        self.data.get(key).unwrap_or(&Value::Null)
    }

    pub(super) fn list(&self, key: &str) -> &[Value] {
        self.get(key).as_array().map_or(&[], Vec::as_slice)
    }

    /// All that stands in it, to look for names.
    pub(super) fn all_texts(&self) -> String {
        Value::Object(self.data.clone()).to_string()
    }

    /// The name for reports: the label, and the id where that differs.
    pub(super) fn shown(&self) -> String {
        if self.label.is_empty() || self.label == self.name {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.label)
        }
    }
}

impl Export {
    pub(super) fn read(value: &Value) -> Result<Self, ImportError> {
        let chatbot = value.get("chatbot").unwrap_or(value);
        let nodes = chatbot.get("nodes").and_then(Value::as_array).ok_or_else(|| shape("`nodes` is not a list"))?;
        let edges = chatbot.get("edges").and_then(Value::as_array).ok_or_else(|| shape("`edges` is not a list"))?;
        let name = chatbot.get("name").and_then(Value::as_str).unwrap_or("Imported bot").to_owned();
        let mut taken = BTreeSet::from([super::END.to_owned()]);
        let mut export = Self {
            name,
            nodes: Vec::new(),
            edges: Vec::new(),
            flows: read_flows(value),
            stop_words: read_stop_words(chatbot),
            oddities: Vec::new(),
            by_id: BTreeMap::new(),
        };
        for node in nodes {
            export.read_node(node, &mut taken)?;
        }
        for edge in edges {
            export.read_edge(edge);
        }
        Ok(export)
    }

    fn read_node(&mut self, node: &Value, taken: &mut BTreeSet<String>) -> Result<(), ImportError> {
        let id = node.get("id").and_then(Value::as_str).ok_or_else(|| shape("a node has no `id`"))?;
        let data = node.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        let kind = data.get("type").or_else(|| node.get("type")).and_then(Value::as_str).unwrap_or_default();
        let label = data.get("label").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        if self.by_id.contains_key(id) {
            self.oddities.push(format!("{id}: a second node of this id is left out"));
            return Ok(());
        }
        self.by_id.insert(id.to_owned(), self.nodes.len());
        self.nodes.push(Source {
            id: id.to_owned(),
            name: unique_slug(id, "node", taken),
            kind: kind.to_owned(),
            label,
            position: node.get("position").filter(|position| position.is_object()).cloned(),
            data,
        });
        Ok(())
    }

    fn read_edge(&mut self, edge: &Value) {
        let text = |key: &str| edge.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (source, target) = (text("source"), text("target"));
        if !self.by_id.contains_key(&source) || !self.by_id.contains_key(&target) {
            self.oddities.push(format!("an edge from `{source}` to `{target}` is left out: a node is missing"));
            return;
        }
        let handle = Some(text("sourceHandle")).filter(|handle| !handle.is_empty() && handle != "default");
        self.edges.push(Edge { source, handle, target });
    }

    /// The start node; without one, the first node that no edge leads to.
    pub(super) fn start(&self) -> Result<&Source, ImportError> {
        if let Some(start) = self.nodes.iter().find(|node| node.kind == "start") {
            return Ok(start);
        }
        Err(shape("there is no start node"))
    }

    pub(super) fn edge(&self, node: &Source, handle: &str) -> Option<&str> {
        let found = self.edges.iter().find(|edge| edge.source == node.id && edge.handle.as_deref() == Some(handle))?;
        self.name_of(&found.target)
    }

    pub(super) fn default_edge(&self, node: &Source) -> Option<&str> {
        let found = self.edges.iter().find(|edge| edge.source == node.id && edge.handle.is_none())?;
        self.name_of(&found.target)
    }

    pub(super) fn any_edge(&self, node: &Source) -> Option<&str> {
        self.name_of(&self.edges.iter().find(|edge| edge.source == node.id)?.target)
    }

    /// Positions of the nodes behind a node.
    pub(super) fn after(&self, index: usize) -> impl Iterator<Item = usize> {
        let id = &self.nodes[index].id;
        self.edges
            .iter()
            .filter(move |edge| edge.source == *id)
            .filter_map(|edge| self.by_id.get(&edge.target).copied())
    }

    /// A node's name in our file; an edge back to the start leads to what follows it.
    fn name_of(&self, id: &str) -> Option<&str> {
        let node = &self.nodes[*self.by_id.get(id)?];
        if node.kind != "start" {
            return Some(&node.name);
        }
        let next = self.edges.iter().find(|edge| edge.source == node.id)?;
        let next = &self.nodes[*self.by_id.get(&next.target)?];
        (next.kind != "start").then_some(next.name.as_str())
    }
}

/// Where the words stand that end a conversation: at the bot, or in its metadata, settings or start node.
fn read_stop_words(chatbot: &Value) -> Vec<String> {
    let start =
        chatbot.get("nodes").and_then(Value::as_array).into_iter().flatten().filter_map(|node| node.get("data"));
    let start = start.filter(|data| data.get("type").and_then(Value::as_str) == Some("start"));
    let places = [Some(chatbot), chatbot.get("metadata"), chatbot.get("settings")].into_iter().flatten().chain(start);
    let mut words: Vec<String> = Vec::new();
    for place in places {
        for key in ["stopWords", "stop_words", "stopKeywords", "exitKeywords"] {
            let found: Vec<String> = match place.get(key) {
                Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
                Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            for word in found.iter().map(|word| word.trim()).filter(|word| word.chars().any(char::is_alphanumeric)) {
                if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                    words.push(word.to_owned());
                }
            }
        }
    }
    words
}

fn shape(what: &str) -> ImportError {
    ImportError::Shape { kind: "whatsapp-builder", what: what.to_owned() }
}

fn read_flows(value: &Value) -> BTreeMap<String, Value> {
    let list = value.get("whatsappFlows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|flow| {
            let id = flow.get("whatsappFlowId").or_else(|| flow.get("id"))?.as_str()?;
            Some((id.to_owned(), flow.clone()))
        })
        .collect()
}
