//! `branch`: takes the first case that holds.

use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::expr::{Expr, scope, to_json};
use crate::trace::Why;
use crate::turn::{Fault, Walk};

use super::Next;

pub(super) const KEYS: &[&str] = &["cases", "else"];

pub(crate) struct Branch {
    cases: Vec<Case>,
    otherwise: usize,
}

struct Case {
    when: Expr,
    to: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Branch> {
    let mut cases = Vec::new();
    let mut earlier = Vec::new();
    if let Some(at) = reader.required(fields, "cases") {
        for item in reader.list(&at) {
            let Some(case) = reader.fields(&item, &["when", "to"]) else { continue };
            let when = reader.required(&case, "when").and_then(|at| read_when(reader, &at, &mut earlier));
            let to = reader.required(&case, "to").and_then(|at| reader.target(&at));
            cases.extend(when.zip(to).map(|(when, to)| Case { when, to }));
        }
    }
    let Some(otherwise) = fields.get("else") else {
        reader.report(explain::UNCONNECTED, &fields.at, "a branch needs an `else`").help =
            Some("add `else: node` for when no case holds".to_owned());
        return None;
    };
    let otherwise = reader.target(&otherwise)?;
    Some(Branch { cases, otherwise })
}

/// A condition that an earlier case has already, or that depends on nothing, is a slip.
fn read_when(reader: &mut Reader<'_>, at: &At<'_>, earlier: &mut Vec<String>) -> Option<Expr> {
    let when = reader.condition(at, "the case is never taken")?;
    let source = when.source().trim().to_owned();
    if when.constant() == Some(true) {
        let message = format!("`{source}` always holds: what comes after this case is never taken");
        reader.report(explain::CONSTANT, at, message).help = Some("use a `goto`, or correct the condition".to_owned());
    } else if let Some(first) = earlier.iter().position(|other| *other == source) {
        let message = format!("case {} has the same condition, so this one is never taken", first + 1);
        reader.report(explain::CONSTANT, at, message).help = Some("remove it, or correct the condition".to_owned());
    }
    earlier.push(source);
    Some(when)
}

impl Branch {
    pub(super) fn jumps(&self) -> Vec<usize> {
        self.cases.iter().map(|case| case.to).chain([self.otherwise]).collect()
    }

    pub(super) fn enter(&self, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        for (index, case) in self.cases.iter().enumerate() {
            let value = case.when.value(walk.scope()).map_err(Fault::evaluation)?;
            if value.is_true() {
                let result = to_json(&value).unwrap_or(serde_json::Value::Bool(true));
                let operands = scope::read_all(walk.scope(), case.when.reads());
                let why = Why { expression: case.when.source().to_owned(), operands, result };
                return Ok(Next::Jump { label: format!("case {}", index + 1), to: case.to, why: Some(why) });
            }
        }
        Ok(Next::Jump { label: "else".to_owned(), to: self.otherwise, why: Some(self.why_not(walk)) })
    }

    /// What the cases read, when none held.
    fn why_not(&self, walk: &Walk<'_>) -> Why {
        let names: Vec<String> = self.cases.iter().flat_map(|case| case.when.reads().to_vec()).collect();
        Why {
            expression: "no case holds".to_owned(),
            operands: scope::read_all(walk.scope(), &names),
            result: serde_json::Value::Bool(false),
        }
    }
}
