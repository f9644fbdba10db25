//! Deserialisers that take what comes: an id may be a number, a list may be something else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Reads one JSON object. A bare derive would also take an array, field by field.
pub(crate) fn object<'a, T: Deserialize<'a>>(raw: &'a str) -> Result<T, serde_json::Error> {
    if raw.trim_start().starts_with('{') {
        serde_json::from_str(raw)
    } else {
        Err(serde::de::Error::custom("not an object"))
    }
}

/// A string or number as text; anything else is `None`.
pub(crate) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    input.deserialize_any(Scalar)
}

/// As [`text`], owned.
pub(crate) fn string<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(text(input)?.map(Cow::into_owned))
}

/// As [`text`], and empty text is `None`: for ids.
pub(crate) fn id<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Ok(text(input)?.filter(|id| !id.is_empty()))
}

/// As [`id`], owned.
pub(crate) fn owned_id<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(id(input)?.map(Cow::into_owned))
}

/// A finite number, or text that holds one.
pub(crate) fn number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    Ok(text(input)?.and_then(|n| n.trim().parse().ok()).filter(|n: &f64| n.is_finite()))
}

/// A whole number, or text that holds one.
pub(crate) fn code<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    Ok(text(input)?.and_then(|n| n.trim().parse().ok()))
}

/// Unix seconds as a number or text, in milliseconds.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    Ok(text(input)?.and_then(|n| n.trim().parse::<u64>().ok()).and_then(|n| n.checked_mul(1000)))
}

/// A boolean, or its name as text; everything else is false.
pub(crate) fn flag<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    Ok(text(input)?.as_deref() == Some("true"))
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(if flag { "true" } else { "false" })))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// An array whose elements stay raw; missing and `null` are empty, everything else is odd.
#[derive(Debug, Default)]
pub(crate) struct List<'a> {
    pub(crate) items: Vec<&'a RawValue>,
    pub(crate) odd: bool,
}

impl List<'_> {
    fn odd() -> Self {
        Self { items: Vec::new(), odd: true }
    }
}

/// Reads a [`List`].
pub(crate) fn list<'de, D: Deserializer<'de>>(input: D) -> Result<List<'de>, D::Error> {
    input.deserialize_any(Items)
}

struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = List<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = elements.next_element()? {
            items.push(item);
        }
        Ok(List { items, odd: false })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(List::odd())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::odd())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::odd())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::odd())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::odd())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::odd())
    }
}
