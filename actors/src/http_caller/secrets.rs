//! The values of bots' secrets: read from the configuration, put into requests, never into anything that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chatbot::{HttpCall, HttpOutcome};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};

/// Shorter values are too likely to stand somewhere by chance.
const SHORTEST_HIDDEN: usize = 6;

/// Values by name; capitals make no difference. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct BotSecrets {
    values: Arc<RwLock<BTreeMap<String, SecretString>>>,
}

impl BotSecrets {
    /// With these values.
    pub fn new(values: impl IntoIterator<Item = (String, SecretString)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        Self { values: Arc::new(RwLock::new(values)) }
    }

    /// Puts another value in its place.
    pub fn replace(&self, name: &str, value: SecretString) {
        self.values.write().insert(name.to_lowercase(), value);
    }

    /// The names that have a value, in small letters.
    pub fn names(&self) -> BTreeSet<String> {
        self.values.read().keys().cloned().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.values.read().get(&name.to_lowercase()).map(|value| value.expose_secret().to_owned())
    }

    /// The outcome as it may be kept: a host that sends back what it was sent puts no secret into the store.
    pub(super) fn without(&self, call: &HttpCall, outcome: HttpOutcome) -> HttpOutcome {
        let names = call.texts().flat_map(chatbot::HttpText::secrets);
        let values: Vec<String> =
            names.filter_map(|name| self.get(name)).filter(|value| value.len() >= SHORTEST_HIDDEN).collect();
        let hide = |text: String| match values.iter().any(|value| text.contains(value.as_str())) {
            true => values.iter().fold(text, |text, value| text.replace(value.as_str(), "***")),
            false => text,
        };
        match outcome {
            HttpOutcome::Answer { status, content_type, body } => {
                HttpOutcome::Answer { status, content_type: content_type.map(hide), body: hide(body) }
            }
            HttpOutcome::Unreachable { why } => HttpOutcome::Unreachable { why: hide(why) },
            HttpOutcome::Refused { why } => HttpOutcome::Refused { why: hide(why) },
            HttpOutcome::BadBody { status, why } => HttpOutcome::BadBody { status, why: hide(why) },
            HttpOutcome::Timeout => HttpOutcome::Timeout,
        }
    }
}
