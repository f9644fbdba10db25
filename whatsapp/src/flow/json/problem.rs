//! What is wrong in a Flow JSON, in the shape of Meta's `validation_errors`, so that its findings and ours look alike.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::tree::{Node, SyntaxError};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Meta does not publish such a Flow.
    #[default]
    Error,
    /// It may be published, or sources disagree about whether it is.
    Warning,
}

/// A problem with its place. Lines and columns count from 1, columns in characters; the end is the column behind the
/// last character. A problem of Meta may have no place: then they are 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Problem {
    /// Meta's code, such as `INVALID_PROPERTY_KEY`.
    pub error: String,
    /// Meta's kind of code: `FLOW_JSON_ERROR` or `JSON_SCHEMA_ERROR`.
    pub error_type: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Where it begins and ends.
    pub line_start: u32,
    /// The line of its end.
    pub line_end: u32,
    /// The column of its beginning.
    pub column_start: u32,
    /// The column of its end.
    pub column_end: u32,
    /// The way there: `screens[0].layout.children[0].type`; empty for the whole.
    pub path: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Problem {
    pub(super) fn syntax(text: &str, error: &SyntaxError) -> Self {
        let message = format!("Flow JSON is not valid: {}", error.message);
        Self::at(text, "INVALID_FLOW_JSON", message, error.at)
    }

    pub(super) fn no_screens(text: &str, root: &Node) -> Self {
        let message = "Flow JSON needs a list of `screens` with at least one screen".to_owned();
        let at = root.get("screens").map_or(root.span.start, |node| node.span.start);
        Self::at(text, "MIN_ITEMS_REQUIRED", message, at)
    }

    fn at(text: &str, error: &str, message: String, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let (line, column) = (to_u32(line), to_u32(column));
        Self {
            error: error.to_owned(),
            error_type: "FLOW_JSON_ERROR".to_owned(),
            message,
            line_start: line,
            line_end: line,
            column_start: column,
            column_end: column.saturating_add(1),
            path: String::new(),
            severity: Severity::Error,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (line {}, column {}", self.error, self.message, self.line_start, self.column_start)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        f.write_str(")")
    }
}

pub(super) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Meta's shape.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Wire {
    error: String,
    error_type: String,
    message: String,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    pointers: Vec<Pointer>,
    severity: Severity,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Pointer {
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    path: String,
}

impl Default for Wire {
    fn default() -> Self {
        Problem {
            error: String::new(),
            error_type: "FLOW_JSON_ERROR".to_owned(),
            message: String::new(),
            line_start: 0,
            line_end: 0,
            column_start: 0,
            column_end: 0,
            path: String::new(),
            severity: Severity::Error,
        }
        .into()
    }
}

impl From<Problem> for Wire {
    fn from(problem: Problem) -> Self {
        let Problem { line_start, line_end, column_start, column_end, .. } = problem;
        let pointer = Pointer { line_start, line_end, column_start, column_end, path: problem.path };
        Self {
            error: problem.error,
            error_type: problem.error_type,
            message: problem.message,
            line_start,
            line_end,
            column_start,
            column_end,
            pointers: vec![pointer],
            severity: problem.severity,
        }
    }
}

impl From<Wire> for Problem {
    fn from(wire: Wire) -> Self {
        Self {
            error: wire.error,
            error_type: wire.error_type,
            message: wire.message,
            line_start: wire.line_start,
            line_end: wire.line_end,
            column_start: wire.column_start,
            column_end: wire.column_end,
            path: wire.pointers.into_iter().next().map(|pointer| pointer.path).unwrap_or_default(),
            severity: wire.severity,
        }
    }
}
