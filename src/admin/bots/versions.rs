//! Versions to look at: the list, one of them, and what differs between two.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chatbot::{Format, Mark};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::record_shown;
use crate::admin::lists::{Asked, PageQuery, limit, read};
use crate::admin::problem::Problem;
use crate::admin::shapes;
use crate::admin::time::at;
use crate::admin::{Ctx, cursor};
use crate::bots::PublishError;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct FormatQuery {
    /// How it is written.
    format: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct DiffQuery {
    /// Where it begins.
    from: Option<String>,
    /// Where it ends.
    to: Option<String>,
}

/// Newest first, with the runs that each has.
#[utoipa::path(
    get, path = "/api/v1/bots/{id}/versions",
    params(PageQuery),
    responses((status = OK, body = shapes::Versions)),
)]
pub(in crate::admin) async fn versions(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<PageQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (library, list) = (&shared.parts.library, format!("bots/{id}/versions"));
    let limit = limit(query.limit)?;
    let before = cursor::take(&list, query.cursor.as_deref())?.and_then(|before| before.parse().ok());
    let records = library.records(&id).ok_or_else(|| PublishError::NoBot(id.clone()))?;
    let mut page = records;
    page.retain(|record| before.is_none_or(|before: u32| record.number < before));
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|last| last.number.to_string());
    let (live, counted) = (library.live(&id), library.count().await?);
    let stopped: BTreeSet<_> = shared.parts.bots.tripped().into_iter().collect();
    let items = page.into_iter().map(|record| {
        let mut shown = record_shown(&record);
        let key = (id.clone(), record.version.clone());
        shown["live"] = json!(live.as_ref().is_some_and(|live| live.version == record.version));
        shown["running"] = json!(counted.census.runs.get(&key).copied().unwrap_or(0));
        shown["stopped"] = json!(stopped.contains(&(id.as_str().into(), record.version.as_str().into())));
        shown["leaves_at"] = json!(shared.parts.bots.leaves_at_ms(&id, &record.version).map(at));
        shown
    });
    let items: Vec<Value> = items.collect();
    Ok(Json(json!({
        "items": items,
        "next_cursor": cursor::give(&list, next),
        "counted": {
            "at": at(counted.at_ms),
            "conversations": counted.census.conversations,
            "all": counted.census.complete,
        },
    })))
}

/// The canonical form, as JSON or YAML: `format`, else as `Accept` says.
#[utoipa::path(
    get, path = "/api/v1/bots/{id}/versions/{version}",
    params(FormatQuery),
    responses((status = OK, body = serde_json::Value, example = json!({ "parlance": 1, "id": "hello" }))),
)]
pub(in crate::admin) async fn version(
    State(shared): Ctx,
    Path((id, version)): Path<(String, String)>,
    query: Asked<FormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = match read(query)?.format.as_deref() {
        Some("json") => Format::Json,
        Some("yaml") => Format::Yaml,
        Some(other) => return Err(Problem::bad_request(format!("format is {other:?}; it must be json or yaml"))),
        None if accepts.contains("yaml") => Format::Yaml,
        None => Format::Json,
    };
    let record = shared.parts.library.resolve(&id, &version)?;
    let bot = shared.parts.library.bot(&id, &record)?;
    let content_type = if format == Format::Json { "application/json" } else { "application/yaml" };
    let headers = [(header::CONTENT_TYPE, content_type.to_owned()), (header::ETAG, format!("\"{}\"", record.version))];
    Ok((StatusCode::OK, headers, bot.export(format)).into_response())
}

/// From one version to another: to the live one where none is named, from the one before that.
#[utoipa::path(
    get, path = "/api/v1/bots/{id}/diff",
    params(DiffQuery),
    responses((status = OK, body = shapes::BotDiff)),
)]
pub(in crate::admin) async fn diff(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DiffQuery>,
) -> Result<Json<Value>, Problem> {
    let (query, library) = (read(query)?, &shared.parts.library);
    let to = library.resolve(&id, query.to.as_deref().unwrap_or("live"))?;
    let from = match &query.from {
        Some(from) => library.resolve(&id, from)?,
        None => {
            let older = library.records(&id).unwrap_or_default().into_iter().find(|record| record.number < to.number);
            older.ok_or(PublishError::NothingOlder(id.clone()))?
        }
    };
    let found = chatbot::diff(&*library.bot(&id, &from)?, &*library.bot(&id, &to)?);
    let lines: Vec<Value> =
        found.lines().into_iter().map(|line| json!({ "mark": mark(line.mark), "text": line.text })).collect();
    Ok(Json(json!({
        "from": record_shown(&from),
        "to": record_shown(&to),
        "summary": found.summary(),
        "diff": found,
        "lines": lines,
    })))
}

fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Added => "added",
        Mark::Removed => "removed",
        Mark::Changed => "changed",
    }
}
