//! What every actor of an engine shares.

use std::sync::{Arc, OnceLock};

use ractor::ActorRef;
use storage::{Fence, Partition, Store};
use tokio::sync::Notify;

use crate::backlog::Backlog;
use crate::bots::Bots;
use crate::clock::Clock;
use crate::conversation::TurnFunction;
use crate::erasure::Tombs;
use crate::flow_standing::{FlowQuota, FlowStandings};
use crate::http_caller::HttpCaller;
use crate::marketing::Categories;
use crate::metrics::Metrics;
use crate::numbers::Numbers;
use crate::orders::{DeedOutcome, Tickets};
use crate::outlet::Outlet;
use crate::queue::Load;
use crate::sender::Senders;
use crate::settings::ConversationSettings;
use crate::{router, timers};

pub(crate) struct Deps {
    pub store: Arc<dyn Store>,
    /// The same for what nobody waits for.
    pub unhurried: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub bots: Arc<Bots>,
    pub turn: Arc<TurnFunction>,
    pub settings: ConversationSettings,
    pub metrics: Arc<Metrics>,
    pub load: Load,
    pub backlog: Backlog,
    pub senders: Senders,
    /// Rung when a committed turn wants a file of a person.
    pub media_wanted: Arc<Notify>,
    /// Where events leave.
    pub outlet: Arc<Outlet>,
    /// Our numbers.
    pub numbers: Numbers,
    pub categories: Arc<Categories>,
    /// Where Flows stand, and what has left of throttled ones.
    pub flows: Arc<FlowStandings>,
    pub flow_quota: FlowQuota,
    pub tickets: Tickets,
    /// Who waits for what becomes of a deed.
    pub deeds: Tickets<DeedOutcome>,
    /// Makes the calls of `http` nodes.
    pub http: Arc<HttpCaller>,
    /// Who was erased: nothing goes to them any more.
    pub tombs: Arc<Tombs>,
    /// Set once, when the engine has started all of them.
    pub peers: OnceLock<Peers>,
}

pub(crate) struct Peers {
    pub router: ActorRef<router::Message>,
    pub timers: ActorRef<timers::Message>,
}

impl Deps {
    pub(crate) fn peers(&self) -> &Peers {
        self.peers.get().expect("actors receive their first message after the engine has set the peers")
    }

    /// Whether the person of a conversation was erased.
    pub(crate) fn is_dead(&self, conversation: storage::ConversationId) -> bool {
        self.tombs.is_dead(crate::identity::contact_of(conversation))
    }

    /// Where messages of this class write: replies do not wait for commits of what is one of many.
    pub(crate) fn store_of(&self, bulk: bool) -> &Arc<dyn Store> {
        if bulk { &self.unhurried } else { &self.store }
    }

    pub(crate) fn fence(&self, number_id: &str) -> Fence {
        self.store.fence(&Partition(number_id.into()))
    }

    /// Hands committed messages to the sender of their number.
    pub(crate) fn send(&self, outbound: Vec<crate::conversation::Outbound>) {
        self.senders.hand_over(self, outbound);
    }
}
