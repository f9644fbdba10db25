//! `say`: sends messages and goes on.

use crate::bot::read::{Fields, Reader};
use crate::expr::Template;
use crate::turn::{Fault, Walk};
use whatsapp::limits;

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["messages"];
pub(super) const LATER: &[&str] = &["delay_ms", "reply_to", "variants", "header", "footer"];

/// Kinds of messages that come later.
const LATER_MESSAGES: &[&str] = &[
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "cta_url",
    "reaction",
    "product",
    "product_list",
    "location_request",
    "address",
    "carousel",
    "header",
    "footer",
    "delay_ms",
    "reply_to",
    "variants",
];

pub(crate) struct Say {
    messages: Vec<Template>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Say> {
    let at = reader.required(fields, "messages")?;
    let items = reader.list(&at);
    if items.is_empty() && !reader.has_errors() {
        reader.report(crate::explain::WRONG_VALUE, &at, "`messages` is empty");
    }
    let mut messages = Vec::new();
    for item in items {
        let Some(message) = reader.fields_with(&item, &["text"], LATER_MESSAGES) else { continue };
        if LATER_MESSAGES.iter().any(|key| message.get(key).is_some()) && message.get("text").is_none() {
            continue;
        }
        let Some(text) = reader.required(&message, "text") else { continue };
        messages.extend(reader.template_up_to(&text, "text", limits::TEXT_BODY));
    }
    Some(Say { messages })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: vec!["failed".into()] }
}

impl Say {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        for message in &self.messages {
            walk.send_text(here, message).map_err(|fault| fault.at_port("failed"))?;
        }
        Ok(Next::port("next"))
    }
}
