//! The member of a message that its `type` names.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Members, MessageKind, part, text_of, value_of};
use crate::webhook::lax;

/// An attachment. The id can be downloaded for 7 days, the url for 5 minutes and with the token only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Media {
    /// The media id.
    #[serde(deserialize_with = "required")]
    pub id: String,
    /// E.g. `audio/ogg; codecs=opus`; not to be trusted.
    #[serde(default, deserialize_with = "lax::string")]
    pub mime_type: Option<String>,
    /// Base64 of the digest.
    #[serde(default, deserialize_with = "lax::string")]
    pub sha256: Option<String>,
    /// What the person wrote under it.
    #[serde(default, deserialize_with = "lax::string")]
    pub caption: Option<String>,
    /// The name of a document; not to be trusted.
    #[serde(default, deserialize_with = "lax::string")]
    pub filename: Option<String>,
    /// Where it lies for now.
    #[serde(default, deserialize_with = "lax::string")]
    pub url: Option<String>,
    /// Audio: recorded as a voice note.
    #[serde(default, deserialize_with = "lax::flag")]
    pub voice: bool,
    /// Sticker: moves.
    #[serde(default, deserialize_with = "lax::flag")]
    pub animated: bool,
}

/// A place.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// The place's name.
    pub name: Option<String>,
    /// The place's address.
    pub address: Option<String>,
    /// The place's page.
    pub url: Option<String>,
}

/// What a finished form sends back.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowReply {
    /// `flow`, or `address_message`.
    pub name: Option<String>,
    /// `Sent` for Flows.
    pub body: Option<String>,
    /// The JSON document as it came, inside a string.
    pub response_json: String,
    /// The same, read; `None` when it is not an object. Values are influenced by the person.
    pub response: Option<Map<String, Value>>,
    /// The token we sent; may be missing, then [`Context::id`] names the message with the Flow.
    pub flow_token: Option<String>,
}

/// A change of the person's number, user id or identity.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct System {
    /// `user_changed_number`, `user_changed_user_id`, `customer_identity_changed`, or something newer.
    #[serde(default, rename = "type", deserialize_with = "lax::string")]
    pub kind: Option<String>,
    /// The change in words.
    #[serde(default, deserialize_with = "lax::string")]
    pub body: Option<String>,
    /// The new number in digits.
    #[serde(default, alias = "new_wa_id", deserialize_with = "lax::owned_id")]
    pub wa_id: Option<String>,
    /// The new business-scoped user id.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub user_id: Option<String>,
    /// Its parent form.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub parent_user_id: Option<String>,
    /// Of a changed identity.
    #[serde(skip)]
    pub identity: Option<Identity>,
}

/// What a system message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new number; [`Message::from`](super::Message::from) is the old one.
    Number,
    /// A new business-scoped user id.
    UserId,
    /// A new identity: the person may have a new phone.
    Identity,
    /// Something newer.
    Other,
}

/// The identity of a person, for businesses that check it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// Whether we have accepted it.
    #[serde(default, deserialize_with = "lax::flag")]
    pub acknowledged: bool,
    /// Since when.
    #[serde(default, rename = "created_timestamp", deserialize_with = "lax::seconds")]
    pub created_ms: Option<u64>,
    /// The key's hash.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub hash: Option<String>,
}

impl System {
    /// What it is about. `customer_changed_number` is the word of older versions.
    pub fn change(&self) -> Change {
        match self.kind.as_deref() {
            Some("user_changed_number" | "customer_changed_number") => Change::Number,
            Some("user_changed_user_id") => Change::UserId,
            Some("customer_identity_changed" | "user_identity_changed") => Change::Identity,
            _ => Change::Other,
        }
    }
}

/// What a message refers to.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Context {
    /// The message it answers; may be one we do not know.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub id: Option<String>,
    /// Who wrote that message.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub from: Option<String>,
    /// Forwarded up to five times.
    #[serde(default, deserialize_with = "lax::flag")]
    pub forwarded: bool,
    /// Forwarded more often.
    #[serde(default, deserialize_with = "lax::flag")]
    pub frequently_forwarded: bool,
    /// The product whose page the person wrote from, raw.
    #[serde(default)]
    pub referred_product: Option<Value>,
}

/// Reads the content of a message; `Unknown` when the type is, or when its shape is odd.
pub(crate) fn read(type_name: &str, members: &Members<'_>) -> MessageKind {
    known(type_name, members).unwrap_or_else(|| MessageKind::Unknown { type_name: type_name.to_owned() })
}

