//! `split`: takes one of several ways by chance. `weights` maps ports to parts; with `sticky_by` equal values of the
//! expression always take the same way at this node.

use crate::bot::read::{Fields, Reader};
use crate::caps;
use crate::explain;
use crate::expr::{Expr, to_json};
use crate::trace::Why;
use crate::turn::{Fault, Walk, hash};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["weights", "sticky_by"];

pub(crate) struct Split {
    weights: Vec<(String, u64)>,
    sticky_by: Option<Expr>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Split> {
    let at = reader.required(fields, "weights")?;
    let sticky_by = fields.get("sticky_by").and_then(|at| reader.expression(&at));
    let mut weights = Vec::new();
    for (entry, at) in reader.entries(&at) {
        let weight = reader.count(&at, 0, caps::MAX_WEIGHT)?;
        weights.push((entry.key.clone(), u64::from(weight)));
    }
    if weights.iter().all(|(_, weight)| *weight == 0) {
        reader.report(explain::WRONG_VALUE, &at, "no way has a weight above 0");
        return None;
    }
    Some(Split { weights, sticky_by })
}

impl Split {
    pub(super) fn ports(&self) -> Ports {
        Ports { required: self.weights.iter().map(|(port, _)| port.clone()).collect(), optional: Vec::new() }
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let (drawn, how) = match &self.sticky_by {
            Some(expr) => {
                let value = expr.value(walk.scope()).map_err(Fault::evaluation)?;
                let value = to_json(&value).map_err(Fault::failed)?;
                (hash(0, &format!("{}\n{}\n{value}", walk.bot().id(), here.node.id)), expr.source())
            }
            None => (walk.draw_at(&here.node.id), "weights"),
        };
        let total: u64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut left = drawn % total.max(1);
        let port = self.weights.iter().find(|(_, weight)| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        });
        let (port, _) = port.ok_or_else(|| Fault::failed("no way has a weight above 0"))?;
        Ok(Next::Port { port: port.clone().into(), why: Some(Why::said(how, port.as_str())) })
    }
}
