//! Filters and tests of texts, telephone numbers and addresses.

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error};
use unicode_segmentation::UnicodeSegmentation;

use super::invalid;
use crate::caps;
use crate::expr::{print, to_json, to_value};
use crate::locale::{Locale, address, countries, fold, phone};

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("clean", |value: Value| shown(&value).split_whitespace().collect::<Vec<_>>().join(" "));
    env.add_filter("country", |value: Value| countries::of_number(&digits(&shown(&value))));
    env.add_filter("digits", |value: Value| digits(&shown(&value)));
    env.add_filter("first_name", |value: Value| shown(&value).split_whitespace().next().unwrap_or_default().to_owned());
    env.add_filter("from_json", |value: Value| from_json(&shown(&value)));
    env.add_filter("initials", |value: Value| initials(&shown(&value)));
    env.add_filter("json", |value: Value| to_json(&value).map(|json| json.to_string()).map_err(invalid));
    env.add_filter("mask", |value: Value, open: Option<usize>| mask(&shown(&value), open.unwrap_or(4)));
    env.add_filter("phone", phone_number);
    env.add_filter("slug", |value: Value| slug(&shown(&value)));
    env.add_filter("text", |value: Value| print(&value).ok_or_else(|| invalid("the value is too long to print")));
    env.add_filter("truncate", |value: Value, longest: Option<usize>, _: Kwargs| {
        truncate(&shown(&value), longest.unwrap_or(40))
    });
    env.add_filter("url_encode", |value: Value| url_encode(&shown(&value)));
    env.add_test("blank", |value: Value| is_blank(&value));
    env.add_test("email", |value: Value| value.as_str().is_some_and(|text| address::email(text).is_some()));
    env.add_test("url", |value: Value| value.as_str().is_some_and(|text| address::url(text).is_some()));
    env.add_test("phone", |value: Value, region: Option<String>| {
        phone::parse(&shown(&value), &place(region.as_deref())).len() == 1
    });
}

fn shown(value: &Value) -> String {
    print(value).unwrap_or_default()
}

pub(super) fn is_blank(value: &Value) -> bool {
    match value.len() {
        Some(len) if value.as_str().is_none() => len == 0,
        _ => shown(value).trim().is_empty(),
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn place(region: Option<&str>) -> Locale {
    Locale { region: region.map(str::to_uppercase), ..Locale::default() }
}

/// A number with its `+`; with a country also one that is written as it is dialled there. What is no number of that
/// country is its digits.
fn phone_number(value: Value, region: Option<String>, options: Kwargs) -> Result<String, Error> {
    let spaced = options.get::<Option<bool>>("spaced")?.unwrap_or_default();
    options.assert_all_used()?;
    let text = shown(&value);
    let found = region.as_deref().map(|region| phone::parse(&text, &place(Some(region)))).unwrap_or_default();
    let number = match found.as_slice() {
        [one] => one.clone(),
        _ => Some(digits(&text))
            .filter(|digits| !digits.is_empty())
            .map(|digits| format!("+{digits}"))
            .unwrap_or_default(),
    };
    Ok(if spaced { phone::spaced(&number) } else { number })
}

fn from_json(text: &str) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Ok(Value::UNDEFINED);
    }
    if text.len() > caps::MAX_VALUE_BYTES {
        return Err(invalid(format!("the JSON is longer than {} bytes", caps::MAX_VALUE_BYTES)));
    }
    let json = serde_json::from_str::<serde_json::Value>(text);
    json.map(|json| to_value(&json)).map_err(|error| invalid(format!("this is not JSON: {error}")))
}

fn initials(text: &str) -> String {
    let first = |word: &str| word.graphemes(true).next().map(str::to_uppercase).unwrap_or_default();
    text.split(|c: char| c.is_whitespace() || c == '-').map(first).collect()
}

/// All but the last characters as dots.
fn mask(text: &str, open: usize) -> String {
    let count = text.graphemes(true).count();
    let hidden = count.saturating_sub(open);
    text.graphemes(true).enumerate().map(|(at, part)| if at < hidden { "•" } else { part }).collect()
}

fn slug(text: &str) -> String {
    let plain = fold(text);
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn truncate(text: &str, longest: usize) -> String {
    let mut graphemes = text.graphemes(true);
    let head: String = graphemes.by_ref().take(longest).collect();
    if graphemes.next().is_none() {
        return head;
    }
    let shorter: String = text.graphemes(true).take(longest.saturating_sub(1)).collect();
    format!("{}…", shorter.trim_end())
}

fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
