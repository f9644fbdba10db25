//! Forms: answered by the handlers of their Flow, done once, and never stuck.

use chatbot::testing::run;
use chatbot::{Bot, Effect, FormAction, FormStep, Format, Input, Trace, Turn, load, load_with};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Play, bot, bot_file, delivered_at, json_answer, load_file, no_files, read, said, testdata};

const SMALL: &str = r#"
parlance: 1
id: small
vars: { got: { type: object }, n: { type: int, default: 0 } }
triggers: [ { default: {}, to: form } ]
nodes:
  form: { type: flow, flow: f, prompt: Fill in, cta: Open, entry: data_exchange, ttl: 10m, save: got, next: { done: thanks, other: left, expired: left } }
  thanks: { type: say, messages: [ "Thanks {{ n }} {{ got | json }}" ], next: { next: name } }
  name: { type: ask, prompt: Your name?, expect: any, save: _name, next: { ok: bye } }
  left: { type: say, messages: [ Left. ], next: { next: bye } }
  bye: { type: end, reason: done }
flows:
  f:
    id: "1"
    on:
      init: [ { show: { screen: A, data: { a: 1 } } } ]
      submit:
        A:
          - set: { n: n + 1, own: form.x }
          - http: { url: "https://api.example.test/{{ own }}", extract: { b: $.b } }
          - show: { screen: B, data: { b: "{{ b }}" } }
        B: [ { finish: { data: { own: "{{ own }}" } } } ]
"#;

fn step(turn: &Turn) -> &FormStep {
    turn.effects.iter().find_map(Effect::form).expect("a form was answered")
}

fn ended(turn: &Turn, port: &str) -> bool {
    turn.trace
        .iter()
        .any(|trace| matches!(trace, Trace::Took { node, port: took, .. } if node == "form" && took == port))
}

fn form(play: &Play<'_>, data: &Value) -> Input {
    let mut data = data.clone();
    data["flow_token"] = play.form_token.clone().into();
    let reply = json!({ "name": "flow", "body": "Sent", "response_json": data.to_string() });
    let message = json!({ "id": "wamid.F", "type": "interactive",
        "interactive": { "type": "nfm_reply", "nfm_reply": reply } });
    delivered_at(&message.to_string(), play.now_ms)
}

#[test]
fn a_call_is_the_same_however_often_the_request_is_taken_and_changes_nothing() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    let init = play.asks(FormAction::Init, None, Value::Null);
    play.step(&init).unwrap();
    let before = play.state.clone();
    let submit = play.asks(FormAction::Submit, Some("A"), json!({ "x": "q" }));
    let first = play.step(&submit).unwrap();
    let FormStep::Call { call, budget_ms, .. } = step(&first).clone() else { panic!("{:?}", first.effects) };
    assert_eq!((call.url.as_str(), budget_ms, call.timeout_ms), ("https://api.example.test/q", 800, 800));
    assert!(!first.changed && first.after == before && first.trace.is_empty());
    play.now_ms += 60_000;
    let again = play.step(&submit).unwrap();
    assert!(matches!(step(&again), FormStep::Call { call: again, .. } if again.id == call.id));
    // Another request has calls of its own.
    let other = play.asks(FormAction::Submit, Some("A"), json!({ "x": "q" }));
    let other = play.step(&other).unwrap();
    assert!(matches!(step(&other), FormStep::Call { call: other, .. } if other.id != call.id));
    let done = play.asks_with(json_answer(200, r#"{"b": 5}"#));
    let done = play.step(&done).unwrap();
    assert_eq!(step(&done), &FormStep::Answer { screen: "B".into(), data: json!({ "b": 5 }) });
    assert!(done.changed);
    assert_eq!(play.state.variables()["n"], 1);
    assert_eq!(play.state.variables().get("own"), None, "what a form keeps for itself is no variable");
}

#[test]
fn only_what_data_names_reaches_the_phone() {
    let source = SMALL.replace("vars: {", "vars: { secret_code: { type: text, default: hush },");
    let source = source.replace("Thanks {{ n }}", "Thanks {{ n }} {{ secret_code }}");
    let bot = bot(&source);
    let mut play = Play::new(&bot);
    play.say("hi");
    for (action, screen) in [(FormAction::Init, None), (FormAction::Back, Some("A")), (FormAction::Submit, Some("X"))] {
        let asked = play.asks(action, screen, json!({ "x": "q" }));
        let turn = play.step(&asked).unwrap();
        let told = serde_json::to_string(step(&turn)).unwrap();
        assert!(!told.contains("hush") && !told.contains("got"), "{told}");
    }
}

#[test]
fn f93_a_token_that_opens_nothing_is_dead_and_changes_nothing() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    let token = play.form_token.clone().unwrap();
    let cut: String = token.chars().take(token.len() - 1).collect();
    for token in ["", "pl1", "pl1.0AFFE.", &cut, &format!("{token}0"), &token.to_uppercase(), "unused"] {
        play.asks(FormAction::Init, None, Value::Null);
        let asked = play.asks_again(|request| token.clone_into(&mut request.token));
        let before = play.state.clone();
        let turn = play.step(&asked).unwrap();
        assert!(matches!(step(&turn), FormStep::Dead { message } if message.starts_with("This form")), "{token}");
        assert!(!turn.changed && turn.after == before, "{token}");
    }
    play.now_ms += 10 * 60_000;
    let asked = play.asks(FormAction::Init, None, Value::Null);
    assert!(
        matches!(step(&play.step(&asked).unwrap()), FormStep::Dead { .. }),
        "its time is over before the timer fires"
    );
}

