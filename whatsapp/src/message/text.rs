//! A text message.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::Check;
use super::members;
use super::part::Part;
use crate::limits::{self, LimitError};

/// Written text, 1 to 4096 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Text {
    body: String,
    preview_url: bool,
}

#[derive(Deserialize)]
struct Unchecked {
    body: String,
    #[serde(default)]
    preview_url: bool,
}

impl TryFrom<Unchecked> for Text {
    type Error = LimitError;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitError> {
        Ok(Self { preview_url: unchecked.preview_url, ..Self::new(unchecked.body)? })
    }
}

impl Text {
    /// Checks the text. Errors: empty, or too long.
    pub fn new(body: impl Into<String>) -> Result<Self, LimitError> {
        let text = Self { body: body.into(), preview_url: false };
        let mut check = Check::default();
        check.text(Some(&text.body), limits::TEXT_BODY, || "body".to_owned());
        check.first().map(|()| text)
    }

    /// Shows a preview of the first address in the text.
    #[must_use]
    pub fn with_preview(mut self) -> Self {
        self.preview_url = true;
        self
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.body
    }

    pub(super) fn content(&self) -> Value {
        members([("preview_url", self.preview_url.then_some(Value::Bool(true))), ("body", Some(json!(self.body)))])
    }
}

/// Reads the member `text`.
pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Text {
    part.members(check, &["body", "preview_url"]);
    Text { body: part.get("body").text(check, limits::TEXT_BODY), preview_url: part.get("preview_url").flag(check) }
}
