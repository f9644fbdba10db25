//! Conversations in files: `<case>.yaml` is the bot, `<case>.in` what happens, `<case>.out` what must
//! come of it. `BLESS=1` rewrites the last.
//!
//! Lines of an `.in` file: `say TEXT`, `tap ID TITLE`, `send TYPE [CAPTION]`, `wait DURATION`, `json MESSAGE`
//! (as Meta delivers it), `back` and `close` (a human is done), `answer STATUS JSON`, `answer timeout`, `answer unreachable`
//! and `answer bad STATUS` (what comes of the last call), `lead restart`, `lead end`, `lead NODE` and `set NAME JSON` (staff steer
//! the run), `form DATA` (the last form that was sent), `api NAME DATA`.
//! Of that form's phone: `ask ACTION SCREEN DATA`, `again` (the same request), `late` (out of time), `result STATUS JSON`
//! (what comes of the call that the request wants, and the request again), `token TOKEN` (what the phone has for one).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chatbot::{
    ANSWER_TYPES, ApiCall, Effect, FormAction, HandBack, HttpOutcome, Input, MESSAGE_TYPES, NODE_TYPES, POLICIES,
    Steer, TRIGGER_TYPES, Trace,
};
use whatsapp::message::Outgoing;

use crate::support::{
    Play, bot, bot_file, delivered, delivered_at, expect_file, json_answer, message, read, said, shown, tapped,
    testdata,
};

pub(crate) fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(testdata("transcripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .collect();
    cases.sort();
    cases
}

#[derive(Default)]
struct Played {
    out: String,
    traces: Vec<Trace>,
    /// Meta's types of what was said.
    said: BTreeSet<String>,
}

fn play(case: &Path) -> Played {
    let bot = bot_file(&case.with_extension("yaml"));
    let mut play = Play::new(&bot);
    let Played { mut out, mut traces, mut said } = Played::default();
    for line in read(case).lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        writeln!(out, "> {line}").unwrap();
        let input = input(&mut play, line);
        match play.step(&input) {
            Ok(turn) => {
                for text in shown(&turn.effects) {
                    writeln!(out, "< {}", text.replace('\n', "⏎")).unwrap();
                }
                for trace in &turn.trace {
                    let text = serde_json::to_string(trace).unwrap();
                    writeln!(out, "    {}", text.replace(bot.version(), "VERSION")).unwrap();
                }
                traces.extend(turn.trace);
                said.extend(turn.effects.iter().filter_map(Effect::message).map(|sending| wire_type(&sending.message)));
            }
            Err(error) => writeln!(out, "! {error}").unwrap(),
        }
        let state = &play.state;
        let wake = state.wake_ms().map(|at| at.saturating_sub(play.now_ms) / 1_000);
        let wake = wake.map(|seconds| format!(", wakes in {seconds} s")).unwrap_or_default();
        writeln!(out, "= {} {}{wake}\n", state.node().unwrap_or("-"), state.variables()).unwrap();
    }
    Played { out, traces, said }
}

fn wire_type(message: &Outgoing) -> String {
    let raw = message.raw();
    raw["interactive"]["type"].as_str().unwrap_or(message.type_name()).to_owned()
}

pub(crate) fn input(play: &mut Play<'_>, line: &str) -> Input {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match verb {
        "say" => said(rest),
        "tap" => tapped(first, second),
        "send" => Input::Message(message(first, second)),
        "json" => delivered(rest),
        "form" => {
            let mut data: serde_json::Value = serde_json::from_str(rest).unwrap();
            data["flow_token"] = play.form_token.clone().into();
            let reply = serde_json::json!({ "name": "flow", "body": "Sent", "response_json": data.to_string() });
            let message = serde_json::json!({ "id": "wamid.TEST", "type": "interactive",
                "interactive": { "type": "nfm_reply", "nfm_reply": reply } });
            delivered_at(&message.to_string(), play.now_ms)
        }
        "api" => Input::Api(ApiCall::new(first, serde_json::from_str(second).unwrap_or_default()).unwrap()),
        "ask" => {
            let (screen, data) = second.split_once(' ').unwrap_or((second, "null"));
            let action = match first {
                "init" => FormAction::Init,
                "submit" => FormAction::Submit,
                "back" => FormAction::Back,
                _ => FormAction::Error,
            };
            let screen = Some(screen).filter(|screen| !screen.is_empty() && *screen != "-");
            play.asks(action, screen, serde_json::from_str(data).unwrap())
        }
        "again" => play.asks_again(|_| {}),
        "late" => play.asks_again(|request| request.late = true),
        "token" => play.asks_again(|request| rest.clone_into(&mut request.token)),
        "result" => play.asks_with(match first {
            "timeout" => HttpOutcome::Timeout,
            status => json_answer(status.parse().unwrap(), second),
        }),
        "back" => Input::HandBack(HandBack::Returned),
        "close" => Input::HandBack(HandBack::Closed),
        "lead" => Input::Steer(match first {
            "restart" => Steer::Restart,
            "end" => Steer::End,
            node => Steer::Node(node.to_owned()),
        }),
        "set" => Input::Steer(Steer::Set([(first.to_owned(), serde_json::from_str(second).unwrap())].into())),
        "answer" => play.done(match first {
            "timeout" => HttpOutcome::Timeout,
            "unreachable" => HttpOutcome::Unreachable { why: "connection refused".into() },
            "bad" => HttpOutcome::BadBody { status: second.parse().unwrap(), why: "the body is too large".into() },
            status => json_answer(status.parse().unwrap(), second),
        }),
        "wait" => {
            let minutes: u64 = rest.trim_end_matches('m').parse().unwrap();
            play.now_ms += minutes * 60_000;
            Input::Tick
        }
        other => panic!("unknown verb {other}"),
    }
}

