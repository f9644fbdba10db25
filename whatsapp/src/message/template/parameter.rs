//! A value that fills a place in a template.

use serde_json::{Value, json};

use super::super::media::{Media, MediaKind};
use super::super::members;
use super::super::place::Location;
use super::{Check, Limit, Part};

/// A value for a header or body. `name` is for templates with named parameters; otherwise order counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// Text: 60 characters in a header; 1024 in a body, 32768 when the body stands alone.
    Text {
        /// The text.
        text: String,
        /// The parameter's name.
        name: Option<String>,
    },
    /// An amount of money.
    Currency {
        /// What is shown where the amount cannot be formatted.
        fallback: String,
        /// E.g. `GBP`.
        code: String,
        /// The amount times 1000.
        amount_1000: i64,
        /// The parameter's name.
        name: Option<String>,
    },
    /// A moment, as text; Meta reads no other form of it.
    DateTime {
        /// The text.
        fallback: String,
        /// The parameter's name.
        name: Option<String>,
    },
    /// An image, video or document, without caption; in a header.
    Media(Media),
    /// A place; in a header.
    Location(Location),
    /// A kind that is not known here, unchecked.
    Other(Value),
}

impl Parameter {
    /// A positional text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), name: None }
    }

    /// A named text.
    pub fn named(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), name: Some(name.into()) }
    }

    pub(super) fn content(&self) -> Value {
        let (kind, value, name) = match self {
            Self::Text { text, name } => ("text", json!(text), name),
            Self::Currency { fallback, code, amount_1000, name } => {
                ("currency", json!({ "fallback_value": fallback, "code": code, "amount_1000": amount_1000 }), name)
            }
            Self::DateTime { fallback, name } => ("date_time", json!({ "fallback_value": fallback }), name),
            Self::Media(media) => return media.raw(),
            Self::Location(place) => return place.raw(),
            Self::Other(value) => return value.clone(),
        };
        let mut parameter = members([("parameter_name", name.as_ref().map(|name| json!(name)))]);
        parameter["type"] = json!(kind);
        parameter[kind] = value;
        parameter
    }

    /// Reads a parameter of a header or body whose texts may have `max` characters.
    pub(super) fn read(check: &mut Check, part: &Part<'_>, max: usize) -> Self {
        let kind = part.get("type").any_text(check);
        let inner = part.get(&kind);
        let name = |check: &mut Check| {
            part.members(check, &["type", "parameter_name", &kind]);
            part.get("parameter_name").optional(check, usize::MAX)
        };
        match kind.as_str() {
            "text" => Self::Text { name: name(check), text: inner.text(check, max) },
            "currency" => {
                let name = name(check);
                inner.members(check, &["fallback_value", "code", "amount_1000"]);
                let (fallback, code) = (inner.get("fallback_value").needed(check), inner.get("code").needed(check));
                Self::Currency { fallback, code, amount_1000: inner.get("amount_1000").integer(check), name }
            }
            "date_time" => {
                let name = name(check);
                inner.open(check);
                Self::DateTime { fallback: inner.get("fallback_value").needed(check), name }
            }
            "location" => Self::Location(Location::read(check, &inner)),
            "" => {
                part.get("type").fail(check, Limit::NotEmpty);
                Self::Other(Value::Null)
            }
            _ => match MediaKind::from_name(&kind) {
                Some(media) => Self::Media(read_media(check, media, part, &inner)),
                None => Self::Other(part.open(check).unwrap_or_default()),
            },
        }
    }
}

fn read_media(check: &mut Check, kind: MediaKind, part: &Part<'_>, inner: &Part<'_>) -> Media {
    if matches!(kind, MediaKind::Audio | MediaKind::Sticker) {
        part.get("type").fail(check, Limit::Form("`image`, `video` or `document`"));
    }
    if inner.get("caption").exists() {
        inner.get("caption").fail(check, Limit::Form("left out"));
    }
    Media::read(check, kind, inner)
}