#[test]
fn f94_the_token_of_another_conversation_or_of_a_form_that_is_done_is_dead() {
    let bot = bot(SMALL);
    let (mut one, mut two) = (Play::new(&bot), Play::new(&bot));
    one.say("hi");
    two.say("hello");
    two.say("no");
    two.say("hi again");
    assert_ne!(one.form_token, two.form_token);
    let foreign = one.form_token.clone().unwrap();
    two.asks(FormAction::Init, None, Value::Null);
    let asked = two.asks_again(|request| request.token = foreign);
    assert!(matches!(step(&two.step(&asked).unwrap()), FormStep::Dead { .. }));
    let done = form(&one, &json!({}));
    assert!(ended(&one.step(&done).unwrap(), "done"));
    let asked = one.asks(FormAction::Init, None, Value::Null);
    let turn = one.step(&asked).unwrap();
    assert!(matches!(step(&turn), FormStep::Dead { .. }) && !turn.changed);
}

#[test]
fn a_request_that_is_repeated_gets_the_same_answer_or_none() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    let first = play.asks(FormAction::Init, None, Value::Null);
    let answered = step(&play.step(&first).unwrap()).clone();
    let again = play.step(&first).unwrap();
    assert_eq!((step(&again), again.changed), (&answered, false));
    let second = play.asks(FormAction::Init, None, Value::Null);
    play.step(&second).unwrap();
    let old = play.step(&first).unwrap();
    assert!(matches!(step(&old), FormStep::Refused { .. }) && !old.changed, "{:?}", old.effects);
}

#[test]
fn requests_of_one_form_are_bounded() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    for n in 0..=chatbot::caps::MAX_FORM_REQUESTS {
        let asked = play.asks(FormAction::Init, None, Value::Null);
        let turn = play.step(&asked).unwrap();
        let answered = matches!(step(&turn), FormStep::Answer { .. });
        assert_eq!(answered, n < chatbot::caps::MAX_FORM_REQUESTS, "{n}");
    }
    let bytes = rmp_serde::to_vec_named(&play.state).unwrap().len();
    assert!(bytes < 16 * 1024, "{bytes}");
}

