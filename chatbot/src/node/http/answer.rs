//! What an `http` node takes from an answer: the status that it wants, values by JSONPath, the whole body.
//!
//! * A path that names one place gives the value there; where there is none, its `default`, else the port is `bad_body`.
//!   Any other path gives the list of what it finds, which may be empty.
//! * `filter` keeps the elements of an extracted list for which it holds.
//! * `save` gets the value of a JSON body (by its type), else its text.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::bot::read::{At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::expr::Expr;
use crate::expr::scope::json_bytes;
use crate::http::{HttpDone, HttpOutcome};
use crate::trace::{Trace, Why};
use crate::tree::Kind;
use crate::turn::Walk;

use super::path::{self, Found, Path};

/// What is taken.
pub(super) struct Taking {
    expect: Vec<RangeInclusive<u16>>,
    extract: Vec<Extract>,
    save: Option<String>,
}

struct Extract {
    variable: String,
    path: Path,
    default: Option<Value>,
    filter: Option<Expr>,
}

/// Why nothing was taken.
pub(super) struct Trouble {
    pub(super) port: &'static str,
    pub(super) message: String,
    pub(super) why: Why,
}

impl Trouble {
    fn new(port: &'static str, message: impl Into<String>, how: &str, result: impl Into<Value>) -> Self {
        Self { port, message: message.into(), why: Why::said(how, result) }
    }

