//! Checks a send as Meta would. Written from Meta's documentation alone and on purpose not shared
//! with the engine: what one side gets wrong, the other one refuses.

mod content;
mod interactive;
mod parts;
pub(crate) mod template;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::Refusal;
use crate::config::Number;
use crate::media::Media;
use crate::templates::{StoredTemplate, Templates};
use parts::{object, only_keys, required_string, string_of};

/// What a check looks things up in.
pub(crate) struct Known<'a> {
    pub(crate) number: &'a Number,
    pub(crate) media: &'a Media,
    pub(crate) templates: &'a Templates,
    pub(crate) now_ms: u64,
}

/// A call that is well formed.
#[derive(Debug)]
pub(crate) enum Call {
    Read(Read),
    Send(Send),
}

/// A read receipt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) wamid: String,
    pub(crate) typing: bool,
}

/// A message for a person.
#[derive(Debug)]
pub(crate) struct Send {
    /// As the caller wrote it.
    pub(crate) input: String,
    pub(crate) person: Person,
    pub(crate) callback_data: Option<String>,
    pub(crate) template: Option<Arc<StoredTemplate>>,
    pub(crate) is_reaction: bool,
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Person {
    /// Digits only.
    Phone(String),
    UserId(String),
}

impl Person {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Phone(id) | Self::UserId(id) => id,
        }
    }
}

const TYPES: [&str; 11] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "template",
];

const ENVELOPE: [&str; 10] = [
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "type",
    "context",
    "biz_opaque_callback_data",
    "recipient_identity_key_hash",
    "message_send_ttl_seconds",
    "product_policy",
];

pub(crate) fn check(body: &Value, known: &Known<'_>) -> Result<Call, Refusal> {
    let body = body.as_object().ok_or_else(|| Refusal::parameter("The request body must be a JSON object."))?;
    match body.get("messaging_product").map(|v| v.as_str()) {
        Some(Some("whatsapp")) => {}
        None => return Err(Refusal::parameter("The parameter messaging_product is required.")),
        Some(_) => return Err(Refusal::parameter("Param messaging_product must be one of {WHATSAPP}")),
    }
    if body.contains_key("status") { read(body).map(Call::Read) } else { send(body, known).map(Call::Send) }
}

fn read(body: &Map<String, Value>) -> Result<Read, Refusal> {
    only_keys(body, &["messaging_product", "status", "message_id", "typing_indicator"], "$")?;
    if body.get("status").and_then(Value::as_str) != Some("read") {
        return Err(Refusal::parameter("Param status must be one of {READ}"));
    }
    let wamid = match body.get("message_id").and_then(Value::as_str) {
        None | Some("") => return Err(Refusal::parameter("The parameter message_id is required.")),
        Some(id) if !id.starts_with("wamid.") => return Err(Refusal::value("Message id is invalid.")),
        Some(id) => id.to_owned(),
    };
    let typing = match body.get("typing_indicator") {
        None => false,
        Some(indicator) if indicator["type"] == "text" => true,
        Some(_) => return Err(Refusal::parameter("Param typing_indicator['type'] must be one of {TEXT}")),
    };
    Ok(Read { wamid, typing })
}

fn send(body: &Map<String, Value>, known: &Known<'_>) -> Result<Send, Refusal> {
    let kind = match body.get("type") {
        None => "text",
        Some(kind) => string_of(kind, "type")?,
    };
    if !TYPES.contains(&kind) {
        return Err(Refusal::parameter(format!(
            "Param type must be one of {{AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, \
             TEMPLATE, TEXT, VIDEO}} - got \"{kind}\"."
        )));
    }
    let fits = |key: &String| ENVELOPE.contains(&key.as_str()) || key == kind;
    if let Some(odd) = body.keys().find(|k| !fits(k)) {
        return Err(Refusal::parameter(format!("Unexpected key \"{odd}\" on param \"$\".")));
    }
    let (input, person) = person(body, known.number)?;
    let callback_data = callback_data(body)?;
    context(body, kind)?;
    let content = body.get(kind).ok_or_else(|| Refusal::parameter(format!("The parameter {kind} is required.")))?;
    let template = content_of(kind, content, &person, known)?;
    Ok(Send { input, person, callback_data, template, is_reaction: kind == "reaction" })
}

fn person(body: &Map<String, Value>, number: &Number) -> Result<(String, Person), Refusal> {
    match body.get("recipient_type").map(|v| v.as_str()) {
        None | Some(Some("individual")) => {}
        Some(Some("group")) => return Err(Refusal::parameter("Groups are not simulated.")),
        Some(_) => return Err(Refusal::parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}")),
    }
    // If both are given, `to` wins.
    if let Some(to) = body.get("to") {
        let input = string_of(to, "to")?;
        let digits = digits(input).ok_or_else(|| Refusal::value(format!("to: {input:?} is not a phone number.")))?;
        if digits == number.display_phone_number {
            return Err(Refusal::new(131021, "The recipient is the business number itself."));
        }
        return Ok((input.to_owned(), Person::Phone(digits)));
    }
    let Some(recipient) = body.get("recipient") else {
        return Err(Refusal::parameter("The parameter to is required."));
    };
    let input = string_of(recipient, "recipient")?;
    if !is_user_id(input) {
        return Err(Refusal::value(format!("recipient: {input:?} is not a business-scoped user id.")));
    }
    Ok((input.to_owned(), Person::UserId(input.to_owned())))
}

/// Digits of a phone number in any accepted spelling: plus, hyphens, parentheses and spaces.
fn digits(input: &str) -> Option<String> {
    let rest = input.trim().strip_prefix('+').unwrap_or(input.trim());
    let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let right = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    right.then_some(digits)
}

/// `GB.7781902234411`, or the parent form `GB.ENT.7781902234411`.
fn is_user_id(input: &str) -> bool {
    let Some((country, id)) = input.split_once('.') else { return false };
    let id = id.strip_prefix("ENT.").unwrap_or(id);
    country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn callback_data(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(data) = body.get("biz_opaque_callback_data") else { return Ok(None) };
    let data = string_of(data, "biz_opaque_callback_data")?;
    if data.chars().count() > 512 {
        return Err(Refusal::parameter("Param biz_opaque_callback_data must be at most 512 characters long."));
    }
    Ok(Some(data.to_owned()))
}

fn context(body: &Map<String, Value>, kind: &str) -> Result<(), Refusal> {
    let Some(context) = body.get("context") else { return Ok(()) };
    if kind == "reaction" {
        return Err(Refusal::parameter("A reaction does not take a context."));
    }
    let context = object(context, "context")?;
    let id = required_string(context, "message_id", "context")?;
    if id.starts_with("wamid.") { Ok(()) } else { Err(Refusal::value("context.message_id is not a message id.")) }
}

fn content_of(
    kind: &str,
    content: &Value,
    person: &Person,
    known: &Known<'_>,
) -> Result<Option<Arc<StoredTemplate>>, Refusal> {
    if kind == "contacts" {
        return content::contacts(content).map(|()| None);
    }
    let map = object(content, kind)?;
    match kind {
        "template" => return template::check(map, person, known).map(Some),
        "text" => content::text(map),
        "image" | "video" | "document" | "audio" | "sticker" => content::media(map, kind, known),
        "location" => content::location(map),
        "reaction" => content::reaction(map),
        _ => interactive::check(map, known),
    }
    .map(|()| None)
}

#[cfg(test)]
mod tests;
