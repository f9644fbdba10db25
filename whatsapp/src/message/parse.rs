//! Raw Cloud API bodies, as operators write them, read into the checked types.

use serde_json::Value;

use super::check::{Check, OBJECT};
use super::media::{Media, MediaKind};
use super::part::Part;
use super::{ADDRESSING, Contacts, Location, Other, Outgoing, Quote, Reaction, Template, interactive, text};
use crate::limits::{Limit, LimitError};

impl Outgoing {
    /// Reads a message body without `to`. Addressee and callback data are not looked at:
    /// [`body`](Self::body) sets them. A type that is not known here is checked for its shape only (an
    /// object under the name of the type) and kept as [`Outgoing::Other`].
    ///
    /// Errors: everything that is wrong, each by its path. A member that a known type does not have is
    /// wrong too: Meta refuses it, and to leave it out would send something else than was written.
    pub fn parse(body: &Value) -> Result<Self, Vec<LimitError>> {
        let mut check = Check::default();
        let message = match body {
            Value::Object(_) => read(&mut check, &Part::root(body)),
            _ => {
                check.fail("the message", OBJECT, 0, None);
                None
            }
        };
        check.all()?;
        Ok(message.expect("a message that cannot be read has been reported"))
    }
}

fn read(check: &mut Check, body: &Part<'_>) -> Option<Outgoing> {
    let (product, recipient) = (body.get("messaging_product"), body.get("recipient_type"));
    if product.exists() && !product.is("whatsapp") {
        product.fail(check, Limit::Form("`whatsapp`"));
    }
    if recipient.exists() && !recipient.is("individual") {
        recipient.fail(check, Limit::Form("`individual`"));
    }
    let kind = body.get("type").needed(check);
    if kind.is_empty() {
        return None;
    }
    let message = content(check, body, &kind);
    let context = body.get("context");
    if !context.exists() {
        return Some(message);
    }
    if context.value().is_some_and(Value::is_object) {
        context.members(check, &["message_id"]);
    }
    let id = context.get("message_id").needed(check);
    match Quote::new(id, message) {
        Ok(quote) => Some(Outgoing::Quote(quote)),
        Err(error) => {
            check.fail(error.field, error.limit, error.actual, error.value.as_deref());
            None
        }
    }
}

fn content(check: &mut Check, body: &Part<'_>, kind: &str) -> Outgoing {
    let part = body.get(kind);
    let known = matches!(kind, "text" | "location" | "contacts" | "reaction" | "template" | "interactive");
    if known || MediaKind::from_name(kind).is_some() {
        let mut names = vec!["type", kind, "context"];
        names.extend(ADDRESSING);
        body.members(check, &names);
    }
    match kind {
        "text" => text::read(check, &part).into(),
        "location" => Location::read(check, &part).into(),
        "contacts" => Contacts::read(check, &part).into(),
        "reaction" => Reaction::read(check, &part).into(),
        "template" => Template::read(check, &part).into(),
        "interactive" => interactive(check, &part, body),
        _ => match MediaKind::from_name(kind) {
            Some(media) => Media::read(check, media, &part).into(),
            None => {
                other(check, &part);
                Other::read(body).into()
            }
        },
    }
}

fn interactive(check: &mut Check, part: &Part<'_>, body: &Part<'_>) -> Outgoing {
    if !part.value().is_some_and(Value::is_object) {
        other(check, part);
        return Other::read(body).into();
    }
    interactive::read(check, part, body)
}

/// What is asked of a type that is not known.
fn other(check: &mut Check, part: &Part<'_>) {
    match part.exists() {
        false => part.fail(check, Limit::NotEmpty),
        true => drop(part.open(check)),
    }
}
