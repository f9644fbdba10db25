//! A JSON value in which templates may stand: how a message of a bot file becomes a body for Meta.
//!
//! The checks are those of [`whatsapp::message`]: when a bot is loaded the shape is filled with stand-ins
//! and what is wrong with its constants is reported at their places; when it is said it is filled with
//! values and checked again.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};

use crate::bot::read::{At, Reader};
use crate::expr::Template;
use crate::tree;
use crate::turn::{Fault, Walk};

/// A value and where it stands in the bot file.
pub(crate) struct Shape {
    kind: Kind,
    place: Place,
}

/// Where something stands in the bot file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) pointer: String,
}

enum Kind {
    Fixed(Value),
    /// Always a text.
    Text(Template),
    /// Keeps the type of its value.
    Value(Template),
    List(Vec<Shape>),
    Map(Vec<(Cow<'static, str>, Shape)>),
    /// An object, or a list of them, of which these members are kept.
    Only(Box<Shape>, &'static [&'static str]),
    /// Left out when a text in it comes out empty.
    Optional(Box<Shape>),
    /// A file beside the bot file: the id under which it was stored.
    File(String),
    /// The id of the person's last message.
    LastMessage,
}

impl Place {
    pub(crate) fn of(at: &At<'_>) -> Self {
        Self { span: at.node.span.clone(), pointer: at.pointer.clone() }
    }

    /// The keys below the node, as an author writes them: `messages[0].cta_url.url`.
    pub(crate) fn path(&self) -> String {
        let mut parts = self.pointer.split('/').skip(1).peekable();
        if parts.peek() == Some(&"nodes") {
            parts.nth(1);
        }
        let mut path = String::new();
        for part in parts {
            if part.bytes().all(|b| b.is_ascii_digit()) {
                path.push_str(&format!("[{part}]"));
            } else {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(part);
            }
        }
        path
    }

    /// The last key that is a name.
    pub(crate) fn key(&self) -> &str {
        let named = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit());
        self.pointer.rsplit('/').find(named).unwrap_or_default()
    }
}

// Making shapes

impl Shape {
    fn new(kind: Kind, place: &Place) -> Self {
        Self { kind, place: place.clone() }
    }

    pub(crate) fn fixed(value: impl Into<Value>, place: &Place) -> Self {
        Self::new(Kind::Fixed(value.into()), place)
    }

    pub(crate) fn list(items: Vec<Shape>, place: &Place) -> Self {
        Self::new(Kind::List(items), place)
    }

    pub(crate) fn map(place: &Place) -> Self {
        Self::new(Kind::Map(Vec::new()), place)
    }

    pub(crate) fn last_message(place: &Place) -> Self {
        Self::new(Kind::LastMessage, place)
    }

    pub(crate) fn file(path: String, place: &Place) -> Self {
        Self::new(Kind::File(path), place)
    }

    pub(crate) fn optional(self) -> Self {
        let place = self.place.clone();
        Self::new(Kind::Optional(Box::new(self)), &place)
    }

