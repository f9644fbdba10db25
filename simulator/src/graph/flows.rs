//! The Flows API: Flows of an account, their JSON, their lifecycle, and the key of a number.

mod assets;
mod body;
mod create;
mod details;
mod key;
mod list;
mod migrate;
mod publish;
mod usable;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Answer;
use super::error::Refusal;
use crate::core::Core;
use crate::endpoint::is_loopback;
use crate::flows::{FlowStatus, MAX_NAME, StoredFlow};

pub(super) use assets::{assets, update_json};
pub(super) use body::{Form, form};
pub(super) use create::create;
pub(super) use details::node;
pub(super) use key::{get as get_key, set as set_key};
pub(super) use list::list;
pub(super) use migrate::migrate;
pub(super) use publish::publish;
pub(crate) use usable::{Opening, opening};

const CATEGORIES: [&str; 8] = [
    "SIGN_UP",
    "SIGN_IN",
    "APPOINTMENT_BOOKING",
    "LEAD_GENERATION",
    "CONTACT_US",
    "CUSTOMER_SUPPORT",
    "SURVEY",
    "OTHER",
];

/// The app of the stand-in, which signs what it asks of endpoints.
const APP_ID: &str = "420042004200";

fn flow(core: &Core, id: &str, method: &str) -> Result<StoredFlow, Refusal> {
    core.flows.get(id).ok_or_else(|| Refusal::no_object(id, method))
}

fn account(core: &Core, id: &str, method: &str) -> Result<(), Refusal> {
    core.number_of_account(id).map(drop).ok_or_else(|| Refusal::no_object(id, method))
}

/// `POST /{flow_id}`: metadata.
pub(super) fn update(core: &Core, id: &str, given: &Form) -> Result<Answer, Refusal> {
    let known = ["name", "categories", "endpoint_uri", "application_id"];
    let stored = flow(core, id, "POST")?;
    if let Some(odd) = given.values.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Refusal::parameter(format!("Unexpected key \"{odd}\": metadata of a Flow has {known:?}.")));
    }
    let (name, categories) = (name(&given.values)?, categories(&given.values)?);
    let (endpoint, app) = (endpoint_uri(&given.values)?, application_id(&given.values)?);
    if let Some(name) = name.as_ref().filter(|name| **name != stored.name) {
        free(core, &stored.waba_id, name)?;
    }
    edit(core, &stored, |flow| {
        flow.name = name.unwrap_or_else(|| flow.name.clone());
        flow.categories = categories.unwrap_or_else(|| flow.categories.clone());
        flow.endpoint_uri = endpoint.or(flow.endpoint_uri.take());
        flow.application_id = app.or(flow.application_id.take());
    })?;
    Ok(Answer::success())
}

/// Changes a Flow where Meta lets it be changed; one that was published returns to DRAFT, if edits of such are taken.
fn edit(core: &Core, stored: &StoredFlow, change: impl FnOnce(&mut StoredFlow)) -> Result<(), Refusal> {
    match stored.status {
        FlowStatus::Draft => {}
        FlowStatus::Published if core.flows.returns_to_draft() => {}
        status => {
            let why = format!("Flow {} is {} and cannot be updated; clone it.", stored.id, status.name());
            return Err(Refusal::flow(139001, "Flow can't be updated", why));
        }
    }
    core.flows.change(&stored.id, change);
    if stored.status == FlowStatus::Published {
        core.set_flow_status(&stored.id, FlowStatus::Draft);
    }
    Ok(())
}

/// `POST /{flow_id}/deprecate`
pub(super) fn deprecate(core: &Core, id: &str) -> Result<Answer, Refusal> {
    let title = "Flow can't be deprecated";
    match flow(core, id, "POST")?.status {
        FlowStatus::Draft => Err(Refusal::flow(139003, title, format!("Flow {id} is not published."))),
        FlowStatus::Deprecated => Err(Refusal::flow(139003, title, format!("Flow {id} is already deprecated."))),
        _ => {
            core.set_flow_status(id, FlowStatus::Deprecated);
            Ok(Answer::success())
        }
    }
}

