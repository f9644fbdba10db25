//! The WhatsApp Flows of the business accounts: what Meta has, what the bot files want, and the way from one to the other.
//!
//! Meta is right about where a Flow stands, the files are right about what is in it. Each change at Meta is noted before it
//! is asked for and after it is known, and begins by looking what is there: whoever is killed in between goes on with the
//! next run, and nothing is made twice. While Meta is down everything else goes on; what was asked for is done later.

mod apply;
mod book;
mod events;
mod findings;
mod forward;
mod manage;
mod plan;
mod record;
mod remote;
mod sync;
#[cfg(test)]
mod tests;
mod wanted;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use chatbot::Surroundings;
use parking_lot::{Mutex, RwLock};
use storage::{Store, StoreError};
use tokio::sync::{Notify, watch};
use whatsapp::graph::FlowStatus;

pub use apply::{Applied, ApplyError, Failure, Outcome};
pub use findings::{findings_of, line_of};
pub use forward::Forward;
pub use manage::{CloneOf, FlowError, Removed};
pub use plan::{Alignment, ApplyOrder, Item, ItemKind, Plan, Step};
pub use record::{Alert, Begun, Flow, Place, Pushed};
pub use remote::{Answer, FlowsAtMeta};
pub use sync::{FlowCounts, FlowSyncError, FlowSyncState, FlowSynced};
pub use wanted::{Wanted, WantedFlow, Wanting, digest};

use crate::clock::Clock;
use crate::flow_standing::FlowStanding;
use crate::metrics::Metrics;
use crate::numbers::{Account, Numbers};
use book::Book;

/// What the flow manager is made of.
pub struct FlowParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The way to Meta.
    pub meta: Arc<dyn FlowsAtMeta>,
    /// The business numbers, and thereby their accounts.
    pub numbers: Numbers,
    /// How often their lists are read (ms).
    pub interval_ms: u64,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
}

/// The flow manager.
pub struct FlowManager {
    parts: FlowParts,
    book: RwLock<Book>,
    states: Mutex<BTreeMap<Box<str>, FlowSyncState>>,
    /// One change at a time: two would look, see nothing, and both create.
    working: tokio::sync::Mutex<()>,
    wanting: OnceLock<Arc<dyn Wanting>>,
    asked: Notify,
    changes: watch::Sender<u64>,
}

impl FlowManager {
    /// A manager with what the store knows; it asks Meta only when it [runs](Self::run), or is told to. Errors: the store.
    pub async fn load(parts: FlowParts) -> Result<Arc<Self>, StoreError> {
        let book = Book::load(&*parts.store).await?;
        Ok(Arc::new(Self {
            parts,
            book: RwLock::new(book),
            states: Mutex::default(),
            working: tokio::sync::Mutex::default(),
            wanting: OnceLock::new(),
            asked: Notify::new(),
            changes: watch::Sender::new(0),
        }))
    }

    /// From now on it knows what the bots want.
    pub fn attach(&self, wanting: Arc<dyn Wanting>) {
        let _set_once = self.wanting.set(wanting);
    }

    /// What the bots want now; nothing while nobody told.
    pub async fn wanted(&self) -> Wanted {
        match self.wanting.get() {
            Some(wanting) => wanting.wanted().await,
            None => Wanted::default(),
        }
    }

    /// Ids of the business accounts.
    pub fn accounts(&self) -> Vec<Box<str>> {
        self.parts.numbers.accounts().into_iter().map(|account| account.id).collect()
    }

    /// Every Flow that Meta has or had, by account and id.
    pub fn all(&self) -> Vec<Arc<Flow>> {
        self.book.read().flows()
    }

    /// Every Flow that bots brought here, by account and name.
    pub fn places(&self) -> Vec<Arc<Place>> {
        self.book.read().places()
    }

    /// A Flow by Meta's id, or by its name. Errors: there is none, or several accounts have one of that name.
    pub fn find(&self, id_or_name: &str) -> Result<Arc<Flow>, FlowError> {
        match &*self.book.read().find(id_or_name) {
            [] => Err(FlowError::Unknown(id_or_name.to_owned())),
            [flow] => Ok(flow.clone()),
            several => Err(FlowError::several(id_or_name, several)),
        }
    }

    /// Where the Flow stands that a message names by Meta's id or by its name; `None` when it is not known. Asks nobody.
    pub fn standing(&self, account: &str, id_or_name: &str) -> Option<FlowStatus> {
        self.book.read().serving(account, id_or_name).map(|flow| flow.remote.status.clone())
    }

    /// The Flow that a message goes out with which names one so, and where it stands; `None` when it is not known. Asks
    /// nobody.
    pub fn serving(&self, account: &str, id_or_name: &str) -> Option<FlowStanding> {
        let book = self.book.read();
        let flow = book.serving(account, id_or_name)?;
        Some(FlowStanding { id: flow.remote.id.as_str().into(), status: flow.remote.status.clone() })
    }

    /// The Flow that is sent now in the place of the one that a message names: a published Flow that Meta does not let
    /// change is replaced by a new one. `None` when it stands for itself.
    pub fn replaced_by(&self, account: &str, id_or_name: &str) -> Option<Arc<Flow>> {
        let book = self.book.read();
        let serving = book.serving(account, id_or_name)?;
        (serving.remote.name != id_or_name && serving.remote.id != id_or_name).then(|| serving.clone())
    }

    /// Whether any Flow was ever replaced.
    pub(super) fn replaces_any(&self) -> bool {
        self.book.read().replaces_any()
    }

    /// What bots are held against: nothing is said about Flows while the list of some account was never read.
    pub fn surroundings(&self) -> Surroundings {
        let (book, states) = (self.book.read(), self.states.lock());
        let synced = |id: &str| states.get(id).is_some_and(|state| state.synced_ms.is_some());
        let accounts = self.accounts();
        let all = !accounts.is_empty() && accounts.iter().all(|id| book.knows_any(id) || synced(id));
        let known = || accounts.iter().flat_map(|id| book.known(id)).collect();
        Surroundings { flows: all.then(known), ..Surroundings::default() }
    }

    /// Asks Meta for the lists soon.
    pub fn look_again(&self) {
        self.asked.notify_one();
    }

    /// Moves whenever something is known anew.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How the reading of each account stands.
    pub fn states(&self) -> BTreeMap<Box<str>, FlowSyncState> {
        self.states.lock().clone()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn now_ms(&self) -> u64 {
        self.parts.clock.now_ms()
    }

    fn account(&self, id: Option<&str>) -> Option<Account> {
        self.parts.numbers.accounts().into_iter().find(|account| id.is_none_or(|id| *account.id == *id))
    }
}
