//! `/api/v1/bots`: bots, their versions, and which of them is live.

mod body;
pub(super) mod changes;
pub(super) mod graph;
pub(super) mod import;
mod policy;
pub(super) mod stats;
pub(super) mod versions;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chatbot::{Bot, Diagnostic};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::lists::{Asked, PageQuery, page_of, read};
use super::problem::Problem;
use super::time::at;
use super::{Ctx, Shared};
use crate::admin::shapes;
use crate::bots::{Live, PublishError, Record, Source};

const LIST: &str = "bots";

/// The live version of each bot, by id.
#[utoipa::path(
    get, path = "/api/v1/bots",
    params(PageQuery),
    responses((status = OK, body = shapes::Listed<shapes::BotSummary>)),
)]
pub(super) async fn list(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<Value>, Problem> {
    let (page, next_cursor) = page_of(LIST, shared.parts.bots.live(), &read(query)?, |bot| bot.id())?;
    let items: Vec<_> = page.iter().map(|bot| summary(&shared, bot)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": next_cursor })))
}

/// The live version of a bot, with its definition; its `ETag` is for `If-Match`.
#[utoipa::path(get, path = "/api/v1/bots/{id}", responses((status = OK, body = shapes::BotShown)))]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let bot = shared.parts.bots.live_of(&id).ok_or_else(|| Problem::from(PublishError::NoBot(id)))?;
    let mut shown = summary(&shared, &bot);
    shown["definition"] = serde_json::from_str(&bot.canonical_json()).unwrap_or_default();
    Ok(tagged(StatusCode::OK, bot.version(), shown))
}

fn summary(shared: &Shared, bot: &Arc<Bot>) -> Value {
    let tripped = shared.parts.bots.tripped();
    let stopped = tripped.iter().any(|(id, version)| **id == *bot.id() && **version == *bot.version());
    let live = shared.parts.library.live(bot.id());
    json!({
        "id": bot.id(),
        "title": bot.title(),
        "version": bot.version(),
        "number": live.as_ref().map(|live| live.number),
        "nodes": bot.node_count(),
        "stopped": stopped,
        "problems": lacking(shared, bot),
        "live": live.as_ref().map(live_shown),
    })
}

/// What the bot uses and the business account or the configuration does not have.
fn lacking(shared: &Shared, bot: &Bot) -> Vec<Diagnostic> {
    bot.check_against(&shared.parts.services.supplies().now())
}

fn live_shown(live: &Live) -> Value {
    json!({
        "at": at(live.at_ms),
        "source": source(live.source),
        "rolled_back": live.rolled_back,
        "note": live.note,
        "author": live.author,
        "policy": policy::shown(&live.running),
        "drained_at": live.running.drain_after_ms.map(|after_ms| at(live.at_ms.saturating_add(after_ms))),
    })
}

fn record_shown(record: &Record) -> Value {
    json!({
        "number": record.number,
        "version": record.version,
        "at": at(record.at_ms),
        "source": source(record.source),
        "note": record.note,
        "author": record.author,
        "nodes": record.nodes,
    })
}

fn source(source: Source) -> &'static str {
    match source {
        Source::File => "file",
        Source::Api => "api",
        Source::Cli => "cli",
    }
}

fn tagged(status: StatusCode, version: &str, body: Value) -> Response {
    (status, [(header::ETAG, format!("\"{version}\""))], Json(body)).into_response()
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let text = error.to_string();
        let conflict = |kind, text| Self::new(StatusCode::CONFLICT, kind, text);
        match error {
            PublishError::NoBot(_) => Self::not_found(text).hint("GET /api/v1/bots lists them"),
            PublishError::NoVersion { id, .. } => {
                Self::not_found(text).hint(format!("GET /api/v1/bots/{id}/versions lists them"))
            }
            PublishError::Ambiguous { .. } => conflict("ambiguous-version", text).hint("name it by its number"),
            PublishError::NothingOlder(_) => conflict("nothing-older", text).hint("name the version with `to`"),
            PublishError::NotExpected { live } => Self::new(StatusCode::PRECONDITION_FAILED, "not-expected", text)
                .hint("read the bot anew and decide again")
                .with("etag", live.map(|live| format!("\"{live}\""))),
            PublishError::Policy(problems) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-policy", text)
                .hint("name nodes of the version that goes live, or `end`")
                .with("problems", problems),
            PublishError::Unloadable(_) => conflict("version-unloadable", text).hint("publish another version"),
            PublishError::TooMany => conflict("too-many-bots", text),
            PublishError::Store(error) => error.into(),
        }
    }
}