    /// What a person sent has members that Meta takes from nobody else.
    pub(crate) fn only(self, members: &'static [&'static str]) -> Self {
        let place = self.place.clone();
        Self::new(Kind::Only(Box::new(self), members), &place)
    }

    /// A text in which `{{ … }}` may stand.
    pub(crate) fn text(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        let template = reader.template(at)?;
        Some(Self::new(Kind::Text(template), &Place::of(at)))
    }

    /// Any value; texts in it are templates, and one that is a single `{{ … }}` keeps its type.
    pub(crate) fn tree(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Self> {
        let place = Place::of(at);
        let kind = match &at.node.kind {
            tree::Kind::Text(_) => Kind::Value(reader.template(at)?),
            tree::Kind::List(_) => {
                let items = reader.list(at);
                Kind::List(items.iter().filter_map(|item| Self::tree(reader, item)).collect())
            }
            tree::Kind::Map(_) => {
                let entries = reader.entries(at);
                let shape = |(entry, at): (&tree::Entry, At<'_>)| {
                    Some((Cow::Owned(entry.key.clone()), Self::tree(reader, &at)?))
                };
                Kind::Map(entries.into_iter().filter_map(shape).collect())
            }
            _ => Kind::Fixed(at.node.to_json()),
        };
        Some(Self { kind, place })
    }

    /// Puts a shape at a dotted path, making the maps on the way.
    pub(crate) fn put(&mut self, path: &'static str, shape: Shape) {
        let place = self.place.clone();
        let Kind::Map(entries) = &mut self.kind else { return };
        let Some((first, rest)) = path.split_once('.') else {
            entries.push((Cow::Borrowed(path), shape));
            return;
        };
        let index = entries.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
            entries.push((Cow::Borrowed(first), Shape::map(&place)));
            entries.len() - 1
        });
        entries[index].1.put(rest, shape);
    }

    /// As [`Self::put`], with a value of our own.
    pub(crate) fn put_fixed(&mut self, path: &'static str, value: impl Into<Value>) {
        let place = self.place.clone();
        self.put(path, Shape::fixed(value, &place));
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it is the same in every turn.
    pub(crate) fn is_constant(&self) -> bool {
        match &self.kind {
            Kind::Fixed(_) => true,
            Kind::Text(template) | Kind::Value(template) => template.as_plain().is_some(),
            Kind::List(items) => items.iter().all(Shape::is_constant),
            Kind::Map(entries) => entries.iter().all(|(_, shape)| shape.is_constant()),
            Kind::Optional(inner) | Kind::Only(inner, _) => inner.is_constant(),
            Kind::File(_) | Kind::LastMessage => false,
        }
    }

    /// The text, if it is the same in every turn.
    pub(crate) fn as_plain(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(template) | Kind::Value(template) => template.as_plain(),
            Kind::Fixed(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

// Filling shapes

impl Shape {
    /// With the values of a turn; `None` when it is optional and empty.
    pub(crate) fn fill(&self, walk: &Walk<'_>) -> Result<Option<Value>, Fault> {
        Ok(Some(match &self.kind {
            Kind::Fixed(value) => value.clone(),
            Kind::Text(template) => Value::String(walk.text(template)?),
            Kind::Value(template) => match walk.json(template)? {
                Value::Null => return Ok(None),
                value => value,
            },
            Kind::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.extend(item.fill(walk)?);
                }
                Value::Array(values)
            }
            Kind::Map(entries) => {
                let mut values = Map::new();
                for (key, shape) in entries {
                    if let Some(value) = shape.fill(walk)? {
                        values.insert(key.clone().into_owned(), value);
                    }
                }
                Value::Object(values)
            }
            Kind::Only(inner, members) => return Ok(inner.fill(walk)?.map(|value| keep(value, members))),
            Kind::Optional(inner) => return Ok(inner.fill(walk)?.filter(|value| !has_blank(value))),
            Kind::File(path) => Value::String(walk.file(path)?),
            Kind::LastMessage => Value::String(walk.last_message()?),
        }))
    }

    /// With a stand-in for each value that is not known yet. Stand-ins differ, so that nothing looks used twice.
    pub(crate) fn stand_in(&self, next: &mut u32, language: Option<&str>) -> Option<Value> {
        Some(match &self.kind {
            Kind::Fixed(value) => value.clone(),
            Kind::Text(template) | Kind::Value(template) => Value::String(match template.plain_in(language) {
                Some(text) => text.to_owned(),
                // As long as the text is at least.
                None => stand_in(next) + &"x".repeat(template.at_least(language)),
            }),
            Kind::List(items) => items.iter().filter_map(|item| item.stand_in(next, language)).collect(),
            Kind::Map(entries) => entries
                .iter()
                .filter_map(|(key, shape)| Some((key.clone().into_owned(), shape.stand_in(next, language)?)))
                .collect::<Map<_, _>>()
                .into(),
            Kind::Only(inner, _) => return inner.stand_in(next, language),
            Kind::Optional(inner) => return inner.stand_in(next, language).filter(|value| !has_blank(value)),
            Kind::File(_) | Kind::LastMessage => Value::String(stand_in(next)),
        })
    }

    /// The part at a path of the body such as `interactive.action.buttons[0].reply.title`, and what of the
    /// path is not there: the part is then the one around it.
    pub(crate) fn part<'p>(&self, path: &'p str) -> (&Shape, Option<&'p str>) {
        let mut at = self.inner();
        for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
            let found = match &at.kind {
                Kind::Map(entries) => entries.iter().find(|(key, _)| key == step).map(|(_, shape)| shape),
                Kind::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            let Some(found) = found else { return (at, Some(step)) };
            at = found.inner();
        }
        (at, None)
    }

    fn inner(&self) -> &Shape {
        match &self.kind {
            Kind::Optional(inner) | Kind::Only(inner, _) => inner.inner(),
            _ => self,
        }
    }

    /// The characters that it has at least for somebody of this language.
    pub(crate) fn at_least(&self, language: Option<&str>) -> usize {
        match &self.kind {
            Kind::Text(template) | Kind::Value(template) => template.at_least(language),
            _ => 0,
        }
    }

    /// Whether what stands here, for somebody of this language, is only known in a turn.
    pub(crate) fn is_computed(&self, language: Option<&str>) -> bool {
        match &self.kind {
            Kind::Text(template) | Kind::Value(template) => template.plain_in(language).is_none(),
            Kind::File(_) | Kind::LastMessage => true,
            _ => false,
        }
    }
}

fn keep(value: Value, members: &[&str]) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| keep(item, members)).collect(),
        Value::Object(entries) => {
            let kept = entries.into_iter().filter(|(key, value)| members.contains(&key.as_str()) && !value.is_null());
            Value::Object(kept.collect())
        }
        other => other,
    }
}

fn stand_in(next: &mut u32) -> String {
    *next += 1;
    format!("⟨{next}⟩")
}

/// Whether a text in it is empty.
fn has_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().any(has_blank),
        Value::Object(entries) => entries.values().any(has_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pointer: &str) -> Place {
        Place { span: 0..0, pointer: pointer.into() }
    }

    #[test]
    fn places_are_named_as_authors_write_them() {
        let place = place("/nodes/a/messages/0/cta_url/url");
        assert_eq!((place.path().as_str(), place.key()), ("messages[0].cta_url.url", "url"));
        assert_eq!(super::tests::place("/policies/window").path(), "policies.window");
    }

    #[test]
    fn a_part_is_found_or_the_one_around_it() {
        let mut shape = Shape::map(&place(""));
        shape.put("interactive.action.name", Shape::fixed("x", &place("/name")));
        shape.put("interactive.list", Shape::list(vec![Shape::fixed(1, &place("/one"))], &place("/list")));
        for (path, pointer, missing) in [
            ("interactive.action.name", "/name", None),
            ("interactive.list[0]", "/one", None),
            ("interactive.list[7].id", "/list", Some("7")),
            ("nowhere", "", Some("nowhere")),
        ] {
            let (part, rest) = shape.part(path);
            assert_eq!((part.place().pointer.as_str(), rest), (pointer, missing), "{path}");
        }
    }

    #[test]
    fn an_optional_part_with_an_empty_text_is_left_out() {
        let mut header = Shape::map(&place(""));
        header.put_fixed("type", "text");
        header.put_fixed("text", " ");
        assert_eq!(header.optional().stand_in(&mut 0, None), None);
    }
}
