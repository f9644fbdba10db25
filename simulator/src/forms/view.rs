//! A form as the page, `parlance say` and tests see it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::resolve::reference;
use super::{Form, Stage};
use crate::flows::FlowStatus;
use crate::flows::json::Field;

/// A form on a phone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormView {
    /// Names it in further calls.
    pub id: String,
    /// The phone.
    pub phone: usize,
    /// The message that opened it.
    pub wamid: String,
    /// The Flow that it is of.
    pub flow: FormFlow,
    /// The Flow JSON, as it was when the message was sent.
    pub flow_json: Value,
    /// The screen on show; empty if none ever was.
    pub screen: String,
    /// Its data.
    pub data: Map<String, Value>,
    /// The screens behind it, the first one first.
    pub visited: Vec<String>,
    /// What each screen showed last, for references like `${screen.DAY.data.day}`.
    pub seen: BTreeMap<String, Map<String, Value>>,
    /// What was filled in by `submit`, by screen.
    pub values: BTreeMap<String, Map<String, Value>>,
    /// The inputs of the screen on show, all branches of it.
    pub inputs: Vec<FormInput>,
    /// Text for a snackbar.
    pub error_message: Option<String>,
    /// Whether something can be done with it.
    pub state: FormState,
    /// What was sent off.
    pub done: Option<Map<String, Value>>,
    /// The message that sent it off.
    pub reply: Option<String>,
    /// What went wrong last.
    pub problem: Option<FormProblem>,
}

/// An input of a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormInput {
    /// What its value is called.
    pub name: String,
    /// Its component, such as `Dropdown`.
    pub kind: String,
    /// What is written on it.
    pub label: Option<String>,
    /// Whether it must be filled in.
    pub required: bool,
    /// The ids of its options, for what is chosen.
    pub options: Vec<String>,
}

/// The Flow of a form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormFlow {
    /// Meta's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What Meta says of it now; nothing if it was deleted.
    pub status: Option<FlowStatus>,
    /// `draft` or `published`, as the message was sent.
    pub mode: &'static str,
}

/// Whether something can be done with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormState {
    /// A screen is on show.
    Open,
    /// It was sent off.
    Done,
    /// The person or a problem closed it.
    Closed,
}

/// What a person sees instead of the next screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormProblem {
    /// `payload-schema-error`, `invalid-screen-transition`, `timeout`, `no-response`, `response-decryption-error`,
    /// `public-key-missing`, `public-key-signature-verification`, `no-endpoint`, or `http_` and a status.
    pub code: String,
    /// What the person reads.
    pub text: String,
    /// What a developer wants to know.
    pub detail: String,
    /// True if the form can go no further.
    #[serde(rename = "final")]
    pub is_final: bool,
}

impl Form {
    fn inputs(&self) -> Vec<FormInput> {
        let screen = self.sent.json().and_then(|json| json.screen(&self.screen));
        let input = |field: &Field| FormInput {
            name: field.name.clone(),
            kind: field.kind.clone(),
            label: field.label.clone(),
            required: field.required,
            options: self.options(&field.options),
        };
        screen.into_iter().flat_map(|screen| screen.fields.iter().map(input)).collect()
    }

    fn options(&self, source: &Value) -> Vec<String> {
        let named = reference(source).and_then(|path| path.strip_prefix("data."));
        let rows = named.and_then(|name| self.data.get(name)).unwrap_or(source).as_array();
        rows.into_iter().flatten().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn view(&self, status: Option<FlowStatus>) -> FormView {
        let opening = &self.sent.opening;
        let (state, done, reply) = match &self.stage {
            Stage::Open => (FormState::Open, None, None),
            Stage::Done { params, reply } => (FormState::Done, Some(params.clone()), Some(reply.clone())),
            Stage::Closed => (FormState::Closed, None, None),
        };
        FormView {
            id: self.id.clone(),
            phone: self.sent.phone,
            wamid: self.sent.wamid.clone(),
            flow: FormFlow { id: opening.flow_id.clone(), name: opening.flow_name.clone(), status, mode: opening.mode },
            flow_json: self.sent.json().map_or(Value::Null, |json| json.value.clone()),
            screen: self.screen.clone(),
            data: self.data.clone(),
            visited: self.back.iter().map(|(screen, _)| screen.clone()).collect(),
            seen: self.seen.clone(),
            values: self.values.clone(),
            inputs: self.inputs(),
            error_message: self.error_message.clone(),
            state,
            done,
            reply,
            problem: self.problem.clone(),
        }
    }
}
