//! A conversation that took place becomes a test that passes and tells nothing of the person.

use chatbot::testing::{ExportError, Exported, Happened, Recorded, Recording, export, run, with_stand_in_files};
use chatbot::{
    Bot, ContactView, Effect, Format, Given, HandBack, HttpDone, HttpOutcome, Incoming, Input, NumberView, Snapshot,
    load, turn,
};
use serde_json::{Value, json};
use whatsapp::webhook::Message;

use crate::support::{START_MS, bot, bot_file, read, repository, testdata};

/// A conversation that is recorded while it takes place.
struct Recorder<'b> {
    bot: &'b Bot,
    recording: Recording,
    state: Snapshot,
    now_ms: u64,
    seed: u64,
    /// What other programs answer.
    answer: Value,
}

impl<'b> Recorder<'b> {
    fn new(bot: &'b Bot) -> Self {
        let contact = ContactView {
            name: Some("Jane Roe".into()),
            wa_id: Some("447700900123".into()),
            user_id: Some("GB.77".into()),
        };
        let recording = Recording { name: "it".into(), at_ms: START_MS, contact, ..Recording::default() };
        let answer = json!({ "items": [ { "id": "a", "title": "Jane's" } ], "name": "Jane Roe", "total": 3 });
        Self { bot, recording, state: Snapshot::default(), now_ms: START_MS, seed: 7_000, answer }
    }

    fn step(&mut self, what: Happened) {
        let input = match &what {
            Happened::Message(raw) => {
                let incoming = Incoming::from(&Message::parse(&raw.to_string()));
                Input::Message(Incoming { at_ms: self.now_ms, wamid: format!("wamid.{}", self.seed), ..incoming })
            }
            Happened::Woke => Input::Tick,
            Happened::Http(done) => Input::HttpDone(done.clone()),
            Happened::HandBack(how) => Input::HandBack(*how),
            Happened::Call(call) => Input::Api(call.clone()),
            Happened::Staff => {
                self.state.human_wrote(self.now_ms);
                self.put(what, Vec::new(), 0);
                return;
            }
        };
        self.seed += 1;
        let number = NumberView { id: "1".into(), display: Some("+1 555 010 0000".into()) };
        let given = Given {
            now_ms: self.now_ms,
            seed: self.seed,
            staff_since_ms: None,
            address: "0AFFE",
            contact: &self.recording.contact,
            number: &number,
        };
        let Ok(turn) = turn(self.bot, &self.state, &input, &given) else { return };
        if matches!(input, Input::Tick) && !turn.changed {
            return;
        }
        let calls: Vec<_> = turn.effects.iter().filter_map(Effect::call).cloned().collect();
        let sends = turn.effects.iter().filter_map(Effect::message).count();
        self.state = turn.after;
        self.put(what, turn.trace, sends);
        for call in calls {
            self.now_ms += 250;
            let body = self.answer.to_string();
            let outcome = HttpOutcome::Answer { status: 200, content_type: Some("application/json".into()), body };
            self.step(Happened::Http(HttpDone { id: call.id, outcome, tries: 1 }));
        }
    }

    fn put(&mut self, what: Happened, trace: Vec<chatbot::Trace>, sends: usize) {
        let (entry, node) = (self.recording.steps.len() as u64, self.state.node().map(str::to_owned));
        self.recording.steps.push(Recorded { entry, at_ms: self.now_ms, seed: self.seed, what, trace, node, sends });
    }

    fn says(&mut self, text: &str) {
        self.now_ms += 4_321;
        self.step(Happened::Message(json!({ "type": "text", "text": { "body": text } })));
    }

    fn taps(&mut self, id: &str) {
        self.now_ms += 2_000;
        let reply = json!({ "type": "button_reply", "button_reply": { "id": id, "title": id } });
        self.step(Happened::Message(json!({ "type": "interactive", "interactive": reply })));
    }

