//! Outgoing messages, checked when they are made: what exists can be sent.
//!
//! Building the request body is pure; sending it is [`crate::graph`]'s. A raw body becomes one of these
//! types by [`Outgoing::parse`]. The kinds that came later are stored as they are on the wire, and read
//! back by the same checks.

mod buttons;
mod check;
mod choices;
mod contacts;
mod frame;
mod interactive;
mod list;
mod media;
mod other;
mod parse;
mod part;
mod place;
mod quote;
mod reaction;
mod template;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use buttons::{Button, Buttons};
pub use contacts::{ContactCard, Contacts};
pub use frame::{Frame, Header};
pub use interactive::{
    Address, Card, Carousel, Catalog, ContactRequest, Flow, FlowStart, FlowTarget, Link, LocationRequest, Product,
    ProductList, ProductSection,
};
pub use list::{List, Row, Section};
pub use media::{Media, MediaKind, Source};
pub use other::Other;
pub use place::Location;
pub use quote::Quote;
pub use reaction::Reaction;
pub use template::{ButtonAction, Component, Parameter, Template, TemplateButton, TemplateCard};
pub use text::Text;

use crate::limits::{self, LimitError};

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
    /// An image, video, sound, document or sticker.
    Media(Media),
    /// A place.
    Location(Location),
    /// Contact cards.
    Contacts(Contacts),
    /// An emoji on a message of the person.
    Reaction(Reaction),
    /// An approved template.
    Template(Template),
    /// Text with a button that opens an address.
    Link(Link),
    /// Text with a button that opens a Flow.
    Flow(Flow),
    /// Asks for the person's place.
    LocationRequest(LocationRequest),
    /// Asks for the person's phone number.
    ContactRequest(ContactRequest),
    /// One product of a catalog.
    Product(Product),
    /// Products of a catalog.
    ProductList(ProductList),
    /// Opens a catalog.
    Catalog(Catalog),
    /// Asks for a delivery address.
    Address(Address),
    /// A row of cards.
    Carousel(Carousel),
    /// One of the others, as an answer to a message.
    Quote(Quote),
    /// A type that is not known here.
    Other(Other),
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

/// What a body says besides its content.
const ADDRESSING: [&str; 5] = ["messaging_product", "recipient_type", "to", "recipient", "biz_opaque_callback_data"];

impl Outgoing {
    /// The request body. `callback_data` (at most 512 characters) comes back in every status.
    pub fn body(&self, to: &Recipient, callback_data: &str) -> Value {
        address(self.raw(), to, callback_data)
    }

    /// The body without what [`address`] adds; [`parse`](Self::parse) reads it back.
    pub fn raw(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text.content() }),
            Self::Buttons(buttons) => json!({ "type": "interactive", "interactive": buttons.content() }),
            Self::List(list) => json!({ "type": "interactive", "interactive": list.content() }),
            Self::Media(media) => media.raw(),
            Self::Location(place) => place.raw(),
            Self::Contacts(contacts) => contacts.raw(),
            Self::Reaction(reaction) => reaction.raw(),
            Self::Template(template) => template.raw(),
            Self::Link(link) => link.raw(),
            Self::Flow(flow) => flow.raw(),
            Self::LocationRequest(request) => request.raw(),
            Self::ContactRequest(request) => request.raw(),
            Self::Product(product) => product.raw(),
            Self::ProductList(list) => list.raw(),
            Self::Catalog(catalog) => catalog.raw(),
            Self::Address(address) => address.raw(),
            Self::Carousel(carousel) => carousel.raw(),
            Self::Quote(quote) => quote.raw(),
            Self::Other(other) => other.raw(),
        }
    }

    /// Meta's `type`.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Media(media) => media.kind().as_str(),
            Self::Location(_) => "location",
            Self::Contacts(_) => "contacts",
            Self::Reaction(_) => "reaction",
            Self::Template(_) => "template",
            Self::Buttons(_)
            | Self::List(_)
            | Self::Link(_)
            | Self::Flow(_)
            | Self::LocationRequest(_)
            | Self::ContactRequest(_)
            | Self::Product(_)
            | Self::ProductList(_)
            | Self::Catalog(_)
            | Self::Address(_)
            | Self::Carousel(_) => "interactive",
            Self::Quote(quote) => quote.message().type_name(),
            Self::Other(other) => other.type_name(),
        }
    }

    /// The text that the person reads first: the body, caption, place, first contact or emoji; of a
    /// template its name, because its words are Meta's. Empty when there is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text.body(),
            Self::Buttons(buttons) => buttons.body(),
            Self::List(list) => list.body(),
            Self::Media(media) => media.caption().unwrap_or_default(),
            Self::Location(place) => place.name().or(place.address()).unwrap_or_default(),
            Self::Contacts(contacts) => contacts.text(),
            Self::Reaction(reaction) => reaction.emoji(),
            Self::Template(template) => template.name(),
            Self::Link(link) => link.frame().body(),
            Self::Flow(flow) => flow.frame().body(),
            Self::LocationRequest(request) => request.body(),
            Self::ContactRequest(request) => request.frame().body(),
            Self::Product(product) => product.frame().body(),
            Self::ProductList(list) => list.frame().body(),
            Self::Catalog(catalog) => catalog.frame().body(),
            Self::Address(address) => address.frame().body(),
            Self::Carousel(carousel) => carousel.body(),
            Self::Quote(quote) => quote.message().text(),
            Self::Other(other) => other.text(),
        }
    }

    /// The same message as an answer to this one of the person. Errors: a reaction, or no message id.
    pub fn quoting(self, message_id: impl Into<String>) -> Result<Self, LimitError> {
        Quote::new(message_id.into(), self).map(Self::Quote)
    }

    /// The message that it answers.
    pub fn quoted(&self) -> Option<&str> {
        match self {
            Self::Quote(quote) => Some(quote.message_id()),
            _ => None,
        }
    }

    /// Whether Meta takes it outside the 24 h window.
    pub fn is_template(&self) -> bool {
        match self {
            Self::Quote(quote) => quote.message().is_template(),
            message => message.type_name() == "template",
        }
    }
}

/// Checks a raw body, as [`Outgoing::parse`] does.
pub fn check_raw(body: &Value) -> Result<(), Vec<LimitError>> {
    Outgoing::parse(body).map(drop)
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

/// Types that are stored as they are on the wire, and checked by reading that.
macro_rules! on_the_wire {
    ($($kind:ident),+) => { $(
        impl $kind {
            /// The message, read from what it would send: the one place of its checks.
            fn checked(self) -> Result<Self, crate::limits::LimitError> {
                match crate::message::Outgoing::parse(&self.raw()) {
                    Ok(crate::message::Outgoing::$kind(message)) => Ok(message),
                    Ok(_) => Ok(self),
                    Err(errors) => Err(crate::message::frame::first(errors)),
                }
            }
        }

        impl From<$kind> for crate::message::Outgoing {
            fn from(message: $kind) -> Self {
                Self::$kind(message)
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
                self.raw().serialize(output)
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let stored = serde_json::Value::deserialize(input)?;
                match crate::message::Outgoing::parse(&stored) {
                    Ok(crate::message::Outgoing::$kind(message)) => Ok(message),
                    Ok(other) => Err(serde::de::Error::custom(format!("a message of type {}", other.type_name()))),
                    Err(errors) => Err(serde::de::Error::custom(crate::message::frame::first(errors))),
                }
            }
        }
    )+ };
}
use on_the_wire;

/// Completes a body that has content only ([`Outgoing::raw`]): adds what every send needs
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

/// An object of the members that have a value.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests;
