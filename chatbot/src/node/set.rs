//! `set`: assigns variables. All values are computed before the first is assigned.

use crate::bot::read::{Fields, Reader};
use crate::explain;
use crate::expr::Expr;
use crate::turn::{Fault, Walk};

use super::{Next, Ports};

pub(super) const KEYS: &[&str] = &["assign"];
pub(super) const LATER: &[&str] = &["contact", "labels", "consent"];

pub(crate) struct Set {
    assign: Vec<(String, Expr)>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Set> {
    let at = reader.required(fields, "assign")?;
    let mut assign: Vec<(String, Expr)> = Vec::new();
    let entries = reader.entries(&at);
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
    Some(Set { assign })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: Vec::new() }
}

impl Set {
    pub(super) fn enter(&self, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let mut values = Vec::with_capacity(self.assign.len());
        for (name, expr) in &self.assign {
            values.push((name, expr.json(walk.scope()).map_err(Fault::evaluation)?));
        }
        for (name, value) in values {
            walk.assign(name, value)?;
        }
        Ok(Next::port("next"))
    }
}
