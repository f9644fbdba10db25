//! The shapes of answers that handlers build as plain JSON, for the OpenAPI document. Tests hold them against what the
//! running server answers.

mod bots;
mod conversations;
mod flows;
mod queues;
mod server;
mod things;

use serde_json::Value;
use utoipa::ToSchema;

pub(super) use bots::{BotCheck, BotDiff, BotImport, BotPublished, BotShown, BotStats, BotSummary, Versions};
pub(super) use conversations::{
    Accepted, Blocked, BlockedPerson, BlockedRefreshed, Conversation, ConversationShown, Journal, Message, StateAt,
    Told,
};
pub(super) use flows::{
    Applied, Assets, FlowHealthReading, FlowKey, FlowKeyChecks, FlowKeyRotated, FlowKeyUploads, FlowRemoved, FlowShown,
    Flows, FlowsSynced, Migrated, Plan, PreviewLink,
};
pub(super) use queues::{
    DeadLetter, Delivery, DeliveryShown, Notice, Outgoing, Quarantined, Receiver, ReceiverResumed, Replayed,
};
pub(super) use server::{Number, PauseReason};
pub(super) use things::{
    Media, MediaDeleted, MediaPut, Pruned, Template, TemplateChanged, TemplateCreated, TemplateDeleted, Templates,
    TemplatesSynced,
};

/// A page of a list.
#[derive(ToSchema)]
pub(super) struct Listed<T: ToSchema> {
    /// In the order of the list.
    items: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

/// An error, after RFC 9457. `GET /problems/{kind}` explains each.
#[derive(ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/window-closed", "title": "The 24-hour window is closed", "status": 409,
    "detail": "the window of this conversation closed at 2026-11-26T09:00:00.000Z", "code": "PAR-0131",
    "hint": "send an approved template; the person's answer opens the window for 24 hours", "meta": null,
    "instance": "/api/v1/conversations/c_01KB0ZQ3S8/messages", "request_id": "r_6f1c9a7be2d14f03a5b8c7d6"
}))]
pub(super) struct ProblemShape {
    /// `/problems/` and the kind.
    r#type: String,
    /// The kind in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened here.
    detail: String,
    /// `PAR-…`, for `parlance explain`.
    code: String,
    /// What to do.
    hint: Option<String>,
    /// The path that was asked.
    instance: String,
    /// As in `X-Request-Id` and in the log.
    request_id: String,
    /// Which parts of the request are wrong.
    errors: Option<Vec<WrongPart>>,
    /// What Meta said, if it caused this: code, subcode, trace id.
    meta: Option<Value>,
}

/// A part of a request that is wrong.
#[derive(ToSchema)]
struct WrongPart {
    /// A JSON pointer into the body; `?name` for a parameter of the query.
    pointer: String,
    /// The code of this kind of error.
    code: String,
    /// What is wrong.
    detail: String,
    /// The nearest that would be right.
    suggestion: Option<String>,
}
