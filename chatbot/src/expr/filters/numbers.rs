//! Filters of numbers and money, as people of a language write them.

use minijinja::value::Value;
use minijinja::{Environment, Error};

use super::invalid;
use crate::expr::{clip, print};
use crate::locale::Locale;

/// Decimals at most.
const MOST_DECIMALS: usize = 12;

/// Currencies with a sign that everybody knows.
const SIGNS: &[(&str, &str)] = &[
    ("EUR", "€"),
    ("USD", "$"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("INR", "₹"),
    ("TRY", "₺"),
    ("BRL", "R$"),
    ("KRW", "₩"),
    ("NGN", "₦"),
    ("UAH", "₴"),
    ("VND", "₫"),
    ("ILS", "₪"),
    ("CHF", "CHF"),
];
/// Currencies without cents, and with three decimals.
const WHOLE: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("money", money);
    env.add_filter("number", |value: Value, decimals: Option<usize>, locale: Option<String>| {
        Ok::<_, Error>(amount(&value)?.map_or_else(String::new, |number| grouped(number, decimals, locale.as_deref())))
    });
    env.add_filter("percent", |value: Value, decimals: Option<usize>, locale: Option<String>| {
        let percent =
            |number: f64| format!("{}%", grouped(number * 100.0, Some(decimals.unwrap_or(0)), locale.as_deref()));
        Ok::<_, Error>(amount(&value)?.map_or_else(String::new, percent))
    });
    env.add_filter("clamp", |value: Value, least: Value, most: Value| {
        let (Some(number), Some(least_n), Some(most_n)) = (amount(&value)?, amount(&least)?, amount(&most)?) else {
            return Ok(value);
        };
        Ok::<_, Error>(if number < least_n {
            least
        } else if number > most_n {
            most
        } else {
            value
        })
    });
    env.add_filter("plural", |count: Value, one: String, many: String| {
        Ok::<_, Error>(if amount(&count)?.is_some_and(|count| count.abs() == 1.0) { one } else { many })
    });
    env.add_test("numeric", |value: Value| amount(&value).is_ok_and(|number| number.is_some()));
}

/// A value as a number; `None` if there is no value.
pub(super) fn amount(value: &Value) -> Result<Option<f64>, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(None);
    }
    let shown = print(value).unwrap_or_default();
    let number: Option<f64> = shown.trim().parse().ok().filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or_else(|| invalid(format!("`{}` is not a number", clip(&shown))))
}

fn money(value: Value, currency: Option<String>, locale: Option<String>) -> Result<String, Error> {
    let Some(number) = amount(&value)? else { return Ok(String::new()) };
    let Some(currency) = currency else { return Ok(grouped(number, Some(2), locale.as_deref())) };
    let decimals = match currency.as_str() {
        code if WHOLE.contains(&code) => 0,
        code if THREE.contains(&code) => 3,
        _ => 2,
    };
    let Some(locale) = locale else { return Ok(format!("{} {currency}", grouped(number, Some(decimals), None))) };
    let sign = SIGNS.iter().find(|(code, _)| *code == currency).map_or(currency.as_str(), |(_, sign)| *sign);
    let shown = grouped(number.abs(), Some(decimals), Some(&locale));
    let minus = if number < 0.0 { "-" } else { "" };
    let place = Locale::parse(&locale);
    // A sign of letters stands apart.
    let apart = if sign.chars().all(char::is_alphabetic) || place.language == "pt" { "\u{a0}" } else { "" };
    let before = matches!(place.language.as_str(), "en" | "ja" | "ko" | "zh" | "hi" | "he" | "tr")
        || place.language == "pt" && place.region.as_deref() != Some("PT")
        || place.language == "es" && place.region.as_deref().is_some_and(|region| region != "ES");
    Ok(match before {
        true => format!("{minus}{sign}{apart}{shown}"),
        false => format!("{minus}{shown}\u{a0}{sign}"),
    })
}

/// A number with its thousands apart; all its decimals, or so many.
fn grouped(number: f64, decimals: Option<usize>, locale: Option<&str>) -> String {
    let (group, point) = separators(locale);
    let plain = match decimals {
        Some(decimals) => format!("{number:.*}", decimals.min(MOST_DECIMALS)),
        None => format!("{number}"),
    };
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let count = whole.chars().count();
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (count - at).is_multiple_of(3) {
            out.push(group);
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push(point);
        out.push_str(rest);
    }
    out
}

/// What stands between thousands, and before decimals.
fn separators(locale: Option<&str>) -> (char, char) {
    let Some(locale) = locale.map(Locale::parse) else { return (',', '.') };
    let swiss = locale.region.as_deref().is_some_and(|region| ["CH", "LI"].contains(&region));
    match locale.language.as_str() {
        "de" | "it" if swiss => ('’', '.'),
        "fr" if swiss => ('\u{202f}', '.'),
        _ if locale.groups_with_comma() => (',', '.'),
        "fr" => ('\u{202f}', ','),
        "pl" | "cs" | "sk" | "ru" | "uk" | "sv" | "nb" | "no" | "fi" | "bg" | "hu" | "lt" | "lv" | "et" => {
            ('\u{a0}', ',')
        }
        _ => ('.', ','),
    }
}
