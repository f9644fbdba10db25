//! Everything that is kept of one person: handed out, and erased.

use actors::erasure::{EraseError, Erased};
use actors::identity;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream::unfold;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::ContactId;
use utoipa::ToSchema;

use super::super::audit::Audited;
use super::super::lists::{Asked, read};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, Shared};
use super::{DryRun, find};

/// Says once more who is meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "confirm": "p_0102030405060708090a0b0c" }))]
pub(in super::super) struct Confirmation {
    /// The contact's id or number.
    #[serde(default)]
    confirm: Option<String>,
}

/// What went, or would go.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
#[schema(example = json!({
    "id": "p_0102030405060708090a0b0c", "dry_run": false,
    "erased": { "contacts": 1, "conversations": 1, "rows": { "history": 12, "outbox": 9, "inbox": 0, "media": 1 } },
}))]
pub(in super::super) struct ErasedShape {
    /// The contact that it was.
    id: String,
    /// Whether nothing was changed.
    dry_run: bool,
    /// How much, by what it is.
    erased: Value,
}

/// Erases a person everywhere: conversations, messages, files, events, tags. Late webhooks do not bring them back.
#[utoipa::path(
    post, path = "/api/v1/contacts/{id}/erase", params(DryRun, ("id" = String, Path)),
    request_body(content = Confirmation), responses((status = OK, body = ErasedShape)),
)]
pub(in super::super) async fn erase(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    body: Bytes,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let (contact, wa_id) = to_erase(&shared, &principal, &id).await?;
    let (eraser, id) = (&shared.parts.services.eraser, identity::contact_text(contact));
    if dry_run {
        return Ok(answer(&id, true, &eraser.preview(contact).await?));
    }
    let confirmation: Confirmation = match body.trim_ascii() {
        [] => Confirmation::default(),
        body => serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))?,
    };
    confirm(&id, wa_id.as_deref(), confirmation.confirm.as_deref())?;
    let erased = eraser.erase(contact).await?;
    tracing::warn!(contact = id, by = %principal.who, "a person was erased");
    Ok(answer(&id, false, &erased))
}

/// The contact that is meant, and its number: one that is there, or one whose erasing did not come to its end.
async fn to_erase(shared: &Shared, principal: &Principal, id: &str) -> Result<(ContactId, Option<Box<str>>), Problem> {
    let unknown = match find(shared, principal, id).await {
        Ok((contact, view)) => return Ok((contact, view.wa_id)),
        Err(problem) => problem,
    };
    let under_way = match unknown.is_not_found() && principal.numbers.is_none() {
        true => shared.parts.services.eraser.under_way(id).await?,
        false => None,
    };
    let number = identity::parse_contact(id).is_none().then(|| digits(id));
    under_way.map(|contact| (contact, number)).ok_or(unknown)
}

fn answer(id: &str, dry_run: bool, erased: &Erased) -> Response {
    let mut answer = Json(json!({ "id": id, "dry_run": dry_run, "erased": erased })).into_response();
    answer.extensions_mut().insert(Audited::default().target(id).after(json!(erased)));
    answer
}

fn digits(text: &str) -> Box<str> {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn confirm(id: &str, wa_id: Option<&str>, said: Option<&str>) -> Result<(), Problem> {
    let is_number = |said: &str| wa_id.is_some_and(|number| *number == *digits(said));
    if said.is_some_and(|said| said == id || is_number(said)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "confirm does not name this contact")
        .hint("look with dry_run=true first; then send {\"confirm\": \"…\"} with the contact's id or number"))
}

/// Everything that is kept of a person, as one JSON document: all that erasing would remove.
#[utoipa::path(
    get, path = "/api/v1/contacts/{id}/export", params(("id" = String, Path)),
    responses((status = OK, body = Object, description = "contact, conversations with messages and journal, files, events",
        example = json!({ "contact": {}, "conversations": [] }))),
)]
pub(in super::super) async fn export(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (contact, view) = find(&shared, &principal, &id).await?;
    let pieces = shared.parts.services.eraser.clone().export(contact).await?;
    let pieces = unfold(pieces, |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) });
    let mut answer = Response::new(Body::from_stream(pieces));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}.json\"", view.id)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(answer)
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Unknown => Self::not_found("there is no such contact"),
            EraseError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string())
                .hint("nothing new leaves for them; erasing goes on by itself"),
            EraseError::Store(error) => error.into(),
            EraseError::Damaged(error) => Self::damaged(&error),
            EraseError::Media(_) | EraseError::Outlet(_) | EraseError::Other(..) => {
                tracing::error!(%error, "erasing a person did not come to its end");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", error.to_string())
                    .hint("nothing new leaves for them; erasing goes on by itself")
            }
        }
    }
}
