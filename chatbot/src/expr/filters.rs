//! The filters of bot files: MiniJinja's own and those listed in [`OURS`], the one place that
//! documents them.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};
use minijinja::value::{Kwargs, Rest, Value};
use minijinja::{Environment, Error, ErrorKind};
use unicode_segmentation::UnicodeSegmentation;

use super::{print, to_json};
use crate::loose;

/// Filters that bots have beside MiniJinja's own, and what they do.
pub const OURS: &[(&str, &str)] = &[
    ("bullets", "a list as lines that begin with •; bullets('name') takes a field of each item"),
    (
        "date",
        "a date or instant by strftime: date('%-d %b'), date('%H:%M', 'Europe/Berlin'); %F when no format is given",
    ),
    ("digits", "only the digits of a text"),
    ("json", "the value as compact JSON"),
    ("loosely", "compares as whatsapp-builder did: loosely('gte', '18'); for imported bots"),
    (
        "matched",
        "what a test of RapidPro finds, or none: matched('has_any_word', 'yes ok'), matched('has_number_gt', 5); for imported bots",
    ),
    ("money", "two decimals and a currency: money('EUR') gives 1,234.50 EUR"),
    ("number", "thousands separated by commas: number(2) gives 1,234.50; number() keeps the decimals"),
    ("numbered", "a list as numbered lines; numbered('name') takes a field of each item"),
    ("phone", "digits of a phone number with a leading +"),
    ("text", "the value as it prints: nothing for a missing one, lists joined by commas"),
    ("truncate", "at most n characters, an ellipsis included: truncate(20)"),
    ("typebot_is", "compares as Typebot does: typebot_is('gt', '18'); for imported bots"),
    ("url_encode", "percent-encodes a text for a URL"),
];

/// MiniJinja's filters, of which `{{ x | name }}` may use any.
const BUILTIN: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "zip",
];

/// The names of all filters.
pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    OURS.iter().map(|(name, _)| *name).chain(BUILTIN.iter().copied())
}

pub(crate) fn exists(name: &str) -> bool {
    names().any(|known| known == name)
}

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("bullets", |list: Value, field: Option<String>| lines(&list, field.as_deref(), |_| "• ".into()));
    env.add_filter("numbered", |list: Value, field: Option<String>| {
        lines(&list, field.as_deref(), |n| format!("{n}. "))
    });
    env.add_filter("date", date);
    env.add_filter("digits", |text: String| text.chars().filter(char::is_ascii_digit).collect::<String>());
    env.add_filter("json", |value: Value| to_json(&value).map(|json| json.to_string()).map_err(invalid));
    env.add_filter("loosely", |left: Value, op: String, right: Value| loose::compare(&left, &op, &right));
    env.add_filter("money", |value: Value, currency: Option<String>| {
        let amount = grouped(&value, Some(2))?;
        Ok::<_, Error>(currency.map_or_else(|| amount.clone(), |currency| format!("{amount} {currency}")))
    });
    env.add_filter("matched", |value: Value, test: String, args: Rest<Value>| {
        loose::rapidpro::matched(&value, &test, &args)
    });
    env.add_filter("text", |value: Value| print(&value).ok_or_else(|| invalid("the value is too long to print")));
    env.add_filter("typebot_is", |left: Value, op: String, right: Option<Value>| {
        loose::typebot::compare(&left, &op, &right.unwrap_or_default())
    });
    env.add_filter("number", |value: Value, decimals: Option<usize>| grouped(&value, decimals));
    env.add_filter("phone", |value: Value| {
        let text = value.to_string();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() { String::new() } else { format!("+{digits}") }
    });
    env.add_filter("truncate", |text: String, longest: Option<usize>, _: Kwargs| {
        truncate(&text, longest.unwrap_or(40))
    });
    env.add_filter("url_encode", |value: Value| url_encode(&print(&value).unwrap_or_default()));
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn lines(list: &Value, field: Option<&str>, mark: impl Fn(usize) -> String) -> Result<String, Error> {
    if list.is_undefined() || list.is_none() {
        return Ok(String::new());
    }
    let mut out = Vec::new();
    for (at, item) in list.try_iter()?.enumerate() {
        let shown = match field {
            Some(field) => item.get_attr(field)?,
            None => item,
        };
        out.push(mark(at + 1) + &print(&shown).ok_or_else(|| invalid("the list is too long to print"))?);
    }
    Ok(out.join("\n"))
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

fn grouped(value: &Value, decimals: Option<usize>) -> Result<String, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(String::new());
    }
    let shown = print(value).unwrap_or_default();
    let number: f64 =
        shown.trim().parse().map_err(|_| invalid(format!("`{}` is not a number", super::clip(&shown))))?;
    let plain = match decimals {
        Some(decimals) => format!("{number:.*}", decimals.min(12)),
        None => format!("{number}"),
    };
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let count = whole.chars().count();
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (count - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    Ok(out)
}

