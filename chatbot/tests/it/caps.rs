//! Every cap is reached by some bot, ends as it should, and quickly.

use chatbot::{ApiCall, CallError, Format, Input, TurnError, caps, load};

use crate::support::{Play, bot, said};

fn error_of(source: &str) -> TurnError {
    let bot = bot(source);
    let mut play = Play::new(&bot);
    let before = play.state.clone();
    let error = play.step(&said("hi")).expect_err("the turn fails");
    assert_eq!(play.state, before);
    error
}

fn doing(nodes: &str) -> String {
    format!("parlance: 1\nid: t\ntriggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n{nodes}  end: {{ type: end }}\n")
}

#[test]
fn f52_an_endless_loop_ends_with_its_path() {
    let error = error_of(&doing(
        "  a: { type: branch, cases: [ { when: \"true\", to: b } ], else: end }\n  b: { type: goto, to: a }\n",
    ));
    let TurnError::StepLimit { node, limit, path } = &error else { panic!("{error}") };
    assert_eq!((node.as_str(), *limit, path.len()), ("a", caps::MAX_NODES_PER_TURN, caps::MAX_NODES_PER_TURN));
    assert!(error.to_string().ends_with("a → b → a → b"), "{error}");
    assert_eq!(error.node(), "a");
}

#[test]
fn f52_on_error_takes_an_endless_loop_once() {
    let source = "parlance: 1\nid: t\npolicies: { on_error: sorry }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: branch, cases: [ { when: \"true\", to: a } ], else: sorry }\n  sorry: { type: say, messages: [ { text: Sorry } ], next: { next: end } }\n  end: { type: end }\n";
    let sorry = bot(source);
    assert_eq!(Play::new(&sorry).say("hi"), ["Sorry"]);
    let bot = bot(&source.replace("{ next: end }", "{ next: a, failed: end }"));
    assert!(Play::new(&bot).say("hi")[0].starts_with("error: node `a`: over 100 nodes"));
}

#[test]
fn f53_poison_templates_run_out_of_fuel_or_room() {
    for text in [
        "{% for a in range(1000000) %}{% for b in range(1000000) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 90000000 }}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "{% for a in range(9000) %}0123456789{% endfor %}",
        "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
        "{{ range(100000000) | list | length }}",
        "{{ ('ab' * 30000) | replace('a', 'b' * 30000) }}",
        "{{ 'x' | indent(90000000) }}",
        "{{ '%0900000000d' | format(1) }}",
        "{{ [[1]] * 90000000 }}",
    ] {
        let error = error_of(&doing(&format!(
            "  a:\n    type: say\n    messages:\n      - text: \"{text}\"\n    next: {{ next: end }}\n"
        )));
        assert!(matches!(error, TurnError::Evaluation { .. }), "{text}: {error}");
        assert_eq!(error.node(), "a");
    }
}

#[test]
fn too_many_messages_and_too_much_text_fail() {
    let many = "      - text: hi\n".repeat(caps::MAX_MESSAGES_PER_TURN + 1);
    let error = error_of(&doing(&format!("  a:\n    type: say\n    messages:\n{many}    next: {{ next: end }}\n")));
    assert!(matches!(error, TurnError::MessageLimit { .. }), "{error}");
    let long = format!("      - text: {}\n", "é".repeat(3_000)).repeat(9);
    let error = error_of(&doing(&format!("  a:\n    type: say\n    messages:\n{long}    next: {{ next: end }}\n")));
    assert!(matches!(error, TurnError::TextLimit { .. }), "{error}");
}

#[test]
fn f55_variables_stay_within_their_caps() {
    let error = error_of(&doing("  a: { type: set, assign: { x: \"'y' * 70000\" }, next: { next: end } }\n"));
    assert!(error.to_string().contains("variable `x` would be larger than 65536 bytes"), "{error}");
    let five: String = (0..5)
        .map(|n| {
            let next = if n == 4 { "end".to_owned() } else { format!("n{}", n + 1) };
            let name = if n == 0 { "a".to_owned() } else { format!("n{n}") };
            format!("  {name}: {{ type: set, assign: {{ v{n}: \"'y' * 60000\" }}, next: {{ next: {next} }} }}\n")
        })
        .collect();
    let error = error_of(&doing(&five));
    assert!(error.to_string().contains("the variables would be larger than 262144 bytes"), "{error}");
}

