//! Everything a person can send, by kind, with sample data where nothing else is given.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{PhoneError, inbound};
use crate::config::Number;

/// A message that a phone shall send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it holds.
    pub content: Content,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Marks it as forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Forwarded>,
    /// The person came through an ad: the message carries its `referral`, and the entry point is noted.
    #[serde(default)]
    pub from_ad: bool,
    /// The business number, the first one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_id: Option<String>,
}

/// How often a message was forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forwarded {
    /// Up to five times.
    Once,
    /// More often.
    Often,
}

/// What a message of a phone holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Typed text.
    Text {
        /// What was typed.
        body: String,
    },
    /// A photo.
    Image {
        /// Text under it.
        caption: Option<String>,
        /// Media of [`crate::Handle::add_media`]; a sample if left out.
        media_id: Option<String>,
    },
    /// A clip.
    Video {
        /// Text under it.
        caption: Option<String>,
        /// Media of [`crate::Handle::add_media`]; a sample if left out.
        media_id: Option<String>,
    },
    /// A voice message, or a sound file if `voice` is false.
    Audio {
        /// True unless given.
        #[serde(default = "yes")]
        voice: bool,
        /// Media of [`crate::Handle::add_media`]; a sample if left out.
        media_id: Option<String>,
    },
    /// A file.
    Document {
        /// `order.pdf` unless given.
        filename: Option<String>,
        /// Text under it.
        caption: Option<String>,
        /// Media of [`crate::Handle::add_media`]; a sample if left out.
        media_id: Option<String>,
    },
    /// A sticker.
    Sticker {
        /// Media of [`crate::Handle::add_media`]; a sample if left out.
        media_id: Option<String>,
    },
    /// A place; Leeds unless given.
    Location {
        /// Degrees north.
        latitude: Option<f64>,
        /// Degrees east.
        longitude: Option<f64>,
        /// What it is called.
        name: Option<String>,
        /// Where it is.
        address: Option<String>,
    },
    /// A contact card.
    Contacts {
        /// True if it answers a request for contact information.
        #[serde(default)]
        requested: bool,
    },
    /// A reaction; without an emoji it is taken back.
    Reaction {
        /// The message reacted to.
        wamid: String,
        /// One emoji.
        emoji: Option<String>,
    },
    /// A cart with two products.
    Order {},
    /// A finished form.
    FlowReply {
        /// The message that offered the form.
        wamid: String,
        /// What was filled in; the form's token is added.
        #[serde(default)]
        response: Map<String, Value>,
    },
    /// A filled in address.
    AddressReply {
        /// The message that asked.
        wamid: String,
    },
    /// Changes what was said (numbers that are also on a phone).
    Edit {
        /// The person's own message.
        wamid: String,
        /// The new text.
        body: String,
    },
    /// Takes back what was said (numbers that are also on a phone).
    Revoke {
        /// The person's own message.
        wamid: String,
    },
    /// Something that Meta does not pass on; a poll unless given.
    Unsupported {
        /// What it was.
        kind: Option<String>,
    },
}

fn yes() -> bool {
    true
}

impl From<Content> for Draft {
    fn from(content: Content) -> Self {
        Self { content, quote: None, forwarded: None, from_ad: false, phone_number_id: None }
    }
}

/// A sample file of a kind: MIME type and bytes.
pub(crate) fn sample(kind: &str) -> (&'static str, &'static [u8]) {
    match kind {
        "image" => ("image/jpeg", include_bytes!("../../samples/photo.jpg")),
        "video" => ("video/mp4", include_bytes!("../../samples/clip.mp4")),
        "audio" => ("audio/ogg; codecs=opus", include_bytes!("../../samples/voice.ogg")),
        "sticker" => ("image/webp", include_bytes!("../../samples/sticker.webp")),
        _ => ("application/pdf", include_bytes!("../../samples/order.pdf")),
    }
}

/// The media object for a kind and, if it is given, an id.
pub(crate) type MediaOf<'a> = dyn Fn(&str, Option<&str>) -> Result<Value, PhoneError> + 'a;

/// What a draft needs to know to become a message object.
pub(crate) struct Desk<'a> {
    pub(crate) number: &'a Number,
    /// Keeps a sample, or finds media by its id: the media object of the message.
    pub(crate) media: &'a MediaOf<'a>,
    /// The token of the form that a message offered.
    pub(crate) flow_token: &'a dyn Fn(&str) -> Option<String>,
}

/// The message object of a draft, without sender, id and time.
pub(crate) fn message(draft: &Draft, desk: &Desk<'_>) -> Result<Map<String, Value>, PhoneError> {
    let mut message = content(&draft.content, desk)?;
    let mut context = message.remove("context").unwrap_or_else(|| json!({}));
    if let Some(wamid) = &draft.quote {
        context = json!({ "from": desk.number.display_phone_number, "id": wamid });
    }
    match draft.forwarded {
        Some(Forwarded::Once) => context["forwarded"] = json!(true),
        Some(Forwarded::Often) => context["frequently_forwarded"] = json!(true),
        None => {}
    }
    if context.as_object().is_some_and(|c| !c.is_empty()) {
        message.insert("context".into(), context);
    }
    if draft.from_ad {
        message.insert("referral".into(), referral());
    }
    Ok(message)
}