/// `DELETE /{flow_id}`
pub(super) fn delete(core: &Core, id: &str) -> Result<Answer, Refusal> {
    match flow(core, id, "DELETE")?.status {
        FlowStatus::Draft => {
            core.flows.remove(id);
            Ok(Answer::success())
        }
        status => {
            let why = format!("Flow {id} is {}; only a draft can be deleted. Deprecate it.", status.name());
            Err(Refusal::flow(139004, "Flow can't be deleted", why))
        }
    }
}

fn name(given: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(name) = given.get("name") else { return Ok(None) };
    match name.as_str().map(|name| (name, name.trim().chars().count())) {
        Some((name, 1..=MAX_NAME)) => Ok(Some(name.to_owned())),
        _ => Err(Refusal::parameter(format!("Param name must be a string of 1 to {MAX_NAME} characters"))),
    }
}

/// An array, or the same as JSON in a string, as forms carry it.
fn categories(given: &Map<String, Value>) -> Result<Option<Vec<String>>, Refusal> {
    let Some(value) = given.get("categories") else { return Ok(None) };
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(rows) = inner.as_ref().unwrap_or(value).as_array() else {
        return Err(Refusal::parameter("Param categories must be an array."));
    };
    let known = |v: &Value| v.as_str().filter(|text| CATEGORIES.contains(text)).map(str::to_owned);
    let rows: Option<Vec<_>> = rows.iter().map(known).collect();
    let wrong = || Refusal::parameter(format!("Param categories takes one or more of {CATEGORIES:?}"));
    rows.filter(|rows| !rows.is_empty()).map(Some).ok_or_else(wrong)
}

/// Meta calls by https only; the stand-in calls its own machine in the clear, too.
fn endpoint_uri(given: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(uri) = given.get("endpoint_uri") else { return Ok(None) };
    let url = uri.as_str().and_then(|uri| reqwest::Url::parse(uri).ok());
    match url.filter(|url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)) {
        Some(_) => Ok(uri.as_str().map(str::to_owned)),
        None => Err(Refusal::parameter(format!("Param endpoint_uri {uri} is not an https address."))),
    }
}

fn application_id(given: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(value) = given.get("application_id") else { return Ok(None) };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Some(text));
    }
    Err(Refusal::parameter(format!("Param application_id {value} is not the id of an app.")))
}

/// No other Flow of the account has this name.
fn free(core: &Core, waba_id: &str, name: &str) -> Result<(), Refusal> {
    match core.flows.named(waba_id, name) {
        None => Ok(()),
        Some(_) => {
            let why = format!("Flow name {name:?} is already used in this account; names are unique.");
            Err(Refusal::flow(100, "Flow name is not unique", why))
        }
    }
}

/// The webhook that a Flow has another status.
pub(crate) fn status_change(flow: &StoredFlow, old: Option<FlowStatus>) -> Value {
    let new = flow.status.name();
    let mut value = json!({ "event": "FLOW_STATUS_CHANGE", "flow_id": flow.id, "new_status": new });
    value["message"] = match old {
        Some(old) => {
            value["old_status"] = json!(old.name());
            json!(format!("Flow {} changed status from {} to {new}", flow.name, old.name()))
        }
        None => json!(format!("Flow {} has been created with {new} status", flow.name)),
    };
    value
}

/// Validation errors as Graph shows them.
fn errors(flow: &StoredFlow) -> Value {
    json!(flow.errors())
}

fn json_of(content: Option<&Arc<crate::flows::Content>>, key: &str) -> Value {
    let json = content.and_then(|content| content.json.as_ref());
    let text = json.and_then(|json| if key == "version" { json.version() } else { json.data_api_version() });
    text.map_or(Value::Null, |text| json!(text))
}
