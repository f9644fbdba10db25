//! WhatsApp Flows of a bot: `flows: {name: {id, name, file, json, meta, token, on, budget_ms, fallback}}`.
//!
//! A `flow` node sends one by Meta's `id`, or by its name at Meta: `name`, else `meta.name`, else `<bot>_<flow>` for one
//! whose Flow JSON is here. The logic of its endpoint (`on`, `fallback`) is read by [`crate::form::read`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use whatsapp::flow::json::FlowJson;
use whatsapp::message::FlowTarget;

use super::read::{At, Fields, Reader};
use crate::caps;
use crate::explain;
use crate::message::shape::Place;

pub(crate) const KEYS: &[&str] = &["id", "name", "file", "json", "meta", "token", "on", "budget_ms", "fallback"];

/// Meta's categories of Flows.
pub const CATEGORIES: &[&str] = &[
    "SIGN_UP",
    "SIGN_IN",
    "APPOINTMENT_BOOKING",
    "LEAD_GENERATION",
    "CONTACT_US",
    "CUSTOMER_SUPPORT",
    "SURVEY",
    "OTHER",
];
/// Longest local name.
const LONGEST_NAME: usize = 64;

/// A Flow.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// How Meta knows it; `None` if nobody knows yet.
    pub(crate) target: Option<FlowTarget>,
    /// Its name at Meta.
    pub(crate) title: String,
    pub(crate) categories: Vec<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) screens: Option<Arc<Screens>>,
    /// How long a token is good, where the Flow says so.
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) single_use: bool,
    /// Its endpoint is described here, and with what.
    pub(crate) handlers: bool,
    /// A phone that opens it may ask for the first screen.
    pub(crate) has_init: bool,
}

/// Flow JSON.
#[derive(Debug)]
pub(crate) struct Screens {
    pub(crate) value: Value,
    pub(crate) model: FlowJson,
}

/// A Flow of a bot, as whoever manages it at Meta needs it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BotFlow {
    /// The bot's own name for it.
    pub name: String,
    /// Meta's id, where the bot says it.
    pub id: Option<String>,
    /// Its name at Meta: `name`, else `meta.name`, else `<bot>_<flow>`.
    pub title: String,
    /// Some of [`CATEGORIES`].
    pub categories: Vec<String>,
    /// The address of its endpoint, where the bot says it.
    pub endpoint: Option<String>,
    /// The Flow JSON, where the bot has it.
    pub json: Option<Value>,
    /// Whether the bot describes its endpoint.
    pub has_handlers: bool,
}

