//! A message with one button that opens an address.

use serde_json::Value;

use super::{Check, Frame, Headers, LimitError, Part, Rules, link_action, link_content, on_the_wire};

const RULES: Rules = Rules { headers: Headers::Any, body_needed: true, footer: true };

/// Text with a button of up to 20 characters that opens an http or https address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    frame: Frame,
    button: String,
    url: String,
}

impl Link {
    /// Checks frame, button and address. Errors: the first limit that is broken.
    pub fn new(frame: impl Into<Frame>, button: impl Into<String>, url: impl Into<String>) -> Result<Self, LimitError> {
        Self { frame: frame.into(), button: button.into(), url: url.into() }.checked()
    }

    /// Header, body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The text of the button.
    pub fn button(&self) -> &str {
        &self.button
    }

    /// What it opens.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(in crate::message) fn raw(&self) -> Value {
        self.frame.around("cta_url", link_content(&self.button, &self.url))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, RULES);
        let (button, url) = link_action(check, &part.get("action"));
        Self { frame, button, url }
    }
}

on_the_wire!(Link);