#[test]
fn f55_a_list_that_grows_with_every_answer_meets_the_cap() {
    let bot = bot(
        "parlance: 1\nid: t\nvars: { all: { type: list, default: [] } }\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  ask: { type: ask, prompt: More?, save: one, next: { ok: add } }\n  add: { type: set, assign: { all: \"all + [one]\" }, next: { next: ask } }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    let long = "x".repeat(4_000);
    let refused = (0..30).map(|_| play.say(&long)).find(|said| said[0].starts_with("error"));
    assert!(refused.unwrap()[0].contains("variable `all` would be larger"));
    assert!(play.state.is_waiting());
}

#[test]
fn a_run_of_too_many_turns_gives_way_to_a_new_one() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: ask } ]\npolicies: { limits: { turns_per_run: 3 } }\nnodes:\n  ask: { type: ask, prompt: More?, next: { ok: ask } }\n",
    );
    let mut play = Play::new(&bot);
    play.say("1");
    let first = play.state.run_id().unwrap().to_owned();
    play.say("2");
    play.say("3");
    assert_eq!(play.state.run_id(), Some(first.as_str()));
    assert_eq!(play.say("4"), ["More?"]);
    assert_ne!(play.state.run_id(), Some(first.as_str()));
}

#[test]
fn a_tick_that_fails_ends_the_run() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  ask: { type: ask, prompt: Well?, timeout: 5m, next: { ok: end, timeout: bad } }\n  bad: { type: set, assign: { x: \"'y' * 70000\" }, next: { next: end } }\n  end: { type: end }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    let turn = play.wait(300_000).unwrap();
    assert!(turn.changed && !turn.after.is_waiting() && turn.after.wake_ms().is_none());
    let turn = play.wait(300_000).unwrap();
    assert!(!turn.changed && turn.trace.is_empty());
}

#[test]
fn a_late_tick_changes_nothing_after_the_reply() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  ask: { type: ask, prompt: Well?, timeout: 5m, next: { ok: ask, timeout: end } }\n  end: { type: end }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    play.now_ms += 400_000;
    assert_eq!(play.say("here I am"), ["Well?"]);
    assert!(!play.wait(1_000).unwrap().changed);
}

#[test]
fn f56_a_state_at_a_node_that_is_gone_starts_anew() {
    let old = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  ask: { type: ask, prompt: Old?, next: { ok: end } }\n  end: { type: end }\n",
    );
    let new = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: other } ]\nnodes:\n  other: { type: ask, prompt: New?, next: { ok: ask } }\n  ask: { type: end }\n",
    );
    let mut play = Play::new(&old);
    play.say("hi");
    let mut after = Play::new(&new);
    after.state = play.state.clone();
    assert_eq!(after.say("answer"), ["New?"]);
}

/// Patterns whose time explodes in engines that try again, each with what makes it fail late.
fn slow_patterns() -> Vec<String> {
    let parts = [
        "(a+)+",
        "(a*)*",
        "(a|a)*",
        "(a|aa)+",
        "([a-zA-Z]+)*",
        "(.*a){12}",
        "(a?){20}a{20}",
        "(\\w+\\s?)*",
        "(a+a+)+",
        "(?:a|b|ab)*",
        "(.*)*",
        "(([a-z])+.)+",
        "((a+)+)+",
        "(x+x+)+y|(a+)+",
        "(\\d|\\w)+",
        "(a{1,30}){1,9}",
        "[^b]*[^c]*",
    ];
    let ends = ["$", "b$", "!$", "c{2}$", "\\b!$", "[^a]$", "(b|c)$", "@x\\.y$", "\\z!", "x+$", "(?i)Z$", "\\s+$"];
    parts.iter().flat_map(|part| ends.iter().map(move |end| format!("^{part}{end}"))).collect()
}

