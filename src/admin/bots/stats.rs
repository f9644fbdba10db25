//! How a bot does: its runs by version, and at which nodes they wait.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::admin::Ctx;
use crate::admin::problem::Problem;
use crate::admin::shapes;
use crate::admin::time::at;
use crate::bots::PublishError;

/// Nodes that are told, those with most runs first.
const MAX_NODES: usize = 1_000;

/// Runs by version, and the nodes at which they wait, those with most runs first.
#[utoipa::path(get, path = "/api/v1/bots/{id}/stats", responses((status = OK, body = shapes::BotStats)))]
pub(in crate::admin) async fn stats(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let library = &shared.parts.library;
    let records = library.records(&id).ok_or_else(|| PublishError::NoBot(id.clone()))?;
    let (live, counted) = (library.live(&id), library.count().await?);
    let census = &counted.census;
    let versions = records.iter().filter_map(|record| {
        let runs = census.runs.get(&(id.clone(), record.version.clone())).copied().unwrap_or(0);
        let is_live = live.as_ref().is_some_and(|live| live.version == record.version);
        let shown = json!({ "version": record.version, "number": record.number, "live": is_live, "runs": runs });
        (is_live || runs > 0).then_some((runs, shown))
    });
    let (runs, versions): (Vec<u64>, Vec<Value>) = versions.unzip();
    let mut waits: Vec<_> = census.waits.iter().filter(|((bot, _, _), _)| *bot == id).collect();
    waits.sort_by_key(|((_, version, node), waits)| (Reverse(waits.runs), node, version));
    let nodes: Vec<Value> = waits
        .into_iter()
        .take(MAX_NODES)
        .map(|((_, version, node), waits)| {
            json!({ "node": node, "version": version, "runs": waits.runs, "handed_over": waits.handed_over })
        })
        .collect();
    Ok(Json(json!({
        "bot": id,
        "runs": runs.iter().sum::<u64>(),
        "versions": versions,
        "nodes": nodes,
        "counted": { "at": at(counted.at_ms), "conversations": census.conversations, "all": census.complete },
    })))
}
