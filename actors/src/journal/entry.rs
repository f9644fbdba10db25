//! An entry of a history, for operators.

use serde::Serialize;
use serde_json::Value;
use storage::Entry;
use whatsapp::message::Outgoing;
use whatsapp::webhook::Message;

use crate::codec::{self, CodecError};
use crate::records::change::After;
use crate::records::{Did, Happened, HistoryEntry, HistoryInput, InputKind};
use crate::view::rfc3339;

/// An entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntryView {
    /// Its index, from 0.
    pub index: u64,
    /// When it was written.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// What came; absent if the conversation itself changed.
    pub input: Option<InputView>,
    /// What the bot did, in words.
    pub trace: Vec<String>,
    /// The same for programs.
    pub steps: Value,
    /// Numbers of the outbox rows that it decided.
    #[serde(skip)]
    pub sends: Vec<u64>,
    /// Why the bot failed.
    pub error: Option<Box<str>>,
    /// What happened to the conversation itself, in words.
    pub events: Vec<String>,
    /// Places of the state that it changed, as JSON pointers; absent where the entry keeps the whole state.
    pub changed: Option<Vec<String>>,
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InputView {
    /// `message`, `about` (a webhook field about the person), `echo` (staff wrote from the phone app), `order` (a
    /// message to send), `hand_back`, `http` (the result of a call), `call` (another program told something), `form` (what a form asked),
    /// `staff` (somebody led the run elsewhere, or changed it), or `timer`.
    pub kind: &'static str,
    /// Meta's type of a message; the field; how it was handed back.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Body, caption or title.
    pub text: String,
    /// The id of what was tapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was accepted; absent for a timer.
    #[serde(
        rename = "received_at",
        serialize_with = "crate::view::optional_rfc3339",
        skip_serializing_if = "Option::is_none"
    )]
    pub received_ms: Option<u64>,
    /// As it came.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub raw: Value,
}

/// Decodes an entry. Errors: it was written by a newer version, or is damaged.
pub fn entry(row: &Entry) -> Result<EntryView, CodecError> {
    let entry: HistoryEntry = codec::decode(&row.payload)?;
    let changed = match &entry.after {
        Some(After::Whole(_)) => None,
        Some(After::Changed(change)) => Some(change.set.keys().chain(&change.gone).cloned().collect()),
        None => Some(Vec::new()),
    };
    let ran = entry.events.is_empty() && (!entry.trace.is_empty() || entry.error.is_some());
    let timer = InputView { kind: "timer", ..InputView::default() };
    Ok(EntryView {
        index: row.index,
        at_ms: entry.at_ms,
        input: entry.input.as_ref().map(input).or(ran.then_some(timer)),
        trace: entry.trace.iter().map(ToString::to_string).collect(),
        steps: serde_json::to_value(&entry.trace).unwrap_or_default(),
        sends: entry.sends,
        error: entry.error,
        events: entry.events.iter().map(words).collect(),
        changed,
    })
}

fn input(input: &HistoryInput) -> InputView {
    let received_ms = Some(input.received_ms);
    let raw: Value = serde_json::from_str(&input.raw).unwrap_or_default();
    let known = |kind, type_name: &str, text: &str| InputView {
        kind,
        type_name: type_name.to_owned(),
        text: text.to_owned(),
        id: None,
        received_ms,
        raw: raw.clone(),
    };
    match &input.kind {
        InputKind::Message => {
            let message = Message::parse(&input.raw);
            let id = message.reply_id().map(str::to_owned);
            InputView { id, ..known("message", message.type_name(), message.text()) }
        }
        InputKind::Echo => {
            let message = Message::parse(&input.raw);
            known("echo", message.type_name(), message.text())
        }
        InputKind::About { field, detail } => known("about", field, detail),
        InputKind::Order => {
            let message = Outgoing::parse(&raw).ok();
            let (kind, text) = message.as_ref().map_or(("", ""), |message| (message.type_name(), message.text()));
            known("order", kind, text)
        }
        InputKind::Http => known("http", "", ""),
        InputKind::HandBack(how) => known("hand_back", how.name(), ""),
        InputKind::Unsent => known("unsent", "", raw["why"].as_str().unwrap_or_default()),
        InputKind::Form => known("form", raw["action"].as_str().unwrap_or_default(), ""),
        InputKind::Staff { act } => known("staff", act, raw["who"].as_str().unwrap_or_default()),
        InputKind::Call => known("call", raw["name"].as_str().unwrap_or_default(), ""),
        InputKind::Broadcast => known("broadcast", raw["broadcast"].as_str().unwrap_or_default(), ""),
        InputKind::Again => known("again", "", "a message that was given up goes again"),
    }
}

fn with_words(told: String, reason: Option<&str>, note: Option<&str>) -> String {
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let note = note.map(|note| format!("; note: {note}")).unwrap_or_default();
    format!("{told}{reason}{note}")
}

fn did_words(by: &str, did: &Did) -> String {
    match did {
        Did::Paused => format!("{by} paused the bot"),
        Did::Restarted => format!("{by} restarted the bot"),
        Did::Ended => format!("{by} ended the run"),
        Did::Reset { entry, run, took } => {
            let run = run.as_deref().unwrap_or("none");
            let took = took.as_deref().unwrap_or("none");
            format!("{by} reset the conversation to entry {entry}: run {took} in the place of {run}")
        }
        Did::Copied { of, entry } => format!("{by} made it a copy of {of} after entry {entry}"),
        Did::Set { names } => format!("{by} changed {}", names.join(", ")),
        Did::Noted { text } => format!("{by} noted: {text}"),
    }
}

fn words(event: &Happened) -> String {
    match event {
        Happened::TakenOver { by, reason, note, from } => {
            let from = from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
            with_words(format!("{by} took the conversation over{from}"), reason.as_deref(), note.as_deref())
        }
        Happened::HandedBack { after_ms, by, reason, note } => {
            let by = by.as_deref().map(|by| format!("{by} gave it back: ")).unwrap_or_default();
            let told = format!("{by}the bot answers again, after {} s", after_ms / 1_000);
            with_words(told, reason.as_deref(), note.as_deref())
        }
        Happened::Requeued { from } => {
            let from = from.as_deref().unwrap_or("whoever had it");
            format!("{from} did nothing for too long: it waits for somebody else")
        }
        Happened::Did { by, reason, did } => with_words(did_words(by, did), reason.as_deref(), None),
        Happened::MergedInto(into) => format!("it became a part of {into}"),
        Happened::Absorbed(part) => format!("{part} became a part of it"),
        Happened::Moved => "the person has another number or user id".to_owned(),
        Happened::NumberPassedOn => "somebody else has a number that was this person's".to_owned(),
        Happened::Marketing { wanted: true } => "the person wants marketing".to_owned(),
        Happened::Marketing { wanted: false } => "the person wants no marketing".to_owned(),
        Happened::Migrated { from, to, .. } => {
            let head = |version: &str| version.get(..12).unwrap_or(version).to_owned();
            format!("its run was moved from version {} to {}", head(from), head(to))
        }
        Happened::FreeEntry { .. } => "a free entry point is open".to_owned(),
    }
}