#[test]
fn f54_no_pattern_takes_more_than_linear_time() {
    let text = "a".repeat(64 * 1024);
    let patterns = slow_patterns();
    assert!(patterns.len() >= 200, "{}", patterns.len());
    for pattern in patterns {
        let source = serde_json::json!({
            "parlance": 1, "id": "t", "triggers": [ { "pattern": { "regex": pattern }, "to": "a" } ],
            "nodes": { "a": { "type": "end" } },
        });
        let loaded = load(&source.to_string(), "t.json", Format::Json);
        let bot = loaded.bot.unwrap_or_else(|| panic!("{pattern}: {:?}", loaded.diagnostics));
        assert!(Play::new(&bot).step(&said(&text)).is_ok(), "{pattern}");
    }
}

#[test]
fn f54_patterns_that_look_back_or_grow_too_large_are_refused() {
    let long = "a".repeat(caps::MAX_PATTERN_CHARS + 1);
    for pattern in [r"(a+)\1$", "(?=a+)a", "(?<!a)b", "(?:a{1000}){1000}", "((a{100}){100}){100}", &long] {
        let source = serde_json::json!({
            "parlance": 1, "id": "t", "triggers": [ { "pattern": { "regex": pattern }, "to": "a" } ],
            "nodes": { "a": { "type": "end" } },
        });
        let found = load(&source.to_string(), "t.json", Format::Json).diagnostics;
        assert!(found.iter().any(|found| found.code == "PAR-0221"), "{pattern}");
    }
}

#[test]
fn f55_what_loops_and_calls_keep_is_capped() {
    // Each open call keeps the former value of its argument; an `each` keeps what it has yet to take.
    let mut nodes = String::from("  a: { type: set, assign: { x: \"'y' * 60000\" }, next: { next: c0 } }\n");
    for n in 0..5 {
        nodes.push_str(&format!(
            "  c{n}: {{ type: call, node: c{}, args: {{ x: \"'z' * 60000\" }}, next: {{ returned: end }} }}\n",
            n + 1
        ));
    }
    nodes.push_str("  c5: { type: return }\n");
    let error = error_of(&doing(&nodes));
    assert!(error.to_string().contains("what calls and loops keep would be larger than 262144 bytes"), "{error}");
    let deep: String = (0..17)
        .map(|n| {
            let name = if n == 0 { "a".to_owned() } else { format!("d{n}") };
            format!("  {name}: {{ type: call, node: d{}, next: {{ returned: end }} }}\n", n + 1)
        })
        .collect();
    let error = error_of(&doing(&format!("{deep}  d17: {{ type: return }}\n")));
    assert!(error.to_string().contains("over 16 calls and loops are open"), "{error}");
}

#[test]
fn f52_a_call_that_calls_itself_meets_the_cap_of_nodes() {
    let error = error_of(&doing("  a: { type: call, node: a, next: { returned: end, failed: a } }\n"));
    assert!(matches!(error, TurnError::StepLimit { .. }), "{error}");
}

/// `[[[…]]]`.
fn nested(levels: usize) -> serde_json::Value {
    (0..levels).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]))
}

#[test]
fn f55_a_value_that_grows_inwards_with_each_message_is_refused_before_it_cannot_be_read_back() {
    for set in ["assign: { log: \"[log, input.text]\" }", "contact: { log: \"{'before': contact.log}\" }"] {
        let source = format!(
            "parlance: 1\nid: t\nvars: {{ log: {{ type: list, scope: contact }} }}\ntriggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n  a: {{ type: set, {set}, next: {{ next: end }} }}\n  end: {{ type: end }}\n"
        );
        let bot = bot(&source);
        let mut play = Play::new(&bot);
        // Every step takes the state through MessagePack and JSON.
        for _ in 0..caps::MAX_VALUE_DEPTH {
            assert_eq!(play.say("hi"), [""; 0]);
        }
        for _ in 0..1_100 {
            let before = play.state.clone();
            let error = play.step(&said("hi")).unwrap_err();
            assert!(
                error.to_string().contains("`log` would be nested deeper than 64 levels")
                    || error.to_string().contains("`contact.log` would be nested deeper than 64 levels"),
                "{error}"
            );
            assert_eq!(play.state, before);
        }
    }
}

