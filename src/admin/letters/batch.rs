//! Many dead letters at once: `POST /api/v1/dead-letters/retry` and `…/drop`, and the batches that they make.

use actors::letters::{Batch, BatchError, BatchPlan, LetterFilter, MAX_BATCH};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::audit::Audited;
use super::super::lists::{Asked, read, read_json};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, Shared, time};
use super::{reason, scope};

/// The longest time that a batch is spread over.
const MAX_SPREAD: SignedDuration = SignedDuration::from_hours(24);

/// Which letters; at least one member must be there.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": 131056, "spread": "10m" }))]
pub(in super::super) struct RetryMany {
    /// These; at least one.
    ids: Option<Vec<String>>,
    /// Given up for this.
    reason: Option<String>,
    /// With this number of Meta's.
    code: Option<u32>,
    /// Of this business number.
    phone_number_id: Option<String>,
    /// Given up before this time, RFC 3339.
    before: Option<String>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// Evenly over this time, such as `10m`; at once without it.
    spread: Option<String>,
}

/// Which letters, and why.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": 131026, "why": "not on WhatsApp" }))]
pub(in super::super) struct DropMany {
    /// These; at least one.
    ids: Option<Vec<String>>,
    /// Given up for this.
    reason: Option<String>,
    /// With this number of Meta's.
    code: Option<u32>,
    /// Of this business number.
    phone_number_id: Option<String>,
    /// Given up before this time, RFC 3339.
    before: Option<String>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// Why; kept with each.
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct DryRun {
    #[serde(default)]
    dry_run: bool,
}

/// What a retry would do.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "letters": 214, "retryable": 183, "skipped": { "window_closed": 31 }, "estimated_seconds": 240, "more": false
}))]
pub(in super::super) struct RetryPlan {
    /// Letters that are taken.
    letters: usize,
    /// Those that could go now.
    retryable: usize,
    /// Those that could not, by why: `window_closed`, `opted_out`, `with_human`, `resolved`, `not_retryable`, `damaged`.
    #[schema(value_type = Object)]
    skipped: Value,
    /// How long it takes at least, at the number's rate now.
    estimated_seconds: u64,
    /// Whether there are more letters than one batch has (10,000).
    more: bool,
}

impl From<&BatchPlan> for RetryPlan {
    fn from(plan: &BatchPlan) -> Self {
        Self {
            letters: plan.letters,
            retryable: plan.retryable,
            skipped: json!(plan.skipped),
            estimated_seconds: plan.estimated_seconds,
            more: plan.more,
        }
    }
}

/// Letters that go again, spread over a time.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "rb_1795340000007", "letters": 214, "tried": 100, "retried": 83, "skipped": { "window_closed": 17 },
    "skipped_first": [{ "id": "12", "why": "window_closed" }], "spread_seconds": 600, "by": "user:elif",
    "created_at": "2026-11-27T09:00:00.000Z", "ended_at": null
}))]
pub(in super::super) struct BatchView {
    /// `rb_…`
    id: String,
    /// How many letters it has.
    letters: usize,
    /// How many were tried.
    tried: usize,
    /// How many of them went again.
    retried: usize,
    /// How many did not, by why.
    #[schema(value_type = Object)]
    skipped: Value,
    /// The first of them.
    #[schema(value_type = Vec<Object>)]
    skipped_first: Vec<Value>,
    /// How long it is spread over.
    spread_seconds: u64,
    /// Who asked for it.
    by: String,
    /// When.
    created_at: String,
    /// When the last one was tried.
    ended_at: Option<String>,
}

fn batch_view(batch: &Batch) -> BatchView {
    BatchView {
        id: batch.id.to_string(),
        letters: batch.ids.len(),
        tried: batch.next,
        retried: batch.retried,
        skipped: json!(batch.skipped),
        skipped_first: batch.told.iter().map(|(id, why)| json!({ "id": id.to_string(), "why": why })).collect(),
        spread_seconds: batch.spread_ms / 1_000,
        by: batch.by.to_string(),
        created_at: time::at(batch.created_ms),
        ended_at: batch.ended_ms.map(time::at),
    }
}

#[utoipa::path(
    post, path = "/api/v1/dead-letters/retry", tag = "outbox", summary = "Let many dead letters go again",
    description = "With `dry_run=true` it answers the plan. Those that may not go when their time comes stay as they are.",
    params(("dry_run" = Option<bool>, Query)), request_body = RetryMany,
    responses((status = 202, body = BatchView), (status = 200, description = "The plan", body = RetryPlan))
)]
pub(in super::super) async fn retry_many(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<DryRun>,
    body: Result<Json<RetryMany>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let RetryMany { ids, reason, code, phone_number_id, before, all, spread } = read_json(body)?;
    let spread_ms = spread.as_deref().map(duration).transpose()?.unwrap_or(0);
    let asked = Filter { ids, reason, code, phone_number_id, before, all };
    let filter = filter(&shared, &principal, asked)?;
    let batches = &shared.parts.batches;
    let plan = batches.plan(&filter, spread_ms).await?;
    if dry_run {
        return Ok(Json(RetryPlan::from(&plan)).into_response());
    }
    let batch = batches.start(plan, spread_ms, &principal.who).await?;
    let audited = Audited::default().after(json!({ "letters": batch.ids.len() })).target(&batch.id);
    Ok((StatusCode::ACCEPTED, Extension(audited), Json(batch_view(&batch))).into_response())
}

