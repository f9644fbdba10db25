//! WhatsApp Flows of a bot: `flows: {name: {id, name, file, json, meta, token, on, budget_ms, fallback, cache}}`.
//!
//! A `flow` node sends one by Meta's `id` or by its `name` at Meta. The logic of an endpoint (`on`) is held against the
//! format here; it does not run yet.

use std::collections::BTreeMap;

use super::read::{At, Reader};
use crate::explain;
use crate::tree::Kind;
use whatsapp::message::FlowTarget;

/// Steps of a handler that answer, and those that do not.
const ANSWERS: &[&str] = &["show", "error", "finish"];
const STEPS: &[&str] = &["require", "http", "set", "match", "show", "error", "finish"];
/// Milliseconds that an endpoint may be told to take; Meta waits no longer than 10 s.
const MOST_BUDGET_MS: u32 = 8_000;
/// Longest local name.
const LONGEST_NAME: usize = 64;

/// A Flow.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// How Meta knows it; `None` if nobody knows yet.
    pub(crate) target: Option<FlowTarget>,
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeMap<String, Flow> {
    let mut flows = BTreeMap::new();
    for (entry, at) in reader.entries(at) {
        let shaped = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if entry.key.is_empty() || entry.key.chars().count() > LONGEST_NAME || !entry.key.chars().all(shaped) {
            let message = format!("`{}` cannot be the name of a Flow", entry.key);
            reader.report_span(explain::BAD_NAME, entry.key_span.clone(), &at.pointer, message);
        }
        flows.extend(read_one(reader, &at).map(|flow| (entry.key.clone(), flow)));
    }
    flows
}

fn read_one(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Flow> {
    let keys = ["id", "name", "file", "json", "meta", "token", "on", "budget_ms", "fallback", "cache"];
    let fields = reader.fields(at, &keys)?;
    let text = |reader: &mut Reader<'_>, key: &str| {
        let at = fields.get(key)?;
        let text = reader.text(&at)?;
        if text.trim().is_empty() {
            reader.report(explain::WRONG_VALUE, &at, format!("`{key}` is empty"));
        }
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let (id, name) = (text(reader, "id"), text(reader, "name"));
    if let (Some(file), Some(_)) = (fields.get("file"), fields.get("json")) {
        reader.report(explain::WRONG_VALUE, &file, "a Flow has a `file` or its `json`, not both");
    }
    if let Some(at) = fields.get("file") {
        let path = reader.text(&at)?;
        let below = !path.starts_with('/') && !path.split('/').any(|part| part == ".." || part.is_empty());
        if !below || !path.ends_with(".json") {
            reader.report(explain::FILE, &at, format!("`{path}` is not a JSON file below the folder of the bot"));
        }
    }
    for key in ["json", "meta", "cache", "fallback"] {
        if let Some(at) = fields.get(key) {
            reader.entries(&at);
        }
    }
    if let Some(inner) = fields.get("token").and_then(|at| reader.fields(&at, &["ttl", "single_use"])) {
        inner.get("ttl").and_then(|at| reader.duration_ms(&at));
        inner.get("single_use").and_then(|at| reader.flag(&at));
    }
    if let Some(at) = fields.get("budget_ms") {
        reader.count(&at, 1, MOST_BUDGET_MS);
    }
    if let Some(at) = fields.get("on") {
        read_handlers(reader, &at);
    }
    let target = id.map(FlowTarget::Id).or(name.map(FlowTarget::Name));
    Some(Flow { target })
}

/// `{init, submit: {SCREEN}, back: {SCREEN}, error}`.
fn read_handlers(reader: &mut Reader<'_>, at: &At<'_>) {
    let Some(fields) = reader.fields(at, &["init", "submit", "back", "error"]) else { return };
    for key in ["init", "error"] {
        if let Some(at) = fields.get(key) {
            read_steps(reader, &at);
        }
    }
    for key in ["submit", "back"] {
        let Some(at) = fields.get(key) else { continue };
        for (_, at) in reader.entries(&at) {
            read_steps(reader, &at);
        }
    }
}

/// A list of steps of which the last, and no other, answers.
fn read_steps(reader: &mut Reader<'_>, at: &At<'_>) {
    let steps = reader.list(at);
    let last = steps.len().saturating_sub(1);
    if steps.is_empty() && matches!(at.node.kind, Kind::List(_)) {
        reader.report(explain::WRONG_VALUE, at, "a handler needs at least the step that answers");
    }
    for (index, step) in steps.iter().enumerate() {
        let Some(fields) = reader.fields(step, STEPS) else { continue };
        let named: Vec<&str> = STEPS.iter().copied().filter(|key| fields.get(key).is_some()).collect();
        let [key] = named[..] else {
            reader.report(
                explain::WRONG_VALUE,
                step,
                "a step is exactly one of require, http, set, match, show, error, finish",
            );
            continue;
        };
        if ANSWERS.contains(&key) != (index == last) {
            let message = if index == last {
                "the last step of a handler is `show`, `error` or `finish`"
            } else {
                "nothing follows a step that answers"
            };
            reader.report(explain::WRONG_VALUE, step, message);
        }
    }
}
