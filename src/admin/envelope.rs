//! Around every answer: the id of its request, in the log, the header and the body of a problem; and every error as a
//! problem, those too that the framework answers by itself.

use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tracing::Instrument;

use super::etag;
use super::problem::Problem;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's id at most.
const MAX_ID: usize = 64;
/// Bytes of an error text of the framework that are kept.
const MAX_TEXT: usize = 4_096;

/// The layer.
pub(super) async fn envelope(mut request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    if let Ok(value) = HeaderValue::from_str(&id) {
        // For the audit trail.
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("admin", request_id = %id);
    async move {
        let started = tokio::time::Instant::now();
        let asked = etag::is_of_one(&method, &route).then(|| request.headers().clone());
        let mut answer = as_problem(next.run(request).await, &path).await;
        if let Some(asked) = asked {
            answer = etag::tagged(&asked, answer).await;
        }
        if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
            let headers = answer.headers().clone();
            let mut told = problem.told(&id, &path);
            for (name, value) in headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
                told.headers_mut().insert(name.clone(), value.clone());
            }
            answer = told;
        }
        log(&method, &route, answer.status(), started.elapsed());
        if let Ok(value) = HeaderValue::from_str(&id) {
            answer.headers_mut().insert(REQUEST_ID, value);
        }
        answer
    }
    .instrument(span)
    .await
}

/// The caller's own, if it can stand in a log; else a new one.
fn id_of(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        (1..=MAX_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(fits);
    given.map_or_else(|| format!("r_{}", hex::encode(rand::random::<[u8; 12]>())), str::to_owned)
}

/// An error that is no problem document yet becomes one: a path that is no UTF-8, a body that is too large.
async fn as_problem(answer: Response, path: &str) -> Response {
    let status = answer.status();
    let plain =
        answer.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    // Whether it is ready is one word, for what asks every second.
    let is_word = path == "/readyz";
    if !(status.is_client_error() || status.is_server_error()) || !plain || is_word {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let text = to_bytes(body, MAX_TEXT).await.unwrap_or_default();
    let problem = Problem::of_framework(status, &String::from_utf8_lossy(&text));
    let mut made = problem.into_response();
    for (name, value) in parts.headers.iter().filter(|(name, _)| !is_of_body(name)) {
        made.headers_mut().insert(name.clone(), value.clone());
    }
    made
}

fn is_of_body(name: &HeaderName) -> bool {
    [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name)
}

/// One line per write and per trouble; reads are of interest while something is looked for.
fn log(method: &Method, route: &str, status: StatusCode, took: std::time::Duration) {
    let (status, took_ms) = (status.as_u16(), took.as_millis() as u64);
    match (status, method.is_safe()) {
        (500.., _) => tracing::warn!(%method, route, status, took_ms, "the admin API failed to answer"),
        (_, false) => tracing::info!(%method, route, status, took_ms, "the admin API was asked to change something"),
        _ => tracing::debug!(%method, route, status, took_ms, "the admin API was asked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &str) -> String {
        id_of(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(given).unwrap())]))
    }

    #[test]
    fn the_caller_names_a_request_unless_its_name_could_forge_a_log() {
        assert_eq!(id("build-7:step.2_a"), "build-7:step.2_a");
        for wrong in ["", "a b", "a\tb", "a\"b", "ä", &"x".repeat(MAX_ID + 1)] {
            assert!(id(wrong).starts_with("r_"), "{wrong}");
        }
        assert_ne!(id(""), id(""));
    }
}
