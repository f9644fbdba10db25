//! Flows of RapidPro's engine (goflow), of spec 13 and 14: exports of RapidPro, TextIt and Glific, and single flows.
//!
//! All flows of an export become one bot: the ids of their nodes begin with the name of their flow, `enter_flow` is a
//! `call`. Results are variables, `x` and `x_category`; fields are those of the contact; groups and labels are labels of
//! the person. The words of the person's last answer are kept in `last_input`, for what reads them later.

mod actions;
mod export;
mod flow;
mod functions;
mod http;
mod language;
mod message;
mod names;
mod parse;
mod router;
mod template;
mod triggers;
mod write;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::draft::Draft;
use super::finish::finish;
use super::text::{duration, slug};
use super::{ImportError, Imported, Kind};
use export::Export;
use flow::Book;
use names::Names;

pub use actions::ACTIONS;
pub use functions::FUNCTIONS;
pub use router::TESTS;

pub(super) fn recognises(value: &Value) -> bool {
    match value.get("flows").and_then(Value::as_array) {
        Some(flows) => !flows.is_empty() && flows.iter().any(export::is_flow),
        None => export::is_flow(value),
    }
}

pub(super) fn import(value: &Value) -> Result<Imported, ImportError> {
    let export = Export::read(value)?;
    let main = triggers::main(&export);
    let title = export.flows[main].name.clone();
    let mut book = Book {
        export: &export,
        draft: Draft::new(Kind::Rapidpro.as_str(), &title, slug(&title, "imported")),
        names: Names::new(),
        returns: BTreeMap::new(),
    };
    for (place, what) in &export.oddities {
        book.change(place, what);
    }
    book.draft.locale = Some(language::ours(&export.flows[main].language));
    name_results(&mut book);
    let entered = export.entered();
    for flow in export.flows.iter().filter(|flow| entered.contains(flow.uuid.as_str())) {
        let id = book.draft.free_id(&format!("{}.return", flow.prefix));
        book.draft.put(&id, json!({ "type": "return" }));
        book.returns.insert(flow.uuid.clone(), id);
    }
    for flow in &export.flows {
        book.write_flow(flow);
    }
    triggers::write(&mut book, main);
    policies(&mut book);
    book.draft.tidy();
    let (file, changes) = book.draft.into_json();
    finish(file, changes)
}

/// Every result has its name before anything reads one.
fn name_results(book: &mut Book<'_, '_>) {
    let nodes = book.export.flows.iter().flat_map(|flow| &flow.nodes);
    for node in nodes {
        let router = export::text(node.router, "result_name");
        let actions = node.actions.iter().map(|action| match export::text(action, "type") {
            "set_run_result" => export::text(action, "name"),
            _ => export::text(action, "result_name"),
        });
        for name in std::iter::once(router).chain(actions).filter(|name| !name.trim().is_empty()) {
            book.names.result(name);
        }
    }
    note_inputs(book);
}

/// `results.x.input` is noted where something reads it.
fn note_inputs(book: &mut Book<'_, '_>) {
    fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::String(text) if text.contains(".input") => found.push(text),
            Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Value::Object(entries) => entries.values().for_each(|item| texts(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for node in book.export.flows.iter().flat_map(|flow| &flow.nodes) {
        node.actions.iter().chain([node.router]).for_each(|part| texts(part, &mut found));
    }
    for text in found {
        // Writing it notes it; what is written here is thrown away.
        write::Writer::new(&mut book.names).template(text);
    }
}

fn policies(book: &mut Book<'_, '_>) {
    let longest = book.export.flows.iter().map(|flow| flow.expire_minutes).max().unwrap_or_default();
    if longest > 0 {
        book.draft.policies.insert("idle_timeout".into(), json!(duration(longest.saturating_mul(60))));
        if book.export.flows.iter().any(|flow| flow.expire_minutes != longest) {
            book.change("all flows", "flows expire after different times; the longest holds for all");
        }
    }
    let globals: Vec<(String, String)> =
        book.names.globals().map(|(name, variable)| (name.to_owned(), variable.to_owned())).collect();
    for (name, variable) in globals {
        book.draft.vars.insert(variable.clone(), json!({ "type": "text", "default": "" }));
        let what = format!("the global `{name}` is not in the export: write its value as the default of `{variable}`");
        book.change("vars", &what);
    }
    if book.export.campaigns > 0 {
        let what = format!(
            "{} campaigns are not mapped: schedules by dates of a contact have no counterpart",
            book.export.campaigns
        );
        book.change("campaigns", &what);
    }
}
