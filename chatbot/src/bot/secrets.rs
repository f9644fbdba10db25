//! Secrets of a bot: their names under `secrets`, and the places where they may stand. Their values are never here.
//!
//! `{{ secret.NAME }}` stands alone in its braces, in headers, auth and query of an `http` node. The name is looked up
//! when the bot is loaded and stays a name from then on.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::read::{At, Reader, list};
use crate::caps;
use crate::explain;
use crate::expr::Template;
use crate::message::shape::Place;
use crate::names::nearest;
use crate::source::narrow;

static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{-?\s*secret\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}").expect("a constant that a test compiles")
});

/// A text in which secrets may stand.
pub(crate) struct Guarded(pub(crate) Vec<Piece>);

pub(crate) enum Piece {
    Text(Template),
    Secret(String),
}

impl Guarded {
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }
}

/// Reads `secrets: [NAME]`.
pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Place)> {
    let items = reader.list(at);
    if items.len() > caps::MAX_SECRETS {
        let message = format!("{} secrets, a bot may name {}", items.len(), caps::MAX_SECRETS);
        reader.report(explain::TOO_MANY, at, message);
    }
    let mut names: Vec<(String, Place)> = Vec::new();
    for item in items {
        let Some(name) = reader.text(&item) else { continue };
        if !is_name(&name) {
            reader.report(explain::BAD_NAME, &item, format!("`{name}` cannot be the name of a secret")).help =
                Some("use letters, digits and single _, such as CRM_TOKEN; not with _file at the end".to_owned());
        } else if names.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            reader.report(explain::TWICE, &item, format!("the secret `{name}` is named twice")).help =
                Some("capitals make no difference".to_owned());
        }
        names.push((name, Place::of(&item)));
    }
    names
}

/// Says which secrets have no value. `known` are the names of those that have one, in small letters.
pub(super) fn check(reader: &mut Reader<'_>, named: &[(String, Place)], known: &BTreeSet<String>) {
    for (name, place) in named.iter().filter(|(name, _)| !known.contains(&name.to_lowercase())) {
        let (message, upper) = (format!("the secret `{name}` has no value"), name.to_uppercase());
        let found = reader.report_span(explain::SECRET_VALUE, place.span.clone(), &place.pointer, message);
        found.help = Some(format!(
            "set PARLANCE__BOTS__SECRETS__{upper}, PARLANCE__BOTS__SECRETS__{upper}_FILE, or {name} under [bots.secrets]"
        ));
    }
}

/// The configuration finds it by this name in the environment and, with `_file`, in files.
fn is_name(name: &str) -> bool {
    let shaped = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    shaped
        && name.len() <= 64
        && !name.contains("__")
        && !name.ends_with('_')
        && !name.to_lowercase().ends_with("_file")
}

/// A text in which secrets may stand beside templates.
pub(crate) fn text(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Guarded> {
    let text = reader.text(at)?;
    if !PLACE.is_match(&text) {
        return Some(Guarded(vec![Piece::Text(reader.template(at)?)]));
    }
    let (mut pieces, mut from) = (Vec::new(), 0);
    for captures in PLACE.captures_iter(&text) {
        let (Some(whole), Some(name)) = (captures.get(0), captures.get(1)) else { continue };
        between(reader, at, &text, text.get(from..whole.start()).unwrap_or_default(), &mut pieces)?;
        from = whole.end();
        known(reader, at, &text, name);
        pieces.push(Piece::Secret(name.as_str().to_owned()));
    }
    between(reader, at, &text, text.get(from..).unwrap_or_default(), &mut pieces)?;
    Some(Guarded(pieces))
}

/// Spaces around an expression that stands alone would be lost with it, so they are pieces of their own.
fn between(reader: &mut Reader<'_>, at: &At<'_>, whole: &str, part: &str, pieces: &mut Vec<Piece>) -> Option<()> {
    let inner = part.trim();
    let (head, tail) = match part.find(inner).filter(|_| !inner.is_empty()) {
        Some(start) => (part.get(..start)?, part.get(start + inner.len()..)?),
        None => (part, ""),
    };
    for piece in [head, inner, tail].into_iter().filter(|piece| !piece.is_empty()) {
        pieces.push(Piece::Text(reader.compiled_part(at, whole, piece)?));
    }
    Some(())
}

fn known(reader: &mut Reader<'_>, at: &At<'_>, text: &str, name: regex::Match<'_>) {
    let names: Vec<&str> = reader.secrets.iter().map(|(name, _)| name.as_str()).collect();
    if names.contains(&name.as_str()) {
        return;
    }
    let near = nearest(name.as_str(), names.iter().copied());
    let help = match (near, names.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("add `secrets: [{}]` to the bot", name.as_str()),
        (None, false) => format!("`secrets` names {}", list(&names)),
    };
    let span = narrow(reader.source, &at.node.span, text, name.range());
    let message = format!("`secrets` does not name `{}`", name.as_str());
    reader.report_span(explain::UNKNOWN_SECRET, span, &at.pointer, message).help = Some(help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_alone_in_its_braces() {
        for text in ["{{ secret.KEY }}", "x {{secret.a_1}} y", "{{- secret.KEY -}}"] {
            assert!(PLACE.is_match(text), "{text}");
        }
        for text in ["{{ secret }}", "{{ secret.KEY | upper }}", "{{ secret['KEY'] }}", "{{ my.secret.KEY }}"] {
            assert!(!PLACE.is_match(text), "{text}");
        }
    }

    #[test]
    fn names_can_be_keys_of_the_configuration() {
        assert!(["A", "CRM_TOKEN", "key2"].into_iter().all(is_name));
        assert!(["", "2A", "A__B", "A_FILE", "a_file", "A_", "Ä", "A-B", "_A"].into_iter().all(|name| !is_name(name)));
    }
}
