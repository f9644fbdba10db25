//! What operators read: the store's opaque fields decoded into plain, serialisable data.

mod conversations;
mod messages;

use serde::Serialize;
use storage::{ContactId, ConversationId, DeadLetter, Inbound, InboxSeq, Send, SendState, Store, StoreError};

pub use conversations::{ControlView, ConversationView, HandoffView, LastView, Links, conversation, links, listed};
pub use messages::{Fate, MessageView, entry_as_json, fate_of, messages, outgoing, pending, sends_of};

use crate::codec::{self, CodecError};
use crate::identity;
use crate::letters;
use crate::records::{DeadLetterPayload, SendError, SendPayload};

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
    /// The broadcast that it is one of.
    pub broadcast: Option<Box<str>>,
    /// The message that was given up and that it takes the place of.
    pub retry_of: Option<String>,
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
        broadcast: payload.broadcast,
        retry_of: payload.retry_of.map(|send| send.to_string()),
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
    /// Meta's number, if it gave one.
    pub code: Option<u32>,
    /// What became of it; null while it is open.
    pub resolved: Option<ResolvedView>,
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

/// What became of a dead letter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResolvedView {
    /// `retried`, `edited` or `dropped`.
    pub how: &'static str,
    /// Who decided it.
    pub by: Box<str>,
    /// When.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// Why, if it was dropped.
    pub why: Option<Box<str>>,
    /// The message that took its place.
    pub outbox: Option<String>,
}

impl From<letters::Resolution> for ResolvedView {
    fn from(resolution: letters::Resolution) -> Self {
        let letters::Resolution { how, by, at_ms, why, send } = resolution;
        Self { how: how.name(), by, at_ms, why, outbox: send.map(|send| send.to_string()) }
    }
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
        code: letters::code(letter),
        resolved: letters::resolution(letter).map(ResolvedView::from),
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

/// The people that a phone number leads to: whoever has it, and whoever had it before.
pub async fn contacts_of_phone(store: &dyn Store, phone: &str) -> Result<Vec<ContactId>, StoreError> {
    let alias = identity::phone_alias(phone);
    let digits = alias.0.strip_prefix("wa:").unwrap_or_default();
    let linked = store.resolve_each(vec![alias.clone(), identity::former_alias(digits)]).await?;
    let has = linked.first().copied().flatten().unwrap_or_else(|| identity::first_contact(&store.secret(), &alias));
    let had = linked.get(1).copied().flatten().filter(|had| *had != has);
    Ok(std::iter::once(has).chain(had).collect())
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

/// What an account was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoticeView {
    /// Its number.
    pub id: String,
    /// The webhook field; `statuses` for a status that belongs to nothing we sent.
    pub field: Box<str>,
    /// The business account's id.
    pub account: Option<Box<str>>,
    /// What it says, in a line.
    pub detail: Box<str>,
    /// Whether somebody should look at it.
    pub alarm: bool,
    /// When it was accepted.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The JSON as it came.
    pub raw: serde_json::Value,
}

/// Decodes a notice.
pub fn notice(id: u64, row: &storage::Notice) -> NoticeView {
    let raw = serde_json::from_slice(&row.payload);
    NoticeView {
        id: id.to_string(),
        field: row.field.clone(),
        account: Some(row.account.clone()).filter(|account| !account.is_empty()),
        detail: row.detail.clone(),
        alarm: row.alarm,
        at_ms: row.received_ms,
        raw: raw.unwrap_or_else(|_| String::from_utf8_lossy(&row.payload).into_owned().into()),
    }
}

/// Something that was acknowledged but did not run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuarantinedView {
    /// Its number.
    pub id: String,
    /// The number that it was for, where that is known; a body that was kept whole may be for several.
    pub phone_number_id: Option<Box<str>>,
    /// A stable word: `unknown_number`, `unreadable`, `too_old`, `wrong_app`.
    pub reason: Box<str>,
    /// The explanation.
    pub detail: Box<str>,
    /// When it was accepted.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// The JSON as it came, or its text where it is none.
    pub raw: serde_json::Value,
}

/// The member of a webhook that was made ([`storage::Quarantined::made`]) that says which element it was made around:
/// `message`, `status` or `field`.
pub const ASIDE: &str = "quarantined";

/// The element that a webhook was made around.
fn element(mut whole: serde_json::Value) -> serde_json::Value {
    let place = match whole.get(ASIDE).and_then(serde_json::Value::as_str) {
        Some("message") => "/entry/0/changes/0/value/messages/0",
        Some("status") => "/entry/0/changes/0/value/statuses/0",
        Some("field") => "/entry/0/changes/0/value",
        _ => return whole,
    };
    whole.pointer_mut(place).map(serde_json::Value::take).unwrap_or(whole)
}

/// The number that a webhook which was made around one element is for.
fn number_of(whole: &serde_json::Value) -> Option<Box<str>> {
    whole.pointer("/entry/0/changes/0/value/metadata/phone_number_id")?.as_str().map(Into::into)
}

/// Decodes a quarantined row.
pub fn quarantined(id: u64, row: &storage::Quarantined) -> QuarantinedView {
    let raw: Result<serde_json::Value, _> = serde_json::from_slice(&row.payload);
    QuarantinedView {
        id: id.to_string(),
        phone_number_id: raw.as_ref().ok().filter(|_| row.made).and_then(number_of),
        reason: row.reason.clone(),
        detail: row.detail.clone(),
        at_ms: row.received_ms,
        raw: match raw {
            Ok(whole) if row.made => element(whole),
            Ok(whole) => whole,
            Err(_) => String::from_utf8_lossy(&row.payload).into_owned().into(),
        },
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(crate) fn rfc3339<S: serde::Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time_text(*ms))
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn time_text(ms: u64) -> String {
    // A stored time beyond year 9999 is shown as the last one that can be written.
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::MAX))
}

#[allow(clippy::ref_option, reason = "serde hands a reference")]
pub(crate) fn optional_rfc3339<S: serde::Serializer>(ms: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => rfc3339(ms, serializer),
        None => serializer.serialize_none(),
    }
}
