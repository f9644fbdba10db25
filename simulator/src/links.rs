//! Signed links on the stand-in's own host, fetched without a token as Meta's are: Flow JSON, previews, and (encrypted)
//! files that were uploaded in a form.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};

use crate::core::Core;
use crate::handle::Handle;

/// Meta does not say how long its links work.
const ASSET_MS: u64 = 60 * 60_000;
/// Nor of those of uploaded files; they are to be fetched at once.
const FILE_MS: u64 = 60 * 60_000;

pub(crate) fn routes(handle: Handle) -> Router {
    Router::new()
        .route("/_assets/{id}", get(asset_file))
        .route("/_cdn/{id}", get(uploaded_file))
        .route("/_preview/{id}", get(preview_page))
        .with_state(handle)
}

/// The link of a Flow's JSON.
pub(crate) fn asset(core: &Core, flow_id: &str) -> String {
    signed(core, "_assets", flow_id, ASSET_MS)
}

fn signed(core: &Core, place: &str, id: &str, span_ms: u64) -> String {
    let until = core.now_ms().saturating_add(span_ms);
    format!("http://{}/{place}/{id}?ext={until}&hash={}", core.addr, core.ids.seal(&format!("{place}/{id}"), until))
}

/// The link of a file that was uploaded in a form.
pub(crate) fn file(core: &Core, place: &str) -> String {
    signed(core, "_cdn", place, FILE_MS)
}

/// The link of a Flow's preview.
pub(crate) fn preview(core: &Core, flow_id: &str, token: &str) -> String {
    format!("http://{}/_preview/{flow_id}?token={token}", core.addr)
}

type Asked = Query<HashMap<String, String>>;

/// Why a link is not served. Meta's hosts are no place for a token.
fn refused(core: &Core, place: &str, id: &str, asked: &Asked, headers: &HeaderMap) -> Option<Response> {
    if headers.contains_key(header::AUTHORIZATION) {
        tracing::warn!(place, "a signed link was fetched with an Authorization header; Meta's are fetched without");
        return Some(told(StatusCode::BAD_REQUEST, "a signed link takes no Authorization header"));
    }
    let until = asked.get("ext").and_then(|ext| ext.parse::<u64>().ok()).unwrap_or_default();
    let right = asked.get("hash").is_some_and(|hash| *hash == core.ids.seal(&format!("{place}/{id}"), until));
    (!right || core.now_ms() >= until).then(|| told(StatusCode::FORBIDDEN, "the link is over or wrong"))
}

fn told(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

fn served(kind: &'static str, body: impl Into<Body>) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, body.into()).into_response()
}

async fn asset_file(
    State(handle): State<Handle>,
    Path(id): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused(&handle.core, "_assets", &id, &asked, &headers) {
        return refusal;
    }
    match handle.core.flows.get(&id).and_then(|flow| flow.content) {
        Some(content) => served("application/json", content.text.clone()),
        None => told(StatusCode::NOT_FOUND, "the Flow has no JSON"),
    }
}

async fn uploaded_file(
    State(handle): State<Handle>,
    Path(id): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused(&handle.core, "_cdn", &id, &asked, &headers) {
        return refusal;
    }
    match handle.core.forms.files.get(&id) {
        Some(bytes) => served("application/octet-stream", bytes),
        None => told(StatusCode::NOT_FOUND, "the file is no longer kept"),
    }
}

/// Says what would be shown; the stand-in's phone page draws forms, this link does not.
async fn preview_page(State(handle): State<Handle>, Path(id): Path<String>, asked: Asked) -> Response {
    let now_ms = handle.now_ms();
    let flow = handle.core.flows.get(&id);
    let lives = |(token, until): &(String, u64)| asked.get("token") == Some(token) && now_ms < *until;
    match flow.filter(|flow| flow.preview.as_ref().is_some_and(lives)) {
        Some(flow) => {
            served("text/plain; charset=utf-8", format!("preview of {} ({})\n", flow.name, flow.status.name()))
        }
        None => told(StatusCode::NOT_FOUND, "the preview is over or wrong"),
    }
}