#[test]
fn conversations_go_as_written_down() {
    for case in cases() {
        expect_file(&case.with_extension("out"), &play(&case).out);
    }
}

#[test]
fn every_node_kind_and_trigger_has_a_conversation() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        for trace in play(&case).traces {
            match trace {
                Trace::Entered { kind, .. } => seen.insert(kind),
                Trace::RunStarted { trigger, .. } => {
                    seen.insert(trigger.split(' ').next().unwrap_or_default().to_owned())
                }
                _ => false,
            };
        }
    }
    for kind in NODE_TYPES.iter().chain(TRIGGER_TYPES) {
        assert!(seen.contains(*kind), "no transcript enters `{kind}`");
    }
}

#[test]
fn every_kind_of_message_is_said_in_a_conversation() {
    let seen: BTreeSet<String> = cases().iter().flat_map(|case| play(case).said).collect();
    for kind in MESSAGE_TYPES {
        let wire = match *kind {
            "buttons" => "button",
            "location_request" => "location_request_message",
            "contact_request" => "request_contact_info",
            "catalog" => "catalog_message",
            "address" => "address_message",
            kind => kind,
        };
        assert!(seen.contains(wire), "no transcript says `{kind}`");
    }
}

#[test]
fn every_policy_and_answer_type_is_used_in_a_conversation() {
    let bots: Vec<String> = cases().iter().map(|case| read(&case.with_extension("yaml"))).collect();
    let used = |pattern: String| {
        let pattern = regex::Regex::new(&pattern).unwrap();
        bots.iter().any(|bot| pattern.is_match(bot))
    };
    for policy in POLICIES {
        assert!(used(format!(r"\b{policy}:")), "no transcript uses the policy `{policy}`");
    }
    for answer in ANSWER_TYPES {
        let used = *answer == "text" || used(format!(r"\b(expect|type): {answer}\b"));
        assert!(used, "no transcript expects `{answer}`");
    }
}

/// Kinds of nodes that decide, and labels of ways that say why themselves.
const DECIDING: &[&str] = &["ask", "menu", "branch", "split", "each", "wait", "handoff", "http"];
const TELLING: &[&str] = &["idle", "human_words", "unexpected.media", "unexpected.reaction", "unexpected.other"];

#[test]
fn every_decision_of_a_node_says_why() {
    let (mut silent, mut explained) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        let mut kinds = std::collections::BTreeMap::new();
        let mut failed = None;
        for trace in play(&case).traces {
            match trace {
                Trace::Entered { node, kind } => drop(kinds.insert(node, kind)),
                // What goes wrong is told before the port that it takes.
                Trace::Error { node, .. } => failed = node,
                Trace::Took { node, port, why, .. } => {
                    let Some(kind) = kinds.get(&node).filter(|kind| DECIDING.contains(&kind.as_str())) else {
                        continue;
                    };
                    let told = why.is_some()
                        || failed.take().is_some_and(|failed| failed == node)
                        || TELLING.contains(&port.as_str());
                    match told {
                        true => explained.insert(kind.clone()),
                        false => silent.insert(format!("{}: {kind} {node} takes {port}", case.display())),
                    };
                }
                _ => {}
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.into_iter().collect::<Vec<_>>().join("\n"));
    assert_eq!(explained.len(), DECIDING.len(), "{explained:?}");
}

#[test]
fn a_trigger_with_a_condition_says_what_it_read() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers:\n  - { default: {}, when: contact.name == 'Ada', to: a }\nnodes: { a: { type: end } }\n",
    );
    let turn = Play::new(&bot).step(&said("hi")).unwrap();
    let Trace::RunStarted { why: Some(why), .. } = &turn.trace[0] else { panic!("{:?}", turn.trace) };
    assert_eq!((why.expression.as_str(), &why.operands["contact.name"]), ("contact.name == 'Ada'", &"Ada".into()));
}
