//! The Prometheus families that the actors feed (names and labels: see the metrics page of the documentation). No label
//! ever holds a phone number, a conversation or free text.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::forms::FormOutcome;
use crate::outlet::OutletMetrics;
use crate::sender::SenderStatus;

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

/// Of a business number, by `phone_number_id`: there are as many as are configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Number {
    pub number: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Queue {
    pub number: String,
    /// `reply` or `bulk`.
    pub class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Result {
    pub result: &'static str,
}

impl Result {
    pub(crate) const DONE: Self = Self { result: "done" };
    pub(crate) const FAILED: Self = Self { result: "failed" };
    pub(crate) const DROPPED: Self = Self { result: "dropped" };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    pub kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Fate {
    pub outcome: &'static str,
}

/// What the services beside the conversations count: files, templates, blocks, retention.
#[derive(Default)]
pub(crate) struct ServiceMetrics {
    pub fetches: Family<Fate, Counter>,
    pub fetched_bytes: Counter,
    pub uploads: Family<Fate, Counter>,
    pub template_syncs: Family<Fate, Counter>,
    pub flow_syncs: Family<Fate, Counter>,
    pub flow_steps: Family<Fate, Counter>,
    pub forgotten: Family<Kind, Counter>,
}

impl ServiceMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("media_fetches", "Tries to fetch files of people, by outcome", self.fetches.clone());
        registry.register("media_fetched_bytes", "Bytes of files fetched", self.fetched_bytes.clone());
        registry.register("media_uploads", "Files given to Meta, by outcome", self.uploads.clone());
        registry.register("template_syncs", "Lists of templates read from Meta", self.template_syncs.clone());
        registry.register("flow_syncs", "Lists of Flows read from Meta", self.flow_syncs.clone());
        registry.register("flow_steps", "Changes of Flows at Meta, by outcome", self.flow_steps.clone());
        registry.register("forgotten", "Rows and files removed for their age", self.forgotten.clone());
    }
}

/// What the calls of `http` nodes count. No label names a host: bots decide those.
pub(crate) struct HttpMetrics {
    /// By what came of them: `2xx` to `5xx`, `timeout`, `unreachable`, `refused`, `bad_body`.
    pub calls: Family<Fate, Counter>,
    pub retries: Counter,
    pub repeated_orders: Counter,
    pub no_room: Counter,
    pub hosts_failed: Counter,
    pub under_way: Gauge,
    pub seconds: Histogram,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            retries: Counter::default(),
            repeated_orders: Counter::default(),
            no_room: Counter::default(),
            hosts_failed: Counter::default(),
            under_way: Gauge::default(),
            seconds: Histogram::new([0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
        }
    }
}

impl HttpMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("http_calls", "Calls of bots, by outcome", self.calls.clone());
        registry.register("http_retries", "Tries of calls beside the first", self.retries.clone());
        registry.register("http_orders_repeated", "Orders of calls that were under way", self.repeated_orders.clone());
        registry.register("http_orders_dropped", "Orders of calls that found no room", self.no_room.clone());
        registry.register("http_hosts_failed", "Hosts left alone for a while", self.hosts_failed.clone());
        registry.register("http_calls_under_way", "Calls that wait or are being made", self.under_way.clone());
        registry.register_with_unit("http_call_duration", "Calls with all tries", Unit::Seconds, self.seconds.clone());
    }
}

/// What forms ask, on its way to the conversations.
pub(crate) struct FormMetrics {
    /// By what the phone got; copies of a request that was under way are not among them.
    pub asks: Family<Fate, Counter>,
    pub copies: Counter,
    /// What came of the calls that forms wait for: `called`, `shared` with somebody else, or `cached`.
    pub calls: Family<Fate, Counter>,
    pub seconds: Histogram,
}

impl Default for FormMetrics {
    fn default() -> Self {
        Self {
            asks: Family::default(),
            copies: Counter::default(),
            calls: Family::default(),
            seconds: Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.8, 1.0, 2.5, 5.0, 8.0]),
        }
    }
}

impl FormMetrics {
    pub(crate) fn answered(&self, outcome: &FormOutcome) {
        self.asks.get_or_create(&Fate { outcome: outcome.name() }).inc();
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("form_asks", "Requests of open forms, by what the phone got", self.asks.clone());
        registry.register("form_copies", "Requests that were under way already", self.copies.clone());
        registry.register("form_calls", "Calls that forms wait for: called, shared or cached", self.calls.clone());
        registry.register_with_unit("form_ask_duration", "Requests of open forms", Unit::Seconds, self.seconds.clone());
    }
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
    pub(crate) uncertain: Counter,
    pub(crate) resends: Counter,
    pub(crate) held: Family<Reason, Counter>,
    pub(crate) read_marks: Family<Result, Counter>,
    pub(crate) queue: Family<Queue, Gauge>,
    pub(crate) queue_oldest: Family<Queue, Gauge<f64, AtomicU64>>,
    pub(crate) paused: Family<Number, Gauge>,
    pub(crate) services: ServiceMetrics,
    pub(crate) outlet: OutletMetrics,
    pub(crate) http: HttpMetrics,
    pub(crate) forms: FormMetrics,
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
            uncertain: Counter::default(),
            resends: Counter::default(),
            held: Family::default(),
            read_marks: Family::default(),
            queue: Family::default(),
            queue_oldest: Family::default(),
            paused: Family::default(),
            services: ServiceMetrics::default(),
            outlet: OutletMetrics::default(),
            http: HttpMetrics::default(),
            forms: FormMetrics::default(),
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
        self.register_sender(registry);
        self.services.register(registry);
        self.outlet.register(registry);
        self.http.register(registry);
        self.forms.register(registry);
    }

    fn register_sender(&self, registry: &mut Registry) {
        registry.register(
            "outbox_uncertain",
            "Messages of which nobody knew whether they were sent",
            self.uncertain.clone(),
        );
        registry.register(
            "outbox_resends",
            "Messages sent again because nobody knew whether they had been sent",
            self.resends.clone(),
        );
        registry.register("outbox_held", "Messages held, by what for", self.held.clone());
        registry.register("read_marks", "Read marks and typing indicators", self.read_marks.clone());
        registry.register("sender_queue", "Messages of a number that have not left", self.queue.clone());
        registry.register_with_unit(
            "sender_queue_oldest",
            "Age of the oldest of them",
            Unit::Seconds,
            self.queue_oldest.clone(),
        );
        registry.register("sender_paused", "1 while nothing but probes leaves a number", self.paused.clone());
    }

    /// What stands for a number; set when somebody asks.
    pub(crate) fn sender(&self, number: &str, status: &SenderStatus, now_ms: u64) {
        let queues = [
            ("reply", status.open - status.open_bulk, status.oldest_reply_ms),
            ("bulk", status.open_bulk, status.oldest_bulk_ms),
        ];
        for (class, open, oldest_ms) in queues {
            let label = Queue { number: number.into(), class };
            let age_ms = oldest_ms.map_or(0, |oldest_ms| now_ms.saturating_sub(oldest_ms));
            self.queue.get_or_create(&label).set(i64::try_from(open).unwrap_or(i64::MAX));
            self.queue_oldest.get_or_create(&label).set(age_ms as f64 / 1_000.0);
        }
        self.set_paused(number, status.paused.is_some());
    }

    pub(crate) fn set_paused(&self, number: &str, paused: bool) {
        self.paused.get_or_create(&Number { number: number.into() }).set(paused.into());
    }
}
