//! `/api/v1/quarantine`: what was acknowledged and did not run. List it, take it in again once it can be, or drop it.

use actors::feed::Topic;
use actors::view;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{Erase, Quarantined};
use utoipa::{IntoParams, ToSchema};

use super::audit::Audited;
use super::given::read_or_default;
use super::letters::reason;
use super::lists::{Asked, page, read, read_json};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, cursor};
use crate::admin::shapes;
use crate::front;
use crate::inspector::Taken;

const LIST: &str = "quarantine";
/// Rows that are looked through for one page of a list that is filtered.
const PAGES: usize = 20;
/// Rows that one call takes in again or drops at the most, and bytes of them.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Rows read at once, to find those of one call.
const STEP: usize = 16;
/// Rows that stay that one answer names.
const MAX_TOLD: usize = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Put aside for this only: `unknown_number`, `unreadable`, `too_old`, `wrong_app`.
    reason: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Webhooks that were acknowledged and did not run, newest first.
#[utoipa::path(
    get, path = "/api/v1/quarantine",
    params(ListQuery),
    responses((status = OK, body = shapes::Listed<shapes::Quarantined>)),
)]
pub(super) async fn list(State(shared): Ctx, query: Asked<ListQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let mut wanted = page(LIST, query.limit, query.cursor.as_deref())?;
    let (mut items, limit) = (Vec::new(), wanted.limit);
    let fits = |row: &Quarantined| query.reason.as_deref().is_none_or(|reason| *reason == *row.reason);
    for _ in 0..PAGES {
        wanted.limit = limit - items.len();
        let listed = shared.parts.store.quarantine(wanted.clone()).await?;
        items.extend(listed.items.iter().filter(|(_, row)| fits(row)).map(|(id, row)| shown(*id, row)));
        wanted.cursor = listed.next;
        if wanted.cursor.is_none() || items.len() >= limit {
            break;
        }
    }
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, wanted.cursor) })))
}

fn shown(id: u64, row: &Quarantined) -> Value {
    let mut item = json!(view::quarantined(id, row));
    item["releasable"] = front::webhook_of(row).is_some().into();
    item
}

/// Whether nothing is to be changed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DryRun {
    /// Only say what would come of it.
    #[serde(default)]
    dry_run: bool,
}

/// That it is to be done although something speaks against it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirm": true }))]
pub(super) struct Confirmed {
    /// Needed for what is too old, which may have run before, and for what another app has signed, or nobody knows which.
    #[serde(default)]
    confirm: bool,
}

/// What became of a row that was taken in again, or would.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "12", "dry_run": false,
    "taken": { "accepted": 1, "statuses": 0, "quarantined": 0, "notices": 0, "unreadable": false, "numbers": ["106540352242922"] }
}))]
pub(super) struct Released {
    /// The row.
    id: String,
    /// Whether nothing was done.
    dry_run: bool,
    /// What became of it; all zero if it is of somebody who was erased since.
    taken: Taken,
}

#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/release", tag = "quarantine", summary = "Take something in again that was put aside",
    description = "As if it came now: after an update that can read it, or once its number is served. It leaves the quarantine \
        then. If it would be put aside again it stays, and the answer says why.",
    params(("id" = String, Path), DryRun), request_body = Confirmed, responses((status = 200, body = Released))
)]
pub(super) async fn release(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Extension<Audited>, Json<Released>), Problem> {
    let DryRun { dry_run } = read(query)?;
    let Confirmed { confirm } = read_or_default(body)?;
    let _one_at_a_time = shared.quarantine.lock().await;
    let (number, row) = one(&shared, &id).await?;
    let taken = let_in(&shared, number, &row, confirm, dry_run).await?.map_err(Stays::problem)?;
    let audited = Audited::default().before(json!({ "reason": row.reason })).after(json!(taken));
    if !dry_run {
        tracing::info!(id, by = &*principal.who, "something that was put aside was taken in again");
    }
    Ok((Extension(audited), Json(Released { id, dry_run, taken })))
}

/// Which rows: exactly one of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "unknown_number" }))]
pub(super) struct ReleaseMany {
    /// Put aside for this: `unknown_number`, `unreadable`, `too_old`, `wrong_app`.
    reason: Option<String>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// As with a single one.
    #[serde(default)]
    confirm: bool,
}

