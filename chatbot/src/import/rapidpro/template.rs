//! Cuts a text of RapidPro into what stands there and what is evaluated: `@contact.name`, `@( … )`, `@@`.

/// What `@name` may begin with; any other `@` stands for itself, as in addresses.
pub(super) const ROOTS: &[&str] = &[
    "contact",
    "fields",
    "results",
    "urns",
    "globals",
    "input",
    "run",
    "child",
    "parent",
    "webhook",
    "trigger",
    "resume",
    "node",
    "legacy_extra",
    "ticket",
    "locals",
];

/// A part of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    /// An expression, without its `@` and outer brackets.
    Expression(&'t str),
}

/// The parts of a text, in order.
pub(super) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut begin) = (text, 0);
    let mut at = 0;
    while let Some(sign) = text.get(at..).and_then(|rest| rest.find('@')).map(|found| at + found) {
        let behind = text.get(sign + 1..).unwrap_or_default();
        let (expression, taken) = if let Some(escaped) = behind.strip_prefix('@') {
            // The second of two stays.
            push_text(&mut found, text.get(begin..=sign));
            begin = text.len() - escaped.len();
            at = begin;
            rest = escaped;
            continue;
        } else if let Some(inner) = behind.strip_prefix('(').and_then(bracket) {
            (inner, inner.len() + 3)
        } else if let Some(path) = path(behind) {
            (path, path.len() + 1)
        } else {
            at = sign + 1;
            continue;
        };
        push_text(&mut found, text.get(begin..sign));
        found.push(Part::Expression(expression));
        begin = sign + taken;
        at = begin;
        rest = text.get(begin..).unwrap_or_default();
    }
    push_text(&mut found, Some(rest));
    found
}

fn push_text<'t>(found: &mut Vec<Part<'t>>, text: Option<&'t str>) {
    found.extend(text.filter(|text| !text.is_empty()).map(Part::Text));
}

/// What stands before the bracket that closes.
fn bracket(inside: &str) -> Option<&str> {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return inside.get(..at),
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `contact.fields.age` of a name that is known; a point at the end belongs to the sentence.
fn path(behind: &str) -> Option<&str> {
    let end = behind.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(behind.len());
    let path = behind.get(..end)?.trim_end_matches('.');
    let path = path.split("..").next()?;
    let root = path.split('.').next()?.to_lowercase();
    ROOTS.contains(&root.as_str()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_something_is_evaluated() {
        use Part::{Expression as E, Text as T};
        for (text, expected) in [
            ("plain", vec![T("plain")]),
            ("Hi @contact.name.", vec![T("Hi "), E("contact.name"), T(".")]),
            ("@(upper(\")\" & x))!", vec![E("upper(\")\" & x)"), T("!")]),
            ("me@example.com", vec![T("me@example.com")]),
            ("me@@example.com @@", vec![T("me@"), T("example.com @")]),
            ("@results.a@fields.b", vec![E("results.a"), E("fields.b")]),
            ("@(open", vec![T("@(open")]),
            ("", vec![]),
            ("@Contact.Name...", vec![E("Contact.Name"), T("...")]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
