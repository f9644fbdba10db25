//! JSON for a reader of YAML: characters that stand in JSON strings as they are and that YAML wants escaped.

use std::borrow::Cow;
use std::ops::Range;

use super::{Kind, Node};

/// JSON text that YAML reads, and where it became longer.
pub(super) struct Printable<'s> {
    pub(super) text: Cow<'s, str>,
    /// The end of each escape in `text`, and by how many bytes the text is longer up to there.
    escapes: Vec<(usize, usize)>,
}

impl<'s> Printable<'s> {
    /// Escapes what YAML does not print. `source` must be JSON, where such characters stand in strings only.
    pub(super) fn of_json(source: &'s str) -> Self {
        if !source.contains(is_odd) {
            return Self::unchanged(source);
        }
        let (mut text, mut escapes, mut longer) = (String::with_capacity(source.len() + 64), Vec::new(), 0);
        for character in source.chars() {
            if is_odd(character) {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
                longer += "\\u0000".len() - character.len_utf8();
                escapes.push((text.len(), longer));
            } else {
                text.push(character);
            }
        }
        Self { text: text.into(), escapes }
    }

    pub(super) fn unchanged(source: &'s str) -> Self {
        Self { text: source.into(), escapes: Vec::new() }
    }

    /// The place in the source that a place in the text is.
    pub(super) fn place(&self, at: usize) -> usize {
        let before = self.escapes.partition_point(|(end, _)| *end <= at);
        before.checked_sub(1).and_then(|last| self.escapes.get(last)).map_or(at, |(_, longer)| at - longer)
    }

    /// Gives a tree its places in the source.
    pub(super) fn replace(&self, node: &mut Node) {
        if self.escapes.is_empty() {
            return;
        }
        node.span = self.span(&node.span);
        match &mut node.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| self.replace(item)),
            Kind::Map(entries) => {
                for entry in entries {
                    entry.key_span = self.span(&entry.key_span);
                    self.replace(&mut entry.value);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {}
        }
    }

    fn span(&self, span: &Range<usize>) -> Range<usize> {
        self.place(span.start)..self.place(span.end)
    }
}

fn is_odd(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
