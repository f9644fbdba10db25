//! The Flows of the accounts, as Meta keeps them: status, content with its validation, what was sent and asked of each.

pub(crate) mod check;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod metrics;
mod place;
mod stored;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::config::Config;
use crate::ids::mix;
pub(crate) use stored::{Content, MAX_JSON, StoredFlow};
pub use stored::{FlowStatus, FlowView, SeededFlow};

/// Flows kept in all.
const MAX_FLOWS: usize = 10_000;
/// Meta's bound of a Flow name is not documented; beyond this it is a mistake.
pub(crate) const MAX_NAME: usize = 200;

/// All Flows.
pub(crate) struct Flows {
    all: RwLock<Vec<StoredFlow>>,
    salt: u64,
    next: AtomicU64,
    /// Whether an edit of a published Flow returns it to DRAFT instead of being refused with 139001.
    edit_returns_to_draft: AtomicBool,
}

impl Flows {
    pub(crate) fn new(config: &Config) -> Self {
        let flows = Self {
            all: RwLock::default(),
            // Ids of a former life must not come again: a kept store may still name them.
            salt: mix(config.seed ^ mix(config.clock.now_ms())) % 100_000_000,
            next: AtomicU64::new(1),
            edit_returns_to_draft: AtomicBool::new(config.edit_returns_to_draft),
        };
        flows.seed(config);
        flows
    }

    fn seed(&self, config: &Config) {
        let waba_id = config.numbers.first().map(|n| n.waba_id.clone()).unwrap_or_default();
        for seeded in &config.flows {
            let mut flow = StoredFlow::seeded(seeded, &waba_id);
            if flow.id.is_empty() {
                flow.id = self.new_id();
            }
            self.all.write().push(flow);
        }
    }

    pub(crate) fn reset(&self, config: &Config) {
        self.all.write().clear();
        self.edit_returns_to_draft.store(config.edit_returns_to_draft, Ordering::Relaxed);
        self.seed(config);
    }

    fn new_id(&self) -> String {
        format!("81{:08}{:05}", self.salt, self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn returns_to_draft(&self) -> bool {
        self.edit_returns_to_draft.load(Ordering::Relaxed)
    }

    pub(crate) fn set_returns_to_draft(&self, returns: bool) {
        self.edit_returns_to_draft.store(returns, Ordering::Relaxed);
    }

    /// Keeps a Flow and gives it an id, if it has none. `None` when there are too many, or the name is taken.
    pub(crate) fn add(&self, mut flow: StoredFlow) -> Option<StoredFlow> {
        let mut all = self.all.write();
        let taken =
            |other: &StoredFlow| other.waba_id == flow.waba_id && other.name == flow.name || other.id == flow.id;
        if all.len() >= MAX_FLOWS || all.iter().any(taken) {
            return None;
        }
        if flow.id.is_empty() {
            flow.id = self.new_id();
        }
        all.push(flow.clone());
        Some(flow)
    }

    pub(crate) fn get(&self, id: &str) -> Option<StoredFlow> {
        self.all.read().iter().find(|flow| flow.id == id).cloned()
    }

    pub(crate) fn named(&self, waba_id: &str, name: &str) -> Option<StoredFlow> {
        self.all.read().iter().find(|flow| flow.waba_id == waba_id && flow.name == name).cloned()
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.all.read().iter().any(|flow| flow.id == id)
    }

    pub(crate) fn list(&self, wanted: impl Fn(&StoredFlow) -> bool) -> Vec<StoredFlow> {
        self.all.read().iter().filter(|flow| wanted(flow)).cloned().collect()
    }

    /// Changes a Flow under its lock; what `change` answers.
    pub(crate) fn change<T>(&self, id: &str, change: impl FnOnce(&mut StoredFlow) -> T) -> Option<T> {
        self.all.write().iter_mut().find(|flow| flow.id == id).map(change)
    }

    pub(crate) fn remove(&self, id: &str) -> Option<StoredFlow> {
        let mut all = self.all.write();
        let at = all.iter().position(|flow| flow.id == id)?;
        Some(all.remove(at))
    }

    /// Counts what was asked of a Flow's endpoint.
    pub(crate) fn asked(&self, id: &str, request: metrics::Asked) {
        self.change(id, |flow| Arc::make_mut(&mut flow.asked).push(request));
    }
}
