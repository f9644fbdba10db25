//! What is kept of a contact: `contact` holds it by contact, `contact_tag` says who has a tag.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{ContactId, NewDocument};

use crate::codec;
use crate::identity;

pub(super) const CONTACT: &str = "contact";
pub(super) const TAG: &str = "contact_tag";

/// Tags of one contact.
const MAX_TAGS: usize = 64;
/// Bytes of a tag.
const MAX_TAG: usize = 64;
/// Fields of one contact.
const MAX_FIELDS: usize = 64;
/// Bytes of the name of a field.
const MAX_FIELD_NAME: usize = 64;
/// Bytes of a field's value, and of a name.
const MAX_TEXT: usize = 1_024;
/// Bytes of a language's tag.
const MAX_LANGUAGE: usize = 35;
/// Digits of a phone number (E.164), and the fewest that are taken for one.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// What is kept of a contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactRecord {
    /// How often it changed.
    pub revision: u64,
    /// When it was first kept.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
    /// The name that staff or an import gave; the profile's name stays with the conversations.
    pub name: Option<Box<str>>,
    /// A language's tag, such as `en` or `pt-BR`.
    pub language: Option<Box<str>>,
    /// The number of somebody who was imported: they may never have written.
    pub phone: Option<Box<str>>,
    /// Lower-case words.
    pub tags: BTreeSet<Box<str>>,
    /// Texts, numbers and truths.
    pub fields: BTreeMap<Box<str>, Value>,
    /// What staff or an import said about marketing, if anything.
    pub marketing: Option<OptIn>,
}

/// Whether marketing is wanted, by whose word, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptIn {
    /// Whether it is.
    pub wanted: bool,
    /// When it was said (Unix ms).
    pub at_ms: u64,
    /// Who said so: `person`, `import`, or the name of a principal.
    pub source: Box<str>,
}

/// Why a value is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactRefusal {
    /// A tag has another form.
    #[error("tag {0:?} is not 1 to 64 characters of a-z, 0-9, _ and -")]
    Tag(Box<str>),
    /// Too many.
    #[error("a contact has at most {0} {1}")]
    TooMany(usize, &'static str),
    /// The name of a field.
    #[error("field {0:?} is not named by 1 to 64 characters of a-z, A-Z, 0-9, _ and -")]
    FieldName(Box<str>),
    /// The value of a field.
    #[error("field {0:?} is not a text of up to 1,024 bytes, a number or a truth")]
    FieldValue(Box<str>),
    /// A name.
    #[error("name is not 1 to 1,024 bytes without control characters")]
    Name,
    /// A language.
    #[error("language {0:?} is not a tag such as en or pt-BR")]
    Language(Box<str>),
    /// A phone number.
    #[error("{0:?} is no phone number of 5 to 15 digits with its country")]
    Phone(Box<str>),
}

/// Checks the form of a tag.
pub fn check_tag(tag: &str) -> Result<(), ContactRefusal> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    let fits = (1..=MAX_TAG).contains(&tag.len()) && tag.bytes().all(is_word);
    if fits { Ok(()) } else { Err(ContactRefusal::Tag(shown(tag))) }
}

/// The digits of a phone number that is given with or without plus, spaces and signs.
pub(super) fn check_phone(phone: &str) -> Result<Box<str>, ContactRefusal> {
    let known = |c: char| c.is_ascii_digit() || "+ -().".contains(c);
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let fits = PHONE_DIGITS.contains(&digits.len()) && phone.chars().all(known);
    if fits { Ok(digits.into()) } else { Err(ContactRefusal::Phone(shown(phone))) }
}

pub(super) fn check_language(language: &str) -> Result<(), ContactRefusal> {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let fits = language.len() <= MAX_LANGUAGE && language.split(['-', '_']).all(part);
    if fits { Ok(()) } else { Err(ContactRefusal::Language(shown(language))) }
}

pub(super) fn check_name(name: &str) -> Result<(), ContactRefusal> {
    let fits = (1..=MAX_TEXT).contains(&name.len()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(ContactRefusal::Name) }
}

pub(super) fn check_field(name: &str, value: &Value) -> Result<(), ContactRefusal> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(1..=MAX_FIELD_NAME).contains(&name.len()) || !name.bytes().all(is_word) {
        return Err(ContactRefusal::FieldName(shown(name)));
    }
    let fits = match value {
        Value::String(text) => text.len() <= MAX_TEXT,
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if fits { Ok(()) } else { Err(ContactRefusal::FieldValue(name.into())) }
}

