//! `/_sim/flows/…`: what happens to Flows at Meta.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Limit;
use super::problem::{Asked, Problem, query, read};
use crate::flows::{FlowStatus, SeededFlow};
use crate::handle::{FlowEdit, Handle};

type Answer = Result<Json<Value>, Problem>;

fn missing(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no Flow {id}"))
}

pub(super) async fn list(State(handle): State<Handle>) -> Json<Value> {
    Json(json!({ "items": handle.flows() }))
}

pub(super) async fn put(State(handle): State<Handle>, body: Bytes) -> Answer {
    Ok(Json(json!(handle.put_flow(&read::<SeededFlow>(&body)?)?)))
}

pub(super) async fn get(State(handle): State<Handle>, Path(id): Path<String>) -> Answer {
    handle.flow(&id).map(|flow| Json(json!(flow))).ok_or_else(|| missing(&id))
}

pub(super) async fn delete(State(handle): State<Handle>, Path(id): Path<String>) -> Answer {
    if handle.delete_flow(&id) { Ok(Json(json!({ "deleted": true }))) } else { Err(missing(&id)) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    status: FlowStatus,
}

pub(super) async fn status(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    let Judgement { status } = read(&body)?;
    if handle.set_flow_status(&id, status) { get(State(handle), Path(id)).await } else { Err(missing(&id)) }
}

pub(super) async fn edit(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    Ok(Json(json!(handle.edit_flow(&id, read::<FlowEdit>(&body)?)?)))
}

pub(super) async fn event(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    handle.flow_event(&id, &read::<Value>(&body)?)?;
    Ok(Json(json!({ "queued": true })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    edit_returns_to_draft: bool,
}

pub(super) async fn settings(State(handle): State<Handle>, body: Bytes) -> Answer {
    let Settings { edit_returns_to_draft } = read(&body)?;
    handle.set_edit_returns_to_draft(edit_returns_to_draft);
    Ok(Json(json!({ "edit_returns_to_draft": edit_returns_to_draft })))
}

pub(super) async fn requests(State(handle): State<Handle>, limit: Asked<Limit>) -> Answer {
    Ok(Json(json!({ "items": handle.flow_requests(query(limit)?.limit) })))
}