/// What became of rows that were taken in again, or would.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "found": 3, "released": 2, "stay": [{ "id": "12", "why": "phone_number_id 999 is not configured" }], "more": false
}))]
pub(super) struct ReleasedMany {
    /// How many are meant, 1,000 at the most, the oldest first.
    found: usize,
    /// How many were taken in; in a dry run, how many would be.
    released: usize,
    /// The first 20 of the others, and why.
    #[schema(value_type = Vec<Object>)]
    stay: Vec<Value>,
    /// Whether there are more than one call takes.
    more: bool,
}

#[utoipa::path(
    post, path = "/api/v1/quarantine/release", tag = "quarantine", summary = "Take many in again, the oldest first",
    params(DryRun), request_body = ReleaseMany, responses((status = 200, body = ReleasedMany))
)]
pub(super) async fn release_many(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<DryRun>,
    body: Result<Json<ReleaseMany>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let ReleaseMany { reason, all, confirm } = read_json(body)?;
    let kind = kind(reason, all)?;
    let _one_at_a_time = shared.quarantine.lock().await;
    let Found { rows, more } = find(&shared, kind.as_deref()).await?;
    let mut answer = ReleasedMany { found: rows.len(), released: 0, stay: Vec::new(), more };
    let mut trouble = None;
    for (id, row) in rows {
        match let_in(&shared, id, &row, confirm, dry_run).await {
            Err(problem) => {
                trouble = Some(problem);
                break;
            }
            Ok(Ok(_)) => answer.released += 1,
            Ok(Err(stays)) if answer.stay.len() < MAX_TOLD => {
                answer.stay.push(json!({ "id": id.to_string(), "why": stays.why }));
            }
            Ok(Err(_)) => {}
        }
    }
    let (found, released) = (answer.found, answer.released);
    if !dry_run {
        tracing::info!(found, released, by = &*principal.who, "what was put aside was taken in again");
    }
    let audited = Audited::default().after(json!({ "kind": kind, "found": found, "released": released }));
    // What was released before the store failed is on the trail all the same.
    Ok(match trouble {
        Some(problem) => (Extension(audited), problem).into_response(),
        None => (Extension(audited), Json(answer)).into_response(),
    })
}

/// Why it is not wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "a test of the old number" }))]
pub(super) struct DropReason {
    /// On the audit trail.
    reason: String,
}

/// What was dropped.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "found": 1, "dropped": 1, "more": false }))]
pub(super) struct Dropped {
    /// How many are meant, 1,000 at the most, the oldest first.
    found: usize,
    /// How many were dropped; 0 in a dry run.
    dropped: usize,
    /// Whether there are more than one call drops.
    more: bool,
}

#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/drop", tag = "quarantine", summary = "Drop something that was put aside, for good",
    params(("id" = String, Path), DryRun), request_body = DropReason, responses((status = 200, body = Dropped))
)]
pub(super) async fn drop_one(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    body: Result<Json<DropReason>, JsonRejection>,
) -> Result<(Extension<Audited>, Json<Dropped>), Problem> {
    let DryRun { dry_run } = read(query)?;
    let why = reason(&read_json(body)?.reason)?;
    let _one_at_a_time = shared.quarantine.lock().await;
    let (number, row) = one(&shared, &id).await?;
    let dropped = if dry_run { 0 } else { remove(&shared, vec![number]).await? };
    let audited = Audited::default().before(json!({ "reason": row.reason })).reason(Some(why));
    Ok((Extension(audited), Json(Dropped { found: 1, dropped, more: false })))
}

/// Which rows, and why they are not wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "unreadable", "why": "they came from a broken proxy" }))]
pub(super) struct DropMany {
    /// Put aside for this: `unknown_number`, `unreadable`, `too_old`, `wrong_app`.
    reason: Option<String>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// On the audit trail.
    why: String,
}

