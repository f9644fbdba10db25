//! `/api/v1/flow-keys`: the keys of Flows, here and at Meta. No private key leaves this port.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Ctx;
use super::given::read_or_default;
use super::problem::Problem;
use crate::admin::shapes;
use crate::flow_keys::RotateError;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlowKeyUpload, example = json!({ "number": "106540352242922" }))]
struct Upload {
    /// Of this number only.
    #[serde(default)]
    number: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlowKeyRotation, example = json!({ "force": false }))]
struct Rotate {
    /// Although the last rotation is less than a day ago.
    #[serde(default)]
    force: bool,
}

/// The keys of Flows, here and at Meta.
#[utoipa::path(get, path = "/api/v1/flow-keys", responses((status = OK, body = shapes::Listed<shapes::FlowKey>)))]
pub(super) async fn list(State(shared): Ctx) -> Json<Value> {
    Json(json!({ "items": shared.parts.flow_keys.show().await, "next_cursor": null }))
}

/// Gives Meta the public keys.
#[utoipa::path(
    post, path = "/api/v1/flow-keys/upload",
    request_body(content = Option<Upload>),
    responses((status = OK, body = shapes::FlowKeyUploads)),
)]
pub(super) async fn upload(State(shared): Ctx, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Problem> {
    let Upload { number } = read_or_default(body)?;
    if let Some(id) = number.as_deref().filter(|id| shared.parts.numbers.get(id).is_none()) {
        return Err(Problem::not_found(format!("there is no number {id:?}")).hint("GET /api/v1/numbers lists them"));
    }
    Ok(Json(json!({ "items": shared.parts.flow_keys.upload(number.as_deref()).await })))
}

/// Asks the endpoint as a phone would.
#[utoipa::path(post, path = "/api/v1/flow-keys/verify", responses((status = OK, body = shapes::FlowKeyChecks)))]
pub(super) async fn verify(State(shared): Ctx) -> Json<Value> {
    let (standings, pings) = (shared.parts.flow_keys.show().await, shared.parts.flow_keys.verify().await);
    let items: Vec<_> = standings
        .iter()
        .zip(&pings)
        .map(|(standing, ping)| {
            json!({
                "number": standing.number,
                "ok": ping.ok && standing.problem.is_none(),
                "published": standing.published,
                "signature_status": standing.signature_status,
                "ping": ping,
                "problem": standing.problem.as_ref().or(ping.problem.as_ref()),
            })
        })
        .collect();
    Json(json!({ "items": items }))
}

/// Makes a new key and gives it to Meta.
#[utoipa::path(
    post, path = "/api/v1/flow-keys/rotate",
    request_body(content = Option<Rotate>),
    responses((status = OK, body = shapes::FlowKeyRotated)),
)]
pub(super) async fn rotate(State(shared): Ctx, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Problem> {
    let Rotate { force } = read_or_default(body)?;
    match shared.parts.flow_keys.rotate(force).await {
        Ok(rotated) => Ok(Json(json!(rotated))),
        Err(error) => Err(problem(&error)),
    }
}

/// How the endpoint of each Flow does.
#[utoipa::path(
    get, path = "/api/v1/flows/health",
    responses((status = OK, body = shapes::Listed<shapes::FlowHealthReading>)),
)]
pub(super) async fn health(State(shared): Ctx) -> Json<Value> {
    let readings = shared.parts.flow_health.readings(shared.parts.clock.now_ms());
    Json(json!({ "items": readings, "next_cursor": null }))
}

fn problem(error: &RotateError) -> Problem {
    let (status, kind) = match error {
        RotateError::NoFile(_)
        | RotateError::PreviousSet(_)
        | RotateError::InStore(_)
        | RotateError::NoKey
        | RotateError::TooSoon { .. } => (StatusCode::CONFLICT, "cannot-rotate"),
        RotateError::Unknown(..) => (StatusCode::BAD_GATEWAY, "meta-failed"),
        RotateError::Key(_) | RotateError::File(..) | RotateError::Place(..) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "key-not-written")
        }
    };
    Problem::new(status, kind, error.to_string()).hint(hint(error))
}

fn hint(error: &RotateError) -> &'static str {
    match error {
        RotateError::NoFile(_) => "write the key into a file and set whatsapp.flow_private_key_file",
        RotateError::PreviousSet(_) => {
            "move that key into the file with .previous behind the key's name, remove the setting, and restart"
        }
        RotateError::InStore(_) => {
            "parlance number secrets ID --flow-private-key-file FILE, then parlance flow key upload"
        }
        RotateError::NoKey => "parlance flow key new makes one",
        RotateError::TooSoon { .. } => r#"wait, or force it: `flow key rotate --force`, in a request {"force": true}"#,
        RotateError::Unknown(..) => {
            r#"try again when the cause is gone, or force it (`flow key rotate --force`, in a request {"force": true}): that number is skipped"#
        }
        RotateError::Key(_) => "the operating system gave no randomness: try again",
        RotateError::File(..) | RotateError::Place(..) => {
            "the folder of the key must be writable for this process: replace the key by hand otherwise"
        }
    }
}