#[test]
fn f55_no_door_of_a_state_takes_what_is_nested_too_deeply() {
    // A form of the person, and the answer of another program: JSON takes 127 levels.
    let deep = nested(caps::MAX_VALUE_DEPTH + 1);
    let form = Input::Message(chatbot::Incoming {
        kind: "order".into(),
        data: Some(deep.clone()),
        ..chatbot::Incoming::default()
    });
    let loops = "  b: { type: return }\n";
    for (nodes, what) in [
        ("  a: { type: set, assign: { x: input.data }, next: { next: end } }\n", "variable `x`"),
        ("  a: { type: set, contact: { x: input.data }, next: { next: end } }\n", "`contact.x`"),
        ("  a: { type: emit, event: x, data: \"{{ input.data }}\", next: { next: end } }\n", "the data"),
        ("  a: { type: end, result: \"{{ input.data }}\" }\n", "the result"),
        (
            "  a: { type: menu, prompt: P, options: [ { id: o, title: O, value: \"{{ input.data }}\" } ], next: { o: end } }\n",
            "the value of option `o`",
        ),
        (
            "  a: { type: each, list: \"[1, input.data]\", as: y, body: b, next: { next: end } }\n",
            "what a call or loop keeps",
        ),
        (
            "  a: { type: http, url: \"https://api.example.com/\", method: POST, body: { json: \"{{ input.data }}\" }, next: { ok: end } }\n",
            "the body",
        ),
    ] {
        let bot = bot(&doing(&format!("{nodes}{}", if nodes.contains("body: b,") { loops } else { "" })));
        let mut play = Play::new(&bot);
        let error = play.step(&form).expect_err(nodes);
        assert!(error.to_string().contains(&format!("{what} would be nested deeper than 64 levels")), "{error}");
    }
    assert_eq!(ApiCall::new("a", deep.clone()), Err(CallError::Depth));
    assert!(ApiCall::new("a", nested(caps::MAX_VALUE_DEPTH)).is_ok());

    let source = doing(
        "  a: { type: http, url: \"https://api.example.com/\", save: x, next: { ok: end, bad_body: sorry } }\n  sorry: { type: say, messages: [ { text: Sorry } ], next: { next: end } }\n",
    );
    let bot = bot(&source);
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(chatbot::HttpOutcome::Answer {
        status: 200,
        content_type: Some("application/json".into()),
        body: deep.to_string(),
    });
    let turn = play.step(&done).unwrap();
    assert!(format!("{:?}", turn.trace).contains("nested deeper than 64 levels"), "{:?}", turn.trace);
}

#[test]
fn f55_a_default_that_is_nested_too_deeply_is_refused() {
    let source = serde_json::json!({
        "parlance": 1, "id": "t", "triggers": [ { "default": {}, "to": "a" } ],
        "vars": { "x": { "type": "list", "default": nested(caps::MAX_VALUE_DEPTH + 1) } },
        "nodes": { "a": { "type": "end" } },
    });
    let found = load(&source.to_string(), "t.json", Format::Json).diagnostics;
    assert!(found.iter().any(|found| found.code == "PAR-0201"), "{found:?}");
}

#[test]
fn what_a_menu_offers_is_capped_together() {
    let bot = bot(
        "parlance: 1\nid: t\npolicies: { on_error: sorry }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: set, assign: { big: \"'y' * 60000\" }, next: { next: b } }\n  b: { type: menu, prompt: Pick, options_from: { list: \"[1, 2, 3, 4, 5, 6]\", title: \"{{ item }}\", value: \"{{ big }}\" }, save: c, next: { picked: end } }\n  sorry: { type: say, messages: [ Sorry. ], next: { next: end } }\n  end: { type: end }\n",
    );
    assert_eq!(Play::new(&bot).say("hi"), ["Sorry."]);
}

#[test]
fn what_a_condition_read_is_shortened_in_the_trace() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: set, assign: { big: \"'y' * 60000\" }, next: { next: b } }\n  b: { type: branch, cases: [ { when: \"big == 'x'\", to: end } ], else: end }\n  end: { type: end }\n",
    );
    let mut play = Play::new(&bot);
    let turn = play.step(&said("hi")).unwrap();
    let bytes = serde_json::to_vec(&turn.trace).unwrap().len();
    assert!(bytes < 4_000, "{bytes}");
}
