//! `POST /{waba_id}/flows`

use std::sync::Arc;

use serde_json::json;

use super::super::error::Refusal;
use super::{Answer, Form, account, categories, endpoint_uri, free, name, publish};
use crate::core::Core;
use crate::flows::{Content, FlowStatus, MAX_JSON, StoredFlow};

const KNOWN: [&str; 7] =
    ["name", "categories", "endpoint_uri", "flow_json", "publish", "clone_flow_id", "clone_template"];

/// Creates a draft, and publishes it if that was asked for and its JSON is right.
pub(in crate::graph) async fn create(core: &Core, waba_id: &str, given: &Form) -> Result<Answer, Refusal> {
    account(core, waba_id, "POST")?;
    if let Some(odd) = given.values.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Refusal::parameter(format!("Unexpected key \"{odd}\": a Flow takes {KNOWN:?}.")));
    }
    let mut flow = draft(core, waba_id, given)?;
    let publishes = given.flag("publish")? && flow.errors().is_empty();
    if publishes {
        if flow.content.is_none() {
            return Err(Refusal::parameter("Param publish works together with flow_json only."));
        }
        if let Some(health) = publish::check(core, &flow)? {
            publish::ask(core, &flow, &health).await?;
        }
        flow.status = FlowStatus::Published;
        flow.published.clone_from(&flow.content);
    }
    // Somebody else may have taken the name while the endpoint was asked.
    free(core, waba_id, &flow.name)?;
    let full = || Refusal::new(131000, "The stand-in keeps no more Flows.");
    let flow = core.flows.add(flow).ok_or_else(full)?;
    core.tell_of_flow(&flow, None);
    Ok(Answer::json(&json!({ "id": flow.id, "success": true, "validation_errors": flow.errors() })))
}

fn draft(core: &Core, waba_id: &str, given: &Form) -> Result<StoredFlow, Refusal> {
    let name = name(&given.values)?.ok_or_else(|| Refusal::parameter("The parameter name is required."))?;
    let rows = categories(&given.values)?.ok_or_else(|| Refusal::parameter("The parameter categories is required."))?;
    let endpoint = endpoint_uri(&given.values)?;
    let json = given.text("flow_json")?.map(read_json).transpose()?;
    let cloned = given.text("clone_flow_id")?.map(|id| source(core, waba_id, id)).transpose()?;
    if cloned.is_some() && given.values.contains_key("clone_template") {
        return Err(Refusal::flow(100, "Only one clone source can be set", "Give clone_flow_id or clone_template."));
    }
    if given.values.contains_key("clone_template") {
        return Err(Refusal::parameter("Templates of Flows (clone_template) are not simulated."));
    }
    free(core, waba_id, &name)?;
    let mut flow = StoredFlow::new(waba_id, &name, rows);
    flow.content = json.or_else(|| cloned.as_ref().and_then(|source| source.content.clone()));
    flow.endpoint_uri = endpoint.or_else(|| cloned.as_ref().and_then(|source| source.endpoint_uri.clone()));
    flow.application_id = cloned.and_then(|source| source.application_id);
    Ok(flow)
}

fn source(core: &Core, waba_id: &str, id: &str) -> Result<StoredFlow, Refusal> {
    let missing = || Refusal::flow(100, "Flow with specified ID does not exist", format!("There is no Flow {id}."));
    core.flows.get(id).filter(|flow| flow.waba_id == waba_id).ok_or_else(missing)
}

pub(super) fn read_json(text: &str) -> Result<Arc<Content>, Refusal> {
    if text.len() > MAX_JSON {
        return Err(Refusal::parameter(format!("Flow JSON has at most {MAX_JSON} bytes, not {}.", text.len())));
    }
    Ok(Content::read(text.to_owned()))
}