    /// Time passes; the bot wakes when it wants to.
    fn waits(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while let Some(due_ms) = self.state.wake_ms().filter(|due_ms| *due_ms <= until_ms) {
            // A little late, as in life.
            self.now_ms = due_ms.max(self.now_ms) + 12;
            let before = self.recording.steps.len();
            self.step(Happened::Woke);
            if self.recording.steps.len() == before {
                break;
            }
        }
        self.now_ms = self.now_ms.max(until_ms);
    }

    fn exported(&self) -> Exported {
        export(self.bot, &self.recording).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The test passes as a part of the bot's file.
#[track_caller]
fn passes(bot: &Bot, yaml: &str) {
    let mut document: Value = serde_json::from_str(&bot.canonical_json()).unwrap();
    document["tests"] = json!([]);
    let head = document.to_string();
    let head = head.strip_suffix('}').unwrap().replace("\"tests\":[]", "\"x-none\":[]");
    // JSON is YAML: the tests stand behind it as they would in a file.
    let tests: String = yaml.lines().map(|line| format!("  {line}\n")).collect();
    let document: Value = serde_json::from_str(&format!("{head}}}")).unwrap();
    let body: String = document
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("{}: {value}\n", Value::from(key.as_str())))
        .collect();
    let source = format!("{body}tests:\n{tests}");
    let loaded = load(&source, "t.yaml", Format::Yaml);
    let found: Vec<String> = loaded.diagnostics.iter().map(|d| d.render(&source)).collect();
    let bot = with_stand_in_files(loaded.bot.unwrap_or_else(|| panic!("{}", found.join("\n"))));
    for case in bot.tests() {
        let failure = run(&bot, case).failure.map(|failure| failure.to_string());
        assert_eq!(failure, None, "{yaml}");
    }
}

#[test]
fn a_booking_at_the_sample_bot_becomes_a_test_that_reads_like_one() {
    let bot = bot_file(&repository("bots/welcome.yaml"));
    let mut recorder = Recorder::new(&bot);
    recorder.says("hi");
    recorder.taps("book");
    recorder.says("Berlin");
    recorder.says("4");
    recorder.taps("yes_please");
    recorder.waits(60_000);
    recorder.says("book a table");
    recorder.taps("lisbon");
    recorder.waits(1_900_000);
    let exported = recorder.exported();
    assert_eq!(exported.warnings, [] as [&str; 0]);
    let head = "- name: it\n  at: \"2026-11-22T10:00:00Z\"\n  person: { user_id: user.1, wa_id: \"447000000001\" }\n  steps:\n";
    assert!(exported.yaml.starts_with(head), "{}", exported.yaml);
    assert!(
        exported.yaml.contains("    - user: hi\n    - expect:\n      - \"Hi Ada, I am a Parlance bot. 👋\"\n"),
        "{}",
        exported.yaml
    );
    assert!(exported.yaml.contains("    - tap: book\n"), "{}", exported.yaml);
    assert!(exported.yaml.contains("    - expect_end: done\n"), "{}", exported.yaml);
    assert!(exported.yaml.contains("    - expect_end: no_answer\n"), "{}", exported.yaml);
    for personal in ["Jane", "Roe", "900123", "GB.77"] {
        assert!(!exported.yaml.contains(personal), "{personal}: {}", exported.yaml);
    }
    passes(&bot, &exported.yaml);
}

#[test]
fn what_is_personal_has_the_same_stand_in_in_all_that_was_said() {
    let bot = bot(r#"parlance: 1
id: t
vars:
  who: { type: text, pii: true }
  mail: { type: text }
  born: { type: date, pii: true }
  street: { type: text, pii: true, scope: contact }
triggers: [ { default: {}, to: who } ]
nodes:
  who: { type: ask, prompt: "Hello {{ contact.name }}, who is it for?", save: who, next: { ok: street } }
  street: { type: ask, prompt: "Where does {{ who }} live?", save: street, next: { ok: mail } }
  mail: { type: ask, prompt: "The mail of {{ who }}?", expect: email, save: mail, next: { ok: born } }
  born: { type: ask, prompt: "When was {{ who }} born?", expect: date, save: born, next: { ok: all } }
  all: { type: say, messages: [ { text: "{{ who }}, {{ street }}, {{ mail }}, {{ born }}, {{ contact.phone }}, {{ contact.name }}" } ], next: { next: fin } }
  fin: { type: end, reason: done }
"#);
    let mut recorder = Recorder::new(&bot);
    recorder.says("Hi, Jane Roe here, +44 7700 900123");
    recorder.says("Zebulon Quux");
    recorder.says("14 Elm Road");
    recorder.says("zeb@quux.example");
    recorder.says("1984-03-05");
    recorder.says("Zebulon Quux thanks you, jane roe too, mail zeb@quux.example");
    let exported = recorder.exported();
    assert_eq!(exported.warnings, [] as [&str; 0], "{}", exported.yaml);
    for personal in ["Zebulon", "Quux", "quux", "zeb@", "Elm", "Jane", "roe", "900123", "1984"] {
        assert!(!exported.yaml.contains(personal), "{personal}: {}", exported.yaml);
    }
    assert!(exported.yaml.contains("user: \"Hi, Ada here, +44 7000 000001\""), "{}", exported.yaml);
    assert!(
        exported.yaml.contains("Aaaaaaa Aaaa, 22 Bbb Bbbb, person1@example.com, 1980-01-01, +447000000001, Ada"),
        "{}",
        exported.yaml
    );
    assert!(exported.yaml.contains("Aaaaaaa Aaaa thanks you, Ada too, mail person1@example.com"), "{}", exported.yaml);
    passes(&bot, &exported.yaml);
}

#[test]
fn a_refused_answer_is_as_personal_as_the_one_that_counts() {
    let bot = bot(
        "parlance: 1\nid: t\nvars: { dob: { type: date, pii: true } }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: ask, prompt: Born?, expect: date, save: dob, next: { ok: fin } }\n  fin: { type: end, reason: done }\n",
    );
    let mut recorder = Recorder::new(&bot);
    recorder.says("hi");
    recorder.says("on 03/04/1984 in Zebulonville");
    recorder.says("30/02/1984");
    recorder.says("5 April 1984");
    let exported = recorder.exported();
    assert_eq!(exported.warnings, [] as [&str; 0], "{}", exported.yaml);
    for personal in ["1984", "Zebulon", "03/04", "30/02"] {
        assert!(!exported.yaml.contains(personal), "{personal}: {}", exported.yaml);
    }
    passes(&bot, &exported.yaml);
}

/// A bot that asks for a day and a number, and calls.
fn caller(takes: &str) -> String {
    format!(
        "parlance: 1\nid: t\nvars: {{ dob: {{ type: date, pii: true }}, pay: {{ type: int, pii: true }}, total: {{ type: int }} }}\ntriggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n  a: {{ type: ask, prompt: Born?, expect: date, save: dob, next: {{ ok: b }} }}\n  b: {{ type: ask, prompt: Pay?, expect: int, save: pay, next: {{ ok: c }} }}\n  c: {{ type: http, url: 'https://crm.example/2026/11/27', {takes}, next: {{ ok: s }} }}\n  s: {{ type: say, messages: [ {{ text: \"{{{{ total }}}} {{{{ input.data.note }}}}\" }} ], next: {{ next: fin }} }}\n  fin: {{ type: end, reason: done }}\n"
    )
}

fn called(bot: &Bot) -> Exported {
    let mut recorder = Recorder::new(bot);
    recorder.answer = json!({ "total": 7, "dob": "1984-03-05", "pay": 54321, "note": "born 5.3.1984, earns 54321", "spouse": "Zebulon Quux", "when": "2019-08-07T10:00:00Z", "near": [ "12 Elm Road" ] });
    recorder.says("hi");
    recorder.says("5.3.1984");
    recorder.says("54321");
    let exported = recorder.exported();
    for personal in ["1984", "54321"] {
        assert!(!exported.yaml.contains(personal), "{personal}: {}", exported.yaml);
    }
    passes(bot, &exported.yaml);
    exported
}

#[test]
fn of_an_answer_only_what_the_bot_takes_stays() {
    let exported = called(&bot(&caller("extract: { total: $.total }")));
    assert_eq!(exported.warnings, [] as [&str; 0], "{}", exported.yaml);
    for personal in ["Zebulon", "Quux", "Elm", "2019-08"] {
        assert!(!exported.yaml.contains(personal), "{personal}: {}", exported.yaml);
    }
    assert!(exported.yaml.contains("total: 7"), "{}", exported.yaml);
}

#[test]
fn an_answer_that_a_bot_may_read_as_a_whole_is_to_be_looked_through() {
    let exported = called(&bot(&caller("expect_status: 2xx")));
    assert!(exported.warnings[0].contains("look through it"), "{:?}", exported.warnings);
    assert!(exported.yaml.contains("born 1.1.1980, earns 50000"), "{}", exported.yaml);
}

#[test]
fn what_a_bot_drew_is_drawn_again_where_it_matters() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: split, weights: { x: 1, y: 1 }, next: { x: b, y: c } }\n  b: { type: ask, prompt: B, next: { ok: fin } }\n  c: { type: ask, prompt: C, next: { ok: fin } }\n  fin: { type: end }\n",
    );
    let mut recorder = Recorder::new(&bot);
    for _ in 0..6 {
        recorder.says("hi");
        recorder.says("on");
    }
    let exported = recorder.exported();
    assert_eq!(exported.warnings, [] as [&str; 0]);
    assert!(exported.yaml.contains("- seed: 7001"), "{}", exported.yaml);
    passes(&bot, &exported.yaml);
}

