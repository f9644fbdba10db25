//! The bot file under construction: nodes, texts in several languages, names, and what has changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::text::unique;
use crate::caps;

/// The node in which paths end that lead nowhere.
pub(super) const END: &str = "end";

/// What an import has to tell, each once, in order.
#[derive(Default)]
pub(super) struct Changes {
    list: Vec<String>,
    seen: BTreeSet<String>,
    left_out: usize,
}

impl Changes {
    /// Notes what changes at a place.
    pub(super) fn at(&mut self, place: &str, what: &str) {
        self.line(format!("{place}: {what}"));
    }

    /// Notes a whole line.
    pub(super) fn line(&mut self, line: String) {
        if self.seen.contains(&line) {
            return;
        }
        if self.list.len() < caps::MAX_IMPORT_CHANGES {
            self.seen.insert(line.clone());
            self.list.push(line);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn into_list(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.list.push(format!("and {} more", self.left_out));
        }
        self.list
    }
}

/// A bot file, part by part.
pub(super) struct Draft {
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) id: String,
    pub(super) locale: Option<String>,
    pub(super) nodes: Map<String, Value>,
    pub(super) triggers: Vec<Value>,
    pub(super) vars: Map<String, Value>,
    pub(super) policies: Map<String, Value>,
    pub(super) i18n: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) positions: Map<String, Value>,
    pub(super) changes: Changes,
    taken: BTreeSet<String>,
    keys: BTreeSet<String>,
    may_go: BTreeSet<String>,
}

impl Draft {
    pub(super) fn new(kind: &'static str, title: &str, id: String) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            id,
            locale: None,
            nodes: Map::new(),
            triggers: Vec::new(),
            vars: Map::new(),
            policies: Map::new(),
            i18n: BTreeMap::new(),
            secrets: BTreeSet::new(),
            positions: Map::new(),
            changes: Changes::default(),
            taken: BTreeSet::from([END.to_owned()]),
            keys: BTreeSet::new(),
            may_go: BTreeSet::new(),
        }
    }

    /// An id that no node has yet.
    pub(super) fn free_id(&mut self, wanted: &str) -> String {
        unique(wanted, &mut self.taken)
    }

    /// A key that no text has yet.
    pub(super) fn free_key(&mut self, wanted: &str) -> String {
        unique(wanted, &mut self.keys)
    }

    /// Nothing is lost if nothing leads to this node.
    pub(super) fn may_go(&mut self, id: &str) {
        self.may_go.insert(id.to_owned());
    }

    pub(super) fn is_told_when_gone(&self, id: &str) -> bool {
        !self.may_go.contains(id)
    }

    pub(super) fn put(&mut self, id: &str, node: Value) {
        self.nodes.insert(id.to_owned(), node);
    }

    /// A text that is another one in other languages: it is kept under a key, and this stands for it.
    pub(super) fn translated(&mut self, key: &str, texts: Vec<(String, String)>) -> String {
        for (language, text) in texts {
            self.i18n.entry(language).or_default().insert(key.to_owned(), text);
        }
        format!("{{{{ t('{key}') }}}}")
    }

    /// The file.
    pub(super) fn into_json(mut self) -> (Value, Vec<String>) {
        let used = self.nodes.values().chain(&self.triggers).any(|part| mentions(part, END));
        if used || self.nodes.is_empty() {
            self.put(END, json!({ "type": "end", "reason": "done" }));
        }
        let nodes = &self.nodes;
        self.positions.retain(|id, _| nodes.contains_key(id));
        let mut bot = json!({
            "parlance": 1,
            "id": self.id,
            "title": self.title,
            "x-imported": self.kind,
            "triggers": self.triggers,
            "nodes": self.nodes,
            "ui": { "positions": self.positions },
        });
        if let Some(locale) = self.locale {
            bot["locale"] = Value::String(locale);
        }
        for (key, part) in [("vars", self.vars), ("policies", self.policies)] {
            if !part.is_empty() {
                bot[key] = Value::Object(part);
            }
        }
        if !self.i18n.is_empty() {
            bot["i18n"] = json!(self.i18n);
        }
        if !self.secrets.is_empty() {
            bot["secrets"] = json!(self.secrets);
        }
        (bot, self.changes.into_list())
    }
}

/// Keys under which a node, trigger or case names another node.
const TARGETS: [&str; 4] = ["to", "else", "node", "body"];

/// Gives every node that is named in a part to `f`, which may put another in its place.
pub(super) fn targets(part: &mut Value, f: &mut impl FnMut(&mut String)) {
    let Value::Object(entries) = part else { return };
    let kind = entries.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("next", Value::Object(ports)) => {
                for port in ports.values_mut() {
                    if let Value::String(to) = port {
                        f(to);
                    }
                }
            }
            ("cases", Value::Array(cases)) => cases.iter_mut().for_each(|case| targets(case, f)),
            // The `body` of a request is none.
            (key, Value::String(to)) if TARGETS.contains(&key) && !(key == "body" && kind != "each") => f(to),
            _ => {}
        }
    }
}

/// Whether a part names this node.
pub(super) fn mentions(part: &Value, id: &str) -> bool {
    let mut found = false;
    targets(&mut part.clone(), &mut |to| found |= to == id);
    found
}
