//! The state of a conversation between turns. Serde both ways in JSON and named MessagePack;
//! the caller puts its version byte in front.

pub(crate) mod form;
mod given_up;
mod handed;
mod join;
mod rewind;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expr::scope::json_bytes;
use crate::http::HttpCall;
use crate::input::Incoming;
pub(crate) use form::Form;
pub use given_up::GivenUp;
pub use handed::{HandOver, Priority};

/// Variables by name, in name order, so that equal states are equal bytes.
pub type Vars = BTreeMap<String, Value>;

/// What is kept of a conversation between turns.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Debug)]
pub struct Snapshot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Run>,
    /// Variables of scope `contact`: they outlive runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) contact: Vars,
    /// What bots noted of the person; it outlives runs.
    #[serde(default, skip_serializing_if = "Person::is_empty")]
    pub(crate) person: Person,
    /// Texts that wait for more to follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) burst: Option<Box<Burst>>,
    /// The id of the person's last message; `None` for one who never wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
    /// When the person last wrote, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wrote_ms: Option<u64>,
    /// When triggers that time fires are due; `None` for one that has fired in this service window.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) timed: BTreeMap<String, Option<u64>>,
    /// Forms that were sent and have not come back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) forms: Vec<Form>,
}

/// Texts that came one after the other and are read as one.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Burst {
    /// The last of them, with the text of all.
    pub(crate) message: Incoming,
    pub(crate) messages: u32,
    /// When nothing more is waited for.
    pub(crate) due_ms: u64,
    /// The person never wrote before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) first: bool,
}

/// What bots noted of a person.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Debug)]
#[serde(default)]
pub(crate) struct Person {
    /// `contact.<name>`; `name` and `language` stand before what the profile says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: Vars,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) labels: BTreeSet<String>,
    /// By purpose, such as `marketing`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) consent: BTreeMap<String, Consent>,
}

/// What a person agreed to, or not.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consent {
    /// Agreed.
    pub given: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Person {
    pub(crate) fn as_json(&self) -> Value {
        let consent: Value =
            self.consent.iter().map(|(name, consent)| (name.clone(), Value::Bool(consent.given))).collect();
        let mut all: serde_json::Map<_, _> = self.fields.clone().into_iter().collect();
        all.insert("labels".to_owned(), self.labels.iter().cloned().collect());
        all.insert("consent".to_owned(), consent);
        Value::Object(all)
    }

    fn is_empty(&self) -> bool {
        *self == Person::default()
    }
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) bot: String,
    pub(crate) version: String,
    pub(crate) started_ms: u64,
    pub(crate) turns: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) vars: Vars,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wait: Option<Wait>,
    /// Calls and loops that are open, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) frames: Vec<Frame>,
    /// `on_idle` has run and the person has not written since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) idled: bool,
    /// Calls of other programs so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) calls: u32,
    /// When `max_age` ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_ms: Option<u64>,
}

/// A call or a loop that is open.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Frame {
    pub(crate) node: String,
    /// What its variables were before; null if they had no value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) before: Vars,
    /// The elements that a loop has yet to take, the last one first; `None` for a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rest: Option<Vec<Value>>,
}

/// A run that waits for the person at a node.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Wait {
    pub(crate) node: String,
    /// When the node's own `timeout` is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// When `idle_timeout` is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_ms: Option<u64>,
    /// Wrong answers so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) tries: u32,
    /// The page of a menu that is shown, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) page: u32,
    /// What a menu offered, where that depends on variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offered: Option<Vec<Offered>>,
    /// A human answers in the bot's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handed_over: Option<Box<HandOver>>,
    /// The call of another program whose result is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<Box<Calling>>,
    /// The token of the form that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<String>,
}

/// A call that was ordered.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Calling {
    pub(crate) call: HttpCall,
    /// How often.
    pub(crate) orders: u32,
}

