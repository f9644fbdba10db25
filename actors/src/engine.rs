//! The engine: all actors of a process, started over a store, drained in order.

mod bulk;
mod calls;
mod deeds;
mod let_go;
mod letters;
mod numbers;
mod orders;
mod outbox;
mod reach;
mod statuses;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use storage::{Store, StoreError};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;

pub(crate) use bulk::{One, Released};
pub use calls::{Call, CallTo, Called};
pub use deeds::{Done, Standing};
pub use letters::Again;
use numbers::Hiring;
pub use orders::{AccountEvent, Order, OrderError, Ordered};
pub use outbox::Decided;
pub use reach::{OrderTo, Target, TargetError};

use crate::backlog::Backlog;
use crate::bots::Bots;
use crate::clock::Clock;
use crate::codec;
use crate::conversation::TurnFunction;
use crate::deps::{Deps, Peers};
use crate::erasure::Tombs;
use crate::flow_standing::{FlowQuota, FlowStandings};
use crate::forms::{Asks, FormAnswered};
use crate::http_caller::{HttpCaller, HttpParts};
use crate::marketing::Categories;
use crate::metrics::Metrics;
use crate::numbers::Numbers;
use crate::orders::Tickets;
use crate::outlet::Outlet;
use crate::queue::Load;
use crate::router::{self, Router};
use crate::sender::{self, SenderStatus, Senders, Transport};
use crate::settings::{ConversationSettings, SenderSettings};
use crate::shard::{self, Shard};
use crate::timers::{self, Timers};

/// Documents of this kind say why an operator has stopped a number.
pub(crate) const STOPPED: &str = "stopped_number";
/// Account events that a slow listener may be behind.
const ACCOUNT_EVENTS: usize = 256;

