//! What an endpoint's answer does to a form, and what a phone refuses of it.

use serde_json::{Map, Value};

use super::{Form, MAX_BACK};
use crate::flows::json::Screen;

/// What the phone asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Init,
    Exchange,
    Back,
}

impl Action {
    /// As it is called in a request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Exchange => "data_exchange",
            Self::Back => "BACK",
        }
    }
}

/// What comes of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// A screen is on show.
    Shown,
    /// The form is done, with these parameters.
    Finished(Map<String, Value>),
    /// The phone reports this error, and says why.
    Broken(&'static str, String),
}

const TRANSITION: &str = "invalid-screen-transition";
const SCHEMA: &str = "payload-schema-error";

/// Shows what the endpoint answered, if it may.
pub(crate) fn apply(form: &mut Form, action: Action, answer: &Value) -> Step {
    let Some(id) = answer["screen"].as_str() else {
        return Step::Broken(SCHEMA, "the answer names no screen".into());
    };
    if id == "SUCCESS" {
        return finish(answer);
    }
    let sent = form.sent.clone();
    let Some(screen) = sent.json().and_then(|json| json.screen(id)) else {
        return Step::Broken(TRANSITION, format!("the Flow has no screen {id}"));
    };
    if !may_come(form, action, id) {
        return Step::Broken(TRANSITION, format!("screen {id} must not follow screen {}", form.screen));
    }
    let (mut data, message) = match read(answer) {
        Ok(read) => read,
        Err(why) => return Step::Broken(SCHEMA, why),
    };
    let refresh = id == form.screen;
    if let Some(why) = screen.refuses(&data, !refresh) {
        return Step::Broken(SCHEMA, why);
    }
    if refresh {
        // A refresh names what changes; what it leaves out stays.
        data = form.data.clone().into_iter().chain(data).collect();
    }
    turn(form, action, screen, data);
    form.error_message = message;
    Step::Shown
}

fn may_come(form: &Form, action: Action, id: &str) -> bool {
    let follows = |json: &crate::flows::json::FlowJson| json.follows(&form.screen, id);
    match action {
        _ if id == form.screen => true,
        Action::Init => true,
        Action::Exchange => form.sent.json().is_some_and(follows),
        Action::Back => form.back.iter().any(|(screen, _)| screen == id),
    }
}

/// The data of an answer, and the text for a snackbar.
fn read(answer: &Value) -> Result<(Map<String, Value>, Option<String>), String> {
    let mut data = match answer.get("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data.clone(),
        Some(_) => return Err("data is not an object".into()),
    };
    match data.remove("error_message") {
        None => Ok((data, None)),
        Some(Value::String(text)) => Ok((data, Some(text))),
        Some(_) => Err("field error_message is not of type string".into()),
    }
}

fn turn(form: &mut Form, action: Action, screen: &Screen, data: Map<String, Value>) {
    if action == Action::Back {
        if let Some(at) = form.back.iter().position(|(id, _)| *id == screen.id) {
            form.back.truncate(at);
        }
    } else if screen.id != form.screen && !form.screen.is_empty() && form.back.len() < MAX_BACK {
        form.back.push((form.screen.clone(), form.data.clone()));
    }
    form.show(&screen.id, data);
}

fn finish(answer: &Value) -> Step {
    let params = &answer["data"]["extension_message_response"]["params"];
    match params.as_object() {
        Some(params) if params.get("flow_token").is_some_and(Value::is_string) => Step::Finished(params.clone()),
        Some(_) => Step::Broken(SCHEMA, "the params of SUCCESS have no flow_token".into()),
        None => Step::Broken(SCHEMA, "SUCCESS has no extension_message_response.params".into()),
    }
}
