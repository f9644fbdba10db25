//! What starts the flows: keywords, everything else, the first message of somebody new.

use serde_json::{Value, json};

use super::export::{Export, Flow, list, text};
use super::flow::Book;

/// The flow that begins: what catches everything, else the first that no other one enters.
pub(super) fn main(export: &Export<'_>) -> usize {
    let position = |uuid: &str| export.flows.iter().position(|flow| flow.uuid == uuid);
    let all = export.triggers.iter().find(|trigger| text(trigger, "trigger_type") == "C");
    let all = all.and_then(|trigger| position(text(trigger.get("flow")?, "uuid")));
    let entered = export.entered();
    all.or_else(|| export.flows.iter().position(|flow| !entered.contains(flow.uuid.as_str()))).unwrap_or(0)
}

pub(super) fn write(book: &mut Book<'_, '_>, main: usize) {
    let mut written = Vec::new();
    for trigger in book.export.triggers {
        one(book, trigger, &mut written);
    }
    for flow in &book.export.flows {
        let words: Vec<&str> =
            flow.keywords.iter().map(String::as_str).filter(|word| !word.trim().is_empty()).collect();
        if !words.is_empty() && !start(book, flow).is_empty() {
            let to = start(book, flow);
            written.push(json!({ "keyword": { "any": words }, "to": to, "interrupt": "if_waiting" }));
        }
    }
    let flow = &book.export.flows[main];
    let to = start(book, flow);
    if !book.export.triggers.iter().any(|trigger| text(trigger, "trigger_type") == "C") {
        let what = format!("any message starts `{}`; the flow needed a trigger", flow.name);
        book.change("triggers", &what);
    }
    written.push(json!({ "default": {}, "to": to }));
    book.draft.triggers = written;
}

fn one(book: &mut Book<'_, '_>, trigger: &Value, written: &mut Vec<Value>) {
    let named = trigger.get("flow").unwrap_or(&Value::Null);
    let Some(flow) = book.export.flow(text(named, "uuid"), text(named, "name")) else {
        book.change("triggers", &format!("a trigger of `{}` is left out: its flow is not there", text(named, "name")));
        return;
    };
    if ["groups", "exclude_groups", "contacts"].iter().any(|key| !list(trigger, key).is_empty()) {
        book.change("triggers", &format!("the trigger of `{}` is for everybody, not for its groups", flow.name));
    }
    let to = start(book, flow);
    match text(trigger, "trigger_type") {
        "K" => {
            let words: Vec<&str> = list(trigger, "keywords").iter().filter_map(Value::as_str).collect();
            let words = if words.is_empty() { vec![text(trigger, "keyword")] } else { words };
            let words: Vec<&str> = words.into_iter().filter(|word| !word.trim().is_empty()).collect();
            if words.is_empty() {
                return;
            }
            // `F`: the first word; `O`: the only one.
            let what = match text(trigger, "match_type") {
                "O" => json!({ "keyword": { "any": words } }),
                _ => {
                    let words: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
                    json!({ "pattern": { "regex": format!(r"(?i)^\W*(?:{})(?:\W|$)", words.join("|")) } })
                }
            };
            let mut what = what;
            what["to"] = Value::String(to);
            what["interrupt"] = json!("if_waiting");
            written.push(what);
        }
        "C" => {}
        "N" => written.push(json!({ "first_contact": {}, "to": to })),
        "R" => written.push(json!({ "referral": {}, "to": to })),
        other => {
            let kind = match other {
                "S" => "schedule",
                "M" | "V" => "call",
                "T" => "closed ticket",
                "O" | "X" => "opt-in",
                other => other,
            };
            book.change("triggers", &format!("a trigger of type `{kind}` for `{}` is not mapped", flow.name));
        }
    }
}

/// Where a flow begins that a message starts: a first node that only waits has its message already.
fn start(book: &mut Book<'_, '_>, flow: &Flow<'_>) -> String {
    let Some(first) = flow.nodes.first() else {
        book.change(&flow.name, "the flow has no nodes");
        return super::super::draft::END.to_owned();
    };
    let node = book.draft.nodes.get(&first.id);
    let behind = node.filter(|node| first.actions.is_empty() && node["type"] == "ask");
    let behind = behind.and_then(|node| node["next"]["ok"].as_str()).map(str::to_owned);
    if behind.is_some() {
        book.draft.may_go(&first.id);
    }
    behind.unwrap_or_else(|| first.id.clone())
}
