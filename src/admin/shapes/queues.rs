//! What is on its way, what did not arrive, and what accounts were told.

use serde_json::Value;
use utoipa::ToSchema;

/// A message of the outbox.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB_7", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB",
    "phone_number_id": "106540352242922", "state": "queued", "type": "text", "text": "hello", "node": "greet",
    "broadcast": null, "retry_of": null, "attempts": 0, "due_at": null, "wamid": null, "error": null, "created_at": "2026-11-27T09:00:00.000Z",
    "updated_at": "2026-11-27T09:00:00.000Z"
}))]
pub(in super::super) struct Outgoing {
    /// `o_…`
    id: String,
    /// `c_…`
    conversation: String,
    /// The number it leaves from.
    phone_number_id: String,
    /// queued, sending, uncertain, held, accepted, sent, delivered, read, failed, dead
    state: String,
    /// Meta's type.
    r#type: String,
    /// Body or empty.
    text: String,
    /// The node that decided it.
    node: Option<String>,
    /// The broadcast that it is one of.
    broadcast: Option<String>,
    /// The message that was given up and that it takes the place of.
    retry_of: Option<String>,
    /// Requests made so far.
    attempts: u32,
    /// Next try, or end of the doubt window.
    due_at: Option<String>,
    /// Meta's message id, once known.
    wamid: Option<String>,
    /// The last error.
    error: Option<Value>,
    /// When it was decided.
    created_at: String,
    /// When its state last changed.
    updated_at: String,
}

/// What was given up.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "3", "kind": "outbound", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "reason": "permanent",
    "code": 131026, "resolved": null,
    "detail": "(131026) Message undeliverable", "hint": "the number may not have WhatsApp", "outbox": "o_01KB_7",
    "bot": "welcome", "bot_version": "4f1c", "node": "greet", "tries": 1, "at": "2026-11-27T09:00:00.000Z", "raw": null
}))]
pub(in super::super) struct DeadLetter {
    /// Its number.
    id: String,
    /// `inbound` or `outbound`.
    kind: String,
    /// `c_…`
    conversation: String,
    /// A stable word: why it was given up.
    reason: String,
    /// Meta's number, if it gave one.
    code: Option<u32>,
    /// What became of it: how, by whom, when, why, and the message that took its place; null while it is open.
    resolved: Option<Value>,
    /// What happened, in words.
    detail: String,
    /// What to do about it.
    hint: Option<String>,
    /// The outbox row it was, if any.
    outbox: Option<String>,
    /// The bot, where known.
    bot: Option<String>,
    /// Its version.
    bot_version: Option<String>,
    /// The node.
    node: Option<String>,
    /// Runs or requests it had.
    tries: u32,
    /// When it was given up.
    at: String,
    /// The message.
    raw: Option<Value>,
}

/// A webhook that belongs to nothing known.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "1", "phone_number_id": "1", "reason": "unknown_number", "detail": "the number 1 is not configured",
    "at": "2026-11-27T09:00:00.000Z", "raw": {}, "releasable": true
}))]
pub(in super::super) struct Quarantined {
    /// Its number.
    id: String,
    /// The number that it was for, where that is known; a body that was kept whole may be for several.
    phone_number_id: Option<String>,
    /// A stable word: why it is here.
    reason: String,
    /// The explanation.
    detail: String,
    /// When it was accepted.
    at: String,
    /// The JSON as it came, or its text where it is none.
    raw: Value,
    /// Whether it is known what it belonged to, so that it can be taken in again.
    releasable: bool,
}

/// What an account was told.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "5", "field": "account_update", "account": "102290129340398", "detail": "the account was restricted",
    "alarm": true, "at": "2026-11-27T09:00:00.000Z", "raw": {}
}))]
pub(in super::super) struct Notice {
    /// Its number.
    id: String,
    /// The webhook field.
    field: String,
    /// The business account.
    account: Option<String>,
    /// What it says, in a line.
    detail: String,
    /// Whether somebody should look at it.
    alarm: bool,
    /// When it was accepted.
    at: String,
    /// The JSON as it came.
    raw: Value,
}

