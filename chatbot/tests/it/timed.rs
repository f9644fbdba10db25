//! Triggers that time fires, over several versions of a bot, and calls from outside.

use chatbot::{ApiCall, CallError, Input, Trace, caps};

use crate::support::{Play, START_MS, bot, message};

const HOUR_MS: u64 = 3_600_000;

fn with(triggers: &str) -> chatbot::Bot {
    bot(&format!(
        "parlance: 1\nid: t\ntriggers: [ {triggers} {{ default: {{}}, to: ask }} ]\nnodes:\n  \
         ask: {{ type: ask, prompt: What?, next: {{ ok: end }} }}\n  \
         news: {{ type: say, messages: [ {{ text: News. }} ], next: {{ next: end }} }}\n  end: {{ type: end }}\n"
    ))
}

fn hours(play: &Play<'_>) -> Option<u64> {
    play.state.wake_ms().map(|at| (at - START_MS) / HOUR_MS)
}

#[test]
fn another_version_takes_effect_at_the_next_turn_and_one_without_a_schedule_clears_it() {
    // It is 10:00 on a Sunday.
    let (noon, evening, none) = (
        with("{ schedule: { cron: \"0 12 * * *\" }, to: news },"),
        with("{ schedule: { cron: \"0 18 * * *\" }, to: news },"),
        with(""),
    );
    let mut play = Play::new(&noon);
    play.say("hi");
    play.say("done");
    assert_eq!(hours(&play), Some(2));
    play.bot = &evening;
    play.say("hi");
    assert_eq!(hours(&play), Some(8));
    play.say("done");
    // Nobody wrote, the old time is due: it fires nothing in the version that does not have it.
    play.bot = &noon;
    let turn = play.wait(8 * HOUR_MS).unwrap();
    assert!(turn.effects.is_empty() && turn.changed);
    assert_eq!(hours(&play), Some(26));
    play.bot = &none;
    play.wait(HOUR_MS).unwrap();
    assert_eq!(hours(&play), None);
}

#[test]
fn a_window_closes_once_and_every_message_opens_it_anew() {
    let bot = with("{ window_closing: { before: 2h }, to: news },");
    let mut play = Play::new(&bot);
    let say = |play: &mut Play<'_>, at_ms: u64| {
        let mut input = message("text", "hi");
        input.at_ms = at_ms;
        play.step(&Input::Message(input)).unwrap();
    };
    say(&mut play, START_MS);
    say(&mut play, START_MS);
    assert_eq!(hours(&play), Some(22));
    assert_eq!(play.wait(22 * HOUR_MS).unwrap().effects.len(), 1);
    assert_eq!(hours(&play), None);
    assert!(!play.wait(HOUR_MS).unwrap().changed);
    let now_ms = play.now_ms;
    say(&mut play, now_ms);
    assert_eq!(hours(&play), Some(23 + 22));
    say(&mut play, now_ms);
    // A message that was under way for 23 hours leaves one hour: it is due at once.
    play.now_ms += 23 * HOUR_MS;
    assert_eq!(play.step(&Input::Tick).unwrap().effects.len(), 1);
}

#[test]
fn what_the_window_missed_while_nothing_ran_is_not_sent_too_late() {
    let bot = with("{ window_closing: { before: 2h }, to: news },");
    let mut play = Play::new(&bot);
    play.say("hi");
    play.say("done");
    let turn = play.wait(30 * HOUR_MS).unwrap();
    assert!(turn.effects.is_empty());
    assert!(matches!(&turn.trace[..], [Trace::Ignored { why, .. }] if why == "the window has closed"));
    assert_eq!(play.state.wake_ms(), None);
}

#[test]
fn what_fails_again_and_again_is_not_due_again_at_once() {
    let bot = with("{ schedule: { cron: \"0 12 * * *\" }, to: news },");
    for (known, wakes) in [(Some(&bot), Some(24 + 2)), (None, None)] {
        let mut play = Play::new(&bot);
        play.say("hi");
        let given_up = play.state.give_up_tick(known, START_MS + 2 * HOUR_MS);
        assert_eq!((given_up.after.node(), given_up.texts), (None, None));
        play.state = given_up.after;
        assert_eq!(hours(&play), wakes);
        play.now_ms += 2 * HOUR_MS;
        play.say("hi");
        assert_eq!(hours(&play), Some(24 + 2), "the next turn sets it anew");
    }
}

