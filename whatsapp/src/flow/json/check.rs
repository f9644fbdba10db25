//! The checker of Flow JSON: what Meta would refuse, found before Meta sees it, with the codes and places that Meta uses.
//!
//! Values are checked against the tables of `spec`; what holds across a screen or the whole Flow (footers, names, routes)
//! in a file of its own each. Codes that Meta's list does not have are made in its manner: `MAX_…`.

mod action;
mod component;
mod data;
mod finding;
mod navigation;
mod payload;
mod routing;
mod screen;
mod spec;
mod top;
mod value;

use std::collections::HashSet;

use super::model::FlowJson;
use super::problem::{Problem, Severity};
use super::tree::{self, Kind, Node};
use super::version::Version;
use super::versions::Versions;
use finding::{Finding, Path};
use routing::Edge;

/// Most problems that are told of one Flow. Whoever has repaired these, asks again.
pub const MAX_PROBLEMS: usize = 200;

impl FlowJson {
    /// All problems of a Flow JSON in the order of their places, up to [`MAX_PROBLEMS`], held against the versions that
    /// this program knows.
    pub fn check(text: &str) -> Vec<Problem> {
        Self::check_with(text, &Versions::default())
    }

    /// The same, held against other versions.
    pub fn check_with(text: &str, versions: &Versions) -> Vec<Problem> {
        let root = match tree::parse(text) {
            Ok(root) => root,
            Err(error) => return vec![Problem::syntax(text, &error)],
        };
        let flow = FlowJson::of(&root);
        let mut checker = Checker {
            text,
            flow: &flow,
            version: flow.version().unwrap_or_else(|| versions.newest()),
            versions,
            findings: Vec::new(),
            edges: Vec::new(),
        };
        checker.duplicates(&root, &Path::Root);
        checker.top(&root);
        let Checker { findings, .. } = checker;
        finding::place(text, findings)
    }
}

/// Walks over a Flow and gathers findings.
struct Checker<'t> {
    text: &'t str,
    flow: &'t FlowJson,
    version: Version,
    versions: &'t Versions,
    findings: Vec<Finding>,
    /// Where `navigate` actions lead.
    edges: Vec<Edge>,
}

impl Checker<'_> {
    fn error(&mut self, code: &'static str, at: &Node, path: &Path<'_>, message: impl Into<String>) {
        self.report(code, at.span.clone(), path, message.into(), Severity::Error);
    }

    fn warn(&mut self, code: &'static str, at: &Node, path: &Path<'_>, message: impl Into<String>) {
        self.report(code, at.span.clone(), path, message.into(), Severity::Warning);
    }

    fn report(
        &mut self,
        code: &'static str,
        span: std::ops::Range<usize>,
        path: &Path<'_>,
        message: String,
        severity: Severity,
    ) {
        if self.findings.len() < MAX_PROBLEMS {
            self.findings.push(Finding { code, span, path: path.to_string(), message, severity });
        }
    }

    /// Keys that stand twice in a map: readers take one or the other.
    fn duplicates(&mut self, node: &Node, path: &Path<'_>) {
        match &node.kind {
            Kind::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.duplicates(item, &Path::Item(path, at));
                }
            }
            Kind::Map(entries) => {
                let mut seen = HashSet::new();
                for entry in entries {
                    let path = Path::Key(path, &entry.key);
                    if !seen.insert(entry.key.as_str()) {
                        let message = format!("Property '{}' stands twice in the same object.", entry.key);
                        self.report("DUPLICATE_PROPERTY_KEY", entry.key_span.clone(), &path, message, Severity::Error);
                    }
                    self.duplicates(&entry.value, &path);
                }
            }
            _ => {}
        }
    }

    /// Whether a value is of a kind; reports if not.
    fn is(&mut self, node: &Node, path: &Path<'_>, noun: &str, fits: bool) -> bool {
        if !fits {
            let found = node.noun();
            let message = format!("Expected property '{}' to be of type {noun}, but found {found}.", path.last());
            self.error("INVALID_PROPERTY_TYPE", node, path, message);
        }
        fits
    }

    /// The keys of a map against a closed list.
    fn closed(&mut self, node: &Node, path: &Path<'_>, known: &[&str], whose: &str) {
        for entry in node.entries() {
            if !known.contains(&entry.key.as_str()) {
                let message = format!("Property '{}' cannot be specified at {whose}.", entry.key);
                let path = Path::Key(path, &entry.key);
                self.report("INVALID_PROPERTY_KEY", entry.key_span.clone(), &path, message, Severity::Error);
            }
        }
    }

    fn missing(&mut self, node: &Node, path: &Path<'_>, key: &str) {
        let code = if key == "type" { "MISSING_REQUIRED_TYPE_PROPERTY" } else { "MISSING_REQUIRED_PROPERTY" };
        self.error(code, node, path, format!("Required property '{key}' is missing."));
    }
}
