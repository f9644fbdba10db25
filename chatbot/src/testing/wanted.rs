//! What a test expects of one bubble, and the comparison of several with what was said.

use serde_json::Value;

use super::bubble::{Bubble, quoted, wire_name};
use super::fits;
use super::report::Line;

/// Page buttons of a long menu need not be named.
const PAGE: &str = "parlance.page.";

/// What a bubble must be; all of it must hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) all: Vec<Trait>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trait {
    /// The body, caption or title is this.
    Text(String),
    /// The body, caption or title has this in it.
    Contains(String),
    /// The ids that can be tapped, in order.
    Menu(Vec<String>),
    /// The kind of message, and what is to be in it.
    Kind { key: &'static str, value: Value },
}

impl Wanted {
    pub(super) fn is(&self, bubble: &Bubble) -> bool {
        self.all.iter().all(|wanted| wanted.holds(bubble))
    }

    /// As it stands in the test.
    pub(super) fn written(&self) -> String {
        if let [Trait::Text(text)] = self.all.as_slice() {
            return quoted(text);
        }
        let parts: Vec<String> = self.all.iter().map(Trait::written).collect();
        format!("{{ {} }}", parts.join(", "))
    }
}

impl Trait {
    fn holds(&self, bubble: &Bubble) -> bool {
        match self {
            Trait::Text(text) => bubble.text() == text,
            Trait::Contains(part) => bubble.text().contains(part.as_str()),
            Trait::Menu(ids) => shows(ids, bubble),
            Trait::Kind { key, value } => bubble.kind() == wire_name(key) && has(key, value, bubble),
        }
    }

    fn written(&self) -> String {
        match self {
            Trait::Text(text) => format!("text: {}", quoted(text)),
            Trait::Contains(part) => format!("contains: {}", quoted(part)),
            Trait::Menu(ids) => format!("menu: [{}]", ids.join(", ")),
            Trait::Kind { key, value } => format!("{key}: {value}"),
        }
    }
}

fn shows(ids: &[String], bubble: &Bubble) -> bool {
    let pages = ids.iter().any(|id| id.starts_with(PAGE));
    let shown: Vec<String> = bubble.choices().into_iter().map(|choice| choice.id).collect();
    let shown = shown.iter().filter(|id| pages || !id.starts_with(PAGE));
    !bubble.choices().is_empty() && shown.eq(ids)
}

/// Nothing and `true` are content with the kind; a text is the name of a template, else what can be read
/// of the message, or where its file comes from; a map is held against the content as Meta gets it.
fn has(key: &str, value: &Value, bubble: &Bubble) -> bool {
    let content = bubble.content();
    match value {
        Value::Null | Value::Bool(true) => true,
        Value::String(name) if key == "template" => content["name"] == *name,
        Value::String(text) => bubble.text() == text || content["link"] == *text || content["id"] == *text,
        _ => fits(value, content),
    }
}

/// The comparison of what was expected with what was said, with as much in common as there is.
pub(super) fn diff(wanted: &[Wanted], got: &[&Bubble]) -> Vec<Line> {
    // common[i][j]: how many bubbles wanted[i..] and got[j..] have in common, in order.
    let mut common = vec![vec![0_usize; got.len() + 1]; wanted.len() + 1];
    for i in (0..wanted.len()).rev() {
        for j in (0..got.len()).rev() {
            common[i][j] = match wanted[i].is(got[j]) {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::with_capacity(wanted.len() + got.len());
    while i < wanted.len() || j < got.len() {
        if i < wanted.len() && j < got.len() && wanted[i].is(got[j]) {
            lines.push(Line::Same(got[j].written()));
            (i, j) = (i + 1, j + 1);
        } else if i < wanted.len() && (j == got.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Expected(wanted[i].written()));
            i += 1;
        } else {
            lines.push(Line::Got(got[j].written()));
            j += 1;
        }
    }
    lines
}
