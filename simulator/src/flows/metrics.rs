//! What was asked of a Flow's endpoint and how it went, as Meta's metrics show it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::date;

/// Requests kept of a Flow; older ones are only counted.
const MAX_KEPT: usize = 20_000;
/// Meta shows nothing of fewer requests.
pub(crate) const ENOUGH: u64 = 250;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;

/// How a request to the endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    Timeout,
    Status,
    Unreachable,
    Unusable,
}

impl Outcome {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Fine => None,
            Self::Timeout => Some("timeout_error"),
            Self::Status => Some("unexpected_http_status_code"),
            Self::Unreachable => Some("no_http_response_error"),
            Self::Unusable => Some("cannot_be_served"),
        }
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) at_ms: u64,
    pub(crate) latency_ms: u64,
    pub(crate) outcome: Outcome,
    /// True for Meta's own health check, which counts for availability alone.
    pub(crate) is_ping: bool,
}

/// The requests of a Flow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) total: u64,
    kept: VecDeque<Asked>,
}

impl Log {
    pub(crate) fn push(&mut self, asked: Asked) {
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.total += 1;
        self.kept.push_back(asked);
    }
}

pub(crate) const NAMES: [&str; 5] = [
    "ENDPOINT_REQUEST_COUNT",
    "ENDPOINT_REQUEST_ERROR",
    "ENDPOINT_REQUEST_ERROR_RATE",
    "ENDPOINT_REQUEST_LATENCY_SECONDS_CEIL",
    "ENDPOINT_AVAILABILITY",
];

/// A metric between two times, in Meta's shape.
pub(crate) fn metric(log: &Log, name: &str, granularity: &str, since_ms: u64, until_ms: u64) -> Value {
    let step = match granularity {
        "HOUR" => HOUR_MS,
        "DAY" => DAY_MS,
        _ => u64::MAX,
    };
    let mut spans: BTreeMap<u64, Vec<Asked>> = BTreeMap::new();
    for asked in log.kept.iter().filter(|a| (since_ms..until_ms).contains(&a.at_ms)) {
        spans.entry(asked.at_ms / step * step).or_default().push(*asked);
    }
    let points: Vec<_> =
        spans.iter().map(|(from, all)| json!({ "timestamp": date::graph(*from), "data": point(name, all) })).collect();
    json!({ "granularity": granularity, "name": name, "data_points": points })
}

fn point(name: &str, all: &[Asked]) -> Vec<Value> {
    let real: Vec<_> = all.iter().filter(|asked| !asked.is_ping).collect();
    let failed = real.iter().filter(|asked| asked.outcome != Outcome::Fine).count();
    let rows = |counts: BTreeMap<String, usize>| counts.iter().map(|(k, v)| json!({ "key": k, "value": v })).collect();
    let tally = |keys: &mut dyn Iterator<Item = String>| {
        let mut counts = BTreeMap::new();
        keys.for_each(|key| *counts.entry(key).or_default() += 1);
        counts
    };
    match name {
        "ENDPOINT_REQUEST_COUNT" => vec![json!({ "key": "value", "value": real.len() })],
        "ENDPOINT_REQUEST_ERROR" => {
            rows(tally(&mut real.iter().filter_map(|asked| asked.outcome.key()).map(str::to_owned)))
        }
        "ENDPOINT_REQUEST_ERROR_RATE" => {
            vec![json!({ "key": "value", "value": failed as f64 / real.len().max(1) as f64 })]
        }
        "ENDPOINT_REQUEST_LATENCY_SECONDS_CEIL" => rows(tally(&mut real.iter().map(|asked| seconds(asked.latency_ms)))),
        _ => rows(tally(&mut all.iter().map(|asked| available(asked.outcome).to_owned()))),
    }
}

fn seconds(latency_ms: u64) -> String {
    match latency_ms.div_ceil(1_000).max(1) {
        s if s > 10 => "10+".into(),
        s => s.to_string(),
    }
}

fn available(outcome: Outcome) -> &'static str {
    if outcome == Outcome::Fine { "succeeded" } else { "failed" }
}
