//! Numbers as people type them.

use serde_json::{Number, Value};

use super::{Locale, digit};

/// Reads a number: spaces and apostrophes group, so do commas or points that repeat or stand before
/// exactly three digits where the locale groups with them; the last other separator is the decimal
/// one. Digits of other scripts count. Whole numbers become integers.
pub(crate) fn parse(text: &str, locale: &Locale) -> Option<Value> {
    let plain = ungroup(&normalise(text)?, locale.groups_with_comma())?;
    if !plain.contains('.')
        && let Ok(whole) = plain.parse::<i64>()
    {
        return Some(Value::Number(whole.into()));
    }
    let value: f64 = plain.parse().ok()?;
    // Beyond 2^53 neighbours collapse; nobody types such an answer on purpose.
    if !value.is_finite() || value.abs() > 9_007_199_254_740_992.0 {
        return None;
    }
    if value.fract() == 0.0 {
        #[allow(clippy::cast_possible_truncation)] // bounded above
        return Some(Value::Number((value as i64).into()));
    }
    Number::from_f64(value).map(Value::Number)
}

fn normalise(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.trim().chars() {
        match c {
            '+' if out.is_empty() => {}
            '-' | '−' if out.is_empty() => out.push('-'),
            '.' | '٫' | '·' => out.push('.'),
            ',' | '٬' => out.push(','),
            '\'' | '’' | '_' => {}
            c if c.is_whitespace() => {}
            c => out.push(digit(c)?),
        }
    }
    Some(out)
}

/// Removes what groups and leaves at most one `.`.
fn ungroup(text: &str, comma_groups: bool) -> Option<String> {
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    let decimal = match (commas, points) {
        (0, 0) => return Some(text.to_owned()),
        (0, 1) if !comma_groups && thousands(text, '.') => None,
        (1, 0) if comma_groups && thousands(text, ',') => None,
        (0, 1) => Some('.'),
        (1, 0) => Some(','),
        (0, _) => thousands(text, '.').then_some(None)?,
        (_, 0) => thousands(text, ',').then_some(None)?,
        _ => {
            let last = text.chars().rev().find(|c| matches!(c, ',' | '.'))?;
            (text.matches(last).count() == 1).then_some(Some(last))?
        }
    };
    Some(
        text.chars()
            .filter(|c| !matches!(c, ',' | '.') || Some(*c) == decimal)
            .map(|c| if c == ',' { '.' } else { c })
            .collect(),
    )
}

/// Whether each separator stands before exactly three digits.
fn thousands(text: &str, separator: char) -> bool {
    let mut groups = text.trim_start_matches('-').split(separator);
    let first = groups.next().map_or(0, |group| group.chars().count());
    (1..=3).contains(&first) && groups.all(|group| group.chars().count() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (text, locale, expected) in [
            ("42", "en", json!(42)),
            (" -7 ", "en", json!(-7)),
            ("+3", "en", json!(3)),
            ("3.50", "en", json!(3.5)),
            ("3,5", "en", json!(3.5)),
            ("1,000", "en", json!(1000)),
            ("1,000", "de", json!(1)),
            ("1.000", "de", json!(1000)),
            ("1.000", "en", json!(1)),
            ("1.234,5", "de", json!(1234.5)),
            ("1,234.5", "de", json!(1234.5)),
            ("1 000 000", "en", json!(1_000_000)),
            ("1,000,000", "de", json!(1_000_000)),
            ("٤٢", "ar", json!(42)),
            ("１２", "ja", json!(12)),
            ("5.0", "en", json!(5)),
            ("1,234.5", "en-GB", json!(1234.5)),
            ("1.234,5", "tr", json!(1234.5)),
            ("1.234", "es-ES", json!(1234)),
            ("1,234", "es-MX", json!(1234)),
            ("1'234.50", "de-CH", json!(1234.5)),
        ] {
            assert_eq!(parse(text, &Locale::parse(locale)), Some(expected), "{text:?} in {locale}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in
            ["", "abc", "12a", "1-2", "--1", "1e5", "inf", "NaN", ".", ",", "1.2.3,4,5", "99999999999999999999", "½"]
        {
            assert_eq!(parse(text, &Locale::parse("en")), None, "{text:?}");
        }
    }
}
