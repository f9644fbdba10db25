//! One Flow as Meta keeps it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::check;
use super::json::FlowJson;
use super::metrics::Log;

/// Meta's bound of Flow JSON, in bytes.
pub(crate) const MAX_JSON: usize = 10 * 1_048_576;
/// Versions that are kept beside the latest.
const MAX_VERSIONS: usize = 5;

/// What Meta says of a Flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlowStatus {
    /// Can be edited and deleted, and sent with `mode: draft`.
    Draft,
    /// Can be sent.
    Published,
    /// Never to be sent or opened again.
    Deprecated,
    /// Meta stopped it: sends answer 132068.
    Blocked,
    /// Meta slows it: 10 sends an hour, then 132069.
    Throttled,
}

impl FlowStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Published => "PUBLISHED",
            Self::Deprecated => "DEPRECATED",
            Self::Blocked => "BLOCKED",
            Self::Throttled => "THROTTLED",
        }
    }
}

/// A Flow that is there from the start and counts as published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeededFlow {
    /// Meta's id; one is drawn if it is empty.
    #[serde(default)]
    pub id: String,
    /// Its name, unique in the account.
    pub name: String,
    /// Its Flow JSON. Without one it can be sent with any screen and answered, and no phone opens it.
    #[serde(default)]
    pub json: Option<String>,
    /// Its endpoint, if it has one.
    #[serde(default)]
    pub endpoint_uri: Option<String>,
}

/// A Flow from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowView {
    /// Meta's id.
    pub id: String,
    /// The account.
    pub waba_id: String,
    /// Its name.
    pub name: String,
    /// What Meta says of it.
    pub status: FlowStatus,
    /// Its categories.
    pub categories: Vec<String>,
    /// Its endpoint.
    pub endpoint_uri: Option<String>,
    /// Meta's validation errors of the latest JSON.
    pub validation_errors: Vec<Value>,
    /// The latest JSON, as it was uploaded.
    pub flow_json: Option<String>,
    /// Requests to its endpoint so far.
    pub requests: u64,
}

/// A version of a Flow's JSON.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) text: String,
    /// What could be read of it.
    pub(crate) json: Option<FlowJson>,
    pub(crate) errors: Vec<Value>,
}

impl Content {
    pub(crate) fn read(text: String) -> Arc<Self> {
        let (json, errors) = check(&text);
        Arc::new(Self { text, json, errors })
    }

    pub(crate) fn has_endpoint(&self) -> bool {
        self.json.as_ref().is_some_and(FlowJson::has_endpoint)
    }
}

/// A Flow of an account.
#[derive(Debug, Clone)]
pub(crate) struct StoredFlow {
    pub(crate) id: String,
    pub(crate) waba_id: String,
    pub(crate) name: String,
    pub(crate) categories: Vec<String>,
    pub(crate) status: FlowStatus,
    pub(crate) endpoint_uri: Option<String>,
    pub(crate) application_id: Option<String>,
    /// The latest version.
    pub(crate) content: Option<Arc<Content>>,
    /// What `mode: published` sends.
    pub(crate) published: Option<Arc<Content>>,
    pub(crate) versions: Vec<Arc<Content>>,
    /// The token of the preview link, and until when it works.
    pub(crate) preview: Option<(String, u64)>,
    /// When it was sent while it was throttled.
    pub(crate) sends_ms: Vec<u64>,
    pub(crate) asked: Arc<Log>,
}

impl StoredFlow {
    /// A draft without content.
    pub(crate) fn new(waba_id: &str, name: &str, categories: Vec<String>) -> Self {
        Self {
            id: String::new(),
            waba_id: waba_id.to_owned(),
            name: name.to_owned(),
            categories,
            status: FlowStatus::Draft,
            endpoint_uri: None,
            application_id: None,
            content: None,
            published: None,
            versions: Vec::new(),
            preview: None,
            sends_ms: Vec::new(),
            asked: Arc::default(),
        }
    }

    pub(crate) fn seeded(seeded: &SeededFlow, waba_id: &str) -> Self {
        let content = seeded.json.clone().map(Content::read);
        Self {
            id: seeded.id.clone(),
            status: FlowStatus::Published,
            endpoint_uri: seeded.endpoint_uri.clone(),
            published: content.clone(),
            content,
            ..Self::new(waba_id, &seeded.name, vec!["OTHER".into()])
        }
    }

    pub(crate) fn has_endpoint(&self) -> bool {
        self.content.as_ref().is_some_and(|content| content.has_endpoint())
    }

    pub(crate) fn errors(&self) -> Vec<Value> {
        self.content.as_ref().map(|content| content.errors.clone()).unwrap_or_default()
    }

    /// Puts another version in place of the latest.
    pub(crate) fn put(&mut self, content: Arc<Content>) {
        if let Some(old) = self.content.replace(content) {
            self.versions.push(old);
            let spare = self.versions.len().saturating_sub(MAX_VERSIONS);
            self.versions.drain(..spare);
        }
    }

    pub(crate) fn view(&self) -> FlowView {
        FlowView {
            id: self.id.clone(),
            waba_id: self.waba_id.clone(),
            name: self.name.clone(),
            status: self.status,
            categories: self.categories.clone(),
            endpoint_uri: self.endpoint_uri.clone(),
            validation_errors: self.errors(),
            flow_json: self.content.as_ref().map(|content| content.text.clone()),
            requests: self.asked.total,
        }
    }
}
