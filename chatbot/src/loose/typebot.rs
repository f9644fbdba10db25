//! The comparisons of Typebot's conditions.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};
use regex::RegexBuilder;

use crate::caps;
use crate::expr::filters::instant;
use crate::expr::print;

/// The comparisons, by their names there and as an import writes them.
pub(crate) const OPERATORS: &[(&str, &str)] = &[
    ("Equal to", "eq"),
    ("Not equal", "ne"),
    ("Contains", "contains"),
    ("Does not contain", "not_contains"),
    ("Greater than", "gt"),
    ("Greater or equal to", "gte"),
    ("Less than", "lt"),
    ("Less or equal to", "lte"),
    ("Is set", "is_set"),
    ("Is empty", "is_empty"),
    ("Starts with", "starts_with"),
    ("Ends with", "ends_with"),
    ("Matches regex", "matches"),
    ("Does not match regex", "not_matches"),
];

/// Holds `left` against `right`. Of a list each element is compared: all must hold, or for `contains` and
/// `matches` one. Order is that of numbers, else of dates, else of lengths.
pub(crate) fn compare(left: &Value, op: &str, right: &Value) -> Result<bool, Error> {
    if !OPERATORS.iter().any(|(_, name)| *name == op) {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("unknown comparison `{op}`")));
    }
    let (a, b) = (texts(left), texts(right));
    let some = matches!(op, "contains" | "matches");
    Ok(match op {
        "is_set" => !is_empty(left),
        "is_empty" => is_empty(left),
        "gt" | "gte" | "lt" | "lte" => {
            !missing(left) && !missing(right) && ordered(op, size(left, right), size(right, left))
        }
        // An element of a list is contained as a whole.
        "contains" if is_list(left) => a.iter().any(|a| b.contains(a)),
        "not_contains" if is_list(left) => !a.iter().any(|a| b.contains(a)),
        _ if some => a.iter().any(|a| b.iter().any(|b| holds(op, a, b))),
        _ => a.iter().all(|a| b.iter().all(|b| holds(op, a, b))),
    })
}

fn holds(op: &str, a: &str, b: &str) -> bool {
    let (low, wanted) = (a.trim().to_lowercase(), b.trim().to_lowercase());
    let both = !a.is_empty() && !b.is_empty();
    match op {
        "eq" => a == b,
        "ne" => a != b,
        "contains" => both && low.contains(&wanted),
        "not_contains" => !both || !low.contains(&wanted),
        "starts_with" => both && low.starts_with(&wanted),
        "ends_with" => both && low.ends_with(&wanted),
        "matches" => both && matches_pattern(a, b) == Some(true),
        _ => both && matches_pattern(a, b) != Some(true),
    }
}

/// `/pattern/flags`, or a bare pattern.
fn matches_pattern(text: &str, pattern: &str) -> Option<bool> {
    let (pattern, flags) = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).unwrap_or((pattern, ""));
    if pattern.chars().count() > caps::MAX_PATTERN_CHARS {
        return None;
    }
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .size_limit(caps::MAX_PATTERN_BYTES)
        .build();
    Some(regex.ok()?.is_match(text))
}

fn ordered(op: &str, a: f64, b: f64) -> bool {
    match op {
        "gt" => a > b,
        "gte" => a >= b,
        "lt" => a < b,
        _ => a <= b,
    }
}

/// What a value counts as beside another: its number, its time, or how long it is.
#[allow(clippy::cast_precision_loss)] // lengths and times are far below 2^52
fn size(value: &Value, beside: &Value) -> f64 {
    if is_list(value) {
        return value.len().unwrap_or_default() as f64;
    }
    let text = print(value).unwrap_or_default();
    let number = || text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && !text.starts_with('+'));
    let time = || instant(text.trim(), &jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_millisecond() as f64);
    if is_list(beside) {
        return number().unwrap_or(f64::NAN);
    }
    number().or_else(time).unwrap_or(text.chars().count() as f64)
}

fn texts(value: &Value) -> Vec<String> {
    match value.try_iter() {
        Ok(items) if is_list(value) => {
            items.take(caps::MAX_MENU_OPTIONS).map(|item| print(&item).unwrap_or_default()).collect()
        }
        _ => vec![print(value).unwrap_or_default()],
    }
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn missing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn is_empty(value: &Value) -> bool {
    missing(value) || print(value).unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_compares_as_typebot_does() {
        for (left, op, right, expected) in [
            ("a", "eq", "a", true),
            ("a", "ne", "a", false),
            ("Hello World", "contains", "world", true),
            ("Hello", "contains", "", false),
            ("Hello", "not_contains", "x", true),
            ("10", "gt", "9", true),
            ("2026-11-22", "gt", "2025-11-22", true),
            ("abc", "gte", "abc", true),
            ("ab", "lt", "abc", true),
            ("3", "lte", "2", false),
            ("x", "is_set", "", true),
            ("", "is_empty", "", true),
            ("Hello", "starts_with", "he", true),
            ("Hello", "ends_with", "LO", true),
            ("abc123", "matches", r"/^ABC\d+$/i", true),
            ("abc", "matches", "(", false),
            ("abc", "not_matches", r"\d", true),
        ] {
            assert_eq!(compare(&left.into(), op, &right.into()).unwrap(), expected, "{left} {op} {right}");
        }
        for (_, op) in OPERATORS {
            assert!(compare(&Value::UNDEFINED, op, &Value::UNDEFINED).is_ok(), "{op}");
        }
        assert!(compare(&Value::from(1), "resembles", &Value::from(1)).is_err());
    }

    #[test]
    fn lists_are_compared_by_their_elements() {
        let list = Value::from(vec!["red", "blue"]);
        assert!(compare(&list, "contains", &"red".into()).unwrap());
        assert!(!compare(&list, "contains", &"re".into()).unwrap());
        assert!(compare(&list, "not_contains", &"green".into()).unwrap());
        assert!(compare(&list, "gt", &"1".into()).unwrap());
        assert!(compare(&list, "is_set", &"".into()).unwrap());
    }
}
