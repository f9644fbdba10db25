//! The transcript of a phone: what both sides said, with ticks.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::describe;

/// Rows kept per phone; the oldest go first.
const MAX_ROWS: usize = 1_000;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person with the phone.
    Person,
    /// The business, through the Graph API.
    Business,
}

/// How far a message came. Never moves back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Taken, not yet on its way.
    Accepted,
    /// One tick.
    Sent,
    /// Could not be delivered.
    Failed,
    /// Two ticks. A person's message: the webhook was answered with 200.
    Delivered,
    /// Two blue ticks.
    Read,
    /// A voice message was listened to.
    Played,
}

/// What can be chosen in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKind {
    /// A reply button.
    Button,
    /// A row of a list.
    Row,
}

impl ChoiceKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Row => "list row",
        }
    }
}

/// A button or a list row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Button or row.
    pub kind: ChoiceKind,
    /// Its id, which comes back in the reply.
    pub id: String,
    /// What is written on it.
    pub title: String,
    /// Second line of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Title of the row's section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// Media in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// `image`, `video`, `audio`, `document` or `sticker`.
    pub kind: String,
    /// The media id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The address, if it was sent by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The file name of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// True for a voice message.
    #[serde(default)]
    pub voice: bool,
}

/// What opens something else than an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// `url`, `phone_number`, `flow`, `location`, `contact`, `address`, `catalog`, `product`, `copy_code`, …
    pub kind: String,
    /// What is written on it.
    pub title: String,
    /// Where it leads, if it is an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The Flow that a form is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<String>,
    /// True for a form that cannot be opened any more: its endpoint said that the token is dead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A card of a carousel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its image or video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Attachment>,
    /// Its text.
    pub text: String,
    /// What can be opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What can be tapped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorNote {
    /// Meta's code.
    pub code: u32,
    /// Meta's title.
    pub title: String,
}

/// A row of the transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up per phone, from 1.
    pub seq: u64,
    /// Who wrote it.
    pub author: Author,
    /// The message id.
    pub wamid: String,
    /// When, by the simulator's clock.
    pub at_ms: u64,
    /// The business number it went to or came from.
    pub phone_number_id: String,
    /// Meta's `type`; for interactive ones `interactive.type`.
    pub kind: String,
    /// Header text, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Body, caption or title; empty if there is none.
    pub text: String,
    /// Footer text, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// An image, a file, a sound, of the message or of its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Attachment>,
    /// Lines about what has no text of its own: a place, contacts, products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What opens something else: an address, a form, a catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The cards of a carousel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<Card>,
    /// What became of it or where it came from: forwarded, edited, deleted, from an ad, from the phone app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What opens the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_button: Option<String>,
    /// What can be tapped or picked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// `biz_opaque_callback_data` of a send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
    /// The ticks.
    pub status: Progress,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorNote>,
    /// The body of the send, or the inbound message object.
    pub raw: Value,
}

impl Entry {
    /// A row for a message object; its `seq` is set when it joins a transcript.
    pub(crate) fn new(author: Author, wamid: &str, phone_number_id: &str, at_ms: u64, raw: Value) -> Self {
        let status = match author {
            Author::Person => Progress::Sent,
            Author::Business => Progress::Accepted,
        };
        let mut entry = Self {
            seq: 0,
            author,
            wamid: wamid.to_owned(),
            at_ms,
            phone_number_id: phone_number_id.to_owned(),
            kind: String::new(),
            header: None,
            text: String::new(),
            footer: None,
            media: None,
            details: Vec::new(),
            links: Vec::new(),
            cards: Vec::new(),
            notes: Vec::new(),
            list_button: None,
            choices: Vec::new(),
            context: None,
            callback_data: None,
            status,
            error: None,
            raw: Value::Null,
        };
        describe::message(&raw, &mut entry);
        entry.raw = raw;
        entry
    }

    /// Shows a template as its definition and its parameters make it.
    pub(crate) fn show_template(&mut self, shown: &Value) {
        describe::interactive(shown, self);
    }

    /// Names the Flow that the form of this message is of.
    pub(crate) fn opens(&mut self, flow_id: &str) {
        for link in self.links.iter_mut().filter(|link| link.kind == "flow") {
            link.flow_id = Some(flow_id.to_owned());
        }
    }

    /// The form of this message cannot be opened any more.
    pub(crate) fn disable_forms(&mut self) {
        self.links.iter_mut().filter(|link| link.kind == "flow").for_each(|link| link.disabled = true);
    }

    /// What can be chosen, on cards too.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &Choice> {
        self.choices.iter().chain(self.cards.iter().flat_map(|card| &card.choices))
    }

    pub(crate) fn offer_text(&self) -> String {
        let each = |c: &Choice| format!("{} {:?} (id {:?})", c.kind.word(), c.title, c.id);
        self.offers().map(each).collect::<Vec<_>>().join(", ")
    }
}

#[derive(Default)]
pub(crate) struct Transcript {
    rows: VecDeque<Entry>,
    last_seq: u64,
}

impl Transcript {
    pub(crate) fn push(&mut self, mut entry: Entry) -> Entry {
        if self.rows.len() == MAX_ROWS {
            self.rows.pop_front();
        }
        self.last_seq += 1;
        entry.seq = self.last_seq;
        self.rows.push_back(entry.clone());
        entry
    }

    pub(crate) fn progress(&mut self, wamid: &str, progress: Progress, error: Option<ErrorNote>) -> Option<Entry> {
        let entry = self.rows.iter_mut().rev().find(|e| e.wamid == wamid)?;
        if progress <= entry.status {
            return None;
        }
        entry.status = progress;
        entry.error = error.or(entry.error.take());
        Some(entry.clone())
    }

    pub(crate) fn amend(&mut self, wamid: &str, change: impl FnOnce(&mut Entry)) -> Option<Entry> {
        let entry = self.rows.iter_mut().rev().find(|e| e.wamid == wamid)?;
        change(entry);
        Some(entry.clone())
    }

    pub(crate) fn read_up_to(&mut self, wamid: &str) -> Option<Vec<Entry>> {
        let at = self.rows.iter().rposition(|e| e.wamid == wamid && e.author == Author::Person)?;
        let unread = |e: &&mut Entry| e.author == Author::Person && e.status < Progress::Read;
        let rows = self.rows.iter_mut().take(at + 1).filter(unread);
        let mark = |e: &mut Entry| {
            e.status = Progress::Read;
            e.clone()
        };
        Some(rows.map(mark).collect())
    }

    /// Messages of the business that offer something, latest first.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &Entry> {
        self.rows.iter().rev().filter(|e| e.author == Author::Business && e.offers().next().is_some())
    }

    pub(crate) fn next_of_business(&self, seq: u64) -> Option<&Entry> {
        self.rows.iter().find(|e| e.seq > seq && e.author == Author::Business)
    }

    pub(crate) fn find(&self, wamid: &str) -> Option<&Entry> {
        self.rows.iter().rev().find(|e| e.wamid == wamid)
    }

    pub(crate) fn to_vec(&self) -> Vec<Entry> {
        self.rows.iter().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }
}
