//! The filters and tests of bot files: MiniJinja's own, and those listed in [`OURS`] and [`TESTS`]; `docs/expressions.md`
//! shows each.

mod dates;
mod lists;
mod numbers;
mod texts;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};
use minijinja::value::{Rest, Value};
use minijinja::{Environment, Error, ErrorKind};

use crate::loose;

/// Filters that bots have beside MiniJinja's own, and what they do.
pub const OURS: &[(&str, &str)] = &[
    ("age", "whole years from a day until today"),
    ("bullets", "a list as lines that begin with •; bullets('name') takes a field of each item"),
    ("clamp", "a number within two others: clamp(1, 100)"),
    ("clean", "without spaces at the ends, and single ones within"),
    ("compact", "a list without what is empty"),
    ("country", "the country of a telephone number, such as GB"),
    (
        "date",
        "a day or instant by strftime: date('%-d %b'), date('%H:%M', 'Europe/Berlin'), date('%A', 'UTC', 'de'); %F without a format",
    ),
    ("digits", "only the digits of a text"),
    ("end_of", "the last day of a week, month or year, or moment of a day: end_of('month')"),
    ("find", "the first element whose field is this: find('id', 7)"),
    ("first_name", "the first word of a name"),
    ("from_json", "the value that a text of JSON says"),
    ("in_zone", "an instant by the clock of a place: in_zone('Europe/Berlin')"),
    ("initials", "the first letter of each word, in upper case"),
    ("json", "the value as compact JSON"),
    ("loosely", "compares as whatsapp-builder did: loosely('gte', '18'); for imported bots"),
    ("mask", "all but the last characters as dots: mask(4)"),
    (
        "matched",
        "what a test of RapidPro finds, or none: matched('has_any_word', 'yes ok'), matched('has_number_gt', 5); for imported bots",
    ),
    ("money", "an amount with a currency: money('EUR') gives 1,234.50 EUR, money('EUR', 'de') 1.234,50 €"),
    ("number", "thousands apart: number(2) gives 1,234.50, number(2, 'de') 1.234,50; number() keeps the decimals"),
    ("numbered", "a list as numbered lines; numbered('name') takes a field of each item"),
    ("percent", "a share as per cent: 0.256 gives 26%; percent(1, 'de')"),
    (
        "phone",
        "a telephone number with its +; phone('GB') also one as it is dialled there; phone(spaced=true) to be read",
    ),
    ("plural", "the first word for one, the second for all other numbers: plural('guest', 'guests')"),
    ("sentence", "a list in a sentence: a, b and c; sentence('und', 'name')"),
    ("shift", "a day or instant so much later or earlier: shift('+3d'), shift('-90m')"),
    ("slug", "plain letters and digits with dashes between: creme-brulee"),
    ("start_of", "the first day of a week, month or year, or moment of a day: start_of('week')"),
    ("sum_of", "the sum of a field of each element: sum_of('price')"),
    ("text", "the value as it prints: nothing for a missing one, lists joined by commas"),
    ("truncate", "at most n characters, an ellipsis included: truncate(20)"),
    ("typebot_is", "compares as Typebot does: typebot_is('gt', '18'); for imported bots"),
    ("until", "whole days, or other units, from one moment to another: now | until(day), until(at, 'hours')"),
    ("url_encode", "percent-encodes a text for a URL"),
    ("weekday", "the name of the day; weekday('de') in that language"),
];

/// Tests that bots have beside MiniJinja's own, and what they hold of.
pub const TESTS: &[(&str, &str)] = &[
    ("blank", "nothing, or only spaces; an empty list"),
    ("date", "a day such as 2026-12-24"),
    ("datetime", "a day with a time"),
    ("email", "a mail address"),
    ("future", "a moment after now, a day after today"),
    ("numeric", "a number, or a text that is one"),
    ("past", "a moment before now, a day before today"),
    ("phone", "a telephone number; phone('GB') also as it is dialled there"),
    ("time", "a time such as 14:30"),
    ("today", "a moment of today; today('Europe/Berlin') by the clock there"),
    ("url", "the address of a page"),
    ("weekday", "a day from Monday to Friday"),
    ("weekend", "a Saturday or Sunday"),
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
    dates::install(env);
    lists::install(env);
    numbers::install(env);
    texts::install(env);
    env.add_filter("loosely", |left: Value, op: String, right: Value| loose::compare(&left, &op, &right));
    env.add_filter("matched", |value: Value, test: String, args: Rest<Value>| {
        loose::rapidpro::matched(&value, &test, &args)
    });
    env.add_filter("typebot_is", |left: Value, op: String, right: Option<Value>| {
        loose::typebot::compare(&left, &op, &right.unwrap_or_default())
    });
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
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
        assert_eq!(
            shown(
                "{{ nope | date('%F') }}{{ nope | number }}{{ nope | bullets }}{{ nope | shift('+1d') }}{{ nope | sentence }}{{ nope | \
             initials }}{{ nope | money('EUR', 'de') }}{{ nope | age }}{{ nope | json }}"
            ),
            "null"
        );
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
