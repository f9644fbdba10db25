//! Values that stand for themselves: texts, numbers, words, durations, and the names of nodes, events and variables.

use std::ops::Range;

#[cfg(test)]
use super::Question;
use super::{At, IN_FORMS, Reader, list};
use crate::caps;
use crate::explain;
use crate::message::shape::Place;
use crate::names::nearest;
use crate::tree::Kind;

/// Words of the expression language that cannot name a variable.
const RESERVED: &[&str] =
    &["true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "loop", "self", "range", "namespace"];

impl Reader<'_> {
    /// Text; numbers are taken as written, so that ids like `1` need no quotes.
    pub(crate) fn text(&mut self, at: &At<'_>) -> Option<String> {
        #[cfg(test)]
        self.note(at, Question::Text);
        match &at.node.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(number) => Some(number.to_string()),
            _ => {
                self.wrong(at, "text");
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, at: &At<'_>) -> Vec<String> {
        let items = self.list(at);
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    pub(crate) fn flag(&mut self, at: &At<'_>) -> Option<bool> {
        #[cfg(test)]
        self.note(at, Question::Flag);
        match at.node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                self.wrong(at, "true or false");
                None
            }
        }
    }

    pub(crate) fn number(&mut self, at: &At<'_>) -> Option<f64> {
        #[cfg(test)]
        self.note(at, Question::Number);
        match &at.node.kind {
            Kind::Number(number) => number.as_f64(),
            _ => {
                self.wrong(at, "a number");
                None
            }
        }
    }

    pub(crate) fn count(&mut self, at: &At<'_>, from: u32, to: u32) -> Option<u32> {
        #[cfg(test)]
        self.note(at, Question::Count(from, to));
        let number = match &at.node.kind {
            Kind::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        let found = number.filter(|n| (from..=to).contains(n));
        if found.is_none() {
            self.report(explain::WRONG_VALUE, at, format!("expected a whole number from {from} to {to}"));
        }
        found
    }

    /// One of the given words.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn word(&mut self, at: &At<'_>, words: &[&'static str]) -> Option<&'static str> {
        #[cfg(test)]
        self.note(at, Question::Words(words.to_vec()));
        let text = self.text(at)?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            let near = nearest(&text, words.iter().copied());
            self.report(explain::WRONG_VALUE, at, format!("`{text}` is not one of {}", list(words))).help =
                near.map(|near| format!("did you mean `{near}`?"));
        }
        found
    }

    pub(crate) fn duration_ms(&mut self, at: &At<'_>) -> Option<u64> {
        #[cfg(test)]
        self.note(at, Question::Duration);
        let text = self.text(at)?;
        let found = crate::duration::parse_ms(&text);
        if found.is_none() {
            self.report(explain::DURATION, at, format!("`{text}` is not a duration")).help =
                Some("write 45s, 30m, 2h, 1d or 1h30m; at most 366 days".to_owned());
        }
        found
    }

    /// The index of a node that must exist.
    pub(crate) fn target(&mut self, at: &At<'_>) -> Option<usize> {
        #[cfg(test)]
        self.note(at, Question::Target);
        let id = self.text(at)?;
        if let Some(index) = self.by_id.get(&id) {
            return Some(*index);
        }
        let near = nearest(&id, self.node_ids.iter().map(String::as_str)).map(str::to_owned);
        self.report(explain::UNKNOWN_NODE, at, format!("there is no node `{id}`")).help =
            near.map(|near| format!("did you mean `{near}`?"));
        None
    }

    /// The name of something that happened, within the bot or outside.
    pub(crate) fn event_name(&mut self, at: &At<'_>) -> Option<String> {
        let name = self.text(at)?;
        if !crate::event::is_name(&name) {
            let message = format!("`{}` is not a name for an event", crate::expr::clip(&name));
            let help = format!(
                "write lower-case words with dots between, such as `booking.made`; at most {} characters",
                caps::MAX_EVENT_NAME_CHARS
            );
            self.report(explain::BAD_NAME, at, message).help = Some(help);
        }
        Some(name)
    }

    /// A variable that the bot writes.
    pub(crate) fn variable(&mut self, at: &At<'_>) -> Option<String> {
        #[cfg(test)]
        self.note(at, Question::Variable);
        let name = self.text(at)?;
        self.variable_name(&name, at.node.span.clone(), &at.pointer).then_some(name)
    }

    pub(crate) fn variable_name(&mut self, name: &str, span: Range<usize>, pointer: &str) -> bool {
        let shaped = is_shaped(name);
        let taken = self.within.is_some() && IN_FORMS.contains(&name);
        let free = is_free(name) && !taken;
        if shaped && free {
            if let Some(within) = self.within.as_mut().filter(|within| !within.declared.contains(name)) {
                within.locals.entry(name.to_owned()).or_insert_with(|| Place { span, pointer: pointer.to_owned() });
                return true;
            }
            self.writes.entry(name.to_owned()).or_insert_with(|| Place { span, pointer: pointer.to_owned() });
            return true;
        }
        let why = if shaped { "is a name of the language" } else { "is not a name for a variable" };
        self.report_span(explain::BAD_NAME, span, pointer, format!("`{name}` {why}")).help =
            Some("use letters, digits and _, beginning with a letter".to_owned());
        false
    }
}

/// Whether a bot may have a variable of this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    is_shaped(name) && is_free(name)
}

fn is_shaped(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first && chars.all(|c| c.is_alphanumeric() || c == '_') && name.chars().count() <= 64
}

/// Whether a name is none of the language.
fn is_free(name: &str) -> bool {
    !crate::expr::scope::FIXED.contains(&name) && !RESERVED.contains(&name)
}

/// A pattern within the bounds of [`caps`]; matching takes linear time.
pub(crate) fn pattern(reader: &mut Reader<'_>, at: &At<'_>) -> Option<regex::Regex> {
    let text = reader.text(at)?;
    if text.chars().count() > caps::MAX_PATTERN_CHARS {
        let message = format!("the pattern is longer than {} characters", caps::MAX_PATTERN_CHARS);
        reader.report(explain::PATTERN, at, message);
        return None;
    }
    match regex::RegexBuilder::new(&text).size_limit(caps::MAX_PATTERN_BYTES).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or("it does not compile").trim();
            let last = last.strip_prefix("error: ").unwrap_or(last).to_owned();
            reader.report(explain::PATTERN, at, format!("the pattern is not valid: {last}"));
            None
        }
    }
}
