//! JSON as a tree that knows where each value stands.
//!
//! The grammar is serde_json's: what it refuses is refused. What it takes is scanned once more for the places, which it
//! does not tell.

use std::ops::Range;

use serde_json::{Map, Number, Value};

/// Levels of lists and maps within each other. The deepest Flow that Meta takes needs about 30.
const MAX_DEPTH: usize = 64;
/// Values in one document: a Flow of 100 full screens has about 50,000.
const MAX_VALUES: usize = 500_000;

/// A value and the bytes of the text that it stands on.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value. Keys that come twice are all kept; the last one counts, as for every reader of JSON.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

/// Why a text is no document, and at which byte.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) at: usize,
}

impl Node {
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// How JSON Schema calls its kind.
    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "boolean",
            Kind::Number(_) => "number",
            Kind::Text(_) => "string",
            Kind::List(_) => "array",
            Kind::Map(_) => "object",
        }
    }

    /// The value without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }
}

/// Reads a document of at most [`super::MAX_BYTES`].
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    if text.len() > super::MAX_BYTES {
        let message = format!("{} bytes are more than Meta takes: {} at the most", text.len(), super::MAX_BYTES);
        return Err(SyntaxError { message, at: 0 });
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| at_place(text, &error))?;
    Scanner { text, at: 0, values: 0 }.value(0)
}

fn at_place(text: &str, error: &serde_json::Error) -> SyntaxError {
    let start = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let told = error.to_string();
    let message = told.rsplit_once(" at line").map_or(told.as_str(), |(message, _)| message).to_owned();
    // serde_json counts bytes, and those that it has read
    let mut at = (start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    SyntaxError { message, at }
}

/// Walks over a text that is JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    values: usize,
}

impl Scanner<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        self.blank();
        let start = self.at;
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(format!("more than {MAX_VALUES} values are no Flow")));
        }
        if depth > MAX_DEPTH {
            return Err(self.error(format!("lists and maps go more than {MAX_DEPTH} levels deep")));
        }
        let kind = match self.peek() {
            Some(b'{') => Kind::Map(self.map(depth)?),
            Some(b'[') => Kind::List(self.list(depth)?),
            Some(b'"') => Kind::Text(self.string()?),
            _ => self.word()?,
        };
        Ok(Node { kind, span: start..self.at })
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries = Vec::new();
        self.at += 1;
        while !self.ends(b'}') {
            let start = self.at;
            let key = self.string()?;
            let key_span = start..self.at;
            self.blank();
            self.expect(b':')?;
            entries.push(Entry { key, key_span, value: self.value(depth + 1)? });
        }
        self.expect(b'}')?;
        Ok(entries)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.ends(b']') {
            items.push(self.value(depth + 1)?);
        }
        self.expect(b']')?;
        Ok(items)
    }

    /// Whether a list or map ends here; passes the comma otherwise.
    fn ends(&mut self, end: u8) -> bool {
        self.blank();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.blank();
        }
        self.peek() == Some(end)
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.expect(b'"')?;
        let (mut escaped, mut escapes) = (false, false);
        loop {
            match self.peek() {
                None => return Err(self.error("the text ends within a string".to_owned())),
                Some(_) if escaped => escaped = false,
                Some(b'\\') => (escaped, escapes) = (true, true),
                Some(b'"') => break,
                Some(_) => {}
            }
            self.at += 1;
        }
        self.at += 1;
        let inner = self.text.get(start + 1..self.at - 1).unwrap_or_default();
        if !escapes {
            return Ok(inner.to_owned());
        }
        let whole = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(whole).map_err(|_| SyntaxError { message: "half of a character".to_owned(), at: start })
    }

    fn word(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'E')) {
            self.at += 1;
        }
        match self.text.get(start..self.at).unwrap_or_default() {
            "true" => Ok(Kind::Bool(true)),
            "false" => Ok(Kind::Bool(false)),
            "null" => Ok(Kind::Null),
            number => serde_json::from_str(number)
                .map(Kind::Number)
                .map_err(|_| SyntaxError { message: format!("`{number}` is no number that can be held"), at: start }),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(format!("`{}` is missing", char::from(byte))))
    }

    fn error(&self, message: String) -> SyntaxError {
        SyntaxError { message, at: self.at }
    }
}
