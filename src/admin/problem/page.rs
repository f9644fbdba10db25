//! `GET /problems/KIND`: what a kind of problem means, for people who follow the `type` of an answer.

use std::fmt::Write as _;

use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

use super::Problem;
use super::kinds::{self, Kind};

/// The page of a kind.
pub(in super::super) async fn one(Path(name): Path<String>) -> Result<Response, Problem> {
    let kind = kinds::by_name(&name).ok_or_else(|| Problem::not_found("there is no such kind of problem"))?;
    let Kind { name, code, title, when, handle } = kind;
    let body = format!(
        "<h1>{}</h1>\n<p><code>{name}</code> · <code>{code}</code></p>\n<h2>When it comes</h2>\n<p>{}</p>\n<h2>What to \
         do</h2>\n<p>{}</p>\n",
        escaped(title),
        escaped(when),
        escaped(handle)
    );
    Ok(page(title, &body))
}

/// All kinds.
pub(in super::super) async fn all() -> Response {
    let mut body = "<h1>Problems</h1>\n<ul>\n".to_owned();
    for kind in kinds::ALL {
        let (name, code, title) = (kind.name, kind.code, escaped(kind.title));
        let _infallible = writeln!(body, "<li><a href=\"/problems/{name}\">{code}</a> {title}</li>");
    }
    page("Problems", &(body + "</ul>\n"))
}

fn page(title: &str, body: &str) -> Response {
    let title = escaped(title);
    let page =
        format!("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n{body}</html>\n");
    let mut answer = Html(page).into_response();
    answer.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    answer
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