/// What was dropped, or would be.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "letters": 31, "dropped": 31, "more": false }))]
pub(in super::super) struct Dropped {
    /// Letters that are taken.
    letters: usize,
    /// How many were dropped; 0 in a dry run.
    dropped: usize,
    /// Whether there are more letters than one call drops (10,000).
    more: bool,
}

#[utoipa::path(
    post, path = "/api/v1/dead-letters/drop", tag = "outbox", summary = "Drop many dead letters",
    params(("dry_run" = Option<bool>, Query)), request_body = DropMany, responses((status = 200, body = Dropped))
)]
pub(in super::super) async fn drop_many(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<DryRun>,
    body: Result<Json<DropMany>, JsonRejection>,
) -> Result<(Extension<Audited>, Json<Dropped>), Problem> {
    let DryRun { dry_run } = read(query)?;
    let DropMany { ids, reason: given_up_for, code, phone_number_id, before, all, why } = read_json(body)?;
    let why = reason(&why)?;
    let asked = Filter { ids, reason: given_up_for, code, phone_number_id, before, all };
    let filter = filter(&shared, &principal, asked)?;
    let (letters, more) = filter.find(&*shared.parts.store, MAX_BATCH).await?;
    let ids: Vec<u64> = letters.iter().map(|letter| letter.id).collect();
    let mut dropped = 0;
    for some in ids.chunks(500).filter(|_| !dry_run) {
        dropped += shared.parts.engine.drop_letters(some, &principal.who, &why).await?;
    }
    let audited = Audited::default().after(json!({ "letters": ids.len(), "dropped": dropped })).reason(Some(why));
    Ok((Extension(audited), Json(Dropped { letters: ids.len(), dropped, more })))
}

/// Batches, newest first.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct BatchList {
    /// At most 100 are kept.
    items: Vec<BatchView>,
    /// Always null: all are on one page.
    next_cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/api/v1/outbox/batches", tag = "outbox", summary = "List batches of dead letters",
    responses((status = 200, body = BatchList))
)]
pub(in super::super) async fn batches(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
) -> Json<BatchList> {
    let all = shared.parts.batches.all();
    let items = all.iter().filter(|batch| is_theirs(&principal, batch)).map(batch_view).collect();
    Json(BatchList { items, next_cursor: None })
}

#[utoipa::path(
    get, path = "/api/v1/outbox/batches/{id}", tag = "outbox", summary = "Show a batch of dead letters",
    params(("id" = String, Path)), responses((status = 200, body = BatchView))
)]
pub(in super::super) async fn batch(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<BatchView>, Problem> {
    let batch = shared.parts.batches.get(&id).filter(|batch| is_theirs(&principal, batch));
    batch.map(|batch| Json(batch_view(&batch))).ok_or_else(|| Problem::not_found(format!("there is no batch {id:?}")))
}

/// Whether a batch may be shown: who does not see every number sees their own batches.
fn is_theirs(principal: &Principal, batch: &Batch) -> bool {
    principal.numbers.is_none() || batch.by == principal.who
}

/// What both bodies say of letters.
struct Filter {
    ids: Option<Vec<String>>,
    reason: Option<String>,
    code: Option<u32>,
    phone_number_id: Option<String>,
    before: Option<String>,
    all: bool,
}

fn filter(shared: &Shared, principal: &Principal, asked: Filter) -> Result<LetterFilter, Problem> {
    let Filter { ids, reason, code, phone_number_id, before, all } = asked;
    let any = ids.is_some() || reason.is_some() || code.is_some() || phone_number_id.is_some() || before.is_some();
    if any == all {
        return Err(invalid("say which letters: ids, reason, code, phone_number_id or before; or all"));
    }
    if ids.as_ref().is_some_and(Vec::is_empty) {
        return Err(invalid("ids is empty: name at least one, or leave it out and say all"));
    }
    let ids = ids.unwrap_or_default();
    if ids.len() > MAX_BATCH {
        return Err(invalid(format!("{} ids are named, a batch may have {MAX_BATCH}", ids.len())));
    }
    let number = |id: &String| id.parse().map_err(|_| invalid(format!("ids: {id:?} is no dead letter's id")));
    let numbers = ids.iter().map(number).collect::<Result<std::collections::HashSet<u64>, _>>()?;
    let time = |text: &str| {
        let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
        time.ok_or_else(|| invalid(format!("before: {text:?} is no time such as 2026-11-27T09:00:00Z")))
    };
    Ok(LetterFilter {
        ids: Some(numbers).filter(|ids| !ids.is_empty()),
        reason: reason.map(Into::into),
        code,
        numbers: scope(shared, principal, phone_number_id.as_deref())?,
        before_ms: before.as_deref().map(time).transpose()?,
    })
}

/// A time such as `10m`, in milliseconds.
pub(in super::super) fn duration(text: &str) -> Result<u64, Problem> {
    let span = text.parse::<SignedDuration>().ok().filter(|span| !span.is_negative() && *span <= MAX_SPREAD);
    let ms = span.and_then(|span| u64::try_from(span.as_millis()).ok());
    ms.ok_or_else(|| invalid(format!("{text:?} is no time such as 10m, up to 24h")))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Store(error) => error.into(),
            BatchError::Damaged(error) => Problem::damaged(&error),
            BatchError::Order(error) => error.into(),
            BatchError::TooMany => Problem::new(StatusCode::CONFLICT, "full", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_words() {
        assert_eq!(duration("10m").unwrap(), 600_000);
        assert_eq!(duration("90s").unwrap(), 90_000);
        for wrong in ["", "10", "-1m", "25h", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
