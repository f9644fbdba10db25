//! The plain list of notices of the admin API. And what all lists share.

use actors::view;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use storage::Page;
use utoipa::IntoParams;

pub(super) use super::given::{Asked, read, read_json};
use super::problem::Problem;
use super::{Ctx, cursor};
use crate::admin::shapes;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// Pages of notices looked through for those that are asked for.
const NOTICE_PAGES: usize = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// A page of a list that is short and in memory: in the order of its names, so that it goes on where it was when items
/// come and go between two pages.
pub(super) fn page_of<T>(
    list: &str,
    items: Vec<T>,
    query: &PageQuery,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let (limit, after) = (limit(query.limit)?, super::cursor::take(list, query.cursor.as_deref())?);
    let mut page: Vec<T> =
        items.into_iter().filter(|item| after.as_deref().is_none_or(|after| name(item) > after)).collect();
    page.sort_by(|one, other| name(one).cmp(name(other)));
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|last| name(last).to_owned());
    Ok((page, super::cursor::give(list, next)))
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NoticesQuery {
    /// Of this webhook field only.
    field: Option<String>,
    /// Only what somebody should look at, or only the rest.
    alarm: Option<bool>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What accounts were told, newest first.
#[utoipa::path(
    get, path = "/api/v1/notices",
    params(NoticesQuery),
    responses((status = OK, body = shapes::Listed<shapes::Notice>)),
)]
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
