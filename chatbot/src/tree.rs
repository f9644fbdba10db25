//! A bot file as a tree that knows where each value stands. YAML and JSON give the same tree.

mod printable;

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

use crate::bot::Format;
use crate::source::LineIndex;
use printable::Printable;

/// A value and the bytes of the source that it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

/// Why a text is no YAML or JSON document.
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) at: usize,
    pub(crate) duplicate_key: bool,
}

impl Node {
    /// The word for the kind of value in messages.
    pub(crate) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value without its places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Number(n) => Value::Number(n.clone()),
            Kind::Text(t) => Value::String(t.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }
}

/// Reads a document. JSON is first held against the JSON grammar, so that a `.json` file cannot
/// quietly be YAML; both get their places from the same reader.
pub(crate) fn parse(source: &str, format: Format) -> Result<Node, SyntaxError> {
    let printable = match format {
        Format::Json => {
            serde_json::from_str::<de::IgnoredAny>(source).map_err(|e| json_error(source, &e))?;
            Printable::of_json(source)
        }
        Format::Yaml => Printable::unchanged(source),
    };
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_documents: 1, simple_key_max_lookahead: 65_536 },
    };
    let text = &*printable.text;
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        let error = yaml_error(text, &e);
        SyntaxError { at: printable.place(error.at), ..error }
    })?;
    let mut root = Node::from(raw);
    printable.replace(&mut root);
    Ok(root)
}

fn json_error(source: &str, error: &serde_json::Error) -> SyntaxError {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
    let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
    let text = error.to_string();
    let message = text.rsplit_once(" at line").map_or(text.as_str(), |(message, _)| message).to_owned();
    let at = LineIndex::new(source).offset(source, line, column);
    SyntaxError { message, at, duplicate_key: false }
}

fn yaml_error(source: &str, error: &serde_saphyr::Error) -> SyntaxError {
    let error = error.without_snippet();
    let at = error.location().map_or(source.len(), |location| {
        let index = LineIndex::new(source);
        let line = u32::try_from(location.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(location.column()).unwrap_or(u32::MAX);
        index.offset(source, line, column)
    });
    let text = error.to_string();
    let message = text.rsplit_once(" at line").map_or(text.as_str(), |(message, _)| message).to_owned();
    let duplicate_key = matches!(error, serde_saphyr::Error::DuplicateMappingKey { .. });
    SyntaxError { message, at, duplicate_key }
}

enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let span = bytes(&raw.referenced);
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Bool(b) => Kind::Bool(b),
            Raw::Number(n) => Kind::Number(n),
            Raw::Text(t) => Kind::Text(t),
            Raw::List(items) => Kind::List(items.into_iter().map(Node::from).collect()),
            Raw::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry { key_span: bytes(&key.referenced), key: key.value, value: value.into() })
                    .collect(),
            ),
        };
        Node { kind, span }
    }
}

fn bytes(location: &serde_saphyr::Location) -> Range<usize> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset().unwrap_or(0)).unwrap_or(0);
    let len = usize::try_from(span.byte_len().unwrap_or(0)).unwrap_or(0);
    start..start + len
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Number::from_f64(value).map(Raw::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at(source: &str, node: &Node) -> String {
        source.get(node.span.clone()).unwrap_or("?").to_owned()
    }

    #[test]
    fn yaml_values_know_their_bytes() {
        let source = "a: ü\nb:\n  - 1\n  - no\n  - \"x y\"\nc: { d: true, e: }\n";
        let Ok(tree) = parse(source, Format::Yaml) else { panic!("parses") };
        assert_eq!(text_at(source, tree.get("a").unwrap()), "ü");
        let Kind::List(items) = &tree.get("b").unwrap().kind else { panic!() };
        assert_eq!(text_at(source, &items[0]), "1");
        assert!(matches!(&items[1].kind, Kind::Text(t) if t == "no"));
        assert_eq!(text_at(source, &items[2]), "\"x y\"");
        let c = tree.get("c").unwrap();
        assert!(matches!(c.get("d").unwrap().kind, Kind::Bool(true)));
        assert!(matches!(c.get("e").unwrap().kind, Kind::Null));
    }

    #[test]
    fn json_with_tabs_and_escapes_is_read() {
        let source = "{\n\t\"a\": \"x\\u00e9\\n\\/\",\n\t\"b\": [1, 2.5, null],\n\t\"c\" : {\"\\ud83d\\ude00\":-3}\n}";
        let tree = parse(source, Format::Json).map_err(|e| e.message).unwrap();
        let expected: Value = serde_json::from_str(source).unwrap();
        assert_eq!(tree.to_json(), expected);
    }

    #[test]
    fn json_takes_characters_that_yaml_wants_escaped_and_keeps_its_places() {
        let source = "{\"a\": \"\u{7f}\u{97}\u{2028}\u{feff}\u{ffff}\", \"b\u{85}\": [\"ü\"], \"c\": 7, \"c\": 8}";
        let error = parse(source, Format::Json).err().unwrap();
        assert!(error.duplicate_key && source.get(error.at..).unwrap().starts_with("\"c\": 8"), "{}", error.at);
        let source = source.replace(", \"c\": 8", "");
        let tree = parse(&source, Format::Json).map_err(|e| e.message).unwrap();
        assert_eq!(tree.to_json(), serde_json::from_str::<Value>(&source).unwrap());
        assert_eq!(text_at(&source, tree.get("a").unwrap()), "\"\u{7f}\u{97}\u{2028}\u{feff}\u{ffff}\"");
        assert_eq!(text_at(&source, tree.get("c").unwrap()), "7");
    }

    #[test]
    fn json_must_be_json() {
        let error = parse("a: 1", Format::Json).err().unwrap();
        assert_eq!(error.at, 0);
    }

    #[test]
    fn duplicate_keys_are_refused() {
        let error = parse("a: 1\nb: 2\na: 3\n", Format::Yaml).err().unwrap();
        assert!(error.duplicate_key);
        assert_eq!(error.at, 10);
    }

    #[test]
    fn deep_documents_are_refused_without_overflow() {
        let source = "[".repeat(5_000);
        assert!(parse(&source, Format::Yaml).is_err());
        assert!(parse(&source, Format::Json).is_err());
    }
}
