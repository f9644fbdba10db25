//! Texts that wait for more to follow, when something else happens meanwhile.

use chatbot::{ApiCall, Bot, Input, Snapshot, Trace, Turn};

use crate::support::{Play, bot, json_answer, message, said, shown};

const DEBOUNCE_MS: u64 = 3_000;

/// Asks what is wanted; `human` leads to a human, `call` to another program and from there to a human.
fn staffed() -> Bot {
    bot(STAFFED)
}

const STAFFED: &str = "
parlance: 1
id: t
policies: { debounce_ms: 3000 }
triggers:
  - { keyword: { any: [help] }, to: help, interrupt: always }
  - { api: { name: paid }, to: help, interrupt: always }
  - { default: {}, to: what }
nodes:
  what:
    type: menu
    prompt: What?
    options: [ { id: human, title: human }, { id: call, title: call } ]
    next: { human: staff, call: ask }
  ask: { type: http, url: \"https://example.com/\", next: { ok: staff, http_error: end, timeout: end, bad_body: end } }
  staff: { type: handoff, queue: support, next: { returned: end, closed: end } }
  help: { type: say, messages: [ { text: Help. } ], next: { next: end } }
  end: { type: end }
";

fn begun(bot: &Bot) -> Play<'_> {
    let mut play = Play::new(bot);
    play.say("hi");
    play.wait(DEBOUNCE_MS).unwrap();
    play
}

fn with_human(state: &Snapshot) -> Option<&str> {
    state.handed_over().and(state.node())
}

fn left_to_human(turn: &Turn) -> bool {
    let ignored = |entry: &Trace| matches!(entry, Trace::Ignored { why, .. } if why == "a human answers");
    turn.trace.iter().any(ignored) && !turn.trace.iter().any(|entry| matches!(entry, Trace::RunEnded { .. }))
}

#[test]
fn what_follows_the_texts_that_led_to_a_human_is_left_to_the_human() {
    let bot = staffed();
    let tap = crate::support::tapped("anything", "Anything");
    let paid = Input::Api(ApiCall::new("paid", serde_json::Value::Null).unwrap());
    for next in [Input::Message(message("image", "")), Input::Message(message("location", "")), tap, paid] {
        let mut play = begun(&bot);
        assert!(play.say("human").is_empty());
        let turn = play.step(&next).unwrap();
        assert!(left_to_human(&turn), "{next:?}: {:?}", turn.trace);
        assert_eq!(with_human(&play.state), Some("staff"), "{next:?}");
        assert_eq!(play.state.wake_ms(), None);
    }
}

#[test]
fn texts_that_wait_when_a_call_leads_to_a_human_are_left_to_the_human() {
    let bot = staffed();
    for text in ["are you there?", "help"] {
        let mut play = begun(&bot);
        play.say("call");
        play.wait(DEBOUNCE_MS).unwrap();
        play.step(&said(text)).unwrap();
        let done = play.done(json_answer(200, "{}"));
        play.step(&done).unwrap();
        assert_eq!(with_human(&play.state), Some("staff"));
        let turn = play.wait(DEBOUNCE_MS).unwrap();
        assert!(left_to_human(&turn), "{:?}", turn.trace);
        assert_eq!(shown(&turn.effects), Vec::<String>::new());
        assert_eq!((with_human(&play.state), play.state.wake_ms()), (Some("staff"), None));
    }
}

#[test]
fn texts_on_which_the_bot_fails_are_given_up_and_the_run_and_what_is_due_stay() {
    let bot = bot("parlance: 1\nid: t\npolicies: { debounce_ms: 3000, missing: error }\ntriggers:\n  \
         - { schedule: { cron: \"0 12 * * *\" }, to: end }\n  - { default: {}, to: what }\nnodes:\n  \
         what: { type: ask, prompt: What?, next: { ok: bad } }\n  \
         bad: { type: say, messages: [ { text: \"{{ 1 / 0 }}\" } ], next: { next: end } }\n  end: { type: end }\n");
    let mut play = begun(&bot);
    let before = play.state.clone();
    play.say("my");
    play.say("name");
    play.wait(DEBOUNCE_MS).unwrap_err();
    let given_up = play.state.give_up_tick(Some(&bot), play.now_ms);
    assert!(given_up.texts.unwrap().contains("my\\nname"));
    assert_eq!((given_up.after.run_id(), given_up.after.node()), (before.run_id(), Some("what")));
    assert_eq!((given_up.after.wake_ms(), before.wake_ms().is_some()), (before.wake_ms(), true));
}
