//! What works beside the conversations: files, templates, block lists, outgoing events, and the end of what is old. None of it is needed for
//! a message to be answered, so none of it can stop the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actors::blocking::Blocks;
use actors::broadcast::{BroadcastLists, BroadcastResults};
use actors::contacts::Contacts;
use actors::erasure::{Documents, Eraser, EraserParts, Keeps, Tombs};
use actors::flow_manager::{Flow, FlowManager, FlowParts, Forward, Place};
use actors::http_caller::{BotSecrets, HttpParts};
use actors::media::{Carrier, Media, MediaParts, MediaSettings};
use actors::outlet::{HttpPoster, Outlet, OutletError, OutletParts, OutletSettings};
use actors::retention::{self, Ages, Keepers};
use actors::templates::{TemplateParts, Templates};
use actors::{AccountEvent, Bots, Clock, Engine, Metrics, Numbers, Transport};
use chatbot::Surroundings;
use parking_lot::Mutex;
use storage::{Store, StoreError};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use whatsapp::graph::Client;

use crate::config::{Config, Retention};
use crate::inspector::{Inspector, KeptRequests};
use crate::quick_replies::QuickReplies;

/// Why the services did not start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store has of events cannot be read.
    #[error("outgoing events: {0}")]
    Events(#[from] OutletError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client of outgoing events: {0}")]
    Http(#[from] reqwest::Error),
}

impl LoadError {
    /// Whether the store is what failed.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Events(OutletError::Store(_)))
    }
}

/// What bots use that is not in their files.
#[derive(Clone)]
pub struct Supplies {
    templates: Arc<Templates>,
    flows: Arc<FlowManager>,
    secrets: BotSecrets,
}

impl Supplies {
    /// As it is now: templates and Flows of the account, and values in the configuration.
    pub fn now(&self) -> Surroundings {
        let flows = self.flows.surroundings().flows;
        Surroundings { secrets: Some(self.secrets.names()), flows, ..self.templates.surroundings() }
    }
}

/// All services of a server.
pub struct Services {
    /// Files.
    pub media: Arc<Media>,
    /// Templates.
    pub templates: Arc<Templates>,
    /// WhatsApp Flows.
    pub flows: Arc<FlowManager>,
    /// Block lists.
    pub blocks: Arc<Blocks>,
    /// What is kept of people.
    pub contacts: Arc<Contacts>,
    /// Outgoing events.
    pub outlet: Arc<Outlet>,
    /// Texts that staff send often.
    pub quick_replies: Arc<QuickReplies>,
    /// Who was erased.
    pub tombs: Arc<Tombs>,
    /// Erases people.
    pub eraser: Arc<Eraser>,
    /// What became of people of broadcasts.
    pub broadcast_results: Arc<BroadcastResults>,
    /// Rung when a file of a person is wanted.
    pub media_wanted: Arc<Notify>,
    /// What the calls of bots are made with.
    pub http: HttpParts,
    client: Client,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How old things may grow.
    pub ages: Ages,
    metrics: Arc<Metrics>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// The one that delivers events: it may finish what is under way.
    delivering: Mutex<Option<JoinHandle<()>>>,
}

