//! `call` runs the nodes from another one as a part of its own, and `return` comes back.
//!
//! `args` are variables that have these values for the time of the call; afterwards they have their former ones.
//! What goes wrong within it and nobody takes leaves by `failed`. Leaving by a jump leaves the call; entering a
//! `call` that is still open begins it anew, so there is no recursion.

use serde_json::Value;

use crate::bot::read::{Fields, Reader};
use crate::explain;
use crate::expr::{Expr, Template};
use crate::snapshot::Frame;
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["node", "bot", "args", "save"];
pub(super) const RETURN_KEYS: &[&str] = &["value"];

pub(crate) struct Call {
    pub(crate) to: usize,
    args: Vec<(String, Expr)>,
    save: Option<String>,
}

pub(crate) struct Return {
    value: Option<Template>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Call> {
    if let Some(at) = fields.get("bot") {
        reader.report(explain::LATER, &at, "calling another bot is not supported yet").help =
            Some("call a `node` of this bot".to_owned());
        return None;
    }
    let to = reader.required(fields, "node").and_then(|at| reader.target(&at));
    let mut args = Vec::new();
    if let Some(at) = fields.get("args") {
        for (entry, at) in reader.entries(&at) {
            let named = reader.variable_name(&entry.key, entry.key_span.clone(), &at.pointer);
            args.extend(reader.expression(&at).filter(|_| named).map(|expr| (entry.key.clone(), expr)));
        }
    }
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    Some(Call { to: to?, args, save })
}

pub(super) fn read_return(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Return> {
    let value = match fields.get("value") {
        Some(at) => Some(reader.template(&at)?),
        None => None,
    };
    Some(Return { value })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["returned".into()], optional: vec!["failed".into()] }
}

impl Call {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        walk.leave(here);
        self.begin(here, walk).map_err(|fault| fault.at_port("failed"))
    }

    fn begin(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let mut values = Vec::with_capacity(self.args.len());
        for (name, expr) in &self.args {
            values.push((name, expr.json(walk.scope()).map_err(Fault::evaluation)?));
        }
        let before = self.args.iter().map(|(name, _)| (name.clone(), walk.former(name))).collect();
        walk.push_frame(Frame { node: here.node.id.clone(), before, rest: None })?;
        for (name, value) in values {
            if let Err(fault) = walk.assign(name, value) {
                walk.pop_frame();
                return Err(fault);
            }
        }
        Ok(Next::Jump { label: "call".to_owned(), to: self.to, why: None })
    }

    /// The frame on top is this call's.
    pub(crate) fn come_back(&self, walk: &mut Walk<'_>, value: Value) -> Result<Next, Fault> {
        walk.pop_frame();
        if let Some(name) = &self.save {
            walk.assign(name, value).map_err(|fault| fault.at_port("failed"))?;
        }
        Ok(Next::port("returned"))
    }
}

impl Return {
    pub(super) fn enter(&self, walk: &Walk<'_>) -> Result<Next, Fault> {
        Ok(Next::Return(match &self.value {
            Some(template) => walk.json(template)?,
            None => Value::Null,
        }))
    }
}
