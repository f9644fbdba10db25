//! `/_sim/templates` and `/_sim/media`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Problem, read};
use crate::handle::Handle;
use crate::media::essence;
use crate::templates::TemplateStatus;

type Answer = Result<Json<Value>, Problem>;

/// What a browser may show in the page; anything else is saved.
const SHOWN: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

pub(super) async fn templates(State(handle): State<Handle>) -> Json<Value> {
    Json(json!({ "items": handle.templates() }))
}

pub(super) async fn put_template(State(handle): State<Handle>, body: Bytes) -> Answer {
    let definition: Value = read(&body)?;
    Ok(Json(json!(handle.put_template(&definition).map_err(Problem::bad)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    status: TemplateStatus,
    language: Option<String>,
    reason: Option<String>,
}

pub(super) async fn template_status(State(handle): State<Handle>, Path(name): Path<String>, body: Bytes) -> Answer {
    let Judgement { status, language, reason } = read(&body)?;
    match handle.set_template_status(&name, language.as_deref(), status, reason.as_deref()) {
        0 => Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no template {name}"))),
        changed => Ok(Json(json!({ "changed": changed }))),
    }
}

pub(super) async fn delete_template(State(handle): State<Handle>, Path(name): Path<String>) -> Answer {
    match handle.delete_template(&name) {
        0 => Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no template {name}"))),
        deleted => Ok(Json(json!({ "deleted": deleted }))),
    }
}

pub(super) async fn add_media(State(handle): State<Handle>, headers: HeaderMap, body: Bytes) -> Answer {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    Ok(Json(json!(handle.add_media(kind, body)?)))
}

/// The bytes. What people send is shown only if a browser can do nothing but look at it.
pub(super) async fn media(State(handle): State<Handle>, Path(id): Path<String>) -> Response {
    let Some(media) = handle.media(&id) else {
        return Problem::new(StatusCode::NOT_FOUND, format!("there is no media {id}")).into_response();
    };
    let shown = SHOWN.iter().find(|kind| **kind == essence(&media.mime_type));
    let kind = shown.copied().unwrap_or("application/octet-stream");
    let mut response = media.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if shown.is_none() {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    response
}
