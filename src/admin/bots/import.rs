//! A bot of another program becomes one of ours; nothing is published.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use chatbot::import::{ImportError, Kind, import as convert};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::admin::lists::{Asked, read};
use crate::admin::problem::Problem;
use crate::admin::shapes;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ImportQuery {
    /// Where it begins.
    from: Option<String>,
}

/// Gives the bot of an export and what changes; `from` says which program made it, else it is guessed.
#[utoipa::path(
    post, path = "/api/v1/bots/import",
    params(ImportQuery),
    request_body(content = serde_json::Value, description = "The export as the other program wrote it",
        example = json!({})),
    responses((status = OK, body = shapes::BotImport)),
)]
pub(in crate::admin) async fn import(
    query: Asked<ImportQuery>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let from = read(query)?.from.map(|name| kind(&name)).transpose()?;
    let body = body.map_err(|error| Problem::of_framework(error.status(), &error.body_text()))?;
    let source = String::from_utf8(body.into()).map_err(|_| Problem::bad_request("the body is not UTF-8"))?;
    // An export of some megabytes keeps a thread busy for a while.
    let converted = tokio::task::spawn_blocking(move || convert(&source, from)).await;
    let imported =
        converted.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the import failed"))?;
    let imported = imported.map_err(refused)?;
    Ok(Json(json!({ "bot": imported.bot_json, "version": imported.bot.version(), "changes": imported.changes })))
}

fn kind(name: &str) -> Result<Kind, Problem> {
    let known = Kind::ALL.map(Kind::as_str).join(", ");
    let found = Kind::by_name(name)
        .ok_or_else(|| Problem::bad_request(format!("`from` is {name:?}, no program that is known")));
    found.map_err(|problem| problem.hint(format!("it is one of {known}, or left out")))
}

fn refused(error: ImportError) -> Problem {
    let kind = match error {
        ImportError::NotJson(_) => "not-json",
        ImportError::Unknown(_) | ImportError::Shape { .. } => "no-export",
        ImportError::TooLarge(_) => "export-too-large",
        ImportError::DoesNotLoad(_) => "import-failed",
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, kind, error.to_string())
        .hint("send the export as the other program wrote it; `from` says which it is where it is guessed wrongly")
}
