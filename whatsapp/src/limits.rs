//! Meta's length and count limits for outgoing messages, and the error that names a broken one.
//!
//! Lengths are counted in Unicode scalar values: Meta does not define "character", and this is never
//! laxer than UTF-16 within the basic plane. Source: Meta's message pages and OpenAPI file, 2026.

mod media;

use std::fmt;

use thiserror::Error;

pub use media::{
    AUDIO_VIDEO_BYTES, DOCUMENT_BYTES, IMAGE_BYTES, STICKER_BYTES, extensions, media_bytes, mime_type, takes,
};

/// Body of a text message.
pub const TEXT_BODY: usize = 4096;
/// Caption of an image, video or document.
pub const CAPTION: usize = 1024;
/// Body of an interactive message. For lists one page of Meta says 4096, its OpenAPI file 1024.
pub const INTERACTIVE_BODY: usize = 1024;
/// What the laxer page allows for the body of a list.
pub const LIST_BODY_RELAXED: usize = 4096;
/// Text header of an interactive message.
pub const HEADER: usize = 60;
/// Footer of an interactive message.
pub const FOOTER: usize = 60;
/// Reply buttons of a message.
pub const BUTTONS: usize = 3;
/// Id of a reply button.
pub const BUTTON_ID: usize = 256;
/// Title of a reply button, and of the button of a link.
pub const BUTTON_TITLE: usize = 20;
/// Text of the button that opens a list.
pub const LIST_BUTTON: usize = 20;
/// Sections of a list.
pub const SECTIONS: usize = 10;
/// Title of a section.
pub const SECTION_TITLE: usize = 24;
/// Rows of a list, over all its sections.
pub const ROWS: usize = 10;
/// Id of a row.
pub const ROW_ID: usize = 200;
/// Title of a row.
pub const ROW_TITLE: usize = 24;
/// Description of a row.
pub const ROW_DESCRIPTION: usize = 72;
/// `biz_opaque_callback_data`.
pub const CALLBACK_DATA: usize = 512;
/// Contacts of a contacts message.
pub const CONTACTS: usize = 257;
/// Sections of a product list.
pub const PRODUCT_SECTIONS: usize = 10;
/// Products of a product list, over all its sections.
pub const PRODUCTS: usize = 30;
/// The fewest cards of a carousel.
pub const CARDS_MIN: usize = 2;
/// Cards of a carousel.
pub const CARDS: usize = 10;
/// Body of a card.
pub const CARD_BODY: usize = 160;
/// Line breaks in the body of a card.
pub const CARD_BODY_BREAKS: usize = 2;
/// Text of the button that opens a Flow; advised by Meta, and its templates are stricter (25).
pub const FLOW_BUTTON: usize = 30;
/// A text parameter in the header of a template.
pub const TEMPLATE_HEADER: usize = 60;
/// A text parameter in the body of a template that has other components.
pub const TEMPLATE_BODY: usize = 1024;
/// A text parameter in a body that is the template's only component.
pub const TEMPLATE_BODY_ALONE: usize = 32_768;
/// Buttons of a template; their index is one less at most.
pub const TEMPLATE_BUTTONS: usize = 10;

/// How much of a value an error shows.
const SHOWN: usize = 40;

/// A part of a message that Meta would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} {limit}{}{}", Actual(limit, *actual), Shown(value.as_deref()))]
pub struct LimitError {
    /// The part, e.g. `buttons[1].title`, or its path in a raw body.
    pub field: String,
    /// What it breaks.
    pub limit: Limit,
    /// The length or count it has; for other limits 0.
    pub actual: usize,
    /// The text itself, cut for display.
    pub value: Option<String>,
}

/// A rule for a part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most this many characters.
    MaxChars(usize),
    /// Not empty.
    NotEmpty,
    /// At most this many elements.
    MaxItems(usize),
    /// At least this many elements.
    MinItems(usize),
    /// Not the same as an earlier one.
    Unique,
    /// No space at either end.
    NoOuterSpace,
    /// At most this many line breaks.
    MaxBreaks(usize),
    /// Not a member of this part.
    Unknown,
    /// Must have this form.
    Form(&'static str),
}

impl LimitError {
    pub(crate) fn new(field: impl Into<String>, limit: Limit, actual: usize, value: Option<&str>) -> Self {
        Self { field: field.into(), limit, actual, value: value.map(cut) }
    }
}

/// The number of characters as the limits count them.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some(_) => text.chars().take(SHOWN).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxChars(max) => write!(f, "may have {max} characters"),
            Self::NotEmpty => f.write_str("is missing or empty"),
            Self::MaxItems(max) => write!(f, "may have {max} elements"),
            Self::MinItems(min) => write!(f, "must have {min} or more elements"),
            Self::Unique => f.write_str("is used twice"),
            Self::NoOuterSpace => f.write_str("begins or ends with a space"),
            Self::MaxBreaks(max) => write!(f, "may have {max} line breaks"),
            Self::Unknown => f.write_str("is not known here"),
            Self::Form(form) => write!(f, "must be {form}"),
        }
    }
}

struct Actual<'a>(&'a Limit, usize);

impl fmt::Display for Actual<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Limit::MaxChars(_) | Limit::MaxItems(_) | Limit::MinItems(_) | Limit::MaxBreaks(_) => {
                write!(f, " and has {}", self.1)
            }
            _ => Ok(()),
        }
    }
}

struct Shown<'a>(Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |value| write!(f, ": `{value}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_what_limit_and_value() {
        let long = LimitError::new("buttons[1].title", Limit::MaxChars(20), 22, Some("Yes, please do it now!"));
        assert_eq!(long.to_string(), "buttons[1].title may have 20 characters and has 22: `Yes, please do it now!`");
        assert_eq!(LimitError::new("body", Limit::NotEmpty, 0, None).to_string(), "body is missing or empty");
        assert_eq!(
            LimitError::new("buttons[1].id", Limit::Unique, 0, Some("yes")).to_string(),
            "buttons[1].id is used twice: `yes`"
        );
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let error = LimitError::new("body", Limit::MaxChars(1), 100, Some(&"é".repeat(100)));
        assert_eq!(error.value.unwrap(), format!("{}…", "é".repeat(40)));
    }
}
