//! `http`: what is asked, what comes of it, and what happens to calls that race or get lost.

use chatbot::{Format, HttpDone, HttpOutcome, Input, Snapshot, Trace, caps, load};
use serde_json::{Value, json};

use crate::support::{Play, bot, json_answer, said};

/// A bot whose node `ask` calls with these fields and tells by which port it left.
fn asks(fields: &str) -> String {
    let said =
        |port: &str| format!("  {port}_: {{ type: say, messages: [ {{ text: {port} }} ], next: {{ next: fin }} }}\n");
    let ports = ["ok", "http_error", "timeout", "bad_body"].map(said).concat();
    format!(
        "parlance: 1\nid: t\nsecrets: [KEY]\npolicies: {{ restart_words: [over] }}\ntriggers: [ {{ default: {{}}, to: ask }} ]\nnodes:\n  ask:\n    type: http\n    next: {{ ok: ok_, http_error: http_error_, timeout: timeout_, bad_body: bad_body_ }}\n    {fields}\n{ports}  fin: {{ type: end }}\n"
    )
}

const GET: &str = "url: \"https://api.example.test/\"";

fn outcome(fields: &str, outcome: HttpOutcome) -> (Vec<String>, Value) {
    let bot = bot(&asks(&format!("{GET}\n    {fields}")));
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(outcome);
    let turn = play.step(&done).unwrap();
    let set = |trace: &Trace| match trace {
        Trace::Set { name, after, .. } => Some((name.clone(), after.clone())),
        _ => None,
    };
    let vars: Value = turn.trace.iter().filter_map(set).collect();
    (crate::support::shown(&turn.effects), vars)
}

#[test]
fn what_the_paths_find_becomes_variables() {
    let fields = "extract: { one: $.a.b, gone: { path: $.x, default: 7 }, all: \"$.list[*].n\", empty: \"$.no[*]\" }";
    let body = r#"{"a":{"b":null},"list":[{"n":1},{"n":"2"}]}"#;
    let (said, vars) = outcome(fields, json_answer(200, body));
    assert_eq!(said, ["ok"]);
    assert_eq!(vars, json!({ "one": null, "gone": 7, "all": [1, "2"], "empty": [] }));
}

