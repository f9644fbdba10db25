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
fn a_form_that_is_asked_for_without_an_end_is_over_and_its_run_goes_on() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    for n in 0..=chatbot::caps::MAX_FORM_REQUESTS {
        let asked = play.asks(FormAction::Init, None, Value::Null);
        let turn = play.step(&asked).unwrap();
        let answered = matches!(step(&turn), FormStep::Answer { .. });
        assert_eq!(answered, n < chatbot::caps::MAX_FORM_REQUESTS, "{n}");
    }
    assert!(matches!(play.answered, Some(FormStep::Dead { .. })));
    let bytes = rmp_serde::to_vec_named(&play.state).unwrap().len();
    assert!(bytes < 16 * 1024, "{bytes}");
    assert!(play.state.wake_ms().unwrap() <= play.now_ms);
    assert!(ended(&play.wait(0).unwrap(), "expired"));
}

#[test]
fn a_request_that_is_larger_than_any_form_sends_is_refused_and_changes_nothing() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    let long = "x".repeat(chatbot::caps::MAX_FORM_REQUEST_BYTES);
    let deep = (0..200).fold(Value::Null, |value, _| json!([value]));
    for (screen, data) in [(&long, json!({})), (&"A".to_owned(), json!({ "x": long })), (&"A".to_owned(), deep)] {
        for action in [FormAction::Submit, FormAction::Back, FormAction::Init, FormAction::Error] {
            let asked = play.asks(action, Some(screen), data.clone());
            let turn = play.step(&asked).unwrap();
            assert!(matches!(step(&turn), FormStep::Refused { .. }) && !turn.changed, "{:?}", turn.effects);
        }
    }
}

#[test]
fn only_so_many_notices_of_a_phone_are_noted() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    for n in 0..2 * chatbot::caps::MAX_FORM_NOTICES {
        let asked = play.asks(FormAction::Error, Some("A"), json!({ "error": "e", "error_message": "m" }));
        let turn = play.step(&asked).unwrap();
        let noted = turn.changed;
        assert_eq!((step(&turn), noted), (&FormStep::Acknowledged, n < chatbot::caps::MAX_FORM_NOTICES), "{n}");
    }
    let asked = play.asks(FormAction::Init, None, Value::Null);
    assert!(matches!(step(&play.step(&asked).unwrap()), FormStep::Answer { .. }), "the form goes on");
}

#[test]
fn whoever_has_not_seen_that_a_form_ended_and_sends_the_same_again_sees_it() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    let first = play.asks(FormAction::Submit, Some("B"), json!({ "x": "q" }));
    let end = step(&play.step(&first).unwrap()).clone();
    assert!(matches!(end, FormStep::Finish { .. }));
    let again = play.asks(FormAction::Submit, Some("B"), json!({ "x": "q" }));
    let turn = play.step(&again).unwrap();
    assert_eq!(step(&turn), &end);
    assert!(turn.changed && !ended(&turn, "done"), "its digest is kept, and nothing is done twice");
    assert_eq!(step(&play.step(&again).unwrap()), &end);
    assert!(matches!(step(&play.step(&first).unwrap()), FormStep::Refused { .. }), "only the last one is remembered");
    for (screen, data) in [("B", json!({ "x": "other" })), ("A", json!({ "x": "q" }))] {
        let asked = play.asks(FormAction::Submit, Some(screen), data);
        assert!(matches!(step(&play.step(&asked).unwrap()), FormStep::Dead { .. }), "what was not taken is not told");
    }
}

const HOUR_MS: u64 = 3_600_000;

/// Staff hand back.
fn back(play: &mut Play<'_>) {
    let since_ms = play.staff_since_ms.take().unwrap();
    play.state.push_back(play.now_ms - since_ms);
}

#[test]
fn a_form_stays_open_while_staff_answer_and_its_time_goes_on_afterwards() {
    let bot = bot(SMALL);
    let mut play = Play::new(&bot);
    play.say("hi");
    play.staff_since_ms = Some(play.now_ms);
    let opens = |play: &mut Play<'_>| {
        let asked = play.asks(FormAction::Init, None, Value::Null);
        matches!(step(&play.step(&asked).unwrap()), FormStep::Answer { .. })
    };
    play.now_ms += HOUR_MS;
    assert!(opens(&mut play));
    back(&mut play);
    play.now_ms += 9 * 60_000;
    assert!(opens(&mut play));
    play.now_ms += 60_000;
    assert!(!opens(&mut play));
}

