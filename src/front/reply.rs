//! The answers of the front door.

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;

use crate::net::Body;

/// How long Meta should wait before it sends again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub(super) fn text(status: StatusCode, body: String) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", body)
}

pub(super) fn success() -> Response<Body> {
    answer(StatusCode::OK, "application/json", &br#"{"success":true}"#[..])
}

pub(super) fn error(status: StatusCode, what: &str) -> Response<Body> {
    answer(status, "application/json", serde_json::json!({ "error": what }).to_string())
}

/// An answer after which the connection cannot go on: the rest of the request was not read.
pub(super) fn closing(status: StatusCode, what: &str) -> Response<Body> {
    let mut answer = error(status, what);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

pub(super) fn too_large(max_bytes: usize) -> Response<Body> {
    closing(StatusCode::PAYLOAD_TOO_LARGE, &format!("a body has at most {max_bytes} bytes"))
}

pub(super) fn unavailable(what: &str) -> Response<Body> {
    let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, what);
    answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    answer
}

pub(super) fn not_allowed(allowed: &'static str) -> Response<Body> {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, "this method is not allowed here");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}
