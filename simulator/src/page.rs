//! The phone page: the bundle of `console/`, built and committed, read from the binary.
//!
//! A debug build reads `console/dist` from the source tree at each request, so that a new bundle shows at once.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../console/dist/"]
struct Bundle;

/// Nothing inline, nothing from elsewhere, no frame around it. Images of forms come as base64 inside of JSON.
const POLICY: &str = "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'; style-src 'self'; img-src 'self' data: blob:";

/// For files whose name holds the hash of what is in them.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// For files that the next version has under the same name: asked again each time, by their `ETag`.
const ASK_AGAIN: &str = "no-cache";

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { file("index.html", ASK_AGAIN, &headers) }))
        .route("/icon.svg", get(|headers: HeaderMap| async move { file("icon.svg", ASK_AGAIN, &headers) }))
        .route("/licences.txt", get(|headers: HeaderMap| async move { file("licences.txt", ASK_AGAIN, &headers) }))
        .route("/assets/{name}", get(asset))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    // A debug build reads files: nothing may lead out of the folder.
    let path = if name.contains('/') { String::new() } else { format!("assets/{name}") };
    file(&path, FOREVER, &headers)
}

fn file(path: &str, caching: &'static str, asked: &HeaderMap) -> Response {
    let (Some(kind), Some(file)) = (kind(path), Bundle::get(path)) else {
        return (StatusCode::NOT_FOUND, "the page has no such file\n").into_response();
    };
    let tag = tag(&file);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|tags| names(tags.as_bytes(), &tag));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, caching),
    ];
    let tagged = [(header::ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, headers, tagged).into_response();
    }
    (headers, tagged, file.data.into_owned()).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", hex::encode(file.metadata.sha256_hash()))
}

/// Whether a list of tags, strong or weak, holds this one.
fn names(tags: &[u8], tag: &str) -> bool {
    let Ok(tags) = std::str::from_utf8(tags) else { return false };
    tags.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
}

/// The content type of everything that a bundle holds; nothing else is served.
fn kind(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists() {
        for tags in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(names(tags.as_bytes(), "\"a\""), "{tags}");
        }
        for tags in ["", "\"b\"", "a", "\"ab\""] {
            assert!(!names(tags.as_bytes(), "\"a\""), "{tags}");
        }
    }

    #[test]
    fn everything_in_the_bundle_has_a_content_type() {
        let names: Vec<_> = Bundle::iter().collect();
        assert!(names.iter().any(|name| name == "index.html"));
        for name in names {
            assert!(kind(&name).is_some(), "{name}");
        }
    }
}