    fn bad_body(status: u16, message: impl Into<String>) -> Self {
        Self::new("bad_body", message, "status", status)
    }
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Taking {
    let expect = match fields.get("expect_status") {
        Some(at) => read_expect(reader, &at),
        None => vec![200..=299],
    };
    let mut extract = fields.get("extract").map(|at| read_extract(reader, &at)).unwrap_or_default();
    if let Some(at) = fields.get("filter") {
        read_filter(reader, &at, &mut extract);
    }
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    Taking { expect, extract, save }
}

/// A status, a class such as `2xx`, a range such as `200-204`, or a list of them.
fn read_expect(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<RangeInclusive<u16>> {
    match at.node.kind {
        Kind::List(_) => {
            let items = reader.list(at);
            items.iter().filter_map(|item| read_status(reader, item)).collect()
        }
        _ => read_status(reader, at).into_iter().collect(),
    }
}

fn read_status(reader: &mut Reader<'_>, at: &At<'_>) -> Option<RangeInclusive<u16>> {
    if matches!(at.node.kind, Kind::Number(_)) {
        let status = reader.count(at, 100, 599).and_then(|status| u16::try_from(status).ok())?;
        return Some(status..=status);
    }
    let text = reader.text(at)?;
    let found = statuses(&text);
    if found.is_none() {
        reader.report(explain::WRONG_VALUE, at, format!("`{text}` is not a status")).help =
            Some("write 200, 2xx or 200-204".to_owned());
    }
    found
}

fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = match text.strip_suffix("xx") {
        Some(class) => {
            let from = class.parse::<u16>().ok().filter(|class| (1..=5).contains(class))? * 100;
            (from, from + 99)
        }
        None => {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            (from.trim().parse().ok()?, to.trim().parse().ok()?)
        }
    };
    (from >= 100 && from <= to && to <= 599).then_some(from..=to)
}

fn read_extract(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Extract> {
    let entries = reader.entries(at);
    if entries.len() > caps::MAX_EXTRACTS {
        let message = format!("{} variables, one answer may set {}", entries.len(), caps::MAX_EXTRACTS);
        reader.report(explain::TOO_MANY, at, message);
    }
    let mut extract = Vec::new();
    for (entry, at) in entries {
        let named = reader.variable_name(&entry.key, entry.key_span.clone(), &at.pointer);
        let found = match at.node.kind {
            Kind::Map(_) => read_with_default(reader, &at),
            _ => path::read(reader, &at).map(|path| (path, None)),
        };
        if let Some((path, default)) = found.filter(|_| named) {
            extract.push(Extract { variable: entry.key.clone(), path, default, filter: None });
        }
    }
    extract
}

/// `{path, default}`.
fn read_with_default(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(Path, Option<Value>)> {
    let fields = reader.fields(at, &["path", "default"])?;
    let path = reader.required(&fields, "path").and_then(|at| path::read(reader, &at))?;
    Some((path, fields.get("default").map(|at| at.node.to_json())))
}

/// An expression for the only extracted variable, or expressions by variable.
fn read_filter(reader: &mut Reader<'_>, at: &At<'_>, extract: &mut [Extract]) {
    if !matches!(at.node.kind, Kind::Map(_)) {
        let filter = reader.expression(at);
        match extract {
            [only] => only.filter = filter,
            _ => {
                reader.report(explain::WRONG_VALUE, at, "`filter` needs to know of which list").help =
                    Some("write `filter: { variable: expression }`, with a variable of `extract`".to_owned());
            }
        }
        return;
    }
    for (entry, at) in reader.entries(at) {
        let filter = reader.expression(&at);
        match extract.iter_mut().find(|extract| extract.variable == entry.key) {
            Some(found) => found.filter = filter,
            None => {
                let message = format!("`extract` has no `{}`", entry.key);
                reader.report_span(explain::WRONG_VALUE, entry.key_span.clone(), &at.pointer, message);
            }
        }
    }
}

pub(super) fn noted(node: &str, done: &HttpDone) -> Trace {
    let (status, bytes) = match &done.outcome {
        HttpOutcome::Answer { status, body, .. } => (Some(*status), Some(body.len() as u64)),
        HttpOutcome::BadBody { status, .. } => (Some(*status), None),
        HttpOutcome::Timeout | HttpOutcome::Unreachable { .. } | HttpOutcome::Refused { .. } => (None, None),
    };
    Trace::Answered { node: node.to_owned(), call: done.id.clone(), status, bytes, tries: done.tries }
}

impl Taking {
    pub(super) fn extracts_only(&self) -> bool {
        !self.extract.is_empty() && self.save.is_none()
    }

    /// Whether any of these statuses is wanted.
    pub(super) fn expects(&self, statuses: RangeInclusive<u16>) -> bool {
        self.expect.iter().any(|wanted| wanted.start() <= statuses.end() && statuses.start() <= wanted.end())
    }

    /// Sets the variables.
    pub(super) fn take(&self, walk: &mut Walk<'_>, outcome: &HttpOutcome) -> Result<Why, Trouble> {
        match outcome {
            HttpOutcome::Timeout => Err(Trouble::new("timeout", "no answer in time", "no answer", "timeout")),
            HttpOutcome::Unreachable { why } => Err(Trouble::new("http_error", why, "no answer", "unreachable")),
            HttpOutcome::Refused { why } => Err(Trouble::new("http_error", why, "not called", "refused")),
            HttpOutcome::BadBody { status, why } => Err(Trouble::bad_body(*status, why)),
            HttpOutcome::Answer { status, .. } if !self.expects(*status..=*status) => {
                Err(Trouble::new("http_error", format!("status {status} is not expected"), "status", *status))
            }
            HttpOutcome::Answer { status, content_type, body } => {
                let values = self.values(walk, content_type.as_deref(), body);
                let values = values.map_err(|message| Trouble::bad_body(*status, message))?;
                for (name, value) in values {
                    walk.assign(name, value).map_err(|fault| Trouble::bad_body(*status, fault.what()))?;
                }
                Ok(Why::said("status", *status))
            }
        }
    }

    fn values(&self, walk: &Walk<'_>, kind: Option<&str>, body: &str) -> Result<Vec<(&str, Value)>, String> {
        let says_json = kind.is_some_and(is_json);
        let needs_json = !self.extract.is_empty() || (self.save.is_some() && says_json && !body.is_empty());
        let json = if needs_json { Some(parse(body)?) } else { None };
        let mut values = Vec::new();
        if let Some(json) = &json {
            for extract in &self.extract {
                values.push((extract.variable.as_str(), extract.take(walk, json)?));
            }
        }
        if let Some(name) = &self.save {
            let whole = match json {
                Some(json) if says_json => json,
                _ if says_json => Value::Null,
                _ => Value::String(body.to_owned()),
            };
            values.push((name, whole));
        }
        Ok(values)
    }
}

impl Extract {
    fn take(&self, walk: &Walk<'_>, json: &Value) -> Result<Value, String> {
        let source = self.path.source();
        let found = match (self.path.find(json), &self.default) {
            (Some(found), _) => found,
            (None, Some(default)) => Found::One(default),
            (None, None) => return Err(format!("`{source}` finds nothing in the body")),
        };
        let kept = match &self.filter {
            Some(filter) => self.kept(walk, filter, found, json_bytes(json))?,
            None => found,
        };
        let too_large = || format!("what `{source}` finds is over {} bytes", caps::MAX_VALUE_BYTES);
        kept.copied().ok_or_else(too_large)
    }

    /// The elements for which the filter holds. All together they may be as large as the body: only `..` finds more.
    fn kept<'j>(
        &self,
        walk: &Walk<'_>,
        filter: &Expr,
        found: Found<'j>,
        body_bytes: usize,
    ) -> Result<Found<'j>, String> {
        let source = self.path.source();
        let items =
            found.items().ok_or_else(|| format!("`filter` wants a list, and `{source}` finds something else"))?;
        if items.len() > caps::MAX_FILTERED {
            return Err(format!("`filter` looks at {} elements, the list has {}", caps::MAX_FILTERED, items.len()));
        }
        let (mut kept, mut left) = (Vec::new(), body_bytes.max(caps::MAX_VALUE_BYTES));
        for item in items {
            let too_large = || format!("what `{source}` finds is larger than the body");
            left = left.checked_sub(json_bytes(item)).ok_or_else(too_large)?;
            let holds = walk.scope().with_local("item", item, |scope| filter.holds(scope));
            if holds.map_err(|error| error.to_string())? {
                kept.push(item);
            }
        }
        Ok(Found::List(kept))
    }
}

/// `application/json`, `text/json`, `application/problem+json`, …
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.ends_with("/json") || kind.ends_with("+json")
}

