//! What operators read: the store's opaque fields decoded into plain, serialisable data.

use serde::Serialize;
use storage::{ConversationId, DeadLetter, Entry, Head, Inbound, InboxSeq, Send, SendState};
use whatsapp::webhook::Message;

use crate::codec::{self, CodecError};
use crate::identity;
use crate::records::{DeadLetterPayload, HistoryEntry, InboxPayload, SERVICE_WINDOW_MS, SendError, SendPayload, State};

/// A conversation in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConversationView {
    /// `c_…`
    pub id: String,
    /// The business number it belongs to.
    pub phone_number_id: Box<str>,
    /// The person's number, if known.
    pub wa_id: Option<Box<str>>,
    /// The person's business-scoped id, if known.
    pub user_id: Option<Box<str>>,
    /// The person's profile name.
    pub name: Option<Box<str>>,
    /// `idle` (no run) or `waiting` (the bot waits for the person).
    pub state: &'static str,
    /// The bot whose run is under way.
    pub bot: Option<String>,
    /// Its version.
    pub bot_version: Option<String>,
    /// The node it waits at.
    pub node: Option<String>,
    /// End of the service window; absent if the person never wrote.
    #[serde(rename = "window_expires_at", serialize_with = "optional_rfc3339")]
    pub window_expires_ms: Option<u64>,
    /// When it began.
    #[serde(rename = "created_at", serialize_with = "rfc3339")]
    pub created_ms: u64,
    /// When it last advanced.
    #[serde(rename = "updated_at", serialize_with = "rfc3339")]
    pub updated_ms: u64,
    /// How often it advanced.
    pub revision: u64,
}

/// Decodes a conversation. Errors: the row was written by a newer version, or is damaged.
pub fn conversation(id: ConversationId, head: &Head) -> Result<(ConversationView, serde_json::Value), CodecError> {
    let state = State::decode(&head.snapshot)?;
    let pinned = state.bot.bot();
    let view = ConversationView {
        id: id.to_string(),
        bot: pinned.map(|(bot, _)| bot.into()),
        bot_version: pinned.map(|(_, version)| version.into()),
        node: state.bot.node().map(Into::into),
        state: if state.bot.is_waiting() { "waiting" } else { "idle" },
        window_expires_ms: state.last_inbound_ms.map(|at_ms| at_ms + SERVICE_WINDOW_MS),
        created_ms: head.created_ms,
        updated_ms: head.updated_ms,
        revision: head.revision.0,
        phone_number_id: state.number_id,
        wa_id: state.person.wa_id,
        user_id: state.person.user_id,
        name: state.person.name,
    };
    Ok((view, state.bot.variables()))
}

/// A message of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageView {
    /// The outbox id of an outgoing message; the inbox number of an incoming one.
    pub id: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// Meta's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Body, caption, title or empty.
    pub text: String,
    /// Meta's message id, once known.
    pub wamid: Option<Box<str>>,
    /// Outgoing: the outbox state. Incoming: `received`, or `waiting` while no turn has taken it.
    pub status: &'static str,
    /// Why it failed, or why the bot did not take it.
    pub error: Option<serde_json::Value>,
    /// When it was accepted or decided.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The message as it came or as it leaves.
    pub raw: serde_json::Value,
}

/// The messages of a history entry in order: the one that came in, then those that went out (their rows given).
pub fn messages(entry: &Entry, sends: impl Fn(u64) -> Option<Send>) -> Result<Vec<MessageView>, CodecError> {
    let entry: HistoryEntry = codec::decode(&entry.payload)?;
    let mut messages = Vec::with_capacity(1 + entry.sends.len());
    if let Some(input) = &entry.input {
        let error = entry.error.as_deref().map(|error| serde_json::json!({ "message": error }));
        messages.push(incoming(input.seq, input.received_ms, &input.raw, "received", error));
    }
    for n in entry.sends {
        if let Some(row) = sends(n) {
            messages.push(outgoing(&row)?);
        }
    }
    Ok(messages)
}

/// Outbox numbers that a history entry refers to.
pub fn sends_of(entry: &Entry) -> Result<Vec<u64>, CodecError> {
    Ok(codec::decode::<HistoryEntry>(&entry.payload)?.sends)
}

/// A message that no turn has consumed yet.
pub fn pending(seq: InboxSeq, row: &Inbound) -> Result<MessageView, CodecError> {
    let payload: InboxPayload = codec::decode(&row.payload)?;
    Ok(incoming(seq, row.received_ms, &payload.message, "waiting", None))
}