#[test]
fn a_body_that_does_not_give_what_is_wanted_is_bad() {
    let extract = "extract: { x: $.x }";
    for (fields, body) in [
        (extract, "<html>"),
        (extract, ""),
        (extract, "{}"),
        ("extract: { x: $.x }\n    filter: item.a", r#"{"x":1}"#),
        ("save: x", "{"),
    ] {
        let (said, vars) = outcome(fields, json_answer(200, body));
        assert_eq!((said, vars), (vec!["bad_body".to_owned()], json!({})), "{fields}: {body}");
    }
    let large = json!({ "x": "y".repeat(caps::MAX_VALUE_BYTES) }).to_string();
    assert_eq!(outcome(extract, json_answer(200, &large)).0, ["bad_body"]);
    let many = json!({ "x": vec![json!({}); caps::MAX_FILTERED + 1] }).to_string();
    assert_eq!(outcome("extract: { x: $.x }\n    filter: item.a", json_answer(200, &many)).0, ["bad_body"]);
}

/// An answer whose values stand within each other is told by what was found in it, not copied over and over.
#[test]
fn paths_that_find_more_than_a_variable_holds_are_bad_and_say_so() {
    let deep = format!("{}\"{}\"{}", "[".repeat(120), "x".repeat(2_000), "]".repeat(120));
    let bot = bot(&asks(&format!("{GET}\n    extract: {{ all: \"$..*\" }}")));
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(json_answer(200, &deep));
    let turn = play.step(&done).unwrap();
    assert_eq!(crate::support::shown(&turn.effects), ["bad_body"]);
    let told = "what `$..*` finds is over 65536 bytes";
    let tells = |trace: &Trace| matches!(trace, Trace::Error { message, .. } if message == told);
    assert!(turn.trace.iter().any(tells), "{:?}", turn.trace);
    let large = json!({ "a": [{ "big": "x".repeat(caps::MAX_VALUE_BYTES) }, { "n": 1 }] }).to_string();
    let (said, vars) = outcome("extract: { x: $.a }\n    filter: item.n == 1", json_answer(200, &large));
    assert_eq!((said, vars), (vec!["ok".to_owned()], json!({ "x": [{ "n": 1 }] })), "what is left counts");
    let deep = format!("{}\"{}\"{}", "[".repeat(120), "x".repeat(caps::MAX_VALUE_BYTES / 4), "]".repeat(120));
    let filtered = "extract: { x: \"$..*\" }\n    filter: item == 1";
    assert_eq!(outcome(filtered, json_answer(200, &deep)).0, ["bad_body"]);
}

#[test]
fn the_whole_body_is_kept_by_its_type() {
    let text = |kind: Option<&str>, body: &str| HttpOutcome::Answer {
        status: 200,
        content_type: kind.map(str::to_owned),
        body: body.into(),
    };
    let saved = |answer| outcome("save: x", answer).1["x"].clone();
    assert_eq!(saved(json_answer(200, "[1]")), json!([1]));
    assert_eq!(saved(json_answer(204, "")), Value::Null);
    assert_eq!(saved(text(Some("text/html"), "[1]")), json!("[1]"));
    assert_eq!(saved(text(None, "")), json!(""));
}

#[test]
fn each_way_to_fail_has_its_port() {
    for (answer, port) in [
        (json_answer(404, "{}"), "http_error"),
        (json_answer(302, ""), "http_error"),
        (HttpOutcome::Timeout, "timeout"),
        (HttpOutcome::Unreachable { why: "x".into() }, "http_error"),
        (HttpOutcome::Refused { why: "x".into() }, "http_error"),
        (HttpOutcome::BadBody { status: 200, why: "x".into() }, "bad_body"),
        (json_answer(200, "anything"), "ok"),
    ] {
        assert_eq!(outcome("timeout_ms: 1", answer.clone()).0, [port], "{answer:?}");
    }
    assert_eq!(outcome("expect_status: [4xx, 302]", json_answer(404, "")).0, ["ok"]);
    assert_eq!(outcome("expect_status: 204", json_answer(200, "")).0, ["http_error"]);
}

#[test]
fn a_port_that_leads_nowhere_ends_the_run() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: http, url: \"https://a.example/\", next: { ok: b } }\n  b: { type: end }\n";
    let bot = bot(source);
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(HttpOutcome::Timeout);
    let turn = play.step(&done).unwrap();
    assert!(turn.trace.iter().any(|trace| matches!(trace, Trace::RunEnded { reason, .. } if reason == "timeout")));
}

#[test]
fn a_missing_value_is_an_error_whatever_the_policy_says() {
    for fields in [
        "url: \"https://a.example/{{ gone }}\"",
        "url: \"https://a.example/{{ contact.email }}\"",
        "url: \"https://a.example/\"\n    query: { a: \"{{ gone }}\" }",
        "url: \"https://a.example/\"\n    headers: { a: \"x {{ gone }}\" }",
        "url: \"https://a.example/\"\n    method: POST\n    body: { json: { a: [ \"{{ gone }}\" ] } }",
        "url: \"https://a.example/\"\n    method: POST\n    body: { form: { a: \"{{ gone }}\" } }",
        "url: \"https://a.example/\"\n    method: POST\n    body: { raw: \"{{ gone }}!\" }",
    ] {
        let bot = bot(&asks(fields));
        let mut play = Play::new(&bot);
        assert_eq!(play.say("hi"), ["http_error"], "{fields}");
        assert!(play.calls.is_empty());
    }
}

#[test]
fn what_a_person_writes_stays_a_value() {
    let fields = "url: \"https://a.example/?q={{ input.text | url_encode }}\"\n    method: POST\n    headers: { X-Said: \"{{ input.text | url_encode }}\" }\n    auth: { bearer: \"{{ secret.KEY }}\" }\n    body: { json: { said: \"{{ input.text }}\", in: \"a {{ input.text }}\" } }";
    let bot = bot(&asks(fields));
    let mut play = Play::new(&bot);
    let text = "\",\"admin\":true,\"x\":\"{{ secret.KEY }}";
    play.say(text);
    let call = serde_json::to_value(&play.calls[0]).unwrap();
    assert_eq!(call["body"]["json"], json!({ "said": text, "in": format!("a {text}") }));
    assert_eq!(call["auth"]["bearer"], json!([{ "secret": "KEY" }]));
    assert!(!call["headers"].to_string().contains("{\"secret\""));
}

