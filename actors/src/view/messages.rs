//! The messages of a conversation as operators see them.

use serde::Serialize;
use serde_json::Value;
use storage::{Entry, Inbound, InboxSeq, Send};
use whatsapp::message::Outgoing;
use whatsapp::webhook::Message;

use super::{rfc3339, state_name};
use crate::codec::{self, CodecError};
use crate::records::{HistoryEntry, HistoryInput, InboxPayload, InputKind, Price, SendError, SendPayload};

/// A message of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageView {
    /// The outbox id of an outgoing message; the inbox number of anything else.
    pub id: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// Outgoing: `bot`, `operator`, `broadcast`, or `phone_app`.
    pub origin: Option<&'static str>,
    /// Meta's type; for what a webhook field told about the person, the field.
    #[serde(rename = "type")]
    pub kind: String,
    /// Body, caption, title or empty.
    pub text: String,
    /// Meta's message id, once known.
    pub wamid: Option<Box<str>>,
    /// Outgoing: the outbox state. Incoming: `received`, or `waiting` while no turn has taken it.
    pub status: &'static str,
    /// Why it failed, or why the bot did not take it.
    pub error: Option<Value>,
    /// What it costs, as far as a status told.
    pub pricing: Option<Price>,
    /// When it was accepted or decided.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The message as it came or as it leaves.
    pub raw: Value,
}

/// The messages of a history entry in order: what came in, then what went out (the rows given).
pub fn messages(entry: &Entry, sends: impl Fn(u64) -> Option<Send>) -> Result<Vec<MessageView>, CodecError> {
    let entry: HistoryEntry = codec::decode(&entry.payload)?;
    let mut messages = Vec::with_capacity(1 + entry.sends.len());
    let error = entry.error.as_deref().map(|error| serde_json::json!({ "message": error }));
    messages.extend(entry.input.as_ref().and_then(|input| taken(input, error)));
    let by = entry.input.as_ref().map(|input| &input.kind);
    let by = match by {
        Some(InputKind::Order) => "operator",
        Some(InputKind::Broadcast) => "broadcast",
        _ => "bot",
    };
    for row in entry.sends.into_iter().filter_map(sends) {
        let origin = Some(by);
        messages.push(MessageView { origin, ..outgoing(&row)? });
    }
    Ok(messages)
}

/// A history entry as it is kept, with its index.
pub fn entry_as_json(entry: &Entry) -> Result<Value, CodecError> {
    let kept: Value = codec::decode(&entry.payload)?;
    Ok(serde_json::json!({ "index": entry.index, "entry": kept }))
}

/// Outbox numbers that a history entry refers to.
pub fn sends_of(entry: &Entry) -> Result<Vec<u64>, CodecError> {
    Ok(codec::decode::<HistoryEntry>(&entry.payload)?.sends)
}

/// What became of an order that was an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is this message of the conversation's outbox.
    Sent(u64),
    /// It was not sent.
    Refused(Box<str>),
}

/// What became of the order in this row of the inbox, if this entry is about it.
pub fn fate_of(entry: &Entry, seq: InboxSeq) -> Result<Option<Fate>, CodecError> {
    let HistoryEntry { input, sends, error, .. } = codec::decode(&entry.payload)?;
    if input.is_none_or(|input| input.seq != seq) {
        return Ok(None);
    }
    Ok(match (sends.first(), error) {
        (Some(n), _) => Some(Fate::Sent(*n)),
        (None, Some(why)) => Some(Fate::Refused(why)),
        (None, None) => None,
    })
}

/// A row that no turn has consumed yet; `None` for what is no message.
pub fn pending(seq: InboxSeq, row: &Inbound) -> Result<Option<MessageView>, CodecError> {
    let (received_ms, payload) = (row.received_ms, codec::decode::<InboxPayload>(&row.payload)?);
    Ok(match payload {
        InboxPayload::Message(message) => Some(incoming(seq, received_ms, &message.message, "waiting", None)),
        InboxPayload::About(about) => Some(told(seq, received_ms, &about.field, &about.detail, &about.raw, "waiting")),
        InboxPayload::Echo(echo) => Some(echoed(seq, received_ms, &echo.message)),
        InboxPayload::Order(order) => Some(ordered(seq, received_ms, &order.message.raw(), "waiting", None)),
        InboxPayload::HandBack(_)
        | InboxPayload::Deed(_)
        | InboxPayload::HttpDone(_)
        | InboxPayload::Call(_)
        | InboxPayload::Moved(_)
        | InboxPayload::Told(_)
        | InboxPayload::Merge(_)
        | InboxPayload::Form(_)
        | InboxPayload::Unsent(_)
        | InboxPayload::Again(_)
        | InboxPayload::Absorb(_) => None,
    })
}

