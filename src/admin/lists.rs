//! The plain lists of the admin API: outbox, dead letters, quarantine, notices.

use actors::{CodecError, view};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::Page;

pub(super) use super::given::{Asked, read, read_json};
use super::problem::Problem;
use super::{Ctx, cursor};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// Pages of notices looked through for those that are asked for.
const NOTICE_PAGES: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxQuery {
    state: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Some(limit) => Err(Problem::bad_request(format!("limit is {limit}; it must be from 1 to {MAX_LIMIT}"))),
    }
}

/// The page that is asked for of `list`.
pub(super) fn page(list: &str, asked: Option<usize>, cursor: Option<&str>) -> Result<Page, Problem> {
    Ok(Page { limit: limit(asked)?, cursor: cursor::take(list, cursor)? })
}

pub(super) async fn outbox(State(shared): Ctx, query: Asked<OutboxQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let state = match query.state.as_deref() {
        None => None,
        Some(name) => Some(view::state_by_name(name).ok_or_else(|| {
            Problem::bad_request(format!("there is no outbox state {name:?}"))
                .hint("queued, sending, uncertain, held, accepted, sent, delivered, read, failed, dead")
        })?),
    };
    let listed = shared.parts.store.outbox(state, page("outbox", query.limit, query.cursor.as_deref())?).await?;
    let items: Result<Vec<_>, CodecError> = listed.items.iter().map(view::send).collect();
    let items = items.map_err(|error| Problem::damaged(&error))?;
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give("outbox", listed.next) })))
}

pub(super) async fn dead_letters(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let listed = shared.parts.store.dead_letters(page("dead-letters", query.limit, query.cursor.as_deref())?).await?;
    let items: Vec<_> = listed.items.iter().map(view::dead_letter).collect();
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give("dead-letters", listed.next) })))
}

pub(super) async fn quarantine(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let listed = shared.parts.store.quarantine(page("quarantine", query.limit, query.cursor.as_deref())?).await?;
    let items: Vec<_> = listed.items.iter().map(|(id, row)| view::quarantined(*id, row)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give("quarantine", listed.next) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticesQuery {
    field: Option<String>,
    alarm: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn notices(State(shared): Ctx, query: Asked<NoticesQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let mut wanted = page("notices", query.limit, query.cursor.as_deref())?;
    let fits = |notice: &storage::Notice| {
        query.field.as_deref().is_none_or(|field| *field == *notice.field)
            && query.alarm.is_none_or(|alarm| alarm == notice.alarm)
    };
    let (mut items, limit) = (Vec::new(), wanted.limit);
    // A filter that little fits looks through so many pages at once; the page is short then, and has a next one.
    for _ in 0..NOTICE_PAGES {
        wanted.limit = limit - items.len();
        let listed = shared.parts.store.notices(wanted.clone()).await?;
        items.extend(listed.items.iter().filter(|(_, row)| fits(row)).map(|(id, row)| view::notice(*id, row)));
        wanted.cursor = listed.next;
        if wanted.cursor.is_none() || items.len() >= limit {
            break;
        }
    }
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give("notices", wanted.cursor) })))
}