#[utoipa::path(
    post, path = "/api/v1/quarantine/drop", tag = "quarantine", summary = "Drop many that were put aside, for good",
    params(DryRun), request_body = DropMany, responses((status = 200, body = Dropped))
)]
pub(super) async fn drop_many(
    State(shared): Ctx,
    query: Asked<DryRun>,
    body: Result<Json<DropMany>, JsonRejection>,
) -> Result<(Extension<Audited>, Json<Dropped>), Problem> {
    let DryRun { dry_run } = read(query)?;
    let DropMany { reason: given, all, why } = read_json(body)?;
    let (kind, why) = (kind(given, all)?, reason(&why)?);
    let _one_at_a_time = shared.quarantine.lock().await;
    let Found { rows, more } = find(&shared, kind.as_deref()).await?;
    let ids: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
    let found = ids.len();
    let dropped = if dry_run { 0 } else { remove(&shared, ids).await? };
    let audited =
        Audited::default().after(json!({ "kind": kind, "found": found, "dropped": dropped })).reason(Some(why));
    Ok((Extension(audited), Json(Dropped { found, dropped, more })))
}

/// Why a row stays where it is.
struct Stays {
    kind: &'static str,
    why: Box<str>,
}

impl Stays {
    fn problem(self) -> Problem {
        let Self { kind, why } = self;
        match kind {
            "confirm" => Problem::new(StatusCode::CONFLICT, "confirm", why)
                .hint("add \"confirm\": true if you want it all the same"),
            _ => Problem::new(StatusCode::CONFLICT, "not-releasable", why)
                .hint("it stays; mend the cause first, or drop it: POST /api/v1/quarantine/{id}/drop"),
        }
    }
}

/// Takes a row in again, and removes it. What is cut off in between is there still, and known when it comes again.
async fn let_in(
    shared: &Shared,
    id: u64,
    row: &Quarantined,
    confirm: bool,
    dry_run: bool,
) -> Result<Result<Taken, Stays>, Problem> {
    let stays = |kind, why: &str| Ok(Err(Stays { kind, why: why.into() }));
    let Some(webhook) = front::webhook_of(row) else {
        return stays(
            "not-releasable",
            "nothing says what this element belonged to; the webhook inspector may have all of it",
        );
    };
    match shared.parts.front.take_from_quarantine(row, &webhook, confirm, dry_run).await? {
        Ok(taken) => {
            if !dry_run {
                remove(shared, vec![id]).await?;
            }
            Ok(Ok(taken))
        }
        Err(front::Stays::Confirm(why)) => stays("confirm", &why),
        Err(front::Stays::Aside(why)) => stays("not-releasable", &why),
    }
}

async fn remove(shared: &Shared, ids: Vec<u64>) -> Result<usize, Problem> {
    let count = ids.len();
    let gone: Vec<_> = ids.iter().map(|id| Erase::Quarantined(*id)).collect();
    let removed = shared.parts.store.erase(gone, count).await?;
    for id in ids {
        shared.parts.feed.tell(Topic::Quarantine, "quarantine.gone", None, &json!({ "id": id.to_string() }));
    }
    Ok(removed)
}

/// The kind of rows that is asked for, or all of them.
fn kind(reason: Option<String>, all: bool) -> Result<Option<String>, Problem> {
    if reason.is_some() == all {
        let detail = "say which: a reason, such as unknown_number, or all";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    Ok(reason)
}

/// Rows that one call is about.
struct Found {
    /// The oldest first.
    rows: Vec<(u64, Quarantined)>,
    /// Whether there are newer ones.
    more: bool,
}

/// The oldest rows of a kind, as many as one call takes.
async fn find(shared: &Shared, kind: Option<&str>) -> Result<Found, Problem> {
    let (mut found, mut bytes, mut from) = (Found { rows: Vec::new(), more: false }, 0, 0);
    loop {
        let page = shared.parts.store.quarantine_from(from, STEP).await?;
        let Some(last) = page.last().map(|(last, _)| *last) else { return Ok(found) };
        from = last.saturating_add(1);
        for (id, row) in page.into_iter().filter(|(_, row)| kind.is_none_or(|kind| *kind == *row.reason)) {
            bytes += row.payload.len();
            if found.rows.len() == MOST || (bytes > MOST_BYTES && !found.rows.is_empty()) {
                found.more = true;
                return Ok(found);
            }
            found.rows.push((id, row));
        }
    }
}

async fn one(shared: &Shared, id: &str) -> Result<(u64, Quarantined), Problem> {
    let unknown =
        || Problem::not_found(format!("there is nothing {id:?} in quarantine")).hint("GET /api/v1/quarantine lists it");
    let number: u64 = id.parse().map_err(|_| unknown())?;
    let found = shared.parts.store.quarantine_from(number, 1).await?;
    found.into_iter().next().filter(|(found, _)| *found == number).ok_or_else(unknown)
}
