//! `/_sim/phones/…`: what a phone can do, its transcript, and its events.

use std::convert::Infallible;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::problem::{Asked, Problem, query, read};
use crate::handle::Handle;
use crate::phone::{ChoiceKind, Choose, Draft, PhoneError, PhoneEvent, Progress};

type Answer = Result<Json<Value>, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    id: Option<String>,
    title: Option<String>,
    /// The message that offers it; the latest one that does, if left out.
    wamid: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    message: Value,
    phone_number_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    wamid: String,
    status: Progress,
    /// Of a failed message; 131026 if left out.
    code: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    wa_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marketing {
    stopped: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    blocked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    name: Option<String>,
    username: Option<String>,
    hides_number: Option<bool>,
}

pub(super) async fn list(State(handle): State<Handle>) -> Json<Value> {
    Json(json!({ "items": handle.phones() }))
}

pub(super) async fn text(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let phone = number(&phone)?;
    written(handle.text(phone, &read::<Text>(&body)?.text))
}

pub(super) async fn tap(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    choose(&handle, &phone, ChoiceKind::Button, &body)
}

pub(super) async fn pick(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    choose(&handle, &phone, ChoiceKind::Row, &body)
}

pub(super) async fn raw(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Raw { message, phone_number_id } = read(&body)?;
    written(handle.raw(number(&phone)?, phone_number_id.as_deref(), message))
}

pub(super) async fn status(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Status { wamid, status, code } = read(&body)?;
    match code {
        Some(code) if status == Progress::Failed => handle.fail(number(&phone)?, &wamid, code)?,
        Some(_) => return Err(Problem::bad("only a failed status has a code")),
        None => handle.status(number(&phone)?, &wamid, status)?,
    }
    Ok(Json(json!({ "queued": true })))
}

pub(super) async fn send(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    written(handle.send(number(&phone)?, &read::<Draft>(&body)?))
}

pub(super) async fn change_number(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Move { wa_id } = read(&body)?;
    Ok(Json(json!(handle.change_number(number(&phone)?, wa_id)?)))
}

pub(super) async fn marketing(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Marketing { stopped } = read(&body)?;
    Ok(Json(json!(handle.stop_marketing(number(&phone)?, stopped)?)))
}

pub(super) async fn block(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Block { blocked } = read(&body)?;
    Ok(Json(json!(handle.block_business(number(&phone)?, blocked)?)))
}

pub(super) async fn business_wrote(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    written(handle.business_wrote(number(&phone)?, &read::<Text>(&body)?.text))
}

pub(super) async fn windows(State(handle): State<Handle>, Path(phone): Path<String>) -> Answer {
    Ok(Json(json!({ "items": handle.windows(number(&phone)?)? })))
}

pub(super) async fn profile(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    let Profile { name, username, hides_number } = read(&body)?;
    Ok(Json(json!(handle.set_profile(number(&phone)?, name, username, hides_number)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn transcript(State(handle): State<Handle>, Path(phone): Path<String>, after: Asked<After>) -> Answer {
    let After { after } = query(after)?;
    let mut rows = handle.transcript(number(&phone)?)?;
    rows.retain(|entry| entry.seq > after);
    Ok(Json(json!({ "items": rows })))
}

pub(super) async fn reset(State(handle): State<Handle>, Path(phone): Path<String>) -> Answer {
    handle.reset_phone(number(&phone)?)?;
    Ok(Json(json!({ "reset": true })))
}

/// Server-sent events named `message`, `status`, `typing` and `reset`.
pub(super) async fn events(
    State(handle): State<Handle>,
    Path(phone): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let events = handle.events(number(&phone)?)?;
    Ok(Sse::new(unfold(events, next_event)).keep_alive(KeepAlive::default()))
}

async fn next_event(mut events: Receiver<PhoneEvent>) -> Option<(Result<Event, Infallible>, Receiver<PhoneEvent>)> {
    let event = match events.recv().await {
        Ok(event) => event,
        // Too far behind: what was missed is in the transcript.
        Err(RecvError::Lagged(_)) => PhoneEvent::Reset,
        Err(RecvError::Closed) => return None,
    };
    let (name, data) = match event {
        PhoneEvent::Message { entry } => ("message", json!(entry)),
        PhoneEvent::Status { entry } => ("status", json!(entry)),
        PhoneEvent::Typing => ("typing", json!({})),
        PhoneEvent::Reset => ("reset", json!({})),
    };
    Some((Ok(Event::default().event(name).data(data.to_string())), events))
}

pub(super) fn number(phone: &str) -> Result<usize, Problem> {
    phone.parse().map_err(|_| Problem::bad(format!("{phone:?} is not the number of a phone")))
}

fn choose(handle: &Handle, phone: &str, kind: ChoiceKind, body: &[u8]) -> Answer {
    let Chosen { id, title, wamid } = read(body)?;
    let wanted = match (id, title) {
        (Some(id), None) => Choose::Id(id),
        (None, Some(title)) => Choose::Title(title),
        _ => return Err(Problem::bad("give either the id or the title of what to choose")),
    };
    written(handle.choose(number(phone)?, kind, &wanted, wamid.as_deref()))
}

fn written(wamid: Result<String, PhoneError>) -> Answer {
    Ok(Json(json!({ "wamid": wamid? })))
}
