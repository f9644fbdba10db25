//! The typed message, read from the raw element when somebody needs it.
//!
//! Reading never fails: a kind that this version does not know, or a known one in an odd shape,
//! is [`MessageKind::Unknown`] and keeps Meta's type name.

mod content;
mod shared;

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

pub use content::{Change, Context, FlowReply, Identity, Location, Media, System};
pub use shared::{Order, OrderItem, Referral, SharedContact, SharedPhone};

use super::lax;
use super::status::{self, ErrorObject};

/// An inbound message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message's id; for `edit` and `revoke` that of the event.
    pub wamid: String,
    /// The sender's number in digits.
    pub from: Option<String>,
    /// The sender's business-scoped user id.
    pub from_user_id: Option<String>,
    /// The group it was written in.
    pub group_id: Option<String>,
    /// When it was sent, to the second; `None` when the timestamp cannot be read.
    pub sent_ms: Option<u64>,
    /// Meta's `type`, empty when it is missing.
    pub type_name: String,
    /// The content.
    pub kind: MessageKind,
    /// What the message answers or forwards.
    pub context: Option<Context>,
    /// The advertisement or post the person came from, raw.
    pub referral: Option<Value>,
    /// For `edit` and `revoke`: the message they change.
    pub original_message_id: Option<String>,
    /// For `edit`: the message as it reads now.
    pub edited: Option<Box<Message>>,
    /// `errors[]` of an unsupported message.
    pub errors: Vec<ErrorObject>,
}

/// What a message holds.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageKind {
    /// Written text.
    Text {
        /// The text.
        body: String,
    },
    /// A picture.
    Image(Media),
    /// A film.
    Video(Media),
    /// A sound, or a voice note.
    Audio(Media),
    /// A file.
    Document(Media),
    /// A sticker.
    Sticker(Media),
    /// A place.
    Location(Location),
    /// Shared contacts, raw.
    Contacts(Value),
    /// A quick-reply button of a template.
    Button {
        /// What the template was sent with.
        payload: String,
        /// The button's text.
        text: String,
    },
    /// A tapped reply button.
    ButtonReply {
        /// The id it was sent with.
        id: String,
        /// Its title.
        title: String,
    },
    /// A picked row of a list.
    ListReply {
        /// The id it was sent with.
        id: String,
        /// Its title.
        title: String,
        /// Its second line.
        description: Option<String>,
    },
    /// A finished Flow or address form.
    FlowReply(FlowReply),
    /// An emoji on one of our messages.
    Reaction {
        /// The message it is on.
        message_id: String,
        /// `None` takes an earlier one away.
        emoji: Option<String>,
    },
    /// An order from a catalog, raw.
    Order(Value),
    /// The person changed number, user id or identity.
    System(System),
    /// The person changed a message; see [`Message::edited`].
    Edit,
    /// The person took a message back; see [`Message::original_message_id`].
    Revoke,
    /// The person opened the chat for the first time; opens the window.
    Welcome,
    /// Something that Meta does not hand on.
    Unsupported {
        /// Its name, e.g. `poll_creation`; often missing.
        kind: Option<String>,
    },
    /// Everything else.
    Unknown {
        /// Meta's `type`, empty when it is missing.
        type_name: String,
    },
}

/// The members of an object, each still raw.
pub(crate) type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

impl Message {
    /// Reads an element of `messages[]`.
    pub fn parse(raw: &str) -> Self {
        Self::from_members(&lax::object(raw).unwrap_or_default())
    }

    fn from_members(members: &Members<'_>) -> Self {
        let type_name = text_of(members, "type").unwrap_or_default();
        let mut message = Self {
            wamid: text_of(members, "id").unwrap_or_default(),
            from: id_of(members, "from"),
            from_user_id: id_of(members, "from_user_id"),
            group_id: id_of(members, "group_id"),
            sent_ms: members.get("timestamp").and_then(|raw| lax::seconds(&mut json(raw)).ok().flatten()),
            kind: content::read(&type_name, members),
            type_name,
            context: part(members, "context"),
            referral: value_of(members, "referral"),
            original_message_id: None,
            edited: None,
            errors: errors(members),
        };
        if matches!(message.kind, MessageKind::Edit | MessageKind::Revoke) {
            message.read_change(members);
        }
        message
    }

