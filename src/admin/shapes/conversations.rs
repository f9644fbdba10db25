//! Conversations, what was said in them, and what they went through.

use serde_json::Value;
use utoipa::ToSchema;

/// A conversation in a list.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "phone_number_id": "106540352242922", "wa_id": "447700900123",
    "user_id": null, "name": "Ada", "state": "waiting", "calling": false, "control": null, "handoff": null,
    "bot": "welcome", "bot_version": "4f1c", "node": "menu", "window_expires_at": "2026-11-28T09:00:00.000Z",
    "free_entry_point_expires_at": null, "marketing": null, "former_numbers": [], "merged": [], "merged_into": null,
    "created_at": "2026-11-27T08:59:00.000Z", "updated_at": "2026-11-27T09:00:00.000Z", "revision": 3
}))]
pub(in super::super) struct Conversation {
    /// `c_…`
    id: String,
    /// The business number it belongs to.
    phone_number_id: String,
    /// The person's number, if known.
    wa_id: Option<String>,
    /// The person's business-scoped id, if known.
    user_id: Option<String>,
    /// The person's profile name.
    name: Option<String>,
    /// `idle`, `waiting`, `paused`, `human`, `parked` or `damaged`.
    state: String,
    /// Why a damaged one cannot be read.
    problem: Option<String>,
    /// What it waits for is the answer of another program.
    calling: bool,
    /// Who answers in the bot's place.
    control: Option<Value>,
    /// Who answers, such as `user:elif` or `phone_app`.
    owner: Option<String>,
    /// Since when somebody is waited for who answers.
    waiting_since: Option<String>,
    /// Direction, type, text and time of the last message.
    last_message: Option<Value>,
    /// Since when the person waits for an answer to what they wrote.
    unanswered_since: Option<String>,
    /// What the bot handed to a human who has it still.
    handoff: Option<Value>,
    /// The bot whose run is under way.
    bot: Option<String>,
    /// Its version.
    bot_version: Option<String>,
    /// The node it waits at.
    node: Option<String>,
    /// End of the service window.
    window_expires_at: Option<String>,
    /// End of the time in which messages are free because of an advertisement.
    free_entry_point_expires_at: Option<String>,
    /// `opted_out` or `opted_in`, if the person ever said something about marketing.
    marketing: Option<String>,
    /// Numbers that the person had before.
    former_numbers: Vec<String>,
    /// Conversations that became a part of this one.
    merged: Vec<String>,
    /// The conversation that this one became a part of.
    merged_into: Option<String>,
    /// When it began.
    created_at: String,
    /// When it last advanced.
    updated_at: String,
    /// How often it advanced.
    revision: u64,
}

/// A conversation with its variables.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "phone_number_id": "106540352242922", "state": "waiting", "bot": "welcome",
    "node": "menu", "revision": 3, "variables": { "day": "mon" }, "blocked": false
}))]
pub(in super::super) struct ConversationShown {
    /// `c_…`
    id: String,
    /// The business number it belongs to.
    phone_number_id: String,
    /// As in the list.
    state: String,
    /// The bot whose run is under way.
    bot: Option<String>,
    /// The node it waits at.
    node: Option<String>,
    /// How often it advanced.
    revision: u64,
    /// Variables of the run and of the contact.
    variables: Value,
    /// Whether the person is blocked at Meta.
    blocked: bool,
}

/// A message of a transcript.
#[derive(ToSchema)]
#[schema(as = Message, example = json!({
    "id": "42", "direction": "in", "origin": null, "type": "text", "text": "hello", "wamid": "wamid.1",
    "status": "received", "error": null, "pricing": null, "at": "2026-11-27T09:00:00.000Z",
    "raw": { "type": "text", "text": { "body": "hello" } }
}))]
pub(in super::super) struct Message {
    /// The outbox id of an outgoing message, the inbox number of anything else.
    id: String,
    /// `in` or `out`.
    direction: String,
    /// Outgoing: `bot`, `operator` or `phone_app`.
    origin: Option<String>,
    /// Meta's type.
    r#type: String,
    /// Body, caption, title or empty.
    text: String,
    /// Meta's message id, once known.
    wamid: Option<String>,
    /// The outbox state, or `received`, or `waiting`.
    status: String,
    /// Why it failed, or why the bot did not take it.
    error: Option<Value>,
    /// What it costs, as far as a status told.
    pricing: Option<Value>,
    /// When it was accepted or decided.
    at: String,
    /// The message as it came or as it leaves.
    raw: Value,
}

