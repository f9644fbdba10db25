//! `/api/v1/broadcasts`: one template to many people. List, show, start, pause, resume and cancel; [`create`] makes one,
//! [`results`] tells what became of each person.

pub(super) mod create;
pub(super) mod results;

use actors::broadcast::{Broadcast, BroadcastError, Counts, Phase};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::audit::Audited;
use super::lists::{Asked, PageQuery, limit, read, read_json};
use super::messages::conflict;
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, cursor, time};

/// Above so many recipients the number of them must be confirmed.
const CONFIRM_OVER: u32 = 100;
/// Characters of a reason at most.
const MAX_REASON_CHARS: usize = 500;

/// A broadcast.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "br_1795340000007", "name": "Spring news", "phone_number_id": "106540352242922", "state": "running",
    "message": { "type": "template", "template": { "name": "news", "language": { "code": "en" } } },
    "people": 1000, "recipients": 998, "released": 240, "rate": 20, "start_at": null, "paused_by": null,
    "paused_why": null, "created_by": "user:elif", "created_at": "2026-11-27T09:00:00.000Z",
    "updated_at": "2026-11-27T09:00:12.000Z", "started_at": "2026-11-27T09:00:00.100Z", "ended_at": null,
    "counts": null
}))]
pub(super) struct BroadcastView {
    /// `br_…`
    id: String,
    /// What people call it.
    name: String,
    /// The number that it leaves from.
    phone_number_id: String,
    /// `draft`, `scheduled`, `running`, `paused`, `done` or `cancelled`.
    state: String,
    /// The template message, with `{{name}}` where a person's variable goes.
    message: Value,
    /// How many people were named.
    people: u32,
    /// How many of them were to get it when it was planned.
    recipients: u32,
    /// How many were released or skipped so far.
    released: u32,
    /// Messages per second at the most; null: as fast as the number may.
    rate: Option<u32>,
    /// Not before this time.
    start_at: Option<String>,
    /// Who paused or cancelled it.
    paused_by: Option<String>,
    /// Why, if they said so.
    paused_why: Option<String>,
    /// Who made it.
    created_by: String,
    /// When.
    created_at: String,
    /// When it last got on or was changed.
    updated_at: String,
    /// When the first message was released.
    started_at: Option<String>,
    /// When it was done or cancelled.
    ended_at: Option<String>,
    /// How many stand how; of a single broadcast.
    counts: Option<CountsView>,
}

/// How many people stand how. Each is counted once.
#[derive(Serialize, ToSchema)]
pub(super) struct CountsView {
    /// Not released yet.
    pending: u32,
    /// Released, and not taken by their conversation yet.
    waiting: u32,
    /// In the outbox.
    queued: u32,
    /// Held, or nobody knows whether it was sent.
    held: u32,
    /// Meta has it.
    sent: u32,
    /// On the phone.
    delivered: u32,
    /// Read.
    read: u32,
    /// Given up.
    failed: u32,
    /// Nothing was sent.
    skipped: u32,
    /// Why not: `opted_out`, `invalid`, `duplicate`, `no_address`, `refused`, and how many.
    #[schema(value_type = Object)]
    skipped_why: Value,
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        let Counts { people: _, pending, waiting, queued, held, sent, delivered, read, failed, skipped, skipped_why } =
            counts;
        let skipped_why = json!(skipped_why);
        Self { pending, waiting, queued, held, sent, delivered, read, failed, skipped, skipped_why }
    }
}

fn view(broadcast: Broadcast, now_ms: u64, counts: Option<Counts>) -> BroadcastView {
    let state = broadcast.state(now_ms).to_owned();
    let (paused_by, paused_why) = match broadcast.phase {
        Phase::Paused { by, why } => (Some(by.into()), why.map(Into::into)),
        Phase::Cancelled { by } => (Some(by.into()), None),
        Phase::Draft | Phase::Running | Phase::Done => (None, None),
    };
    BroadcastView {
        id: broadcast.id.into(),
        name: broadcast.name.into(),
        phone_number_id: broadcast.number_id.into(),
        state,
        message: broadcast.message,
        people: broadcast.people,
        recipients: broadcast.recipients,
        released: broadcast.next,
        rate: broadcast.rate,
        start_at: broadcast.start_at_ms.map(time::at),
        paused_by,
        paused_why,
        created_by: broadcast.created_by.into(),
        created_at: time::at(broadcast.created_ms),
        updated_at: time::at(broadcast.updated_ms),
        started_at: broadcast.started_ms.map(time::at),
        ended_at: broadcast.ended_ms.map(time::at),
        counts: counts.map(CountsView::from),
    }
}

/// A page of broadcasts.
#[derive(Serialize, ToSchema)]
pub(super) struct BroadcastPage {
    /// Newest first.
    items: Vec<BroadcastView>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/api/v1/broadcasts", tag = "broadcasts", summary = "List broadcasts, newest first",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = BroadcastPage))
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<PageQuery>,
) -> Result<Json<BroadcastPage>, Problem> {
    let query = read(query)?;
    let (limit, before) = (limit(query.limit)?, cursor::take("broadcasts", query.cursor.as_deref())?);
    let now_ms = shared.parts.clock.now_ms();
    let all = shared.parts.broadcasts.all().into_iter();
    let mut seen = all
        .filter(|broadcast| principal.sees(&broadcast.number_id))
        .filter(|broadcast| before.as_ref().is_none_or(|before| broadcast.id < *before));
    let items: Vec<_> = seen.by_ref().take(limit).map(|broadcast| view(broadcast, now_ms, None)).collect();
    let last = items.last().map(|broadcast| broadcast.id.clone()).filter(|_| seen.next().is_some());
    Ok(Json(BroadcastPage { next_cursor: cursor::give("broadcasts", last), items }))
}

