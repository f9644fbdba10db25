//! Comparisons of imported bots: text or number by the operator, as the original program did.

pub(crate) mod rapidpro;
pub(crate) mod typebot;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use crate::expr::print;

/// The operators, by each of their names, and the name that an import writes.
const OPERATORS: &[(&str, &[&str])] = &[
    ("eq", &["==", "eq", "equals", "="]),
    ("ne", &["!=", "neq", "ne", "not_equals"]),
    ("contains", &["contains"]),
    ("not_contains", &["not_contains"]),
    ("gt", &[">", "gt", "greater"]),
    ("lt", &["<", "lt", "less"]),
    ("gte", &[">=", "gte", "greater_or_equal"]),
    ("lte", &["<=", "lte", "less_or_equal"]),
    ("is_empty", &["is_empty"]),
    ("is_not_empty", &["is_not_empty"]),
];

/// The operator that a foreign name stands for.
pub(crate) fn operator(name: &str) -> Option<&'static str> {
    OPERATORS.iter().find(|(_, names)| names.contains(&name)).map(|(ours, _)| *ours)
}

/// Holds `left` against `right`: equality as text, order as numbers (false when one is none),
/// `contains` without regard to case. A missing value is empty text.
pub(crate) fn compare(left: &Value, op: &str, right: &Value) -> Result<bool, Error> {
    let (a, b) = (text(left), text(right));
    let ordered = |holds: fn(f64, f64) -> bool| match (number(&a), number(&b)) {
        (Some(a), Some(b)) => holds(a, b),
        _ => false,
    };
    let contains = || a.to_lowercase().contains(&b.to_lowercase());
    Ok(match operator(op) {
        Some("eq") => a == b,
        Some("ne") => a != b,
        Some("contains") => contains(),
        Some("not_contains") => !contains(),
        Some("gt") => ordered(|a, b| a > b),
        Some("lt") => ordered(|a, b| a < b),
        Some("gte") => ordered(|a, b| a >= b),
        Some("lte") => ordered(|a, b| a <= b),
        Some("is_empty") => empty(left),
        Some("is_not_empty") => !empty(left),
        _ => return Err(Error::new(ErrorKind::InvalidOperation, format!("unknown comparison `{op}`"))),
    })
}

fn text(value: &Value) -> String {
    print(value).unwrap_or_default()
}

/// Empty text counts as zero, as it did there.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() { Some(0.0) } else { text.parse().ok().filter(|n: &f64| n.is_finite()) }
}

fn empty(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => true,
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => value.len() == Some(0),
        _ => text(value).trim().is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_compares_by_its_kind() {
        for (left, op, right, expected) in [
            ("18", ">=", "18", true),
            ("9", "gt", "10", false),
            ("abc", "less", "10", false),
            ("Yes please", "contains", "yes", true),
            ("Yes", "eq", "yes", false),
            ("5", "equals", "5", true),
            ("5", "neq", "6", true),
            ("a", "not_contains", "b", true),
            ("2", "lte", "1", false),
            ("1.5", "<", "1.6", true),
        ] {
            assert_eq!(compare(&left.into(), op, &right.into()).unwrap(), expected, "{left} {op} {right}");
        }
    }

    #[test]
    fn numbers_and_texts_mix() {
        assert!(compare(&Value::from(5), "==", &"5".into()).unwrap());
        assert!(compare(&Value::from(5.0), "==", &"5".into()).unwrap());
        assert!(compare(&Value::UNDEFINED, "is_empty", &"".into()).unwrap());
        assert!(compare(&Value::from(vec![1]), "is_not_empty", &"".into()).unwrap());
    }

    #[test]
    fn unknown_comparisons_are_errors() {
        assert!(compare(&Value::from(1), "resembles", &Value::from(1)).is_err());
    }
}