fn incoming(
    seq: InboxSeq,
    at_ms: u64,
    raw: &str,
    status: &'static str,
    error: Option<serde_json::Value>,
) -> MessageView {
    let message = Message::parse(raw);
    MessageView {
        id: seq.0.to_string(),
        direction: "in",
        kind: message.type_name().into(),
        text: message.text().into(),
        wamid: Some(message.wamid.as_str().into()),
        status,
        error,
        at_ms,
        raw: serde_json::from_str(raw).unwrap_or_else(|_| raw.into()),
    }
}

/// An outbox row as a message of a transcript.
pub fn outgoing(row: &Send) -> Result<MessageView, CodecError> {
    let payload: SendPayload = codec::decode(&row.payload)?;
    Ok(MessageView {
        id: row.id.to_string(),
        direction: "out",
        kind: payload.message.type_name().into(),
        text: payload.message.text().into(),
        wamid: row.wamid.clone(),
        status: state_name(row.state),
        error: SendError::of(row).and_then(|error| serde_json::to_value(error).ok()),
        at_ms: row.created_ms,
        raw: payload.message.body(&payload.to, &crate::records::callback_data(row.id, row.nonce)),
    })
}

/// An outbox row in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SendView {
    /// `o_…`
    pub id: String,
    /// `c_…`
    pub conversation: String,
    /// The number it leaves from.
    pub phone_number_id: Box<str>,
    /// queued, sending, uncertain, held, accepted, sent, delivered, read, failed, dead
    pub state: &'static str,
    /// Meta's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Body or empty.
    pub text: String,
    /// The node that decided it.
    pub node: Option<Box<str>>,
    /// Requests made so far.
    pub attempts: u32,
    /// Next try, or end of the doubt window; absent when nothing is due.
    #[serde(rename = "due_at", serialize_with = "optional_rfc3339")]
    pub due_ms: Option<u64>,
    /// Meta's message id, once known.
    pub wamid: Option<Box<str>>,
    /// The last error.
    pub error: Option<serde_json::Value>,
    /// When it was decided.
    #[serde(rename = "created_at", serialize_with = "rfc3339")]
    pub created_ms: u64,
    /// When its state last changed.
    #[serde(rename = "updated_at", serialize_with = "rfc3339")]
    pub updated_ms: u64,
}

/// Decodes an outbox row.
pub fn send(row: &Send) -> Result<SendView, CodecError> {
    let payload: SendPayload = codec::decode(&row.payload)?;
    Ok(SendView {
        id: row.id.to_string(),
        conversation: row.id.conversation.to_string(),
        state: state_name(row.state),
        kind: payload.message.type_name().into(),
        text: payload.message.text().into(),
        phone_number_id: payload.number_id,
        node: payload.node,
        attempts: row.attempts,
        due_ms: Some(row.due_ms).filter(|due_ms| *due_ms > 0),
        wamid: row.wamid.clone(),
        error: SendError::of(row).and_then(|error| serde_json::to_value(error).ok()),
        created_ms: row.created_ms,
        updated_ms: row.updated_ms,
    })
}

/// A dead letter in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetterView {
    /// Its number.
    pub id: String,
    /// `inbound` or `outbound`.
    pub kind: &'static str,
    /// `c_…`
    pub conversation: String,
    /// A stable word: why it was given up.
    pub reason: Box<str>,
    /// What happened, in words.
    pub detail: Box<str>,
    /// What to do about it.
    pub hint: Option<Box<str>>,
    /// The outbox row it was, if any.
    pub outbox: Option<String>,
    /// Bot, version and node, where known.
    pub bot: Option<Box<str>>,
    /// See `bot`.
    pub bot_version: Option<Box<str>>,
    /// See `bot`.
    pub node: Option<Box<str>>,
    /// Runs or requests it had.
    pub tries: u32,
    /// When it was given up.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The message.
    pub raw: Option<serde_json::Value>,
}

