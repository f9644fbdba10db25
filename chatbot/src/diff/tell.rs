//! Differences in words, for people.

use serde_json::Value;

use super::{Change, Diff, NodeChange};
use crate::expr::clip;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Something is new.
    Added,
    /// Something is gone.
    Removed,
    /// A heading: something is not as it was.
    Changed,
}

/// A line that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub mark: Mark,
    /// The line with its mark: `+ node home (menu)`.
    pub text: String,
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// In a few words: `+1 node, 2 nodes changed`.
    pub fn summary(&self) -> String {
        let nodes = |count: usize| format!("{count} {}", if count == 1 { "node" } else { "nodes" });
        let mut parts = Vec::new();
        parts.extend((!self.added.is_empty()).then(|| format!("+{}", nodes(self.added.len()))));
        parts.extend((!self.removed.is_empty()).then(|| format!("-{}", nodes(self.removed.len()))));
        parts.extend((!self.changed.is_empty()).then(|| format!("{} changed", nodes(self.changed.len()))));
        parts.extend((!self.parts.is_empty()).then(|| {
            let names: Vec<&str> = self.parts.keys().map(String::as_str).collect();
            format!("{} changed", names.join(" and "))
        }));
        if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") }
    }

    /// Every difference, nodes first.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for node in &self.removed {
            lines.push(line(Mark::Removed, format!("- node {} ({})", node.id, node.kind)));
        }
        for node in &self.added {
            lines.push(line(Mark::Added, format!("+ node {} ({})", node.id, node.kind)));
        }
        for node in &self.changed {
            tell_node(node, &mut lines);
        }
        for (part, changes) in &self.parts {
            lines.push(line(Mark::Changed, format!("~ {part}")));
            changes.iter().for_each(|change| tell(change, &mut lines));
        }
        lines
    }
}

fn line(mark: Mark, text: String) -> Line {
    Line { mark, text }
}

fn tell_node(node: &NodeChange, lines: &mut Vec<Line>) {
    lines.push(line(Mark::Changed, format!("~ node {} ({})", node.id, node.kind)));
    for rewired in &node.rewired {
        let port = &rewired.port;
        lines.extend(rewired.from.iter().map(|to| line(Mark::Removed, format!("  - {port} → {to}"))));
        lines.extend(rewired.to.iter().map(|to| line(Mark::Added, format!("  + {port} → {to}"))));
    }
    node.texts.iter().chain(&node.fields).for_each(|change| tell(change, lines));
}

fn tell(change: &Change, lines: &mut Vec<Line>) {
    let path = if change.path.is_empty() { String::new() } else { format!("{}: ", change.path) };
    lines.extend(change.from.iter().map(|value| line(Mark::Removed, format!("  - {path}{}", shown(value)))));
    lines.extend(change.to.iter().map(|value| line(Mark::Added, format!("  + {path}{}", shown(value)))));
}

/// Texts of one line as they are, the rest as JSON; long ones are cut.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.contains('\n') => clip(text),
        other => clip(&other.to_string()),
    }
}