/// The value of a body, counted before it is built: small texts can be large values.
fn parse(body: &str) -> Result<Value, String> {
    let (mut values, mut quoted, mut escaped) = (1_usize, false, false);
    for byte in body.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => values += 1,
            _ => {}
        }
    }
    if values > caps::MAX_JSON_VALUES {
        return Err(format!("the body has over {} values", caps::MAX_JSON_VALUES));
    }
    serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        assert_eq!(statuses("2xx"), Some(200..=299));
        assert_eq!(statuses("200-204"), Some(200..=204));
        assert_eq!(statuses("404"), Some(404..=404));
        for wrong in ["", "xx", "6xx", "204-200", "99", "600", "2x", "a-b"] {
            assert_eq!(statuses(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_counted_before_they_are_built() {
        let many = format!("[{}0]", "0,".repeat(caps::MAX_JSON_VALUES));
        assert!(parse(&many).unwrap_err().contains("50000 values"));
        let quoted = format!("[\"{}\\\"\"]", ",".repeat(2 * caps::MAX_JSON_VALUES));
        assert!(parse(&quoted).is_ok());
        assert!(parse("<html>").unwrap_err().starts_with("the body is not JSON"));
    }

    #[test]
    fn json_is_told_by_its_type() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json", "text/json"] {
            assert!(is_json(json), "{json}");
        }
        assert!(!is_json("text/html") && !is_json("application/jsonp"));
    }
}