/// One option as the person saw it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub(crate) struct Offered {
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What `save` gets.
    #[serde(default)]
    pub(crate) value: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) synonyms: Vec<String>,
}

impl Offered {
    /// What it takes in a state, about.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.description.iter().chain(&self.synonyms).map(String::len).sum::<usize>();
        self.id.len() + self.title.len() + texts + json_bytes(&self.value)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde hands a reference
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Snapshot {
    /// When the conversation wants a [`crate::Input::Tick`], if ever.
    pub fn wake_ms(&self) -> Option<u64> {
        // The person has written: nothing times out before that is read.
        if let Some(burst) = &self.burst {
            return Some(burst.due_ms);
        }
        let timed = self.timed.values().copied().flatten().min();
        self.run_wake_ms().into_iter().chain(timed).min()
    }

    fn run_wake_ms(&self) -> Option<u64> {
        let run = self.run.as_ref()?;
        let wait = run.wait.as_ref()?;
        if let Some((form, _)) = form::ended(&self.forms, wait.form.as_deref()) {
            return Some(form.sent_ms);
        }
        // Nobody is cut off by the age of a run while a human answers.
        let expires_ms = run.expires_ms.filter(|_| wait.handed_over.is_none());
        [wait.timeout_ms, wait.idle_ms, expires_ms].into_iter().flatten().min()
    }

    /// Id and version of the bot that runs here; the shell hands `turn` exactly this version.
    pub fn bot(&self) -> Option<(&str, &str)> {
        self.run.as_ref().map(|run| (run.bot.as_str(), run.version.as_str()))
    }

    /// The node at which the run waits.
    pub fn node(&self) -> Option<&str> {
        Some(self.run.as_ref()?.wait.as_ref()?.node.as_str())
    }

    /// Whether a run waits, for the person or for something else.
    pub fn is_waiting(&self) -> bool {
        self.node().is_some()
    }

    /// Whether a run waits for what another program answers.
    pub fn is_calling(&self) -> bool {
        self.calling().is_some()
    }

    /// Whether a run waits for the result of the call with this id.
    pub fn waits_for_call(&self, id: &str) -> bool {
        self.calling().is_some_and(|calling| calling.call.id == id)
    }

    fn calling(&self) -> Option<&Calling> {
        self.run.as_ref()?.wait.as_ref()?.call.as_deref()
    }

    /// The variables of the run and of the contact, as one map; what bots noted of the person under `contact`.
    pub fn variables(&self) -> Value {
        let run = self.run.iter().flat_map(|run| &run.vars);
        let all = self.contact.iter().chain(run).map(|(name, value)| (name.clone(), value.clone()));
        let noted = (!self.person.is_empty()).then(|| ("contact".to_owned(), self.person.as_json()));
        Value::Object(all.chain(noted).collect())
    }

    /// What is left when the run is ended from outside, because it cannot go on: the contact's variables.
    pub fn without_run(&self) -> Self {
        let mut after = Self { run: None, burst: None, ..self.clone() };
        form::settle(&mut after.forms, None);
        after
    }

    /// The labels that bots gave the person, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.person.labels.iter().map(String::as_str)
    }

    /// Whether the person agreed to a purpose, such as `marketing`, if a bot ever noted it.
    pub fn consent(&self, purpose: &str) -> Option<Consent> {
        self.person.consent.get(purpose).copied()
    }

    /// The bot's name for the Flow of the form with this token, if it is known here.
    pub fn form_flow(&self, token: &str) -> Option<&str> {
        self.forms.iter().find(|form| form.token == token).map(|form| form.flow.as_str())
    }

    /// The id of the current run.
    pub fn run_id(&self) -> Option<&str> {
        self.run.as_ref().map(|run| run.id.as_str())
    }

    /// When the current run began, in milliseconds since 1970.
    pub fn started_ms(&self) -> Option<u64> {
        self.run.as_ref().map(|run| run.started_ms)
    }
}
