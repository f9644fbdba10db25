//! The Graph API: its errors and what they mean, and (feature `client`) the client.

#[cfg(feature = "client")]
mod blocking;
mod call;
#[cfg(feature = "client")]
mod client;
mod codes;
#[cfg(feature = "client")]
mod encryption;
mod error;
#[cfg(test)]
#[cfg(feature = "client")]
mod fake;
#[cfg(feature = "client")]
mod flows;
#[cfg(feature = "client")]
mod media;
#[cfg(feature = "client")]
mod numbers;
#[cfg(feature = "client")]
mod paging;
#[cfg(feature = "client")]
mod reading;
#[cfg(feature = "client")]
mod reply;
#[cfg(feature = "client")]
mod templates;
#[cfg(test)]
#[cfg(feature = "client")]
mod tests;
mod usage;

#[cfg(feature = "client")]
pub use blocking::{BlockFailure, Blocked};
pub use call::CallError;
#[cfg(feature = "client")]
pub use client::{Client, ClientConfig, ConfigError};
pub use codes::{Explanation, Outcome, explain, outcome_of_code};
#[cfg(feature = "client")]
pub use encryption::PublishedKey;
pub use error::{Accepted, Error, ErrorRecord, GraphError};
#[cfg(feature = "client")]
pub use flows::{
    CreatedFlow, FailedFlow, FlowAsset, FlowCategory, FlowChange, FlowDetails, FlowMetric, FlowMetricName,
    FlowMetricPoint, FlowPreview, FlowRefusal, FlowStatus, Granularity, MAX_FLOW_JSON_BYTES, MetricQuery, MigratedFlow,
    Migration, NewFlow, PreviewLink, RemoteFlow, ValidationError, ValidationPointer,
};
#[cfg(feature = "client")]
pub use media::{Download, DownloadRules, MediaInfo, Upload};
#[cfg(feature = "client")]
pub use numbers::RemoteNumber;
#[cfg(feature = "client")]
pub use reply::decide_send;
#[cfg(feature = "client")]
pub use templates::{CreatedTemplate, RemoteTemplate};
pub use usage::{Load, Usage};