#[test]
fn a_header_stays_one_line() {
    let bot = bot(&asks(&format!("{GET}\n    headers: {{ X-Said: \"{{{{ input.text }}}}\" }}")));
    for text in ["a\r\nX-Evil: 1", "ä"] {
        let mut play = Play::new(&bot);
        assert_eq!(play.say(text), ["http_error"], "{text}");
    }
}

/// The same call keeps its name; another one, and another run, have others.
#[test]
fn f60_a_call_that_is_ordered_again_is_the_same_call() {
    let bot = bot(&asks(&format!("method: POST\n    {GET}\n    body: {{ json: {{ at: \"{{{{ now }}}}\" }} }}")));
    let mut play = Play::new(&bot);
    play.say("hi");
    for _ in 1..caps::MAX_HTTP_ORDERS {
        let lease_ms = play.calls[0].lease_ms();
        play.wait(lease_ms).unwrap();
    }
    assert_eq!(play.calls.len(), caps::MAX_HTTP_ORDERS as usize);
    assert!(play.calls.iter().all(|call| *call == play.calls[0] && call.idempotency && call.id.len() == 32));
    let lease_ms = play.calls[0].lease_ms();
    let turn = play.wait(lease_ms).unwrap();
    assert_eq!(crate::support::shown(&turn.effects), ["timeout"]);
    play.say("hi");
    assert_ne!(play.calls.last().unwrap().id, play.calls[0].id);
}

#[test]
fn f60_each_entry_of_a_node_is_a_call_of_its_own() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: http, url: \"https://a.example/\", next: { ok: b } }\n  b: { type: ask, prompt: more?, save: x, next: { ok: a } }\n";
    let bot = bot(source);
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(json_answer(200, ""));
    play.step(&done).unwrap();
    play.say("yes");
    assert_ne!(play.calls[0].id, play.calls[1].id);
}

fn at(state: &Snapshot) -> (Option<String>, Option<u64>) {
    (state.node().map(str::to_owned), state.wake_ms())
}

/// What may happen while a call is under way, each at any time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Reply,
    LeaseOver,
    Answered,
}

/// Six orders of a reply, the lease and the result. Whatever comes first counts; what comes too late changes nothing;
/// the run ends by exactly one port, and a reply never does that.
#[test]
fn f57_reply_timer_and_result_in_any_order_leave_by_one_port() {
    use Event::{Answered, LeaseOver, Reply};
    let orders = [
        [Reply, LeaseOver, Answered],
        [Reply, Answered, LeaseOver],
        [LeaseOver, Reply, Answered],
        [LeaseOver, Answered, Reply],
        [Answered, Reply, LeaseOver],
        [Answered, LeaseOver, Reply],
    ];
    let bot = bot(&asks(GET).replace(
        "fin: { type: end }",
        "fin: { type: ask, prompt: more?, save: y, next: { ok: bye } }\n  bye: { type: end }",
    ));
    for order in orders {
        let mut play = Play::new(&bot);
        play.say("hi");
        let (done, lease_ms) = (play.done(json_answer(200, "")), play.calls[0].lease_ms());
        let mut said_by_bot = Vec::new();
        let mut result_was_there = false;
        for event in order {
            let before = at(&play.state);
            let turn = match event {
                Reply => play.step(&said("hello?")).unwrap(),
                LeaseOver => play.wait(lease_ms).unwrap(),
                Answered => play.step(&done).unwrap(),
            };
            match event {
                Reply if !result_was_there => assert_eq!(at(&play.state), before, "{order:?}: a reply is no result"),
                LeaseOver if result_was_there => assert!(!turn.changed, "{order:?}: the lease of a call that is done"),
                _ => {}
            }
            result_was_there |= event == Answered;
            said_by_bot
                .extend(crate::support::shown(&turn.effects).into_iter().filter(|text| !text.starts_with("CALL")));
        }
        assert_eq!(said_by_bot, ["ok", "more?"], "{order:?}");
        let again = play.step(&done).unwrap();
        assert!(!again.changed && again.effects.is_empty(), "{order:?}: the same result a second time");
    }
}