#[test]
fn a_form_moves_with_its_run_and_is_dead_where_its_flow_is_gone() {
    let old = bot(SMALL);
    let mut play = Play::new(&old);
    play.say("hi");
    let asked = play.asks(FormAction::Init, None, Value::Null);
    play.step(&asked).unwrap();
    let moved = |source: &str| {
        let new = bot(source);
        let how = chatbot::How::default();
        match chatbot::migrate(Some(&old), &new, &play.state, &how) {
            chatbot::Migrated::Moved(state, _) => (new, *state),
            other => panic!("{other:?}"),
        }
    };
    let (new, state) = moved(&SMALL.replace("b: \"{{ b }}\"", "b: 7"));
    let mut other = Play::new(&new);
    (other.state, other.form_token) = (state, play.form_token.clone());
    other.asks(FormAction::Submit, Some("A"), json!({ "x": "q" }));
    let asked = other.asks_again(|request| request.digest = "moved".into());
    other.step(&asked).unwrap();
    let done = other.asks_with(json_answer(200, r#"{"b": 5}"#));
    assert_eq!(step(&other.step(&done).unwrap()), &FormStep::Answer { screen: "B".into(), data: json!({ "b": 7 }) });
    let (new, state) = moved(&SMALL.replace("flow: f,", "flow: g,").replace("\n  f:\n", "\n  g:\n"));
    let mut gone = Play::new(&new);
    (gone.state, gone.form_token) = (state, play.form_token.clone());
    gone.asks(FormAction::Submit, Some("A"), json!({}));
    let asked = gone.asks_again(|request| request.digest = "gone".into());
    assert!(matches!(step(&gone.step(&asked).unwrap()), FormStep::Dead { .. }));
}

#[test]
fn a_failure_behind_the_form_ends_the_run_and_the_phone_is_told_that_it_is_done() {
    let source = SMALL.replace("\"Thanks {{ n }} {{ got | json }}\"", "\"{{ 1 / 0 }} {{ got }}\"");
    let bot = bot(&source);
    let mut play = Play::new(&bot);
    play.say("hi");
    let asked = play.asks(FormAction::Submit, Some("B"), json!({}));
    let turn = play.step(&asked).unwrap();
    assert!(matches!(step(&turn), FormStep::Finish { .. }));
    assert!(!play.state.is_waiting() && turn.trace.iter().any(|trace| matches!(trace, Trace::Error { .. })));
}

#[test]
fn the_canonical_form_has_the_flow_json_and_loads_by_itself() {
    let path = testdata("flows/shop.yaml");
    let bot = bot_file(&path);
    assert_eq!(load_file(&path).flow_files, ["json/shop.json"]);
    let canonical = bot.canonical_json();
    let again = load(&canonical, "shop.json", Format::Json).bot.expect("it stands by itself");
    assert_eq!(again.version(), bot.version());
    let flow = bot.flows().next().unwrap();
    let file: Value = serde_json::from_str(&read(&testdata("flows/json/shop.json"))).unwrap();
    assert_eq!((flow.name.as_str(), flow.title.as_str(), flow.json.as_ref()), ("order", "shop_order", Some(&file)));
    assert_eq!((flow.categories, flow.has_handlers), (vec!["LEAD_GENERATION".to_owned()], true));
    let clinic = bot_file(&testdata("flows/clinic.yaml"));
    assert_eq!(clinic.flows().next().unwrap().title, "clinic_visit");
    assert!(play_all(&again).is_empty(), "{:?}", play_all(&again));
}

fn play_all(bot: &Bot) -> Vec<String> {
    bot.tests().iter().filter_map(|case| run(bot, case).failure.map(|failure| failure.to_string())).collect()
}

#[test]
fn a_flow_file_is_part_of_the_version() {
    let path = testdata("flows/shop.yaml");
    let (bot, json) = (read(&path), read(&testdata("flows/json/shop.json")));
    let version = |json: String| {
        let open = move |_: &str| Ok(json.clone());
        load_with(&bot, "shop.yaml", Format::Yaml, &open).bot.unwrap().version().to_owned()
    };
    assert_eq!(version(json.clone()), version(format!("{json}  \n")));
    assert_ne!(version(json.clone()), version(json.replace("Show products", "Products")));
}

#[test]
fn a_flow_file_that_is_not_there_or_is_no_flow_is_told_with_its_place() {
    let source = read(&testdata("flows/shop.yaml"));
    let found = load(&source, "bots/shop.yaml", Format::Yaml).diagnostics;
    assert_eq!((found[0].code, found[0].file.as_str()), ("PAR-0271", "bots/shop.yaml"));
    assert!(found[0].help.as_ref().unwrap().contains("parlance bot publish"));
    let found = load_with(&source, "bots/shop.yaml", Format::Yaml, &no_files).diagnostics;
    assert!(found[0].message.contains("json/shop.json is not here"), "{}", found[0].message);
    let broken = |_: &str| Ok("{\n  \"version\": \"7.3\",\n  \"screens\": [\n}".to_owned());
    let found = load_with(&source, "bots/shop.yaml", Format::Yaml, &broken).diagnostics;
    let of_file = found.iter().find(|found| found.code == "PAR-0272").unwrap();
    assert_eq!((of_file.file.as_str(), of_file.line), ("bots/json/shop.json", 4));
    assert!(of_file.render(&source).contains("4 | }"), "{}", of_file.render(&source));
}

/// Something that can happen while a form is out.
#[derive(Clone, Debug)]
enum Happens {
    Opens,
    Submits(&'static str),
    Result,
    Repeats,
    Late,
    Comes,
    Writes,
    Minutes(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Opens),
        4 => prop::sample::select(vec!["A", "B", "B", "X"]).prop_map(Happens::Submits),
        2 => Just(Happens::Result),
        2 => Just(Happens::Repeats),
        1 => Just(Happens::Late),
        2 => Just(Happens::Comes),
        1 => Just(Happens::Writes),
        2 => (0_u64..12).prop_map(Happens::Minutes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn whatever_comes_first_a_form_is_done_once_and_its_run_goes_on(
        all in prop::collection::vec(happens(), 1..30),
    ) {
        let bot = bot(SMALL);
        let mut play = Play::new(&bot);
        play.say("hi");
        let token = play.form_token.clone();
        let (mut left, mut ends) = (0, 0);
        let mut answers = std::collections::BTreeMap::new();
        for what in all {
            let input = match what {
                Happens::Opens => play.asks(FormAction::Init, None, Value::Null),
                Happens::Submits(screen) => play.asks(FormAction::Submit, Some(screen), json!({ "x": "q" })),
                Happens::Result if play.request.is_some() => play.asks_with(json_answer(200, r#"{"b": 5}"#)),
                Happens::Repeats if play.request.is_some() => play.asks_again(|_| {}),
                Happens::Late if play.request.is_some() => play.asks_again(|request| request.late = true),
                Happens::Result | Happens::Repeats | Happens::Late => continue,
                Happens::Comes => form(&play, &json!({ "own": "q" })),
                // Only while the form is out: what comes after it is another conversation.
                Happens::Writes if play.state.node() == Some("form") => said("hm"),
                Happens::Writes => continue,
                Happens::Minutes(minutes) => {
                    play.now_ms += minutes * 60_000;
                    Input::Tick
                }
            };
            if play.state.node().is_none() && !matches!(input, Input::Form(_)) {
                break;
            }
            let turn = play.step(&input).unwrap();
            prop_assert_eq!(&play.form_token, &token);
            let ways = ["done", "other", "expired"].iter().filter(|port| ended(&turn, port)).count();
            left += ways;
            prop_assert!(left <= 1, "the run leaves the form once");
            if let (Input::Form(request), Some(answer)) = (&input, turn.effects.iter().find_map(Effect::form)) {
                match answer {
                    FormStep::Finish { .. } | FormStep::Answer { .. } => {
                        let known = answers.entry(request.digest.clone()).or_insert_with(|| answer.clone());
                        prop_assert_eq!(&*known, answer, "one request, one answer");
                    }
                    FormStep::Call { .. } => prop_assert!(!turn.changed),
                    _ => {}
                }
                ends += usize::from(matches!(answer, FormStep::Finish { .. }) && turn.changed);
            }
            prop_assert!(ends <= 1);
        }
        // Whatever was, the form is over in time.
        play.now_ms += 24 * 3_600_000;
        play.step(&Input::Tick).unwrap();
        prop_assert!(play.state.node() != Some("form"));
    }
}