#[test]
fn a_schedule_whose_condition_fails_is_an_error_of_the_turn_and_comes_again_next_time() {
    let bot = bot(
        "parlance: 1\nid: t\npolicies: { missing: error }\ntriggers:\n  - schedule: { cron: \"0 12 * * *\" }\n    \
        to: end\n    when: 1 / 0 > 1\n  - { default: {}, to: end }\nnodes: { end: { type: end } }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    let turn = play.wait(2 * HOUR_MS).unwrap();
    assert!(matches!(&turn.trace[..], [Trace::Error { .. }]), "{:?}", turn.trace);
    assert_eq!(hours(&play), Some(26));
}

#[test]
fn a_schedule_whose_condition_fails_leaves_the_run_that_it_would_not_interrupt() {
    let bot = bot(
        "parlance: 1\nid: t\npolicies: { missing: error }\ntriggers:\n  - schedule: { cron: \"0 12 * * *\" }\n    \
        to: end\n    when: 1 / 0 > 1\n    interrupt: always\n  - { default: {}, to: ask }\nnodes:\n  \
        ask: { type: ask, prompt: What?, next: { ok: end } }\n  end: { type: end }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    let turn = play.wait(2 * HOUR_MS).unwrap();
    assert!(matches!(&turn.trace[..], [Trace::Error { .. }]), "{:?}", turn.trace);
    assert_eq!((play.state.node(), hours(&play)), (Some("ask"), Some(26)));
}

#[test]
fn triggers_of_one_time_and_target_fire_each_by_its_own_condition() {
    let both = |trigger: &str| {
        let of = |when: &str| format!("{{ {trigger}, to: news, when: \"{when}\" }},");
        with(&format!("{} {}", of("1 > 2"), of("2 > 1")))
    };
    for trigger in ["schedule: { cron: \"0 12 * * *\" }", "window_closing: { before: 22h }"] {
        let bot = both(trigger);
        let mut play = Play::new(&bot);
        play.say("hi");
        play.say("done");
        assert!(play.wait(2 * HOUR_MS).unwrap().effects.is_empty());
        assert_eq!(hours(&play), Some(2), "{trigger}: the other one is due");
        assert_eq!(play.wait(0).unwrap().effects.len(), 1, "{trigger}");
    }
    let twice = "{ schedule: { cron: \"0 12 * * *\" }, to: news },";
    let same = with(&format!("{twice} {}", twice.replace("news }", "news, interrupt: always }")));
    let mut play = Play::new(&same);
    play.say("hi");
    assert!(play.wait(2 * HOUR_MS).unwrap().effects.is_empty(), "a run is under way");
    assert_eq!(play.wait(0).unwrap().effects.len(), 1);
}

#[test]
fn a_trigger_that_has_fired_in_this_window_does_not_fire_again_for_another_node() {
    let closing = "{ window_closing: { before: 2h }, to: news },";
    let (old, new) = (with(closing), with(&closing.replace("news", "ask")));
    let mut play = Play::new(&old);
    play.say("hi");
    play.say("done");
    assert_eq!(play.wait(22 * HOUR_MS).unwrap().effects.len(), 1);
    play.bot = &new;
    assert!(play.wait(HOUR_MS / 2).unwrap().effects.is_empty());
    assert_eq!(hours(&play), None);
    assert!(play.wait(0).unwrap().effects.is_empty());
}

#[test]
fn a_call_from_outside_is_held_against_its_bounds() {
    for name in ["", "Paid", "order paid", "order..paid"] {
        assert_eq!(ApiCall::new(name, serde_json::Value::Null), Err(CallError::Name(name.to_owned())));
    }
    let large = serde_json::Value::from("x".repeat(caps::MAX_CALL_BYTES));
    assert_eq!(ApiCall::new("a", large), Err(CallError::Data(caps::MAX_CALL_BYTES + 2)));
    assert!(with("{ api: { name: a }, to: news },").listens_to("a"));
    assert!(!with("").listens_to("a"));
}

/// Six orders of a reply, the end of the form's time and the form: whatever comes first counts, and the run leaves the
/// form by exactly one port.
#[test]
fn f57_reply_timer_and_form_in_any_order_leave_by_one_port() {
    const REPLY: (&str, &str, &str) = ("{ user: hello }", "Use the form.", "Bye.");
    const TIME: (&str, &str, &str) = ("{ advance: 40m }", "Gone.", "nothing");
    const FORM: (&str, &str, &str) = ("{ flow_submit: { data: { day: mon } } }", "Got mon.", "nothing");
    let orders = [
        [REPLY, TIME, FORM],
        [REPLY, FORM, TIME],
        [TIME, REPLY, FORM],
        [TIME, FORM, REPLY],
        [FORM, REPLY, TIME],
        [FORM, TIME, REPLY],
    ];
    for order in orders {
        let (mut left, mut steps) = (false, String::new());
        for (does, at_the_form, after_it) in order {
            let hears = match (left, at_the_form) {
                (true, _) => after_it.to_owned(),
                (false, "Use the form.") => at_the_form.to_owned(),
                (false, says) => {
                    left = true;
                    format!("[ {says}, More? ]")
                }
            };
            steps += &format!(", {does}, {{ expect: {hears} }}");
        }
        let bot = bot(&format!(
            "parlance: 1\nid: t\nvars: {{ f: {{ type: object }} }}\nflows: {{ f: {{ id: \"1\" }} }}\n\
             policies: {{ unexpected: {{ other: ignore }} }}\ntriggers: [ {{ keyword: {{ any: [go] }}, to: form }} ]\nnodes:\n  \
             form: {{ type: flow, flow: f, prompt: When?, cta: Choose, screen: DAY, ttl: 40m, save: f, while_waiting: Use the form., \
             next: {{ done: got, expired: gone, failed: gone }} }}\n  \
             got: {{ type: say, messages: [ \"Got {{{{ f.day }}}}.\" ], next: {{ next: more }} }}\n  \
             gone: {{ type: say, messages: [ Gone. ], next: {{ next: more }} }}\n  \
             more: {{ type: ask, prompt: More?, next: {{ ok: bye }} }}\n  \
             bye: {{ type: say, messages: [ Bye. ], next: {{ next: end }} }}\n  end: {{ type: end }}\n\
             tests:\n  - name: it\n    steps: [ {{ user: go }}, {{ expect: {{ text: When? }} }}{steps} ]\n"
        ));
        let report = chatbot::testing::run(&bot, &bot.tests()[0]);
        assert!(report.passed(), "{steps}\n{}", report.failure.unwrap());
    }
}
