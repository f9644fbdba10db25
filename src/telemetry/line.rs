//! Makes one log line of an event and the spans around it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::ring::Logs;
use super::scrub::Scrubber;

/// Longer values are cut, so that no peer fills the disk through the log.
const MAX_VALUE_CHARS: usize = 4_096;

/// Names that are taken in a JSON line.
const RESERVED: [&str; 4] = ["ts", "level", "target", "msg"];

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `2026-01-01T00:00:00.000Z  INFO target: message key=value`
    Text,
    /// One JSON object with `ts`, `level`, `target`, `msg` and the fields of the event and of the spans around it.
    Json,
}

/// A layer that hands each event as one finished line to `write`.
pub struct Lines<N, W> {
    style: Style,
    scrubber: Scrubber,
    now: N,
    write: W,
    kept: Option<Arc<Logs>>,
}

impl<N: Fn() -> i64, W: Fn(&str)> Lines<N, W> {
    /// `now` gives milliseconds since 1970; `write` gets one line with its line break at a time.
    pub fn new(style: Style, scrubber: Scrubber, now: N, write: W) -> Self {
        Self { style, scrubber, now, write, kept: None }
    }

    /// Keeps what is written, as JSON.
    pub fn kept(self, logs: Arc<Logs>) -> Self {
        Self { kept: Some(logs), ..self }
    }

    fn line(&self, event: &Event<'_>, mut fields: Fields) -> String {
        let timestamp = jiff::Timestamp::from_millisecond((self.now)()).unwrap_or_default();
        let message = self.scrubber.clean(&fields.take_text("message")).into_owned();
        // Crates that use `log` arrive here under one name, with their own beside it.
        let target = Some(fields.take_text("log.target")).filter(|target| !target.is_empty());
        let metadata = event.metadata();
        let head = Head {
            timestamp: format!("{timestamp:.3}"),
            level: metadata.level().as_str(),
            target: target.as_deref().unwrap_or(metadata.target()),
            message: shortened(&message),
        };
        fields.0.retain(|(name, _)| !name.starts_with("log."));
        for (name, value) in &mut fields.0 {
            if let Value::String(text) = value {
                *value = Value::String(shortened(&self.scrubber.clean_field(name, text)).into_owned());
            } else if value.is_number() && matches!(self.scrubber.clean_field(name, &value.to_string()), Cow::Owned(_))
            {
                *value = Value::String(self.scrubber.clean_field(name, &value.to_string()).into_owned());
            }
        }
        let line = match self.style {
            Style::Text => text(&head, &fields),
            Style::Json => json(&head, &fields),
        };
        if let Some(logs) = &self.kept {
            match self.style {
                Style::Text => logs.push(*metadata.level(), head.target, &json(&head, &fields)),
                Style::Json => logs.push(*metadata.level(), head.target, &line),
            }
        }
        line
    }
}

impl<S, N, W> Layer<S> for Lines<N, W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: Fn() -> i64 + 'static,
    W: Fn(&str) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                outer.0.iter().for_each(|(name, value)| fields.set(name, value.clone()));
            }
        }
        event.record(&mut fields);
        (self.write)(&self.line(event, fields));
    }
}

struct Head<'a> {
    timestamp: String,
    level: &'static str,
    target: &'a str,
    message: Cow<'a, str>,
}

/// Fields in the order of their first appearance; the innermost value wins.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name, value)),
        }
    }

    fn take_text(&mut self, name: &str) -> String {
        match self.0.iter().position(|(known, _)| *known == name).map(|at| self.0.remove(at).1) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.set(field.name(), text.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }
}

fn json(head: &Head<'_>, fields: &Fields) -> String {
    let mut line = String::from("{");
    let message = Value::from(head.message.as_ref());
    let target = Value::from(head.target);
    for (name, value) in RESERVED.iter().zip([&head.timestamp.as_str().into(), &head.level.into(), &target, &message]) {
        push_json(&mut line, name, value);
    }
    for (name, value) in fields.0.iter().filter(|(name, _)| !RESERVED.contains(name)) {
        push_json(&mut line, name, value);
    }
    line.push_str("}\n");
    line
}

fn push_json(line: &mut String, name: &str, value: &Value) {
    if !line.ends_with('{') {
        line.push(',');
    }
    for c in format!("{}:{value}", Value::from(name)).chars() {
        push_escaped(line, c, |line, code| write!(line, "\\u{code:04x}"));
    }
}

fn text(head: &Head<'_>, fields: &Fields) -> String {
    let escape = |line: &mut String, code: u32| write!(line, "\\u{{{code:x}}}");
    let mut line = format!("{} {:>5} ", head.timestamp, head.level);
    head.target
        .chars()
        .chain(": ".chars())
        .chain(head.message.chars())
        .for_each(|c| push_escaped(&mut line, c, escape));
    for (name, value) in &fields.0 {
        let value = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            value => value.to_string(),
        };
        let field = format!(" {name}={value}");
        field.chars().for_each(|c| push_escaped(&mut line, c, escape));
    }
    line.push('\n');
    line
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || matches!(c, '"' | '=' | '\\'))
}

fn push_escaped(line: &mut String, c: char, escape: impl Fn(&mut String, u32) -> fmt::Result) {
    if is_hazard(c) {
        escape(line, c.into()).expect("writing to a String does not fail");
    } else {
        line.push(c);
    }
}

