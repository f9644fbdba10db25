//! The body of a call. Values of a JSON body are encoded, never spliced: a string that is exactly one `{{ expression }}`
//! becomes the value with its type, in any other string the expressions become text of that string.

use serde_json::Value;

use crate::bot::read::{At, Reader, list};
use crate::caps;
use crate::explain;
use crate::expr::scope::json_bytes;
use crate::expr::{Template, to_json};
use crate::http::HttpBody;
use crate::tree::Kind;
use crate::turn::{Fault, Walk};

use super::{parts, request};

pub(super) enum Body {
    Json(Json),
    Form(Vec<(String, Template)>),
    Multipart(Vec<(String, Template)>),
    Raw { text: Template, content_type: String },
}

pub(super) enum Json {
    Fixed(Value),
    Text(Template),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

const KINDS: &[&str] = &["json", "form", "multipart", "raw"];
const PLAIN: &str = "text/plain; charset=utf-8";

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Body> {
    let fields = reader.fields(at, KINDS)?;
    let given: Vec<&str> = KINDS.iter().copied().filter(|kind| fields.get(kind).is_some()).collect();
    let [kind] = given[..] else {
        reader.report(explain::WRONG_VALUE, at, format!("`body` needs exactly one of {}", list(KINDS)));
        return None;
    };
    let inner = fields.get(kind)?;
    match kind {
        "json" => json(reader, &inner).map(Body::Json),
        "form" => Some(Body::Form(named(reader, &inner))),
        "multipart" => Some(Body::Multipart(named(reader, &inner))),
        _ => raw(reader, &inner),
    }
}

/// A text, or `{text, content_type}`.
fn raw(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Body> {
    if !matches!(at.node.kind, Kind::Map(_)) {
        return Some(Body::Raw { text: reader.template(at)?, content_type: PLAIN.to_owned() });
    }
    let fields = reader.fields(at, &["text", "content_type"])?;
    let text = reader.required(&fields, "text").and_then(|at| reader.template(&at));
    let content_type = match fields.get("content_type") {
        Some(at) => {
            let given = reader.text(&at)?;
            if given.is_empty() || !given.chars().all(|c| matches!(c, ' '..='~')) {
                super::refuse(reader, &at, format!("`{}` is not a content type", crate::expr::clip(&given)));
            }
            given
        }
        None => PLAIN.to_owned(),
    };
    Some(Body::Raw { text: text?, content_type })
}

fn named(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Template)> {
    let mut named = Vec::new();
    let entries = reader.entries(at);
    request::too_many(reader, at, entries.len());
    for (entry, at) in entries {
        named.extend(reader.template(&at).map(|text| (entry.key.clone(), text)));
    }
    named
}

fn json(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Json> {
    Some(match &at.node.kind {
        Kind::Text(_) => match reader.template(at)? {
            Template::Plain(text) => Json::Fixed(Value::String(text)),
            template => Json::Text(template),
        },
        Kind::List(_) => {
            let items = reader.list(at);
            Json::List(items.iter().filter_map(|item| json(reader, item)).collect())
        }
        Kind::Map(_) => {
            let mut entries = Vec::new();
            for (entry, at) in reader.entries(at) {
                entries.extend(json(reader, &at).map(|value| (entry.key.clone(), value)));
            }
            Json::Map(entries)
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Json::Fixed(at.node.to_json()),
    })
}

impl Body {
    pub(super) fn fill(&self, walk: &Walk<'_>) -> Result<HttpBody, Fault> {
        let fields = |named: &[(String, Template)]| -> Result<Vec<(String, String)>, Fault> {
            named.iter().map(|(name, text)| Ok((name.clone(), parts::text(walk, text)?))).collect()
        };
        let body = match self {
            Body::Json(json) => {
                let value = json.fill(walk)?;
                Fault::if_deep("the body", &value)?;
                HttpBody::Json(value)
            }
            Body::Form(named) => HttpBody::Form(fields(named)?),
            Body::Multipart(named) => HttpBody::Multipart(fields(named)?),
            Body::Raw { text, content_type } => {
                HttpBody::Raw { text: parts::text(walk, text)?, content_type: content_type.clone() }
            }
        };
        parts::within("the body", bytes(&body), caps::MAX_HTTP_BODY)?;
        Ok(body)
    }
}

fn bytes(body: &HttpBody) -> usize {
    match body {
        HttpBody::Json(value) => json_bytes(value),
        HttpBody::Form(fields) | HttpBody::Multipart(fields) => {
            fields.iter().map(|(name, text)| name.len() + text.len()).sum()
        }
        HttpBody::Raw { text, .. } => text.len(),
    }
}

impl Json {
    fn fill(&self, walk: &Walk<'_>) -> Result<Value, Fault> {
        match self {
            Json::Fixed(value) => Ok(value.clone()),
            Json::List(items) => items.iter().map(|item| item.fill(walk)).collect(),
            Json::Map(entries) => entries.iter().map(|(key, value)| Ok((key.clone(), value.fill(walk)?))).collect(),
            Json::Text(template) => match template.of(walk.scope()) {
                Template::Typed(expr) => {
                    let value = expr.value(walk.scope()).map_err(Fault::evaluation)?;
                    if value.is_undefined() {
                        return Err(parts::missing(expr.source()));
                    }
                    to_json(&value).map_err(Fault::failed)
                }
                other => parts::text(walk, other).map(Value::String),
            },
        }
    }
}
