//! What Meta measured at the endpoint of a Flow. Below 250 requests it says nothing (139006).

use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::remote::words;
use crate::graph::call::CallError;
use crate::graph::client::{Client, MAX_ANSWER_BYTES};

words! {
    /// What is measured.
    FlowMetricName {
        /// Requests.
        Requests = "ENDPOINT_REQUEST_COUNT",
        /// Failed requests by their reason.
        Errors = "ENDPOINT_REQUEST_ERROR",
        /// Failed requests, of all.
        ErrorRate = "ENDPOINT_REQUEST_ERROR_RATE",
        /// Requests by the seconds they took, rounded up.
        Latency = "ENDPOINT_REQUEST_LATENCY_SECONDS_CEIL",
        /// Health checks that were answered.
        Availability = "ENDPOINT_AVAILABILITY",
    }
}

words! {
    /// How long a point of it is.
    Granularity {
        /// A day.
        Day = "DAY",
        /// An hour.
        Hour = "HOUR",
        /// All of it.
        Lifetime = "LIFETIME",
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    /// What.
    pub name: FlowMetricName,
    /// How finely.
    pub granularity: Granularity,
    /// From this day on, `2026-11-01`.
    pub since: Option<String>,
    /// Until this day, `2026-11-10`.
    pub until: Option<String>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowMetric {
    /// What.
    pub name: String,
    /// How finely.
    pub granularity: String,
    /// The points, in Meta's order.
    pub points: Vec<FlowMetricPoint>,
}

/// A point of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowMetricPoint {
    /// When, as Meta writes it.
    #[serde(default)]
    pub timestamp: Option<String>,
    /// `{"key", "value"}`, in Meta's shape.
    #[serde(default)]
    pub data: Vec<Value>,
}

impl MetricQuery {
    /// `metric.name(X).granularity(DAY).since(2026-11-01).until(2026-11-10)`.
    fn field(&self) -> Result<String, CallError> {
        let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let is_day = |text: &str| text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let (name, granularity) = (self.name.as_str(), self.granularity.as_str());
        if let Some(word) = [name, granularity].into_iter().find(|word| !is_name(word)) {
            return Err(CallError::NotSent(format!("`{word}` is no word of Meta's metrics")));
        }
        let mut field = format!("metric.name({name}).granularity({granularity})");
        for (key, day) in [("since", &self.since), ("until", &self.until)] {
            let Some(day) = day else { continue };
            if !is_day(day) {
                return Err(CallError::NotSent(format!("`{day}` is not a day such as 2026-11-01")));
            }
            field.push_str(&format!(".{key}({day})"));
        }
        Ok(field)
    }
}

impl Client {
    /// What Meta measured at the Flow's endpoint.
    ///
    /// Errors: 139006 when there were fewer than 250 requests.
    pub async fn flow_metric(
        &self,
        flow_id: &str,
        token: &SecretString,
        query: &MetricQuery,
    ) -> Result<FlowMetric, CallError> {
        let field = query.field()?;
        let request = self.request_with(Method::GET, &[flow_id], &[("fields", &field)])?;
        self.call(request, token, MAX_ANSWER_BYTES, metric).await
    }
}

fn metric(body: &[u8]) -> Option<FlowMetric> {
    #[derive(Deserialize)]
    struct Wire {
        metric: Metric,
    }
    #[derive(Deserialize)]
    struct Metric {
        #[serde(default)]
        name: String,
        #[serde(default)]
        granularity: String,
        #[serde(default)]
        data_points: Vec<FlowMetricPoint>,
    }
    let Wire { metric } = serde_json::from_slice(body).ok()?;
    Some(FlowMetric { name: metric.name, granularity: metric.granularity, points: metric.data_points })
}
