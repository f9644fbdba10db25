//! What a text calls: filters, tests, functions and methods, each with its place. MiniJinja looks names up when a
//! text runs; an author wants to know before.

use std::ops::Range;

use jiff::Zoned;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::{CompileError, filters};
use crate::names::nearest;

/// MiniJinja's tests, which `x is name` may use, without those that are signs.
const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];
/// Functions that any text may call.
pub(crate) const FUNCTIONS: &[&str] = &["range", "dict", "namespace", "debug"];
/// Methods that other languages give to texts and lists, and what stands for them here.
const METHODS: &[(&str, &str)] = &[
    ("append", "`list + [x]`"),
    ("contains", "`x in text`"),
    ("endswith", "`text is endingwith(x)`"),
    ("includes", "`x in text`"),
    ("startswith", "`text is startingwith(x)`"),
    ("strip", "`text | trim`"),
    ("toLowerCase", "`text | lower`"),
    ("toUpperCase", "`text | upper`"),
];

/// A part of an expression.
struct Token<'s> {
    kind: Kind,
    text: &'s str,
    range: Range<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Name,
    /// Without its quotes.
    Text,
    Sign,
    /// The beginning of `{{ … }}` or `{% … %}`.
    Open,
}

/// The names of all tests.
fn tests() -> impl Iterator<Item = &'static str> + Clone {
    filters::TESTS.iter().map(|(name, _)| *name).chain(TESTS.iter().copied())
}

/// Finds the first name that nothing stands for. `bare`: the text is an expression without braces.
pub(super) fn check(source: &str, bare: bool) -> Result<(), CompileError> {
    let tokens = tokens(source, bare);
    let own = defined(&tokens);
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Name) {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let sign = before.filter(|before| before.kind == Kind::Sign).map_or("", |before| before.text);
        let word = before.filter(|before| before.kind == Kind::Name).map_or("", |before| before.text);
        let called = is(&tokens, at + 1, "(");
        let tested = word == "is" || (word == "not" && at >= 2 && tokens[at - 2].text == "is");
        let statement = at >= 2 && tokens[at - 2].kind == Kind::Open;
        if sign == "|" || (word == "filter" && statement) {
            known(token, "filter", filters::names())?;
            check_filter(&tokens, at)?;
        } else if tested && token.text != "not" && sign.is_empty() && !is_attribute(&tokens, at, word) {
            known(token, "test", tests())?;
        } else if sign == "." && called {
            check_method(&tokens, at)?;
        } else if called && sign != "." && !KEYWORDS.contains(&token.text) && !own.contains(&token.text) {
            known(token, "function", FUNCTIONS.iter().copied())?;
        }
    }
    Ok(())
}

/// Words before which a bracket is no call.
const KEYWORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "if", "else", "elif", "for", "set", "call", "with", "filter", "caller", "super",
    "loop",
];

/// `x.is not` reads attributes, not tests.
fn is_attribute(tokens: &[Token<'_>], at: usize, word: &str) -> bool {
    let of = if word == "not" { 3 } else { 2 };
    at.checked_sub(of).is_some_and(|before| is(tokens, before, "."))
}

fn is(tokens: &[Token<'_>], at: usize, sign: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.kind == Kind::Sign && token.text == sign)
}

/// Names that the text itself gives a value: macros, `set`, `for`, `with`, arguments.
fn defined<'s>(tokens: &[Token<'s>]) -> Vec<&'s str> {
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let opens = token.kind == Kind::Name && at > 0 && tokens[at - 1].kind == Kind::Open;
        if opens && ["macro", "set", "for", "with", "call", "import", "from"].contains(&token.text) {
            let inner = tokens.iter().skip(at + 1).take_while(|token| token.kind != Kind::Open);
            names.extend(inner.filter(|token| token.kind == Kind::Name).map(|token| token.text));
        }
    }
    names
}

fn known(token: &Token<'_>, what: &str, names: impl Iterator<Item = &'static str> + Clone) -> Result<(), CompileError> {
    if names.clone().any(|name| name == token.text) {
        return Ok(());
    }
    let help = nearest(token.text, names).map(|near| format!("did you mean `{near}`?"));
    let message = format!("unknown {what} `{}`", token.text);
    Err(CompileError { message, range: Some(token.range.clone()), help })
}