/// Dates come as texts (`2026-11-22`, `2026-11-22T10:00:00Z`, with an offset or without) or as
/// seconds since 1970; numbers above 10^11 are milliseconds.
fn date(value: Value, format: Option<String>, zone: Option<String>) -> Result<String, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(String::new());
    }
    let zone = match zone {
        Some(name) => TimeZone::get(&name).map_err(|_| invalid(format!("unknown time zone `{name}`")))?,
        None => TimeZone::UTC,
    };
    let text = print(&value).unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    let format = format.unwrap_or_else(|| "%F".to_owned());
    let at = instant(text.trim(), &zone).ok_or_else(|| invalid(format!("`{}` is not a date", super::clip(&text))))?;
    strtime::format(&format, &at).map_err(|error| invalid(format!("date format `{format}`: {error}")))
}

/// An instant by its text: a date, a time, both, or seconds or milliseconds since 1970.
pub(crate) fn instant(text: &str, zone: &TimeZone) -> Option<Zoned> {
    if let Ok(number) = text.parse::<f64>() {
        let ms = if number.abs() > 1e11 { number } else { number * 1_000.0 };
        #[allow(clippy::cast_possible_truncation)] // out of range saturates and is refused below
        return Timestamp::from_millisecond(ms as i64).ok().map(|at| at.to_zoned(zone.clone()));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.to_zoned(zone.clone()));
    }
    let local = text.parse::<civil::DateTime>().ok().or_else(|| Some(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0)));
    let local = local.or_else(|| Some(civil::date(1970, 1, 1).to_datetime(text.parse::<civil::Time>().ok()?)));
    local?.to_zoned(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Missing, configured};

    fn shown(template: &str) -> String {
        let ctx = minijinja::context! {
            n => 1_234_567.5, list => vec!["a", "b"], day => "2026-11-22", at => "2026-11-22T23:30:00Z",
            none => (), yes => true, whole => 6.0,
            items => vec![minijinja::context!{ name => "x" }],
        };
        configured(Missing::Empty).render_str(template, ctx).unwrap_or_else(|e| format!("error: {e}"))
    }

    #[test]
    fn filters_do_what_their_line_says() {
        for (template, expected) in [
            ("{{ list | bullets }}", "• a\n• b"),
            ("{{ items | numbered('name') }}", "1. x"),
            ("{{ day | date('%-d %b') }}", "22 Nov"),
            ("{{ at | date('%F %H:%M', 'Europe/Berlin') }}", "2026-11-23 00:30"),
            ("{{ 0 | date }}", "1970-01-01"),
            ("{{ '+44 20' | digits }}", "4420"),
            ("{{ list | json }}", "[\"a\",\"b\"]"),
            ("{{ n | money('EUR') }}", "1,234,567.50 EUR"),
            ("{{ n | number }}", "1,234,567.5"),
            ("{{ '-1000' | number(0) }}", "-1,000"),
            ("{{ 4477009 | phone }}", "+4477009"),
            ("{{ 'héllo wörld' | truncate(6) }}", "héllo…"),
            ("{{ 'Yes, please' | matched('has_any_word', 'yes ok') }}", "Yes"),
            ("{{ none | text }}|{{ list | text }}|{{ whole | text }}", "|a, b|6"),
            ("{{ '20' | typebot_is('gt', '18') }}", "true"),
            ("{{ 'a b/ü' | url_encode }}", "a%20b%2F%C3%BC"),
        ] {
            assert_eq!(shown(template), expected, "{template}");
        }
    }

    #[test]
    fn values_print_as_people_write_them() {
        assert_eq!(
            shown("{{ none }}|{{ missing.a.b }}|{{ yes }}|{{ not yes }}|{{ whole }}|{{ list }}"),
            "||true|false|6|a, b"
        );
        assert_eq!(shown("{{ items[0] }}"), "{\"name\":\"x\"}");
    }

    #[test]
    fn missing_values_pass_through_filters() {
        assert_eq!(shown("{{ nope | date('%F') }}{{ nope | number }}{{ nope | bullets }}{{ nope | json }}"), "null");
    }

    #[test]
    fn every_listed_filter_exists() {
        let env = configured(Missing::Empty);
        for name in names() {
            let known = env.render_str(&format!("{{{{ '{name}' is filter }}}}"), ()).unwrap();
            assert_eq!(known, "true", "{name}");
        }
    }
}
