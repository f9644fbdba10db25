//! The template store: definitions as Meta keeps them, with their status.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Config;

const FIRST_ID: u64 = 160_000_000_000_001;
/// Templates kept in all.
const MAX_TEMPLATES: usize = 10_000;

/// What Meta thinks of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// Can be sent.
    Approved,
    /// Waits for Meta's review.
    Pending,
    /// Meta said no.
    Rejected,
    /// People disliked it; sends answer 132015 for some hours.
    Paused,
    /// Paused too often; sends answer 132016.
    Disabled,
}

impl TemplateStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
        }
    }
}

/// A template of an account, in one language.
#[derive(Debug, Clone, Serialize)]
pub struct StoredTemplate {
    /// Meta's id.
    pub id: String,
    /// The account.
    pub waba_id: String,
    /// Its name.
    pub name: String,
    /// Its language code, such as `en_US`.
    pub language: String,
    /// `UTILITY`, `MARKETING` or `AUTHENTICATION`.
    pub category: String,
    /// Whether it can be sent.
    pub status: TemplateStatus,
    /// Meta's component objects.
    pub components: Vec<Value>,
    /// True if parameters have names instead of positions.
    pub named: bool,
    /// True if only the name is known: every set of parameters is taken.
    pub lenient: bool,
    /// When it was edited, in milliseconds since 1970-01-01 UTC.
    #[serde(skip)]
    pub(crate) edits: Vec<u64>,
    #[serde(skip)]
    pub(crate) created_ms: u64,
}

impl StoredTemplate {
    /// As the Graph API lists it.
    pub(crate) fn node(&self) -> Value {
        json!({
            "name": self.name,
            "parameter_format": if self.named { "NAMED" } else { "POSITIONAL" },
            "components": self.components,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "id": self.id,
            "quality_score": { "score": "UNKNOWN" },
            "rejected_reason": "NONE",
        })
    }
}

pub(crate) fn component<'a>(components: &'a [Value], kind: &str) -> Option<&'a Value> {
    components.iter().find(|c| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind)))
}

pub(crate) struct Templates {
    all: RwLock<Vec<Arc<StoredTemplate>>>,
    next: AtomicU64,
}

impl Templates {
    pub(crate) fn new(config: &Config) -> Self {
        let templates = Self { all: RwLock::default(), next: AtomicU64::new(FIRST_ID) };
        templates.reset(config);
        templates
    }

    /// Forgets all but what the configuration names.
    pub(crate) fn reset(&self, config: &Config) {
        self.all.write().clear();
        let mut accounts: Vec<&str> = config.numbers.iter().map(|n| n.waba_id.as_str()).collect();
        accounts.dedup();
        for (waba_id, given) in accounts.iter().flat_map(|w| config.templates.iter().map(move |t| (w, t))) {
            self.add(StoredTemplate {
                id: String::new(),
                waba_id: (*waba_id).to_owned(),
                name: given.name.clone(),
                language: given.language.clone(),
                category: "UTILITY".into(),
                status: TemplateStatus::Approved,
                components: vec![json!({ "type": "BODY", "text": given.name })],
                named: false,
                lenient: true,
                edits: Vec::new(),
                created_ms: 0,
            });
        }
    }

    /// Keeps a template under a new id; one with its name and language is replaced. `None` if there are too many.
    pub(crate) fn add(&self, template: StoredTemplate) -> Option<Arc<StoredTemplate>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let template = Arc::new(StoredTemplate { id, ..template });
        let mut all = self.all.write();
        let same = |t: &Arc<StoredTemplate>| {
            t.waba_id == template.waba_id && t.name == template.name && t.language == template.language
        };
        all.retain(|t| !same(t));
        if all.len() >= MAX_TEMPLATES {
            return None;
        }
        all.push(template.clone());
        Some(template)
    }

    pub(crate) fn find(&self, waba_id: &str, name: &str, language: &str) -> Option<Arc<StoredTemplate>> {
        let fits = |t: &&Arc<StoredTemplate>| t.waba_id == waba_id && t.name == name && t.language == language;
        self.all.read().iter().find(fits).cloned()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<StoredTemplate>> {
        self.all.read().iter().find(|t| t.id == id).cloned()
    }

    /// Those for which `wanted` holds, in the order of creation.
    pub(crate) fn list(&self, wanted: impl Fn(&StoredTemplate) -> bool) -> Vec<Arc<StoredTemplate>> {
        self.all.read().iter().filter(|t| wanted(t)).cloned().collect()
    }

    /// Changes one template. `None` if there is none with this id.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut StoredTemplate)) -> Option<Arc<StoredTemplate>> {
        let mut all = self.all.write();
        let template = all.iter_mut().find(|t| t.id == id)?;
        change(Arc::make_mut(template));
        Some(template.clone())
    }

    /// Removes those for which `doomed` holds.
    pub(crate) fn remove(&self, doomed: impl Fn(&StoredTemplate) -> bool) -> Vec<Arc<StoredTemplate>> {
        self.all.write().extract_if(.., |t| doomed(t)).collect()
    }
}
