//! What a bot says: a message of a bot file, read, checked and filled with the values of a turn.

mod frame;
mod kinds;
mod media;
pub(crate) mod shape;
pub(crate) mod template;

use whatsapp::limits::{Limit, LimitError};
use whatsapp::message::{Outgoing, Text};

use crate::bot::read::{AND_MORE, At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::expr::{Expr, Template};
use crate::tree;
use crate::turn::{Fault, Walk};
use shape::{Place, Shape};

pub(crate) use frame::{read_media_header, read_with as read_frame};
pub use kinds::TYPES;

/// Keys beside the one that names the kind.
const BESIDE: &[&str] = &["preview_url", "reply_to", "variants"];
/// Keys that come later.
const LATER: &[&str] = &["delay_ms"];

/// A message of a bot file.
pub(crate) struct Message {
    body: Body,
    reply_to: Option<ReplyTo>,
    /// Where it stands, for errors in a turn.
    path: String,
}

pub(crate) enum Body {
    /// Written text, the most frequent kind.
    Text { text: Template, preview: bool },
    /// The same in every turn.
    Ready(Box<Outgoing>),
    /// Everything else.
    Shape(Shape),
    /// One of these, by the seed.
    OneOf(Vec<Message>),
}

enum ReplyTo {
    /// The person's last message.
    Last,
    /// The message with this id; none if it comes out empty.
    Id(Expr),
}

/// Reads a message: a map with one key that names its kind, or a text.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Message> {
    if !matches!(at.node.kind, tree::Kind::Map(_)) {
        let text = read_text(reader, at)?;
        return Some(Message::of(Body::Text { text, preview: false }, at));
    }
    let known: Vec<&str> = TYPES.iter().chain(BESIDE).copied().collect();
    let fields = reader.fields_with(at, &known, LATER)?;
    let mut message = read_body(reader, at, &fields)?;
    if let Some(at) = fields.get("reply_to") {
        message.reply_to = read_reply_to(reader, &at);
        if fields.get("reaction").is_some() {
            let help = "a reaction names its message by `to`";
            reader.report(explain::WRONG_VALUE, &at, "a reaction cannot quote").help = Some(help.to_owned());
        }
    }
    Some(message)
}

