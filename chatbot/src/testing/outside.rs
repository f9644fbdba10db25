//! Steps of a test that are no words of the person: a form that is sent off, and a call from outside.

use serde_json::{Map, Value, json};

use super::Action;
use super::bubble::Bubble;
use crate::bot::read::{At, Reader};
use crate::explain;
use crate::form::FormAction;
use crate::input::{ApiCall, Incoming};
use crate::names::nearest;

/// The name of a Flow whose form is opened.
pub(super) fn read_open(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    let name = reader.text(at)?;
    let flows = reader.flows.clone();
    if !flows.contains_key(&name) {
        let near = nearest(&name, flows.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        reader.report(explain::UNKNOWN_FLOW, at, format!("`flows` has no `{name}`")).help = near;
    }
    Some(Action::Open(name))
}

/// `{data, screen}`: what the person filled in. With a screen it goes to the endpoint, where the bot describes it; else the
/// form comes back.
pub(super) fn read_form(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    let fields = reader.fields(at, &["screen", "data"])?;
    let screen = fields.get("screen").and_then(|at| reader.text(&at));
    let data = super::forms::data(reader, fields.get("data").as_ref());
    Some(match screen {
        Some(screen) => Action::Exchange(FormAction::Submit, screen, data),
        None => Action::Submit(data),
    })
}

/// `{name, data}`.
pub(super) fn read_call(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    let fields = reader.fields(at, &["name", "data"])?;
    let name = reader.required(&fields, "name").and_then(|at| reader.event_name(&at))?;
    let data = fields.get("data").map(|at| at.node.to_json()).unwrap_or_default();
    match ApiCall::new(name, data) {
        Ok(call) => Some(Action::Api(call)),
        Err(error) => {
            reader.report(explain::TOO_MANY, at, error.to_string());
            None
        }
    }
}

/// The form of the newest message that has one, filled in.
pub(super) fn form(said: &[Bubble], data: &Map<String, Value>) -> Result<Incoming, String> {
    let bubble = said.iter().rev().find(|bubble| bubble.kind() == "flow");
    let bubble = bubble.ok_or("the bot has sent no form that could be filled in")?;
    let mut response = data.clone();
    response.insert("flow_token".into(), bubble.content()["action"]["parameters"]["flow_token"].clone());
    let reply = json!({ "name": "flow", "body": "Sent", "response_json": Value::Object(response).to_string() });
    Ok(super::sent::read(&json!({
        "type": "interactive",
        "context": { "id": bubble.wamid },
        "interactive": { "type": "nfm_reply", "nfm_reply": reply },
    })))
}
