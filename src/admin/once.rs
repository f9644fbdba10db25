//! `Idempotency-Key` of the POSTs that the table marks with `.once()`: within 24 hours a request with the key of one
//! that succeeded gets that one's answer, also after a restart. What must not happen twice although the program dies
//! in between (messages, runs) carries the key into the engine instead. A key is its caller's: another one's is another key.

use std::collections::{HashMap, HashSet};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use storage::{NewDocument, Store, StoreError};
use tokio::sync::OnceCell;

use super::Shared;
use super::problem::Problem;

const DOCUMENT: &str = "idempotency";
const KEY: &str = "idempotency-key";
/// Characters of a key at most.
const MAX_KEY: usize = 255;
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
/// How long an answer is kept.
const KEPT_MS: u64 = 24 * 3_600_000;
/// Answers kept at most; beyond it the oldest go.
const MOST: usize = 10_000;
/// Bytes of all answers that are kept at most.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one answer at most; a larger one is not kept.
const MOST_BYTES_OF_ONE: usize = 256 * 1024;

/// What is under way and what is kept.
#[derive(Default)]
pub(super) struct Once {
    under_way: Mutex<HashSet<String>>,
    /// Held while an answer is written down, so that what goes for it and what comes is counted once.
    kept: OnceCell<tokio::sync::Mutex<HashMap<String, Size>>>,
}

/// What is known of a kept answer without reading it.
#[derive(Clone, Copy)]
struct Size {
    at_ms: u64,
    bytes: usize,
}

/// An answer that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    at_ms: u64,
    /// Digest of what was asked.
    request: String,
    status: u16,
    etag: Option<String>,
    /// JSON.
    body: String,
}

/// A key that is under way; nobody else has it until this goes.
struct Held<'a> {
    once: &'a Once,
    key: String,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.once.under_way.lock().remove(&self.key);
    }
}

/// The key of a request that shall count once, as it is kept: nobody else has the same, whatever they send. Errors: it is
/// too long, or is not visible.
pub(super) fn key(headers: &HeaderMap, who: &str) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let text = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len()));
    let detail = || format!("Idempotency-Key must be 1 to {MAX_KEY} visible characters");
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, "idempotency-key", detail());
    text.map(|key| Some(digest(&[who.as_bytes(), key.as_bytes()]))).ok_or_else(wrong)
}

/// Answers a request whose key counts once; without a key as usual. Its body has `most` bytes at the most.
pub(super) async fn answer(shared: &Shared, who: &str, most: usize, request: Request, next: Next) -> Response {
    match key(request.headers(), who) {
        Ok(Some(key)) => keyed(shared, key, most, request, next).await.unwrap_or_else(IntoResponse::into_response),
        Ok(None) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(shared: &Shared, key: String, most: usize, request: Request, next: Next) -> Result<Response, Problem> {
    let (once, store, now_ms) = (&shared.once, &*shared.parts.store, shared.parts.clock.now_ms());
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, most)
        .await
        .map_err(|error| Problem::of_framework(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()))?;
    let asked = digest_of(&parts, &body);
    let held = once.hold(key)?;
    if let Some(kept) = kept(store, &held.key, now_ms).await? {
        return if kept.request == asked { Ok(replayed(kept)) } else { Err(Problem::key_reused()) };
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !answer.status().is_success() {
        return Ok(answer);
    }
    Ok(once.keep(store, &held.key, asked, answer, now_ms).await)
}

impl Once {
    fn hold(&self, key: String) -> Result<Held<'_>, Problem> {
        if self.under_way.lock().insert(key.clone()) { Ok(Held { once: self, key }) } else { Err(Problem::in_flight()) }
    }

    /// Keeps an answer before it is given: who does not get it asks again, and gets this one. What was done is done: if it
    /// cannot be kept, it is given all the same.
    async fn keep(&self, store: &dyn Store, key: &str, request: String, answer: Response, at_ms: u64) -> Response {
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let text = String::from_utf8(body.to_vec()).ok().filter(|text| text.len() <= MOST_BYTES_OF_ONE);
        if let Some(text) = text {
            let etag = parts.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            let kept = Kept { at_ms, request, status: parts.status.as_u16(), etag, body: text };
            if let Err(error) = self.write(store, key, &kept).await {
                tracing::error!(%error, "an answer could not be kept for its idempotency key");
            }
        } else {
            tracing::warn!(bytes = body.len(), "an answer is too large to be kept for its idempotency key");
        }
        Response::from_parts(parts, Body::from(body))
    }

    async fn write(&self, store: &dyn Store, key: &str, kept: &Kept) -> Result<(), StoreError> {
        let value = Bytes::from(serde_json::to_vec(kept).expect("own types always encode into memory"));
        let size = Size { at_ms: kept.at_ms, bytes: value.len() };
        let mut sizes = self.sizes(store).await?.lock().await;
        let gone = too_many(&sizes, size);
        let mut documents: Vec<NewDocument> =
            gone.iter().map(|key| (DOCUMENT.into(), key.as_str().into(), None)).collect();
        documents.push((DOCUMENT.into(), key.into(), Some(value)));
        store.put_documents(documents).await?;
        sizes.retain(|key, _| !gone.contains(key));
        sizes.insert(key.to_owned(), size);
        Ok(())
    }

    async fn sizes(&self, store: &dyn Store) -> Result<&tokio::sync::Mutex<HashMap<String, Size>>, StoreError> {
        let load = || async {
            let documents = store.documents(DOCUMENT).await?;
            let size = |value: &Bytes| {
                let at_ms = serde_json::from_slice::<Kept>(value).map_or(0, |kept| kept.at_ms);
                Size { at_ms, bytes: value.len() }
            };
            let sizes = documents.iter().map(|(key, value)| (key.to_string(), size(value))).collect();
            Ok(tokio::sync::Mutex::new(sizes))
        };
        self.kept.get_or_try_init(load).await
    }
}

/// What goes when one more comes: what is too old, then the oldest until it has room.
fn too_many(sizes: &HashMap<String, Size>, new: Size) -> HashSet<String> {
    let mut by_age: Vec<(&String, Size)> = sizes.iter().map(|(key, size)| (key, *size)).collect();
    by_age.sort_by_key(|(_, size)| size.at_ms);
    let (mut left, mut sum) = (by_age.len(), by_age.iter().map(|(_, size)| size.bytes).sum::<usize>());
    let mut gone = HashSet::new();
    for (key, size) in by_age {
        if size.at_ms + KEPT_MS > new.at_ms && left < MOST && sum + new.bytes <= MOST_BYTES {
            break;
        }
        (left, sum) = (left - 1, sum - size.bytes);
        gone.insert(key.clone());
    }
    gone
}

async fn kept(store: &dyn Store, key: &str, now_ms: u64) -> Result<Option<Kept>, Problem> {
    let document = store.document(DOCUMENT, key).await?;
    let kept = document.and_then(|value| serde_json::from_slice::<Kept>(&value).ok());
    Ok(kept.filter(|kept| kept.at_ms + KEPT_MS > now_ms))
}

fn replayed(kept: Kept) -> Response {
    let mut answer = Response::new(Body::from(kept.body));
    *answer.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAY, HeaderValue::from_static("true"));
    if let Some(tag) = kept.etag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        headers.insert(header::ETAG, tag);
    }
    answer
}

