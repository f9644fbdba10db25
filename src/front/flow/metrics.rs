//! What the endpoint of Flows counts.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::Refusal;

/// Seconds; Meta warns at a p90 of 1, 5 and 7.
const LATENCY: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0, 8.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Flow {
    bot: String,
    flow: String,
    measure: &'static str,
}

#[derive(Clone)]
struct Latency;

impl MetricConstructor<Histogram> for Latency {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCY)
    }
}

/// Counters of the endpoint.
pub struct FlowMetrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Action, Histogram, Latency>,
    signature_failures: Family<Refusal, Counter>,
    warnings: Family<Flow, Counter>,
    pub(super) operations: Counter,
    pub(super) queued: Gauge,
}

impl Default for FlowMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(Latency),
            signature_failures: Family::default(),
            warnings: Family::default(),
            operations: Counter::default(),
            queued: Gauge::default(),
        }
    }
}

impl FlowMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("flow_requests", "Requests of Flows by action and outcome", self.requests.clone());
        let help = "From head to answer of a Flow request";
        registry.register_with_unit("flow_request_duration", help, Unit::Seconds, self.seconds.clone());
        let help = "Flow requests refused before any key was used";
        registry.register("flow_signature_failures", help, self.signature_failures.clone());
        registry.register("flow_private_key_operations", "Private-key operations", self.operations.clone());
        registry.register("flow_queued_operations", "Private-key operations that wait", self.queued.clone());
        let help = "Times that a Flow came near a threshold at which Meta warns";
        registry.register("flow_health_warnings", help, self.warnings.clone());
    }

    pub(super) fn answered(&self, action: &'static str, outcome: &'static str, took: Duration) {
        self.requests.get_or_create(&Answered { action, outcome }).inc();
        self.seconds.get_or_create(&Action { action }).observe(took.as_secs_f64());
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.signature_failures.get_or_create(&Refusal { reason }).inc();
    }

    /// Counts a warning; bots and Flows that warn are few.
    pub(crate) fn warned(&self, bot: &str, flow: &str, measure: &'static str) {
        self.warnings.get_or_create(&Flow { bot: bot.into(), flow: flow.into(), measure }).inc();
    }
}
