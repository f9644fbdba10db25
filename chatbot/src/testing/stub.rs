//! Stand-ins for the programs that `http` nodes call: `http_stub` answers, `expect_http` looks at what was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::fits;
use crate::bot::read::{At, Fields, Reader, list};
use crate::explain;
use crate::http::{HttpAuth, HttpBody, HttpCall, HttpOutcome, HttpText};
use crate::tree::Kind;

/// Which calls are answered, and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stub {
    method: Option<String>,
    url: String,
    pub(super) outcome: HttpOutcome,
    /// How many calls it answers; `None` for all.
    pub(super) times: Option<u32>,
    pub(super) delay_ms: u64,
}

/// What a call must be; all of it must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WantedCall {
    method: Option<String>,
    url: Option<String>,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Stub> {
    let fields = reader.fields(at, &["method", "url", "answer", "times", "delay"])?;
    let url = reader.required(&fields, "url").and_then(|at| reader.text(&at));
    let method = fields.get("method").and_then(|at| reader.text(&at)).map(|method| method.to_uppercase());
    let times = fields.get("times").and_then(|at| reader.count(&at, 1, 1_000));
    let delay_ms = fields.get("delay").and_then(|at| reader.duration_ms(&at)).unwrap_or_default();
    let outcome = match fields.get("answer") {
        Some(at) => read_answer(reader, &at)?,
        None => answer(200, None, String::new()),
    };
    Some(Stub { method, url: url?, outcome, times, delay_ms })
}

fn answer(status: u16, content_type: Option<&str>, body: String) -> HttpOutcome {
    HttpOutcome::Answer { status, content_type: content_type.map(str::to_owned), body }
}

fn read_answer(reader: &mut Reader<'_>, at: &At<'_>) -> Option<HttpOutcome> {
    if !matches!(at.node.kind, Kind::Map(_)) {
        return Some(match reader.word(at, &["timeout", "unreachable"])? {
            "timeout" => HttpOutcome::Timeout,
            _ => HttpOutcome::Unreachable { why: "the test says so".to_owned() },
        });
    }
    let fields = reader.fields(at, &["status", "json", "text", "content_type"])?;
    let status = fields.get("status").and_then(|at| reader.count(&at, 100, 599)).unwrap_or(200);
    let given = fields.get("content_type").and_then(|at| reader.text(&at));
    let (kind, body) = match (fields.get("json"), fields.get("text")) {
        (Some(_), Some(second)) => {
            reader.report(explain::WRONG_VALUE, &second, "an answer has `json` or `text`, not both");
            return None;
        }
        (Some(json), None) => (Some("application/json"), json.node.to_json().to_string()),
        (None, Some(text)) => (Some("text/plain"), reader.text(&text)?),
        (None, None) => (None, String::new()),
    };
    Some(answer(u16::try_from(status).unwrap_or(200), given.as_deref().or(kind), body))
}

pub(super) fn read_wanted(reader: &mut Reader<'_>, at: &At<'_>) -> Option<WantedCall> {
    const KEYS: &[&str] = &["method", "url", "query", "headers", "json", "form", "text"];
    let errors = reader.error_count();
    let fields = reader.fields(at, KEYS)?;
    let text = |reader: &mut Reader<'_>, key: &str| fields.get(key).and_then(|at| reader.text(&at));
    let wanted = WantedCall {
        method: text(reader, "method").map(|method| method.to_uppercase()),
        url: text(reader, "url"),
        query: named(reader, &fields, "query"),
        headers: named(reader, &fields, "headers"),
        form: named(reader, &fields, "form"),
        json: fields.get("json").map(|at| at.node.to_json()),
        text: text(reader, "text"),
    };
    if wanted == WantedCall::default() && reader.error_count() == errors {
        reader.report(explain::MISSING_KEY, at, format!("a call is expected by some of {}", list(KEYS)));
    }
    Some(wanted)
}

fn named(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str) -> BTreeMap<String, String> {
    let Some(at) = fields.get(key) else { return BTreeMap::new() };
    let written = |node: &crate::tree::Node| match node.to_json() {
        Value::String(text) => text,
        other => other.to_string(),
    };
    reader.entries(&at).into_iter().map(|(entry, at)| (entry.key.clone(), written(at.node))).collect()
}

impl Stub {
    pub(super) fn new(method: &str, url: &str, outcome: HttpOutcome, times: u32, delay_ms: u64) -> Self {
        Self { method: Some(method.to_owned()), url: url.to_owned(), outcome, times: Some(times), delay_ms }
    }