fn digest_of(parts: &Parts, body: &[u8]) -> String {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    digest(&[parts.method.as_str().as_bytes(), path.as_bytes(), body])
}

/// Each part with its length, so that no two lists of parts are the same text.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use storage::Model;

    use super::*;

    fn answer(body: &str) -> Response {
        Response::new(Body::from(body.to_owned()))
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_a_day_and_over_a_restart() {
        let store = Model::new();
        Once::default().keep(&*store, "k", "asked".into(), answer("{}"), 1_000).await;
        assert!(kept(&*store, "k", 1_000 + KEPT_MS - 1).await.unwrap().is_some());
        assert!(kept(&*store, "k", 1_000 + KEPT_MS).await.unwrap().is_none());
        Once::default().keep(&*store, "l", "asked".into(), answer("{}"), 1_000 + KEPT_MS).await;
        let left: Vec<_> = store.documents(DOCUMENT).await.unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(left, ["l".into()], "what is too old goes when the next one comes");
    }

    #[tokio::test]
    async fn the_oldest_answers_go_when_there_is_no_room() {
        let (store, once) = (Model::new(), Once::default());
        let large = "x".repeat(MOST_BYTES_OF_ONE - 1_000);
        for index in 0..70 {
            once.keep(&*store, &format!("k{index:02}"), String::new(), answer(&large), index).await;
        }
        let left = store.documents(DOCUMENT).await.unwrap();
        assert!(left.iter().map(|(_, value)| value.len()).sum::<usize>() <= MOST_BYTES);
        assert!(left.iter().all(|(key, _)| &**key != "k00") && left.iter().any(|(key, _)| &**key == "k69"));
        once.keep(&*store, "huge", String::new(), answer(&"x".repeat(MOST_BYTES_OF_ONE + 1)), 99).await;
        assert!(store.document(DOCUMENT, "huge").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_was_done_is_answered_although_its_answer_cannot_be_kept() {
        let (store, once) = (Model::new(), Once::default());
        once.keep(&*store, "k", String::new(), answer("{}"), 0).await;
        store.fail("the disk is full");
        let given = once.keep(&*store, "l", String::new(), answer("{\"id\":1}"), KEPT_MS).await;
        assert_eq!(
            (given.status(), to_bytes(given.into_body(), 100).await.unwrap()),
            (StatusCode::OK, "{\"id\":1}".into())
        );
        let sizes = once.kept.get().unwrap().lock().await;
        assert!(sizes.contains_key("k") && !sizes.contains_key("l"), "what is not in the store is not counted");
    }

    #[test]
    fn a_key_of_one_caller_is_none_of_another() {
        let of = |who: &str, text: &'static str| {
            key(&HeaderMap::from_iter([(HeaderName::from_static(KEY), HeaderValue::from_static(text))]), who).unwrap()
        };
        assert_eq!(of("token:ci", "k1"), of("token:ci", "k1"));
        assert_ne!(of("token:ci", "k1"), of("token:shop", "k1"));
        assert_ne!(of("token:c", "ik1"), of("token:ci", "k1"), "the parts are told apart");
        assert_eq!(key(&HeaderMap::new(), "token:ci").unwrap(), None);
    }

    #[tokio::test]
    async fn a_key_is_held_by_one_request_at_a_time() {
        let once = Once::default();
        let held = once.hold("k".into()).unwrap();
        assert!(once.hold("k".into()).is_err() && once.hold("l".into()).is_ok());
        drop(held);
        assert!(once.hold("k".into()).is_ok());
    }
}