fn content(content: &Content, desk: &Desk<'_>) -> Result<Map<String, Value>, PhoneError> {
    let file = |kind: &str, id: &Option<String>, more: Value| {
        let mut media = (desk.media)(kind, id.as_deref())?;
        for (key, value) in more.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null()) {
            media[key] = value.clone();
        }
        Ok(typed(kind, media))
    };
    match content {
        Content::Text { body } => inbound::text(body),
        Content::Image { caption, media_id } => file("image", media_id, json!({ "caption": caption })),
        Content::Video { caption, media_id } => file("video", media_id, json!({ "caption": caption })),
        Content::Audio { voice, media_id } => file("audio", media_id, json!({ "voice": voice })),
        Content::Document { filename, caption, media_id } => {
            let filename = filename.as_deref().unwrap_or("order.pdf");
            file("document", media_id, json!({ "filename": filename, "caption": caption }))
        }
        Content::Sticker { media_id } => file("sticker", media_id, json!({ "animated": false })),
        Content::Location { latitude, longitude, name, address } => Ok(place(*latitude, *longitude, name, address)),
        Content::Contacts { requested } => Ok(contacts(*requested)),
        Content::Reaction { wamid, emoji } => {
            let mut reaction = json!({ "message_id": wamid });
            if let Some(emoji) = emoji {
                reaction["emoji"] = json!(emoji);
            }
            Ok(typed("reaction", reaction))
        }
        Content::Order {} => Ok(typed("order", order())),
        Content::FlowReply { wamid, response } => {
            let token = (desk.flow_token)(wamid).map(|token| ("flow_token".to_owned(), json!(token)));
            let response = token.into_iter().chain(response.clone()).collect::<Map<_, _>>();
            Ok(form(desk, wamid, "flow", "Sent", &Value::Object(response)))
        }
        Content::AddressReply { wamid } => {
            let values = json!({ "name": "Ada Obi", "phone_number": "+447700900101", "in_pin_code": "400063",
                "house_number": "12", "address": "1 High St", "city": "Mumbai", "state": "Maharashtra" });
            let body = "Ada Obi\n12, 1 High St\nMumbai, 400063";
            Ok(form(desk, wamid, "address_message", body, &json!({ "saved_address_id": "a1", "values": values })))
        }
        Content::Edit { wamid, body } => {
            inbound::text(body)?;
            let message = json!({ "type": "text", "text": { "body": body } });
            Ok(typed("edit", json!({ "original_message_id": wamid, "message": message })))
        }
        Content::Revoke { wamid } => Ok(typed("revoke", json!({ "original_message_id": wamid }))),
        Content::Unsupported { kind } => Ok(unsupported(kind.as_deref().unwrap_or("poll_creation"))),
    }
}

fn typed(kind: &str, content: Value) -> Map<String, Value> {
    inbound::object(json!({ "type": kind, kind: content }))
}

fn place(
    latitude: Option<f64>,
    longitude: Option<f64>,
    name: &Option<String>,
    address: &Option<String>,
) -> Map<String, Value> {
    let given = latitude.is_some() || longitude.is_some();
    let mut place = json!({ "latitude": latitude.unwrap_or(53.8), "longitude": longitude.unwrap_or(-1.55) });
    let or_sample = |value: &Option<String>, sample: &str| value.clone().or((!given).then(|| sample.to_owned()));
    if let Some(name) = or_sample(name, "Town Hall") {
        place["name"] = json!(name);
    }
    if let Some(address) = or_sample(address, "The Headrow, Leeds") {
        place["address"] = json!(address);
    }
    typed("location", place)
}

fn contacts(requested: bool) -> Map<String, Value> {
    let origin = if requested { "contact_request" } else { "other" };
    typed(
        "contacts",
        json!([{
            "name": { "formatted_name": "Tola B", "first_name": "Tola", "last_name": "B" },
            "phones": [{ "phone": "+44 7700 900456", "wa_id": "447700900456", "type": "CELL" }],
            "emails": [{ "email": "tola@example.org", "type": "WORK" }],
            "org": { "company": "Acme", "department": "Ops", "title": "Lead" },
            "origin": origin,
        }]),
    )
}

fn order() -> Value {
    let item = |id: &str, quantity: u32, price: f64| json!({ "product_retailer_id": id, "quantity": quantity, "item_price": price, "currency": "GBP" });
    json!({ "catalog_id": "555", "text": "By noon, please", "product_items": [item("sku-9", 2, 4.5), item("sku-12", 1, 12.0)] })
}

fn form(desk: &Desk<'_>, wamid: &str, name: &str, body: &str, response: &Value) -> Map<String, Value> {
    let reply = json!({ "name": name, "body": body, "response_json": response.to_string() });
    let mut message = typed("interactive", json!({ "type": "nfm_reply", "nfm_reply": reply }));
    message.insert("context".into(), json!({ "from": desk.number.display_phone_number, "id": wamid }));
    message
}

fn unsupported(kind: &str) -> Map<String, Value> {
    let title = "Message type unknown";
    let details = json!({ "details": "Message type is currently not supported." });
    let error = json!({ "code": 131051, "title": title, "message": title, "error_data": details });
    let mut message = typed("unsupported", json!({ "type": kind }));
    message.insert("errors".into(), json!([error]));
    message
}

fn referral() -> Value {
    json!({
        "source_url": "https://ads.example/ad", "source_id": "120000000001", "source_type": "ad",
        "headline": "Try it", "body": "Half price", "media_type": "image",
        "image_url": "https://ads.example/a.jpg", "ctwa_clid": "clid-123",
        "welcome_message": { "text": "Hi! Ask away." },
    })
}
