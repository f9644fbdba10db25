//! The forms of the phones: which messages open one, and how far each that was opened has come.

mod answer;
pub(crate) mod files;
mod resolve;
mod view;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::flows::json::{FlowJson, Screen};
use crate::flows::keys::NumberKey;
use crate::graph::Opening;
use crate::phone::PhoneError;
pub(crate) use answer::{Action, Step, apply};
pub(crate) use resolve::resolve;
pub use view::{FormFlow, FormInput, FormProblem, FormState, FormView};

/// Messages with a form that are remembered.
const MAX_SENT: usize = 10_000;
/// Forms that are remembered, open or not.
const MAX_FORMS: usize = 1_000;
/// Screens that a person can go back by.
pub(crate) const MAX_BACK: usize = 100;

/// A message that opens a form.
#[derive(Debug)]
pub(crate) struct SentForm {
    pub(crate) phone: usize,
    pub(crate) wamid: String,
    pub(crate) phone_number_id: String,
    pub(crate) opening: Opening,
    /// Its endpoint said that the token is dead: the button does nothing any more.
    pub(crate) dead: AtomicBool,
}

impl SentForm {
    pub(crate) fn json(&self) -> Option<&FlowJson> {
        self.opening.content.as_ref()?.json.as_ref()
    }
}

/// Where a form stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    Open,
    /// Sent off, with what went into the reply.
    Done {
        params: Map<String, Value>,
        reply: String,
    },
    Closed,
}

/// A form on a phone.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) sent: Arc<SentForm>,
    /// The public key as the phone read it last.
    pub(crate) key: Option<NumberKey>,
    pub(crate) screen: String,
    pub(crate) data: Map<String, Value>,
    /// The screens behind this one.
    pub(crate) back: Vec<(String, Map<String, Value>)>,
    /// What each screen showed last, this one included.
    pub(crate) seen: BTreeMap<String, Map<String, Value>>,
    /// What was filled in, by screen.
    pub(crate) values: BTreeMap<String, Map<String, Value>>,
    pub(crate) error_message: Option<String>,
    pub(crate) stage: Stage,
    pub(crate) problem: Option<FormProblem>,
    busy: bool,
}

impl Form {
    fn new(id: String, sent: Arc<SentForm>, key: Option<NumberKey>) -> Self {
        Self {
            id,
            sent,
            key,
            screen: String::new(),
            data: Map::new(),
            back: Vec::new(),
            seen: BTreeMap::new(),
            values: BTreeMap::new(),
            error_message: None,
            stage: Stage::Open,
            problem: None,
            busy: false,
        }
    }

    /// Shows a screen; whatever went wrong before is forgotten.
    pub(crate) fn show(&mut self, screen: &str, data: Map<String, Value>) {
        self.seen.insert(screen.to_owned(), data.clone());
        screen.clone_into(&mut self.screen);
        (self.data, self.error_message, self.problem) = (data, None, None);
    }

    /// The screen on show, which a caller must name so that no stale page acts.
    pub(crate) fn on(&self, screen: &str) -> Result<&Screen, PhoneError> {
        if self.screen != screen {
            let why = format!("form {} shows screen {}, not {screen}", self.id, self.screen);
            return Err(PhoneError::NotNow(why));
        }
        let found = self.sent.json().and_then(|json| json.screen(screen));
        found.ok_or_else(|| PhoneError::Invalid(format!("the Flow has no screen {screen}")))
    }
}

/// All forms.
#[derive(Default)]
pub(crate) struct Forms {
    state: Mutex<State>,
    pub(crate) files: files::Files,
}

#[derive(Default)]
struct State {
    sent: HashMap<String, Arc<SentForm>, RandomState>,
    sent_order: VecDeque<String>,
    forms: VecDeque<Form>,
    opened: u64,
}