#[test]
fn a_test_begins_with_what_was_known_and_never_in_a_run() {
    let bot = bot_file(&repository("bots/welcome.yaml"));
    let mut recorder = Recorder::new(&bot);
    recorder.says("hi");
    let in_run = Recording { before: recorder.state.clone(), ..recorder.recording.clone() };
    assert_eq!(export(&bot, &in_run), Err(ExportError::InRun));
    recorder.taps("bye");
    recorder.recording =
        Recording { before: recorder.state.clone(), at_ms: recorder.now_ms, steps: Vec::new(), ..recorder.recording };
    recorder.says("again");
    let exported = recorder.exported();
    assert!(
        exported.yaml.contains("known: true") && exported.yaml.contains("given: { visits: 1 }"),
        "{}",
        exported.yaml
    );
    assert!(exported.yaml.contains("Welcome back, Ada! This is visit number 2."), "{}", exported.yaml);
    passes(&bot, &exported.yaml);
}

#[test]
fn where_the_play_goes_another_way_it_says_so() {
    let bot = bot(
        "parlance: 1\nid: t\nvars: { who: { type: text, pii: true } }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: ask, prompt: Who?, save: who, next: { ok: b } }\n  b: { type: branch, cases: [ { when: \"who == 'Zebulon'\", to: c } ], else: fin }\n  c: { type: ask, prompt: Well?, next: { ok: fin } }\n  fin: { type: end, reason: done }\n",
    );
    let mut recorder = Recorder::new(&bot);
    recorder.says("hi");
    recorder.says("Zebulon");
    recorder.says("yes");
    let exported = recorder.exported();
    assert!(
        exported.warnings[0].starts_with("entry 1: with the stand-ins the bot waits nowhere"),
        "{:?}",
        exported.warnings
    );
    assert!(!exported.yaml.contains("Zebulon"));
    passes(&bot, &exported.yaml);
}

