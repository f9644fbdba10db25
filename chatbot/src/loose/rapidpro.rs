//! The tests of RapidPro's routers, as goflow runs them: each gives what it matched, or nothing.

use std::ops::Range;
use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};
use regex::{Regex, RegexBuilder};
use unicode_segmentation::UnicodeSegmentation;

use crate::caps;
use crate::expr::print;

/// The tests that `matched` knows, and how many arguments each takes.
pub(crate) const TESTS: &[(&str, Range<usize>)] = &[
    ("has_text", 0..1),
    ("has_value", 0..1),
    ("has_any_word", 1..2),
    ("has_all_words", 1..2),
    ("has_phrase", 1..2),
    ("has_only_phrase", 1..2),
    ("has_only_text", 1..2),
    ("is_text_eq", 1..2),
    ("has_beginning", 1..2),
    ("has_pattern", 1..2),
    ("has_number", 0..1),
    ("has_number_between", 2..3),
    ("has_number_lt", 1..2),
    ("has_number_lte", 1..2),
    ("has_number_eq", 1..2),
    ("has_number_gte", 1..2),
    ("has_number_gt", 1..2),
    ("has_date", 0..1),
    ("has_date_lt", 1..2),
    ("has_date_eq", 1..2),
    ("has_date_gt", 1..2),
    ("has_time", 0..1),
    ("has_phone", 0..2),
    ("has_email", 0..1),
];

