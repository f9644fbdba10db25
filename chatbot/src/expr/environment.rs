//! The MiniJinja environments: limits, how values are printed, where output stops.

use std::io;
use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior};

use super::filters;
use crate::caps;

/// What a missing value does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Empty in texts, false in conditions.
    #[default]
    Empty,
    /// An error of the node.
    Error,
    /// An error, null too, but false in conditions: for texts that go to other programs.
    Refuse,
}

impl Missing {
    /// The shared environment in which bare expressions are compiled.
    pub(crate) fn environment(self) -> &'static Environment<'static> {
        static EMPTY: LazyLock<Environment<'static>> = LazyLock::new(|| configured(Missing::Empty));
        static ERROR: LazyLock<Environment<'static>> = LazyLock::new(|| configured(Missing::Error));
        static REFUSE: LazyLock<Environment<'static>> = LazyLock::new(|| configured(Missing::Refuse));
        match self {
            Missing::Empty => &EMPTY,
            Missing::Error => &ERROR,
            Missing::Refuse => &REFUSE,
        }
    }
}

/// An environment with our limits, filters and way of printing.
pub(crate) fn configured(missing: Missing) -> Environment<'static> {
    let mut env = Environment::new();
    // Only the checker needs the places of errors; they come with debug mode, whose cost is paid
    // when an error is made, not when a text runs.
    env.set_debug(true);
    env.set_fuel(Some(caps::TEMPLATE_FUEL));
    env.set_recursion_limit(caps::TEMPLATE_DEPTH);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_undefined_behavior(match missing {
        Missing::Empty => UndefinedBehavior::Chainable,
        Missing::Error => UndefinedBehavior::Strict,
        Missing::Refuse => UndefinedBehavior::SemiStrict,
    });
    match missing {
        Missing::Refuse => env.set_formatter(write_present),
        Missing::Empty | Missing::Error => env.set_formatter(write_value),
    }
    filters::install(&mut env);
    env
}

/// In texts for other programs null is as missing as what is not there.
fn write_present(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() || value.is_none() {
        return Err(minijinja::Error::new(minijinja::ErrorKind::UndefinedError, "a value is missing"));
    }
    write_value(out, state, value)
}

fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(minijinja::ErrorKind::UndefinedError.into());
    }
    if let Some(text) = value.as_str() {
        return out.write_str(text).map_err(minijinja::Error::from);
    }
    match scalar(value) {
        Some(text) => out.write_str(&text).map_err(minijinja::Error::from),
        None => {
            let text = nested(value).ok_or_else(too_long)?;
            state.consume_fuel(text.len() as u64 / 64)?;
            out.write_str(&text).map_err(minijinja::Error::from)
        }
    }
}

fn too_long() -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "the value is too long to print")
}

/// Prints a value as a person would write it: null and missing as nothing, booleans in lower case,
/// whole floats without `.0`, lists joined by commas, maps as JSON. `None` if it is over the cap.
pub(crate) fn print(value: &Value) -> Option<String> {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None => match scalar(value) {
            Some(text) => text,
            None => nested(value)?,
        },
    };
    (text.len() <= caps::MAX_TEMPLATE_OUTPUT).then_some(text)
}

fn scalar(value: &Value) -> Option<String> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Some(String::new()),
        ValueKind::Bool => Some(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Some(number(value)),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => None,
        _ => Some(value.to_string()),
    }
}

fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() && float.fract() == 0.0 && float.abs() < 1e15 => {
            format!("{float:.0}")
        }
        _ => value.to_string(),
    }
}

fn nested(value: &Value) -> Option<String> {
    if value.kind() == ValueKind::Map {
        let json = super::to_json(value).ok()?;
        let text = json.to_string();
        return (text.len() <= caps::MAX_TEMPLATE_OUTPUT).then_some(text);
    }
    let mut out = String::new();
    for item in value.try_iter().ok()? {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&print(&item)?);
        if out.len() > caps::MAX_TEMPLATE_OUTPUT {
            return None;
        }
    }
    Some(out)
}

/// A writer that stops at the cap of one template.
#[derive(Default)]
pub(crate) struct Capped {
    bytes: Vec<u8>,
    full: bool,
}

impl Capped {
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn into_text(self) -> Result<String, String> {
        String::from_utf8(self.bytes).map_err(|error| error.to_string())
    }
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > caps::MAX_TEMPLATE_OUTPUT {
            self.full = true;
            return Err(io::Error::other("the template prints too much"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
