//! Conversations in files: `<case>.yaml` is the bot, `<case>.in` what happens, `<case>.out` what must
//! come of it. `BLESS=1` rewrites the last.
//!
//! Lines of an `.in` file: `say TEXT`, `tap ID TITLE`, `send TYPE [CAPTION]`, `wait DURATION`, `json MESSAGE`
//! (as Meta delivers it).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chatbot::{Input, NODE_TYPES, TRIGGER_TYPES, Trace};

use crate::support::{Play, bot, delivered, expect_file, message, read, said, shown, tapped, testdata};

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(testdata("transcripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .collect();
    cases.sort();
    cases
}

fn play(case: &Path) -> (String, Vec<Trace>) {
    let bot = bot(&read(&case.with_extension("yaml")));
    let mut play = Play::new(&bot);
    let (mut out, mut all) = (String::new(), Vec::new());
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
                all.extend(turn.trace);
            }
            Err(error) => writeln!(out, "! {error}").unwrap(),
        }
        let state = &play.state;
        let wake = state.wake_ms().map(|at| (at - play.now_ms) / 1_000);
        let wake = wake.map(|seconds| format!(", wakes in {seconds} s")).unwrap_or_default();
        writeln!(out, "= {} {}{wake}\n", state.node().unwrap_or("-"), state.variables()).unwrap();
    }
    (out, all)
}

fn input(play: &mut Play<'_>, line: &str) -> Input {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match verb {
        "say" => said(rest),
        "tap" => tapped(first, second),
        "send" => Input::Message(message(first, second)),
        "json" => delivered(rest),
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
        let (out, _) = play(&case);
        expect_file(&case.with_extension("out"), &out);
    }
}

#[test]
fn every_node_kind_and_trigger_has_a_conversation() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        for trace in play(&case).1 {
            match trace {
                Trace::Entered { kind, .. } => seen.insert(kind),
                Trace::RunStarted { trigger, .. } => {
                    seen.insert(trigger.split(' ').next().unwrap_or_default().to_owned())
                }
                _ => false,
            };
        }
    }
    for kind in NODE_TYPES.iter().chain(TRIGGER_TYPES).chain(&["http", "flow"]) {
        assert!(seen.contains(*kind), "no transcript enters `{kind}`");
    }
}