#[utoipa::path(
    get, path = "/api/v1/broadcasts/{id}", tag = "broadcasts", summary = "Show a broadcast and how far it is",
    params(("id" = String, Path)), responses((status = 200, body = BroadcastView))
)]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<BroadcastView>, Problem> {
    let broadcast = one(&shared, &principal, &id)?;
    let counts = shared.parts.broadcasts.counts(&id).await?;
    Ok(Json(view(broadcast, shared.parts.clock.now_ms(), Some(counts))))
}

/// How many it is for, so that nobody starts another broadcast than they mean.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirm": 998 }))]
pub(super) struct Confirmed {
    /// The number of recipients; needed above 100.
    confirm: Option<u32>,
}

#[utoipa::path(
    post, path = "/api/v1/broadcasts/{id}/start", tag = "broadcasts", summary = "Start a draft",
    params(("id" = String, Path)), request_body = Confirmed, responses((status = 200, body = BroadcastView))
)]
pub(super) async fn start(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<Confirmed>, axum::extract::rejection::JsonRejection>,
) -> Result<Changed, Problem> {
    let before = one(&shared, &principal, &id)?;
    confirmed(before.recipients, read_json(body)?.confirm)?;
    let broadcast = shared.parts.broadcasts.start(&id, "started").await?;
    Ok(changed(&shared, &before, broadcast, None))
}

/// Why it is paused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the price was wrong" }))]
pub(super) struct PauseReason {
    /// In words; may be left out.
    reason: Option<String>,
}

#[utoipa::path(
    post, path = "/api/v1/broadcasts/{id}/pause", tag = "broadcasts", summary = "Release nothing more for now",
    description = "What is in the outbox already leaves: about two seconds' worth, and 200 messages at the most.",
    params(("id" = String, Path)), request_body = PauseReason, responses((status = 200, body = BroadcastView))
)]
pub(super) async fn pause(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<PauseReason>, axum::extract::rejection::JsonRejection>,
) -> Result<Changed, Problem> {
    let before = one(&shared, &principal, &id)?;
    let reason = read_json(body)?.reason;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON_CHARS) {
        return Err(invalid(format!("reason has more than {MAX_REASON_CHARS} characters")));
    }
    let broadcast = shared.parts.broadcasts.pause(&id, &principal.who, reason.as_deref()).await?;
    Ok(changed(&shared, &before, broadcast, reason.as_deref()))
}

#[utoipa::path(
    post, path = "/api/v1/broadcasts/{id}/resume", tag = "broadcasts", summary = "Go on with a paused broadcast",
    params(("id" = String, Path)), responses((status = 200, body = BroadcastView))
)]
pub(super) async fn resume(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Changed, Problem> {
    let before = one(&shared, &principal, &id)?;
    if before.phase == Phase::Draft {
        return Err(state("the broadcast is a draft: start it"));
    }
    let broadcast = shared.parts.broadcasts.start(&id, "resumed").await?;
    Ok(changed(&shared, &before, broadcast, None))
}

#[utoipa::path(
    post, path = "/api/v1/broadcasts/{id}/cancel", tag = "broadcasts", summary = "Release nothing more, ever",
    params(("id" = String, Path)), responses((status = 200, body = BroadcastView))
)]
pub(super) async fn cancel(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Changed, Problem> {
    let before = one(&shared, &principal, &id)?;
    let broadcast = shared.parts.broadcasts.cancel(&id, &principal.who).await?;
    Ok(changed(&shared, &before, broadcast, None))
}

/// A broadcast that was changed, and what the audit trail says of it.
type Changed = (Extension<Audited>, Json<BroadcastView>);

fn changed(shared: &Shared, before: &Broadcast, after: Broadcast, reason: Option<&str>) -> Changed {
    let now_ms = shared.parts.clock.now_ms();
    let how = |broadcast: &Broadcast| json!({ "state": broadcast.state(now_ms), "released": broadcast.next });
    let audited = Audited::default().before(how(before)).after(how(&after)).reason(reason);
    (Extension(audited), Json(view(after, now_ms, None)))
}

/// The broadcast, if the caller sees its number.
fn one(shared: &Shared, principal: &Principal, id: &str) -> Result<Broadcast, Problem> {
    let broadcast = shared.parts.broadcasts.get(id)?;
    let seen = principal.sees(&broadcast.number_id);
    seen.then_some(broadcast).ok_or_else(|| BroadcastError::Unknown(id.into()).into())
}

/// Refuses to go to many people unless their number is named.
fn confirmed(recipients: u32, confirm: Option<u32>) -> Result<(), Problem> {
    if recipients <= CONFIRM_OVER && confirm.is_none_or(|confirm| confirm == recipients) || confirm == Some(recipients)
    {
        return Ok(());
    }
    let detail = format!("this goes to {recipients} people: confirm must be that number");
    Err(Problem::new(StatusCode::CONFLICT, "confirm", detail)
        .hint(format!("look at the plan (dry_run=true), then send \"confirm\": {recipients}"))
        .with("recipients", recipients))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

fn state(detail: &str) -> Problem {
    conflict("broadcast-state", detail)
}

impl From<BroadcastError> for Problem {
    fn from(error: BroadcastError) -> Self {
        match error {
            BroadcastError::Store(error) => error.into(),
            BroadcastError::Damaged(error) => Problem::damaged(&error),
            BroadcastError::Order(error) => error.into(),
            BroadcastError::Unknown(_) => Problem::not_found(error.to_string()),
            BroadcastError::State { .. } => state(&error.to_string()),
            BroadcastError::TooMany => Problem::new(StatusCode::CONFLICT, "full", error.to_string()),
        }
    }
}
