//! Flows: their state, and alerts about clients and endpoint.

use std::fmt;

use serde::Deserialize;

use super::elements;
use super::words::words;
use crate::webhook::lax;

words! {
    /// What happened to a Flow.
    FlowEventKind {
        /// Its state changed.
        StatusChange = "FLOW_STATUS_CHANGE",
        /// Phones report errors: 5, 10 or 50 % within 60 minutes.
        ClientErrors = "CLIENT_ERROR_RATE",
        /// The endpoint fails: 5, 10 or 50 % within 30 minutes.
        EndpointErrors = "ENDPOINT_ERROR_RATE",
        /// The endpoint is slow: p90 of 1, 5 or 7 s within 30 minutes.
        EndpointLatency = "ENDPOINT_LATENCY",
        /// The endpoint answers less than 90 % within 10 minutes.
        EndpointAvailability = "ENDPOINT_AVAILABILITY",
        /// Its Flow JSON version is about to expire.
        VersionExpiry = "FLOW_VERSION_EXPIRY_WARNING",
    }
}

/// A change or an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowEvent {
    /// What happened.
    pub kind: FlowEventKind,
    /// Which Flow.
    pub flow_id: Option<String>,
    /// The event in words.
    pub message: Option<String>,
    /// The state before; missing on creation.
    pub old_status: Option<String>,
    /// The state now.
    pub new_status: Option<String>,
    /// E.g. that the version is about to freeze.
    pub warning: Option<String>,
    /// Alerts: begun (true) or over (false).
    pub active: Option<bool>,
    /// What was measured: percent of errors, percent of answers, or the p90 in milliseconds.
    pub measured: Option<f64>,
    /// The limit it passed.
    pub threshold: Option<f64>,
    /// The errors behind a rate.
    pub faults: Vec<FlowFault>,
}

/// An error and how often it came.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FlowFault {
    /// Free text; Meta's spellings vary.
    #[serde(default, rename = "error_type", deserialize_with = "lax::string")]
    pub kind: Option<String>,
    /// Percent.
    #[serde(default, rename = "error_rate", deserialize_with = "lax::number")]
    pub rate: Option<f64>,
    /// How many.
    #[serde(default, rename = "error_count", deserialize_with = "lax::number")]
    pub count: Option<f64>,
}

#[derive(Deserialize)]
struct Wire {
    event: FlowEventKind,
    #[serde(default, deserialize_with = "lax::owned_id")]
    flow_id: Option<String>,
    #[serde(default, deserialize_with = "lax::string")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    old_status: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    new_status: Option<String>,
    #[serde(default, deserialize_with = "lax::string")]
    warning: Option<String>,
    #[serde(default, deserialize_with = "lax::string")]
    alert_state: Option<String>,
    #[serde(default, deserialize_with = "lax::number")]
    error_rate: Option<f64>,
    #[serde(default, deserialize_with = "lax::number")]
    p90_latency: Option<f64>,
    #[serde(default, deserialize_with = "lax::number")]
    availability: Option<f64>,
    #[serde(default, deserialize_with = "lax::number")]
    threshold: Option<f64>,
}

pub(super) fn read(raw: &str) -> Option<FlowEvent> {
    let wire: Wire = lax::object(raw).ok()?;
    Some(FlowEvent {
        kind: wire.event,
        flow_id: wire.flow_id,
        message: wire.message,
        old_status: wire.old_status,
        new_status: wire.new_status,
        warning: wire.warning,
        active: match wire.alert_state.as_deref() {
            Some("ACTIVATED") => Some(true),
            Some("DEACTIVATED") => Some(false),
            _ => None,
        },
        measured: wire.error_rate.or(wire.p90_latency).or(wire.availability),
        threshold: wire.threshold,
        faults: elements(raw, "errors").unwrap_or_default(),
    })
}

impl FlowEvent {
    /// Whether an operator should hear of it at once: an alert that began, or a state that hinders sending.
    pub fn is_alarm(&self) -> bool {
        self.active == Some(true) || matches!(self.new_status.as_deref(), Some("THROTTLED" | "BLOCKED"))
    }
}

impl fmt::Display for FlowEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow {}: {}", self.flow_id.as_deref().unwrap_or("?"), self.kind)?;
        let words = [&self.new_status, &self.message, &self.warning];
        words.into_iter().flatten().try_for_each(|word| write!(f, ", {word}"))
    }
}