static NUMBER: LazyLock<Regex> = LazyLock::new(|| constant(r"[-+]?\d[\d,]*(?:\.\d+)?"));
static ISO_DATE: LazyLock<Regex> = LazyLock::new(|| constant(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"));
static DATE: LazyLock<Regex> = LazyLock::new(|| constant(r"\b(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})\b"));
static TIME: LazyLock<Regex> = LazyLock::new(|| constant(r"(?i)\b(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?\b"));
static EMAIL: LazyLock<Regex> = LazyLock::new(|| constant(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| constant(r"\+?\d[\d ().-]{5,}\d"));

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant that a test compiles")
}

/// What a test finds in a value; none if it does not hold.
pub(crate) fn matched(value: &Value, test: &str, args: &[Value]) -> Result<Value, Error> {
    let Some((_, takes)) = TESTS.iter().find(|(name, _)| *name == test) else {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("unknown test `{test}`")));
    };
    if !takes.contains(&args.len()) {
        let message = format!("`{test}` does not take {} arguments", args.len());
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    let text = shown(value);
    let arg = |at: usize| args.get(at).map(shown).unwrap_or_default();
    let found = match test {
        "has_text" => Some(text.trim()).filter(|text| !text.is_empty()).map(Value::from),
        "has_value" => (!text.is_empty()).then(|| value.clone()),
        "has_only_text" | "is_text_eq" => (text == arg(0)).then(|| Value::from(text.as_str())),
        "has_beginning" => beginning(&text, &arg(0)),
        "has_pattern" => pattern(&text, &arg(0)),
        "has_time" => time(&text).map(Value::from),
        "has_phone" => phone(&text).map(Value::from),
        "has_email" => EMAIL.find(&text).map(|found| Value::from(found.as_str())),
        test if test.starts_with("has_number") => {
            let limits: Vec<Option<f64>> = (0..args.len()).map(|at| number(&arg(at))).collect();
            number(&text).filter(|number| number_holds(test, *number, &limits)).map(tidy)
        }
        test if test.starts_with("has_date") => {
            let limit = date(&arg(0));
            date(&text).filter(|date| date_holds(test, date, limit.as_deref())).map(Value::from)
        }
        test => words(test, &text, &arg(0)),
    };
    Ok(found.unwrap_or(Value::from(())))
}

/// What was written with a file counts as the answer's words.
fn shown(value: &Value) -> String {
    let text = match value.kind() {
        ValueKind::Map => value.get_attr("caption").unwrap_or_default(),
        _ => value.clone(),
    };
    print(&text).unwrap_or_default()
}

fn words(test: &str, text: &str, wanted: &str) -> Option<Value> {
    let (said, wanted) = (tokens(text), tokens(wanted));
    let lower: Vec<String> = said.iter().map(|word| word.to_lowercase()).collect();
    let wanted: Vec<String> = wanted.iter().map(|word| word.to_lowercase()).collect();
    let pick = |keep: &dyn Fn(&String) -> bool| {
        let kept: Vec<&str> = said.iter().zip(&lower).filter(|(_, word)| keep(word)).map(|(word, _)| *word).collect();
        Value::from(kept.join(" "))
    };
    match test {
        "has_any_word" => lower.iter().any(|word| wanted.contains(word)).then(|| pick(&|word| wanted.contains(word))),
        "has_all_words" => {
            let all = !wanted.is_empty() && wanted.iter().all(|word| lower.contains(word));
            all.then(|| pick(&|word| wanted.contains(word)))
        }
        "has_only_phrase" => (lower == wanted).then(|| Value::from(said.join(" "))),
        _ if wanted.is_empty() => Some(Value::from("")),
        _ => {
            let at = lower.windows(wanted.len()).position(|window| *window == wanted[..])?;
            Some(Value::from(said.get(at..at + wanted.len())?.join(" ")))
        }
    }
}

/// Words and emoji; marks of punctuation are none.
fn tokens(text: &str) -> Vec<&str> {
    let spoken = |word: &&str| {
        word.chars().any(|c| c.is_alphanumeric() || (u32::from(c) > 0x2190 && !c.is_whitespace() && c != '\u{fe0f}'))
    };
    text.split_word_bounds().filter(spoken).collect()
}

fn beginning(text: &str, wanted: &str) -> Option<Value> {
    let (text, wanted) = (text.trim(), wanted.trim());
    let head: String = text.chars().take(wanted.chars().count()).collect();
    (!wanted.is_empty() && head.to_lowercase() == wanted.to_lowercase()).then(|| Value::from(head))
}

fn pattern(text: &str, pattern: &str) -> Option<Value> {
    let pattern = pattern.trim();
    if pattern.chars().count() > caps::MAX_PATTERN_CHARS {
        return None;
    }
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(caps::MAX_PATTERN_BYTES)
        .build()
        .ok()?;
    regex.find(text.trim()).map(|found| Value::from(found.as_str()))
}

fn number(text: &str) -> Option<f64> {
    NUMBER.find(text)?.as_str().replace(',', "").parse().ok().filter(|number: &f64| number.is_finite())
}

fn number_holds(test: &str, number: f64, limits: &[Option<f64>]) -> bool {
    let limit = |at: usize| limits.get(at).copied().flatten();
    match test {
        "has_number" => true,
        "has_number_between" => {
            limit(0).is_some_and(|least| number >= least) && limit(1).is_some_and(|most| number <= most)
        }
        "has_number_lt" => limit(0).is_some_and(|limit| number < limit),
        "has_number_lte" => limit(0).is_some_and(|limit| number <= limit),
        "has_number_gte" => limit(0).is_some_and(|limit| number >= limit),
        "has_number_gt" => limit(0).is_some_and(|limit| number > limit),
        // Both were read from decimal text: equal numbers are equal to the bit.
        _ => limit(0).is_some_and(|limit| number.total_cmp(&limit).is_eq()),
    }
}

/// Whole numbers as integers.
fn tidy(number: f64) -> Value {
    #[allow(clippy::cast_possible_truncation)] // bounded
    match number.fract() == 0.0 && number.abs() < 9e15 {
        true => Value::from(number as i64),
        false => Value::from(number),
    }
}

/// A date as `2026-11-22`; days stand before months.
fn date(text: &str) -> Option<String> {
    let part = |captures: &regex::Captures<'_>, at: usize| captures.get(at)?.as_str().parse::<i16>().ok();
    let civil = |year: i16, month: i16, day: i16| {
        let year = if year < 100 { 2_000 + year } else { year };
        let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(date.to_string())
    };
    if let Some(captures) = ISO_DATE.captures(text) {
        return civil(part(&captures, 1)?, part(&captures, 2)?, part(&captures, 3)?);
    }
    let captures = DATE.captures(text)?;
    civil(part(&captures, 3)?, part(&captures, 2)?, part(&captures, 1)?)
}

fn date_holds(test: &str, date: &str, limit: Option<&str>) -> bool {
    match (test, limit) {
        ("has_date", _) => true,
        (_, None) => false,
        ("has_date_lt", Some(limit)) => date < limit,
        ("has_date_gt", Some(limit)) => date > limit,
        (_, Some(limit)) => date == limit,
    }
}

/// A time as `14:30`.
fn time(text: &str) -> Option<String> {
    TIME.captures_iter(text).find_map(|captures| {
        let (minute, half) = (captures.get(2), captures.get(3).map(|half| half.as_str().to_lowercase()));
        if minute.is_none() && half.is_none() {
            return None;
        }
        let hour: u32 = captures.get(1)?.as_str().parse().ok()?;
        let minute: u32 = minute.map_or(Some(0), |minute| minute.as_str().parse().ok())?;
        let hour = match half.as_deref() {
            Some("pm") if hour < 12 => hour + 12,
            Some("am") if hour == 12 => 0,
            _ => hour,
        };
        (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
    })
}

fn phone(text: &str) -> Option<String> {
    let digits: String = PHONE.find(text)?.as_str().chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.chars().count()).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, test: &str, args: &[&str]) -> Option<String> {
        let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
        let found = matched(&Value::from(text), test, &args).unwrap();
        (!found.is_none()).then(|| print(&found).unwrap())
    }

    #[test]
    fn each_test_finds_what_it_is_for() {
        for (text, test, args, expected) in [
            ("  hi ", "has_text", &[][..], Some("hi")),
            (" ", "has_text", &[], None),
            ("x", "has_value", &[], Some("x")),
            ("", "has_value", &[], None),
            ("The Quick Brown Fox", "has_any_word", &["fox quick"], Some("Quick Fox")),
            ("The slow fox", "has_any_word", &["red"], None),
            ("yes 👍", "has_any_word", &["👍"], Some("👍")),
            ("the quick brown FOX", "has_all_words", &["the fox"], Some("the FOX")),
            ("the quick brown fox", "has_all_words", &["red fox"], None),
            ("the quick brown fox", "has_phrase", &["brown fox"], Some("brown fox")),
            ("the quick brown fox", "has_phrase", &["quick fox"], None),
            ("Quick, Brown!", "has_only_phrase", &["quick brown"], Some("Quick Brown")),
            ("the quick brown", "has_only_phrase", &["quick brown"], None),
            ("abc", "has_only_text", &["abc"], Some("abc")),
            ("Abc", "has_only_text", &["abc"], None),
            ("foo", "is_text_eq", &["foo"], Some("foo")),
            ("The Quick Brown", "has_beginning", &["the quick"], Some("The Quick")),
            ("The Quick Brown", "has_beginning", &["quick"], None),
            ("Buy cheese please", "has_pattern", &[r"buy (\w+)"], Some("Buy cheese")),
            ("Sell cheese", "has_pattern", &[r"buy (\w+)"], None),
            ("x", "has_pattern", &["("], None),
            ("the number is 42", "has_number", &[], Some("42")),
            ("1,234.50 coins", "has_number", &[], Some("1234.5")),
            ("forty two", "has_number", &[], None),
            ("42", "has_number_between", &["40", "44"], Some("42")),
            ("42", "has_number_between", &["50", "60"], None),
            ("42", "has_number_lt", &["44"], Some("42")),
            ("42", "has_number_lte", &["42"], Some("42")),
            ("42", "has_number_eq", &["42.0"], Some("42")),
            ("42", "has_number_gte", &["43"], None),
            ("42", "has_number_gt", &["40"], Some("42")),
            ("on 15.1.2017, ok", "has_date", &[], Some("2017-01-15")),
            ("just a year 2017", "has_date", &[], None),
            ("2017-01-15", "has_date_lt", &["2017-06-01"], Some("2017-01-15")),
            ("2017-01-15", "has_date_eq", &["15/01/2017"], Some("2017-01-15")),
            ("2017-01-15", "has_date_gt", &["2017-06-01"], None),
            ("at 10:30 pm", "has_time", &[], Some("22:30")),
            ("5am", "has_time", &[], Some("05:00")),
            ("at noon", "has_time", &[], None),
            ("my number is +44 7700 900123", "has_phone", &["GB"], Some("+447700900123")),
            ("12345", "has_phone", &[], None),
            ("mail ada@example.com please", "has_email", &[], Some("ada@example.com")),
            ("no mail", "has_email", &[], None),
        ] {
            assert_eq!(found(text, test, args).as_deref(), expected, "{text:?} {test} {args:?}");
        }
    }

    #[test]
    fn every_test_is_tried_above() {
        let tests = include_str!("rapidpro.rs");
        for (name, _) in TESTS {
            assert!(tests.matches(&format!("\"{name}\", &[")).count() > 0, "{name}");
        }
    }

    #[test]
    fn what_is_no_test_is_an_error() {
        assert!(matched(&Value::from("x"), "has_magic", &[]).is_err());
        assert!(matched(&Value::from("x"), "has_any_word", &[]).is_err());
    }
}
