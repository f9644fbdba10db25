//! Texts with `{{ … }}` in them and bare expressions: compiled, held against limits, and noted with what they read.

use std::collections::BTreeMap;
use std::ops::Range;

#[cfg(test)]
use super::Question;
use super::{At, Read, Reader};
use crate::explain;
use crate::expr::{Expr, Missing, Template, clip};
use crate::source::narrow;
use crate::texts::{self, Translated};
use crate::tree::Kind;

/// Of a text whose fixed parts alone are too long.
pub(crate) const AND_MORE: &str = " without the values in it";

impl Reader<'_> {
    /// A string in which `{{ … }}` may stand.
    pub(crate) fn template(&mut self, at: &At<'_>) -> Option<Template> {
        #[cfg(test)]
        self.note(at, Question::Template);
        let text = self.text(at)?;
        match texts::translate(self, at, &text) {
            Some(translations) => self.translated(at, &text, translations),
            None => self.compiled(at, &text),
        }
    }

    fn translated(&mut self, at: &At<'_>, text: &str, translations: Vec<(Option<String>, String)>) -> Option<Template> {
        let (mut own, mut by_language) = (None, BTreeMap::new());
        let reads = self.reads.len();
        for (language, translation) in translations {
            let template = self.compiled(at, &translation)?;
            match language {
                Some(language) => by_language.extend([(language, template)]),
                None => own = Some(template),
            }
        }
        // What the texts of `i18n` read was noted where they stand.
        self.reads.truncate(reads);
        let own: Template = own?;
        let names: Vec<String> = own.reads().iter().filter(|read| mentions(text, read)).cloned().collect();
        self.note_reads(at, text, &names);
        Some(Template::Translated(Box::new(Translated { own, by_language })))
    }

    fn compiled(&mut self, at: &At<'_>, text: &str) -> Option<Template> {
        let number = self.next_number();
        match Template::compile(text, number, self.missing, &mut self.templates) {
            Ok(template) => {
                self.note_reads(at, text, template.reads());
                Some(template)
            }
            Err(error) => {
                self.syntax(at, text, &error);
                None
            }
        }
    }

    /// Reads with texts and expressions for which a missing value is an error, whatever the policy says.
    pub(crate) fn strictly<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.templates, &mut self.strict);
        let missing = std::mem::replace(&mut self.missing, Missing::Refuse);
        let found = read(self);
        self.missing = missing;
        std::mem::swap(&mut self.templates, &mut self.strict);
        found
    }

    /// A part of a text, compiled by itself.
    pub(crate) fn compiled_part(&mut self, at: &At<'_>, whole: &str, part: &str) -> Option<Template> {
        let number = self.next_number();
        match Template::compile(part, number, self.missing, &mut self.templates) {
            Ok(template) => {
                self.note_reads(at, whole, template.reads());
                Some(template)
            }
            Err(error) => {
                self.report(explain::EXPRESSION, at, error.message);
                None
            }
        }
    }

    /// A template held against a limit of characters, as far as its length is known.
    pub(crate) fn template_up_to(&mut self, at: &At<'_>, thing: &str, limit: usize) -> Option<Template> {
        let template = self.template(at)?;
        for language in [None].into_iter().chain(self.i18n.languages().into_iter().map(Some)) {
            let least = template.at_least(language.as_deref());
            if least > limit {
                let place = language.as_deref().map(|language| format!(" in `{language}`")).unwrap_or_default();
                let rest = if template.plain_in(language.as_deref()).is_some() { "" } else { AND_MORE };
                let message = format!("{thing} is too long{place}: {least} characters{rest}, WhatsApp allows {limit}");
                self.report(explain::TOO_LONG, at, message).help = Some("shorten it".to_owned());
                break;
            }
        }
        Some(template)
    }

    /// As [`Self::expression`], for a condition whose failing for ever means that `dead` never happens.
    pub(crate) fn condition(&mut self, at: &At<'_>, dead: &str) -> Option<Expr> {
        let expr = self.expression(at)?;
        if expr.constant() == Some(false) {
            self.report(explain::CONSTANT, at, format!("`{}` never holds: {dead}", clip(expr.source()))).help =
                Some("correct it: it reads no variable, so it is the same in every turn".to_owned());
        }
        Some(expr)
    }

    /// A bare expression; booleans and numbers may stand for themselves.
    pub(crate) fn expression(&mut self, at: &At<'_>) -> Option<Expr> {
        #[cfg(test)]
        self.note(at, Question::Expression);
        let text = match &at.node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Bool(_) | Kind::Number(_) => at.node.to_json().to_string(),
            _ => {
                self.wrong(at, "an expression");
                return None;
            }
        };
        if texts::refuse_in_expression(self, at, &text) {
            return None;
        }
        match Expr::compile(&text, self.missing) {
            Ok(expr) => {
                self.note_reads(at, &text, expr.reads());
                Some(expr)
            }
            Err(error) => {
                self.syntax(at, &text, &error);
                None
            }
        }
    }

    /// A number that no text has yet.
    fn next_number(&mut self) -> usize {
        self.numbered += 1;
        self.numbered
    }

    fn syntax(&mut self, at: &At<'_>, text: &str, error: &crate::expr::CompileError) {
        let whole = at.node.span.clone();
        let span = match &error.range {
            Some(range) => narrow(self.source, &whole, text, range.clone()),
            None => whole,
        };
        self.report_span(explain::EXPRESSION, span, &at.pointer, error.message.clone()).help = error.help.clone();
    }

    fn note_reads(&mut self, at: &At<'_>, text: &str, reads: &[String]) {
        for dotted in reads {
            let name = dotted.split('.').next().unwrap_or(dotted).to_owned();
            let part = find_word(text, &name).unwrap_or(0..0);
            let span = narrow(self.source, &at.node.span, text, part.clone());
            let span = if part.is_empty() { at.node.span.clone() } else { span };
            if name == "secret" {
                let message = "a secret cannot stand here";
                let help =
                    "write {{ secret.NAME }}, alone in its braces, in `headers`, `auth` or `query` of an `http` node";
                self.report_span(explain::SECRET_PLACE, span, &at.pointer, message).help = Some(help.to_owned());
                continue;
            }
            self.reads.push(Read { name, span, pointer: at.pointer.clone() });
        }
    }
}

fn mentions(text: &str, dotted: &str) -> bool {
    dotted.split('.').next().is_some_and(|name| find_word(text, name).is_some())
}

/// The first place where a name stands as a whole word.
fn find_word(text: &str, word: &str) -> Option<Range<usize>> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at..at + word.len()).find(|range| {
        let before = text.get(..range.start).and_then(|t| t.chars().next_back());
        let after = text.get(range.end..).and_then(|t| t.chars().next());
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}
