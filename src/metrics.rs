//! The metrics of the ports and the store, and the registry that `/metrics` prints.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{EngineStatus, SenderStatus};
use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use storage::Store;

use crate::front::FlowMetrics;

/// Why a signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refusal {
    /// missing, malformed, mismatch
    pub reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    listener: &'static str,
    route: Cow<'static, str>,
    method: &'static str,
    status_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Event {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Number {
    number: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Key {
    key: &'static str,
}

/// What the front door counts.
pub struct FrontMetrics {
    requests: Family<Request, Counter>,
    seconds: Histogram,
    ack_seconds: Histogram,
    events: Family<Event, Counter>,
    signature_failures: Family<Refusal, Counter>,
    signed_by: Family<Key, Counter>,
    not_stored: Counter,
    rate: Rate,
}

/// Counts by the second, for the last few.
struct Rate {
    started: tokio::time::Instant,
    /// Of each the second and the count in it, 32 bits each.
    buckets: [AtomicU64; 16],
}

/// Seconds that a rate is the mean of.
const RATE_SECONDS: u64 = 10;

impl Default for Rate {
    fn default() -> Self {
        Self { started: tokio::time::Instant::now(), buckets: Default::default() }
    }
}

impl Rate {
    fn count(&self) {
        let second = self.started.elapsed().as_secs();
        let add = |kept: u64| if kept >> 32 == second { kept + 1 } else { (second << 32) | 1 };
        let _kept = self.bucket(second).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| Some(add(kept)));
    }

    /// A second, of the last full ones.
    fn mean(&self) -> f64 {
        let now = self.started.elapsed().as_secs();
        let seconds = now.saturating_sub(RATE_SECONDS)..now;
        let of = |second: u64| {
            let kept = self.bucket(second).load(Ordering::Relaxed);
            if kept >> 32 == second { kept & u64::from(u32::MAX) } else { 0 }
        };
        let count = seconds.end - seconds.start;
        if count == 0 { 0.0 } else { seconds.map(of).sum::<u64>() as f64 / count as f64 }
    }

    fn bucket(&self, second: u64) -> &AtomicU64 {
        &self.buckets[(second % 16) as usize]
    }
}

impl Default for FrontMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Histogram::new(LATENCY),
            ack_seconds: Histogram::new(LATENCY),
            events: Family::default(),
            signature_failures: Family::default(),
            signed_by: Family::default(),
            not_stored: Counter::default(),
            rate: Rate::default(),
        }
    }
}

const LATENCY: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

