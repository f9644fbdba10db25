//! What requests bring along: bodies and queries, and what is wrong with them.

use std::error::Error;

use axum::Json;
use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::rejection::{BytesRejection, JsonRejection, QueryRejection};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::problem::{Problem, Wrong};

/// A query as handlers take it, so that [`read`] says what is wrong.
pub(super) type Asked<T> = Result<Query<T>, QueryRejection>;

/// The query, or which of its parameters is wrong.
pub(super) fn read<T>(query: Asked<T>) -> Result<T, Problem> {
    let told = match query {
        Ok(Query(query)) => return Ok(query),
        Err(error) => error.body_text(),
    };
    let Some(at) = told.find("unknown field ") else { return Err(Problem::bad_request(told)) };
    let mut quoted = told.split_at(at).1.split('`').skip(1).step_by(2);
    let name = quoted.next().unwrap_or_default();
    Err(Problem::unknown_parameter(name, quoted))
}

/// The body, or why it is none: too large, of another type, not JSON, of another shape.
pub(super) fn read_json<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let error = match body {
        Ok(Json(body)) => return Ok(body),
        Err(error) => error,
    };
    let status = error.status();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(found) = found.downcast_ref::<serde_path_to_error::Error<serde_json::Error>>() {
            return Err(wrong_shape(found, || false));
        }
        cause = found.source();
    }
    Err(Problem::of_framework(status, &error.body_text()))
}

/// The JSON of a body, whatever its header says; nothing is what is usual.
pub(super) fn read_or_default<T: DeserializeOwned + Default>(
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    let body = body.map_err(|error| Problem::of_framework(error.status(), &error.body_text()))?;
    match body.trim_ascii() {
        [] => Ok(T::default()),
        body => read_text(body),
    }
}

/// A JSON text of this shape.
pub(super) fn read_text<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // A list where one of some words is wanted is told like a mistake of the JSON.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        wrong_shape(&error, is_json)
    })?;
    reader.end().map_err(|error| Problem::bad_request(format!("the body is not JSON: {error}")))?;
    Ok(read)
}

fn wrong_shape(error: &serde_path_to_error::Error<serde_json::Error>, is_json: impl FnOnce() -> bool) -> Problem {
    let told = error.inner().to_string();
    if error.inner().classify() != Category::Data && !is_json() {
        return Problem::bad_request(format!("the body is not JSON: {told}"));
    }
    let pointer = pointer(error.path());
    let place = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", format!("{place}{told}")).errors([Wrong::of_serde(
        pointer,
        "invalid-body",
        &told,
    )])
}

/// RFC 6901.
fn pointer(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => "/?".to_owned(),
    };
    path.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[serde(default)]
        #[allow(dead_code)] // read to be refused
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[allow(dead_code)] // read to be refused
        count: u8,
    }

    fn refused(text: &str) -> Problem {
        read_text::<Order>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_wrong_member_is_named_by_its_place_and_the_nearest_name() {
        let errors = refused(r#"{"lines": [{"count": 1}, {"cuont": 2}]}"#).to_json()["errors"].take();
        assert_eq!((&errors[0]["pointer"], &errors[0]["suggestion"]), (&json!("/lines/1/cuont"), &json!("count")));
        let errors = refused(r#"{"lines": [{"count": 256}]}"#).to_json()["errors"].take();
        assert_eq!((&errors[0]["pointer"], &errors[0]["code"]), (&json!("/lines/0/count"), &json!("PAR-0122")));
    }

    #[test]
    fn what_is_no_json_is_malformed_and_what_is_no_order_invalid() {
        for (text, status) in
            [("{", 400), ("", 400), ("{}}", 400), ("[1]", 422), ("\"x\"", 422), (&"[".repeat(1_000), 422)]
        {
            assert_eq!(refused(text).to_json()["status"], status, "{text}");
        }
        assert!(read_or_default::<Order>(Ok(Bytes::from_static(b" \n"))).is_ok());
    }
}
