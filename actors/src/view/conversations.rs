//! Conversations as operators see them.

use chatbot::Priority;
use serde::Serialize;
use storage::{ConversationId, Head};

use super::{optional_rfc3339, rfc3339};
use crate::codec::CodecError;
use crate::identity;
use crate::records::{Control, State};

/// A conversation in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    /// `idle` (no run), `waiting` (the run waits), `human` (somebody answers in the bot's place, or shall), `paused` (the
    /// bot is stopped), or `damaged`.
    pub state: &'static str,
    /// Why a `damaged` one cannot be read; nothing but its id and times is known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What a `waiting` run waits for is the answer of another program: it goes on without the person.
    pub calling: bool,
    /// Who answers in the bot's place.
    pub control: Option<ControlView>,
    /// Who answers: the same as in `control`, absent while nobody does.
    pub owner: Option<Box<str>>,
    /// Since when somebody is waited for who answers.
    #[serde(rename = "waiting_since", serialize_with = "optional_rfc3339")]
    pub waiting_ms: Option<u64>,
    /// The last message.
    pub last_message: Option<LastView>,
    /// Since when the person waits for an answer to what they wrote.
    #[serde(rename = "unanswered_since", serialize_with = "optional_rfc3339")]
    pub unanswered_ms: Option<u64>,
    /// What the bot handed to a human who has it still.
    pub handoff: Option<HandoffView>,
    /// The bot whose run is under way.
    pub bot: Option<String>,
    /// Its version.
    pub bot_version: Option<String>,
    /// The node it waits at.
    pub node: Option<String>,
    /// End of the service window; absent if the person never wrote.
    #[serde(rename = "window_expires_at", serialize_with = "optional_rfc3339")]
    pub window_expires_ms: Option<u64>,
    /// End of the time in which messages are free because the person came by an advertisement.
    #[serde(rename = "free_entry_point_expires_at", serialize_with = "optional_rfc3339")]
    pub free_entry_ms: Option<u64>,
    /// `opted_out` or `opted_in`, if the person ever said something about marketing.
    pub marketing: Option<&'static str>,
    /// Numbers that the person had before.
    pub former_numbers: Vec<Box<str>>,
    /// Conversations of the same person that became a part of this one.
    pub merged: Vec<String>,
    /// The conversation that this one became a part of.
    pub merged_into: Option<String>,
    /// When it began.
    #[serde(rename = "created_at", serialize_with = "rfc3339")]
    pub created_ms: u64,
    /// When it last advanced.
    #[serde(rename = "updated_at", serialize_with = "rfc3339")]
    pub updated_ms: u64,
    /// How often it advanced.
    pub revision: u64,
}

/// Who answers in the bot's place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlView {
    /// `phone_app`, `operator`, or a name; absent while it waits for somebody. Of a pause, who stopped the bot.
    pub by: Option<Box<str>>,
    /// Since when.
    #[serde(rename = "since", serialize_with = "rfc3339")]
    pub since_ms: u64,
    /// Since when the bot is silent.
    #[serde(rename = "silent_since", serialize_with = "rfc3339")]
    pub silent_ms: u64,
    /// Why.
    pub reason: Option<Box<str>>,
    /// Nobody answers: the bot was stopped.
    pub paused: bool,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastView {
    /// `in` or `out`.
    pub direction: &'static str,
    /// Meta's type.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// Its beginning.
    pub text: Box<str>,
    /// When.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
}

/// What a bot handed to a human.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HandoffView {
    /// Who shall answer.
    pub queue: Option<String>,
    /// What they should know.
    pub note: Option<String>,
    /// How soon.
    pub priority: Priority,
    /// Since when.
    #[serde(rename = "since", serialize_with = "rfc3339")]
    pub since_ms: u64,
}

/// Decodes a conversation. Errors: the row was written by a newer version, or is damaged.
pub fn conversation(id: ConversationId, head: &Head) -> Result<(ConversationView, serde_json::Value), CodecError> {
    let state = State::decode(&head.snapshot)?;
    let pinned = state.bot.bot();
    let control = match &state.control {
        Control::Bot => None,
        Control::Human { silent_ms, since_ms, by, reason, paused, .. } => Some(ControlView {
            by: by.clone(),
            since_ms: *since_ms,
            silent_ms: *silent_ms,
            reason: reason.clone(),
            paused: *paused,
        }),
    };
    let handoff = state.bot.handed_over().map(|handed| HandoffView {
        queue: handed.queue.clone(),
        note: handed.note.clone(),
        priority: handed.priority,
        since_ms: handed.since_ms,
    });
    let word = match (&control, state.bot.is_waiting()) {
        (Some(ControlView { paused: true, .. }), _) => "paused",
        _ if handoff.is_some() => "human",
        (Some(_), _) => "human",
        (None, true) => "waiting",
        (None, false) => "idle",
    };
    let former = state.former.iter().filter_map(|former| former.alias.0.strip_prefix("wa:"));
    let view = ConversationView {
        id: id.to_string(),
        bot: pinned.map(|(bot, _)| bot.into()),
        bot_version: pinned.map(|(_, version)| version.into()),
        node: state.bot.node().map(Into::into),
        state: word,
        problem: None,
        calling: word == "waiting" && state.bot.is_calling(),
        control,
        owner: state.owner().map(|(owner, _)| owner.into()),
        waiting_ms: state.needs_person_ms(),
        last_message: state.last_message.as_ref().map(|last| LastView {
            direction: if last.out { "out" } else { "in" },
            kind: last.kind.clone(),
            text: last.text.clone(),
            at_ms: last.at_ms,
        }),
        unanswered_ms: state.unanswered_ms,
        handoff,
        window_expires_ms: state.window_until_ms(),
        free_entry_ms: state.free_entry_until_ms,
        marketing: state.marketing.map(|marketing| if marketing.wanted { "opted_in" } else { "opted_out" }),
        former_numbers: former.map(Into::into).collect(),
        merged: state.absorbed.iter().map(ToString::to_string).collect(),
        merged_into: merged_into(id, &state).map(|into| into.to_string()),
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

/// A conversation as a list shows it: one that cannot be decoded is told as `damaged`, for the others are to be seen.
pub fn listed(id: ConversationId, head: &Head) -> ConversationView {
    match conversation(id, head) {
        Ok((view, _)) => view,
        Err(error) => ConversationView {
            id: id.to_string(),
            state: "damaged",
            problem: Some(error.to_string()),
            created_ms: head.created_ms,
            updated_ms: head.updated_ms,
            revision: head.revision.0,
            ..ConversationView::default()
        },
    }
}

/// Where a conversation leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// It became a part of this one.
    pub merged_into: Option<ConversationId>,
    /// These became a part of it, oldest first.
    pub absorbed: Vec<ConversationId>,
}

/// Decodes where a conversation leads. Errors: as [`conversation`].
pub fn links(id: ConversationId, head: &Head) -> Result<Links, CodecError> {
    let state = State::decode(&head.snapshot)?;
    Ok(Links { merged_into: merged_into(id, &state), absorbed: state.absorbed })
}

fn merged_into(id: ConversationId, state: &State) -> Option<ConversationId> {
    state.merged_into.map(|into| identity::beside(id, into))
}
