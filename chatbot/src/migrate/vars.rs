//! Variables of a run in a version that declares them otherwise.
//!
//! What the new version does not declare stays: its nodes may set and read it all the same. A value that is not of the
//! new type becomes the default, or nothing. A variable that belongs to the person by now moves to them, and what is
//! new has its default.

use serde_json::Value;

use crate::bot::Bot;
use crate::bot::vars::Declared;
use crate::expr::scope::Home;
use crate::snapshot::{Run, Vars};
use crate::trace::Trace;
use crate::turn::shown;

pub(super) fn fit(new: &Bot, run: &mut Run, contact: &mut Vars, trace: &mut Vec<Trace>) {
    for (name, declared) in &new.vars {
        let own = run.vars.remove(name);
        let home = match declared.home {
            Home::Contact => &mut *contact,
            Home::Run => &mut run.vars,
        };
        // The person's own value stands; types of contact variables are not the run's to change.
        if let Some(theirs) = home.get(name).filter(|value| !value.is_null()) {
            if own.is_some() {
                note(trace, name, own, Some(theirs.clone()));
            }
            continue;
        }
        let value = own.clone().and_then(|value| declared.fit(value).ok()).or_else(|| declared.default.clone());
        if let Some(value) = value.clone() {
            home.insert(name.clone(), value);
        }
        note(trace, name, own, value);
    }
    for frame in &mut run.frames {
        for (name, value) in &mut frame.before {
            if let Some(declared) = new.vars.get(name) {
                *value = fitted(declared, value);
            }
        }
    }
}

fn fitted(declared: &Declared, value: &Value) -> Value {
    declared.fit(value.clone()).ok().or_else(|| declared.default.clone()).unwrap_or_default()
}

fn note(trace: &mut Vec<Trace>, name: &str, before: Option<Value>, after: Option<Value>) {
    let (before, after) = (before.filter(|value| !value.is_null()), after.unwrap_or_default());
    if before.as_ref().unwrap_or(&Value::Null) != &after {
        trace.push(Trace::Set { name: name.to_owned(), before: before.map(shown), after: shown(after) });
    }
}