/// What a turn took; `None` for an order that was carried out, which is shown by what was sent, and for what is no message.
fn taken(input: &HistoryInput, error: Option<Value>) -> Option<MessageView> {
    let (seq, at_ms, raw) = (input.seq, input.received_ms, &*input.raw);
    match &input.kind {
        InputKind::Message => Some(incoming(seq, at_ms, raw, "received", error)),
        InputKind::About { field, detail } => Some(told(seq, at_ms, field, detail, raw, "received")),
        InputKind::Echo => Some(echoed(seq, at_ms, raw)),
        // The history tells them; they are no messages.
        InputKind::Http
        | InputKind::HandBack(_)
        | InputKind::Call
        | InputKind::Form
        | InputKind::Unsent
        | InputKind::Staff { .. } => None,
        // Shown by what was sent, and by the message that it was before.
        InputKind::Broadcast | InputKind::Again => None,
        InputKind::Order => error.map(|error| ordered(seq, at_ms, &json(raw), "failed", Some(error))),
    }
}

fn incoming(seq: InboxSeq, at_ms: u64, raw: &str, status: &'static str, error: Option<Value>) -> MessageView {
    let message = Message::parse(raw);
    MessageView {
        id: seq.0.to_string(),
        direction: "in",
        origin: None,
        kind: message.type_name().into(),
        text: message.text().into(),
        wamid: Some(message.wamid.as_str().into()),
        status,
        error,
        pricing: None,
        at_ms,
        raw: json(raw),
    }
}

/// What a webhook field told: it has neither a type nor a message id of its own.
fn told(seq: InboxSeq, at_ms: u64, field: &str, detail: &str, raw: &str, status: &'static str) -> MessageView {
    let (kind, text) = (field.into(), detail.into());
    MessageView { kind, text, wamid: None, ..incoming(seq, at_ms, raw, status, None) }
}

fn echoed(seq: InboxSeq, at_ms: u64, raw: &str) -> MessageView {
    MessageView { direction: "out", origin: Some("phone_app"), ..incoming(seq, at_ms, raw, "sent", None) }
}

fn ordered(seq: InboxSeq, at_ms: u64, body: &Value, status: &'static str, error: Option<Value>) -> MessageView {
    let message = Outgoing::parse(body).ok();
    MessageView {
        id: seq.0.to_string(),
        direction: "out",
        origin: Some("operator"),
        kind: message.as_ref().map_or("", Outgoing::type_name).into(),
        text: message.as_ref().map_or("", Outgoing::text).into(),
        wamid: None,
        status,
        error,
        pricing: None,
        at_ms,
        raw: body.clone(),
    }
}

/// An outbox row as a message of a transcript.
pub fn outgoing(row: &Send) -> Result<MessageView, CodecError> {
    let payload: SendPayload = codec::decode(&row.payload)?;
    Ok(MessageView {
        id: row.id.to_string(),
        direction: "out",
        origin: Some(match (&payload.broadcast, &payload.node) {
            (Some(_), _) => "broadcast",
            (None, Some(_)) => "bot",
            (None, None) => "operator",
        }),
        kind: payload.message.type_name().into(),
        text: payload.message.text().into(),
        wamid: row.wamid.clone(),
        status: state_name(row.state),
        error: SendError::of(row).and_then(|error| serde_json::to_value(error).ok()),
        pricing: row.price.as_deref().and_then(|price| codec::decode(price).ok()),
        at_ms: row.created_ms,
        raw: payload.message.body(&payload.to, &crate::records::callback_data(row.id, row.nonce)),
    })
}

fn json(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.into())
}