fn read_body(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<Message> {
    let named: Vec<&str> = TYPES.iter().copied().chain(["variants"]).filter(|key| fields.get(key).is_some()).collect();
    let [kind] = named.as_slice() else {
        let later = LATER.iter().any(|key| fields.get(key).is_some());
        match named.is_empty() {
            true if later => {}
            true => {
                reader.report(explain::MISSING_KEY, at, "a message needs a kind, such as `text` or `image`");
            }
            false => {
                let message = format!("one message cannot be {} at once", crate::bot::read::list(&named));
                reader.report(explain::WRONG_VALUE, at, message).help = Some("make it two messages".to_owned());
            }
        }
        return None;
    };
    let preview = fields.get("preview_url");
    if let Some(at) = preview.as_ref().filter(|_| *kind != "text") {
        reader.report(explain::WRONG_VALUE, at, "only a `text` has a preview");
    }
    let value = fields.get(kind)?;
    let body = match *kind {
        "text" => {
            let text = read_text(reader, &value)?;
            Body::Text { text, preview: preview.and_then(|at| reader.flag(&at)).unwrap_or_default() }
        }
        "variants" => Body::OneOf(read_variants(reader, &value)?),
        kind => shaped(reader, at, |reader| kinds::read(reader, kind, &value))?,
    };
    Some(Message::of(body, &value))
}

fn read_text(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Template> {
    reader.template_up_to(at, "text", whatsapp::limits::TEXT_BODY)
}

fn read_variants(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Vec<Message>> {
    let items = reader.list(at);
    if items.is_empty() || items.len() > caps::MAX_VARIANTS {
        let message = format!("{} variants, a message may have 1 to {}", items.len(), caps::MAX_VARIANTS);
        reader.report(explain::TOO_MANY, at, message);
        return None;
    }
    let nested = items.iter().find(|item| item.node.get("variants").is_some());
    if let Some(item) = nested {
        reader.report(explain::WRONG_VALUE, item, "a variant cannot have variants");
        return None;
    }
    let messages: Vec<Message> = items.iter().filter_map(|item| read(reader, item)).collect();
    (messages.len() == items.len()).then_some(messages)
}

/// `last`, or an expression that gives the id of a message.
fn read_reply_to(reader: &mut Reader<'_>, at: &At<'_>) -> Option<ReplyTo> {
    match &at.node.kind {
        tree::Kind::Text(word) if word == "last" => Some(ReplyTo::Last),
        _ => reader.expression(at).map(ReplyTo::Id),
    }
}

/// Reads a shape and holds it against Meta's limits, unless reading it found something already.
pub(crate) fn shaped(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Option<Shape>,
) -> Option<Body> {
    let before = reader.error_count();
    let shape = read(reader)?;
    if reader.error_count() > before {
        return None;
    }
    for language in [None].into_iter().chain(reader.i18n.languages().into_iter().map(Some)) {
        let filled = shape.stand_in(&mut 0, language.as_deref()).unwrap_or_default();
        match Outgoing::parse(&filled) {
            Ok(message) if shape.is_constant() => return Some(Body::Ready(Box::new(message))),
            Ok(_) => {}
            Err(errors) => {
                let mut found = false;
                for error in errors {
                    found |= report(reader, at, &shape, &error, language.as_deref());
                }
                if found {
                    return None;
                }
            }
        }
    }
    Some(Body::Shape(shape))
}

/// Reports a broken limit at its place; false if it only broke because the value is not known yet.
fn report(reader: &mut Reader<'_>, at: &At<'_>, shape: &Shape, error: &LimitError, language: Option<&str>) -> bool {
    let (part, missing) = shape.part(&error.field);
    let least = part.at_least(language);
    if part.is_computed(language) && !matches!(error.limit, Limit::MaxChars(max) if least > max) {
        return false;
    }
    let place = part.place();
    let place = if place.span.is_empty() { &Place::of(at) } else { place };
    let thing = thing(place.key(), missing);
    let (code, message) = match error.limit {
        Limit::MaxChars(max) => {
            let (actual, rest) = if part.is_computed(language) { (least, AND_MORE) } else { (error.actual, "") };
            (explain::TOO_LONG, format!("{thing} is too long: {actual} characters{rest}, WhatsApp allows {max}"))
        }
        Limit::MaxItems(_) | Limit::MinItems(_) => (explain::TOO_MANY, format!("{thing} {}", rest(error))),
        Limit::Unique => (explain::TWICE, format!("{thing} {}", rest(error))),
        _ => (explain::WRONG_VALUE, format!("{thing} {}", rest(error))),
    };
    let language = language.map(|language| format!(", in `{language}`")).unwrap_or_default();
    reader.report_span(code, place.span.clone(), &place.pointer, message + &language);
    true
}

/// How a part is called, or what is missing in it.
fn thing(name: &str, missing: Option<&str>) -> String {
    match missing {
        Some(missing) => format!("{name}: {missing}"),
        None => name.to_owned(),
    }
}

/// An error without the field in front.
fn rest(error: &LimitError) -> String {
    let text = error.to_string();
    text.strip_prefix(error.field.as_str()).unwrap_or(&text).trim_start().to_owned()
}

impl Message {
    /// A message whose content stands at this place.
    pub(crate) fn of(body: Body, at: &At<'_>) -> Self {
        Self { body, reply_to: None, path: Place::of(at).path() }
    }

    /// What is said in this turn; `None` if a text comes out empty.
    pub(crate) fn fill(&self, walk: &mut Walk<'_>) -> Result<Option<Outgoing>, Fault> {
        let message = match &self.body {
            Body::Text { text, preview } => self.fill_text(walk, text, *preview)?,
            Body::Ready(message) => Some(message.as_ref().clone()),
            Body::Shape(shape) => Some(self.fill_shape(walk, shape)?),
            Body::OneOf(variants) => variants[walk.draw(variants.len())].fill(walk)?,
        };
        match message {
            Some(message) => self.quoting(walk, message).map(Some),
            None => Ok(None),
        }
    }

    fn fill_text(&self, walk: &Walk<'_>, text: &Template, preview: bool) -> Result<Option<Outgoing>, Fault> {
        let text = walk.text(text)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let text = Text::new(text).map_err(|error| self.fault(&error))?;
        Ok(Some(if preview { text.with_preview() } else { text }.into()))
    }

    fn fill_shape(&self, walk: &Walk<'_>, shape: &Shape) -> Result<Outgoing, Fault> {
        let filled = shape.fill(walk)?.unwrap_or_default();
        Outgoing::parse(&filled).map_err(|errors| {
            let told = |error: &LimitError| {
                let (part, missing) = shape.part(&error.field);
                format!("{} {}", thing(&part.place().path(), missing), rest(error))
            };
            Fault::failed(errors.iter().map(told).collect::<Vec<_>>().join("; "))
        })
    }

    fn quoting(&self, walk: &Walk<'_>, message: Outgoing) -> Result<Outgoing, Fault> {
        let id = match &self.reply_to {
            None => return Ok(message),
            Some(ReplyTo::Last) => walk.last_message()?,
            Some(ReplyTo::Id(expr)) => {
                let value = expr.value(walk.scope()).map_err(Fault::evaluation)?;
                crate::expr::print(&value).unwrap_or_default()
            }
        };
        if id.trim().is_empty() {
            return Ok(message);
        }
        message.quoting(id).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &LimitError) -> Fault {
        Fault::failed(format!("{} {}", self.path, rest(error)))
    }
}
