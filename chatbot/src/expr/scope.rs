//! What expressions see: the bot's variables and the fixed names, converted only when read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Object, Value};
use serde_json::{Value as Json, json};

use super::to_value;
use crate::bot::Bot;
use crate::hours::Hours;
use crate::input::{ContactView, Given, Input, NumberView};
use crate::snapshot::{Person, Snapshot, Vars};

/// Names that every expression sees beside the bot's own variables. `value` is the answer under
/// test in `check`, `item` an element of `options_from`.
pub(crate) const FIXED: &[&str] =
    &["input", "contact", "run", "number", "now", "value", "item", "business_hours", "secret"];

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
    customer_phone: bool,
    business_hours: Option<Json>,
}

#[derive(Debug, Default)]
struct State {
    run: Vars,
    contact: Vars,
    person: Person,
    input: Option<Json>,
    about_run: Json,
    local: Option<(&'static str, Value)>,
    /// What handlers of forms see before everything else.
    seen: Vars,
    cache: HashMap<String, Value>,
}

impl Scope {
    pub(crate) fn new(run: Vars, before: &Snapshot, input: &Input, given: &Given<'_>, bot: &Bot) -> Self {
        let facts = Facts {
            now_ms: given.now_ms,
            contact: given.contact.clone(),
            number: given.number.clone(),
            customer_phone: bot.imported,
            business_hours: bot.policies.hours.as_ref().map(|hours| about_hours(hours, given.now_ms)),
        };
        let (contact, person) = (before.contact.clone(), before.person.clone());
        let state = State { run, contact, person, input: input.as_json(), ..State::default() };
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
        let noted = state.person.fields.iter().map(|(key, value)| key.len() + json_bytes(value)).sum::<usize>();
        all.filter(|(key, _)| key.as_str() != name).map(|(key, value)| key.len() + json_bytes(value)).sum::<usize>()
            + noted
    }

    pub(crate) fn set(&self, home: Home, name: &str, value: Json) {
        let mut state = self.view.state();
        state.cache.remove(name);
        state.vars_mut(home).insert(name.to_owned(), value);
    }

    /// Gives a variable its former value; null takes it away.
    pub(crate) fn put_back(&self, home: Home, name: &str, value: Json) {
        let mut state = self.view.state();
        state.cache.remove(name);
        match value {
            Json::Null => state.vars_mut(home).remove(name),
            value => state.vars_mut(home).insert(name.to_owned(), value),
        };
    }

    pub(crate) fn set_input(&self, input: Json) {
        let mut state = self.view.state();
        state.cache.remove("input");
        state.input = Some(input);
    }

    /// What a name is for the handlers of a form; nothing takes it away.
    pub(crate) fn see(&self, name: &str, value: Option<Json>) {
        let mut state = self.view.state();
        state.cache.remove(name);
        match value {
            Some(value) => drop(state.seen.insert(name.to_owned(), value)),
            None => drop(state.seen.remove(name)),
        }
    }

    /// What bots noted of the person.
    pub(crate) fn person(&self) -> Person {
        self.view.state().person.clone()
    }

    /// `contact.language`, if a bot noted one.
    pub(crate) fn language(&self) -> Option<String> {
        let state = self.view.state();
        Some(state.person.fields.get("language")?.as_str()?.to_owned())
    }

    pub(crate) fn set_person(&self, person: Person) {
        let mut state = self.view.state();
        state.cache.remove("contact");
        state.person = person;
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

    /// Takes the variables back after the turn: of the run, of the contact, and what was noted of the person.
    pub(crate) fn take(&self) -> (Vars, Vars, Person) {
        let mut state = self.view.state();
        state.cache.clear();
        (std::mem::take(&mut state.run), std::mem::take(&mut state.contact), std::mem::take(&mut state.person))
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
        let own = state.seen.get(name).or_else(|| state.run.get(name));
        let value = match own.or_else(|| state.contact.get(name)) {
            Some(json) => to_value(json),
            None if name == "run" => to_value(&state.about_run),
            None if name == "input" => to_value(state.input.as_ref()?),
            None if name == "contact" => to_value(&self.facts.contact(&state.person)),
            None => to_value(&self.facts.get(name)?),
        };
        state.cache.insert(name.to_owned(), value.clone());
        Some(value)
    }
}

impl Facts {
    /// What the profile says, and what bots noted before it.
    fn contact(&self, person: &Person) -> Json {
        let (mut all, noted) = (self.contact.as_json(), person.as_json());
        if let (Json::Object(all), Json::Object(noted)) = (&mut all, noted) {
            all.extend(noted);
        }
        all
    }

    fn get(&self, name: &str) -> Option<Json> {
        match name {
            "number" => Some(json!({ "id": self.number.id, "display": self.number.display })),
            "now" => Some(Json::String(rfc3339(self.now_ms))),
            "business_hours" => self.business_hours.clone(),
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

fn about_hours(hours: &Hours, now_ms: u64) -> Json {
    let opens_ms = hours.next_open_ms(now_ms);
    json!({ "open": opens_ms == Some(now_ms), "opens_at": opens_ms.map(rfc3339) })
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

/// Whether lists and maps lie in each other on more levels than this. Looks no deeper.
pub(crate) fn is_deeper(value: &Json, levels: usize) -> bool {
    let below = |inner: &Json| levels == 0 || is_deeper(inner, levels - 1);
    match value {
        Json::Array(items) => levels == 0 || items.iter().any(below),
        Json::Object(entries) => levels == 0 || entries.values().any(below),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// An instant in UTC, as `2026-11-22T10:00:00Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Values by name, for a trace.
pub(crate) fn read_all(scope: &Scope, names: &[String]) -> BTreeMap<String, Json> {
    names.iter().map(|name| (name.clone(), crate::turn::shown(scope.read(name)))).collect()
}
