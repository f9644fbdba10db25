//! What a turn says of a message beside the message itself: who said it, and what the sender does when
//! things do not go as they should.

use serde::{Deserialize, Serialize};
use whatsapp::message::{Outgoing, Template};

/// A message that a turn decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sending {
    /// The node that decided it.
    pub node: String,
    /// What to say.
    pub message: Outgoing,
    /// What to do when nobody knows whether it left.
    pub on_doubt: OnDoubt,
    /// What to do when the 24 h window is closed at the time of sending.
    pub closed: Closed,
}

impl Sending {
    /// The message with what holds where a bot says nothing else.
    pub fn new(node: impl Into<String>, message: Outgoing) -> Self {
        let on_doubt = OnDoubt::of(&message);
        Self { node: node.into(), message, on_doubt, closed: Closed::default() }
    }
}

/// What to do when nobody knows whether a message left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDoubt {
    /// Send it again after the doubt window: the person may get it twice.
    Resend,
    /// Leave it to an operator: the person may not get it.
    Hold,
}

impl OnDoubt {
    /// What holds for a kind of message: templates cost money, so they are not sent twice.
    pub fn of(message: &Outgoing) -> Self {
        if message.is_template() { OnDoubt::Hold } else { OnDoubt::Resend }
    }
}

/// What to do with a message when the 24 h window is closed at the time of sending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// Give it up: it becomes a dead letter.
    #[default]
    Drop,
    /// Keep it until the person writes again.
    Hold,
    /// Send this template in its place, and in that of the messages that the same turn decided after it.
    Template(Box<Template>),
}

/// How a bot behaves towards a person, apart from what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Mark the person's messages as read when they are answered.
    pub mark_read: bool,
    /// Show that the bot is typing; Meta does so only with the read mark.
    pub typing: bool,
    /// When the next message may leave.
    pub order: Order,
}

/// When the next message to a person may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// At once.
    Send,
    /// When Meta took the one before.
    #[default]
    Accepted,
    /// When the one before was delivered.
    Delivered,
}
