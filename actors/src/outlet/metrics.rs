//! What is counted of outgoing events. Labels are the fixed types and the configured endpoints.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::types::{BOT, TYPES};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Type {
    pub r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Of {
    pub endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Tried {
    pub endpoint: String,
    /// `delivered`, `again`, `failed`, `gone`.
    pub outcome: &'static str,
}

/// See the module.
#[derive(Default)]
pub(crate) struct OutletMetrics {
    pub events: Family<Type, Counter>,
    pub attempts: Family<Tried, Counter>,
    pub dropped: Family<Of, Counter>,
    pub pending: Family<Of, Gauge>,
}

impl OutletMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "outgoing_events",
            "Events decided, whether or not an endpoint wants them",
            self.events.clone(),
        );
        registry.register(
            "event_attempts",
            "Tries to deliver an event, by endpoint and outcome",
            self.attempts.clone(),
        );
        registry.register(
            "events_dropped",
            "Events that an endpoint did not get because too many waited for it",
            self.dropped.clone(),
        );
        registry.register("events_pending", "Deliveries that wait", self.pending.clone());
    }

    /// An event was decided. The names of authors are no labels: there is no end of them.
    pub(crate) fn decided(&self, kind: &str) {
        let kind = TYPES.into_iter().find(|known| *known == kind).unwrap_or(if kind.starts_with(BOT) {
            "bot"
        } else {
            "other"
        });
        self.events.get_or_create(&Type { r#type: kind }).inc();
    }
}
