//! What a test expects of one bubble, and the comparison of several with what was said.

use serde_json::Value;

use super::bubble::{Bubble, quoted, wire_name};
use super::fits;
use super::phone::Phone;
use super::report::{Line, Shown};

/// Page buttons of a long menu need not be named.
pub(super) const PAGE: &str = "parlance.page.";

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

    /// The kind of message that is wanted, by its name in bot files, where that is said.
    pub(super) fn kind(&self) -> Option<&'static str> {
        self.all.iter().find_map(|one| match one {
            Trait::Kind { key, .. } => Some(*key),
            _ => None,
        })
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
    pub(super) fn holds(&self, bubble: &Bubble) -> bool {
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

/// A place in the comparison of two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aligned {
    Both(usize, usize),
    Wanted(usize),
    Got(usize),
}

/// Two lists side by side, with as much in common as there is, in order.
pub(super) fn aligned(wanted: usize, got: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Aligned> {
    // common[i][j]: how much wanted[i..] and got[j..] have in common, in order.
    let mut common = vec![vec![0_usize; got + 1]; wanted + 1];
    for i in (0..wanted).rev() {
        for j in (0..got).rev() {
            common[i][j] = match same(i, j) {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::with_capacity(wanted + got);
    while i < wanted || j < got {
        if i < wanted && j < got && same(i, j) {
            steps.push(Aligned::Both(i, j));
            (i, j) = (i + 1, j + 1);
        } else if i < wanted && (j == got || common[i + 1][j] >= common[i][j + 1]) {
            steps.push(Aligned::Wanted(i));
            i += 1;
        } else {
            steps.push(Aligned::Got(j));
            j += 1;
        }
    }
    steps
}

/// What became of the bubbles that were wanted: one stands for another where both lists go on between the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Same(usize, usize),
    Other(usize, usize),
    Missing(usize),
    Extra(usize),
}

/// The fates of all, in order.
pub(super) fn fates(wanted: &[Wanted], got: &[&Bubble]) -> Vec<Fate> {
    let mut fates = Vec::new();
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    let close = |fates: &mut Vec<Fate>, missing: &mut Vec<usize>, extra: &mut Vec<usize>| {
        let pairs = missing.len().min(extra.len());
        fates.extend(missing.drain(..pairs).zip(extra.drain(..pairs)).map(|(i, j)| Fate::Other(i, j)));
        fates.extend(missing.drain(..).map(Fate::Missing));
        fates.extend(extra.drain(..).map(Fate::Extra));
    };
    for step in aligned(wanted.len(), got.len(), |i, j| wanted[i].is(got[j])) {
        match step {
            Aligned::Wanted(i) => missing.push(i),
            Aligned::Got(j) => extra.push(j),
            Aligned::Both(i, j) => {
                close(&mut fates, &mut missing, &mut extra);
                fates.push(Fate::Same(i, j));
            }
        }
    }
    close(&mut fates, &mut missing, &mut extra);
    fates
}

/// The comparison of what was expected with what was said: for programs, and as a phone would show it.
pub(super) fn diff(wanted: &[Wanted], got: &[&Bubble]) -> (Vec<Line>, Vec<Shown>) {
    let (mut lines, mut phone) = (Vec::new(), Phone::default());
    for fate in fates(wanted, got) {
        match fate {
            Fate::Same(_, j) => {
                lines.push(Line::Same(got[j].written()));
                phone.same(got[j]);
            }
            Fate::Other(i, j) => {
                lines.extend([Line::Expected(wanted[i].written()), Line::Got(got[j].written())]);
                phone.other(&wanted[i], got[j]);
            }
            Fate::Missing(i) => {
                lines.push(Line::Expected(wanted[i].written()));
                phone.missing(&wanted[i]);
            }
            Fate::Extra(j) => {
                lines.push(Line::Got(got[j].written()));
                phone.extra(got[j]);
            }
        }
    }
    (lines, phone.into_shown())
}
