//! WhatsApp Flows whose endpoint this program is: what a phone asks while a form is open, and what it gets.
//!
//! One request is one turn, or several where the handler calls other programs: a turn that wants such a call changes
//! nothing, and the handler is run again from its start when the result is there. What it decides is in the last of them.

mod answer;
mod bound;
mod check;
mod problem;
mod read;
mod run;
mod steps;
mod texts;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{HttpCall, HttpDone};
pub(crate) use answer::on_request;
pub(crate) use check::shown;
pub(crate) use problem::{code_of, problems, said, span_of};
pub(crate) use read::read;
pub(crate) use steps::Handlers;
pub(crate) use texts::FormTexts;
pub use texts::dead_form;

/// What a phone asks of a Flow's endpoint while a form is open. One request, one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormRequest {
    /// The token with which the form was sent: `pl1.<address>.<secret>`.
    pub token: String,
    /// What the phone wants.
    pub action: FormAction,
    /// The screen that the person is on: of a [`FormAction::Back`] the one that they leave; none at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
    /// What was filled in; of a [`FormAction::Error`] what the phone tells of it: `error`, `error_message`.
    #[serde(default)]
    pub data: Value,
    /// Names the encrypted body: a repeat must get the same answer, or fail.
    pub digest: String,
    /// What came of the calls of other programs so far, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<HttpDone>,
    /// The time for an answer is over: the fallback answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

impl FormRequest {
    pub(crate) fn as_json(&self) -> Value {
        json!({ "type": "form", "action": self.action.name(), "screen": self.screen, "data": self.data })
    }
}

/// What a phone wants of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormAction {
    /// The first screen.
    Init,
    /// What comes after a screen that was filled in.
    Submit,
    /// An earlier screen anew.
    Back,
    /// Nothing: it tells that the last answer was unusable.
    Error,
}

impl FormAction {
    /// Its word in bot files.
    pub fn name(self) -> &'static str {
        match self {
            FormAction::Init => "init",
            FormAction::Submit => "submit",
            FormAction::Back => "back",
            FormAction::Error => "error",
        }
    }
}

/// The next step of a request. At most one in a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormStep {
    /// The phone shows this.
    Answer {
        /// The screen.
        screen: String,
        /// What the screen gets.
        data: Value,
    },
    /// The form is done, and closes.
    Finish {
        /// What comes with it, without the token.
        params: Value,
    },
    /// The phone's notice of an error was taken.
    Acknowledged,
    /// The token opens nothing any more.
    Dead {
        /// What the person reads.
        message: String,
    },
    /// There is no usable answer.
    Refused {
        /// Why, for an operator.
        why: String,
    },
    /// Make this call, then take the request again with its result added to [`FormRequest::results`].
    Call {
        /// The call. Its id is the same however often the request is taken.
        call: Box<HttpCall>,
        /// Where its answer may be kept, and be taken from in the place of the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache: Option<FormCache>,
        /// How long the whole request may take, from its beginning.
        budget_ms: u64,
    },
}

/// Where the answer to a call may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormCache {
    /// Names what is asked; the bot's version and the step are in it.
    pub key: String,
    /// How long an answer is good.
    pub ttl_ms: u64,
}
