//! Reading a raw body: a part of it, and the path to it, so that an error can name the place.
//!
//! Reading goes on after an error: what is wrong is reported once and stands as empty.

use serde_json::Value;

use super::check::{Check, OBJECT};
use crate::limits::Limit;

const ARRAY: Limit = Limit::Form("an array");
const TEXT: Limit = Limit::Form("a text");

/// A part of a body. One that is missing or `null` has no value.
#[derive(Clone)]
pub(crate) struct Part<'a> {
    value: Option<&'a Value>,
    path: String,
}

impl<'a> Part<'a> {
    /// The whole body.
    pub(crate) fn root(body: &'a Value) -> Self {
        Self { value: Some(body), path: String::new() }
    }

    /// The member of this name.
    pub(crate) fn get(&self, name: &str) -> Self {
        let value = self.value.and_then(|value| value.get(name)).filter(|value| !value.is_null());
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value, path }
    }

    /// Where it is, e.g. `interactive.action.buttons[0]`.
    pub(crate) fn path(&self) -> String {
        self.path.clone()
    }

    /// Whether it is there.
    pub(crate) fn exists(&self) -> bool {
        self.value.is_some()
    }

    /// What is there.
    pub(crate) fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Whether it is there and is this text.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.value.is_some_and(|value| value == text)
    }

    /// Reports that it breaks this limit.
    pub(crate) fn fail(&self, check: &mut Check, limit: Limit) {
        check.fail(self.path(), limit, 0, self.value.and_then(Value::as_str));
    }

    /// An object of these members and no others. Meta refuses a member that it does not know.
    pub(crate) fn members(&self, check: &mut Check, names: &[&str]) -> bool {
        match self.value {
            None => self.fail(check, Limit::NotEmpty),
            Some(Value::Object(members)) => {
                for name in members.keys().filter(|name| !names.contains(&name.as_str())) {
                    check.fail(self.get(name).path, Limit::Unknown, 0, None);
                }
                return true;
            }
            Some(_) => self.fail(check, OBJECT),
        }
        false
    }

    /// An object of any members, if it is there.
    pub(crate) fn open(&self, check: &mut Check) -> Option<Value> {
        if self.value.is_some_and(|value| !value.is_object()) {
            self.fail(check, OBJECT);
        }
        self.value.cloned()
    }

    /// An array of anything, if it is there.
    pub(crate) fn open_list(&self, check: &mut Check) -> Option<Value> {
        if self.value.is_some_and(|value| !value.is_array()) {
            self.fail(check, ARRAY);
        }
        self.value.cloned()
    }

    /// The elements of an array; a missing one has none.
    pub(crate) fn items(&self, check: &mut Check) -> Vec<Self> {
        let items = match self.value {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fail(check, ARRAY);
                return Vec::new();
            }
        };
        let part = |(i, value)| Self { value: Some(value), path: format!("{}[{i}]", self.path) };
        items.iter().enumerate().map(part).collect()
    }

    /// As [`items`](Self::items), with their number checked.
    pub(crate) fn some_items(&self, check: &mut Check, min: usize, max: usize) -> Vec<Self> {
        let items = self.items(check);
        if items.len() < min {
            check.fail(self.path(), Limit::MinItems(min), items.len(), None);
        } else if items.len() > max {
            check.fail(self.path(), Limit::MaxItems(max), items.len(), None);
        }
        items
    }

    fn string(&self, check: &mut Check) -> Option<&'a str> {
        match self.value {
            None => Some(""),
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.fail(check, TEXT);
                None
            }
        }
    }

    /// A text that must be there and fit.
    pub(crate) fn text(&self, check: &mut Check, max: usize) -> String {
        let text = self.string(check);
        check.text(text, max, || self.path());
        text.unwrap_or_default().to_owned()
    }

    /// A text of any length that must be there.
    pub(crate) fn needed(&self, check: &mut Check) -> String {
        self.text(check, usize::MAX)
    }

    /// A text that must fit if it is there; one of spaces counts as missing.
    pub(crate) fn optional(&self, check: &mut Check, max: usize) -> Option<String> {
        let text = self.string(check);
        check.optional(text, max, || self.path());
        super::filled(text.map(str::to_owned))
    }

    /// A text of any length, as it is.
    pub(crate) fn any_text(&self, check: &mut Check) -> String {
        self.string(check).unwrap_or_default().to_owned()
    }

    /// True or false; missing is false.
    pub(crate) fn flag(&self, check: &mut Check) -> bool {
        match self.value {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fail(check, Limit::Form("true or false"));
                false
            }
        }
    }

    /// A whole number, or text that holds one, below `end`.
    pub(crate) fn index(&self, check: &mut Check, end: usize) -> u8 {
        let number = match self.value {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(|number| u8::try_from(number).ok()) {
            Some(index) if usize::from(index) < end => index,
            _ => {
                self.fail(check, Limit::Form("a whole number from 0 to 9"));
                0
            }
        }
    }

    /// A whole number.
    pub(crate) fn integer(&self, check: &mut Check) -> i64 {
        self.value.and_then(Value::as_i64).unwrap_or_else(|| {
            self.fail(check, Limit::Form("a whole number"));
            0
        })
    }

    /// An http or https address.
    pub(crate) fn link(&self, check: &mut Check) -> String {
        let link = self.any_text(check);
        if !link.starts_with("https://") && !link.starts_with("http://") {
            self.fail(check, Limit::Form("an http or https address"));
        }
        link
    }

    /// At most `max` line breaks in a text.
    pub(crate) fn breaks(&self, check: &mut Check, text: &str, max: usize) {
        let breaks = text.matches('\n').count();
        if breaks > max {
            check.fail(self.path(), Limit::MaxBreaks(max), breaks, None);
        }
    }
}
