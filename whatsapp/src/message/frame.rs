//! Header, body and footer of interactive messages.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::check::Check;
use super::media::{Media, MediaKind};
use super::part::Part;
use super::{Outgoing, filled, members};
use crate::limits::{self, Limit, LimitError};

/// What stands above the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// Text of up to 60 characters.
    Text(String),
    /// An image, video or document, without caption.
    Media(Media),
}

/// Header, body and footer. They are checked with the message that they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    header: Option<Header>,
    body: String,
    footer: Option<String>,
}

/// What a kind of message allows above its body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Headers {
    None,
    Text,
    NeedsText,
    Any,
}

/// What a kind of message allows around its action.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) headers: Headers,
    pub(super) body_needed: bool,
    pub(super) footer: bool,
}

impl From<&str> for Frame {
    fn from(body: &str) -> Self {
        Self::new(body)
    }
}

impl From<String> for Frame {
    fn from(body: String) -> Self {
        Self::new(body)
    }
}

impl Frame {
    /// A body alone.
    pub fn new(body: impl Into<String>) -> Self {
        Self { header: None, body: body.into(), footer: None }
    }

    /// Sets a text header; an empty one is left out.
    #[must_use]
    pub fn with_header(mut self, header: impl Into<String>) -> Self {
        self.header = filled(Some(header.into())).map(Header::Text);
        self
    }

    /// Sets an image, video or document above the body.
    #[must_use]
    pub fn with_media_header(mut self, media: Media) -> Self {
        self.header = Some(Header::Media(media));
        self
    }

    /// Sets a footer; an empty one is left out.
    #[must_use]
    pub fn with_footer(mut self, footer: impl Into<String>) -> Self {
        self.footer = filled(Some(footer.into()));
        self
    }

    /// What stands above the body.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text below it.
    pub fn footer(&self) -> Option<&str> {
        self.footer.as_deref()
    }

    pub(super) fn into_parts(self) -> (Option<Header>, String, Option<String>) {
        (self.header, self.body, self.footer)
    }

    /// An interactive message of this kind and action.
    pub(super) fn around(&self, kind: &str, action: Value) -> Value {
        let text = |text: &String| json!({ "text": text });
        let content = members([
            ("type", Some(json!(kind))),
            ("header", self.header.as_ref().map(Header::content)),
            ("body", (!self.body.is_empty()).then(|| text(&self.body))),
            ("footer", self.footer.as_ref().map(text)),
            ("action", Some(action)),
        ]);
        json!({ "type": "interactive", "interactive": content })
    }

    /// Reads and checks what stands around the action.
    pub(super) fn read(check: &mut Check, part: &Part<'_>, rules: Rules) -> Self {
        Self {
            header: read_header(check, &part.get("header"), rules.headers),
            body: read_body(check, &part.get("body"), rules.body_needed),
            footer: read_footer(check, &part.get("footer"), rules.footer),
        }
    }
}

impl Header {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Media(_) => None,
        }
    }

    pub(super) fn content(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text }),
            Self::Media(media) => media.raw(),
        }
    }

    /// Why this media cannot stand above a body.
    pub(super) fn check(&self, check: &mut Check, field: &str) {
        let Self::Media(media) = self else { return };
        let kind = media.kind();
        if matches!(kind, MediaKind::Audio | MediaKind::Sticker) {
            check.fail(format!("{field}.type"), Limit::Form(HEADER_TYPES), 0, Some(kind.as_str()));
        }
        if media.caption().is_some() {
            check.fail(format!("{field}.{}.caption", kind.as_str()), Limit::Form("left out"), 0, None);
        }
    }
}

const HEADER_TYPES: &str = "`text`, `image`, `video` or `document`";

fn read_header(check: &mut Check, part: &Part<'_>, headers: Headers) -> Option<Header> {
    if !part.exists() {
        if headers == Headers::NeedsText {
            part.fail(check, Limit::NotEmpty);
        }
        return None;
    }
    if headers == Headers::None {
        part.fail(check, Limit::Form("left out"));
        return None;
    }
    let kind = part.get("type").any_text(check);
    match (kind.as_str(), headers) {
        ("text", _) => {
            part.members(check, &["type", "text"]);
            Some(Header::Text(part.get("text").text(check, limits::HEADER)))
        }
        ("image" | "video" | "document", Headers::Any) => {
            part.members(check, &["type", &kind]);
            let media = MediaKind::from_name(&kind)?;
            let header = Header::Media(Media::read(check, media, &part.get(&kind)));
            header.check(check, &part.path());
            Some(header)
        }
        (_, Headers::Any) => {
            part.get("type").fail(check, Limit::Form(HEADER_TYPES));
            None
        }
        _ => {
            part.get("type").fail(check, Limit::Form("`text`"));
            None
        }
    }
}

fn read_body(check: &mut Check, part: &Part<'_>, needed: bool) -> String {
    if part.exists() {
        part.members(check, &["text"]);
    }
    let text = part.get("text");
    match needed {
        true => text.text(check, limits::INTERACTIVE_BODY),
        false => text.optional(check, limits::INTERACTIVE_BODY).unwrap_or_default(),
    }
}

fn read_footer(check: &mut Check, part: &Part<'_>, allowed: bool) -> Option<String> {
    if !part.exists() {
        return None;
    }
    if !allowed {
        part.fail(check, Limit::Form("left out"));
        return None;
    }
    part.members(check, &["text"]);
    part.get("text").optional(check, limits::FOOTER)
}

/// Text is stored as it is, media as on the wire.
impl Serialize for Header {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => output.serialize_str(text),
            Self::Media(media) => media.raw().serialize(output),
        }
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let stored = Value::deserialize(input)?;
        if let Value::String(text) = stored {
            return Ok(Self::Text(text));
        }
        match Outgoing::parse(&stored) {
            Ok(Outgoing::Media(media)) => Ok(Self::Media(media)),
            Ok(_) => Err(serde::de::Error::custom("a header is a text or media")),
            Err(errors) => Err(serde::de::Error::custom(first(errors))),
        }
    }
}

/// The first of the errors that a refusal has at least one of.
pub(super) fn first(errors: Vec<LimitError>) -> LimitError {
    errors.into_iter().next().expect("a refusal names what is wrong")
}