    pub(super) fn answers(&self, call: &HttpCall) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method) && is_url(&self.url, call)
    }
}

impl WantedCall {
    /// What does not hold, if anything.
    pub(super) fn differs(&self, call: &HttpCall) -> Option<String> {
        if let Some(method) = self.method.as_ref().filter(|method| **method != call.method) {
            return Some(format!("the method is {}, not {method}", call.method));
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_url(url, call)) {
            return Some(format!("the address is not `{url}`"));
        }
        let query: Vec<_> = call.query.iter().map(|(name, text)| (name.clone(), text.to_string())).collect();
        entry_differs("parameter", &self.query, &query)
            .or_else(|| entry_differs("header", &self.headers, &headers(call)))
            .or_else(|| self.body_differs(call.body.as_ref()))
    }

    fn body_differs(&self, body: Option<&HttpBody>) -> Option<String> {
        if let Some(wanted) = &self.json {
            let holds = matches!(body, Some(HttpBody::Json(got)) if fits(wanted, got));
            return (!holds).then(|| format!("the body is not the JSON {wanted}"));
        }
        if let Some(wanted) = &self.text {
            let holds = matches!(body, Some(HttpBody::Raw { text, .. }) if text == wanted);
            return (!holds).then(|| format!("the body is not the text {}", Value::from(wanted.as_str())));
        }
        let fields = match body {
            Some(HttpBody::Form(fields) | HttpBody::Multipart(fields)) => fields.clone(),
            _ => Vec::new(),
        };
        entry_differs("field", &self.form, &fields)
    }
}

fn entry_differs(thing: &str, wanted: &BTreeMap<String, String>, got: &[(String, String)]) -> Option<String> {
    wanted.iter().find_map(|(name, value)| {
        let found = got.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        match found {
            Some(found) if found == value => None,
            Some(found) => Some(format!("the {thing} `{name}` is `{found}`, not `{value}`")),
            None => Some(format!("there is no {thing} `{name}`")),
        }
    })
}

/// `*` stands for any text; a pattern without `?` is held against the address without its parameters.
fn is_url(pattern: &str, call: &HttpCall) -> bool {
    let url = with_query(call);
    let url = if pattern.contains('?') { url.as_str() } else { url.split('?').next().unwrap_or_default() };
    let mut parts = pattern.split('*');
    let Some(mut rest) = url.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

fn with_query(call: &HttpCall) -> String {
    let mut url = call.url.clone();
    for (name, text) in &call.query {
        let mark = if url.contains('?') { '&' } else { '?' };
        // A name of a secret is shown as it is.
        let value = if text.secrets().next().is_some() { text.to_string() } else { encoded(&text.to_string()) };
        let _infallible = write!(url, "{mark}{}={value}", encoded(name));
    }
    url
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                let _infallible = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// All headers that the author decides, secrets by name.
fn headers(call: &HttpCall) -> Vec<(String, String)> {
    let written = |(name, text): &(String, HttpText)| (name.clone(), text.to_string());
    let mut headers: Vec<_> = call.headers.iter().map(written).collect();
    match &call.auth {
        Some(HttpAuth::Bearer(token)) => headers.push(("Authorization".into(), format!("Bearer {token}"))),
        Some(HttpAuth::Basic { user, password }) => {
            headers.push(("Authorization".into(), format!("Basic {user}:{password}")));
        }
        None => {}
    }
    match &call.body {
        Some(HttpBody::Json(_)) => headers.push(("Content-Type".into(), "application/json".into())),
        Some(HttpBody::Raw { content_type, .. }) => headers.push(("Content-Type".into(), content_type.clone())),
        _ => {}
    }
    if call.idempotency {
        headers.push(("Idempotency-Key".into(), call.id.clone()));
    }
    headers
}

/// A call as one reads it, several lines.
pub(super) fn shown(call: &HttpCall) -> String {
    let mut out = format!("  {} {}", call.method, with_query(call));
    for (name, value) in headers(call) {
        let _infallible = write!(out, "\n  {name}: {value}");
    }
    let body = match &call.body {
        Some(HttpBody::Json(value)) => value.to_string(),
        Some(HttpBody::Raw { text, .. }) => text.clone(),
        Some(HttpBody::Form(fields) | HttpBody::Multipart(fields)) => {
            fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n  ")
        }
        None => return out,
    };
    let _infallible = write!(out, "\n  {}", crate::expr::clip(&body));
    out
}
