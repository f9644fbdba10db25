//! The Prometheus families that the actors feed (names and labels: see the metrics page of the documentation). No label
//! ever holds a phone number, a conversation or free text.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub outcome: &'static str,
    pub code_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Reason {
    pub reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct GraphError {
    pub operation: &'static str,
    pub code: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Status {
    pub status: &'static str,
}

/// Shared handles of all families.
pub struct Metrics {
    pub(crate) live_actors: Gauge,
    pub(crate) restarts: Family<Reason, Counter>,
    pub(crate) mailbox_depth_max: Gauge,
    pub(crate) duplicates: Counter,
    pub(crate) held_inputs: Counter,
    pub(crate) turn_seconds: Histogram,
    pub(crate) dead_letters: Family<Reason, Counter>,
    pub(crate) attempts: Family<Outcome, Counter>,
    pub(crate) graph_seconds: Histogram,
    pub(crate) graph_errors: Family<GraphError, Counter>,
    pub(crate) statuses: Family<Status, Counter>,
    pub(crate) resends: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            live_actors: Gauge::default(),
            restarts: Family::default(),
            mailbox_depth_max: Gauge::default(),
            duplicates: Counter::default(),
            held_inputs: Counter::default(),
            turn_seconds: Histogram::new([10e-6, 30e-6, 100e-6, 300e-6, 1e-3, 3e-3, 10e-3, 0.1, 1.0]),
            dead_letters: Family::default(),
            attempts: Family::default(),
            graph_seconds: Histogram::new([0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0]),
            graph_errors: Family::default(),
            statuses: Family::default(),
            resends: Counter::default(),
        }
    }
}

impl Metrics {
    /// Registers every family.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("actors", "Live conversation actors", self.live_actors.clone());
        registry.register("actor_restarts", "Conversation actors started anew after a failure", self.restarts.clone());
        registry.register(
            "mailbox_depth_max",
            "Longest queue of one conversation seen",
            self.mailbox_depth_max.clone(),
        );
        registry.register("inbound_duplicates", "Inbound messages dropped as duplicates", self.duplicates.clone());
        registry.register(
            "inbound_held",
            "Inbound messages kept on disk: their conversation has too many waiting",
            self.held_inputs.clone(),
        );
        registry.register_with_unit("turn_duration", "Computing one turn", Unit::Seconds, self.turn_seconds.clone());
        registry.register("dead_letters", "Messages given up", self.dead_letters.clone());
        registry.register("outbox_attempts", "Requests to send a message, by outcome", self.attempts.clone());
        registry.register_with_unit(
            "graph_request_duration",
            "Requests to the Graph API",
            Unit::Seconds,
            self.graph_seconds.clone(),
        );
        registry.register("graph_errors", "Error answers of the Graph API", self.graph_errors.clone());
        registry.register("message_statuses", "Status webhooks applied", self.statuses.clone());
        registry.register(
            "outbox_resends",
            "Messages sent again because nobody knew whether they had been sent",
            self.resends.clone(),
        );
    }
}
