//! Findings while a Flow is walked over, and their places.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::super::problem::{Problem, Severity, to_u32};

/// A problem whose place is still a range of bytes.
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) span: Range<usize>,
    pub(super) path: String,
    pub(super) message: String,
    pub(super) severity: Severity,
}

/// The way to a value, from its end.
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// The name of the property that it leads to: of the list, if it leads to an item.
    pub(super) fn last(&self) -> &str {
        match self {
            Self::Root => "$root",
            Self::Key(_, key) => key,
            Self::Item(list, _) => list.last(),
        }
    }
}

/// In Meta's manner: `screens[0].layout.children[0].type`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

/// Gives findings their lines and columns in one pass over the text, in the order of their places.
pub(super) fn place(text: &str, mut findings: Vec<Finding>) -> Vec<Problem> {
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let mut offsets: Vec<usize> = findings.iter().flat_map(|f| [f.span.start, f.span.end]).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let places = places(text, &offsets);
    let find = |offset: usize| places.get(&offset).copied().unwrap_or((1, 1));
    findings.into_iter().map(|finding| problem(finding, find)).collect()
}

fn problem(finding: Finding, find: impl Fn(usize) -> (u32, u32)) -> Problem {
    let (line_start, column_start) = find(finding.span.start);
    let (line_end, column_end) = find(finding.span.end);
    Problem {
        error: finding.code.to_owned(),
        error_type: "FLOW_JSON_ERROR".to_owned(),
        message: finding.message,
        line_start,
        line_end,
        column_start,
        column_end,
        path: finding.path,
        severity: finding.severity,
    }
}

/// Line and column of each of these bytes, which are in ascending order.
fn places(text: &str, offsets: &[usize]) -> HashMap<usize, (u32, u32)> {
    let mut wanted = offsets.iter().copied().peekable();
    let mut places = HashMap::new();
    let (mut line, mut column) = (1, 1);
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        while wanted.next_if(|offset| *offset <= at).is_some_and(|offset| {
            places.insert(offset, (to_u32(line), to_u32(column)));
            true
        }) {}
        if c == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    places
}