#[test]
fn forms_and_calls_of_other_programs_are_steps() {
    let bot = bot(
        "parlance: 1\nid: t\nflows: { f: { id: '1' } }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: flow, flow: f, prompt: Fill in, cta: Open, save: form, next: { done: w } }\n  w: { type: wait, until_event: order.paid, next: { event: e } }\n  e: { type: say, messages: [ { text: \"{{ form.who }} paid by {{ input.data.by }}\" } ], next: { next: fin } }\n  fin: { type: end, reason: done }\n",
    );
    let mut recorder = Recorder::new(&bot);
    recorder.says("hi");
    let token = serde_json::to_value(&recorder.state).unwrap().to_string();
    let token =
        token.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    let form = json!({ "flow_token": token, "who": "Zebulon" }).to_string();
    let reply = json!({ "type": "nfm_reply", "nfm_reply": { "name": "flow", "body": "Sent", "response_json": form } });
    recorder.step(Happened::Message(json!({ "type": "interactive", "interactive": reply })));
    let call = json!({ "name": "order.paid", "data": { "by": "card of Jane Roe" } });
    recorder.step(Happened::Call(serde_json::from_value(call).unwrap()));
    let exported = recorder.exported();
    assert_eq!(exported.warnings, [] as [&str; 0], "{}", exported.yaml);
    assert!(exported.yaml.contains("- flow_submit: { data: { who: Aaaaaaa } }"), "{}", exported.yaml);
    assert!(exported.yaml.contains("Aaaaaaa paid by card of Ada"), "{}", exported.yaml);
    passes(&bot, &exported.yaml);
}