/// Decodes a dead letter. One that the store made itself (a `failed` status) has no words of ours.
pub fn dead_letter(letter: &DeadLetter) -> DeadLetterView {
    let payload: Option<DeadLetterPayload> = codec::decode(&letter.payload).ok();
    let errors: Option<serde_json::Value> = codec::decode(&letter.payload).ok();
    let from_status = || errors.map_or_else(String::new, |errors| errors.to_string());
    let detail = payload.as_ref().map_or_else(|| from_status().into(), |payload| payload.detail.clone());
    let raw = payload.as_ref().and_then(|payload| payload.raw.as_deref());
    DeadLetterView {
        id: letter.id.to_string(),
        kind: if letter.send.is_some() { "outbound" } else { "inbound" },
        conversation: letter.conversation.to_string(),
        reason: letter.reason.clone(),
        detail,
        hint: payload.as_ref().and_then(|payload| payload.hint.clone()),
        outbox: letter.send.map(|send| send.to_string()),
        bot: payload.as_ref().and_then(|payload| payload.bot.clone()),
        bot_version: payload.as_ref().and_then(|payload| payload.version.clone()),
        node: payload.as_ref().and_then(|payload| payload.node.clone()),
        tries: payload.as_ref().map_or(1, |payload| payload.tries),
        at_ms: letter.at_ms,
        raw: raw.map(|raw| serde_json::from_str(raw).unwrap_or_else(|_| raw.into())),
    }
}

/// The contract's word for a state.
pub fn state_name(state: SendState) -> &'static str {
    match state {
        SendState::Queued => "queued",
        SendState::Sending => "sending",
        SendState::Uncertain => "uncertain",
        SendState::Held => "held",
        SendState::Dead => "dead",
        SendState::Accepted => "accepted",
        SendState::Sent => "sent",
        SendState::Failed => "failed",
        SendState::Delivered => "delivered",
        SendState::Read => "read",
    }
}

/// The state with this name.
pub fn state_by_name(name: &str) -> Option<SendState> {
    use SendState::*;
    [Queued, Sending, Uncertain, Held, Dead, Accepted, Sent, Failed, Delivered, Read]
        .into_iter()
        .find(|state| state_name(*state) == name)
}

/// The contact of a phone number: the one it was linked to, else the one it would get.
pub async fn contact_of_phone(
    store: &dyn storage::Store,
    phone: &str,
) -> Result<storage::ContactId, storage::StoreError> {
    let alias = identity::phone_alias(phone);
    let linked = store.resolve(vec![alias.clone()]).await?;
    Ok(linked.unwrap_or_else(|| identity::first_contact(&store.secret(), &alias)))
}

/// The conversations that inbox rows belong to, in their order.
pub async fn conversations_of(
    store: &dyn storage::Store,
    rows: &[(InboxSeq, Inbound)],
) -> Result<Vec<ConversationId>, storage::StoreError> {
    let aliases = rows.iter().flat_map(|(_, row)| row.aliases.iter().cloned()).collect();
    let mut links = store.resolve_each(aliases).await?.into_iter();
    let secret = store.secret();
    let conversation = |(_, row): &(InboxSeq, Inbound)| {
        let own: Vec<_> = links.by_ref().take(row.aliases.len()).collect();
        let linked = own.into_iter().flatten().next();
        identity::conversation_id(&row.partition, identity::contact_or_first(&secret, linked, row))
    };
    Ok(rows.iter().map(conversation).collect())
}

/// Something that was acknowledged but did not run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuarantinedView {
    /// Its number.
    pub id: String,
    /// A stable word: `unknown_number`, `unreadable`, `too_old`, `unhandled`.
    pub reason: Box<str>,
    /// The explanation.
    pub detail: Box<str>,
    /// When it was accepted.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The JSON as it came, or its text where it is none.
    pub raw: serde_json::Value,
}

/// Decodes a quarantined row.
pub fn quarantined(id: u64, row: &storage::Quarantined) -> QuarantinedView {
    let raw = serde_json::from_slice(&row.payload);
    QuarantinedView {
        id: id.to_string(),
        reason: row.reason.clone(),
        detail: row.detail.clone(),
        at_ms: row.received_ms,
        raw: raw.unwrap_or_else(|_| String::from_utf8_lossy(&row.payload).into_owned().into()),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn rfc3339<S: serde::Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    // A stored time beyond year 9999 is shown as the last one that can be written.
    let time = i64::try_from(*ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    serializer.collect_str(&format_args!("{:.3}", time.unwrap_or(jiff::Timestamp::MAX)))
}

#[allow(clippy::ref_option, reason = "serde hands a reference")]
fn optional_rfc3339<S: serde::Serializer>(ms: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => rfc3339(ms, serializer),
        None => serializer.serialize_none(),
    }
}
