//! `/api/v1/conversations/{id}/journal`, `…/state`, `…/test`: what a conversation went through, what it was after any
//! entry, and the same as a test of its bot.

use actors::journal::{self, EntryView, JournalError, TestError};
use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{ConversationId, Entry, Page, SendId, Store};
use utoipa::IntoParams;

use super::lists::{Asked, limit, read};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, conversations, cursor};
use crate::admin::shapes;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    #[default]
    Desc,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JournalQuery {
    /// `asc` or `desc`, which is usual.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    order: Direction,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StateQuery {
    /// After this entry; the last one if nothing is said.
    at: Option<u64>,
}

/// The entries, newest first, or oldest first with `order=asc`.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/journal",
    params(JournalQuery),
    responses((status = OK, body = shapes::Journal)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<JournalQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (store, limit) = (&*shared.parts.store, limit(query.limit)?);
    let (conversation, head) = conversations::seen(&shared, &principal, &id).await?;
    // A cursor of one order would be another place in the other one.
    let list = format!("{id}/journal/{:?}", query.order);
    let place = cursor::take(&list, query.cursor.as_deref())?;
    let (entries, next) = match query.order {
        Direction::Desc => {
            let page = store.history(conversation, Page { cursor: place, limit }).await?;
            (page.items, page.next)
        }
        Direction::Asc => {
            let from = place.and_then(|place| place.parse().ok()).unwrap_or_default();
            let entries = store.history_from(conversation, from, limit).await?;
            let next = entries.last().map(|last| last.index + 1).filter(|next| *next < head.next_entry);
            (entries, next.map(|next| next.to_string().into()))
        }
    };
    let items = views(store, conversation, &entries).await?;
    let links = actors::view::links(conversation, &head).map_err(|error| Problem::damaged(&error))?;
    Ok(Json(json!({
        "items": items,
        "next_cursor": cursor::give(&list, next),
        "entries": head.next_entry,
        "merged_into": links.merged_into.map(|into| into.to_string()),
        "merged": links.absorbed.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })))
}

/// The entries with the messages that they decided.
async fn views(store: &dyn Store, conversation: ConversationId, entries: &[Entry]) -> Result<Vec<Value>, Problem> {
    let views: Result<Vec<EntryView>, _> = entries.iter().map(journal::entry).collect();
    let views = views.map_err(|error| Problem::damaged(&error))?;
    let numbers: Vec<u64> = views.iter().flat_map(|view| view.sends.iter().copied()).collect();
    let ids = numbers.iter().map(|n| SendId { conversation, n: *n }).collect();
    let rows = store.sends(ids).await?;
    let sent = |n: &u64| {
        let row = rows.iter().flatten().find(|row| row.id.n == *n);
        let view = row.map(actors::view::outgoing).transpose().map_err(|error| Problem::damaged(&error))?;
        // Retention takes messages away; that one was decided stays.
        Ok(view.map_or_else(
            || json!({ "id": SendId { conversation, n: *n }.to_string(), "gone": true }),
            |view| json!(view),
        ))
    };
    let mut items = Vec::with_capacity(views.len());
    for view in views {
        let sends: Result<Vec<Value>, Problem> = view.sends.iter().map(sent).collect();
        let mut item = json!(view);
        item["sends"] = sends?.into();
        items.push(item);
    }
    Ok(items)
}

/// The state after an entry; after the last one without `at`.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/state",
    params(StateQuery),
    responses((status = OK, body = shapes::StateAt)),
)]
pub(super) async fn state(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<StateQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let store = &*shared.parts.store;
    let (conversation, head) = conversations::seen(&shared, &principal, &id).await?;
    let index = query.at.unwrap_or_else(|| head.next_entry.saturating_sub(1));
    let moment = journal::moment(store, conversation, index).await.map_err(refused)?;
    let view = moment.view().map_err(|error| Problem::damaged(&error))?;
    Ok(Json(json!(view)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TestQuery {
    /// Where it begins.
    from: Option<u64>,
    /// Where it ends.
    to: Option<u64>,
}

/// The conversation as a test of its bot, with stand-ins for what is personal.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/test",
    params(TestQuery),
    responses((status = OK, body = serde_json::Value, example = json!({ "name": "a conversation", "steps": [] }))),
)]
pub(super) async fn test(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<TestQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (store, bots) = (&*shared.parts.store, &*shared.parts.bots);
    let (conversation, _) = conversations::seen(&shared, &principal, &id).await?;
    let made = journal::test(store, bots, conversation, (query.from, query.to)).await.map_err(no_test)?;
    Ok(Json(made.into()))
}

fn no_test(error: TestError) -> Problem {
    let hint = match &error {
        TestError::Journal(_) => None,
        TestError::Range { .. } => Some(format!("choose at most {} with from and to", journal::MAX_ENTRIES)),
        TestError::InRun { next: Some(next), .. } => Some(format!("begin at entry {next}: from={next}")),
        TestError::InRun { next: None, .. } => Some("no run ends in these entries: begin where one began".to_owned()),
        TestError::NoBot(_) => Some("the journal shows what happened all the same".to_owned()),
        TestError::Export(_) => None,
    };
    let problem = match error {
        TestError::Journal(error) => return refused(error),
        error => Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "no-test", error.to_string()),
    };
    hint.map_or(problem.clone(), |hint| problem.hint(hint))
}

pub(super) fn refused(error: JournalError) -> Problem {
    match error {
        JournalError::Store(error) => error.into(),
        JournalError::Damaged(error) => Problem::damaged(&error),
        JournalError::NoEntry { .. } => {
            Problem::not_found(error.to_string()).hint("entries are counted from 0; the journal lists them")
        }
        JournalError::NotKept { at, .. } => {
            let status = http::StatusCode::UNPROCESSABLE_ENTITY;
            Problem::new(status, "state-not-kept", error.to_string())
                .hint("it was written by an earlier version; later states are known from the next multiple of 64 on")
                .with("entry", at)
        }
    }
}
