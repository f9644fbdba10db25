//! What a turn is given: the message or tick, the clock, the seed, the contact and the number.

mod webhook;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::expr::scope::{is_deeper, json_bytes, rfc3339};
use crate::form::FormRequest;
use crate::http::HttpDone;
use crate::{caps, event};

/// The facts of a turn. Same facts, same turn, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The time of the turn, in milliseconds since 1970.
    pub now_ms: u64,
    /// The only source of randomness: run ids come from it.
    pub seed: u64,
    /// Since when somebody answers in the bot's place, if that is so. A form is answered all the same; but the time of the
    /// run that waits for it stands still, and no run goes on.
    pub staff_since_ms: Option<u64>,
    /// What names the conversation outside: the tokens of its forms begin with it, so that whoever holds one finds it.
    pub address: &'a str,
    /// The person.
    pub contact: &'a ContactView,
    /// The business phone number.
    pub number: &'a NumberView,
}

/// What a bot may know of the person. Since 2026 `wa_id` can be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContactView {
    /// The profile name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The WhatsApp id: digits of the phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// The business-scoped user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

impl ContactView {
    /// The phone number with its `+`, if the WhatsApp id is known.
    pub fn phone(&self) -> Option<String> {
        self.wa_id.as_deref().map(|digits| format!("+{}", digits.trim_start_matches('+')))
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({ "name": self.name, "phone": self.phone(), "wa_id": self.wa_id, "user_id": self.user_id })
    }
}

/// The business phone number as bots see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NumberView {
    /// Meta's phone number id.
    pub id: String,
    /// The number as people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// One input of a conversation. One input is one turn.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // one at a time, by reference
pub enum Input {
    /// A message of the person.
    Message(Incoming),
    /// A human has no more to say in a conversation that the bot handed over; else nothing happens.
    HandBack(HandBack),
    /// Staff lead the run elsewhere.
    Steer(Steer),
    /// The result of a call. One that nothing waits for any more changes nothing.
    HttpDone(HttpDone),
    /// Another program tells that something happened. What nothing takes changes nothing.
    Api(ApiCall),
    /// The phone asks on behalf of a form that is open.
    Form(FormRequest),
    /// A form did not reach the person. One that no run waits for changes nothing.
    Unsent(Unsent),
    /// A wake time may be due. If none is, nothing happens and `Turn::changed` is false.
    Tick,
}

impl Input {
    pub(crate) fn as_json(&self) -> Option<Value> {
        match self {
            Input::Message(message) => Some(message.as_json()),
            Input::HandBack(how) => Some(json!({ "type": how.port() })),
            Input::Steer(how) => Some(json!({ "type": how.name() })),
            Input::HttpDone(done) => Some(done.as_json()),
            Input::Api(call) => Some(call.as_json()),
            Input::Form(request) => Some(request.as_json()),
            Input::Unsent(unsent) => Some(json!({ "type": "unsent", "error": unsent.why })),
            Input::Tick => Some(json!({ "type": "timer" })),
        }
    }
}

/// A message with a form that will not reach the person: it was not sent, or Meta failed it afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The token of the form.
    pub token: String,
    /// Why, for people.
    pub why: String,
}

/// A call from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiCall {
    /// What happened: `order.paid`.
    pub name: String,
    /// What there is to say about it.
    #[serde(default)]
    pub data: Value,
}

/// Why a call from outside is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The name is not one of an event.
    #[error("`{0}` is not a name: lower-case words with dots between, such as order.paid")]
    Name(String),
    /// There is too much data.
    #[error("the data has {0} bytes, a call may have {limit}", limit = caps::MAX_CALL_BYTES)]
    Data(usize),
    /// The data is nested too deeply.
    #[error("the data is nested deeper than {limit} levels, which is all that a call may have", limit = caps::MAX_VALUE_DEPTH)]
    Depth,
}

impl ApiCall {
    /// A call, within the bounds.
    ///
    /// # Errors
    /// The name has not the form of an event's, or the data is too large or nested too deeply.
    pub fn new(name: impl Into<String>, data: Value) -> Result<Self, CallError> {
        let name = name.into();
        if !event::is_name(&name) {
            return Err(CallError::Name(crate::expr::clip(&name)));
        }
        if is_deeper(&data, caps::MAX_VALUE_DEPTH) {
            return Err(CallError::Depth);
        }
        let bytes = json_bytes(&data);
        if bytes > caps::MAX_CALL_BYTES {
            return Err(CallError::Data(bytes));
        }
        Ok(Self { name, data })
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({ "type": "api", "name": self.name, "data": self.data })
    }
}