/// A receiver of outgoing events.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "crm", "url": "https://crm.example/hook", "types": ["*"], "state": "ok", "pending": 0, "dropped": 0,
    "failures": 0, "last_success": null, "last_failure": null, "last_error": null, "gone_since": null, "paused_until": null
}))]
pub(in super::super) struct Receiver {
    /// As the configuration names it.
    name: String,
    /// Where it is, without the query.
    url: String,
    /// The types that it takes.
    types: Value,
    /// `ok`, `failing` or `gone`.
    state: String,
    /// Deliveries that wait.
    pending: u64,
    /// Events that found no room.
    dropped: u64,
    /// Failures in a row.
    failures: u64,
    /// When one last arrived.
    last_success: Option<String>,
    /// When one last failed.
    last_failure: Option<String>,
    /// Why.
    last_error: Option<String>,
    /// Since when it says that it is gone.
    gone_since: Option<String>,
    /// No try before this time.
    paused_until: Option<String>,
}

/// A receiver that is tried again.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "crm", "state": "ok" }))]
pub(in super::super) struct ReceiverResumed {
    /// The receiver.
    name: String,
    /// `ok`.
    state: String,
}

/// An event on its way to a receiver.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "evt_6f1c9a7be2d14f03a5b8c7d6e9f0a1b2.crm", "event": "evt_6f1c9a7be2d14f03a5b8c7d6e9f0a1b2",
    "type": "run.ended", "endpoint": "crm", "state": "delivered", "created_at": "2026-11-27T09:00:00.000Z",
    "updated_at": "2026-11-27T09:00:01.000Z", "due_at": null, "tries": 1, "last_status": 200, "last_error": null
}))]
pub(in super::super) struct Delivery {
    /// Event and receiver.
    id: String,
    /// The event.
    event: String,
    /// Its type.
    r#type: String,
    /// The receiver.
    endpoint: String,
    /// `pending`, `delivered` or `failed`.
    state: String,
    /// When it happened.
    created_at: String,
    /// When this last changed.
    updated_at: String,
    /// The next try.
    due_at: Option<String>,
    /// Tries so far.
    tries: u32,
    /// Status of the last answer.
    last_status: Option<u16>,
    /// Why the last try failed.
    last_error: Option<String>,
}

/// An event on its way, with its body and what was answered.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "evt_6f1c9a7be2d14f03a5b8c7d6e9f0a1b2.crm", "event": "evt_6f1c9a7be2d14f03a5b8c7d6e9f0a1b2",
    "type": "run.ended", "endpoint": "crm", "state": "delivered", "tries": 1,
    "last_tries": [{ "at": "2026-11-27T09:00:01.000Z", "took_ms": 12, "status": 200, "error": null }],
    "last_answer": "ok", "body": { "type": "run.ended" }
}))]
pub(in super::super) struct DeliveryShown {
    /// Event and receiver.
    id: String,
    /// The event.
    event: String,
    /// Its type.
    r#type: String,
    /// The receiver.
    endpoint: String,
    /// `pending`, `delivered` or `failed`.
    state: String,
    /// Tries so far.
    tries: u32,
    /// The last tries.
    last_tries: Vec<Value>,
    /// What was answered last.
    last_answer: Option<String>,
    /// What is sent.
    body: Value,
}

/// What was queued anew.
#[derive(ToSchema)]
#[schema(example = json!({ "replayed": 12, "left": 0, "next_cursor": null }))]
pub(in super::super) struct Replayed {
    /// Deliveries that are tried again.
    replayed: u64,
    /// Deliveries that fit but found no room.
    left: u64,
    /// For the rest.
    next_cursor: Option<String>,
}
