//! Variables of Typebot under names that our expressions can use, and texts with `{{names}}` in them.

use std::collections::{BTreeMap, BTreeSet};

use super::code;
use super::export::Export;
use crate::expr::scope::FIXED;
use crate::import::request::Piece;
use crate::import::text::{WORDS, identifier, quoted, unique, verbatim};

/// The variables of an import.
pub(super) struct Names {
    by_id: BTreeMap<String, String>,
    by_name: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// What is told.
    pub(super) changes: Vec<String>,
}

impl Names {
    pub(super) fn new(export: &Export<'_>) -> Self {
        let taken = FIXED.iter().chain(WORDS).map(|name| (*name).to_owned()).collect();
        let mut names = Self { by_id: BTreeMap::new(), by_name: BTreeMap::new(), taken, changes: Vec::new() };
        for (id, name, _) in &export.variables {
            let key = name.trim().to_owned();
            let variable = match names.by_name.get(&key) {
                Some(known) => known.clone(),
                None => unique(&identifier(&key), &mut names.taken),
            };
            names.by_id.insert((*id).to_owned(), variable.clone());
            names.by_name.insert(key, variable);
        }
        names
    }

    /// The variable of an id.
    pub(super) fn of(&self, id: &str) -> Option<String> {
        self.by_id.get(id).cloned()
    }

    /// A variable of the importer's own.
    pub(super) fn own(&mut self, wanted: &str) -> String {
        unique(&identifier(wanted), &mut self.taken)
    }

    /// All variables: their names there and here.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, variable)| (name.as_str(), variable.as_str()))
    }

    /// What stands between the braces, as one of our expressions.
    fn inner(&mut self, inner: &str) -> Option<String> {
        if let Some(code) = inner.trim().strip_prefix('=') {
            let code = code.trim_end_matches('=');
            return match code::expression(code, self) {
                Ok(written) => Some(written),
                Err(why) => {
                    self.changes.push(format!("the code `{}` is not mapped and prints nothing: {why}", shown(code)));
                    None
                }
            };
        }
        let found = self.by_name.get(inner.trim()).cloned();
        if found.is_none() {
            self.changes.push(format!("`{{{{{}}}}}` is no variable and prints nothing", shown(inner)));
        }
        found
    }

    /// The variable of a name.
    pub(super) fn named(&self, name: &str) -> Option<String> {
        self.by_name.get(name.trim()).cloned()
    }

    /// The parts of a text.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}") else { break };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.extend(self.inner(inner).map(Piece::Expression));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        pieces
    }

    /// A text of ours.
    pub(super) fn template(&mut self, text: &str) -> String {
        self.pieces(text)
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => verbatim(text),
                Piece::Expression(written) => format!("{{{{ {written} }}}}"),
            })
            .collect()
    }

    /// A text as one expression: the value itself where there is nothing else.
    pub(super) fn expression(&mut self, text: &str) -> String {
        let pieces = self.pieces(text);
        if let [Piece::Expression(written)] = pieces.as_slice() {
            return written.clone();
        }
        let parts: Vec<String> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => quoted(text),
                Piece::Expression(written) => format!("({written} | text)"),
            })
            .collect();
        match parts.as_slice() {
            [] => "''".to_owned(),
            [one] => one.clone(),
            many => format!("({})", many.join(" ~ ")),
        }
    }
}

fn shown(text: &str) -> String {
    text.trim().chars().take(60).collect()
}
