//! Numbers as people type them.

use serde_json::{Number, Value};

use super::{Locale, digit};

/// Reads a number: blanks, apostrophes and `_` group, which is only before exactly three digits; so do commas or points
/// that repeat or stand there where the locale groups with them. The last other separator is the decimal one. Digits of
/// other scripts count. Whole numbers become integers. Two numbers are none, whatever stands between them.
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

/// Stands for what only ever groups: a blank, an apostrophe, `_`.
const GROUP: char = ' ';

fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    let (sign, text) = match text.chars().next()? {
        '+' => ("", text.get(1..)?.trim_start()),
        sign @ ('-' | '−') => ("-", text.get(sign.len_utf8()..)?.trim_start()),
        _ => ("", text),
    };
    let mut out = sign.to_owned();
    for c in text.chars() {
        out.push(match c {
            '.' | '٫' | '·' => '.',
            ',' | '٬' => ',',
            '\'' | '’' | '_' => GROUP,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => return None,
            c if c.is_whitespace() => GROUP,
            c => digit(c)?,
        });
    }
    Some(out)
}

/// Removes what groups and leaves at most one `.`.
fn ungroup(text: &str, comma_groups: bool) -> Option<String> {
    let count = |separator: char| text.matches(separator).count();
    let decimal = match (count(','), count('.'), count(GROUP)) {
        (0, 1, 0) if !comma_groups && thousands(text, '.') => None,
        (1, 0, 0) if comma_groups && thousands(text, ',') => None,
        (0, 1, _) => Some('.'),
        (1, 0, _) => Some(','),
        (0, 0, _) | (0, _, 0) | (_, 0, 0) => None,
        _ => {
            let last = text.chars().rev().find(|c| matches!(c, ',' | '.'))?;
            (count(last) == 1).then_some(Some(last))?
        }
    };
    let (whole, fraction) = match decimal.and_then(|decimal| text.split_once(decimal)) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let groups: Vec<char> = [GROUP, ',', '.'].into_iter().filter(|c| whole.contains(*c)).collect();
    let fits = match groups[..] {
        [] => true,
        [one] => thousands(whole, one),
        _ => false,
    };
    if !fits || fraction.is_some_and(|fraction| fraction.contains(GROUP)) {
        return None;
    }
    let whole: String = whole.chars().filter(|c| !groups.contains(c)).collect();
    Some(fraction.map_or(whole.clone(), |fraction| format!("{whole}.{fraction}")))
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
            ("1 234,50", "fr", json!(1234.5)),
            ("1\u{202f}234\u{a0}567", "fr", json!(1_234_567)),
            ("1_000", "en", json!(1000)),
            ("1 234,567", "en", json!(1234.567)),
            ("- 1 000", "en", json!(-1000)),
            ("+ 7", "en", json!(7)),
            (".5", "en", json!(0.5)),
            ("5.", "en", json!(5)),
            ("\n12\n", "en", json!(12)),
        ] {
            assert_eq!(parse(text, &Locale::parse(locale)), Some(expected), "{text:?} in {locale}");
        }
    }

    #[test]
    fn two_numbers_are_never_read_as_one() {
        for text in [
            "2\n3",
            "1\n000",
            "1\r\n234",
            "1\u{2028}234",
            "2 3",
            "2  3",
            "5'3",
            "1_2",
            "07 12",
            "1 00",
            "1 0000",
            "1234 567",
            "1  000",
            "1 234.567,8",
            "12 345.678 9",
            "2, 3",
            "2 ,3",
            "1, 000",
            "3. 5",
            "1.2,3",
            "2,3.5",
            "1.2.3,4",
            "-1 -2",
            "1 +2",
            "3 '",
        ] {
            for locale in ["en", "de", "fr", "de-CH", "es-MX"] {
                assert_eq!(parse(text, &Locale::parse(locale)), None, "{text:?} in {locale}");
            }
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for text in [
            "",
            "+",
            "-",
            " - ",
            "'",
            "abc",
            "12a",
            "1-2",
            "--1",
            "1e5",
            "inf",
            "NaN",
            ".",
            ",",
            "1.2.3,4,5",
            "99999999999999999999",
            "½",
        ] {
            assert_eq!(parse(text, &Locale::parse("en")), None, "{text:?}");
        }
    }
}