/// The constant arguments of a filter: names of other filters and tests, formats of dates.
fn check_filter(tokens: &[Token<'_>], at: usize) -> Result<(), CompileError> {
    let arguments = arguments(tokens, at + 1);
    let argument = |n: usize| arguments.get(n).copied().flatten();
    match tokens[at].text {
        "map" => argument(0).map_or(Ok(()), |name| known(name, "filter", filters::names())),
        "select" | "reject" => argument(0).map_or(Ok(()), known_test),
        "selectattr" | "rejectattr" => argument(1).map_or(Ok(()), known_test),
        "date" => check_date(argument(0), argument(1)),
        _ => Ok(()),
    }
}

fn known_test(name: &Token<'_>) -> Result<(), CompileError> {
    let signs = ["==", "!=", "<", "<=", ">", ">="];
    if signs.contains(&name.text) { Ok(()) } else { known(name, "test", tests()) }
}

fn check_date(format: Option<&Token<'_>>, zone: Option<&Token<'_>>) -> Result<(), CompileError> {
    let wrong = |token: &Token<'_>, message: String, help: &str| {
        Err(CompileError { message, range: Some(token.range.clone()), help: Some(help.to_owned()) })
    };
    // Where the text is escaped, what stands in the source is not what the filter gets.
    let plain = |token: &&Token<'_>| !token.text.contains('\\');
    if let Some(token) = format.filter(plain)
        && let Err(error) = strtime::format(token.text, &Zoned::default())
    {
        let message = format!("`{}` is no format of dates: {error}", token.text);
        return wrong(token, message, "formats are those of strftime, such as %F, %H:%M and %-d %b");
    }
    if let Some(token) = zone.filter(plain)
        && TimeZone::get(token.text).is_err()
    {
        let message = format!("there is no time zone `{}`", token.text);
        return wrong(token, message, "write the name of the IANA database, such as Europe/Berlin");
    }
    Ok(())
}

/// The arguments within the brackets that open here: constant texts, `None` for all others.
fn arguments<'t, 's>(tokens: &'t [Token<'s>], open: usize) -> Vec<Option<&'t Token<'s>>> {
    if !is(tokens, open, "(") {
        return Vec::new();
    }
    let (mut depth, mut found, mut one) = (0_usize, Vec::new(), Vec::<&Token<'_>>::new());
    for token in tokens.iter().skip(open) {
        let sign = if token.kind == Kind::Sign { token.text } else { "" };
        match sign {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 || (depth == 1 && sign == ",");
        if ends {
            found.push(match one.as_slice() {
                [token] if token.kind == Kind::Text => Some(*token),
                _ => None,
            });
            one.clear();
        } else if !(depth == 1 && sign == "(" && one.is_empty() && found.is_empty()) {
            one.push(token);
        }
        if depth == 0 || token.kind == Kind::Open {
            break;
        }
    }
    found
}

/// Values have no methods but those of `loop`; what is a filter here is often written as one.
fn check_method(tokens: &[Token<'_>], at: usize) -> Result<(), CompileError> {
    let token = &tokens[at];
    let root = at.checked_sub(2).and_then(|root| tokens.get(root)).map_or("", |root| root.text);
    let instead = METHODS.iter().find(|(name, _)| *name == token.text).map(|(_, instead)| (*instead).to_owned());
    let instead = instead.or_else(|| filters::exists(token.text).then(|| format!("`… | {}`", token.text)));
    match instead {
        Some(instead) if !["loop", "self"].contains(&root) => Err(CompileError {
            message: format!("values have no method `{}`", token.text),
            range: Some(token.range.clone()),
            help: Some(format!("write {instead}")),
        }),
        _ => Ok(()),
    }
}

/// The tokens within braces, or of the whole text when it is bare. Comments and raw parts are left out.
fn tokens(source: &str, bare: bool) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    if bare {
        found.push(Token { kind: Kind::Open, text: "", range: 0..0 });
        read(source, 0, None, &mut found);
        return found;
    }
    let mut at = 0;
    while let Some((open, mark)) = next_mark(source, at) {
        at = match mark {
            "{#" => source.get(open..).and_then(|rest| rest.find("#}")).map_or(source.len(), |end| open + end + 2),
            _ => {
                found.push(Token { kind: Kind::Open, text: mark, range: open..open + 2 });
                let first = found.len();
                let end = read(source, open + 2, Some(if mark == "{{" { "}}" } else { "%}" }), &mut found);
                let raw = mark == "{%" && found.get(first).is_some_and(|token| token.text == "raw");
                if raw { after_raw(source, end) } else { end }
            }
        };
    }
    found
}

/// The next place where something that is no text begins.
pub(super) fn next_mark(source: &str, from: usize) -> Option<(usize, &str)> {
    let rest = source.get(from..)?;
    let at = rest.match_indices('{').map(|(at, _)| from + at);
    let mut marks = at.filter_map(|at| Some((at, source.get(at..at + 2)?)));
    marks.find(|(_, mark)| ["{{", "{%", "{#"].contains(mark))
}

pub(super) fn after_raw(source: &str, from: usize) -> usize {
    let end = source.get(from..).and_then(|rest| rest.find("endraw")).map(|at| from + at);
    let end = end.and_then(|at| Some(at + source.get(at..)?.find("%}")? + 2));
    end.unwrap_or(source.len())
}

/// Reads tokens up to `close`, or to the end; gives the place behind it.
fn read<'s>(source: &'s str, from: usize, close: Option<&str>, found: &mut Vec<Token<'s>>) -> usize {
    let mut at = from;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        if close.is_some_and(|close| rest.starts_with(close)) {
            return at + 2;
        }
        let first = rest.chars().next().unwrap_or_default();
        let (kind, len, skip) = match first {
            '"' | '\'' => (Some(Kind::Text), text_len(rest, first), 1),
            c if c.is_alphanumeric() || c == '_' => {
                let len = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                (Some(if c.is_numeric() { Kind::Sign } else { Kind::Name }), len, 0)
            }
            c if c.is_whitespace() => (None, c.len_utf8(), 0),
            c => (Some(Kind::Sign), c.len_utf8(), 0),
        };
        if let Some(kind) = kind {
            let end = (at + len - skip).max(at + skip);
            let text = source.get(at + skip..end).unwrap_or_default();
            found.push(Token { kind, text, range: at + skip..end });
        }
        at += len;
    }
    source.len()
}