const END: &str = r#"B: [ { finish: { data: { own: "{{ own }}" } } } ]"#;

/// The bot, whose form ends with what was filled in.
fn ending() -> String {
    SMALL.replace(END, r#"B: [ { finish: { data: { own: "{{ form.x }}" } } } ]"#)
}

/// A form that was finished under staff, an hour after they came.
fn finished_under_staff(bot: &Bot) -> Play<'_> {
    let mut play = Play::new(bot);
    play.say("hi");
    play.staff_since_ms = Some(play.now_ms);
    play.now_ms += HOUR_MS;
    let asked = play.asks(FormAction::Submit, Some("B"), json!({ "x": "q" }));
    let turn = play.step(&asked).unwrap();
    assert!(matches!(step(&turn), FormStep::Finish { .. }) && turn.changed);
    assert_eq!((turn.effects.len(), play.state.node()), (1, Some("form")), "nothing is said");
    play
}

#[test]
fn a_form_that_ends_while_staff_answer_leads_its_run_on_when_they_are_gone() {
    let bot = bot(&ending());
    let mut play = finished_under_staff(&bot);
    let again = play.asks_again(|_| {});
    assert!(matches!(step(&play.step(&again).unwrap()), FormStep::Finish { .. }), "the digest is kept");
    let other = play.asks(FormAction::Submit, Some("B"), json!({ "x": "other" }));
    assert!(matches!(step(&play.step(&other).unwrap()), FormStep::Dead { .. }), "it ends once");
    play.now_ms += HOUR_MS;
    back(&mut play);
    assert!(play.state.wake_ms().unwrap() <= play.now_ms);
    let turn = play.wait(0).unwrap();
    assert!(ended(&turn, "done"), "{:?}", turn.trace);
    assert_eq!(crate::support::shown(&turn.effects), ["Thanks 0 {\"own\":\"q\"}", "Your name?"]);
    assert!(!play.wait(0).unwrap().changed);
}

#[test]
fn what_comes_right_after_staff_are_gone_comes_after_the_form_that_ended() {
    let bot = bot(&ending());
    let mut play = finished_under_staff(&bot);
    back(&mut play);
    let rescued = form(&play, &json!({ "own": "another" }));
    let turn = play.step(&rescued).unwrap();
    assert!(ended(&turn, "done"));
    assert_eq!((play.state.node(), &play.state.variables()["got"]), (Some("name"), &json!({ "own": "q" })));
    let mut play = finished_under_staff(&bot);
    back(&mut play);
    assert_eq!(play.say("Ada").len(), 2);
    assert!(!play.state.is_waiting(), "the text is the answer to what the run asked then");
}

#[test]
fn a_form_that_ended_under_staff_is_led_on_by_another_version() {
    let old = bot(&ending());
    let new = bot(&SMALL.replace(END, "B: [ { error: { message: No. } } ]"));
    let mut play = finished_under_staff(&old);
    back(&mut play);
    move_to(&mut play, &new);
    assert!(ended(&play.wait(0).unwrap(), "done"));
}

