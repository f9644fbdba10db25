//! Bubbles as they look on a phone, and what differs between those that were wanted and those that came, line by line.

use serde_json::Value;

use super::bubble::{Bubble, Choice, key_of};
use super::report::Shown;
use super::wanted::{Trait, Wanted};

/// A long text of a message is cut to so many lines.
const MAX_LINES: usize = 60;

/// A comparison in the making.
#[derive(Default)]
pub(super) struct Phone {
    shown: Vec<Shown>,
}

impl Phone {
    /// A bubble that was wanted and came.
    pub(super) fn same(&mut self, bubble: &Bubble) {
        self.bubble(bubble.kind(), ' ', ' ', lines(bubble).into_iter().map(|line| (' ', line)));
    }

    /// A bubble that was wanted and did not come.
    pub(super) fn missing(&mut self, wanted: &Wanted) {
        let lines = wanted_lines(wanted, None);
        self.bubble(wanted.kind().unwrap_or("text"), '-', '-', lines.into_iter().map(|line| ('-', line)));
    }

    /// A bubble that came and was not wanted.
    pub(super) fn extra(&mut self, bubble: &Bubble) {
        self.bubble(bubble.kind(), '+', '+', lines(bubble).into_iter().map(|line| ('+', line)));
    }

    /// A bubble that came in another one's place.
    pub(super) fn other(&mut self, wanted: &Wanted, got: &Bubble) {
        let (wants, has) = (wanted_lines(wanted, Some(got)), lines(got));
        let wanted_kind = wanted.kind().unwrap_or(got.kind());
        let (top, end) = if wanted_kind == got.kind() { (' ', ' ') } else { ('+', ' ') };
        if top == '+' {
            self.put('-', format!("╭ {wanted_kind}"));
        }
        self.bubble(got.kind(), top, end, compared(&wants, &has).into_iter());
    }

    pub(super) fn into_shown(self) -> Vec<Shown> {
        self.shown
    }

    fn bubble(&mut self, kind: &str, top: char, end: char, lines: impl Iterator<Item = (char, String)>) {
        let title = if kind == "text" { "╭".to_owned() } else { format!("╭ {}", key_of(kind)) };
        self.put(top, title);
        for (mark, line) in lines {
            self.put(mark, format!("│ {line}"));
        }
        self.put(end, "╰".to_owned());
    }

    fn put(&mut self, mark: char, text: String) {
        self.shown.push(Shown { mark, text: text.trim_end().to_owned() });
    }
}

/// What a phone shows of a bubble.
fn lines(bubble: &Bubble) -> Vec<String> {
    let content = bubble.content();
    let mut lines: Vec<String> = Vec::new();
    lines.extend(content["header"]["text"].as_str().map(|text| format!("{text} (header)")));
    lines.extend(text_lines(bubble.text()));
    lines.extend(content["footer"]["text"].as_str().map(|text| format!("{text} (footer)")));
    let choices = bubble.choices();
    lines.extend(choices.iter().map(choice_line));
    if !matches!(bubble.kind(), "text" | "button" | "list") {
        lines.push(content.to_string());
    }
    lines
}

/// What a phone would show of a wanted bubble. What nothing is said about, and what holds, is as in the one that came.
fn wanted_lines(wanted: &Wanted, got: Option<&Bubble>) -> Vec<String> {
    let (mut text, mut menu, mut rest) = (None, None, Vec::new());
    for one in &wanted.all {
        if got.is_some_and(|got| one.holds(got)) {
            continue;
        }
        match one {
            Trait::Text(body) => text = Some(text_lines(body)),
            Trait::Contains(part) => text = Some(vec![format!("… {part} …")]),
            Trait::Menu(ids) => menu = Some(ids.iter().map(|id| known_choice(id, got)).collect::<Vec<_>>()),
            Trait::Kind { key, value } => rest.push(kind_line(key, value)),
        }
    }
    let of_got = got.map(lines).unwrap_or_default();
    if text.is_none() && menu.is_none() {
        return if rest.is_empty() { of_got } else { rest };
    }
    let choices = got.map(|got| got.choices().iter().map(choice_line).collect::<Vec<_>>()).unwrap_or_default();
    let (own, others): (Vec<String>, Vec<String>) = of_got.into_iter().partition(|line| !choices.contains(line));
    let mut lines = text.unwrap_or(own);
    lines.extend(menu.unwrap_or(others));
    lines.extend(rest);
    lines
}

fn kind_line(key: &str, value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(true) => key.to_owned(),
        Value::Object(map) if map.is_empty() => key.to_owned(),
        value => format!("{key}: {value}"),
    }
}

fn text_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().take(MAX_LINES).map(str::to_owned).collect();
    if text.lines().count() > MAX_LINES {
        lines.push("…".to_owned());
    }
    lines
}

fn known_choice(id: &str, got: Option<&Bubble>) -> String {
    let found = got.and_then(|got| got.choices().into_iter().find(|choice| choice.id == id));
    found.map_or_else(|| format!("  [{id}]"), |choice| choice_line(&choice))
}

fn choice_line(choice: &Choice) -> String {
    let title = choice.title.as_deref().filter(|title| *title != choice.id);
    let description = choice.description.as_deref().map(|text| format!(" · {text}")).unwrap_or_default();
    format!("  [{}] {}{description}", choice.id, title.unwrap_or_default())
}

/// The lines of both, with as much in common as there is.
fn compared(wanted: &[String], got: &[String]) -> Vec<(char, String)> {
    let mut out = Vec::with_capacity(wanted.len() + got.len());
    for step in super::wanted::aligned(wanted.len(), got.len(), |i, j| wanted[i].trim_end() == got[j].trim_end()) {
        match step {
            super::wanted::Aligned::Both(_, j) => out.push((' ', got[j].clone())),
            super::wanted::Aligned::Wanted(i) => out.push(('-', wanted[i].clone())),
            super::wanted::Aligned::Got(j) => out.push(('+', got[j].clone())),
        }
    }
    out
}
