//! Webhook bodies: one signed POST of Meta, flattened into events in the order they were written.
//!
//! Parsing is as light as routing allows: a message stays raw ([`Received::message`]) until somebody
//! asks for a [`Message`]. One odd element never fails a batch; it becomes [`Event::Unreadable`].

mod contact;
mod envelope;
pub mod field;
mod lax;
pub mod message;
mod profile;
mod status;

use serde_json::value::RawValue;
use thiserror::Error;

pub use field::FieldEvent;
pub use message::{Message, MessageKind};
pub use profile::Profile;
pub(crate) use status::MARKETING_STOPPED;
pub use status::{Conversation, ErrorObject, Pricing, StatusDetails, StatusKind, StatusUpdate};

/// One thing that a webhook body reports.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message of a person to one of our numbers.
    Message(Received),
    /// What became of a message that we sent.
    Status(StatusUpdate),
    /// Every other field, each element of `value.errors[]` (field `errors`), and bodies of another
    /// `object` (field is then the object's name and raw the whole body).
    Other {
        /// `changes[].field`, or as said above.
        field: String,
        /// `entry[].id`, empty when it is missing.
        waba_id: String,
        /// The business number it is about, when the value names one.
        phone_number_id: Option<String>,
        /// `entry[].time`; with the raw value it identifies an event that has no id of its own.
        time_ms: Option<u64>,
        /// `changes[].value`, or as said above.
        raw: Box<RawValue>,
    },
    /// An element without the little that is needed to route it.
    Unreadable {
        /// What is missing, for an operator.
        why: String,
        /// The smallest element that could not be read.
        raw: Box<RawValue>,
        /// The business number that it was sent to, of an element of `messages[]` or `statuses[]`.
        phone_number_id: Option<String>,
    },
}

/// An inbound message: what routing needs, and the rest as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Our number's id; the only thing to route by.
    pub phone_number_id: String,
    /// The message's id, the key for deduplication.
    pub wamid: String,
    /// The sender's number in digits; missing when a username user withholds it.
    pub from: Option<String>,
    /// The sender's business-scoped user id.
    pub from_user_id: Option<String>,
    /// The parent form of that id, for enrolled portfolios.
    pub from_parent_user_id: Option<String>,
    /// Set when the message came from a group.
    pub group_id: Option<String>,
    /// When it was sent, to the second; `None` when the timestamp cannot be read.
    pub sent_ms: Option<u64>,
    /// Our number as people see it.
    pub display_phone_number: Option<String>,
    /// The element of `messages[]`, for [`Message::parse`].
    pub message: Box<RawValue>,
    /// The sender's element of `contacts[]`, for [`Profile::parse`]; matched by id, never by position.
    pub contact: Option<Box<RawValue>>,
}

/// Why a body is not a webhook at all.
#[derive(Debug, Error)]
pub enum ParseError {
    /// The body is not text.
    #[error("the body is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// How many bytes are valid.
        at: usize,
    },
    /// The body is text and not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
}

/// Flattens a whole webhook body into events, in order.
///
/// Errors: only when the body is not UTF-8 or not JSON. Everything stranger than that is an
/// [`Event::Unreadable`] beside the events that could be read. Verify the signature first.
pub fn parse(body: &[u8]) -> Result<Vec<Event>, ParseError> {
    let text = std::str::from_utf8(body).map_err(|e| ParseError::NotUtf8 { at: e.valid_up_to() })?;
    envelope::events(text).map_err(ParseError::NotJson)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::mutate;
