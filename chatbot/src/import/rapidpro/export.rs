//! The flows of an export, as they stand in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::import::ImportError;
use crate::import::text::{slug, unique};

/// A flow.
pub(super) struct Flow<'v> {
    pub(super) uuid: String,
    pub(super) name: String,
    /// What the ids of its nodes begin with.
    pub(super) prefix: String,
    pub(super) language: String,
    pub(super) expire_minutes: u64,
    pub(super) nodes: Vec<Node<'v>>,
    pub(super) localization: &'v Value,
    /// Words that start it, in Glific's exports.
    pub(super) keywords: Vec<String>,
    pub(super) ui: &'v Value,
}

/// A node of a flow.
pub(super) struct Node<'v> {
    pub(super) uuid: &'v str,
    /// Its id in our file.
    pub(super) id: String,
    pub(super) actions: &'v [Value],
    pub(super) router: &'v Value,
    /// Where each exit leads: the uuid of a node, or nowhere.
    exits: Vec<(&'v str, Option<&'v str>)>,
}

/// A whole export.
pub(super) struct Export<'v> {
    pub(super) flows: Vec<Flow<'v>>,
    pub(super) triggers: &'v [Value],
    pub(super) campaigns: usize,
    /// What is odd about it.
    pub(super) oddities: Vec<(String, String)>,
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Glific wraps each flow, and so did RapidPro's server.
fn definition(flow: &Value) -> &Value {
    flow.get("definition").filter(|definition| definition.is_object()).unwrap_or(flow)
}

/// Whether a value looks like a flow of the engine.
pub(super) fn is_flow(value: &Value) -> bool {
    let flow = definition(value);
    flow.get("nodes").is_some_and(Value::is_array)
        && (flow.get("spec_version").is_some() || flow.get("localization").is_some())
}

fn shape(what: impl Into<String>) -> ImportError {
    ImportError::Shape { kind: "rapidpro", what: what.into() }
}

impl<'v> Export<'v> {
    pub(super) fn read(value: &'v Value) -> Result<Self, ImportError> {
        let found: Vec<&Value> = match value.get("flows").and_then(Value::as_array) {
            Some(flows) => flows.iter().collect(),
            None => vec![value],
        };
        if found.is_empty() {
            return Err(shape("`flows` is empty"));
        }
        let mut export = Self {
            flows: Vec::new(),
            triggers: list(value, "triggers"),
            campaigns: list(value, "campaigns").len(),
            oddities: Vec::new(),
        };
        let (mut prefixes, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for flow in found {
            export.read_flow(flow, &mut prefixes, &mut ids)?;
        }
        if export.flows.is_empty() {
            return Err(shape("there is no messaging flow in it"));
        }
        Ok(export)
    }

    fn read_flow(
        &mut self,
        outer: &'v Value,
        prefixes: &mut BTreeSet<String>,
        ids: &mut BTreeSet<String>,
    ) -> Result<(), ImportError> {
        let flow = definition(outer);
        let name = Some(text(flow, "name")).filter(|name| !name.trim().is_empty()).unwrap_or("flow").to_owned();
        let nodes = flow.get("nodes").and_then(Value::as_array).ok_or_else(|| {
            if flow.get("rule_sets").or_else(|| flow.get("action_sets")).is_some() {
                return shape(format!("`{name}` is of a version before 13: export it again from a newer server"));
            }
            shape(format!("the flow `{name}` has no `nodes`"))
        })?;
        let version = text(flow, "spec_version");
        let major = version.split('.').next().unwrap_or_default();
        if !matches!(major, "" | "13" | "14") {
            return Err(shape(format!("`{name}` has spec version {version}; 13 and 14 are known")));
        }
        if matches!(text(flow, "type"), "voice" | "messaging_offline") {
            let what = format!("a flow of type `{}` is left out", text(flow, "type"));
            self.oddities.push((name, what));
            return Ok(());
        }
        let prefix = unique(&slug(&name, "flow"), prefixes);
        let mut read = Flow {
            uuid: text(flow, "uuid").to_owned(),
            name: name.clone(),
            language: text(flow, "language").to_owned(),
            expire_minutes: flow.get("expire_after_minutes").and_then(Value::as_u64).unwrap_or_default(),
            nodes: Vec::with_capacity(nodes.len()),
            localization: flow.get("localization").unwrap_or(&Value::Null),
            keywords: list(outer, "keywords").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            ui: flow.get("_ui").and_then(|ui| ui.get("nodes")).unwrap_or(&Value::Null),
            prefix,
        };
        let mut seen = BTreeSet::new();
        for node in nodes {
            let uuid = text(node, "uuid");
            if uuid.is_empty() || !seen.insert(uuid) {
                self.oddities.push((name.clone(), "a node without a `uuid` of its own is left out".to_owned()));
                continue;
            }
            let id = unique(&format!("{}.{}", read.prefix, read.nodes.len() + 1), ids);
            read.nodes.push(read_node(node, uuid, id));
        }
        self.flows.push(read);
        Ok(())
    }

    pub(super) fn flow(&self, uuid: &str, name: &str) -> Option<&Flow<'v>> {
        let by_uuid = self.flows.iter().find(|flow| !uuid.is_empty() && flow.uuid == uuid);
        by_uuid.or_else(|| self.flows.iter().find(|flow| uuid.is_empty() && flow.name == name))
    }

    /// The flows that others enter, by their uuid.
    pub(super) fn entered(&self) -> BTreeSet<&str> {
        let nodes = self.flows.iter().flat_map(|flow| &flow.nodes);
        let entering = nodes.flat_map(|node| node.actions).filter(|action| text(action, "type") == "enter_flow");
        entering.filter_map(|action| Some(text(action.get("flow")?, "uuid"))).collect()
    }
}

fn read_node<'v>(node: &'v Value, uuid: &'v str, id: String) -> Node<'v> {
    let exits = list(node, "exits").iter().map(|exit| {
        let to = exit.get("destination_uuid").or_else(|| exit.get("destination_node_uuid")).and_then(Value::as_str);
        (text(exit, "uuid"), to.filter(|to| !to.is_empty()))
    });
    Node {
        uuid,
        id,
        actions: list(node, "actions"),
        router: node.get("router").unwrap_or(&Value::Null),
        exits: exits.collect(),
    }
}

impl<'v> Node<'v> {
    /// The uuid of the node behind an exit.
    pub(super) fn exit(&self, uuid: &str) -> Option<&'v str> {
        self.exits.iter().find(|(exit, _)| *exit == uuid).and_then(|(_, to)| *to)
    }

    pub(super) fn first_exit(&self) -> Option<&'v str> {
        self.exits.first().and_then(|(_, to)| *to)
    }

    pub(super) fn waits(&self) -> bool {
        self.router.get("wait").is_some_and(Value::is_object)
    }
}

impl<'v> Flow<'v> {
    /// Our ids by uuid.
    pub(super) fn ids(&self) -> BTreeMap<&'v str, String> {
        self.nodes.iter().map(|node| (node.uuid, node.id.clone())).collect()
    }

    /// Translations of a part of the flow: language, as the export calls it, and its texts.
    pub(super) fn translations(&self, uuid: &str, key: &str) -> Vec<(&'v str, Vec<&'v str>)> {
        let Some(languages) = self.localization.as_object() else { return Vec::new() };
        if uuid.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (language, parts) in languages {
            let texts: Vec<&str> = parts
                .get(uuid)
                .map(|part| list(part, key))
                .unwrap_or_default()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            if texts.iter().any(|text| !text.is_empty()) {
                found.push((language.as_str(), texts));
            }
        }
        found
    }
}
