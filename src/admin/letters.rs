//! `/api/v1/dead-letters`: what was given up, grouped by cause, and what operators do with it: retry, edit, drop, one by one
//! or many by a filter. [`batch`] is about many.

pub(super) mod batch;

use actors::letters::{Groups, LetterFilter};
use actors::{Again, view};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::DeadLetter;
use utoipa::{IntoParams, ToSchema};
use whatsapp::message::Outgoing;

pub(super) use batch::duration;

use super::audit::Audited;
use super::begin::numbers;
use super::lists::{Asked, page, read, read_json};
use super::messages::{conflict, invalid as invalid_message, refused};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, cursor, time};
use crate::admin::shapes;

/// Characters of a reason at most.
const MAX_REASON_CHARS: usize = 500;
/// Pages looked through for letters of the numbers that the caller sees.
const PAGES: usize = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `true`: those that went again or were dropped.
    #[serde(default)]
    resolved: bool,
    /// Given up for this only.
    reason: Option<String>,
    /// With this number of Meta's only.
    code: Option<u32>,
    /// Of this business number only.
    phone_number_id: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was given up, newest first. A page may be short, or even empty, and still have a next one.
#[utoipa::path(
    get, path = "/api/v1/dead-letters",
    params(ListQuery),
    responses((status = OK, body = shapes::Listed<shapes::DeadLetter>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let list = if query.resolved { "resolved-letters" } else { "dead-letters" };
    let mut wanted = page(list, query.limit, query.cursor.as_deref())?;
    let filter = LetterFilter {
        reason: query.reason.map(Into::into),
        code: query.code,
        numbers: scope(&shared, &principal, query.phone_number_id.as_deref())?,
        ..LetterFilter::default()
    };
    let (mut items, limit, store) = (Vec::new(), wanted.limit, &shared.parts.store);
    // A filter that little fits looks through so many pages at once; the page is short then, and has a next one.
    for _ in 0..PAGES {
        wanted.limit = limit - items.len();
        let asked = wanted.clone();
        let listed = if query.resolved { store.resolved_letters(asked) } else { store.dead_letters(asked) }.await?;
        items.extend(listed.items.iter().filter(|letter| filter.takes(letter)).map(view::dead_letter));
        wanted.cursor = listed.next;
        if wanted.cursor.is_none() || items.len() >= limit {
            break;
        }
    }
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(list, wanted.cursor) })))
}

/// The numbers that a filter is about: the one that is asked for, or those that the caller sees if that is not all.
fn scope(shared: &Shared, principal: &Principal, asked: Option<&str>) -> Result<Option<Vec<Box<str>>>, Problem> {
    match asked {
        Some(asked) if principal.sees(asked) => Ok(Some(vec![asked.into()])),
        Some(asked) => Err(Problem::not_found(format!("there is no number {asked:?}"))),
        None if principal.numbers.is_none() => Ok(None),
        None => Ok(Some(numbers(shared, principal))),
    }
}

/// A dead letter with what its cause means.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "letter": { "id": "12", "kind": "outbound", "reason": "permanent", "code": 131026 },
    "meaning": "the person is not on WhatsApp", "fix": "Drop it."
}))]
pub(super) struct LetterShown {
    /// As in the list.
    #[schema(value_type = Object)]
    letter: Value,
    /// What its cause means.
    meaning: String,
    /// What helps.
    fix: String,
}

#[utoipa::path(
    get, path = "/api/v1/dead-letters/{id}", tag = "outbox", summary = "Show a dead letter",
    params(("id" = String, Path)), responses((status = 200, body = LetterShown))
)]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<LetterShown>, Problem> {
    let letter = one(&shared, &principal, &id).await?;
    let words = actors::letters::Cause::of(&letter).meaning();
    let (meaning, fix) = (words.meaning.to_owned(), words.fix.to_owned());
    Ok(Json(LetterShown { letter: json!(view::dead_letter(&letter)), meaning, fix }))
}

async fn one(shared: &Shared, principal: &Principal, id: &str) -> Result<DeadLetter, Problem> {
    let unknown = || Problem::not_found(format!("there is no dead letter {id:?}"));
    let number = id.parse().map_err(|_| unknown())?;
    let letter = shared.parts.store.letters(vec![number]).await?.into_iter().flatten().next().ok_or_else(unknown)?;
    let filter = LetterFilter { numbers: scope(shared, principal, None)?, ..LetterFilter::default() };
    if filter.takes(&letter) { Ok(letter) } else { Err(unknown()) }
}

/// Letters of one cause.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "reason": "permanent", "code": 131026, "meaning": "the person is not on WhatsApp", "fix": "Drop it.", "count": 214,
    "oldest_at": "2026-11-27T03:00:00.000Z", "newest_at": "2026-11-27T03:12:00.000Z"
}))]
pub(super) struct GroupView {
    /// A stable word.
    reason: String,
    /// Meta's number, if it gave one.
    code: Option<u32>,
    /// What it means.
    meaning: String,
    /// What helps.
    fix: String,
    /// How many.
    count: usize,
    /// When the first was given up.
    oldest_at: String,
    /// When the last was given up.
    newest_at: String,
}

/// All groups, the largest first.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupsView {
    /// The groups.
    items: Vec<GroupView>,
    /// Whether there are more letters than were looked at (100,000).
    more: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupsQuery {
    phone_number_id: Option<String>,
}