/// The run goes on with another version.
fn move_to<'b>(play: &mut Play<'b>, new: &'b Bot) {
    match chatbot::migrate(Some(play.bot), new, &play.state, &chatbot::How::default()) {
        chatbot::Migrated::Moved(state, _) => play.state = *state,
        chatbot::Migrated::Stays(_) | chatbot::Migrated::Ended(..) => {}
    }
    play.bot = new;
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
    /// Some earlier request once more, as it was.
    Replays(usize),
    Comes,
    Writes,
    Minutes(u64),
    Staff,
    StaffGone,
    Version,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Opens),
        4 => prop::sample::select(vec!["A", "B", "B", "X"]).prop_map(Happens::Submits),
        2 => Just(Happens::Result),
        2 => Just(Happens::Repeats),
        1 => Just(Happens::Late),
        2 => (0_usize..30).prop_map(Happens::Replays),
        2 => Just(Happens::Comes),
        1 => Just(Happens::Writes),
        2 => (0_u64..12).prop_map(Happens::Minutes),
        1 => Just(Happens::Staff),
        1 => Just(Happens::StaffGone),
        1 => Just(Happens::Version),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn whatever_comes_first_a_form_is_done_once_and_its_run_goes_on(
        all in prop::collection::vec(happens(), 1..30),
    ) {
        let bots = [bot(SMALL), bot(&SMALL.replace("Thanks {{ n }}", "Well, {{ n }}"))];
        let mut play = Play::new(&bots[0]);
        play.say("hi");
        let token = play.form_token.clone();
        let (mut left, mut done, mut finished, mut version) = (0, 0, false, 0);
        let (mut requests, mut kept): (Vec<chatbot::FormRequest>, Vec<Input>) = Default::default();
        let mut answers = std::collections::BTreeMap::new();
        let last = [Happens::StaffGone, Happens::Minutes(0)];
        for what in all.into_iter().chain(last) {
            let staff = play.staff_since_ms.is_some();
            let mut inputs = Vec::new();
            match what {
                Happens::Opens => inputs.push(play.asks(FormAction::Init, None, Value::Null)),
                Happens::Submits(screen) => {
                    inputs.push(play.asks(FormAction::Submit, Some(screen), json!({ "x": "q" })));
                }
                Happens::Result if play.request.is_some() => {
                    inputs.push(play.asks_with(json_answer(200, r#"{"b": 5}"#)));
                }
                Happens::Repeats if play.request.is_some() => inputs.push(play.asks_again(|_| {})),
                Happens::Late if play.request.is_some() => inputs.push(play.asks_again(|request| request.late = true)),
                Happens::Replays(n) if !requests.is_empty() => inputs.push(Input::Form(requests[n % requests.len()].clone())),
                Happens::Result | Happens::Repeats | Happens::Late | Happens::Replays(_) => {}
                Happens::Comes if staff => kept.push(form(&play, &json!({ "own": "q" }))),
                Happens::Comes => inputs.push(form(&play, &json!({ "own": "q" }))),
                // Only while the form is out: what comes after it is another conversation.
                Happens::Writes if play.state.node() == Some("form") && !staff => inputs.push(said("hm")),
                Happens::Writes => {}
                Happens::Minutes(minutes) => {
                    play.now_ms += minutes * 60_000;
                    inputs.extend((!staff).then_some(Input::Tick));
                }
                Happens::StaffGone if staff => {
                    back(&mut play);
                    inputs.append(&mut kept);
                }
                Happens::Staff if !staff => play.staff_since_ms = Some(play.now_ms),
                Happens::Version if !staff => {
                    version = 1 - version;
                    move_to(&mut play, &bots[version]);
                }
                Happens::Staff | Happens::StaffGone | Happens::Version => {}
            }
            for input in inputs {
                if play.state.node().is_none() && !matches!(input, Input::Form(_) | Input::Tick) {
                    continue;
                }
                let turn = play.step(&input).unwrap();
                prop_assert_eq!(&play.form_token, &token);
                left += ["done", "other", "expired"].iter().filter(|port| ended(&turn, port)).count();
                done += usize::from(ended(&turn, "done"));
                prop_assert!(left <= 1, "the run leaves the form once");
                let Some(answer) = turn.effects.iter().find_map(Effect::form) else { continue };
                let Input::Form(request) = &input else { panic!("only what is asked is answered") };
                requests.push(request.clone());
                match answer {
                    FormStep::Finish { .. } | FormStep::Answer { .. } => {
                        let known = answers.entry(request.digest.clone()).or_insert_with(|| answer.clone());
                        prop_assert_eq!(&*known, answer, "one request, one answer");
                    }
                    FormStep::Call { .. } => prop_assert!(!turn.changed),
                    _ => {}
                }
                finished |= matches!(answer, FormStep::Finish { .. });
            }
        }
        prop_assert!(!finished || done == 1, "whoever was told that the form is done has done it");
        // Whatever was, the form is over in time.
        play.now_ms += 24 * HOUR_MS;
        play.step(&Input::Tick).unwrap();
        prop_assert!(play.state.node() != Some("form"));
    }
}