impl Forms {
    /// Remembers a message that opens a form; the oldest is forgotten when there are too many.
    pub(crate) fn sent(&self, sent: SentForm) {
        let mut state = self.state.lock();
        if state.sent_order.len() == MAX_SENT
            && let Some(oldest) = state.sent_order.pop_front()
        {
            state.sent.remove(&oldest);
        }
        state.sent_order.push_back(sent.wamid.clone());
        state.sent.insert(sent.wamid.clone(), Arc::new(sent));
    }

    pub(crate) fn of_message(&self, wamid: &str) -> Option<Arc<SentForm>> {
        self.state.lock().sent.get(wamid).cloned()
    }

    /// A new form, at work until it is dropped.
    pub(crate) fn open(&self, sent: Arc<SentForm>, key: Option<NumberKey>) -> Held<'_> {
        let mut state = self.state.lock();
        state.opened += 1;
        let mut form = Form::new(format!("form{}", state.opened), sent, key);
        form.busy = true;
        if state.forms.len() == MAX_FORMS {
            state.forms.pop_front();
        }
        state.forms.push_back(form.clone());
        Held { forms: self, form }
    }

    pub(crate) fn get(&self, id: &str) -> Result<Form, PhoneError> {
        let state = self.state.lock();
        state.forms.iter().find(|form| form.id == id).cloned().ok_or_else(|| PhoneError::NoForm(id.to_owned()))
    }

    /// The forms of a phone, newest first.
    pub(crate) fn of_phone(&self, phone: usize) -> Vec<Form> {
        self.state.lock().forms.iter().rev().filter(|form| form.sent.phone == phone).cloned().collect()
    }

    /// Takes an open form to act on it: one act at a time.
    pub(crate) fn take(&self, id: &str) -> Result<Held<'_>, PhoneError> {
        let mut state = self.state.lock();
        let form = state.forms.iter_mut().find(|form| form.id == id);
        let form = form.ok_or_else(|| PhoneError::NoForm(id.to_owned()))?;
        if form.busy {
            return Err(PhoneError::NotNow(format!("form {id} still waits for an answer")));
        }
        if form.stage != Stage::Open {
            return Err(PhoneError::NotNow(format!("form {id} is closed")));
        }
        form.busy = true;
        Ok(Held { forms: self, form: form.clone() })
    }

    /// Closes a form, also one that waits for an answer.
    pub(crate) fn close(&self, id: &str) -> Result<Form, PhoneError> {
        let mut state = self.state.lock();
        let form = state.forms.iter_mut().find(|form| form.id == id);
        let form = form.ok_or_else(|| PhoneError::NoForm(id.to_owned()))?;
        if form.stage == Stage::Open {
            form.stage = Stage::Closed;
        }
        Ok(form.clone())
    }

    pub(crate) fn forget(&self, phone: usize) {
        let mut state = self.state.lock();
        state.forms.retain(|form| form.sent.phone != phone);
        state.sent.retain(|_, sent| sent.phone != phone);
        let State { sent, sent_order, .. } = &mut *state;
        sent_order.retain(|wamid| sent.contains_key(wamid));
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state.lock();
        (state.sent, state.sent_order, state.forms) = Default::default();
        self.files.clear();
    }
}

/// A form at work. It goes back when this is dropped, so that an act which nobody waits for any more leaves none stuck.
pub(crate) struct Held<'a> {
    forms: &'a Forms,
    pub(crate) form: Form,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.forms.state.lock();
        let Some(kept) = state.forms.iter_mut().find(|form| form.id == self.form.id) else { return };
        let closed = kept.stage == Stage::Closed;
        *kept = self.form.clone();
        kept.busy = false;
        // Closed while it waited: what came is not shown.
        if closed && kept.stage == Stage::Open {
            kept.stage = Stage::Closed;
        }
    }
}

/// Marks a message's form as dead.
pub(crate) fn kill(sent: &SentForm) {
    sent.dead.store(true, Ordering::Release);
}
