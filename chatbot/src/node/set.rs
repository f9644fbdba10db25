//! `set`: assigns variables and notes what is known of the person: `contact` fields, `labels`, `consent`.
//!
//! All values are computed before the first is assigned. `contact.name`, `contact.language` and fields of any other
//! name outlive runs, as labels and consent do.

use serde_json::Value;

use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::expr::{Expr, Template};
use crate::tree::Kind;
use crate::turn::{Fault, Walk};

use super::{Next, Ports};

pub(super) const KEYS: &[&str] = &["assign", "contact", "labels", "consent"];

/// What the profile says and nobody else.
const PROFILE: &[&str] = &["phone", "wa_id", "user_id", "labels", "consent"];

#[derive(Default)]
pub(crate) struct Set {
    assign: Vec<(String, Expr)>,
    fields: Vec<(String, Expr)>,
    add: Vec<Template>,
    remove: Vec<Template>,
    consent: Vec<(String, Expr)>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Set> {
    let mut set = Set::default();
    if KEYS.iter().all(|key| fields.get(key).is_none()) {
        reader.report(explain::MISSING_KEY, &fields.at, "key `assign` is missing").help =
            Some("a `set` has `assign`, `contact`, `labels` or `consent`".to_owned());
        return None;
    }
    if let Some(at) = fields.get("assign") {
        set.assign = read_assign(reader, &at);
    }
    if let Some(at) = fields.get("contact") {
        set.fields = read_named(reader, &at, PROFILE);
    }
    if let Some(at) = fields.get("labels") {
        read_labels(reader, &at, &mut set);
    }
    if let Some(at) = fields.get("consent") {
        set.consent = read_named(reader, &at, &[]);
    }
    Some(set)
}

fn read_assign(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Expr)> {
    let mut assign = Vec::new();
    let entries = reader.entries(at);
    for (entry, value_at) in &entries {
        let named = reader.variable_name(&entry.key, entry.key_span.clone(), &value_at.pointer);
        let Some(expr) = reader.expression(value_at) else { continue };
        let own = expr.reads().iter().find_map(|read| {
            let root = read.split('.').next().unwrap_or(read);
            entries.iter().map(|(other, _)| other.key.as_str()).find(|key| *key == root && *key != entry.key)
        });
        if let Some(own) = own {
            let message = format!("`{}` reads `{own}` as it was before this node", entry.key);
            reader.report(explain::OWN_ASSIGN, value_at, message).help =
                Some("compute it in a second `set` node if the new value is meant".to_owned());
        }
        if named {
            assign.push((entry.key.clone(), expr));
        }
    }
    assign
}

/// Expressions by names of the author's.
fn read_named(reader: &mut Reader<'_>, at: &At<'_>, taken: &[&str]) -> Vec<(String, Expr)> {
    let mut named = Vec::new();
    for (entry, value_at) in reader.entries(at) {
        let name = entry.key.as_str();
        let shaped = name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name.chars().next().is_some_and(|c| !c.is_numeric())
            && name.chars().count() <= 64;
        if taken.contains(&name) || !shaped {
            let why = if shaped { "is not a bot's to set" } else { "is not a name" };
            reader.report_span(explain::BAD_NAME, entry.key_span.clone(), &value_at.pointer, format!("`{name}` {why}"));
        }
        named.extend(reader.expression(&value_at).map(|expr| (name.to_owned(), expr)));
    }
    named
}

/// A list of labels to add, or `{add, remove}`.
fn read_labels(reader: &mut Reader<'_>, at: &At<'_>, set: &mut Set) {
    if matches!(at.node.kind, Kind::List(_)) {
        set.add = read_list(reader, at);
        return;
    }
    let Some(fields) = reader.fields(at, &["add", "remove"]) else { return };
    set.add = fields.get("add").map(|at| read_list(reader, &at)).unwrap_or_default();
    set.remove = fields.get("remove").map(|at| read_list(reader, &at)).unwrap_or_default();
}

fn read_list(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Template> {
    let items = reader.list(at);
    let label = |item: &At<'_>| reader.template_up_to(item, "label", crate::caps::MAX_LABEL_CHARS);
    items.iter().filter_map(label).collect()
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: Vec::new() }
}

impl Set {
    pub(super) fn enter(&self, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let (assign, fields) = (values(walk, &self.assign)?, values(walk, &self.fields)?);
        let consent = values(walk, &self.consent)?;
        let texts = |list: &[Template]| list.iter().map(|label| walk.text(label)).collect::<Result<Vec<_>, _>>();
        let (add, remove) = (texts(&self.add)?, texts(&self.remove)?);
        for (name, value) in assign {
            walk.assign(&name, value)?;
        }
        for (name, value) in fields {
            walk.note_field(&name, value)?;
        }
        walk.label(&add, &remove)?;
        for (purpose, value) in consent {
            match value {
                Value::Bool(given) => walk.consent(&purpose, given),
                other => return Err(Fault::failed(format!("consent `{purpose}` is {other}, not true or false"))),
            }
        }
        Ok(Next::port("next"))
    }
}

fn values(walk: &Walk<'_>, named: &[(String, Expr)]) -> Result<Vec<(String, Value)>, Fault> {
    let mut values = Vec::with_capacity(named.len());
    for (name, expr) in named {
        values.push((name.clone(), expr.json(walk.scope()).map_err(Fault::evaluation)?));
    }
    Ok(values)
}
