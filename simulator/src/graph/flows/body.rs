//! The members of a call, which may come as JSON, as a form with parts, or as an encoded form.

use bytes::Bytes;
use http::header;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::super::error::Refusal;
use super::super::multipart;

/// What a call was given.
#[derive(Debug, Default)]
pub(in crate::graph) struct Form {
    pub(in crate::graph) values: Map<String, Value>,
    /// The part named `file`, with its media type.
    pub(in crate::graph) file: Option<(Bytes, Option<String>)>,
}

/// Reads the members, whichever form they have; an empty body has none.
pub(in crate::graph) fn form(parts: &Parts, body: &Bytes) -> Result<Form, Refusal> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Form::default());
    }
    let bare = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match bare.as_str() {
        "multipart/form-data" => of_parts(kind, body),
        "application/x-www-form-urlencoded" => encoded(body),
        _ => match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Form { values, file: None }),
            Ok(_) => Err(Refusal::parameter("The request body must be a JSON object.")),
            Err(e) => Err(Refusal::parameter(format!("The request body is not JSON: {e}"))),
        },
    }
}

fn of_parts(kind: Option<&str>, body: &Bytes) -> Result<Form, Refusal> {
    let mut form = Form::default();
    for part in multipart::parts(kind, body).map_err(Refusal::parameter)? {
        if part.name == "file" {
            form.file = Some((part.bytes, part.mime));
            continue;
        }
        let text =
            std::str::from_utf8(&part.bytes).map_err(|_| Refusal::parameter("A part of the form is no text."))?;
        form.values.insert(part.name, json!(text));
    }
    Ok(form)
}

fn encoded(body: &Bytes) -> Result<Form, Refusal> {
    let broken = || Refusal::parameter("The request body is not an encoded form.");
    let text = std::str::from_utf8(body).map_err(|_| broken())?;
    let mut url = reqwest::Url::parse("http://form/").map_err(|_| broken())?;
    url.set_query(Some(text.trim()));
    let pairs = url.query_pairs().map(|(key, value)| (key.into_owned(), json!(value)));
    Ok(Form { values: pairs.collect(), file: None })
}

impl Form {
    /// A text, however it was written.
    pub(in crate::graph) fn text(&self, key: &str) -> Result<Option<&str>, Refusal> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::parameter(format!("Param {key} must be a string."))),
        }
    }

    /// A truth value, which forms carry as text.
    pub(in crate::graph) fn flag(&self, key: &str) -> Result<bool, Refusal> {
        match self.values.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(_) => Err(Refusal::parameter(format!("Param {key} must be a boolean."))),
        }
    }
}
