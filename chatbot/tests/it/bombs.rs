//! F53 everywhere: a text or expression that never ends, in each place of a bot that computes something.

use std::collections::BTreeSet;

use chatbot::{Format, Trace, load};
use serde_json::Value;

use crate::support::{Play, bot, read};
use crate::transcripts::{cases, input};

/// Would run for hours, as a text and as an expression.
const BOMBS: [&str; 2] = [
    "{% for bomb in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
    "('bomb' * 900) | replace('b', 'bomb' * 900) | replace('b', 'bomb' * 900) | replace('o', 'bomb' * 900)",
];
/// Maps whose keys are the author's.
const NAMED: &[&str] = &[
    "assign",
    "contact",
    "consent",
    "args",
    "query",
    "headers",
    "form",
    "multipart",
    "json",
    "body",
    "data",
    "buttons",
];

/// The places of texts below a value: the way there, and the field that it is.
fn leaves(value: &Value, way: &str, field: &str, named: bool, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(_) | Value::Bool(_) => found.push((way.to_owned(), field.to_owned())),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(item, &format!("{way}/{at}"), field, named, found));
        }
        Value::Object(entries) => {
            for (key, item) in entries.iter().filter(|(key, _)| !["type", "next", "ui"].contains(&key.as_str())) {
                let below = if named { field.to_owned() } else { format!("{field}.{key}") };
                let way = format!("{way}/{}", key.replace('~', "~0").replace('/', "~1"));
                leaves(item, &way, &below, named || NAMED.contains(&key.as_str()), found);
            }
        }
        Value::Null | Value::Number(_) => {}
    }
}

/// Whether a conversation meets the bomb, and what it did: an error of its node, within the caps.
fn goes_off(source: &Value, script: &str) -> bool {
    let text = source.to_string();
    if load(&text, "bomb.json", Format::Json).bot.is_none() {
        return false;
    }
    let bot = bot(&text);
    let mut play = Play::new(&bot);
    for line in script.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let input = input(&mut play, line);
        let told = match play.step(&input) {
            Err(error) => error.to_string(),
            Ok(turn) => {
                let errors = turn.trace.iter().filter_map(|trace| match trace {
                    Trace::Error { message, .. } => Some(message.as_str()),
                    _ => None,
                });
                errors.collect::<Vec<_>>().join("\n")
            }
        };
        if told.contains("bomb") {
            return true;
        }
    }
    false
}

#[test]
fn f53_a_bomb_in_any_field_of_any_node_ends_with_an_error() {
    let mut gone_off = BTreeSet::new();
    for case in cases() {
        let (script, whole) = (read(&case), bot(&read(&case.with_extension("yaml"))));
        let file: Value = serde_json::from_str(&whole.canonical_json()).unwrap();
        let mut places = Vec::new();
        for (id, node) in file["nodes"].as_object().unwrap() {
            leaves(node, &format!("/nodes/{id}"), node["type"].as_str().unwrap(), false, &mut places);
        }
        leaves(&file["policies"], "/policies", "policies", false, &mut places);
        for (way, field) in places {
            for bomb in BOMBS {
                if gone_off.contains(&field) {
                    break;
                }
                let mut file = file.clone();
                *file.pointer_mut(&way).unwrap() = bomb.into();
                if goes_off(&file, &script) {
                    gone_off.insert(field.clone());
                }
            }
        }
    }
    let expected = [
        "ask.expect.check",
        "ask.invalid.message",
        "ask.prompt",
        "branch.cases.when",
        "call.args",
        "each.list",
        "emit.data",
        "end.result",
        "handoff.message",
        "handoff.note",
        "handoff.outside_hours",
        "http.body",
        "http.headers",
        "http.url",
        "menu.options.title",
        "menu.options.when",
        "menu.options_from.list",
        "menu.prompt",
        "policies.stop_words.reply",
        "policies.unexpected.media.say",
        "return.value",
        "say.messages",
        "say.messages.text",
        "set.assign",
        "set.consent",
        "set.contact",
        "set.labels",
        "split.sticky_by",
        "template.params.body",
        "wait.until",
    ];
    let missed: Vec<&str> = expected.into_iter().filter(|field| !gone_off.contains(*field)).collect();
    assert!(missed.is_empty(), "no bomb went off in {missed:?}, only in {gone_off:?}");
}