impl Services {
    /// Services with what the store knows; nothing runs yet. Errors: the store, and the HTTP client of events.
    pub async fn load(
        config: &Config,
        (client, http): (Client, HttpParts),
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        numbers: &Numbers,
        (metrics, inspector): (Arc<Metrics>, Arc<Inspector>),
    ) -> Result<Self, LoadError> {
        let media_wanted = Arc::new(Notify::new());
        let media = Media::new(MediaParts {
            settings: media_settings(config),
            store: store.clone(),
            clock: clock.clone(),
            client: client.clone(),
            numbers: numbers.clone(),
            wanted: media_wanted.clone(),
            metrics: metrics.clone(),
        });
        media.clear_parts().await;
        let templates = Templates::load(TemplateParts {
            store: store.clone(),
            clock: clock.clone(),
            client: client.clone(),
            numbers: numbers.clone(),
            interval_ms: millis(config.templates.sync_interval),
            metrics: metrics.clone(),
        })
        .await?;
        let flows = FlowManager::load(FlowParts {
            store: store.clone(),
            clock: clock.clone(),
            meta: Arc::new(client.clone()),
            numbers: numbers.clone(),
            interval_ms: millis(config.flows.sync_interval),
            metrics: metrics.clone(),
        })
        .await?;
        let blocks = Blocks::load(store.clone(), clock.clone(), client.clone(), numbers.clone()).await?;
        numbers.recall(&*store).await?;
        let tombs = Arc::new(Tombs::load(&*store, clock.now_ms()).await?);
        let contacts = Contacts::new(store.clone(), clock.clone(), numbers.clone(), tombs.clone());
        let outlet = Outlet::load(OutletParts {
            settings: OutletSettings { in_flight: config.events.concurrency, max_pending: config.events.max_pending },
            endpoints: config.events.endpoints.iter().map(|endpoint| endpoint.settings.clone()).collect(),
            store: store.clone(),
            clock: clock.clone(),
            poster: Arc::new(HttpPoster::new(config.events.timeout)?),
            metrics: metrics.clone(),
        })
        .await?;
        let broadcast_results = Arc::new(BroadcastResults::new(store.clone()));
        let eraser = Eraser::new(EraserParts {
            store: store.clone(),
            clock: clock.clone(),
            contacts: contacts.clone(),
            media: media.clone(),
            outlet: outlet.clone(),
            tombs: tombs.clone(),
            keeps: others_that_keep(&store, broadcast_results.clone(), inspector),
        });
        let ages = ages(&config.retention);
        Ok(Self {
            media,
            templates,
            flows,
            blocks,
            contacts,
            outlet,
            quick_replies: QuickReplies::new(store.clone(), clock.clone()),
            tombs,
            eraser,
            broadcast_results,
            media_wanted,
            http,
            client,
            store,
            clock,
            ages,
            metrics,
            tasks: Mutex::default(),
            delivering: Mutex::default(),
        })
    }

    /// What bots are held against, here and by what runs for long.
    pub fn supplies(&self) -> Supplies {
        let (templates, flows) = (self.templates.clone(), self.flows.clone());
        Supplies { templates, flows, secrets: self.http.secrets.clone() }
    }

    /// The way of messages to Graph, with Meta's ids in the place of ours, and Flows that took another's place.
    pub fn transport(&self) -> Arc<dyn Transport> {
        let carrier = Arc::new(Carrier::new(self.media.clone(), self.client.clone()));
        Arc::new(Forward::new(carrier, self.flows.clone()))
    }

    /// What templates are for, as far as Meta told.
    pub fn categories(&self) -> Arc<actors::Categories> {
        let templates = self.templates.clone();
        Arc::new(move |account, name, language| templates.category(account, name, language))
    }

    /// Where Flows stand, as far as Meta told.
    pub fn flow_standings(&self) -> Arc<actors::FlowStandings> {
        let flows = self.flows.clone();
        Arc::new(move |account, named| flows.serving(account, named))
    }

    /// Tells the senders whenever a Flow stands otherwise, until it is stopped.
    pub fn tell_senders(&self, engine: Arc<Engine>) {
        let (flows, mut changes) = (self.flows.clone(), self.flows.changes());
        self.look_after(async move {
            let mut before = standings(&flows);
            while changes.changed().await.is_ok() {
                let now = standings(&flows);
                if now != before {
                    engine.flows_changed();
                    before = now;
                }
            }
        });
    }

    /// Starts them.
    pub fn run(&self, engine: &Engine) {
        let keepers = Keepers {
            store: self.store.clone(),
            media: self.media.clone(),
            outlet: self.outlet.clone(),
            contacts: self.contacts.clone(),
        };
        let old = retention::run(keepers, self.clock.clone(), self.ages, self.metrics.clone());
        *self.delivering.lock() = Some(tokio::spawn(self.outlet.clone().run()));
        self.tasks.lock().extend([
            tokio::spawn(self.media.clone().run()),
            tokio::spawn(self.templates.clone().run()),
            tokio::spawn(self.flows.clone().run()),
            tokio::spawn(self.blocks.clone().run()),
            tokio::spawn(self.eraser.clone().run()),
            tokio::spawn(old),
            tokio::spawn(hear(self.templates.clone(), engine.account_events())),
            tokio::spawn(hear_of_flows(self.flows.clone(), engine.account_events())),
        ]);
    }

    /// Says from now on in the log what the live bots use that the account does not have.
    pub fn watch_lacks(&self, bots: Arc<Bots>) {
        self.look_after(warn_of_lacks(self.templates.clone(), self.flows.clone(), bots));
    }

