//! A whole Flow: its screens in order and which may follow which.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::problem::Problem;
use super::screen::{ActionKind, Screen};
use super::tree::{self, Kind, Node};
use super::version::Version;

/// Flow JSON that was read.
#[derive(Clone, Debug)]
pub struct FlowJson {
    version: Option<Version>,
    data_api_version: Option<String>,
    screens: Vec<Screen>,
    by_id: HashMap<String, usize>,
    routing: BTreeMap<String, Vec<String>>,
}

impl FlowJson {
    /// Reads Flow JSON. What is odd in it is left out.
    /// Errors: the text is no JSON, has no list of screens, or is too large.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let root = tree::parse(text).map_err(|error| Problem::syntax(text, &error))?;
        match root.get("screens").map(|screens| &screens.kind) {
            Some(Kind::List(screens)) if !screens.is_empty() => Ok(Self::of(&root)),
            _ => Err(Problem::no_screens(text, &root)),
        }
    }

    pub(super) fn of(root: &Node) -> Self {
        let screens: Vec<Screen> = root.get("screens").map_or(&[][..], Node::items).iter().map(Screen::of).collect();
        let mut by_id = HashMap::new();
        for (at, screen) in screens.iter().enumerate() {
            by_id.entry(screen.id.clone()).or_insert(at);
        }
        let routing = match root.get("routing_model") {
            Some(model) => given(model),
            None => derived(&screens),
        };
        Self {
            version: root.text_at("version").and_then(|text| text.parse().ok()),
            data_api_version: root.text_at("data_api_version").map(str::to_owned),
            screens,
            by_id,
            routing,
        }
    }

    /// The version of Flow JSON; `None` where the file gives none that can be read.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The version in which the endpoint is talked to.
    pub fn data_api_version(&self) -> Option<&str> {
        self.data_api_version.as_deref()
    }

    /// Whether the Flow asks an endpoint.
    pub fn has_endpoint(&self) -> bool {
        let asks = |screen: &Screen| screen.actions.iter().any(|action| action.kind == ActionKind::DataExchange);
        self.data_api_version.is_some() || self.screens.iter().any(asks)
    }

    /// All screens in the order of the file.
    pub fn screens(&self) -> &[Screen] {
        &self.screens
    }

    /// The screen with this id.
    pub fn screen(&self, id: &str) -> Option<&Screen> {
        self.by_id.get(id).and_then(|at| self.screens.get(*at))
    }

    /// The screen that a Flow begins with: the first one that no other leads to.
    pub fn entry(&self) -> Option<&str> {
        let led_to: HashSet<&str> = self.routing.values().flatten().map(String::as_str).collect();
        self.screens.iter().map(|screen| screen.id.as_str()).find(|id| !led_to.contains(id))
    }

    /// Whether the second screen may be shown after the first: itself, which is a refresh, or a forward route. The way
    /// back is asked the other way round.
    pub fn may_follow(&self, from: &str, to: &str) -> bool {
        if from == to {
            return self.screen(from).is_some();
        }
        self.routing.get(from).is_some_and(|targets| targets.iter().any(|target| target == to))
    }

    /// Forward routes: as given in `routing_model`, else as the `navigate` actions lead.
    pub fn routing(&self) -> &BTreeMap<String, Vec<String>> {
        &self.routing
    }
}

fn given(model: &Node) -> BTreeMap<String, Vec<String>> {
    let targets = |node: &Node| node.items().iter().filter_map(Node::text).map(str::to_owned).collect();
    model.entries().iter().map(|entry| (entry.key.clone(), targets(&entry.value))).collect()
}

fn derived(screens: &[Screen]) -> BTreeMap<String, Vec<String>> {
    let mut routing = BTreeMap::new();
    for screen in screens {
        let targets: &mut Vec<String> = routing.entry(screen.id.clone()).or_default();
        for action in &screen.actions {
            match &action.kind {
                ActionKind::Navigate { next } if *next != screen.id && !targets.contains(next) => {
                    targets.push(next.clone());
                }
                _ => {}
            }
        }
    }
    routing
}
