//! Quick replies: texts that staff send often, with places for what is known of the person: `{name|there}` is the name,
//! or "there" where nobody knows it.

use std::sync::Arc;

use actors::Clock;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{Store, StoreError};

const KIND: &str = "quick_reply";
/// Quick replies at the most: they are read together.
const MAX: usize = 1_000;
/// Characters of a body: what a text message may have.
const MAX_BODY: usize = 4_096;
/// Characters of a name or a category.
const MAX_NAME: usize = 100;
/// Files of one reply.
const MAX_MEDIA: usize = 10;
/// Places in one body.
const MAX_PLACES: usize = 50;

/// A text that staff send often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuickReply {
    /// `q_` and 24 hex digits.
    pub id: Box<str>,
    /// How it is found.
    pub name: Box<str>,
    /// What it belongs to, if anything.
    pub category: Option<Box<str>>,
    /// The text, with its places.
    pub body: Box<str>,
    /// Such as `en`, if it is in one language.
    pub language: Option<Box<str>>,
    /// Files that go along.
    pub media: Vec<Box<str>>,
    /// How often it changed: the tag for `If-Match`.
    pub revision: u64,
    /// When it was made (Unix ms).
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
}

/// What staff say of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// See [`QuickReply`].
    pub name: Box<str>,
    /// See [`QuickReply`].
    pub category: Option<Box<str>>,
    /// See [`QuickReply`].
    pub body: Box<str>,
    /// See [`QuickReply`].
    pub language: Option<Box<str>>,
    /// See [`QuickReply`].
    pub media: Vec<Box<str>>,
}

/// Why one is not kept.
#[derive(Debug, thiserror::Error)]
pub enum QuickReplyError {
    /// A value does not fit.
    #[error("{0}")]
    Invalid(String),
    /// There are too many.
    #[error("there are {MAX} quick replies already; remove one first")]
    Full,
    /// Another one has the name.
    #[error("another quick reply is named {0:?}")]
    Taken(Box<str>),
    /// It is at another revision than the caller knows.
    #[error("the quick reply is at revision {0}")]
    Stale(u64),
    /// There is none.
    #[error("there is no such quick reply")]
    Unknown,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error("a stored quick reply cannot be read: {0}")]
    Damaged(#[from] serde_json::Error),
}

/// The keeper of quick replies.
pub struct QuickReplies {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// One change at a time: each reads what it changes.
    changing: tokio::sync::Mutex<()>,
}