#[utoipa::path(
    get, path = "/api/v1/dead-letters/groups", tag = "outbox", summary = "Group open dead letters by cause",
    params(("phone_number_id" = Option<String>, Query)), responses((status = 200, body = GroupsView))
)]
pub(super) async fn groups(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<GroupsQuery>,
) -> Result<Json<GroupsView>, Problem> {
    let query = read(query)?;
    let numbers = scope(&shared, &principal, query.phone_number_id.as_deref())?;
    let filter = LetterFilter { numbers, ..LetterFilter::default() };
    let Groups { groups, more } = Groups::of(&*shared.parts.store, &filter).await?;
    let view = |group: actors::letters::Group| {
        let words = group.cause.meaning();
        GroupView {
            reason: group.cause.reason.into(),
            code: group.cause.code,
            meaning: words.meaning.to_owned(),
            fix: words.fix.to_owned(),
            count: group.count,
            oldest_at: time::at(group.oldest_ms),
            newest_at: time::at(group.newest_ms),
        }
    };
    Ok(Json(GroupsView { items: groups.into_iter().map(view).collect(), more }))
}

/// What became of a letter.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "id": "12", "state": "queued", "outbox": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB-9" }))]
pub(super) struct Resolved {
    /// The letter.
    id: String,
    /// `queued`: a message took its place. `waiting`: it gets its turn. `dropped`.
    state: String,
    /// The message that took its place.
    outbox: Option<String>,
}

#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/retry", tag = "outbox", summary = "Let a dead letter go again",
    description = "A message of ours goes as a new one through its conversation, which respects the window and staff; a \
        message of a person runs again. The letter is resolved in the same commit.",
    params(("id" = String, Path)), responses((status = 202, body = Resolved))
)]
pub(super) async fn retry(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let letter = one(&shared, &principal, &id).await?;
    again(shared.parts.engine.retry_letter(letter.id, &principal.who, None).await?, id, &letter)
}

/// Another content for a message that was given up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "message": { "type": "text", "text": { "body": "shorter" } } }))]
pub(super) struct Edited {
    /// A message of the Cloud API without `to`.
    message: Value,
}

#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/edit", tag = "outbox", summary = "Let a dead letter go again, changed",
    params(("id" = String, Path)), request_body = Edited, responses((status = 202, body = Resolved))
)]
pub(super) async fn edit(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<Edited>, JsonRejection>,
) -> Result<Response, Problem> {
    let letter = one(&shared, &principal, &id).await?;
    let message = Outgoing::parse(&read_json(body)?.message).map_err(|errors| invalid_message(&errors))?;
    again(shared.parts.engine.retry_letter(letter.id, &principal.who, Some(message)).await?, id, &letter)
}

fn again(again: Again, id: String, letter: &DeadLetter) -> Result<Response, Problem> {
    let outbox = match &again {
        Again::Queued(send) => Some(send.to_string()),
        _ => None,
    };
    match again {
        Again::Queued(_) | Again::Waiting(_) => {
            let resolved = Resolved { id, state: again.word().to_owned(), outbox };
            Ok((StatusCode::ACCEPTED, Extension(audited(letter, &resolved)), Json(resolved)).into_response())
        }
        Again::Refused(refusal) => Err(refused(&refusal)),
        Again::Resolved => Err(conflict("letter-resolved", "this letter went again, or was dropped, before")),
        Again::NotRetryable => Err(conflict("not-retryable", "there is nothing in this letter that could go again")
            .hint("drop it: POST /api/v1/dead-letters/{id}/drop")),
        Again::Unknown => Err(Problem::not_found(format!("there is no dead letter {id:?}"))),
    }
}

/// What the audit trail says of a letter that was resolved.
fn audited(letter: &DeadLetter, resolved: &Resolved) -> Audited {
    let code = actors::letters::Cause::of(letter).code;
    Audited::default()
        .before(json!({ "state": "open", "reason": letter.reason, "code": code }))
        .after(json!({ "state": resolved.state, "outbox": resolved.outbox }))
        .target(&letter.conversation.to_string())
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the offer is over" }))]
pub(super) struct DropReason {
    /// Kept with it.
    reason: String,
}

#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/drop", tag = "outbox", summary = "Drop a dead letter",
    params(("id" = String, Path)), request_body = DropReason, responses((status = 200, body = Resolved))
)]
pub(super) async fn drop_one(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<DropReason>, JsonRejection>,
) -> Result<(Extension<Audited>, Json<Resolved>), Problem> {
    let letter = one(&shared, &principal, &id).await?;
    let why = reason(&read_json(body)?.reason)?;
    match shared.parts.engine.drop_letters(&[letter.id], &principal.who, &why).await? {
        0 => Err(conflict("letter-resolved", "this letter went again, or was dropped, before")),
        _ => {
            let resolved = Resolved { id, state: "dropped".to_owned(), outbox: None };
            Ok((Extension(audited(&letter, &resolved).reason(Some(why))), Json(resolved)))
        }
    }
}

/// A reason that says something.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON_CHARS {
        let detail = format!("reason must have from 1 to {MAX_REASON_CHARS} characters");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    Ok(text.to_owned())
}