/// What an engine is made of.
pub struct Setup {
    /// The store. Open it first, close it last.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The bots.
    pub bots: Arc<Bots>,
    /// The bot function: [`chatbot::turn`].
    pub turn: Arc<TurnFunction>,
    /// The business numbers; a message to another one must not be appended. Change the list over the engine only.
    pub numbers: Numbers,
    /// The way to Graph.
    pub transport: Arc<dyn Transport>,
    /// Limits of conversations.
    pub conversations: ConversationSettings,
    /// Rates of each number.
    pub sender: SenderSettings,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
    /// Rung when a committed turn wants a file of a person: see [`crate::media`].
    pub media_wanted: Arc<Notify>,
    /// Where events leave: see [`crate::outlet`].
    pub outlet: Arc<Outlet>,
    /// What templates are for: marketing does not go to people who do not want it.
    pub categories: Arc<Categories>,
    /// Where Flows stand at Meta: what Meta throttles or blocks is sent so.
    pub flows: Arc<FlowStandings>,
    /// What the calls of `http` nodes are made with.
    pub http: HttpParts,
    /// Who was erased: see [`crate::erasure`].
    pub tombs: Arc<Tombs>,
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be read.
    #[error("reading what was left to do: {0}")]
    Store(#[from] StoreError),
    /// An actor did not start.
    #[error("starting an actor: {0}")]
    Actor(#[from] ractor::SpawnErr),
    /// A started actor ended at once.
    #[error("an actor ended while starting")]
    Ended,
}

/// A running engine.
pub struct Engine {
    deps: Arc<Deps>,
    hiring: Hiring,
    shards: Vec<ActorRef<shard::Message>>,
    root: ActorRef<()>,
    live: Arc<AtomicUsize>,
    failed: watch::Receiver<Option<Box<str>>>,
    pull_task: JoinHandle<()>,
    account_events: broadcast::Sender<AccountEvent>,
    asks: Asks,
}

/// The engine as operators see it.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct EngineStatus {
    /// Live conversation actors.
    pub live_actors: usize,
    /// Inputs that wait in memory.
    pub waiting_inputs: usize,
    /// The senders, by number.
    pub senders: HashMap<Box<str>, SenderStatus>,
    /// Bot versions that are stopped: (bot, version).
    pub tripped: Vec<(Box<str>, Box<str>)>,
}

impl Engine {
    /// Starts all actors and hands them what the store says is left to do.
    pub async fn start(setup: Setup) -> Result<Self, StartError> {
        let Setup {
            store,
            clock,
            bots,
            turn,
            numbers,
            transport,
            conversations,
            sender: sender_settings,
            metrics,
            media_wanted,
            outlet,
            categories,
            flows,
            http,
            tombs,
        } = setup;
        let flow_quota = FlowQuota::new(store.clone(), clock.clone());
        let http = HttpCaller::new(http, store.clone(), clock.clone(), metrics.clone(), tombs.clone());
        let backlog = Backlog::new(conversations.max_unsent);
        let deps = Arc::new(Deps {
            unhurried: store.clone().unhurried(),
            store,
            clock,
            bots,
            turn,
            settings: conversations,
            metrics,
            load: Load::default(),
            backlog,
            senders: Senders::default(),
            media_wanted,
            outlet,
            numbers: numbers.clone(),
            categories,
            flows,
            flow_quota,
            tickets: Tickets::default(),
            deeds: Tickets::default(),
            http,
            tombs,
            peers: OnceLock::new(),
        });
        let (failed_sender, failed) = watch::channel(None);
        let (root, _) = Actor::spawn(None, Root, failed_sender).await?;

        let live = Arc::new(AtomicUsize::new(0));
        let shards = start_shards(&deps, &live, &root).await?;
        let hiring = Hiring::new(sender_settings, transport);
        for number in numbers.all().iter() {
            hiring.hire(&deps, &root, number).await?;
        }
        // Before anything can decide new messages: the old ones of a conversation go first.
        numbers::recover_sends(&deps, None).await?;

        let pulling = Arc::new(AtomicBool::new(true));
        let arguments = router::Arguments { deps: deps.clone(), shards: shards.clone(), pulling: pulling.clone() };
        let (router, _) = Actor::spawn_linked(None, Router, arguments, root.get_cell()).await?;
        let (timers, _) = Actor::spawn_linked(None, Timers, deps.clone(), root.get_cell()).await?;
        let _set_once = deps.peers.set(Peers { router: router.clone(), timers: timers.clone() });
        timers.cast(timers::Message::Look).map_err(|_| StartError::Ended)?;

        router.cast(router::Message::Pull).map_err(|_| StartError::Ended)?;
        let pull_task = tokio::spawn(pull_when_appended(deps.store.appended(), router, pulling));
        let (account_events, _) = broadcast::channel(ACCOUNT_EVENTS);
        let asks = Asks::new(deps.clone(), shards.clone());
        Ok(Self { deps, hiring, shards, root, live, failed, pull_task, account_events, asks })
    }

    pub(crate) fn deps(&self) -> &Arc<Deps> {
        &self.deps
    }

    /// What a form gets that is open on a phone, within this time. The conversation's turn is committed before this
    /// answers; copies of a request (the same [`chatbot::FormRequest::digest`]) get one and the same answer.
    pub async fn ask_form(&self, request: chatbot::FormRequest, within: Duration) -> FormAnswered {
        self.asks.ask(request, within).await
    }

    /// Stops sending from a number until [`Engine::resume`], also over restarts; what is to be sent waits. Answers
    /// whether there is such a number.
    pub async fn pause(&self, number_id: &str, why: &str) -> Result<bool, StoreError> {
        self.stop_or_go(number_id, Some(why), sender::Message::Pause(why.into())).await
    }

    /// Sends from a number again: at once where an operator had stopped it; where Meta refused it, as soon as one message
    /// got through. Answers whether there is such a number.
    pub async fn resume(&self, number_id: &str) -> Result<bool, StoreError> {
        self.stop_or_go(number_id, None, sender::Message::Resume).await
    }

    async fn stop_or_go(
        &self,
        number_id: &str,
        why: Option<&str>,
        message: sender::Message,
    ) -> Result<bool, StoreError> {
        if self.deps.senders.get(number_id).is_none() {
            return Ok(false);
        }
        self.deps.store.put_document(STOPPED, number_id, why.map(|why| codec::encode(&why))).await?;
        self.deps.senders.tell(number_id, message);
        Ok(true)
    }

    /// The number's [`Token`](crate::Token) was replaced: if Meta refused the one before, sending is tried again at once.
    pub fn token_changed(&self, number_id: &str) {
        self.deps.senders.tell(number_id, sender::Message::TokenChanged);
    }

