//! The numbers behind names like `question_2.response`: how many nodes of the kind ran before.
//!
//! The original counts as it goes, so on a second pass through a circle the same node gets another
//! number; its editor shows the numbers of the first pass, and those are taken here.

use std::collections::BTreeSet;

use super::export::Export;

/// Numbers that a node may get, over all paths.
pub(super) type Numbers = Vec<BTreeSet<usize>>;

/// Beyond so many numbers a node is ambiguous anyway.
const ENOUGH: usize = 8;

/// For each node, the numbers it may get among nodes of its own kind.
pub(super) fn numbers(export: &Export) -> Numbers {
    let order = first_pass(export);
    let mut result: Numbers = vec![BTreeSet::new(); export.nodes.len()];
    for kind in ["question", "rest_api", "whatsapp_flow", "google_calendar"] {
        let mut before: Numbers = vec![BTreeSet::new(); export.nodes.len()];
        if let Some(start) = order.first() {
            before[*start].insert(0);
        }
        for (at, index) in order.iter().enumerate() {
            let own = usize::from(export.nodes[*index].kind == kind);
            let after: BTreeSet<usize> = before[*index].iter().take(ENOUGH).map(|n| n + own).collect();
            if own == 1 {
                result[*index].clone_from(&after);
            }
            for next in export.after(*index) {
                if order.get(at + 1..).is_some_and(|later| later.contains(&next)) {
                    before[next].extend(&after);
                }
            }
        }
    }
    result
}

/// The nodes that the start leads to, each after those before it; edges back are left out.
fn first_pass(export: &Export) -> Vec<usize> {
    let Some(start) = export.nodes.iter().position(|node| node.kind == "start") else { return Vec::new() };
    let mut seen = BTreeSet::from([start]);
    let mut order = Vec::new();
    let mut work: Vec<(usize, Vec<usize>)> = vec![(start, export.after(start).collect())];
    while let Some((node, open)) = work.last_mut() {
        match open.pop() {
            Some(next) if seen.insert(next) => work.push((next, export.after(next).collect())),
            Some(_) => {}
            None => {
                order.push(*node);
                work.pop();
            }
        }
    }
    order.reverse();
    order
}
