//! Runs that go on with another version of their bot, end, or stay.

use std::collections::BTreeMap;

use chatbot::{Bot, How, Migrated, Place, Running, Snapshot, Trace, migrate};
use serde_json::{Value, json};

use crate::support::{Play, bot, tapped};

const NODES: &str = "  done: { type: end, reason: done }\n  sorry: { type: end, reason: sorry }\n";

fn menu_bot(rest: &str) -> Bot {
    bot(&format!("parlance: 1\nid: shop\ntriggers: [ {{ default: {{}}, to: pick }} ]\n{rest}{NODES}"))
}

fn old() -> Bot {
    menu_bot(
        "vars:\n  n: { type: int, default: 3 }\n  note: { type: text, default: kept }\n  town: { type: text, default: Rome }\nnodes:\n  pick: { type: menu, prompt: Old?, options: [ { id: a, title: A }, { id: b, title: B } ], next: { a: name, b: done, invalid: sorry } }\n  name: { type: ask, prompt: Name?, save: note, next: { ok: done } }\n",
    )
}

/// Another prompt, a node more, and `n` is a list now.
fn new() -> Bot {
    menu_bot(
        "vars:\n  n: { type: list }\n  town: { type: text, scope: contact }\n  extra: { type: int, default: 7 }\nnodes:\n  pick: { type: menu, prompt: New?, options: [ { id: a, title: A }, { id: b, title: B } ], next: { a: done, b: name, invalid: sorry } }\n  name: { type: ask, prompt: \"New name, {{ note }}?\", next: { ok: more } }\n  more: { type: ask, prompt: More?, next: { ok: done } }\n",
    )
}

fn waiting_at_pick(bot: &Bot) -> Snapshot {
    let mut play = Play::new(bot);
    play.say("hi");
    play.state
}

fn how(map: &[(&str, &str)]) -> How {
    let place = |to: &str| if to == "end" { Place::End } else { Place::Node(to.to_owned()) };
    How { map: map.iter().map(|(from, to)| ((*from).to_owned(), place(to))).collect(), ..How::default() }
}

fn moved(migrated: Migrated) -> (Snapshot, Vec<Trace>) {
    match migrated {
        Migrated::Moved(after, trace) => (*after, trace),
        other => panic!("{other:?}"),
    }
}

fn why_it_stays(migrated: Migrated) -> String {
    match migrated {
        Migrated::Stays(why) => why,
        other => panic!("{other:?}"),
    }
}

