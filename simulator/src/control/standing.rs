//! `/_sim/numbers/…` and `/_sim/token`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Problem, read};
use crate::handle::Handle;
use crate::standing::NumberStanding;

type Answer = Result<Json<Value>, Problem>;

pub(super) async fn number(State(handle): State<Handle>, Path(id): Path<String>) -> Answer {
    Ok(Json(json!(handle.standing(&id)?)))
}

pub(super) async fn set_number(State(handle): State<Handle>, Path(id): Path<String>, body: Bytes) -> Answer {
    handle.set_standing(&id, read::<NumberStanding>(&body)?)?;
    number(State(handle), Path(id)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    /// The new one; the old one expires if it is left out.
    renewed: Option<String>,
}

pub(super) async fn token(State(handle): State<Handle>, body: Bytes) -> Answer {
    match read::<Token>(&body)?.renewed {
        Some(token) if token.is_empty() => return Err(Problem::bad("a token is not empty")),
        Some(token) => handle.renew_token(token.into()),
        None => handle.expire_token(),
    }
    Ok(Json(json!({ "changed": true })))
}