fn known(type_name: &str, members: &Members<'_>) -> Option<MessageKind> {
    Some(match type_name {
        "text" => MessageKind::Text { body: text_of(&part(members, "text")?, "body")? },
        "image" => MessageKind::Image(part(members, "image")?),
        "video" => MessageKind::Video(part(members, "video")?),
        "audio" => MessageKind::Audio(part(members, "audio")?),
        "document" => MessageKind::Document(part(members, "document")?),
        "sticker" => MessageKind::Sticker(part(members, "sticker")?),
        "location" => MessageKind::Location(location(members)?),
        "contacts" => MessageKind::Contacts(value_of(members, "contacts").filter(Value::is_array)?),
        "button" => button(&part(members, "button")?)?,
        "interactive" => interactive(&part(members, "interactive")?)?,
        "reaction" => reaction(&part(members, "reaction")?)?,
        "order" => MessageKind::Order(value_of(members, "order").filter(Value::is_object)?),
        "system" => system(members)?,
        "request_welcome" => MessageKind::Welcome,
        "edit" => MessageKind::Edit,
        "revoke" => MessageKind::Revoke,
        "unsupported" => {
            MessageKind::Unsupported { kind: part(members, "unsupported").and_then(|u| text_of(&u, "type")) }
        }
        _ => return None,
    })
}

fn location(members: &Members<'_>) -> Option<Location> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(default, deserialize_with = "lax::number")]
        latitude: Option<f64>,
        #[serde(default, deserialize_with = "lax::number")]
        longitude: Option<f64>,
        #[serde(default, deserialize_with = "lax::string")]
        name: Option<String>,
        #[serde(default, deserialize_with = "lax::string")]
        address: Option<String>,
        #[serde(default, deserialize_with = "lax::string")]
        url: Option<String>,
    }
    let Wire { latitude, longitude, name, address, url } = part(members, "location")?;
    Some(Location { latitude: latitude?, longitude: longitude?, name, address, url })
}

fn system(members: &Members<'_>) -> Option<MessageKind> {
    let mut system: System = part(members, "system")?;
    // it stands inside the system object, or beside it
    let inner: Members<'_> = part(members, "system")?;
    system.identity = part(&inner, "identity").or_else(|| part(members, "identity"));
    Some(MessageKind::System(system))
}

fn button(button: &Members<'_>) -> Option<MessageKind> {
    let (payload, text) = (text_of(button, "payload"), text_of(button, "text"));
    (payload.is_some() || text.is_some())
        .then(|| MessageKind::Button { payload: payload.unwrap_or_default(), text: text.unwrap_or_default() })
}

fn interactive(interactive: &Members<'_>) -> Option<MessageKind> {
    let kind = text_of(interactive, "type")?;
    let reply: Members<'_> = part(interactive, &kind)?;
    match kind.as_str() {
        "button_reply" => Some(MessageKind::ButtonReply { id: text_of(&reply, "id")?, title: title(&reply) }),
        "list_reply" => Some(MessageKind::ListReply {
            id: text_of(&reply, "id")?,
            title: title(&reply),
            description: text_of(&reply, "description"),
        }),
        "nfm_reply" => Some(MessageKind::FlowReply(flow_reply(&reply)?)),
        _ => None,
    }
}

fn title(reply: &Members<'_>) -> String {
    text_of(reply, "title").unwrap_or_default()
}

fn flow_reply(reply: &Members<'_>) -> Option<FlowReply> {
    let raw = reply.get("response_json")?;
    // a document inside a string; one that came bare is taken as well
    let response_json = text_of(reply, "response_json").unwrap_or_else(|| raw.get().to_owned());
    let response: Option<Map<String, Value>> = serde_json::from_str(&response_json).ok();
    let flow_token = response.as_ref().and_then(|r| r.get("flow_token")?.as_str()).map(str::to_owned);
    Some(FlowReply { name: text_of(reply, "name"), body: text_of(reply, "body"), response_json, response, flow_token })
}

fn reaction(reaction: &Members<'_>) -> Option<MessageKind> {
    Some(MessageKind::Reaction {
        message_id: text_of(reaction, "message_id")?,
        emoji: text_of(reaction, "emoji").filter(|emoji| !emoji.is_empty()),
    })
}

fn required<'de, D: serde::Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    lax::owned_id(input)?.ok_or_else(|| serde::de::Error::custom("an id is a string"))
}