impl QuickReplies {
    /// A keeper.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { store, clock, changing: tokio::sync::Mutex::default() })
    }

    /// All of them that have these words in their name or their body, whatever the case, by name.
    pub async fn list(&self, words: &str, category: Option<&str>) -> Result<Vec<QuickReply>, QuickReplyError> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let mut found = Vec::new();
        for (_, bytes) in self.store.documents(KIND).await? {
            let reply: QuickReply = serde_json::from_slice(&bytes)?;
            let text = format!("{}\n{}", reply.name, reply.body).to_lowercase();
            let fits = words.iter().all(|word| text.contains(word.as_str()));
            if fits && category.is_none_or(|category| reply.category.as_deref() == Some(category)) {
                found.push(reply);
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<QuickReply, QuickReplyError> {
        let bytes = self.store.document(KIND, id).await?.ok_or(QuickReplyError::Unknown)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Makes one.
    pub async fn add(&self, draft: Draft) -> Result<QuickReply, QuickReplyError> {
        check(&draft)?;
        let _one_at_a_time = self.changing.lock().await;
        let all = self.list("", None).await?;
        if all.len() >= MAX {
            return Err(QuickReplyError::Full);
        }
        let now_ms = self.clock.now_ms();
        let id = format!("q_{}", hex::encode(rand::random::<[u8; 12]>())).into();
        let reply = QuickReply { id, created_ms: now_ms, ..QuickReply::default() };
        self.write(&all, reply, draft).await
    }

    /// Puts another text in its place. `expected` is the revision that the caller knows, if it must be that one.
    pub async fn put(&self, id: &str, expected: Option<u64>, draft: Draft) -> Result<QuickReply, QuickReplyError> {
        check(&draft)?;
        let _one_at_a_time = self.changing.lock().await;
        let before = self.get(id).await?;
        expect(&before, expected)?;
        let all = self.list("", None).await?;
        self.write(&all, before, draft).await
    }

    /// Removes one; what it was.
    pub async fn remove(&self, id: &str, expected: Option<u64>) -> Result<QuickReply, QuickReplyError> {
        let _one_at_a_time = self.changing.lock().await;
        let before = self.get(id).await?;
        expect(&before, expected)?;
        self.store.put_document(KIND, id, None).await?;
        Ok(before)
    }

    async fn write(&self, all: &[QuickReply], before: QuickReply, draft: Draft) -> Result<QuickReply, QuickReplyError> {
        if all.iter().any(|other| other.name == draft.name && other.id != before.id) {
            return Err(QuickReplyError::Taken(draft.name));
        }
        let Draft { name, category, body, language, media } = draft;
        let (revision, updated_ms) = (before.revision + 1, self.clock.now_ms());
        let reply = QuickReply { name, category, body, language, media, revision, updated_ms, ..before };
        self.store.put_document(KIND, &reply.id, Some(Bytes::from(serde_json::to_vec(&reply)?))).await?;
        Ok(reply)
    }
}

fn expect(reply: &QuickReply, expected: Option<u64>) -> Result<(), QuickReplyError> {
    match expected.is_none_or(|expected| expected == reply.revision) {
        true => Ok(()),
        false => Err(QuickReplyError::Stale(reply.revision)),
    }
}

fn check(draft: &Draft) -> Result<(), QuickReplyError> {
    let invalid = |text: String| Err(QuickReplyError::Invalid(text));
    let fits = |text: &str| (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !fits(&draft.name) || draft.category.as_deref().is_some_and(|category| !fits(category)) {
        return invalid(format!("name and category must have from 1 to {MAX_NAME} characters"));
    }
    if draft.body.trim().is_empty() || draft.body.chars().count() > MAX_BODY {
        return invalid(format!("body must have from 1 to {MAX_BODY} characters"));
    }
    if draft.media.len() > MAX_MEDIA {
        return invalid(format!("a quick reply has at most {MAX_MEDIA} files"));
    }
    pieces(&draft.body).map_err(QuickReplyError::Invalid).map(drop)
}

/// A piece of a body.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'b> {
    Text(&'b str),
    Place { name: &'b str, otherwise: Option<&'b str> },
}

/// The pieces of a body. `{{` and `}}` are braces. Errors: a brace that is not closed, or a name that is none.
fn pieces(body: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest, mut places) = (Vec::new(), body, 0);
    while let Some(at) = rest.find(['{', '}']) {
        let (text, from) = rest.split_at(at);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if let Some(after) = from.strip_prefix("{{") {
            pieces.push(Piece::Text("{"));
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            pieces.push(Piece::Text("}"));
            rest = after;
        } else {
            let inner = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let (inner, after) =
                inner.ok_or("a brace of the body stands alone; write {{ or }} for one that is meant as such")?;
            let (name, otherwise) = match inner.split_once('|') {
                Some((name, otherwise)) => (name.trim(), Some(otherwise)),
                None => (inner.trim(), None),
            };
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte == b'.';
            if name.is_empty() || !name.bytes().all(is_word) {
                return Err(format!("{{{inner}}} names nothing; write {{name}} or {{name|otherwise}}"));
            }
            places += 1;
            if places > MAX_PLACES {
                return Err(format!("the body has more than {MAX_PLACES} places"));
            }
            pieces.push(Piece::Place { name, otherwise });
            rest = after;
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// A body with what is known in its places, and the places for which nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text to send.
    pub text: String,
    /// Places without a value and without another text.
    pub missing: Vec<String>,
}

/// Puts what is known into the places of a body: `known` answers by name. A body that was checked has no errors.
pub fn render(body: &str, known: impl Fn(&str) -> Option<Value>) -> Rendered {
    let (mut text, mut missing) = (String::new(), Vec::new());
    for piece in pieces(body).unwrap_or_else(|_| vec![Piece::Text(body)]) {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Place { name, otherwise } => match known(name).as_ref().and_then(words) {
                Some(value) => text.push_str(&value),
                None => match otherwise {
                    Some(otherwise) => text.push_str(otherwise),
                    None => missing.push(name.to_owned()),
                },
            },
        }
    }
    Rendered { text, missing }
}

/// A value as people read it; what is no single value is none.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(name: &str) -> Option<Value> {
        json!({ "name": "Ada", "n": 3, "empty": "  ", "list": [1] }).get(name).cloned()
    }

    #[test]
    fn places_get_what_is_known_or_what_stands_for_it() {
        let rendered = render("Hi {name|there}, {other|friend}! {n} of {{5}} {missing}{list|}", known);
        assert_eq!(rendered.text, "Hi Ada, friend! 3 of {5} ");
        assert_eq!(rendered.missing, ["missing"]);
        assert_eq!(render("{empty|there}", known).text, "there");
        // What is put in is text: it has no places of its own.
        assert_eq!(render("{name}", |_| Some(json!("{n}"))).text, "{n}");
    }

    #[test]
    fn bodies_that_cannot_be_rendered_are_refused() {
        let draft = |body: &str| Draft { name: "a".into(), body: body.into(), ..Draft::default() };
        for body in
            ["", "  ", "{", "}", "{}", "{ |x}", "{a b}", "x {name", &"x".repeat(MAX_BODY + 1), &"{a}".repeat(51)]
        {
            assert!(check(&draft(body)).is_err(), "{body}");
        }
        assert!(check(&draft("{name|there}")).is_ok() && check(&draft("{{}}")).is_ok());
        assert!(check(&Draft { name: "".into(), ..draft("x") }).is_err());
    }
}