impl Flow {
    pub(super) fn view(&self, name: &str) -> BotFlow {
        let id = match &self.target {
            Some(FlowTarget::Id(id)) => Some(id.clone()),
            _ => None,
        };
        BotFlow {
            name: name.to_owned(),
            id,
            title: self.title.clone(),
            categories: self.categories.clone(),
            endpoint: self.endpoint.clone(),
            json: self.screens.as_ref().map(|screens| screens.value.clone()),
            has_handlers: self.handlers,
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, bot: &str) -> BTreeMap<String, Flow> {
    let mut flows = BTreeMap::new();
    let entries = reader.entries(at);
    if entries.len() > caps::MAX_FLOWS {
        let message = format!("{} Flows, a bot may have {}", entries.len(), caps::MAX_FLOWS);
        reader.report(explain::TOO_MANY, at, message);
        return flows;
    }
    for (entry, at) in entries {
        let shaped = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        if entry.key.is_empty() || entry.key.chars().count() > LONGEST_NAME || !entry.key.chars().all(shaped) {
            let message = format!("`{}` cannot be the name of a Flow", entry.key);
            reader.report_span(explain::BAD_NAME, entry.key_span.clone(), &at.pointer, message);
        }
        flows.extend(read_one(reader, &at, bot, &entry.key).map(|flow| (entry.key.clone(), flow)));
    }
    flows
}

fn read_one(reader: &mut Reader<'_>, at: &At<'_>, bot: &str, key: &str) -> Option<Flow> {
    let fields = reader.fields(at, KEYS)?;
    let (id, name) = (word(reader, &fields, "id"), word(reader, &fields, "name"));
    let meta = fields.get("meta").and_then(|at| reader.fields(&at, &["name", "categories", "endpoint"]));
    let meta_name = meta.as_ref().and_then(|meta| word(reader, meta, "name"));
    let endpoint = meta.as_ref().and_then(|meta| word(reader, meta, "endpoint"));
    let categories = meta.and_then(|meta| meta.get("categories")).map(|at| read_categories(reader, &at));
    if let (Some(file), Some(_)) = (fields.get("file"), fields.get("json")) {
        reader.report(explain::WRONG_VALUE, &file, "a Flow has a `file` or its `json`, not both");
    }
    let has_json = fields.get("file").is_some() || fields.get("json").is_some();
    let screens = match (fields.get("json"), fields.get("file")) {
        (Some(at), _) => read_json(reader, &at),
        (None, Some(at)) => read_file(reader, &at, key),
        (None, None) => None,
    };
    let (mut ttl_ms, mut single_use) = (None, false);
    if let Some(inner) = fields.get("token").and_then(|at| reader.fields(&at, &["ttl", "single_use"])) {
        ttl_ms = inner.get("ttl").and_then(|at| reader.duration_ms(&at));
        single_use = inner.get("single_use").and_then(|at| reader.flag(&at)).unwrap_or_default();
    }
    let on = fields.get("on");
    let known = name.or(meta_name);
    let title = known.clone().unwrap_or_else(|| format!("{bot}_{key}"));
    let named = known.is_some() || has_json;
    let target = id.map(FlowTarget::Id).or_else(|| named.then(|| FlowTarget::Name(title.clone())));
    Some(Flow {
        target,
        title,
        categories: categories.unwrap_or_default(),
        endpoint,
        screens: screens.map(Arc::new),
        ttl_ms,
        single_use,
        handlers: on.is_some(),
        has_init: on.is_some_and(|on| on.node.get("init").is_some()),
    })
}

/// A text that is not empty.
fn word(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str) -> Option<String> {
    let at = fields.get(key)?;
    let text = reader.text(&at)?;
    if text.trim().is_empty() {
        reader.report(explain::WRONG_VALUE, &at, format!("`{key}` is empty"));
    }
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn read_categories(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<String> {
    let items = reader.list(at);
    items.iter().filter_map(|item| reader.word(item, CATEGORIES)).map(str::to_owned).collect()
}

fn read_json(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Screens> {
    if reader.entries(at).is_empty() {
        return None;
    }
    let value = at.node.to_json();
    let text = value.to_string();
    let problems = crate::form::problems(&text);
    for problem in &problems {
        let span = crate::form::span_of(at.node, &problem.path);
        let code = crate::form::code_of(reader, problem);
        reader.report_span(code, span, &at.pointer, crate::form::said(problem));
    }
    match FlowJson::parse(&text) {
        Ok(model) => Some(Screens { value, model }),
        Err(problem) => {
            if problems.is_empty() {
                reader.report(explain::FLOW_JSON, at, crate::form::said(&problem));
            }
            None
        }
    }
}

/// The file becomes part of the bot, so that a version never changes with it.
fn read_file(reader: &mut Reader<'_>, at: &At<'_>, flow: &str) -> Option<Screens> {
    let path = reader.text(at)?;
    let below = !path.starts_with('/') && !path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if !below || path.contains('\\') || !path.ends_with(".json") {
        reader.report(explain::FILE, at, format!("`{path}` is not a JSON file below the folder of the bot"));
        return None;
    }
    let Some(open) = reader.open else {
        reader.report(explain::FLOW_FILE, at, format!("there is no folder here in which `{path}` could lie")).help =
            Some("write what is in it under `json`, or publish with `parlance bot publish FILE`".to_owned());
        return None;
    };
    reader.flow_files.push(path.clone());
    let text = match open(&path) {
        Ok(text) => text,
        Err(why) => {
            reader.report(explain::FLOW_FILE, at, format!("`{path}` cannot be read: {why}"));
            return None;
        }
    };
    if text.len() > caps::MAX_FLOW_JSON_BYTES {
        let message = format!("`{path}` has {} bytes, a Flow may have {}", text.len(), caps::MAX_FLOW_JSON_BYTES);
        reader.report(explain::TOO_LARGE, at, message);
        return None;
    }
    let problems = crate::form::problems(&text);
    problems.iter().for_each(|problem| reader.report_in(&path, &text, &Place::of(at), problem));
    match (FlowJson::parse(&text), serde_json::from_str::<Value>(&text)) {
        (Ok(model), Ok(value)) => {
            reader.inlined.insert(flow.to_owned(), value.clone());
            Some(Screens { value, model })
        }
        (Err(problem), _) if problems.is_empty() => {
            reader.report_in(&path, &text, &Place::of(at), &problem);
            None
        }
        (Ok(_), Err(error)) => {
            reader.report(explain::FLOW_JSON, at, format!("`{path}` is no JSON: {error}"));
            None
        }
        (Err(_), _) => None,
    }
}