    /// Some Flow stands otherwise at Meta: what waited because of it looks again.
    pub fn flows_changed(&self) {
        for (number, _) in self.deps.senders.all() {
            self.deps.senders.tell(&number, sender::Message::FlowsChanged);
        }
    }

    /// A bot version went live: conversations that waited for one go on.
    pub fn bots_changed(&self) {
        // An error means that the engine is shutting down.
        let _gone = self.deps.peers().router.cast(router::Message::Retry);
    }

    /// Gives conversations a turn without an input: those whose run must leave its bot version do so.
    pub fn wake(&self, conversations: Vec<storage::ConversationId>) {
        // An error means that the engine is shutting down.
        let _gone = self.deps.peers().router.cast(router::Message::Due(conversations));
    }

    /// How it stands. Senders that do not answer within a second are left out.
    pub async fn status(&self) -> EngineStatus {
        let mut senders = HashMap::new();
        for (number, sender) in self.deps.senders.all() {
            let asked = sender.call(sender::Message::Describe, Some(Duration::from_secs(1))).await;
            if let Ok(ractor::rpc::CallResult::Success(status)) = asked {
                senders.insert(number, status);
            }
        }
        EngineStatus {
            live_actors: self.live.load(Ordering::Relaxed),
            waiting_inputs: self.deps.load.items.load(Ordering::Relaxed),
            senders,
            tripped: self.deps.bots.tripped(),
        }
    }

    /// Turns to a sentence when an actor that must not fail has failed: the process should end then.
    pub fn failed(&self) -> watch::Receiver<Option<Box<str>>> {
        self.failed.clone()
    }

    /// Takes nothing more in, lets conversations finish what they have in hand, then the requests under way. Whatever is
    /// not finished within `patience` is in the store and goes on at the next start.
    pub async fn drain(&self, patience: Duration) {
        self.pull_task.abort();
        self.asks.stop();
        // Errors below mean that the actor has ended already.
        let _gone = self.deps.peers().router.cast(router::Message::Stop);
        let all = async {
            let shards = self.shards.iter().map(|shard| shard.call(shard::Message::Drain, None));
            futures_util::future::join_all(shards).await;
            let senders = self.deps.senders.all();
            let senders = senders.iter().map(|(_, sender)| sender.call(sender::Message::Drain, None));
            // The senders and the calls beside each other: both wait for others.
            tokio::join!(futures_util::future::join_all(senders), self.deps.http.drain());
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("not everything finished in time; the rest goes on at the next start");
        }
        self.deps.http.stop();
        self.root.stop_children(None);
        self.root.stop(None);
    }
}

async fn start_shards(
    deps: &Arc<Deps>,
    live: &Arc<AtomicUsize>,
    root: &ActorRef<()>,
) -> Result<Vec<ActorRef<shard::Message>>, StartError> {
    let count = std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 16));
    let max_live = deps.settings.max_live.div_ceil(count).max(1);
    let mut shards = Vec::with_capacity(count);
    for _ in 0..count {
        let arguments = shard::Arguments { deps: deps.clone(), max_live, live: live.clone() };
        shards.push(Actor::spawn_linked(None, Shard, arguments, root.get_cell()).await?.0);
    }
    Ok(shards)
}

async fn pull_when_appended(
    mut appended: watch::Receiver<storage::InboxSeq>,
    router: ActorRef<router::Message>,
    pulling: Arc<AtomicBool>,
) {
    while appended.changed().await.is_ok() {
        if !pulling.swap(true, Ordering::AcqRel) && router.cast(router::Message::Pull).is_err() {
            return;
        }
    }
}

/// Supervises what must not fail: router, shards, senders, timers. If one does, the process must end: restarted with
/// the journal intact it is in a known state, which a half-dead one is not.
struct Root;

impl Actor for Root {
    type Msg = ();
    type State = watch::Sender<Option<Box<str>>>;
    type Arguments = watch::Sender<Option<Box<str>>>;

    async fn pre_start(&self, _: ActorRef<()>, failed: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(failed)
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        failed: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, error) = event {
            failed.send_replace(Some(format!("an actor that must not fail has failed: {error}").into()));
        }
        Ok(())
    }
}
