//! The routing model of a Flow with an endpoint.

use serde_json::{Map, Value};

use super::Check;
use crate::flows::json::FlowJson;

const CODE: &str = "INVALID_ROUTING_MODEL";
const PATH: &str = "routing_model";

impl Check {
    pub(super) fn routes(&mut self, top: &Map<String, Value>, flow: &FlowJson) {
        let Some(model) = top.get(PATH) else {
            if flow.has_endpoint() {
                let why = "Required property 'routing_model' is missing beside data_api_version.";
                self.tell("MISSING_REQUIRED_PROPERTY", "", why);
            }
            return;
        };
        let Some(model) = model.as_object() else {
            return self.tell("INVALID_PROPERTY_TYPE", PATH, "Property 'routing_model' must be an object.");
        };
        for screen in flow.screens.iter().filter(|screen| !model.contains_key(&screen.id)) {
            self.tell(CODE, PATH, format!("Screen '{}' is missing in the routing model.", screen.id));
        }
        for (from, targets) in model {
            self.edges(from, targets, flow);
        }
        for screen in &flow.screens {
            let steps = screen.actions.iter().filter_map(|action| action.next.as_deref());
            for next in steps.filter(|next| flow.screen(next).is_some() && !flow.follows(&screen.id, next)) {
                self.tell(
                    CODE,
                    PATH,
                    format!("The step from '{}' to '{next}' is not in the routing model.", screen.id),
                );
            }
        }
        if let Some(id) = flow.screens.iter().map(|s| s.id.as_str()).find(|id| reaches(flow, id, id)) {
            self.tell(CODE, PATH, format!("The routing model leads from '{id}' back to it."));
        }
    }

    fn edges(&mut self, from: &str, targets: &Value, flow: &FlowJson) {
        let at = format!("{PATH}.{from}");
        if flow.screen(from).is_none() {
            self.tell(CODE, &at, format!("The routing model names a screen '{from}' that is not there."));
        }
        for target in targets.as_array().into_iter().flatten() {
            let name = target.as_str().unwrap_or_default();
            if name == from {
                self.tell(CODE, &at, format!("Screen '{from}' leads to itself."));
            } else if flow.screen(name).is_none() {
                self.tell(CODE, &at, format!("Screen '{from}' leads to '{name}', which is not there."));
            }
        }
    }
}

/// Whether one or more steps lead from a screen to another, itself by a detour.
fn reaches(flow: &FlowJson, from: &str, to: &str) -> bool {
    let next = |id: &str| -> Vec<&str> {
        let targets = flow.screens.iter().map(|s| s.id.as_str());
        targets.filter(|target| *target != id && flow.follows(id, target)).collect()
    };
    let (mut open, mut seen) = (next(from), Vec::new());
    while let Some(id) = open.pop() {
        if id == to {
            return true;
        }
        if !seen.contains(&id) {
            seen.push(id);
            open.extend(next(id));
        }
    }
    false
}
