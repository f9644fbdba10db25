//! The groups, blocks and edges of an export, as they stand in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::import::ImportError;
use crate::import::text::{slug, unique};

/// A block of a group.
pub(super) struct Block<'v> {
    pub(super) id: &'v str,
    /// Its id in our file.
    pub(super) name: String,
    pub(super) kind: &'v str,
    pub(super) value: &'v Value,
}

/// A group of blocks, one after the other.
pub(super) struct Group<'v> {
    pub(super) id: &'v str,
    pub(super) blocks: Vec<Block<'v>>,
    pub(super) position: Option<&'v Value>,
}

/// A whole export.
pub(super) struct Export<'v> {
    pub(super) name: String,
    pub(super) groups: Vec<Group<'v>>,
    /// Where each edge leads.
    edges: BTreeMap<&'v str, (&'v str, Option<&'v str>)>,
    /// Ids and names of the variables.
    pub(super) variables: Vec<(&'v str, &'v str, &'v Value)>,
    pub(super) start: Option<&'v str>,
    pub(super) whatsapp: &'v Value,
    /// Blocks to which something leads straight, past those before them.
    pub(super) aimed_at: BTreeSet<&'v str>,
    pub(super) oddities: Vec<(String, String)>,
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn options(value: &Value) -> &Value {
    value.get("options").unwrap_or(&Value::Null)
}

fn shape(what: impl Into<String>) -> ImportError {
    ImportError::Shape { kind: "typebot", what: what.into() }
}

impl<'v> Export<'v> {
    pub(super) fn read(value: &'v Value) -> Result<Self, ImportError> {
        let value = value.get("typebot").filter(|inner| inner.is_object()).unwrap_or(value);
        let groups = value.get("groups").and_then(Value::as_array).ok_or_else(|| shape("`groups` is not a list"))?;
        let version = text(value, "version");
        if !version.starts_with('6') {
            let shown = if version.is_empty() { "none" } else { version };
            return Err(shape(format!(
                "its version is {shown}; open it in Typebot once and export it again as version 6"
            )));
        }
        let name = Some(text(value, "name")).filter(|name| !name.trim().is_empty()).unwrap_or("Imported bot");
        let mut export = Self {
            name: name.to_owned(),
            groups: Vec::with_capacity(groups.len()),
            edges: BTreeMap::new(),
            variables: Vec::new(),
            start: None,
            whatsapp: value.get("settings").and_then(|settings| settings.get("whatsApp")).unwrap_or(&Value::Null),
            aimed_at: BTreeSet::new(),
            oddities: Vec::new(),
        };
        for variable in list(value, "variables") {
            let preset = variable.get("value").unwrap_or(&Value::Null);
            export.variables.push((text(variable, "id"), text(variable, "name"), preset));
        }
        let (mut slugs, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for group in groups {
            export.read_group(group, &mut slugs, &mut seen)?;
        }
        export.read_edges(list(value, "edges"));
        export.read_events(list(value, "events"));
        Ok(export)
    }

    fn read_group(
        &mut self,
        group: &'v Value,
        slugs: &mut BTreeSet<String>,
        seen: &mut BTreeSet<&'v str>,
    ) -> Result<(), ImportError> {
        let id = text(group, "id");
        if id.is_empty() {
            return Err(shape("a group has no `id`"));
        }
        let prefix = unique(&slug(text(group, "title"), "group"), slugs);
        let mut blocks = Vec::new();
        for block in list(group, "blocks") {
            let id = text(block, "id");
            if id.is_empty() || !seen.insert(id) {
                self.oddities.push((prefix.clone(), "a block without an `id` of its own is left out".to_owned()));
                continue;
            }
            let name = format!("{prefix}.{}", blocks.len() + 1);
            blocks.push(Block { id, name, kind: text(block, "type"), value: block });
        }
        let position = group.get("graphCoordinates").filter(|position| position.is_object());
        self.groups.push(Group { id, blocks, position });
        Ok(())
    }

    fn read_edges(&mut self, edges: &'v [Value]) {
        for edge in edges {
            let to = edge.get("to").unwrap_or(&Value::Null);
            let block = Some(text(to, "blockId")).filter(|block| !block.is_empty());
            self.aimed_at.extend(block);
            self.edges.insert(text(edge, "id"), (text(to, "groupId"), block));
        }
        for block in self.groups.iter().flat_map(|group| &group.blocks).filter(|block| block.kind == "Jump") {
            let to = text(options(block.value), "blockId");
            if !to.is_empty() {
                self.aimed_at.insert(to);
            }
        }
    }

    fn read_events(&mut self, events: &'v [Value]) {
        for event in events {
            match text(event, "type") {
                "start" => self.start = Some(text(event, "outgoingEdgeId")).filter(|edge| !edge.is_empty()),
                other => self.oddities.push(("events".to_owned(), format!("the event `{other}` is not mapped"))),
            }
        }
    }

    /// Our id of what an edge leads to.
    pub(super) fn edge(&self, id: &str) -> Option<&str> {
        let (group, block) = self.edges.get(id)?;
        self.place(group, *block)
    }

    /// Our id of a block, or of the first of a group.
    pub(super) fn place(&self, group: &str, block: Option<&str>) -> Option<&str> {
        let blocks = || self.groups.iter().flat_map(|group| &group.blocks);
        if let Some(found) = block.and_then(|id| blocks().find(|block| block.id == id)) {
            return Some(&found.name);
        }
        let group = self.groups.iter().find(|found| found.id == group)?;
        group.blocks.first().map(|block| block.name.as_str())
    }
}
