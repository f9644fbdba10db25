//! What only the whole bot shows: nodes that nothing reaches, circles that never wait, names that
//! nothing sets.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::policies::Policies;
use super::read::Reader;
use super::triggers::Trigger;
use super::vars::Declared;
use crate::explain;
use crate::expr::scope::FIXED;
use crate::names::nearest;
use crate::node::Node;

/// Where the key of a node stands, and its pointer.
type Place = (Range<usize>, String);

pub(super) fn graph(
    reader: &mut Reader<'_>,
    nodes: &[Node],
    triggers: &[Trigger],
    policies: &Policies,
    places: &[Place],
) {
    // A name that leads nowhere leaves nodes unreached, which then is no finding of its own.
    let open_ends = [explain::UNKNOWN_NODE.name(), explain::NO_TRIGGER.name()];
    if !reader.diagnostics.iter().any(|found| open_ends.contains(&found.code)) {
        unreachable(reader, nodes, triggers, policies, places);
    }
    loops(reader, nodes, places);
}

fn leads_to(node: &Node) -> impl Iterator<Item = usize> {
    node.ports.values().copied().chain(node.kind.jumps())
}

fn unreachable(reader: &mut Reader<'_>, nodes: &[Node], triggers: &[Trigger], policies: &Policies, places: &[Place]) {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = triggers.iter().map(|trigger| trigger.to).chain(policies.targets()).collect();
    while let Some(index) = open.pop() {
        if seen.insert(index) {
            open.extend(leads_to(&nodes[index]));
        }
    }
    for (index, node) in nodes.iter().enumerate() {
        if !seen.contains(&index) {
            let (span, pointer) = &places[index];
            reader.report_span(
                explain::UNREACHABLE,
                span.clone(),
                pointer,
                format!("nothing leads to node `{}`", node.id),
            );
        }
    }
}

/// Reports each group of nodes that lead to one another without a wait.
fn loops(reader: &mut Reader<'_>, nodes: &[Node], places: &[Place]) {
    let edges: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| leads_to(node).filter(|to| !node.kind.waits() && !nodes[*to].kind.waits()).collect())
        .collect();
    for group in circles(&edges) {
        let first = group[0];
        let names: Vec<&str> = group.iter().take(8).map(|index| nodes[*index].id.as_str()).collect();
        let path = format!("{} → {}", names.join(" → "), names[0]);
        let leaves = group.iter().any(|index| {
            let to: Vec<usize> = leads_to(&nodes[*index]).collect();
            to.is_empty() || to.iter().any(|to| !group.contains(to))
        });
        let (span, pointer) = &places[first];
        let (code, message) = match leaves {
            true => (explain::MAYBE_LOOP, format!("these nodes may run in a circle without waiting: {path}")),
            // What another program let through shall load; the cap of a turn holds it.
            false if reader.imported => {
                (explain::MAYBE_LOOP, format!("these nodes run in a circle without waiting: {path}"))
            }
            false => (explain::LOOP, format!("these nodes run in a circle without ever waiting: {path}")),
        };
        reader.report_span(code, span.clone(), pointer, message).help =
            Some("put an `ask` or a `menu` into the circle".to_owned());
    }
}

/// The strongly connected groups of a graph that hold a circle, each sorted (Tarjan, without
/// recursion: bots have thousands of nodes).
fn circles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut state = Tarjan { index: vec![usize::MAX; edges.len()], low: vec![0; edges.len()], ..Tarjan::default() };
    for start in 0..edges.len() {
        if state.index[start] == usize::MAX {
            state.visit(start, edges);
        }
    }
    let mut groups: Vec<Vec<usize>> =
        state.groups.into_iter().filter(|group| group.len() > 1 || edges[group[0]].contains(&group[0])).collect();
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups
}

#[derive(Default)]
struct Tarjan {
    index: Vec<usize>,
    low: Vec<usize>,
    next: usize,
    stack: Vec<usize>,
    on_stack: BTreeSet<usize>,
    groups: Vec<Vec<usize>>,
}

impl Tarjan {
    fn visit(&mut self, start: usize, edges: &[Vec<usize>]) {
        let mut work = vec![(start, 0)];
        self.enter(start);
        while let Some((node, at)) = work.pop() {
            if let Some(to) = edges[node].get(at).copied() {
                work.push((node, at + 1));
                if self.index[to] == usize::MAX {
                    self.enter(to);
                    work.push((to, 0));
                } else if self.on_stack.contains(&to) {
                    self.low[node] = self.low[node].min(self.index[to]);
                }
                continue;
            }
            if self.low[node] == self.index[node] {
                self.close(node);
            }
            if let Some((parent, _)) = work.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack.insert(node);
    }

    fn close(&mut self, node: usize) {
        let mut group = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack.remove(&member);
            group.push(member);
            if member == node {
                break;
            }
        }
        self.groups.push(group);
    }
}

/// Warns of names that are read but that nothing sets.
pub(super) fn names(reader: &mut Reader<'_>, vars: &BTreeMap<String, Declared>) {
    let reads = std::mem::take(&mut reader.reads);
    let mut known: BTreeSet<&str> =
        FIXED.iter().copied().chain(["range", "dict", "namespace", "debug", "loop"]).collect();
    if reader.imported {
        known.insert("customer_phone");
    }
    let writes = reader.writes.clone();
    known.extend(vars.keys().map(String::as_str).chain(writes.iter().map(String::as_str)));
    for read in reads {
        if known.contains(read.name.as_str()) {
            continue;
        }
        let near = nearest(&read.name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| "declare it in `vars`, or `save` to it".to_owned());
        reader
            .report_span(
                explain::UNDECLARED,
                read.span,
                &read.pointer,
                format!("nothing sets the variable `{}`", read.name),
            )
            .help = Some(help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found() {
        assert_eq!(circles(&[vec![1], vec![2], vec![0], vec![3], vec![0]]), [vec![0, 1, 2], vec![3]]);
        assert!(circles(&[vec![1], vec![2], vec![]]).is_empty());
    }

    #[test]
    fn long_chains_do_not_overflow() {
        let edges: Vec<Vec<usize>> = (0..200_000).map(|n| vec![(n + 1) % 200_000]).collect();
        assert_eq!(circles(&edges).len(), 1);
    }
}
