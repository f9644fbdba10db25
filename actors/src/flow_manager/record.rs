//! What is kept of each Flow: as Meta has it, and as a bot wants it.

use serde::{Deserialize, Serialize};
use whatsapp::graph::{FlowStatus, RemoteFlow, ValidationError};

use super::plan::Step;

/// Alerts of a Flow that are kept.
const MAX_ALERTS: usize = 20;
/// Flows that stood in a place before.
pub(super) const MAX_RETIRED: usize = 50;

/// A Flow of an account, as Meta had it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// The business account.
    pub account: Box<str>,
    /// As Meta has it.
    pub remote: RemoteFlow,
    /// When Meta no longer had it.
    pub removed_ms: Option<u64>,
    /// When it was put aside here: it is deprecated, and stays at Meta for ever.
    pub archived_ms: Option<u64>,
    /// When it was last heard where it stands.
    pub status_ms: u64,
    /// The digest of its JSON, when that was last read or written.
    pub json: Option<Box<str>>,
    /// What Meta reported, newest last.
    pub alerts: Vec<Alert>,
}

/// A report of Meta about a Flow in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Meta's word, such as `ENDPOINT_LATENCY`.
    pub kind: String,
    /// When Meta reported it.
    pub at_ms: u64,
    /// Begun (true) or over (false).
    pub active: Option<bool>,
    /// What was measured.
    pub measured: Option<f64>,
    /// The limit that it passed.
    pub threshold: Option<f64>,
    /// In words.
    pub message: Option<String>,
}

/// A Flow that a bot brought: by its name, whichever Flow stands for it at Meta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The business account.
    pub account: Box<str>,
    /// The name that the bot wants it to have at Meta.
    pub name: Box<str>,
    /// The bot.
    pub bot: Box<str>,
    /// Its name under `flows` there.
    pub local: Box<str>,
    /// Where its JSON lies, for people.
    pub origin: Option<Box<str>>,
    /// Meta's id of the Flow that stands for it.
    pub id: Option<Box<str>>,
    /// Whether it was created from here.
    pub made_here: bool,
    /// What was last given to Meta.
    pub pushed: Option<Pushed>,
    /// The Flow (by id) that Meta did not let change.
    pub unchangeable: Option<Box<str>>,
    /// Ids of Flows that stood for it before, oldest first.
    pub retired: Vec<Box<str>>,
    /// What was asked for, and of which it is not known what came of it.
    pub begun: Option<Begun>,
    /// What Meta does not like about the JSON that it was given last.
    pub findings: Vec<ValidationError>,
    /// Why the last change failed.
    pub problem: Option<String>,
    /// Whether an edit took it out of use, and it is not published again.
    #[serde(default)]
    pub out_of_use: bool,
}

/// A JSON that Meta was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Its digest.
    pub json: Box<str>,
    /// When.
    pub at_ms: u64,
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Which.
    pub step: Step,
    /// Meta's id of the Flow that it changes.
    #[serde(default)]
    pub flow: Option<Box<str>>,
    /// When.
    pub at_ms: u64,
    /// The name that a new Flow gets.
    pub new_name: Option<Box<str>>,
}

impl Flow {
    pub(super) fn new(account: &str, remote: RemoteFlow, now_ms: u64) -> Self {
        Self {
            account: account.into(),
            remote,
            removed_ms: None,
            archived_ms: None,
            status_ms: now_ms,
            json: None,
            alerts: Vec::new(),
        }
    }

    /// Whether Meta has it.
    pub fn is_there(&self) -> bool {
        self.removed_ms.is_none()
    }

    /// Whether it can be sent to people.
    pub fn is_in_use(&self) -> bool {
        self.is_there() && matches!(self.remote.status, FlowStatus::Published | FlowStatus::Throttled)
    }

    pub(super) fn key(&self) -> Box<str> {
        flow_key(&self.account, &self.remote.id)
    }

    pub(super) fn note(&mut self, alert: Alert) {
        self.alerts.push(alert);
        let surplus = self.alerts.len().saturating_sub(MAX_ALERTS);
        self.alerts.drain(..surplus);
    }
}

impl Place {
    pub(super) fn new(account: &str, name: &str) -> Self {
        Self {
            account: account.into(),
            name: name.into(),
            bot: Box::default(),
            local: Box::default(),
            origin: None,
            id: None,
            made_here: false,
            pushed: None,
            unchangeable: None,
            retired: Vec::new(),
            begun: None,
            findings: Vec::new(),
            problem: None,
            out_of_use: false,
        }
    }

    pub(super) fn key(&self) -> Box<str> {
        flow_key(&self.account, &self.name)
    }

    /// The Flows that stand or stood for it, newest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.id.iter().chain(self.retired.iter().rev()).map(|id| &**id)
    }

    /// Whether a Flow of this name was about to be created from here.
    pub(super) fn was_making(&self, name: &str) -> bool {
        let making = |begun: &Begun| match begun.step {
            Step::Create => *self.name == *name,
            Step::Clone => begun.new_name.as_deref() == Some(name),
            _ => false,
        };
        self.begun.as_ref().is_some_and(making)
    }

    /// Whether a Flow was about to get its JSON from here.
    pub(super) fn is_filling(&self) -> bool {
        self.begun.as_ref().is_some_and(|begun| matches!(begun.step, Step::Create | Step::Clone | Step::Json))
    }

    /// A Flow of it is deleted. Where it stood for the place, the one before it does so again.
    pub(super) fn lose(&mut self, id: &str) {
        self.retired.retain(|retired| **retired != *id);
        if self.id.as_deref() == Some(id) {
            (self.id, self.pushed) = (self.retired.pop(), None);
            self.findings.clear();
        }
    }

    /// Another Flow takes the place.
    pub(super) fn stand(&mut self, id: &str) {
        if let Some(before) = self.id.take().filter(|before| **before != *id) {
            self.retired.push(before);
            let surplus = self.retired.len().saturating_sub(MAX_RETIRED);
            self.retired.drain(..surplus);
        }
        self.id = Some(id.into());
    }
}

pub(super) fn flow_key(account: &str, rest: &str) -> Box<str> {
    format!("{account}/{rest}").into()
}
