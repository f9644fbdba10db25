//! Holds the Flows that a bot sends against those that the account has.

use whatsapp::message::FlowTarget;

use super::KnownFlow;
use super::check::Finding;
use crate::explain;
use crate::message::shape::Place;
use crate::names::nearest;

/// How a bot uses a Flow, and where.
#[derive(Debug)]
pub(crate) struct FlowUse {
    pub(crate) target: FlowTarget,
    /// The node sends its draft.
    pub(crate) draft: bool,
    pub(crate) place: Place,
}

/// What is wrong with one use.
pub(crate) fn check<'u>(used: &'u FlowUse, flows: &[KnownFlow]) -> Option<Finding<'u>> {
    let (wanted, found) = match &used.target {
        FlowTarget::Id(id) => (id, flows.iter().find(|flow| flow.id == *id)),
        FlowTarget::Name(name) => (name, flows.iter().find(|flow| flow.name == *name)),
    };
    let Some(flow) = found else {
        let near = nearest(wanted, flows.iter().map(|flow| flow.name.as_str()));
        let near = near.map(|near| format!(", or did you mean `{near}`?")).unwrap_or_default();
        let help = format!("`parlance flow apply` brings the Flows of the bot files to Meta{near}");
        let message = format!("the account has no Flow `{wanted}`");
        return Some(Finding { code: explain::FLOW_MISSING, place: &used.place, message, help: Some(help) });
    };
    let help = match flow.status.as_str() {
        "PUBLISHED" | "THROTTLED" => return None,
        "DRAFT" if used.draft => return None,
        "DRAFT" => format!("publish it: `parlance flow apply`, or `parlance flow publish {}`", flow.id),
        "BLOCKED" => format!("see why: `parlance flow status {}`", flow.id),
        _ => "it cannot come back: give the Flow another name (`meta: { name: … }`) and apply it anew".to_owned(),
    };
    let message = format!("Flow `{wanted}` is {}, not published", flow.status.to_lowercase());
    Some(Finding { code: explain::FLOW_STATUS, place: &used.place, message, help: Some(help) })
}
