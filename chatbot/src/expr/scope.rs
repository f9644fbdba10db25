//! What expressions see: the bot's variables and the fixed names, converted only when read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Object, Value};
use serde_json::{Value as Json, json};

use super::to_value;
use crate::input::{ContactView, Given, Input, NumberView};
use crate::snapshot::Vars;

/// Names that every expression sees beside the bot's own variables. `value` is the answer under
/// test in `check`, `item` an element of `options_from`.
pub(crate) const FIXED: &[&str] = &["input", "contact", "run", "number", "now", "value", "item"];

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Run,
    Contact,
}

/// The variables and facts of one turn. Cheap to hand to each template.
pub(crate) struct Scope {
    view: Arc<View>,
}

#[derive(Debug)]
struct View {
    state: Mutex<State>,
    facts: Facts,
}

#[derive(Debug)]
struct Facts {
    now_ms: u64,
    contact: ContactView,
    number: NumberView,
    input: Option<Json>,
    customer_phone: bool,
}

#[derive(Debug, Default)]
struct State {
    run: Vars,
    contact: Vars,
    about_run: Json,
    local: Option<(&'static str, Value)>,
    cache: HashMap<String, Value>,
}

impl Scope {
    pub(crate) fn new(run: Vars, contact: Vars, input: &Input, given: &Given<'_>, customer_phone: bool) -> Self {
        let facts = Facts {
            now_ms: given.now_ms,
            contact: given.contact.clone(),
            number: given.number.clone(),
            input: input.as_json(),
            customer_phone,
        };
        let state = State { run, contact, ..State::default() };
        Self { view: Arc::new(View { state: Mutex::new(state), facts }) }
    }

    /// The value that is handed to MiniJinja.
    pub(crate) fn context(&self) -> Value {
        Value::from_dyn_object(DynObject::new(Arc::clone(&self.view)))
    }

    /// Reads a dotted name as JSON, for traces.
    pub(crate) fn read(&self, dotted: &str) -> Json {
        let mut parts = dotted.split('.');
        let Some(value) = parts.next().and_then(|root| self.view.lookup(root)) else { return Json::Null };
        let value = parts.try_fold(value, |value, part| value.get_attr(part).ok());
        value.and_then(|value| super::to_json(&value).ok()).unwrap_or(Json::Null)
    }

    pub(crate) fn variable(&self, home: Home, name: &str) -> Option<Json> {
        let state = self.view.state();
        state.vars(home).get(name).cloned()
    }

    /// Bytes of all variables as JSON, without `name`.
    pub(crate) fn bytes_without(&self, name: &str) -> usize {
        let state = self.view.state();
        let all = state.run.iter().chain(&state.contact);
        all.filter(|(key, _)| key.as_str() != name).map(|(key, value)| key.len() + json_bytes(value)).sum()
    }

    pub(crate) fn set(&self, home: Home, name: &str, value: Json) {
        let mut state = self.view.state();
        state.cache.remove(name);
        state.vars_mut(home).insert(name.to_owned(), value);
    }

    /// Says what `run` is.
    pub(crate) fn describe_run(&self, about_run: Json) {
        self.view.state().about_run = about_run;
    }

    /// Starts a run: its variables replace the old ones, the contact's stay.
    pub(crate) fn begin_run(&self, vars: Vars, about_run: Json) {
        let mut state = self.view.state();
        state.cache.clear();
        state.run = vars;
        state.about_run = about_run;
    }

    /// Binds `value` or `item` while `f` runs.
    pub(crate) fn with_local<T>(&self, name: &'static str, value: &Json, f: impl FnOnce(&Self) -> T) -> T {
        self.view.state().local = Some((name, to_value(value)));
        let result = f(self);
        self.view.state().local = None;
        result
    }

    /// Takes the variables back after the turn.
    pub(crate) fn take(&self) -> (Vars, Vars) {
        let mut state = self.view.state();
        state.cache.clear();
        (std::mem::take(&mut state.run), std::mem::take(&mut state.contact))
    }
}

impl State {
    fn vars(&self, home: Home) -> &Vars {
        match home {
            Home::Run => &self.run,
            Home::Contact => &self.contact,
        }
    }

    fn vars_mut(&mut self, home: Home) -> &mut Vars {
        match home {
            Home::Run => &mut self.run,
            Home::Contact => &mut self.contact,
        }
    }
}

impl View {
    fn state(&self) -> MutexGuard<'_, State> {
        // The lock is never held across foreign code, so a poisoned one still holds sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        let mut state = self.state();
        if let Some((_, value)) = state.local.as_ref().filter(|(local, _)| *local == name) {
            return Some(value.clone());
        }
        if let Some(value) = state.cache.get(name) {
            return Some(value.clone());
        }
        let value = match state.run.get(name).or_else(|| state.contact.get(name)) {
            Some(json) => to_value(json),
            None if name == "run" => to_value(&state.about_run),
            None => to_value(&self.facts.get(name)?),
        };
        state.cache.insert(name.to_owned(), value.clone());
        Some(value)
    }
}

impl Facts {
    fn get(&self, name: &str) -> Option<Json> {
        match name {
            "input" => self.input.clone(),
            "contact" => Some(self.contact.as_json()),
            "number" => Some(json!({ "id": self.number.id, "display": self.number.display })),
            "now" => Some(Json::String(rfc3339(self.now_ms))),
            "customer_phone" if self.customer_phone => Some(self.contact.phone().into()),
            _ => None,
        }
    }
}

impl Object for View {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lookup(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.lookup(key)
    }
}

/// Bytes of a value as JSON, near enough to hold it against a cap.
pub(crate) fn json_bytes(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(n) => n.as_u64().map_or(20, |n| n.max(1).ilog10() as usize + 1),
        Json::String(text) => text.len() + 2,
        Json::Array(items) => 2 + items.iter().map(|item| json_bytes(item) + 1).sum::<usize>(),
        Json::Object(entries) => 2 + entries.iter().map(|(key, item)| key.len() + 4 + json_bytes(item)).sum::<usize>(),
    }
}

/// An instant in UTC, as `2026-11-22T10:00:00Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Values by name, for a trace.
pub(crate) fn read_all(scope: &Scope, names: &[String]) -> BTreeMap<String, Json> {
    names.iter().map(|name| (name.clone(), scope.read(name))).collect()
}
