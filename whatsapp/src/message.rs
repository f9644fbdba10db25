//! Outgoing messages, checked when they are made: what exists can be sent.
//!
//! Building the request body is pure; sending it is [`crate::graph`]'s. Kinds that have no type here
//! travel as raw bodies, checked by [`check_raw`].

mod buttons;
mod check;
mod list;
mod raw;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use buttons::{Button, Buttons};
pub use list::{List, Row, Section};
pub use raw::check_raw;
pub use text::Text;

use crate::limits;

/// A message to a person. Reading a stored one checks it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outgoing {
    /// Written text.
    Text(Text),
    /// Text with up to three reply buttons.
    Buttons(Buttons),
    /// Text with a button that opens a list.
    List(List),
}

/// Whom a message goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A number: digits with country code. Sent with a leading `+`; without it Meta may put our own
    /// country code in front.
    Phone(String),
    /// A business-scoped user id.
    UserId(String),
}

impl Outgoing {
    /// The request body. `callback_data` (at most 512 characters) comes back in every status.
    pub fn body(&self, to: &Recipient, callback_data: &str) -> Value {
        let content = match self {
            Self::Text(text) => json!({ "type": "text", "text": text.content() }),
            Self::Buttons(buttons) => json!({ "type": "interactive", "interactive": buttons.content() }),
            Self::List(list) => json!({ "type": "interactive", "interactive": list.content() }),
        };
        address(content, to, callback_data)
    }

    /// Meta's `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Buttons(_) | Self::List(_) => "interactive",
        }
    }

    /// The text that the person reads first.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text.body(),
            Self::Buttons(buttons) => buttons.body(),
            Self::List(list) => list.body(),
        }
    }
}

impl From<Text> for Outgoing {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Buttons> for Outgoing {
    fn from(buttons: Buttons) -> Self {
        Self::Buttons(buttons)
    }
}

impl From<List> for Outgoing {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

/// Completes a body that has content only (one that passed [`check_raw`]): adds what every send needs
/// and replaces any addressee and callback data in it. An empty `callback_data` is left out.
pub fn address(mut content: Value, to: &Recipient, callback_data: &str) -> Value {
    debug_assert!(limits::chars(callback_data) <= limits::CALLBACK_DATA, "callback data is made by us, and short");
    let Value::Object(body) = &mut content else { return content };
    for name in ["to", "recipient", "biz_opaque_callback_data"] {
        body.remove(name);
    }
    body.insert("messaging_product".to_owned(), json!("whatsapp"));
    body.insert("recipient_type".to_owned(), json!("individual"));
    match to {
        Recipient::Phone(digits) => body.insert("to".to_owned(), json!(format!("+{}", digits.trim_start_matches('+')))),
        Recipient::UserId(id) => body.insert("recipient".to_owned(), json!(id)),
    };
    if !callback_data.is_empty() {
        body.insert("biz_opaque_callback_data".to_owned(), json!(callback_data));
    }
    content
}

/// Optional text from a template: one that came out empty is not sent.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn text_header(header: Option<&String>) -> Option<Value> {
    header.map(|text| json!({ "type": "text", "text": text }))
}

/// An object of the members that have a value.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests;
