//! A message with reply buttons.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::{ButtonView, Check, Frame, Names};
use super::{filled, members, text_header};
use crate::limits::{self, LimitError};

/// Text with one to three reply buttons, and optionally a header and a footer of up to 60 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Buttons {
    header: Option<String>,
    body: String,
    footer: Option<String>,
    buttons: Vec<Button>,
}

/// A reply button: an id of up to 256 characters, a title of up to 20, each unique within the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// Comes back when it is tapped.
    pub id: String,
    /// What the person sees.
    pub title: String,
}

#[derive(Deserialize)]
struct Unchecked {
    header: Option<String>,
    body: String,
    footer: Option<String>,
    buttons: Vec<Button>,
}

impl TryFrom<Unchecked> for Buttons {
    type Error = LimitError;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitError> {
        let Unchecked { header, body, footer, buttons } = unchecked;
        Self { header: filled(header), body, footer: filled(footer), buttons }.checked()
    }
}

impl Button {
    /// Makes a button; it is checked together with the others.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into() }
    }
}

impl Buttons {
    /// Checks body and buttons. Errors: the first limit that is broken.
    pub fn new(body: impl Into<String>, buttons: Vec<Button>) -> Result<Self, LimitError> {
        Self { header: None, body: body.into(), footer: None, buttons }.checked()
    }

    /// Sets a text header; an empty one is left out. Errors: too long.
    pub fn with_header(mut self, header: impl Into<String>) -> Result<Self, LimitError> {
        self.header = filled(Some(header.into()));
        self.checked()
    }

    /// Sets a footer; an empty one is left out. Errors: too long.
    pub fn with_footer(mut self, footer: impl Into<String>) -> Result<Self, LimitError> {
        self.footer = filled(Some(footer.into()));
        self.checked()
    }

    /// The text.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text above it.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// The text below it.
    pub fn footer(&self) -> Option<&str> {
        self.footer.as_deref()
    }

    /// The buttons, in order.
    pub fn buttons(&self) -> &[Button] {
        &self.buttons
    }

    fn checked(self) -> Result<Self, LimitError> {
        let mut check = Check::default();
        let frame = Frame { header: self.header(), body: Some(&self.body), footer: self.footer() };
        check.frame(Names::Plain, &frame, limits::INTERACTIVE_BODY);
        let views: Vec<_> =
            self.buttons.iter().map(|b| ButtonView { id: Some(&b.id), title: Some(&b.title) }).collect();
        check.buttons(Names::Plain, &views);
        check.first().map(|()| self)
    }

    pub(super) fn content(&self) -> Value {
        let buttons: Vec<_> = self
            .buttons
            .iter()
            .map(|b| json!({ "type": "reply", "reply": { "id": b.id, "title": b.title } }))
            .collect();
        members([
            ("type", Some(json!("button"))),
            ("header", text_header(self.header.as_ref())),
            ("body", Some(json!({ "text": self.body }))),
            ("footer", self.footer.as_ref().map(|text| json!({ "text": text }))),
            ("action", Some(json!({ "buttons": buttons }))),
        ])
    }
}