#[test]
fn f57_a_restart_during_a_call_leaves_its_result_without_effect() {
    let bot = bot(&asks(GET));
    let mut play = Play::new(&bot);
    play.say("hi");
    let old = play.done(json_answer(200, ""));
    play.say("over");
    let before = play.state.clone();
    let turn = play.step(&old).unwrap();
    assert!(!turn.changed);
    assert!(matches!(&turn.trace[..], [Trace::Ignored { kind, .. }] if kind == "http"), "{:?}", turn.trace);
    assert_eq!(play.state, before);
    let new = play.done(json_answer(200, ""));
    assert_eq!(crate::support::shown(&play.step(&new).unwrap().effects), ["ok"]);
}

#[test]
fn a_failure_behind_a_result_ends_the_run_and_makes_no_second_call() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: http, url: \"https://a.example/\", next: { ok: b } }\n  b: { type: say, messages: [ { image: { link: \"{{ nothing }}\" } } ], next: { next: c } }\n  c: { type: end }\n";
    let bot = bot(source);
    let mut play = Play::new(&bot);
    play.say("hi");
    let done = play.done(json_answer(200, ""));
    let turn = play.step(&done).unwrap();
    assert!(turn.trace.iter().any(|trace| matches!(trace, Trace::RunEnded { reason, .. } if reason == "error")));
    assert_eq!(play.state.wake_ms(), None);
}

#[test]
fn a_result_of_another_call_or_of_no_run_is_ignored() {
    let bot = bot(&asks(GET));
    let other = Input::HttpDone(HttpDone { id: "other".into(), outcome: HttpOutcome::Timeout, tries: 1 });
    let mut play = Play::new(&bot);
    assert!(!play.step(&other).unwrap().changed);
    play.say("hi");
    assert!(!play.step(&other).unwrap().changed);
    assert_eq!(play.state.node(), Some("ask"));
}

#[test]
fn fields_that_cannot_be_are_told_with_their_place() {
    let codes = |fields: &str| {
        let found = load(&asks(fields), "t.yaml", Format::Yaml).diagnostics;
        found.iter().filter(|found| found.is_error()).map(|found| found.code).collect::<Vec<_>>()
    };
    for (fields, code) in [
        ("method: get\n    url: \"https://a.example/\"", "PAR-0204"),
        ("method: POST", "PAR-0203"),
        ("url: \"https://a.example/\"\n    timeout_ms: 30001", "PAR-0204"),
        ("url: \"https://a.example/\"\n    max_bytes: 1048577", "PAR-0204"),
        ("url: \"https://a.example/\"\n    retry: { times: 6 }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    retry: { on: [200] }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    body: { json: {} }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    method: POST\n    body: { json: {}, raw: x }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    auth: { bearer: x, basic: { user: a, password: b } }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    auth: { bearer: x }\n    headers: { authorization: y }", "PAR-0219"),
        ("url: \"https://a.example/\"\n    filter: item.x", "PAR-0204"),
        ("url: \"https://a.example/\"\n    extract: { a: $.a }\n    filter: { b: item.x }", "PAR-0204"),
        ("url: \"https://a.example/\"\n    extract: { input: $.a }", "PAR-0223"),
        ("url: \"https://a.example/\"\n    expect_status: [2xx, 700]", "PAR-0204"),
    ] {
        assert_eq!(codes(fields), [code], "{fields}");
    }
}

/// Both files are played by tests of their own.
#[test]
fn every_example_of_the_page_about_calls_stands_in_a_file_that_is_played() {
    let page = crate::support::read(&crate::support::repository("docs/http.md"));
    let files = ["docs/examples/lookups.yaml", "chatbot/testdata/transcripts/http.yaml"];
    let files = files.map(|path| crate::support::read(&crate::support::repository(path)));
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        assert!(files.iter().any(|file| file.contains(block)), "stands in no file:\n{block}");
    }
}