/// Bytes of a quoted text, its quotes included.
fn text_len(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Missing, configured};

    fn wrong(source: &str, bare: bool) -> Option<String> {
        check(source, bare).err().map(|error| {
            let place = error.range.and_then(|range| source.get(range)).unwrap_or("?").to_owned();
            format!("{} [{place}]{}", error.message, error.help.map(|help| format!(" {help}")).unwrap_or_default())
        })
    }

    #[test]
    fn unknown_names_are_found_with_the_nearest() {
        for (source, expected) in [
            ("a | uper", "unknown filter `uper` [uper] did you mean `upper`?"),
            ("a is defind", "unknown test `defind` [defind] did you mean `defined`?"),
            ("a is not evn", "unknown test `evn` [evn] did you mean `even`?"),
            ("rnge(3)", "unknown function `rnge` [rnge] did you mean `range`?"),
            ("sqrt(3)", "unknown function `sqrt` [sqrt]"),
            ("list | map('uper')", "unknown filter `uper` [uper] did you mean `upper`?"),
            ("list | selectattr('a', 'evn')", "unknown test `evn` [evn] did you mean `even`?"),
            ("list | select('>>')", "unknown test `>>` [>>]"),
            ("name.upper()", "values have no method `upper` [upper] write `… | upper`"),
            ("name.startswith('a')", "values have no method `startswith` [startswith] write `text is startingwith(x)`"),
            (
                "now | date('%F', 'Mars')",
                "there is no time zone `Mars` [Mars] write the name of the IANA database, such as Europe/Berlin",
            ),
        ] {
            assert_eq!(wrong(source, true).as_deref(), Some(expected), "{source}");
            assert!(wrong(&format!("x {{{{ {source} }}}} y"), false).is_some(), "{source}");
        }
        assert!(wrong("now | date('%Ü')", true).unwrap().contains("is no format of dates"));
        assert_eq!(
            wrong("{% filter uper %}a{% endfilter %}", false).as_deref(),
            Some("unknown filter `uper` [uper] did you mean `upper`?")
        );
    }

    #[test]
    fn right_texts_pass() {
        for source in [
            "a | upper | default('x | y')",
            "a is defined and b is not none",
            "a is divisibleby(3) and a is not divisibleby 4",
            "range(3) | list and dict(a=1)",
            "not (a or b) and x in (1, 2)",
            "list | map(attribute='name') | join(', ')",
            "list | selectattr('a', '>=', 3) | map('upper')",
            "x.is.not.thing and x['is']",
            "now | date(format) ~ (now | date(\"%-d %b\", 'Europe/Berlin'))",
            "'is foo' ~ \"| bar \\\" | baz\"",
        ] {
            assert_eq!(wrong(source, true), None, "{source}");
        }
        for source in [
            "| bar {{ a }} is foo() {# {{ x | nope }} #} {% raw %}{{ x | nope }}{% endraw %} b()",
            "{% macro m(n, f) %}{{ f(n) }}{% endmacro %}{{ m(1) }}{% set q = m %}{{ q(2) }}",
            "{% for a in b %}{{ loop.cycle('x', 'y') }}{{ loop(a) }}{% endfor %}",
            "{% call(x) m() %}{{ caller() }}{% endcall %}{% macro m() %}{% endmacro %}",
            "{% if (a) %}{% elif (b) %}{% endif %}{% filter upper %}x{% endfilter %}",
        ] {
            assert_eq!(wrong(source, false), None, "{source}");
        }
    }

    #[test]
    fn every_listed_test_and_function_exists() {
        let env = configured(Missing::Empty);
        for name in TESTS {
            assert_eq!(env.render_str(&format!("{{{{ '{name}' is test }}}}"), ()).unwrap(), "true", "{name}");
        }
        for name in FUNCTIONS {
            assert!(env.render_str(&format!("{{{{ {name} }}}}"), ()).is_ok_and(|text| !text.is_empty()), "{name}");
        }
        for (name, _) in METHODS {
            assert!(env.render_str(&format!("{{{{ 'x'.{name}('y') }}}}"), ()).is_err(), "{name}");
        }
    }

    #[test]
    fn odd_texts_end() {
        for source in
            ["{{", "{{ '", "{{ a |", "{% raw %}", "{# ", "{{ a | date(", "{{ is", "{{ a is not", "|", "é | ü('"]
        {
            let _either = (check(source, false), check(source, true));
        }
    }
}
