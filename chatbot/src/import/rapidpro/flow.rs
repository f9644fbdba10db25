//! Writes one flow: each node becomes a chain of ours, then what its router asks and decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::export::{Export, Flow, Node};
use super::language;
use super::names::Names;
use super::write::Writer;
use crate::import::draft::{Draft, END};

/// Stands for the node that follows, until it is known.
pub(super) const NEXT: &str = "\u{0}next";

/// What is written of one export.
pub(super) struct Book<'e, 'v> {
    pub(super) export: &'e Export<'v>,
    pub(super) draft: Draft,
    pub(super) names: Names,
    /// Where paths of a flow end that others enter.
    pub(super) returns: BTreeMap<String, String>,
}

/// A node of the export at work.
pub(super) struct Place<'e, 'v> {
    pub(super) flow: &'e Flow<'v>,
    pub(super) node: &'e Node<'v>,
    /// Our nodes so far, in order; each leads to the next one.
    steps: Vec<(String, Value)>,
    /// Nodes beside the chain.
    aside: Vec<(String, Value)>,
}

impl<'e, 'v> Book<'e, 'v> {
    pub(super) fn write_flow(&mut self, flow: &'e Flow<'v>) {
        self.names.flow = super::names::ThisFlow { uuid: flow.uuid.clone(), name: flow.name.clone() };
        let ids = flow.ids();
        for node in &flow.nodes {
            let mut place = Place { flow, node, steps: Vec::new(), aside: Vec::new() };
            for action in node.actions {
                self.action(&mut place, action);
            }
            let to = self.router(&mut place, &ids);
            self.settle(place, &to);
        }
        for node in &flow.nodes {
            let position = flow.ui.get(node.uuid).and_then(|ui| ui.get("position"));
            if let Some(position) = position.filter(|position| position.is_object()) {
                let at = |key: &str| position.get(key).filter(|value| value.is_number()).cloned().unwrap_or(json!(0));
                self.draft.positions.insert(node.id.clone(), json!({ "x": at("left"), "y": at("top") }));
            }
        }
    }

    /// Puts the chain into the bot; its end leads to `to`.
    fn settle(&mut self, place: Place<'_, '_>, to: &str) {
        let ids: Vec<String> = place.steps.iter().map(|(id, _)| id.clone()).collect();
        let first_is_ours = ids.first() == Some(&place.node.id);
        for (at, (id, mut step)) in place.steps.into_iter().enumerate() {
            lead(&mut step, ids.get(at + 1).map_or(to, String::as_str));
            self.draft.put(&id, step);
        }
        let mut aside = place.aside;
        for (id, step) in &mut aside {
            lead(step, to);
            self.draft.put(id, step.clone());
        }
        if !first_is_ours && !self.draft.nodes.contains_key(&place.node.id) {
            let to = ids.first().map_or(to, String::as_str);
            self.draft.put(&place.node.id, json!({ "type": "goto", "to": to }));
        }
    }

    /// The node behind an exit, or where the paths of the flow end.
    pub(super) fn target(&mut self, flow: &Flow<'_>, ids: &BTreeMap<&str, String>, exit: Option<&str>) -> String {
        if let Some(id) = exit.and_then(|uuid| ids.get(uuid)) {
            return id.clone();
        }
        if exit.is_some() {
            self.change(&flow.name, "an exit leads to a node that is not there; the flow ends");
        }
        self.returns.get(&flow.uuid).cloned().unwrap_or_else(|| END.to_owned())
    }

    pub(super) fn change(&mut self, place: &str, what: &str) {
        self.draft.changes.at(place, what);
    }

    /// A text of ours from one of theirs.
    pub(super) fn template(&mut self, at: &str, text: &str) -> String {
        let mut writer = Writer::new(&mut self.names);
        let written = writer.template(text);
        let changes = std::mem::take(&mut writer.changes);
        changes.iter().for_each(|change| self.change(at, change));
        written
    }

    /// A text of theirs as one of our expressions.
    pub(super) fn expression(&mut self, at: &str, text: &str) -> String {
        let mut writer = Writer::new(&mut self.names);
        let written = writer.expression(text);
        let changes = std::mem::take(&mut writer.changes);
        changes.iter().for_each(|change| self.change(at, change));
        written
    }

    /// A text with its translations; `fit` brings each to what WhatsApp takes.
    pub(super) fn translated(
        &mut self,
        place: &Place<'_, '_>,
        key: &str,
        own: &str,
        others: &[(&str, &str)],
        fit: impl Fn(&str) -> String,
    ) -> String {
        let written = fit(&self.template(place.shown(), own));
        let base = language::ours(&place.flow.language);
        let mut texts = vec![(base.clone(), written.clone())];
        for (language, text) in others {
            let language = language::ours(language);
            if !text.trim().is_empty() && language != base {
                texts.push((language, fit(&self.template(place.shown(), text))));
            }
        }
        if texts.len() == 1 { written } else { self.draft.translated(key, texts) }
    }
}

impl Place<'_, '_> {
    /// How changes name the node.
    pub(super) fn shown(&self) -> &str {
        &self.node.id
    }

    /// The id of the next part of this node.
    pub(super) fn part(&self, draft: &mut Draft) -> String {
        if self.steps.is_empty() && self.aside.is_empty() {
            return draft.free_id(&self.node.id);
        }
        draft.free_id(&format!("{}.{}", self.node.id, self.steps.len() + 1))
    }

    pub(super) fn push(&mut self, id: String, step: Value) {
        self.steps.push((id, step));
    }

    pub(super) fn push_aside(&mut self, id: String, step: Value) {
        self.aside.push((id, step));
    }

    /// Takes the last message out of the chain; with it its node, whose id is given, if nothing else is said there.
    pub(super) fn take_message(&mut self) -> Option<(Value, Option<String>)> {
        let messages = self.last_messages()?;
        let message = messages.pop()?;
        let emptied = messages.is_empty();
        let id = if emptied { self.steps.pop().map(|(id, _)| id) } else { None };
        Some((message, id))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The `messages` of the last step, if it says something.
    pub(super) fn last_messages(&mut self) -> Option<&mut Vec<Value>> {
        let (_, step) = self.steps.last_mut().filter(|(_, step)| step["type"] == "say")?;
        step.get_mut("messages")?.as_array_mut()
    }

    /// Adds a message to what is said.
    pub(super) fn say(&mut self, draft: &mut Draft, message: Value) {
        match self.last_messages() {
            Some(messages) if messages.len() < crate::caps::MAX_MESSAGES_PER_TURN => messages.push(message),
            _ => {
                let id = self.part(draft);
                self.push(id, json!({ "type": "say", "messages": [message], "next": { "next": NEXT } }));
            }
        }
    }

    /// Adds a `set` of one kind.
    pub(super) fn set(&mut self, draft: &mut Draft, key: &str, value: Value) {
        let id = self.part(draft);
        let mut node = Map::new();
        node.insert("type".into(), "set".into());
        node.insert(key.into(), value);
        node.insert("next".into(), json!({ "next": NEXT }));
        self.push(id, Value::Object(node));
    }
}

/// Leads every open end of a node to another one.
fn lead(node: &mut Value, to: &str) {
    crate::import::draft::targets(node, &mut |target| {
        if target == NEXT {
            *target = to.to_owned();
        }
    });
}
