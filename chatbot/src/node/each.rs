//! `each`: runs the nodes from `body` once for each element of a list; a `return` there goes on with the next one.
//!
//! The element is in the variable `as` for that time; the value that it had before comes back afterwards. At most
//! `max` elements are taken. Leaving the body by a jump leaves the loop.

use serde_json::Value;

use crate::bot::read::{Fields, Reader};
use crate::caps;
use crate::expr::Expr;
use crate::snapshot::Frame;
use crate::trace::{Trace, Why};
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["list", "as", "body", "max"];
const DEFAULT_MAX: u32 = 20;

pub(crate) struct Each {
    list: Expr,
    name: String,
    pub(crate) body: usize,
    max: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Each> {
    let list = reader.required(fields, "list").and_then(|at| reader.expression(&at));
    let name = reader.required(fields, "as").and_then(|at| reader.variable(&at));
    let body = reader.required(fields, "body").and_then(|at| reader.target(&at));
    let max = fields.get("max").and_then(|at| reader.count(&at, 1, caps::MAX_EACH)).unwrap_or(DEFAULT_MAX);
    Some(Each { list: list?, name: name?, body: body?, max: max as usize })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: Vec::new() }
}

impl Each {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        walk.leave(here);
        let mut rest = match self.list.json(walk.scope()).map_err(Fault::evaluation)? {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            _ => return Err(Fault::failed(format!("`{}` is not a list", self.list.source()))),
        };
        if rest.len() > self.max {
            let why = format!("{} elements, `max` is {}", rest.len(), self.max);
            walk.note(Trace::Skipped { node: here.node.id.clone(), why });
            rest.truncate(self.max);
        }
        if rest.is_empty() {
            return Ok(Next::Port { port: "next".into(), why: Some(Why::said(self.list.source(), 0)) });
        }
        rest.reverse();
        let before = [(self.name.clone(), walk.former(&self.name))].into();
        walk.push_frame(Frame { node: here.node.id.clone(), before, rest: Some(rest) })?;
        self.next(walk)
    }

    /// The frame on top is this loop's.
    pub(crate) fn next(&self, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        match walk.take_element() {
            Some(item) => {
                walk.assign(&self.name, item)?;
                let why = Some(Why::said("elements left", walk.elements_left()));
                Ok(Next::Jump { label: "body".to_owned(), to: self.body, why })
            }
            None => {
                walk.pop_frame();
                Ok(Next::Port { port: "next".into(), why: Some(Why::said("elements left", 0)) })
            }
        }
    }
}
