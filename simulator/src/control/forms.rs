//! `/_sim/forms/…`: what a person does with a form.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::phones::number;
use super::problem::{Problem, read};
use crate::forms::FormView;
use crate::handle::Handle;
use crate::phone::PhoneError;

type Answer = Result<Json<Value>, Problem>;

fn view(form: Result<FormView, PhoneError>) -> Answer {
    Ok(Json(json!(form?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    wamid: String,
}

pub(super) async fn open(State(handle): State<Handle>, Path(phone): Path<String>, body: Bytes) -> Answer {
    view(handle.open_form(number(&phone)?, &read::<Opened>(&body)?.wamid).await)
}

pub(super) async fn list(State(handle): State<Handle>, Path(phone): Path<String>) -> Answer {
    Ok(Json(json!({ "items": handle.forms(number(&phone)?)? })))
}

pub(super) async fn get(State(handle): State<Handle>, Path(id): Path<String>) -> Answer {
    view(handle.form(&id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    screen: String,
    #[serde(default)]
    payload: Map<String, Value>,
    action: Option<String>,
}

pub(super) async fn exchange(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    let Sent { screen, payload, action } = read(&body)?;
    if let Some(odd) = action.filter(|action| action != "data_exchange") {
        return Err(Problem::bad(format!("the action of an exchange is data_exchange, not {odd}")));
    }
    view(handle.exchange(&id, &screen, payload).await)
}

pub(super) async fn complete(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    let Sent { screen, payload, .. } = read(&body)?;
    view(handle.complete(&id, &screen, payload))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    screen: String,
    next: String,
    #[serde(default)]
    payload: Map<String, Value>,
}

pub(super) async fn navigate(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    let Step { screen, next, payload } = read(&body)?;
    view(handle.navigate(&id, &screen, &next, payload))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    screen: String,
}

pub(super) async fn back(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    view(handle.back(&id, &read::<Left>(&body)?.screen).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filled {
    screen: String,
    #[serde(default)]
    values: Map<String, Value>,
    label: Option<String>,
}

pub(super) async fn submit(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    let Filled { screen, values, label } = read(&body)?;
    view(handle.submit(&id, &screen, values, label.as_deref()).await)
}

pub(super) async fn close(State(handle): State<Handle>, Path(id): Path<String>) -> Answer {
    view(handle.close_form(&id))
}
