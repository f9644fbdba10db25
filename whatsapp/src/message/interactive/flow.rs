//! A message with a button that opens a Flow.

use serde_json::{Value, json};

use super::super::choices;
use super::{Check, Frame, Headers, Limit, LimitError, Part, Rules, limits, members, on_the_wire, right_name};

const VERSION: &str = "3";
/// Media headers are accepted too, by reports; Meta's page shows text.
const RULES: Rules = Rules { headers: Headers::Any, body_needed: true, footer: true };

/// Text with a button of up to 30 characters that opens a Flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    frame: Frame,
    button: String,
    target: FlowTarget,
    token: Option<String>,
    draft: bool,
    start: FlowStart,
}

/// Which Flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FlowTarget {
    /// By its id.
    Id(String),
    /// By its name, unique in the business account.
    Name(String),
}

/// How it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FlowStart {
    /// Where its routing begins.
    #[default]
    Entry,
    /// On this entry screen, with this data: an object that is not empty, or none.
    Screen {
        /// The screen's id.
        screen: String,
        /// What the screen gets.
        data: Option<Value>,
    },
    /// The endpoint is asked (`INIT`).
    Endpoint,
}

impl Flow {
    /// Checks frame, button and target. Errors: the first limit that is broken.
    pub fn new(frame: impl Into<Frame>, button: impl Into<String>, target: FlowTarget) -> Result<Self, LimitError> {
        let (frame, button) = (frame.into(), button.into());
        Self { frame, button, target, token: None, draft: false, start: FlowStart::Entry }.checked()
    }

    /// Sets the token that comes back with every request and the reply; without one it is `unused`.
    /// Errors: empty.
    pub fn with_token(mut self, token: impl Into<String>) -> Result<Self, LimitError> {
        self.token = Some(token.into());
        self.checked()
    }

    /// Sets how it begins. Errors: no screen, or data that is empty or no object.
    pub fn starting(mut self, start: FlowStart) -> Result<Self, LimitError> {
        self.start = start;
        self.checked()
    }

    /// Opens the draft; the phone then shows none of our texts.
    #[must_use]
    pub fn as_draft(mut self) -> Self {
        self.draft = true;
        self
    }

    /// Header, body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The text of the button.
    pub fn button(&self) -> &str {
        &self.button
    }

    /// Which Flow.
    pub fn target(&self) -> &FlowTarget {
        &self.target
    }

    /// The token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether the draft is opened.
    pub fn is_draft(&self) -> bool {
        self.draft
    }

    /// How it begins.
    pub fn start(&self) -> &FlowStart {
        &self.start
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let (id, name) = match &self.target {
            FlowTarget::Id(id) => (Some(json!(id)), None),
            FlowTarget::Name(name) => (None, Some(json!(name))),
        };
        let (action, payload) = self.start.content();
        let parameters = members([
            ("flow_message_version", Some(json!(VERSION))),
            ("flow_id", id),
            ("flow_name", name),
            ("flow_cta", Some(json!(self.button))),
            ("flow_token", self.token.as_ref().map(|token| json!(token))),
            ("mode", Some(json!(if self.draft { "draft" } else { "published" }))),
            ("flow_action", Some(json!(action))),
            ("flow_action_payload", payload),
        ]);
        self.frame.around("flow", json!({ "name": "flow", "parameters": parameters }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, RULES);
        let action = part.get("action");
        action.members(check, &["name", "parameters"]);
        right_name(check, &action, "flow");
        let part = action.get("parameters");
        part.members(check, &PARAMETERS);
        let version = part.get("flow_message_version");
        if version.exists() && !version.is(VERSION) {
            version.fail(check, Limit::Form("`3`"));
        }
        let token = part.get("flow_token");
        Self {
            frame,
            target: read_target(check, &part),
            button: part.get("flow_cta").text(check, limits::FLOW_BUTTON),
            token: token.exists().then(|| token.needed(check)),
            draft: read_mode(check, &part.get("mode")),
            start: FlowStart::read(check, &part),
        }
    }
}

const PARAMETERS: [&str; 8] = [
    "flow_message_version",
    "flow_id",
    "flow_name",
    "flow_cta",
    "flow_token",
    "mode",
    "flow_action",
    "flow_action_payload",
];

fn read_target(check: &mut Check, part: &Part<'_>) -> FlowTarget {
    let (id, name) = (part.get("flow_id"), part.get("flow_name"));
    match (id.exists(), name.exists()) {
        (true, false) => FlowTarget::Id(id.needed(check)),
        (false, true) => FlowTarget::Name(name.needed(check)),
        _ => {
            part.fail(check, Limit::Form("given by exactly one of `flow_id` and `flow_name`"));
            FlowTarget::Id(String::new())
        }
    }
}

fn read_mode(check: &mut Check, mode: &Part<'_>) -> bool {
    if mode.exists() && !mode.is("published") && !mode.is("draft") {
        mode.fail(check, Limit::Form("`published` or `draft`"));
    }
    mode.is("draft")
}

impl FlowStart {
    fn content(&self) -> (&'static str, Option<Value>) {
        match self {
            Self::Endpoint => ("data_exchange", None),
            Self::Entry => ("navigate", None),
            Self::Screen { screen, data } => {
                let data = data.as_ref().map(|data| match choices::FLOW_DATA_AS_TEXT {
                    true => json!(data.to_string()),
                    false => data.clone(),
                });
                ("navigate", Some(members([("screen", Some(json!(screen))), ("data", data)])))
            }
        }
    }

    fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let (action, payload) = (part.get("flow_action"), part.get("flow_action_payload"));
        if action.is("data_exchange") {
            if payload.exists() {
                payload.fail(check, Limit::Form("left out with `data_exchange`"));
            }
            return Self::Endpoint;
        }
        if action.exists() && !action.is("navigate") {
            action.fail(check, Limit::Form("`navigate` or `data_exchange`"));
        }
        if !payload.exists() {
            return Self::Entry;
        }
        payload.members(check, &["screen", "data"]);
        let data = read_data(check, &payload.get("data"));
        Self::Screen { screen: payload.get("screen").needed(check), data }
    }
}

/// An object that is not empty, bare or as JSON text.
fn read_data(check: &mut Check, part: &Part<'_>) -> Option<Value> {
    let data = match part.value()? {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        data => data.clone(),
    };
    if data.as_object().is_none_or(serde_json::Map::is_empty) {
        part.fail(check, Limit::Form("an object that is not empty"));
    }
    Some(data)
}

on_the_wire!(Flow);
