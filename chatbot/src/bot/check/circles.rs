//! Circles of nodes that never wait for the person.

use std::collections::BTreeSet;

use super::{Whole, leads_to};
use crate::bot::read::Reader;
use crate::explain;
use crate::node::Node;

/// Ports of nodes that wait by which they leave before they do, as often as they are entered.
const BEFORE_WAITING: &[(&str, &str)] = &[("menu", "empty"), ("handoff", "unavailable")];

/// Where a node leads in the turn that enters it.
fn at_once(node: &Node) -> Box<dyn Iterator<Item = usize> + '_> {
    if !node.kind.waits() {
        return Box::new(leads_to(node));
    }
    let early = BEFORE_WAITING.iter().filter(|(kind, _)| *kind == node.kind.name());
    Box::new(early.filter_map(|(_, port)| node.ports.get(*port).copied()))
}

/// Reports each group of nodes that lead to one another without a wait.
pub(super) fn loops(reader: &mut Reader<'_>, nodes: &[Node], whole: &Whole<'_, '_>) {
    let edges: Vec<Vec<usize>> = nodes.iter().map(|node| at_once(node).collect()).collect();
    for group in circles(&edges) {
        let first = group[0];
        let names: Vec<&str> = group.iter().take(8).map(|index| nodes[*index].id.as_str()).collect();
        let path = format!("{} → {}", names.join(" → "), names[0]);
        let leaves = group.iter().any(|index| {
            let to: Vec<usize> = leads_to(&nodes[*index]).collect();
            to.is_empty() || to.iter().any(|to| group.binary_search(to).is_err())
        });
        let (span, pointer) = whole.key_of(first);
        let (code, message) = match leaves {
            true => (explain::MAYBE_LOOP, format!("these nodes may run in a circle without waiting: {path}")),
            // What another program let through shall load; the cap of a turn holds it.
            false if reader.imported => {
                (explain::MAYBE_LOOP, format!("these nodes run in a circle without waiting: {path}"))
            }
            false => (explain::LOOP, format!("these nodes run in a circle without ever waiting: {path}")),
        };
        reader.report_span(code, span, pointer, message).help =
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