fn shown(text: &str) -> Box<str> {
    text.chars().take(80).collect::<String>().into()
}

impl ContactRecord {
    /// Whether it keeps nothing.
    pub(super) fn is_blank(&self) -> bool {
        let kept = Self { revision: 0, created_ms: 0, updated_ms: 0, ..self.clone() };
        kept == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), ContactRefusal> {
        if self.tags.len() > MAX_TAGS {
            return Err(ContactRefusal::TooMany(MAX_TAGS, "tags"));
        }
        if self.fields.len() > MAX_FIELDS {
            return Err(ContactRefusal::TooMany(MAX_FIELDS, "fields"));
        }
        Ok(())
    }

    /// Takes in what was kept of somebody who is the same person; what is here stays.
    pub(super) fn absorb(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.language = self.language.take().or(other.language);
        self.phone = self.phone.take().or(other.phone);
        let room = MAX_TAGS.saturating_sub(self.tags.len());
        let newer: Vec<_> = other.tags.into_iter().filter(|tag| !self.tags.contains(tag)).take(room).collect();
        self.tags.extend(newer);
        for (name, value) in other.fields {
            if self.fields.len() < MAX_FIELDS {
                self.fields.entry(name).or_insert(value);
            }
        }
        if let Some(other) = other.marketing {
            self.said(other);
        }
        self.created_ms = self.created_ms.min(other.created_ms);
    }

    /// Takes over what was said about marketing, unless something later is known.
    pub(super) fn said(&mut self, other: OptIn) {
        if self.marketing.as_ref().is_none_or(|known| known.at_ms <= other.at_ms) {
            self.marketing = Some(other);
        }
    }

    /// The documents that put it in the place of what was kept before.
    pub(super) fn documents(&self, contact: ContactId, before: Option<&Self>) -> Vec<NewDocument> {
        let key = identity::hex(contact);
        let none = BTreeSet::new();
        let old = before.map_or(&none, |before| &before.tags);
        let mut documents = vec![(CONTACT.into(), key.as_str().into(), Some(codec::encode(self)))];
        documents.extend(old.difference(&self.tags).map(|tag| (TAG.into(), tag_key(tag, &key), None)));
        documents.extend(self.tags.difference(old).map(|tag| (TAG.into(), tag_key(tag, &key), Some(Bytes::new()))));
        documents
    }

    /// The documents that remove it.
    pub(super) fn removal(&self, contact: ContactId) -> Vec<NewDocument> {
        let key = identity::hex(contact);
        let tags = self.tags.iter().map(|tag| (TAG.into(), tag_key(tag, &key), None));
        tags.chain([(CONTACT.into(), key.as_str().into(), None)]).collect()
    }
}

pub(super) fn tag_key(tag: &str, contact: &str) -> Box<str> {
    format!("{tag}/{contact}").into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_another_form_are_refused() {
        for tag in ["", "VIP", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(check_tag(tag).is_err(), "{tag}");
        }
        assert_eq!(check_tag("vip-2026_x"), Ok(()));
        for phone in ["", "1234", "44 7700 900123 ext 4", "=447700900123", &"1".repeat(16)] {
            assert!(check_phone(phone).is_err(), "{phone}");
        }
        assert_eq!(check_phone("+44 (7700) 900-123").as_deref(), Ok("447700900123"));
        assert!(check_field("a", &json!(null)).is_err() && check_field("a", &json!([])).is_err());
        assert!(check_field("", &json!(1)).is_err() && check_field("a b", &json!(1)).is_err());
        assert!(check_language("pt-BR").is_ok() && check_language("en us").is_err() && check_language("").is_err());
    }

    #[test]
    fn what_was_kept_of_the_same_person_is_taken_in_and_what_was_there_stays() {
        let opt = |wanted, at_ms| Some(OptIn { wanted, at_ms, source: "import".into() });
        let mut one = ContactRecord { marketing: opt(true, 5), ..ContactRecord::default() };
        one.fields.insert("city".into(), json!("York"));
        let mut other =
            ContactRecord { name: Some("Ada".into()), marketing: opt(false, 6), ..ContactRecord::default() };
        other.tags.insert("vip".into());
        other.fields.insert("city".into(), json!("Leeds"));
        one.absorb(other);
        assert_eq!((one.name.as_deref(), one.tags.len(), &one.fields["city"]), (Some("Ada"), 1, &json!("York")));
        assert_eq!(one.marketing, opt(false, 6));
    }
}
