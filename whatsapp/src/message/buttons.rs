//! A message with reply buttons.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::{ButtonView, Check, Names, View};
use super::frame::{Frame, Header, Headers, Rules};
use super::media::Media;
use super::part::Part;
use super::{filled, members};
use crate::limits::{self, Limit, LimitError};

const RULES: Rules = Rules { headers: Headers::Any, body_needed: true, footer: true };

/// Text with one to three reply buttons, and optionally a header (text of up to 60 characters, or media)
/// and a footer of up to 60 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Buttons {
    header: Option<Header>,
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
    header: Option<Header>,
    body: String,
    footer: Option<String>,
    buttons: Vec<Button>,
}

impl TryFrom<Unchecked> for Buttons {
    type Error = LimitError;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitError> {
        let Unchecked { header, body, footer, buttons } = unchecked;
        let header = header.filter(|header| header.text().is_none_or(|text| !text.trim().is_empty()));
        Self { header, body, footer: filled(footer), buttons }.checked()
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
        self.header = filled(Some(header.into())).map(Header::Text);
        self.checked()
    }

    /// Sets an image, video or document as header. Errors: another kind, or one with a caption.
    pub fn with_media_header(mut self, media: Media) -> Result<Self, LimitError> {
        self.header = Some(Header::Media(media));
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
        self.header.as_ref()?.text()
    }

    /// The media above it.
    pub fn media_header(&self) -> Option<&Media> {
        match self.header.as_ref()? {
            Header::Media(media) => Some(media),
            Header::Text(_) => None,
        }
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
        let view = View { header: self.header(), body: Some(&self.body), footer: self.footer() };
        check.frame(Names::Plain, &view, limits::INTERACTIVE_BODY);
        if let Some(header) = &self.header {
            header.check(&mut check, "header");
        }
        check.buttons(Names::Plain, &self.views());
        check.first().map(|()| self)
    }

    fn views(&self) -> Vec<ButtonView<'_>> {
        self.buttons.iter().map(|b| ButtonView { id: Some(&b.id), title: Some(&b.title) }).collect()
    }

    pub(super) fn content(&self) -> Value {
        let buttons: Vec<_> = self
            .buttons
            .iter()
            .map(|b| json!({ "type": "reply", "reply": { "id": b.id, "title": b.title } }))
            .collect();
        members([
            ("type", Some(json!("button"))),
            ("header", self.header.as_ref().map(Header::content)),
            ("body", Some(json!({ "text": self.body }))),
            ("footer", self.footer.as_ref().map(|text| json!({ "text": text }))),
            ("action", Some(json!({ "buttons": buttons }))),
        ])
    }
}

/// Reads the member `interactive`.
pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Buttons {
    let (header, body, footer) = Frame::read(check, part, RULES).into_parts();
    part.get("action").members(check, &["buttons"]);
    let items = part.get("action").get("buttons").items(check);
    let buttons = items.iter().map(|item| read_button(check, item)).collect();
    let buttons = Buttons { header, body, footer, buttons };
    check.buttons(Names::Wire, &buttons.views());
    buttons
}

fn read_button(check: &mut Check, part: &Part<'_>) -> Button {
    part.members(check, &["type", "reply"]);
    if !part.get("type").is("reply") {
        part.get("type").fail(check, Limit::Form("`reply`"));
    }
    let reply = part.get("reply");
    if reply.exists() {
        reply.members(check, &["id", "title"]);
    }
    Button { id: reply.get("id").any_text(check), title: reply.get("title").any_text(check) }
}