#[test]
fn every_transcript_becomes_a_test_that_passes() {
    let mut exported = 0;
    for entry in std::fs::read_dir(testdata("transcripts")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "in") {
            continue;
        }
        let bot = bot(&read(&path.with_extension("yaml")));
        let mut recorder = Recorder::new(&bot);
        for line in read(&path).lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb {
                "say" => recorder.says(rest),
                "tap" => recorder.taps(rest.split(' ').next().unwrap_or_default()),
                "json" => recorder.step(Happened::Message(serde_json::from_str(rest).unwrap())),
                "wait" => recorder.waits(rest.trim_end_matches('m').parse::<u64>().unwrap_or(1) * 60_000),
                "back" if recorder.state.handed_over().is_some() => {
                    recorder.step(Happened::HandBack(HandBack::Returned))
                }
                "close" if recorder.state.handed_over().is_some() => {
                    recorder.step(Happened::HandBack(HandBack::Closed))
                }
                _ => {}
            }
        }
        if recorder.recording.steps.is_empty() {
            continue;
        }
        let made = export(&bot, &recorder.recording).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        passes(&bot, &made.yaml);
        exported += 1;
    }
    assert!(exported > 10, "{exported}");
}

mod random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

        #[test]
        fn any_conversation_with_a_sample_bot_becomes_a_test_that_passes(
            which in 0_usize..2,
            steps in prop::collection::vec((0_u8..4, prop::sample::select(vec!["hi", "book", "human", "agent", "4", "berlin", "yes", "Jane Roe", "start over", "bye", "hours", "07700 900123", "x@y.example"]), 1_u64..10_000_000), 1..25),
        ) {
            let file = ["bots/welcome.yaml", "bots/support.yaml"][which];
            let bot = bot_file(&repository(file));
            let mut recorder = Recorder::new(&bot);
            for (verb, words, ms) in steps {
                match verb {
                    0 => recorder.says(words),
                    1 => recorder.taps(words),
                    2 => recorder.waits(ms),
                    _ if recorder.state.handed_over().is_some() => recorder.step(Happened::HandBack(HandBack::Returned)),
                    _ => recorder.says("hi"),
                }
            }
            if !recorder.recording.steps.is_empty() {
                let made = recorder.exported();
                passes(&bot, &made.yaml);
                for personal in ["Jane", "900123", "x@y"] {
                    prop_assert!(!made.yaml.contains(personal), "{}", made.yaml);
                }
            }
        }
    }
}