/// Characters that end a line, drive a terminal or turn the reading direction.
fn is_hazard(c: char) -> bool {
    let turns = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.split_at(end).0)),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secrecy::SecretString;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::config::Redact;

    fn lines(style: Style, log: impl FnOnce()) -> String {
        let written = Arc::new(Mutex::new(String::new()));
        let scrubber = Scrubber::new(&[SecretString::from("plain-secret")], Redact::Numbers);
        let sink = Arc::clone(&written);
        let write = move |line: &str| sink.lock().expect("no writer panics").push_str(line);
        let layer = Lines::new(style, scrubber, || 1_700_000_000_123, write);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let written = written.lock().expect("no writer panics");
        written.clone()
    }

    fn object(log: impl FnOnce()) -> Value {
        serde_json::from_str(&lines(Style::Json, log)).expect("one JSON object")
    }

    #[test]
    fn a_json_line_carries_the_event_and_its_spans() {
        let line = lines(Style::Json, || {
            let outer =
                tracing::info_span!("request", request_id = "r_1", number_id = 7, outcome = tracing::field::Empty);
            let _outer = outer.enter();
            outer.record("outcome", "accepted");
            let _inner = tracing::info_span!("turn", bot = "welcome", request_id = "r_2").entered();
            tracing::info!(target: "front", duration_s = 0.5, ok = true, "webhook accepted");
        });
        let expected = concat!(
            r#"{"ts":"2023-11-14T22:13:20.123Z","level":"INFO","target":"front","msg":"webhook accepted","#,
            r#""request_id":"r_2","number_id":7,"outcome":"accepted","bot":"welcome","duration_s":0.5,"ok":true}"#,
            "\n"
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn a_text_line_reads_from_left_to_right() {
        let line = lines(Style::Text, || tracing::warn!(target: "store", path = "a b", commits = 3, "slow commit"));
        assert_eq!(line, "2023-11-14T22:13:20.123Z  WARN store: slow commit path=\"a b\" commits=3\n");
    }

    #[test]
    fn no_control_character_gets_into_a_line() {
        let evil = "a\nb\r\u{1b}[31mc\0\u{7f}\u{9b}\u{2028}\u{202e}\u{feff}";
        for style in [Style::Text, Style::Json] {
            let line = lines(style, || tracing::info!(name = evil, debug = ?evil, "{evil}"));
            let body = line.strip_suffix('\n').expect("a line break at the end");
            assert!(!body.chars().any(is_hazard), "{body:?}");
        }
        assert_eq!(object(|| tracing::info!(name = evil, "{evil}"))["name"], evil);
        assert_eq!(object(|| tracing::info!(name = evil, "{evil}"))["msg"], evil);
    }

    #[test]
    fn f116_one_event_is_one_line_that_parses_whatever_is_in_its_fields_also_in_memory() {
        let evil = "a\r\n{\"level\":\"ERROR\"}\u{1b}[2J\"}\0\u{2028}plain-secret";
        for style in [Style::Text, Style::Json] {
            let logs = Arc::<Logs>::default();
            let scrubber = Scrubber::new(&[SecretString::from("plain-secret")], Redact::Numbers);
            let layer = Lines::new(style, scrubber, || 0, |_: &str| ()).kept(logs.clone());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let _span = tracing::info_span!("span", outer = evil).entered();
                tracing::warn!(name = evil, debug = ?evil, conversation = %evil, wa_id = "447700900123", "{evil}");
            });
            let kept = logs.before(0, 10, |_| true);
            assert_eq!((kept.len(), kept[0].level), (1, tracing::Level::WARN));
            assert!(!kept[0].json.chars().any(is_hazard), "{}", kept[0].json);
            let line: Value = serde_json::from_str(&kept[0].json).expect("one JSON object");
            assert_eq!(line["level"], "WARN");
            assert!(!kept[0].json.contains("plain-secret") && !kept[0].json.contains("447700900123"));
        }
    }

    #[test]
    fn secrets_are_scrubbed_from_messages_fields_and_spans() {
        for style in [Style::Text, Style::Json] {
            let line = lines(style, || {
                let _span = tracing::info_span!("span", inner = "plain-secret").entered();
                tracing::info!(a = "x plain-secret", b = ?Some("Bearer abcdef"), "plain-secret and Bearer abcdef");
            });
            assert!(!line.contains("plain-secret") && !line.contains("abcdef"), "{line}");
            assert_eq!(line.matches("•••").count(), 5, "{line}");
        }
    }

    #[test]
    fn numbers_are_masked_whatever_their_type() {
        let line = object(|| tracing::info!(wa_id = 447_700_900_123_u64, phone = %"+447700900123", count = 12, "sent"));
        assert_eq!((&line["wa_id"], &line["phone"]), (&Value::from("+4477•••0123"), &Value::from("+4477•••0123")));
        assert_eq!(line["count"], 12);
    }

    #[test]
    fn errors_are_logged_with_their_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("store cannot open")]
        struct Outer(#[source] fmt::Error);
        let error = Outer(fmt::Error);
        let line = object(|| tracing::error!(error = &error as &dyn Error, "start failed"));
        assert_eq!(line["error"], format!("store cannot open: {}", fmt::Error));
    }

    #[test]
    fn long_values_are_cut() {
        let long = "ä".repeat(MAX_VALUE_CHARS + 1);
        let line = object(|| tracing::info!(body = long, "{long}"));
        for name in ["body", "msg"] {
            let text = line[name].as_str().expect("a text");
            assert_eq!((text.chars().count(), text.ends_with("ä…")), (MAX_VALUE_CHARS + 1, true));
        }
    }

    #[test]
    fn reserved_names_are_not_doubled() {
        let line = lines(Style::Json, || tracing::info!(level = "x", ts = 1, "kept"));
        assert_eq!((line.matches("\"level\"").count(), line.matches("\"ts\"").count()), (1, 1));
    }
}
