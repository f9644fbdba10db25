//! Problems of a Flow JSON as findings in a bot file: what the checker of Flow JSON says, at its place in the file of the
//! Flow, or in the bot file where the Flow JSON stands there.

use std::ops::Range;

use whatsapp::flow::json::{FlowJson, Problem, Severity};

use crate::bot::read::Reader;
use crate::explain::{self, Code};
use crate::tree::{Kind, Node};

/// Everything that is wrong with a Flow JSON.
pub(crate) fn problems(text: &str) -> Vec<Problem> {
    FlowJson::check(text)
}

/// The code of a finding. What keeps a Flow from being published does not keep a bot from running that was imported, or
/// that ran before.
pub(crate) fn code_of(reader: &Reader<'_>, problem: &Problem) -> Code {
    match problem.severity {
        _ if reader.imported => explain::LATER_IMPORTED,
        Severity::Error if !reader.stored => explain::FLOW_JSON,
        Severity::Error | Severity::Warning => explain::FLOW_JSON_DOUBT,
    }
}

/// The message of a finding.
pub(crate) fn said(problem: &Problem) -> String {
    match problem.path.is_empty() {
        true => format!("{}: {}", problem.error, problem.message),
        false => format!("{}: {} (`{}`)", problem.error, problem.message, problem.path),
    }
}

/// Where a path such as `screens[0].layout.children[1].text` is in a tree: the deepest part of it that is there.
pub(crate) fn span_of(root: &Node, path: &str) -> Range<usize> {
    let (mut at, mut span) = (root, root.span.clone());
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let next = match &at.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == part).map(|entry| &entry.value),
            Kind::List(items) => part.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        (at, span) = (next, next.span.clone());
    }
    span
}
