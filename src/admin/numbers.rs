//! `/api/v1/numbers`: how the business phone numbers stand, and stopping and resuming one.

pub(super) mod manage;

use actors::{Paused, SenderStatus};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Ctx;
use super::Shared;
use super::audit::Audited;
use super::given::read_text;
use super::lists::{Asked, PageQuery, page_of, read};
use super::principal::Principal;
use super::problem::Problem;
use crate::admin::shapes::{self, PauseReason};
use crate::numbers::Served;

/// Characters of a reason at most.
const MAX_REASON_CHARS: usize = 500;

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    display_phone_number: Option<Box<str>>,
    business_account_id: Option<&'a str>,
    label: Option<&'a str>,
    /// `configuration` or `store`.
    origin: &'static str,
    coexistence: bool,
    bot: &'a str,
    /// As configured, and as it is now that Meta may have asked for less.
    messages_per_second: Option<u32>,
    messages_per_second_now: Option<f64>,
    open: usize,
    open_bulk: usize,
    under_way: usize,
    oldest_seconds: Option<f64>,
    paused: Option<PausedView<'a>>,
}

#[derive(Serialize)]
struct PausedView<'a> {
    cause: &'a str,
    why: &'a str,
    code: Option<u32>,
    since: String,
    next_probe: Option<String>,
}

/// The business numbers, by id.
#[utoipa::path(
    get, path = "/api/v1/numbers",
    params(PageQuery),
    responses((status = OK, body = shapes::Listed<shapes::Number>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<PageQuery>,
) -> Result<Json<Value>, Problem> {
    let numbers = all(&shared, &principal).await;
    let (items, next) = page_of("numbers", numbers, &read(query)?, |number| number["id"].as_str().unwrap_or_default())?;
    Ok(Json(json!({ "items": items, "next_cursor": next })))
}

/// Every number that the caller sees, in the order of the configuration.
pub(super) async fn all(shared: &Shared, principal: &Principal) -> Vec<Value> {
    let engine = shared.parts.engine.status().await;
    let now_ms = shared.parts.clock.now_ms();
    let view = |number: &Served| view(shared, number, engine.senders.get(&number.id), now_ms);
    shared.parts.numbers.all().iter().filter(|number| principal.sees(&number.id)).map(view).collect()
}

/// How a number stands.
#[utoipa::path(get, path = "/api/v1/numbers/{id}", responses((status = OK, body = shapes::Number)))]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    seen(&principal, &id)?;
    one(&shared, &id).await.map(Json)
}

/// Stops sending from a number.
#[utoipa::path(
    post, path = "/api/v1/numbers/{id}/pause",
    request_body(content = PauseReason),
    responses((status = OK, body = shapes::Number)),
)]
pub(super) async fn pause(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(Extension<Audited>, Json<Value>), Problem> {
    seen(&principal, &id)?;
    let before = one(&shared, &id).await?;
    let PauseReason { reason } = read_text(&body).map_err(|problem| problem.hint(r#"send {"reason": "…"}"#))?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        let detail = format!("reason must have from 1 to {MAX_REASON_CHARS} characters");
        return Err(Problem::bad_request(detail));
    }
    if !shared.parts.engine.pause(&id, reason).await? {
        return Err(unknown(&id));
    }
    tracing::warn!(number = %id, reason, "an operator stopped sending from a number");
    let after = one(&shared, &id).await?;
    Ok((Extension(audited(&before, &after).reason(Some(reason))), Json(after)))
}

/// Sends from a number again.
#[utoipa::path(post, path = "/api/v1/numbers/{id}/resume", responses((status = OK, body = shapes::Number)))]
pub(super) async fn resume(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<(Extension<Audited>, Json<Value>), Problem> {
    seen(&principal, &id)?;
    let before = one(&shared, &id).await?;
    if !shared.parts.engine.resume(&id).await? {
        return Err(unknown(&id));
    }
    tracing::warn!(number = %id, "an operator resumed sending from a number");
    let after = one(&shared, &id).await?;
    Ok((Extension(audited(&before, &after).reason(None::<Box<str>>)), Json(after)))
}

/// What the audit trail says of a number that was stopped, or goes on.
fn audited(before: &Value, after: &Value) -> Audited {
    Audited::default().before(json!({ "paused": before["paused"] })).after(json!({ "paused": after["paused"] }))
}

async fn one(shared: &Shared, id: &str) -> Result<Value, Problem> {
    let number = shared.parts.numbers.get(id).ok_or_else(|| unknown(id))?;
    let engine = shared.parts.engine.status().await;
    Ok(view(shared, &number, engine.senders.get(&number.id), shared.parts.clock.now_ms()))
}

fn view(shared: &Shared, number: &Served, sender: Option<&SenderStatus>, now_ms: u64) -> Value {
    let idle = SenderStatus::default();
    let sender = sender.unwrap_or(&idle);
    let view = View {
        id: &number.id,
        display_phone_number: shared.parts.displays.of(&number.id),
        business_account_id: number.account.as_deref(),
        label: number.label.as_deref(),
        origin: if number.kept { "store" } else { "configuration" },
        coexistence: number.coexistence,
        bot: &number.bot,
        messages_per_second: number.messages_per_second,
        messages_per_second_now: sender.per_second,
        open: sender.open,
        open_bulk: sender.open_bulk,
        under_way: sender.under_way,
        oldest_seconds: sender.oldest_ms.map(|oldest_ms| now_ms.saturating_sub(oldest_ms) as f64 / 1_000.0),
        paused: sender.paused.as_ref().map(paused),
    };
    serde_json::to_value(view).expect("plain fields always encode")
}

fn paused(paused: &Paused) -> PausedView<'_> {
    PausedView {
        cause: paused.cause,
        why: &paused.why,
        code: paused.code,
        since: rfc3339(paused.since_ms),
        next_probe: paused.next_probe_ms.map(rfc3339),
    }
}

fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or(Timestamp::MAX))
}

/// A number that the caller does not see is none.
fn seen(principal: &Principal, id: &str) -> Result<(), Problem> {
    if principal.sees(id) { Ok(()) } else { Err(unknown(id)) }
}

pub(super) fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no number {id:?}")).hint("GET /api/v1/numbers lists them")
}
