//! An `ETag` on the answer to a GET of one thing, unless its handler gave one; and 304 for who has it already.

use axum::body::{Body, HttpBody, to_bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

/// Bytes of an answer that gets a tag at most.
const MOST: u64 = 1024 * 1024;
/// Characters of a tag.
const TAG_CHARS: usize = 32;

/// Whether a path template names one thing.
pub(super) fn is_of_one(method: &Method, route: &str) -> bool {
    method == Method::GET && route.ends_with('}')
}

/// The answer with its tag.
pub(super) async fn tagged(asked: &HeaderMap, answer: Response) -> Response {
    let is_json = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let is_small = answer.body().size_hint().exact().is_some_and(|bytes| bytes <= MOST);
    let mut answer = match answer.headers().contains_key(header::ETAG) {
        false if answer.status() == StatusCode::OK && is_json && is_small => with_tag(answer).await,
        _ => answer,
    };
    let has = asked.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let tag = answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let is_known = has.zip(tag).is_some_and(|(has, tag)| has.split(',').any(|one| one.trim() == tag));
    if is_known && answer.status() == StatusCode::OK {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
        answer.headers_mut().remove(header::CONTENT_LENGTH);
    }
    answer
}

async fn with_tag(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut tag = hex::encode(Sha256::digest(&body));
    tag.truncate(TAG_CHARS);
    if let Ok(value) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        parts.headers.insert(header::ETAG, value);
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn who_has_it_already_gets_nothing_more() {
        let answer = || Json(json!({ "a": 1 })).into_response();
        let first = tagged(&HeaderMap::new(), answer()).await;
        let tag = first.headers()[header::ETAG].clone();
        assert_eq!((first.status(), tag.len()), (StatusCode::OK, TAG_CHARS + 2));
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        let again = tagged(&asked, answer()).await;
        assert_eq!((again.status(), again.body().size_hint().exact()), (StatusCode::NOT_MODIFIED, Some(0)));
        let other = tagged(&asked, Json(json!({ "a": 2 })).into_response()).await;
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn errors_and_what_is_no_json_have_no_tag() {
        for answer in [StatusCode::NOT_FOUND.into_response(), "text".into_response()] {
            assert!(!tagged(&HeaderMap::new(), answer).await.headers().contains_key(header::ETAG));
        }
    }
}
