//! The templates of the business accounts, as Meta has them: read at start, now and then, when asked, and soon after Meta
//! reports a change. They are kept while Meta is down, and what Meta no longer lists is marked as removed.

mod catalogue;
mod manage;
mod sync;

use std::collections::BTreeMap;
use std::sync::Arc;

use chatbot::{KnownTemplate, Surroundings};
use parking_lot::{Mutex, RwLock};
use storage::{Store, StoreError};
use tokio::sync::{Notify, watch};
use whatsapp::graph::Client;
use whatsapp::webhook::FieldEvent;

pub use catalogue::Template;
pub use manage::ManageError;
pub use sync::{Counts, SyncError, SyncState, Synced};

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::numbers::{Account, Numbers};
use catalogue::Catalogue;

/// What the keeper of templates is made of.
pub struct TemplateParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The way to Meta.
    pub client: Client,
    /// The business numbers, and thereby their accounts.
    pub numbers: Numbers,
    /// How often their lists are read (ms).
    pub interval_ms: u64,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
}

/// The keeper of templates.
pub struct Templates {
    parts: TemplateParts,
    known: RwLock<Catalogue>,
    states: Mutex<BTreeMap<Box<str>, SyncState>>,
    /// One sync at a time: two would undo each other's marks.
    syncing: tokio::sync::Mutex<()>,
    asked: Notify,
    changes: watch::Sender<u64>,
}

impl Templates {
    /// A keeper with what the store knows; it asks Meta only when it [runs](Self::run). Errors: the store.
    pub async fn load(parts: TemplateParts) -> Result<Arc<Self>, StoreError> {
        let known = Catalogue::load(&*parts.store).await?;
        Ok(Arc::new(Self {
            parts,
            known: RwLock::new(known),
            states: Mutex::default(),
            syncing: tokio::sync::Mutex::default(),
            asked: Notify::new(),
            changes: watch::Sender::new(0),
        }))
    }

    /// Every template, by account, name and language; also removed ones.
    pub fn all(&self) -> Vec<Arc<Template>> {
        self.known.read().all()
    }

    /// A template by Meta's id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Template>> {
        self.all().into_iter().find(|template| template.remote.id == id)
    }

    /// The category of a template, such as `MARKETING`; `None` when the template is not known.
    pub fn category(&self, account: &str, name: &str, language: &str) -> Option<Box<str>> {
        self.known.read().get(account, name, language)?.remote.category.as_deref().map(Into::into)
    }

    /// What bots are held against: nothing is said about templates while none were ever read, and nothing about others.
    pub fn surroundings(&self) -> Surroundings {
        let all = self.all();
        let ever = !all.is_empty() || self.states.lock().values().any(|state| state.synced_ms.is_some());
        let present = all.iter().filter(|template| template.removed_ms.is_none());
        let known = present.filter_map(|template| KnownTemplate::from_meta(&serde_json::json!(template.remote)));
        Surroundings { templates: ever.then(|| known.collect()), ..Surroundings::default() }
    }

    /// Takes over what a webhook says of a template, and asks Meta for the whole list soon.
    pub fn event(&self, account: &str, event: &FieldEvent) {
        let now_ms = self.parts.clock.now_ms();
        let changed = self.known.write().apply(account, event, now_ms);
        if changed {
            self.changed();
        }
        if catalogue::is_about_templates(event) {
            self.asked.notify_one();
        }
    }

    /// Asks Meta for the lists soon: a webhook may have been missed.
    pub fn look_again(&self) {
        self.asked.notify_one();
    }

    /// Moves whenever the catalogue changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How the reading of each account stands.
    pub fn states(&self) -> BTreeMap<Box<str>, SyncState> {
        self.states.lock().clone()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn account(&self, id: Option<&str>) -> Option<Account> {
        self.parts.numbers.accounts().into_iter().find(|account| id.is_none_or(|id| *account.id == *id))
    }
}
