//! Exports that are cut, mixed and twisted: each is refused with a reason, or becomes a bot that loads.

#[path = "../../../tests/fuzz/mutation.rs"]
mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chatbot::import::{ImportError, Kind, import};
use serde_json::{Value, json};

use crate::support::{read, repository};
use mutation::Mutation;

const EXPORTS: [&str; 6] = [
    "mothers.rapidpro",
    "shop.rapidpro",
    "bikes.typebot",
    "clinic.whatsapp-builder",
    "pizza.whatsapp-builder",
    "travel.whatsapp-builder",
];

fn exports() -> Vec<String> {
    EXPORTS.iter().map(|name| read(&repository(&format!("tests/data/imports/{name}.json")))).collect()
}

/// Imports as every program; nothing panics, and what is written loads.
fn survive(source: &str, what: &str) {
    for from in [None].into_iter().chain(Kind::ALL.map(Some)) {
        let done = catch_unwind(AssertUnwindSafe(|| import(source, from)));
        let done = done.unwrap_or_else(|_| panic!("{what} as {from:?} panics:\n{source}"));
        assert!(
            !matches!(done, Err(ImportError::DoesNotLoad(_))),
            "{what} as {from:?}: {}\n{source}",
            done.unwrap_err()
        );
    }
}

#[test]
fn exports_with_bytes_that_are_changed_are_refused_or_load() {
    let seeds: Vec<Vec<u8>> = exports().into_iter().map(String::into_bytes).collect();
    for number in 0..120 {
        let data = Mutation::new(number).of(&seeds);
        survive(&String::from_utf8_lossy(&data), &format!("mutation {number}"));
    }
}

/// Values that stand where others are expected.
fn oddities() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!(" "),
        json!("{{ {% {# }} \u{0} \u{e000}0\u{e001} ' \" \\ \n"),
        json!("@(@(upper(\"x\" @@ @results.color.category.x[1]"),
        json!("👍🏽".repeat(2_000)),
        json!([]),
        json!({}),
        json!([[], {}, null, "x", 7]),
        json!({ "type": "x", "id": "y", "to": "end", "name": "input" }),
    ]
}

/// Every place of a value, as the path to it.
fn places(value: &Value, at: &mut Vec<String>, found: &mut Vec<String>) {
    found.push(at.concat());
    let mut inside = |key: String, value: &Value| {
        at.push(format!("/{}", key.replace('~', "~0").replace('/', "~1")));
        places(value, at, found);
        at.pop();
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| inside(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| inside(index.to_string(), value)),
        _ => {}
    }
}

#[test]
fn exports_with_parts_that_are_something_else_are_refused_or_load() {
    let oddities = oddities();
    let mut number = 0usize;
    for source in exports() {
        let whole: Value = serde_json::from_str(&source).unwrap();
        let mut found = Vec::new();
        places(&whole, &mut Vec::new(), &mut found);
        // A part of all pairs of place and value, the same on every machine.
        for (at, place) in found.iter().enumerate().filter(|(at, _)| at % 23 == 3) {
            number += 1;
            let mut twisted = whole.clone();
            let other = found[(at * 7_919) % found.len()].clone();
            let put = match number % 3 {
                0 => whole.pointer(&other).cloned().unwrap(),
                _ => oddities[number % oddities.len()].clone(),
            };
            *twisted.pointer_mut(place).unwrap() = put;
            survive(&twisted.to_string(), &format!("{place} of an export"));
        }
    }
    assert!(number > 200, "{number}");
}

#[test]
fn what_is_too_large_or_too_deep_is_refused() {
    let large = format!("{{\"nodes\": [], \"edges\": [], \"x\": \"{}\"}}", "x".repeat(chatbot::caps::MAX_IMPORT_BYTES));
    assert!(matches!(import(&large, None), Err(ImportError::TooLarge(_))));
    let deep = format!("{{\"nodes\": {}{}, \"edges\": []}}", "[".repeat(1_000), "]".repeat(1_000));
    let error = import(&deep, None).unwrap_err();
    assert!(matches!(&error, ImportError::NotJson(_)) && error.to_string().contains("recursion"), "{error}");
    let node = |n: usize| json!({ "id": format!("n{n}"), "data": { "type": "message", "content": "x" } });
    let mut nodes: Vec<Value> = (0..6_000).map(node).collect();
    nodes.push(json!({ "id": "s", "data": { "type": "start" } }));
    let many = json!({ "name": "Many", "nodes": nodes, "edges": [] });
    let error = import(&many.to_string(), None).unwrap_err();
    assert!(matches!(&error, ImportError::TooLarge(_)) && error.to_string().contains("5000"), "{error}");
}
