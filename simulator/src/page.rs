//! The phone page: plain files, built into the binary.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

/// No inline script or style, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("../page/index.html"))))
        .route("/phone.css", get(|| file("text/css; charset=utf-8", include_str!("../page/phone.css"))))
        .route("/phone.js", get(|| file("text/javascript; charset=utf-8", include_str!("../page/phone.js"))))
        .route("/drawer.js", get(|| file("text/javascript; charset=utf-8", include_str!("../page/drawer.js"))))
        .route("/attach.js", get(|| file("text/javascript; charset=utf-8", include_str!("../page/attach.js"))))
        .route("/bubble.js", get(|| file("text/javascript; charset=utf-8", include_str!("../page/bubble.js"))))
        .route("/icon.svg", get(|| file("image/svg+xml", include_str!("../page/icon.svg"))))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