/// What was accepted.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB_7", "state": "queued" }))]
pub(in super::super) struct Accepted {
    /// The outbox id, or the inbox number while it waits for its turn.
    id: String,
    /// `queued` or `waiting`.
    state: String,
}

/// What a conversation went through.
#[derive(ToSchema)]
#[schema(example = json!({
    "items": [{ "index": 0, "at": "2026-11-27T09:00:00.000Z", "input": { "kind": "message", "type": "text", "text": "hi" },
        "trace": ["entered menu"], "steps": [], "sends": [], "error": null, "events": [], "changed": null }],
    "next_cursor": null, "entries": 1, "merged_into": null, "merged": []
}))]
pub(in super::super) struct Journal {
    /// The entries.
    items: Vec<JournalEntry>,
    /// For the next page.
    next_cursor: Option<String>,
    /// How many there are in all.
    entries: u64,
    /// The conversation that this one became a part of.
    merged_into: Option<String>,
    /// Conversations that became a part of this one.
    merged: Vec<String>,
}

/// An entry of a journal.
#[derive(ToSchema)]
struct JournalEntry {
    /// Its index, from 0.
    index: u64,
    /// When it was written.
    at: String,
    /// What came; absent if the conversation itself changed.
    input: Option<Value>,
    /// What the bot did, in words.
    trace: Vec<String>,
    /// The same for programs.
    steps: Value,
    /// The messages that it decided.
    sends: Vec<Value>,
    /// Why the bot failed.
    error: Option<String>,
    /// What happened to the conversation itself, in words.
    events: Vec<String>,
    /// Places of the state that it changed.
    changed: Option<Vec<String>>,
}

/// What a conversation was after an entry.
#[derive(ToSchema)]
#[schema(example = json!({
    "index": 0, "at": "2026-11-27T09:00:00.000Z", "state": "waiting", "control": "bot", "bot": "welcome",
    "bot_version": "4f1c", "node": "menu", "wait": {}, "run": {}, "variables": {}, "person": {}, "more": {}, "changes": []
}))]
pub(in super::super) struct StateAt {
    /// The entry.
    index: u64,
    /// When it was written.
    at: String,
    /// As in the list of conversations.
    state: String,
    /// Who answered.
    control: Value,
    /// The bot whose run was under way.
    bot: Option<String>,
    /// Its version.
    bot_version: Option<String>,
    /// The node at which the run waited.
    node: Option<String>,
    /// What it waited for.
    wait: Value,
    /// The run itself.
    run: Value,
    /// Variables of the run and of the contact.
    variables: Value,
    /// The person.
    person: Value,
    /// The rest.
    more: Value,
    /// What this entry changed.
    changes: Vec<Value>,
}

/// What became of a block.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "blocked": true }))]
pub(in super::super) struct Blocked {
    /// The conversation.
    id: String,
    /// Whether the person is blocked now.
    blocked: bool,
}

/// A person who is blocked.
#[derive(ToSchema)]
#[schema(example = json!({ "phone_number_id": "106540352242922", "person": "447700900123", "since": "2026-11-27T09:00:00.000Z" }))]
pub(in super::super) struct BlockedPerson {
    /// Our number.
    phone_number_id: String,
    /// Their number or user id.
    person: String,
    /// Since when we know.
    since: String,
}

/// What was read from Meta.
#[derive(ToSchema)]
#[schema(example = json!({ "numbers": 1, "people": 3 }))]
pub(in super::super) struct BlockedRefreshed {
    /// Numbers of ours whose list was read.
    numbers: u64,
    /// People who are blocked by them.
    people: u64,
}

/// An event that was taken.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "43", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB", "name": "order.paid" }))]
pub(in super::super) struct Told {
    /// Its inbox number.
    id: String,
    /// The conversation.
    conversation: String,
    /// Its name.
    name: String,
}
