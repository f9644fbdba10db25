//! Bots in the body of a request: JSON or YAML, checked.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use chatbot::{Bot, Diagnostic, Format, Loaded};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::admin::problem::Problem;
use crate::bots::Expected;

/// The body and its syntax: as `Content-Type` says, else by its first character.
pub(super) fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<(String, Format), Problem> {
    let body = body.map_err(|error| Problem::of_framework(error.status(), &error.body_text()))?;
    let format = format(headers, &body)?;
    let text = String::from_utf8(body.into()).map_err(|_| Problem::bad_request("the body is not UTF-8"))?;
    Ok((text, format))
}

fn format(headers: &HeaderMap, body: &[u8]) -> Result<Format, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Format::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(Format::Yaml),
        // What curl says when it is told nothing.
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" | "text/plain" => {
            let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
            Ok(if first == Some(&b'{') { Format::Json } else { Format::Yaml })
        }
        other => {
            let detail = format!("a body of type {other:?} is no bot");
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
                .hint("send application/json or application/yaml"))
        }
    }
}

pub(super) fn load(name: &str, text: &str, format: Format) -> Loaded {
    let extension = if format == Format::Json { "json" } else { "yaml" };
    chatbot::load(text, &format!("{name}.{extension}"), format)
}

/// The bot, or everything that is wrong with it.
pub(super) fn whole(loaded: Loaded) -> Result<(Bot, Vec<Diagnostic>), Problem> {
    let Loaded { bot, diagnostics, .. } = loaded;
    let Some(bot) = bot else { return Err(invalid(&diagnostics)) };
    Ok((bot, diagnostics))
}

pub(super) fn invalid(diagnostics: &[Diagnostic]) -> Problem {
    let errors = diagnostics.iter().filter(|found| found.is_error()).count();
    let first = diagnostics.iter().find(|found| found.is_error());
    let detail = match (errors, first) {
        (1, Some(first)) => format!("{} ({}:{}:{})", first.message, first.file, first.line, first.column),
        _ => format!("the bot has {errors} errors"),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-bot", detail)
        .hint("each diagnostic says where and what to do; `parlance explain CODE` tells more")
        .with("diagnostics", json!(diagnostics))
}

/// What `If-Match` and `If-None-Match` ask for.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Ok(Expected::Anything),
        (Some("*"), None) => Ok(Expected::Something),
        (Some(tags), None) => {
            // Weak tags match nothing here, as HTTP has it.
            let tag = |tag: &str| Some(tag.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned());
            Ok(Expected::OneOf(tags.split(',').filter_map(tag).collect()))
        }
        (None, Some("*")) => Ok(Expected::Nothing),
        (_, Some(_)) => Err(Problem::bad_request("If-None-Match may be * only, and not go with If-Match")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), http::HeaderValue::from_static(value))])
    }

    #[test]
    fn syntax_follows_the_content_type_or_the_first_character() {
        let of = |value, body: &[u8]| format(&headers("content-type", value), body).ok();
        assert_eq!(of("application/json; charset=utf-8", b"id: x"), Some(Format::Json));
        assert_eq!(of("text/yaml", b"{}"), Some(Format::Yaml));
        assert_eq!(of("application/octet-stream", b" \n{"), Some(Format::Json));
        assert_eq!(of("text/plain", b"id: x"), Some(Format::Yaml));
        assert_eq!(of("image/png", b"{}"), None);
    }

    #[test]
    fn tags_are_compared_whole() {
        let of = |name, value| expected(&headers(name, value)).ok();
        assert_eq!(of("if-match", "*"), Some(Expected::Something));
        assert_eq!(of("if-match", "\"a\", W/\"b\", c"), Some(Expected::OneOf(vec!["a".into()])));
        assert_eq!(of("if-none-match", "*"), Some(Expected::Nothing));
        assert_eq!(of("if-none-match", "\"a\""), None);
        assert_eq!(expected(&HeaderMap::new()).ok(), Some(Expected::Anything));
    }
}
