//! Numbers as people type them.

use serde_json::{Number, Value};

/// Reads a number: spaces and apostrophes group, so do commas or points that repeat or stand before
/// exactly three digits where the locale groups with them; the last other separator is the decimal
/// one. Digits of other scripts count. Whole numbers become integers.
pub(super) fn parse(text: &str, locale: &str) -> Option<Value> {
    let plain = ungroup(&normalise(text)?, groups_with_comma(locale))?;
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

fn groups_with_comma(locale: &str) -> bool {
    let language = locale.split(['-', '_']).next().unwrap_or(locale);
    matches!(language, "" | "en" | "zh" | "ja" | "ko" | "th" | "hi" | "ur" | "he" | "ar" | "bn")
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

/// Blocks of ten digits in scripts that WhatsApp users write.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 9] = [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xE50, 0xFF10];
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
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
        ] {
            assert_eq!(parse(text, locale), Some(expected), "{text:?} in {locale}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in
            ["", "abc", "12a", "1-2", "--1", "1e5", "inf", "NaN", ".", ",", "1.2.3,4,5", "99999999999999999999", "½"]
        {
            assert_eq!(parse(text, "en"), None, "{text:?}");
        }
    }
}
