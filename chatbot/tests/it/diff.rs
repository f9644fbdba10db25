//! What people see of the difference between two versions.

use chatbot::{Mark, diff};
use serde_json::json;

use crate::support::bot;

const ONE: &str = "
parlance: 1
id: shop
triggers: [ { default: {}, to: pick } ]
vars: { n: { type: int } }
nodes:
  pick: { type: menu, prompt: Which?, options: [ { id: a, title: A }, { id: b, title: B } ], next: { a: fork, b: gone, invalid: done } }
  fork: { type: branch, cases: [ { when: n > 1, to: gone } ], else: done }
  gone: { type: say, messages: [ { text: Bye } ], next: { next: done } }
  done: { type: end, reason: done }
";

const TWO: &str = "
parlance: 1
id: shop
triggers: [ { keyword: { any: [hi] }, to: pick }, { default: {}, to: pick } ]
vars: { n: { type: number } }
policies: { idle_timeout: 2h }
nodes:
  pick: { type: menu, prompt: Which one?, options: [ { id: a, title: Apples }, { id: b, title: B } ], next: { a: fork, b: more, invalid: done } }
  fork: { type: branch, cases: [ { when: n > 2, to: more } ], else: done }
  more: { type: ask, prompt: More?, next: { ok: done } }
  done: { type: end, reason: done }
";

#[test]
fn nodes_ports_texts_and_the_rest_are_told_apart() {
    let found = diff(&bot(ONE), &bot(TWO));
    let lines: Vec<String> = found.lines().into_iter().map(|line| line.text).collect();
    let expected = [
        "- node gone (say)",
        "+ node more (ask)",
        "~ node fork (branch)",
        "  - cases/0/to → gone",
        "  + cases/0/to → more",
        "  - cases/0/when: n > 1",
        "  + cases/0/when: n > 2",
        "~ node pick (menu)",
        "  - b → gone",
        "  + b → more",
        "  - options/a/title: A",
        "  + options/a/title: Apples",
        "  - prompt: Which?",
        "  + prompt: Which one?",
        "~ policies",
        "  + {\"idle_timeout\":\"2h\"}",
        "~ triggers",
        "  - 0/default: {}",
        "  + 0/keyword: {\"any\":[\"hi\"]}",
        "  + 1: {\"default\":{},\"to\":\"pick\"}",
        "~ vars",
        "  - n/type: int",
        "  + n/type: number",
    ];
    assert_eq!(lines, expected, "{lines:#?}");
    assert_eq!(found.summary(), "+1 node, -1 node, 2 nodes changed, policies and triggers and vars changed");
    let pick = serde_json::to_value(&found).unwrap()["changed"][1].clone();
    assert_eq!(pick["rewired"], json!([{ "port": "b", "from": "gone", "to": "more" }]));
    assert_eq!(pick["texts"][1], json!({ "path": "prompt", "from": "Which?", "to": "Which one?" }));
    assert!(pick.get("fields").is_none());
}

#[test]
fn a_version_does_not_differ_from_itself_in_another_syntax() {
    let json = bot(ONE).canonical_json();
    let again = chatbot::load(&json, "one.json", chatbot::Format::Json).bot.unwrap();
    let found = diff(&bot(ONE), &again);
    assert!(found.is_empty() && found.lines().is_empty());
    assert_eq!(found.summary(), "nothing changed");
}

#[test]
fn what_is_new_in_one_direction_is_gone_in_the_other() {
    let (there, back) = (diff(&bot(ONE), &bot(TWO)), diff(&bot(TWO), &bot(ONE)));
    assert_eq!((there.added, there.removed), (back.removed.clone(), back.added.clone()));
    let count = |found: &chatbot::Diff, mark| found.lines().iter().filter(|line| line.mark == mark).count();
    let again = diff(&bot(ONE), &bot(TWO));
    assert_eq!(count(&again, Mark::Added), count(&back, Mark::Removed));
}
