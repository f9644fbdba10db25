//! Outgoing events: what bots emit and what happens by itself, told to the endpoints that want to know.
//!
//! A delivery is a document that is written with the commit that decided its event; so an event exists if and only if
//! its turn does. Each endpoint has a task of its own that posts what is due, signed, and writes down what came of it:
//! whoever is slow holds nobody else up. A crash between an answer and its commit repeats the request with the same id.

mod attempt;
mod body;
mod endpoint;
mod erase;
mod letters;
mod list;
mod metrics;
mod poster;
mod prune;
mod record;
mod replay;
mod run;
mod sign;
mod types;

use std::sync::Arc;

use storage::{NewDocument, Store, StoreError};
use tokio::sync::{Notify, watch};

pub(crate) use body::{About, Event, Occasion};
pub use endpoint::{EndpointSettings, Standing};
pub use list::DeliveryFilter;
pub(crate) use metrics::{Of, OutletMetrics, Tried};
pub use poster::{Answer, HttpPoster, Posted, Poster, Posting};
pub use record::{Delivery, DeliveryState, Try};
pub use replay::{ReplayError, Replayed};
pub use sign::{Keys, KeysError};
pub(crate) use types::{BOT, HANDOFF_ENDED, HANDOFF_STARTED, INPUT_FAILED, MESSAGE_FAILED, RUN_FINISHED};
pub use types::{TYPES, Types, TypesError};

use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::events;
use crate::metrics::Metrics;
use endpoint::{Endpoint, GONE, Gone};
use record::{Delivery as Row, delivery_id};

/// Locks over single deliveries, so that two do not change one at a time.
const LOCKS: usize = 64;

/// Bounds of the outlet.
#[derive(Clone, Copy, Debug)]
pub struct OutletSettings {
    /// Requests under way at once, for each endpoint.
    pub in_flight: usize,
    /// Deliveries that may wait for one endpoint; what comes beyond that is dropped.
    pub max_pending: u64,
}

impl Default for OutletSettings {
    fn default() -> Self {
        Self { in_flight: 8, max_pending: 100_000 }
    }
}

/// What an outlet is made of.
pub struct OutletParts {
    /// Bounds.
    pub settings: OutletSettings,
    /// The endpoints; their names differ.
    pub endpoints: Vec<EndpointSettings>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The way to the endpoints.
    pub poster: Arc<dyn Poster>,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
}

/// Why something about events could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
}

/// Where events leave.
pub struct Outlet {
    settings: OutletSettings,
    endpoints: Vec<Endpoint>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    poster: Arc<dyn Poster>,
    metrics: Arc<Metrics>,
    locks: Vec<tokio::sync::Mutex<()>>,
    /// Rung when a message or an input was given up.
    letter: Notify,
    stop: watch::Sender<bool>,
}

/// What events lead to: documents for the commit that decides them, and what to note once it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// An endpoint's place for each delivery that waits now.
    waiting: Vec<usize>,
    dropped: Vec<usize>,
    kinds: Vec<Box<str>>,
}

impl Outlet {
    /// An outlet with what the store knows; it delivers nothing until it [runs](Self::run). Errors: the store.
    pub async fn load(parts: OutletParts) -> Result<Arc<Self>, OutletError> {
        let outlet = Self::new(parts);
        outlet.count_pending().await?;
        outlet.find_gone().await?;
        outlet.begin_to_follow().await?;
        Ok(outlet)
    }

    /// An outlet that no endpoint listens to.
    pub fn closed(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Arc<Self> {
        struct Nowhere;
        impl Poster for Nowhere {
            fn post(&self, _: Posting) -> std::pin::Pin<Box<dyn Future<Output = Posted> + Send + '_>> {
                Box::pin(async { Err("there is no endpoint".to_owned()) })
            }
        }
        let (settings, poster) = (OutletSettings::default(), Arc::new(Nowhere));
        Self::new(OutletParts { settings, endpoints: Vec::new(), store, clock, poster, metrics })
    }