    /// Starts something that goes on until they end.
    pub fn look_after(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().push(tokio::spawn(task));
    }

    /// Ends them: what they were about lies in the store.
    pub fn stop(&self) {
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }

    /// Lets events that are under way arrive within `patience`; the others wait for the next start.
    pub async fn finish_deliveries(&self, patience: Duration) {
        let delivering = self.delivering.lock().take();
        if let Some(delivering) = delivering {
            self.outlet.clone().drained(delivering, patience).await;
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop();
        self.delivering.lock().take().into_iter().for_each(|task| task.abort());
    }
}

/// What [`FlowManager::serving`] answers by.
fn standings(flows: &FlowManager) -> impl PartialEq + use<> {
    let flow = |flow: Arc<Flow>| {
        let remote = &flow.remote;
        (flow.account.clone(), remote.id.clone(), remote.name.clone(), remote.status.clone(), flow.removed_ms.is_some())
    };
    let place =
        |place: Arc<Place>| (place.account.clone(), place.name.clone(), place.id.clone(), place.retired.clone());
    let (all, places) = (flows.all().into_iter().map(flow), flows.places().into_iter().map(place));
    (all.collect::<Vec<_>>(), places.collect::<Vec<_>>())
}

/// Hands what webhooks say of templates to their keeper.
async fn hear(templates: Arc<Templates>, mut events: broadcast::Receiver<AccountEvent>) {
    loop {
        match events.recv().await {
            Ok(heard) => templates.event(&heard.account, &heard.event),
            Err(broadcast::error::RecvError::Lagged(_)) => templates.look_again(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Hands what webhooks say of Flows to their manager.
async fn hear_of_flows(flows: Arc<FlowManager>, mut events: broadcast::Receiver<AccountEvent>) {
    loop {
        match events.recv().await {
            Ok(heard) => flows.event(&heard.account, &heard.event, heard.at_ms).await,
            Err(broadcast::error::RecvError::Lagged(_)) => flows.look_again(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Says in the log which bots use templates and Flows as they are not, once for each finding.
async fn warn_of_lacks(templates: Arc<Templates>, flows: Arc<FlowManager>, bots: Arc<Bots>) {
    let (mut changes, mut flow_changes, mut said) = (templates.changes(), flows.changes(), BTreeSet::new());
    loop {
        let surroundings = Surroundings { flows: flows.surroundings().flows, ..templates.surroundings() };
        let mut found = BTreeSet::new();
        for bot in bots.live() {
            for problem in bot.check_against(&surroundings) {
                let (code, text) = (problem.code, problem.message);
                let finding = (bot.id().to_owned(), code.to_owned(), text.clone());
                if !said.contains(&finding) {
                    tracing::warn!(bot = bot.id(), code, text, "a bot uses what the account does not have as it says");
                }
                found.insert(finding);
            }
        }
        said = found;
        let changed = tokio::select! {
            changed = changes.changed() => changed,
            changed = flow_changes.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Kinds of documents that name people and go with them.
const NAMING: [(&str, &str); 2] = [("attention", "attention"), ("answers", "idempotency")];

fn others_that_keep(store: &Arc<dyn Store>, results: Arc<dyn Keeps>, inspector: Arc<Inspector>) -> Vec<Arc<dyn Keeps>> {
    let naming = NAMING.into_iter().map(|(name, kind)| {
        let keeps: Arc<dyn Keeps> = Arc::new(Documents { store: store.clone(), name, kind });
        keeps
    });
    let lists: Arc<dyn Keeps> = Arc::new(BroadcastLists { store: store.clone() });
    let requests: Arc<dyn Keeps> = Arc::new(KeptRequests(inspector));
    naming.chain([lists, results, requests]).collect()
}

fn media_settings(config: &Config) -> MediaSettings {
    MediaSettings {
        dir: config.media.dir.clone(),
        max_bytes: config.media.max_bytes,
        allow: config.media.allow.clone(),
        min_free_bytes: config.media.min_free_bytes,
    }
}

fn ages(retention: &Retention) -> Ages {
    Ages {
        media_ms: retention.media.map(millis),
        quarantine_ms: retention.quarantine.map(millis),
        dead_letters_ms: retention.dead_letters.map(millis),
        notices_ms: retention.notices.map(millis),
        outbox_ms: retention.outbox.map(millis),
        events_ms: retention.events.map(millis),
        conversations_ms: retention.conversations.map(millis),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
