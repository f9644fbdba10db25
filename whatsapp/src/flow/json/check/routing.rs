//! Which screen may follow which: the routing model that is given, or the one that `navigate` actions make.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::super::tree::{Kind, Node};
use super::finding::Path;
use super::{Checker, Severity};

/// Most screens that one leads to. Source: Meta's error codes.
const MAX_BRANCHES: usize = 10;
const CODE: &str = "INVALID_ROUTING_MODEL";

/// A step from one screen to another, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    from: String,
    to: String,
    span: Range<usize>,
    path: String,
}

impl Edge {
    pub(super) fn new(from: &str, to: &str, at: &Node, path: &Path<'_>) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), span: at.span.clone(), path: path.to_string() }
    }
}

impl Checker<'_> {
    pub(super) fn routing(&mut self, root: &Node) {
        let navigations = std::mem::take(&mut self.edges);
        let path = Path::Key(&Path::Root, "routing_model");
        let Some(model) = root.get("routing_model") else {
            return self.graph(root.get("screens"), &Path::Key(&Path::Root, "screens"), &navigations, false);
        };
        if !self.is(model, &path, "object", matches!(model.kind, Kind::Map(_))) {
            return;
        }
        let edges = self.given_edges(model, &path);
        self.keys_of_model(model, &path);
        let routes: HashSet<(&str, &str)> = edges.iter().map(|edge| (&*edge.from, &*edge.to)).collect();
        for edge in &navigations {
            if !routes.contains(&(&*edge.from, &*edge.to)) {
                let message = format!(
                    "Missing direct route from screen '{}' to screen '{}' in the routing model, while it exists in the navigate screen action of screen '{}'.",
                    edge.from, edge.to, edge.from
                );
                self.at_edge(edge, message, Severity::Error);
            }
        }
        self.graph(Some(model), &path, &edges, true);
    }

    fn at_edge(&mut self, edge: &Edge, message: String, severity: Severity) {
        self.report(CODE, edge.span.clone(), &Path::Key(&Path::Root, &edge.path), message, severity);
    }

    /// Every screen is a key, every key a screen.
    fn keys_of_model(&mut self, model: &Node, path: &Path<'_>) {
        let flow = self.flow;
        let missing: Vec<&str> = flow
            .screens()
            .iter()
            .map(|screen| screen.id.as_str())
            .filter(|id| !id.is_empty() && model.get(id).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!("Following screens are missing in the routing model: ({}).", missing.join(", "));
            // Of a single screen nothing is missing: Flows with `{}` are out there.
            let harmless = model.entries().is_empty() && flow.screens().len() == 1;
            let severity = if harmless { Severity::Warning } else { Severity::Error };
            self.report(CODE, model.span.clone(), path, message, severity);
        }
        for entry in model.entries().iter().filter(|entry| flow.screen(&entry.key).is_none()) {
            let message = format!("Invalid screens found in the routing model: ({}).", entry.key);
            self.report(CODE, entry.key_span.clone(), &Path::Key(path, &entry.key), message, Severity::Error);
        }
    }

    /// The edges of a routing model between screens that are there.
    fn given_edges(&mut self, model: &Node, path: &Path<'_>) -> Vec<Edge> {
        let flow = self.flow;
        let mut edges = Vec::new();
        for entry in model.entries() {
            let path = Path::Key(path, &entry.key);
            if !self.is(&entry.value, &path, "array", matches!(entry.value.kind, Kind::List(_))) {
                continue;
            }
            for (at, target) in entry.value.items().iter().enumerate() {
                let path = Path::Item(&path, at);
                if !self.is(target, &path, "string", target.text().is_some()) {
                    continue;
                }
                let to = target.text().unwrap_or_default();
                if to == entry.key {
                    let message = format!(
                        "Loop detected in the routing model for screens: ({to}). A screen does not lead to itself."
                    );
                    self.error(CODE, target, &path, message);
                } else if flow.screen(to).is_none() {
                    self.error(CODE, target, &path, format!("Invalid screen found in the routing model: ({to})."));
                } else if flow.screen(&entry.key).is_some() {
                    edges.push(Edge::new(&entry.key, to, target, &path));
                }
            }
        }
        edges
    }

    /// What holds of the whole graph. `at` is what is pointed at where no single edge is to blame.
    fn graph(&mut self, at: Option<&Node>, path: &Path<'_>, edges: &[Edge], given: bool) {
        let (flow, Some(at)) = (self.flow, at) else { return };
        let ids: Vec<&str> =
            flow.screens().iter().map(|screen| screen.id.as_str()).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() {
            return;
        }
        let mut after: BTreeMap<&str, Vec<&Edge>> = ids.iter().map(|id| (*id, Vec::new())).collect();
        for edge in edges {
            let targets = after.entry(&edge.from).or_default();
            if !targets.iter().any(|other| other.to == edge.to) {
                targets.push(edge);
            }
        }
        self.branches(&after, given);
        let backward = self.backward(&after);
        self.loops(&ids, &after, &backward);
        self.entry(at, path, &ids, edges, given);
        self.connected(at, path, &ids, edges, given);
        self.dead_ends(at, path, &after, given);
    }

    fn branches(&mut self, after: &BTreeMap<&str, Vec<&Edge>>, given: bool) {
        for (from, edges) in after {
            let Some(edge) = edges.get(MAX_BRANCHES) else { continue };
            let hint = if given { "" } else { " Reduce navigate actions for the screen." };
            let message =
                format!("Number of branches exceeds the max limit of {MAX_BRANCHES} for screen: ({from}).{hint}");
            self.at_edge(edge, message, Severity::Error);
        }
    }

    /// Routes there and back; returns the later ones.
    fn backward(&mut self, after: &BTreeMap<&str, Vec<&Edge>>) -> HashSet<(String, String)> {
        let mut routes: HashMap<(&str, &str), usize> = HashMap::new();
        for edge in after.values().flatten() {
            routes.insert((&edge.from, &edge.to), edge.span.start);
        }
        let mut found = HashSet::new();
        for edge in after.values().flatten() {
            let back = routes.get(&(&*edge.to, &*edge.from));
            if back.is_some_and(|other| *other < edge.span.start) {
                let message = format!(
                    "Backward route [{}-{}] corresponding to forward route [{}-{}] is not allowed in the routing model. Only forward routes can be specified.",
                    edge.from, edge.to, edge.to, edge.from
                );
                self.at_edge(edge, message, Severity::Error);
                found.insert((edge.from.clone(), edge.to.clone()));
            }
        }
        found
    }

    /// Loops of three and more, by a walk in depth without recursion: an edge to a screen that the walk stands in closes one.
    fn loops(&mut self, ids: &[&str], after: &BTreeMap<&str, Vec<&Edge>>, skip: &HashSet<(String, String)>) {
        let mut done: HashSet<&str> = HashSet::new();
        for start in ids {
            let mut way: Vec<(&str, usize)> = vec![(start, 0)];
            let mut on_way: HashSet<&str> = HashSet::from([*start]);
            while let Some((from, next)) = way.last_mut().map(|(from, next)| (*from, next)) {
                let edges = after.get(from).map_or(&[][..], Vec::as_slice);
                let Some(edge) = edges.get(*next).filter(|_| !done.contains(from)) else {
                    done.insert(from);
                    on_way.remove(from);
                    way.pop();
                    continue;
                };
                *next += 1;
                if skip.contains(&(edge.from.clone(), edge.to.clone())) {
                    continue;
                }
                if on_way.contains(edge.to.as_str()) {
                    let names: Vec<&str> = way.iter().map(|(id, _)| *id).skip_while(|id| *id != edge.to).collect();
                    let message = format!("Loop detected in the routing model for screens: ({}).", names.join(", "));
                    self.at_edge(edge, message, Severity::Error);
                } else if !done.contains(edge.to.as_str()) {
                    on_way.insert(&edge.to);
                    way.push((&edge.to, 0));
                }
            }
        }
    }

    fn entry(&mut self, at: &Node, path: &Path<'_>, ids: &[&str], edges: &[Edge], given: bool) {
        let led_to: HashSet<&str> = edges.iter().map(|edge| edge.to.as_str()).collect();
        let entries: Vec<&str> = ids.iter().copied().filter(|id| !led_to.contains(id)).collect();
        match entries.len() {
            1 => {}
            0 => {
                let hint = if given {
                    "Expected a screen with no inbound edges as the entry screen."
                } else {
                    "Add a screen that is not used as the next screen in any of the navigate actions."
                };
                self.error(CODE, at, path, format!("No entry screen found in the routing model. {hint}"));
            }
            _ if edges.is_empty() => {}
            _ => {
                let message = format!(
                    "Several screens could be the first, because no other leads to them: ({}).",
                    entries.join(", ")
                );
                self.warn(CODE, at, path, message);
            }
        }
    }

    /// All screens hang together, whichever way the edges go.
    fn connected(&mut self, at: &Node, path: &Path<'_>, ids: &[&str], edges: &[Edge], given: bool) {
        let both = || edges.iter().flat_map(|edge| [(&*edge.from, &*edge.to), (&*edge.to, &*edge.from)]);
        let reached = reached(ids.iter().take(1).copied().collect(), both);
        let apart: Vec<&str> = ids.iter().copied().filter(|id| !reached.contains(id)).collect();
        if apart.is_empty() {
            return;
        }
        let means = if given { "" } else { " via navigate screen action" };
        let message = format!(
            "Following screens are not connected with the rest of the screens{means}: ({}). All screens should be connected.",
            apart.join(", ")
        );
        self.error(CODE, at, path, message);
    }

    /// A screen from which nothing leads to a terminal one, neither on nor, after Back, by another way: what is opened to
    /// be read only, such as terms behind an opt-in, is left by Back.
    fn dead_ends(&mut self, at: &Node, path: &Path<'_>, after: &BTreeMap<&str, Vec<&Edge>>, given: bool) {
        let edges = || after.values().flatten().map(|edge| (edge.from.as_str(), edge.to.as_str()));
        let terminal: HashSet<&str> =
            self.flow.screens().iter().filter(|screen| screen.terminal).map(|screen| screen.id.as_str()).collect();
        // without any terminal screen that is told already
        if terminal.is_empty() {
            return;
        }
        let leading = reached(terminal, || edges().map(|(from, to)| (to, from)));
        let leading = reached(leading, edges);
        let is_dead = |(id, edges): &(&&str, &Vec<&Edge>)| edges.is_empty() && !leading.contains(**id);
        let dead: Vec<&str> = after.iter().filter(is_dead).map(|(id, _)| *id).collect();
        if dead.is_empty() {
            return;
        }
        let hint = if given {
            "Give them a route, or make them terminal."
        } else {
            "Let them navigate, or make them terminal."
        };
        let message =
            format!("All routes must end at a terminal screen; these lead nowhere: ({}). {hint}", dead.join(", "));
        self.error(CODE, at, path, message);
    }
}

/// These screens, and all that the steps lead to from them.
fn reached<'a, I: Iterator<Item = (&'a str, &'a str)>>(
    mut found: HashSet<&'a str>,
    steps: impl Fn() -> I,
) -> HashSet<&'a str> {
    let mut waiting: Vec<&str> = found.iter().copied().collect();
    let mut next: HashMap<&str, Vec<&str>> = HashMap::new();
    steps().for_each(|(from, to)| next.entry(from).or_default().push(to));
    while let Some(id) = waiting.pop() {
        waiting.extend(next.get(id).into_iter().flatten().copied().filter(|to| found.insert(to)));
    }
    found
}
