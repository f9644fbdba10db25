//! What became of each person of a broadcast: in pages, and as a table.

use actors::broadcast::{PersonResult, Standing};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::lists::{Asked, limit, read};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, cursor};
use super::{invalid, one};
use crate::sheet;

/// Rows of the table that are read at once.
const EXPORT_PAGE: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ResultsQuery {
    state: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What became of somebody.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "place": 17, "to": "447700900123", "state": "delivered", "conversation": "c_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB",
    "message": "o_01KB0ZQ3S8M4T6V9W2X5Y7Z0AB-7", "reason": null, "detail": null, "code": null
}))]
pub(in super::super) struct ResultView {
    /// Place in the list, from 1.
    place: u32,
    /// As they were named.
    to: String,
    /// `pending`, `waiting`, `queued`, `held`, `sent`, `delivered`, `read`, `failed` or `skipped`.
    state: String,
    /// Their conversation.
    conversation: Option<String>,
    /// The message, for `GET /api/v1/messages/{id}`.
    message: Option<String>,
    /// Why nothing was sent: `opted_out`, `invalid`, `duplicate`, `no_address`, `refused`; or `failed`.
    reason: Option<String>,
    /// In words.
    detail: Option<String>,
    /// Meta's number.
    code: Option<u32>,
}

impl From<PersonResult> for ResultView {
    fn from(result: PersonResult) -> Self {
        let PersonResult { place, to, standing, send, reason, detail, code } = result;
        Self {
            place,
            to: to.into(),
            state: standing.name().to_owned(),
            conversation: send.map(|send| send.conversation.to_string()),
            message: send.map(|send| send.to_string()),
            reason: reason.map(Into::into),
            detail: detail.map(Into::into),
            code,
        }
    }
}

/// A page of results.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct ResultsPage {
    /// In the order of the list. A page may be short, or even empty, and still have a next one.
    items: Vec<ResultView>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/api/v1/broadcasts/{id}/results", tag = "broadcasts", summary = "List what became of each person",
    params(("id" = String, Path), ("state" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ResultsPage))
)]
pub(in super::super) async fn results(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<ResultsQuery>,
) -> Result<Json<ResultsPage>, Problem> {
    let query = read(query)?;
    one(&shared, &principal, &id)?;
    let wanted = query.state.as_deref().map(standing).transpose()?;
    let limit = limit(query.limit)?;
    let from = cursor::take(&id, query.cursor.as_deref())?.and_then(|from| from.parse().ok()).unwrap_or(0);
    let page = shared.parts.broadcasts.results(&id, wanted, from, limit).await?;
    let next_cursor = cursor::give(&id, page.next.map(|next| next.to_string()));
    Ok(Json(ResultsPage { items: page.items.into_iter().map(ResultView::from).collect(), next_cursor }))
}

#[utoipa::path(
    get, path = "/api/v1/broadcasts/{id}/results.csv", tag = "broadcasts", summary = "Export what became of each person",
    params(("id" = String, Path)), responses((status = 200, content_type = "text/csv", body = String))
)]
pub(in super::super) async fn export(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    one(&shared, &principal, &id)?;
    let mut table = sheet::line(["place", "to", "state", "conversation", "message", "reason", "detail", "code"]);
    let mut from = Some(0);
    while let Some(at) = from {
        let page = shared.parts.broadcasts.results(&id, None, at, EXPORT_PAGE).await?;
        for result in page.items.into_iter().map(ResultView::from) {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let (place, code) =
                (result.place.to_string(), result.code.map(|code| code.to_string()).unwrap_or_default());
            let (conversation, message) = (text(&result.conversation), text(&result.message));
            let (reason, detail) = (text(&result.reason), text(&result.detail));
            table.push_str(&sheet::line([
                &*place,
                &result.to,
                &result.state,
                &conversation,
                &message,
                &reason,
                &detail,
                &code,
            ]));
        }
        from = page.next;
    }
    let name = format!("attachment; filename=\"{id}.csv\"");
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], table)
        .into_response())
}

fn standing(name: &str) -> Result<Standing, Problem> {
    let words = "pending, waiting, queued, held, sent, delivered, read, failed, skipped";
    Standing::by_name(name).ok_or_else(|| invalid(format!("state: {name:?} is none of {words}")))
}
