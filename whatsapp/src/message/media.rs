//! Pictures, films, sounds, files and stickers, by media id or by address.
//!
//! Meta keeps what it fetched from an address for ten minutes per exact address; a changing query
//! defeats that. Source: Meta's media messages page, January 2026.

use serde_json::{Value, json};

use super::check::Check;
use super::part::Part;
use super::{members, on_the_wire};
use crate::limits::{self, Limit, LimitError};

/// An attachment with what is written under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    kind: MediaKind,
    source: Source,
    caption: Option<String>,
    filename: Option<String>,
    voice: bool,
}

/// What an attachment is; its name is Meta's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound; as a voice note it must be OGG/OPUS.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// Where Meta takes it from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// An uploaded file; lives 30 days.
    Id(String),
    /// An http or https address that Meta can reach.
    Link(String),
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// Meta's `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    fn takes_caption(self) -> bool {
        !matches!(self, Self::Audio | Self::Sticker)
    }
}

impl Media {
    /// Checks the source. Errors: an empty id, or not an http or https address.
    pub fn new(kind: MediaKind, source: Source) -> Result<Self, LimitError> {
        Self { kind, source, caption: None, filename: None, voice: false }.checked()
    }

    /// Sets the caption; an empty one is left out. Errors: too long, or a kind that takes none.
    pub fn with_caption(mut self, caption: impl Into<String>) -> Result<Self, LimitError> {
        self.caption = super::filled(Some(caption.into()));
        self.checked()
    }

    /// Sets the name that a document is saved under. Errors: not a document.
    pub fn with_filename(mut self, filename: impl Into<String>) -> Result<Self, LimitError> {
        self.filename = super::filled(Some(filename.into()));
        self.checked()
    }

    /// Shows a sound as a voice note. Errors: not audio.
    pub fn as_voice(mut self) -> Result<Self, LimitError> {
        self.voice = true;
        self.checked()
    }

    /// What it is.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Where it comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What is written under it.
    pub fn caption(&self) -> Option<&str> {
        self.caption.as_deref()
    }

    /// The name of a document.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// Whether it is shown as a voice note.
    pub fn is_voice(&self) -> bool {
        self.voice
    }

    /// `{"type": "image", "image": {…}}`, as messages, headers and template parameters have it.
    pub(super) fn raw(&self) -> Value {
        let (id, link) = match &self.source {
            Source::Id(id) => (Some(json!(id)), None),
            Source::Link(link) => (None, Some(json!(link))),
        };
        let content = members([
            ("id", id),
            ("link", link),
            ("caption", self.caption.as_ref().map(|text| json!(text))),
            ("filename", self.filename.as_ref().map(|text| json!(text))),
            ("voice", self.voice.then_some(Value::Bool(true))),
        ]);
        json!({ "type": self.kind.as_str(), self.kind.as_str(): content })
    }

    /// Reads the member that the kind names.
    pub(super) fn read(check: &mut Check, kind: MediaKind, part: &Part<'_>) -> Self {
        part.members(check, &["id", "link", "caption", "filename", "voice"]);
        let source = source(check, part);
        let (caption, filename, voice) = (part.get("caption"), part.get("filename"), part.get("voice"));
        let left_out = Limit::Form("left out");
        if !kind.takes_caption() && caption.exists() {
            caption.fail(check, left_out);
        }
        if kind != MediaKind::Document && filename.exists() {
            filename.fail(check, left_out);
        }
        if kind != MediaKind::Audio && voice.exists() {
            voice.fail(check, left_out);
        }
        Self {
            kind,
            source,
            caption: caption.optional(check, limits::CAPTION),
            filename: filename.optional(check, usize::MAX),
            voice: voice.flag(check),
        }
    }
}

fn source(check: &mut Check, part: &Part<'_>) -> Source {
    let (id, link) = (part.get("id"), part.get("link"));
    match (id.exists(), link.exists()) {
        (true, false) => Source::Id(id.needed(check)),
        (false, true) => Source::Link(link.link(check)),
        _ => {
            part.fail(check, Limit::Form("given by exactly one of `id` and `link`"));
            Source::Id(String::new())
        }
    }
}

on_the_wire!(Media);
