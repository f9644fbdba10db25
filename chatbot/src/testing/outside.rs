//! Steps of a test that are no words of the person: a form that is sent off, and a call from outside.

use serde_json::{Map, Value, json};

use super::Action;
use super::bubble::Bubble;
use crate::bot::read::{At, Reader};
use crate::explain;
use crate::input::{ApiCall, Incoming};

/// `{data, screen}`: what the person filled in. The screen on which they were is for the reader.
pub(super) fn read_form(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    let fields = reader.fields(at, &["screen", "data"])?;
    fields.get("screen").and_then(|at| reader.text(&at));
    let mut data = Map::new();
    if let Some(at) = fields.get("data") {
        data = reader.entries(&at).into_iter().map(|(entry, at)| (entry.key.clone(), at.node.to_json())).collect();
    }
    Some(Action::Submit(data))
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