impl FrontMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From head to answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "webhook_ack",
            "From head to the 200 of a webhook",
            Unit::Seconds,
            self.ack_seconds.clone(),
        );
        registry.register("webhook_events", "Elements of webhooks", self.events.clone());
        registry.register("webhook_signature_failures", "Webhooks refused", self.signature_failures.clone());
        registry.register("webhook_signed_by", "Webhooks by the secret that signed them", self.signed_by.clone());
        registry.register("webhook_not_stored", "Webhooks answered 503", self.not_stored.clone());
    }

    /// Counts an answered request of either port; `route` is its pattern, never its path.
    pub(crate) fn request(
        &self,
        listener: &'static str,
        route: Cow<'static, str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            _ => "other",
        };
        let label = Request { listener, route, method, status_class: class(status) };
        self.requests.get_or_create(&label).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn acknowledged(&self, took: Duration) {
        self.ack_seconds.observe(took.as_secs_f64());
        self.rate.count();
    }

    /// Webhooks acknowledged a second, the mean of the last ten.
    pub(crate) fn webhooks_per_second(&self) -> f64 {
        self.rate.mean()
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.signature_failures.get_or_create(refusal).inc();
    }

    pub(crate) fn refused_to_store(&self) {
        self.not_stored.inc();
    }

    pub(crate) fn signed_by(&self, key: &'static str) {
        self.signed_by.get_or_create(&Key { key }).inc();
    }

    pub(crate) fn event(&self, kind: &'static str, outcome: &'static str) {
        self.events.get_or_create(&Event { kind, outcome }).inc();
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// Everything that `/metrics` prints.
pub struct Metrics {
    registry: Registry,
    /// The front door's part.
    pub front: Arc<FrontMetrics>,
    /// The part of the endpoint of Flows.
    pub flow: Arc<FlowMetrics>,
    /// The actors' part.
    pub actors: Arc<actors::Metrics>,
    /// Seconds of each commit of the store.
    pub commit_seconds: Histogram,
    /// Items of each commit.
    pub commit_items: Histogram,
    /// Clients that follow the events.
    pub(crate) sse_clients: Gauge,
    store_bytes: Gauge,
    unfolded: Gauge,
    inbox: Gauge,
    outbox: Family<Standing, Gauge>,
    outbox_oldest: Family<Number, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("parlance");
        let (front, actors) = (Arc::<FrontMetrics>::default(), Arc::<actors::Metrics>::default());
        let flow = Arc::<FlowMetrics>::default();
        front.register(&mut registry);
        flow.register(&mut registry);
        actors.register(&mut registry);
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "This build", build);
        let commit_seconds = Histogram::new([0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0]);
        registry.register_with_unit("store_commit", "One commit with its sync", Unit::Seconds, commit_seconds.clone());
        let commit_items = Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0]);
        registry.register("store_commit_batch_size", "Items of one commit", commit_items.clone());
        let (store_bytes, unfolded, inbox) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register_with_unit("store", "Size of the store's file", Unit::Bytes, store_bytes.clone());
        registry.register("store_unfolded_rows", "Log rows not folded yet", unfolded.clone());
        registry.register("inbox_messages", "Messages accepted and not consumed", inbox.clone());
        let sse_clients = Gauge::default();
        registry.register("sse_clients", "Clients that follow the events", sse_clients.clone());
        let (outbox, outbox_oldest) = (Family::default(), Family::default());
        let help = "Open messages: queued ones wait for their time or a status, sending ones are under way";
        registry.register("outbox_messages", help, outbox.clone());
        registry.register_with_unit(
            "outbox_oldest",
            "Age of the oldest open message",
            Unit::Seconds,
            outbox_oldest.clone(),
        );
        Self {
            registry,
            front,
            flow,
            actors,
            commit_seconds,
            commit_items,
            sse_clients,
            store_bytes,
            unfolded,
            inbox,
            outbox,
            outbox_oldest,
        }
    }
}

impl Metrics {
    /// The page in the Prometheus text format.
    pub fn page(&self, store: &dyn Store, engine: &EngineStatus, now_ms: u64) -> String {
        let stats = store.stats();
        self.store_bytes.set(i64::try_from(stats.file_bytes).unwrap_or(i64::MAX));
        self.unfolded.set(i64::try_from(stats.unfolded).unwrap_or(i64::MAX));
        self.inbox.set(i64::try_from(stats.inbox).unwrap_or(i64::MAX));
        self.set_outbox(engine, now_ms);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &self.registry)
            .expect("writing into a String cannot fail");
        page
    }

    fn set_outbox(&self, engine: &EngineStatus, now_ms: u64) {
        let count = |of: fn(&SenderStatus) -> usize| {
            i64::try_from(engine.senders.values().map(of).sum::<usize>()).unwrap_or(i64::MAX)
        };
        let set = |state, count| {
            self.outbox.get_or_create(&Standing { state }).set(count);
        };
        set("queued", count(|sender| sender.open.saturating_sub(sender.under_way)));
        set("sending", count(|sender| sender.under_way));
        for (number, sender) in &engine.senders {
            let age_ms = sender.oldest_ms.map_or(0, |oldest_ms| now_ms.saturating_sub(oldest_ms));
            let label = Number { number: number.to_string() };
            self.outbox_oldest.get_or_create(&label).set(age_ms as f64 / 1_000.0);
        }
    }
}