    fn read_change(&mut self, members: &Members<'_>) {
        let Some(change) = part::<Members<'_>>(members, &self.type_name) else { return };
        self.original_message_id = text_of(&change, "original_message_id");
        let Some(mut edited) = part::<Members<'_>>(&change, "message") else { return };
        // an edit of an edit would recurse as deep as somebody cares to write
        if !matches!(text_of(&edited, "type").as_deref(), Some("edit" | "revoke")) {
            let own: Vec<_> = OWN.into_iter().filter_map(|key| Some((key, *members.get(key)?))).collect();
            edited.extend(own.into_iter().map(|(key, raw)| (Cow::Borrowed(key), raw)));
            self.edited = Some(Box::new(Self::from_members(&edited)));
        }
    }

    /// The body, caption, title, place, first contact, emoji or text of an order; empty when there is none.
    pub fn text(&self) -> &str {
        match &self.kind {
            MessageKind::Text { body } => body,
            MessageKind::Image(media) | MessageKind::Video(media) | MessageKind::Document(media) => {
                media.caption.as_deref().unwrap_or_default()
            }
            MessageKind::Location(place) => place.name.as_deref().or(place.address.as_deref()).unwrap_or_default(),
            MessageKind::Contacts(cards) => {
                let name = cards.get(0).and_then(|card| card.get("name")?.get("formatted_name")?.as_str());
                name.unwrap_or_default()
            }
            MessageKind::Reaction { emoji, .. } => emoji.as_deref().unwrap_or_default(),
            MessageKind::Button { text, .. } => text,
            MessageKind::ButtonReply { title, .. } | MessageKind::ListReply { title, .. } => title,
            MessageKind::FlowReply(reply) => reply.body.as_deref().unwrap_or_default(),
            MessageKind::Order(order) => order.get("text").and_then(Value::as_str).unwrap_or_default(),
            MessageKind::System(system) => system.body.as_deref().unwrap_or_default(),
            MessageKind::Edit => self.edited.as_ref().map_or("", |edited| edited.text()),
            MessageKind::Audio(_)
            | MessageKind::Sticker(_)
            | MessageKind::Revoke
            | MessageKind::Welcome
            | MessageKind::Unsupported { .. }
            | MessageKind::Unknown { .. } => "",
        }
    }

    /// Meta's `type`, empty when it is missing.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The id of a tapped button or picked row, or the payload of a template's button.
    pub fn reply_id(&self) -> Option<&str> {
        match &self.kind {
            MessageKind::ButtonReply { id, .. } | MessageKind::ListReply { id, .. } => Some(id),
            MessageKind::Button { payload, .. } => Some(payload.as_str()).filter(|payload| !payload.is_empty()),
            _ => None,
        }
    }

    /// The cards of a contacts message.
    pub fn contacts(&self) -> Vec<SharedContact> {
        match &self.kind {
            MessageKind::Contacts(Value::Array(cards)) => cards.iter().map(SharedContact::read).collect(),
            _ => Vec::new(),
        }
    }

    /// The order.
    pub fn order(&self) -> Option<Order> {
        match &self.kind {
            MessageKind::Order(order) => Some(Order::read(order)),
            _ => None,
        }
    }

    /// The advertisement or post that the person came from, typed.
    pub fn referral(&self) -> Option<Referral> {
        self.referral.as_ref().and_then(Referral::read)
    }

    /// The attachment of an image, video, audio, document or sticker.
    pub fn media(&self) -> Option<&Media> {
        match &self.kind {
            MessageKind::Image(media)
            | MessageKind::Video(media)
            | MessageKind::Audio(media)
            | MessageKind::Document(media)
            | MessageKind::Sticker(media) => Some(media),
            _ => None,
        }
    }
}

/// What an edited message has from the event around it.
const OWN: [&str; 5] = ["id", "from", "from_user_id", "group_id", "timestamp"];

fn json(raw: &RawValue) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
    serde_json::Deserializer::from_str(raw.get())
}

fn id_of(members: &Members<'_>, key: &str) -> Option<String> {
    text_of(members, key).filter(|id| !id.is_empty())
}

fn part<'a, T: serde::Deserialize<'a>>(members: &Members<'a>, key: &str) -> Option<T> {
    lax::object(members.get(key)?.get()).ok()
}

fn value_of(members: &Members<'_>, key: &str) -> Option<Value> {
    serde_json::from_str(members.get(key)?.get()).ok().filter(|value: &Value| !value.is_null())
}

fn text_of(members: &Members<'_>, key: &str) -> Option<String> {
    lax::string(&mut json(members.get(key)?)).ok().flatten()
}

fn errors(members: &Members<'_>) -> Vec<ErrorObject> {
    let Some(raw) = members.get("errors") else { return Vec::new() };
    lax::list(&mut json(raw)).map(|list| status::errors(&list)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::samples;