/// How a human gives a conversation back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandBack {
    /// The bot shall go on.
    Returned,
    /// The matter is settled.
    Closed,
}

impl HandBack {
    /// Its word.
    pub fn name(self) -> &'static str {
        self.port()
    }

    pub(crate) fn port(self) -> &'static str {
        match self {
            HandBack::Returned => "returned",
            HandBack::Closed => "closed",
        }
    }
}

/// How staff lead a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// It ends, and another one begins where the bot begins.
    Restart,
    /// It goes on at this node, out of all calls and loops; without a run one begins there.
    Node(String),
    /// It ends.
    End,
    /// It gets these values, within the types and the caps of the bot; null takes one away.
    Set(std::collections::BTreeMap<String, Value>),
}

impl Steer {
    /// Its word.
    pub fn name(&self) -> &'static str {
        match self {
            Steer::Restart => "restart",
            Steer::Node(_) => "node",
            Steer::End => "end",
            Steer::Set(_) => "set",
        }
    }
}

/// A message of the person, as far as a bot needs it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incoming {
    /// Meta's id of the message.
    pub wamid: String,
    /// When the person sent it, in milliseconds since 1970.
    pub at_ms: u64,
    /// Meta's type: `text`, `interactive`, `button`, `image`, …; `group` for any message of a group.
    #[serde(rename = "type")]
    pub kind: String,
    /// Body, caption or the title of what was tapped; may be empty.
    pub text: String,
    /// The id of a tapped button or row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The title of a tapped button or row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Image, video, audio, document or sticker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Value>,
    /// A shared location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Value>,
    /// What else the type has: the data of a form, an order, contacts; of a reaction `emoji`,
    /// `message_id` and `removed`; of the notices what they tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Of a form that came back: what kind of form, `flow` for a WhatsApp Flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// The message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// The advertisement or post that the person came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral: Option<Value>,
    /// The product from whose page the person wrote: `catalog_id`, `product_retailer_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Value>,
    /// Forwarded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
    /// Forwarded more than five times.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frequently_forwarded: bool,
}

/// What sort of answer a message can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Typed text.
    Text,
    /// A tapped button or row.
    Tap,
    /// Image, video, audio, document, sticker.
    Media,
    /// A reaction to a message.
    Reaction,
    /// Notices, what Meta does not hand on, and what belongs to a group: never an answer.
    Notice,
    /// The person opened the chat and has written nothing yet.
    Welcome,
    /// Everything else: location, contacts, order, form.
    Other,
}

impl Incoming {
    pub(crate) fn class(&self) -> Class {
        match self.kind.as_str() {
            "text" => Class::Text,
            "button" => Class::Tap,
            "interactive" if self.id.is_some() => Class::Tap,
            "image" | "video" | "audio" | "voice" | "document" | "sticker" => Class::Media,
            "reaction" => Class::Reaction,
            "system" | "edit" | "revoke" | "group" | "unsupported" | "unknown" | "" => Class::Notice,
            "request_welcome" => Class::Welcome,
            _ => Class::Other,
        }
    }

    /// Whether a message of this type may start a run by the `default` trigger.
    pub(crate) fn may_start(&self) -> bool {
        !matches!(self.class(), Class::Reaction | Class::Notice)
    }

    /// Whether it opens the service window: what Meta tells about a person, and changes of earlier messages, do not.
    pub(crate) fn opens_window(&self) -> bool {
        !matches!(self.kind.as_str(), "system" | "edit" | "revoke" | "group" | "")
    }

    /// Whether it is the form of a WhatsApp Flow.
    pub(crate) fn is_form(&self) -> bool {
        self.form.as_deref() == Some("flow")
    }

    /// The token with which the form was sent.
    pub fn form_token(&self) -> Option<&str> {
        self.data.as_ref().filter(|_| self.is_form())?.get("flow_token")?.as_str()
    }

    /// Whether the person said this in words, or by a tap.
    pub(crate) fn is_words(&self) -> bool {
        matches!(self.class(), Class::Text | Class::Tap)
    }

    /// Whether a message of this type may be the answer to a question.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(self.class(), Class::Reaction | Class::Notice | Class::Welcome)
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({
            "type": self.kind, "text": self.text, "id": self.id, "title": self.title, "media": self.media,
            "location": self.location, "data": self.data, "wamid": self.wamid, "at": rfc3339(self.at_ms),
            "context_id": self.context_id, "referral": self.referral, "product": self.product,
            "forwarded": self.forwarded, "frequently_forwarded": self.frequently_forwarded,
        })
    }
}