    fn new(parts: OutletParts) -> Arc<Self> {
        let OutletParts { settings, endpoints, store, clock, poster, metrics } = parts;
        Arc::new(Self {
            settings,
            endpoints: endpoints.into_iter().map(Endpoint::new).collect(),
            store,
            clock,
            poster,
            metrics,
            locks: (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect(),
            letter: Notify::new(),
            stop: watch::Sender::new(false),
        })
    }

    /// The endpoints as they are configured, and how they stand.
    pub fn endpoints(&self) -> Vec<(&EndpointSettings, Standing)> {
        self.endpoints.iter().map(|endpoint| (&endpoint.settings, endpoint.standing())).collect()
    }

    /// Sets the gauges, when somebody asks for metrics.
    pub fn measure(&self) {
        for endpoint in &self.endpoints {
            let of = Of { endpoint: endpoint.name().into() };
            self.metrics.outlet.pending.get_or_create(&of).set(i64::try_from(endpoint.pending()).unwrap_or(i64::MAX));
        }
    }

    /// Delivers to an endpoint again that had answered 410. Answers whether there is such an endpoint.
    pub async fn resume(&self, name: &str) -> Result<bool, OutletError> {
        let Some(endpoint) = self.endpoint(name) else { return Ok(false) };
        self.store.put_documents(vec![endpoint.gone_document(None, &self.store.secret())]).await?;
        endpoint.set_gone(None);
        endpoint.wake.notify_one();
        Ok(true)
    }

    /// Whether any endpoint wants events of this type.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.settings.types.takes(kind))
    }

    /// Counts an event that nobody may want.
    pub(crate) fn note(&self, kind: &str, told: &mut Told) {
        told.kinds.push(kind.into());
    }

    /// The documents that send an event to whoever wants it; `told` remembers for after the commit. Beyond the bound of
    /// what may wait for an endpoint the newest is what is dropped: the others were promised already.
    pub(crate) fn deliveries(&self, event: &Event, told: &mut Told) -> Vec<NewDocument> {
        let mut documents = Vec::new();
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            if !endpoint.settings.types.takes(&event.kind) {
                continue;
            }
            let decided = told.waiting.iter().filter(|waiting| **waiting == place).count() as u64;
            if endpoint.pending() + decided >= self.settings.max_pending {
                told.dropped.push(place);
                continue;
            }
            told.waiting.push(place);
            documents.extend(first(event, endpoint.name()).creation());
        }
        documents
    }

    /// The commit was made.
    pub(crate) fn committed(&self, told: &Told) {
        for kind in &told.kinds {
            self.metrics.outlet.decided(kind);
        }
        let at = |place: &usize| self.endpoints.get(*place);
        for endpoint in told.waiting.iter().filter_map(at) {
            endpoint.one_more();
            endpoint.wake.notify_one();
        }
        for endpoint in told.dropped.iter().filter_map(at) {
            endpoint.dropped();
            let times = endpoint.dropping.count(self.clock.now_ms());
            events::event_dropped(&self.metrics, endpoint.name(), times, self.settings.max_pending);
        }
    }

    /// A message or an input was given up: there may be something to tell.
    pub(crate) fn given_up(&self) {
        self.letter.notify_one();
    }

    fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name() == name)
    }

    /// A delivery by its id.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, OutletError> {
        let found = self.store.document(record::DELIVERY, id).await?;
        Ok(found.map(|bytes| codec::decode(&bytes)).transpose()?)
    }

    /// Held while one delivery is read and written.
    async fn lock(&self, id: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let place = id.bytes().fold(0usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        self.locks[place % LOCKS].lock().await
    }

    async fn find_gone(&self) -> Result<(), OutletError> {
        for endpoint in &self.endpoints {
            let Some(bytes) = self.store.document(GONE, endpoint.name()).await? else { continue };
            let gone: Gone = codec::decode(&bytes)?;
            match gone.address == endpoint.address(&self.store.secret()) {
                true => endpoint.set_gone(Some(gone.at_ms)),
                false => self.store.put_documents(vec![endpoint.gone_document(None, &self.store.secret())]).await?,
            }
        }
        Ok(())
    }
}

/// A delivery that is due at once.
fn first(event: &Event, endpoint: &str) -> Row {
    Row {
        id: delivery_id(&event.id, endpoint),
        event: event.id.clone(),
        endpoint: endpoint.into(),
        kind: event.kind.clone(),
        state: DeliveryState::Pending,
        created_ms: event.at_ms,
        changed_ms: event.at_ms,
        due_ms: event.at_ms,
        rung: 0,
        tries: 0,
        body: event.body.clone(),
        last: Vec::new(),
        answer: None,
    }
}