fn end_reason(migrated: Migrated) -> String {
    let Migrated::Ended(after, trace) = migrated else { panic!("{migrated:?}") };
    assert!(after.bot().is_none() && !after.is_waiting());
    match &trace[..] {
        [Trace::RunEnded { reason, .. }] => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn f56_a_run_at_the_same_node_goes_on_with_the_new_version() {
    let (old, new) = (old(), new());
    let before = waiting_at_pick(&old);
    let (after, trace) = moved(migrate(Some(&old), &new, &before, &How::default()));
    assert_eq!((after.bot(), after.node()), (Some(("shop", new.version())), Some("pick")));
    assert!(matches!(&trace[0], Trace::Migrated { to, node, .. } if to == new.version() && node == "pick"));
    let mut play = Play::new(&new);
    play.state = after;
    assert_eq!(play.say("nonsense"), ["New? [a|A] [b|B]"]);
    play.step(&tapped("b", "B")).unwrap();
    assert_eq!(play.state.node(), Some("name"), "its ports are the new ones");
}

#[test]
fn variables_are_brought_to_what_the_new_version_declares() {
    let (old, new) = (old(), new());
    let (after, trace) = moved(migrate(Some(&old), &new, &waiting_at_pick(&old), &How::default()));
    let variables = after.variables();
    assert_eq!(variables["n"], Value::Null, "3 is no list, and the list has no default");
    assert_eq!((&variables["note"], &variables["extra"]), (&json!("kept"), &json!(7)));
    assert_eq!(after.without_run().variables()["town"], "Rome", "it is the person's now");
    let changed: Vec<&str> = trace
        .iter()
        .filter_map(|step| match step {
            Trace::Set { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(changed, ["extra", "n"], "and the trace says so");
}

#[test]
fn a_run_whose_node_is_gone_or_has_other_ports_stays() {
    let old = old();
    let before = waiting_at_pick(&old);
    let gone = menu_bot("nodes:\n  pick: { type: end }\n");
    assert_eq!(
        why_it_stays(migrate(Some(&old), &gone, &before, &How::default())),
        "node `pick` does not wait any more"
    );
    let ports = menu_bot(
        "nodes:\n  pick: { type: menu, prompt: P, options: [ { id: a, title: A } ], next: { a: done, invalid: sorry } }\n",
    );
    let why = why_it_stays(migrate(Some(&old), &ports, &before, &How::default()));
    assert_eq!(why, "node `pick` has another type or other ports");
    let kind = menu_bot("nodes:\n  pick: { type: ask, prompt: P, next: { ok: done } }\n");
    assert_eq!(why_it_stays(migrate(Some(&old), &kind, &before, &How::default())), why);
    assert_eq!(migrate(None, &new(), &before, &How::default()), Migrated::Stays(why), "nothing to compare with");
}

#[test]
fn a_map_leads_runs_to_other_nodes_or_ends_them() {
    let (old, new) = (old(), new());
    let before = waiting_at_pick(&old);
    let (after, trace) = moved(migrate(Some(&old), &new, &before, &how(&[("pick", "more")])));
    assert_eq!(after.node(), Some("more"));
    assert!(matches!(&trace[0], Trace::Migrated { to_node, .. } if to_node == "more"));
    let mut play = Play::new(&new);
    play.state = after;
    play.say("an answer to More?");
    assert!(play.state.bot().is_none(), "the answer is the new node's");
    assert_eq!(end_reason(migrate(Some(&old), &new, &before, &how(&[("pick", "end")]))), "retired");
    let (after, _) = moved(migrate(Some(&old), &new, &before, &how(&[("other", "end")])));
    assert_eq!(after.node(), Some("pick"), "nodes that are not named go where they are");
    let why = why_it_stays(migrate(Some(&old), &new, &before, &how(&[("pick", "nowhere")])));
    assert_eq!(why, "node `nowhere` is gone");
}

#[test]
fn f56_what_cannot_move_in_time_ends_with_a_reason() {
    let old = old();
    let before = waiting_at_pick(&old);
    let gone = menu_bot("nodes:\n  pick: { type: end }\n");
    let policy = Running { drain_after_ms: Some(1_000), ..Running::default() };
    assert_eq!(policy.how(999), None, "pinned until then");
    let how = policy.how(1_000).unwrap();
    assert_eq!(end_reason(migrate(Some(&old), &gone, &before, &how)), "drained");
    assert_eq!(moved(migrate(Some(&old), &new(), &before, &how)).0.node(), Some("pick"), "moved where it can be");
    assert_eq!(end_reason(migrate(None, &gone, &before, &How::forced())), "node_gone");
    assert_eq!(moved(migrate(None, &new(), &before, &How::forced())).0.node(), Some("pick"));
}

#[test]
fn open_calls_and_loops_go_along_or_keep_the_run() {
    let source = |call: &str, ask: &str| {
        bot(&format!(
            "parlance: 1\nid: shop\nvars: {{ x: {{ type: int, default: 1 }} }}\ntriggers: [ {{ default: {{}}, to: {call} }} ]\nnodes:\n  {call}: {{ type: call, node: {ask}, args: {{ x: 5 }}, next: {{ returned: done }} }}\n  {ask}: {{ type: ask, prompt: Q, next: {{ ok: back }} }}\n  back: {{ type: return }}\n{NODES}"
        ))
    };
    let (old, other) = (source("part", "q"), source("piece", "q"));
    let before = waiting_at_pick(&old);
    let why = why_it_stays(migrate(Some(&old), &other, &before, &How::default()));
    assert_eq!(why, "the open call or loop `part` is gone");
    let (after, _) = moved(migrate(Some(&old), &other, &before, &how(&[("part", "piece")])));
    let mut play = Play::new(&other);
    play.state = after;
    play.say("answer");
    assert!(play.state.bot().is_none(), "it came back to the call and went on to the end");
}

#[test]
fn a_conversation_that_a_human_has_moves_to_a_handoff_only() {
    let source = |kind: &str| {
        bot(&format!(
            "parlance: 1\nid: shop\ntriggers: [ {{ default: {{}}, to: desk }} ]\nnodes:\n  desk: {kind}\n{NODES}"
        ))
    };
    let old = source("{ type: handoff, queue: one, next: { returned: done } }");
    let before = waiting_at_pick(&old);
    let more = source("{ type: handoff, queue: two, next: { returned: sorry, closed: done } }");
    let (after, _) = moved(migrate(Some(&old), &more, &before, &How::default()));
    assert_eq!(after.handed_over().unwrap().queue.as_deref(), Some("one"), "the human who has it keeps it");
    let ask = source("{ type: ask, prompt: Q, next: { ok: done } }");
    let why = why_it_stays(migrate(Some(&old), &ask, &before, &how(&[("desk", "desk")])));
    assert_eq!(why, "a human answers, and `desk` is no `handoff`");
}

#[test]
fn a_run_never_lands_where_nobody_was_asked() {
    let old = old();
    let before = waiting_at_pick(&old);
    for (node, waits_outside) in [
        ("{ type: http, url: \"https://one.example/\", next: { ok: done, http_error: sorry } }", true),
        ("{ type: handoff, queue: one, next: { returned: done } }", false),
    ] {
        let new = menu_bot(&format!("nodes:\n  pick: {node}\n  other: {node}\n"));
        assert_eq!(end_reason(migrate(Some(&old), &new, &before, &How::forced())), "node_gone", "{node}");
        let why = why_it_stays(migrate(Some(&old), &new, &before, &how(&[("pick", "other")])));
        assert_eq!(why, "nobody was asked for what node `other` waits for");
        let policy = Running::parse(&json!({ "migrate": { "pick": "other" } })).unwrap();
        assert_eq!(policy.problems(&new).len(), usize::from(waits_outside), "{:?}", policy.problems(&new));
    }
}

#[test]
fn a_call_that_is_under_way_goes_along_with_its_own_node_only() {
    let source = |node: &str, url: &str| {
        bot(&format!(
            "parlance: 1\nid: shop\ntriggers: [ {{ default: {{}}, to: {node} }} ]\nnodes:\n  \
             {node}: {{ type: http, url: \"https://{url}.example/\", next: {{ ok: done, http_error: sorry }} }}\n{NODES}"
        ))
    };
    let old = source("look", "one");
    let before = waiting_at_pick(&old);
    assert_eq!(before.node(), Some("look"));
    let same = source("look", "two");
    let (after, _) = moved(migrate(Some(&old), &same, &before, &How::default()));
    assert_eq!((after.node(), after.wake_ms()), (Some("look"), before.wake_ms()), "the answer is still waited for");
    let other = source("seek", "one");
    let why = why_it_stays(migrate(Some(&old), &other, &before, &how(&[("look", "seek")])));
    assert_eq!(why, "what node `look` asked for is still under way");
}

#[test]
fn nothing_moves_without_a_run_of_another_version_of_the_bot() {
    let (old, new) = (old(), new());
    let before = waiting_at_pick(&old);
    for (bot, before) in [(&old, &before), (&new, &Snapshot::default())] {
        assert!(matches!(migrate(Some(&old), bot, before, &How::forced()), Migrated::Stays(_)));
    }
    let other = bot_of_another_id();
    assert_eq!(why_it_stays(migrate(Some(&old), &other, &before, &How::default())), "it is a run of the bot `shop`");
    assert_eq!(end_reason(migrate(None, &other, &before, &How::forced())), "node_gone");
}

fn bot_of_another_id() -> Bot {
    bot(&format!("parlance: 1\nid: other\ntriggers: [ {{ default: {{}}, to: done }} ]\nnodes:\n{NODES}"))
}

#[test]
fn policies_of_files_and_requests_read_alike() {
    let file = menu_bot(
        "migrate: { gone: end, was: name }\ndrain_after: 1d\nnodes:\n  pick: { type: ask, prompt: P, next: { ok: name } }\n  name: { type: ask, prompt: N, next: { ok: done } }\n",
    );
    let asked = Running::parse(&json!({ "migrate": { "gone": "end", "was": "name" }, "drain_after": "24h" })).unwrap();
    assert_eq!(file.running(), &asked);
    assert!(asked.problems(&file).is_empty());
    assert_eq!(Running::parse(&json!("pin")).unwrap(), Running::default());
    assert_eq!(Running::parse(&json!({ "migrate": "same_node" })), Running::parse(&json!("same_node")));
    for wrong in [json!("all"), json!({ "migrate": 3 }), json!({ "drain_after": "soon" }), json!({ "drain": "1h" })] {
        Running::parse(&wrong).unwrap_err();
    }
    let lost = Running::parse(&json!({ "migrate": { "a": "nowhere", "b": "done" } })).unwrap();
    assert_eq!(
        lost.problems(&file),
        ["`a` cannot go to `nowhere`: there is no such node", "`b` cannot go to `done`: a `end` does not wait"]
    );
    let stored: Running = serde_json::from_value(serde_json::to_value(&asked).unwrap()).unwrap();
    assert_eq!(stored, asked);
    assert_eq!(serde_json::to_value(Running::default()).unwrap(), json!({}));
    let empty: BTreeMap<String, Place> = serde_json::from_value(json!({})).unwrap();
    assert!(empty.is_empty());
}
