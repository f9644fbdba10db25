//! A form that does not reach the person: its run goes on by `failed`, once.

use chatbot::{Input, Unsent};

use crate::support::{Play, bot};

const BOT: &str = "parlance: 1\nid: forms\nflows: { booking: { id: \"8100200300\" } }\n\
    triggers: [ { default: {}, to: form } ]\nnodes:\n  \
    form: { type: flow, flow: booking, prompt: Book, cta: Open, next: { done: fin, failed: sorry } }\n  \
    sorry: { type: say, messages: [ { text: \"Sorry.\" } ], next: { next: fin } }\n  fin: { type: end }\n";

fn unsent(token: &str) -> Input {
    Input::Unsent(Unsent { token: token.to_owned(), why: "the Flow is blocked".to_owned() })
}

fn texts(turn: &chatbot::Turn) -> Vec<&str> {
    turn.effects.iter().filter_map(|effect| Some(effect.message()?.message.text())).collect()
}

#[test]
fn the_run_that_waits_for_the_form_leaves_by_failed_and_only_once() {
    let bot = bot(BOT);
    let mut play = Play::new(&bot);
    play.say("book");
    let token = play.form_token.clone().unwrap();
    let turn = play.step(&unsent(&token)).unwrap();
    assert_eq!(texts(&turn), ["Sorry."]);
    assert!(play.state.run_id().is_none());
    let again = play.step(&unsent(&token)).unwrap();
    assert!(texts(&again).is_empty() && !again.changed);
}

#[test]
fn another_form_that_did_not_arrive_changes_nothing() {
    let bot = bot(BOT);
    let mut play = Play::new(&bot);
    play.say("book");
    let turn = play.step(&unsent("pl1.0AFFE.00000000000000000000000000000000")).unwrap();
    assert!(texts(&turn).is_empty() && !turn.changed);
    assert_eq!(play.state.node(), Some("form"));
}

#[test]
fn without_a_way_for_failures_the_run_ends_and_the_turn_does_not_fail() {
    let source = BOT
        .replace(", failed: sorry", "")
        .replace("  sorry: { type: say, messages: [ { text: \"Sorry.\" } ], next: { next: fin } }\n", "");
    let bot = bot(&source);
    let mut play = Play::new(&bot);
    play.say("book");
    let token = play.form_token.clone().unwrap();
    let turn = play.step(&unsent(&token)).unwrap();
    assert!(play.state.run_id().is_none(), "{:?}", turn.trace);
}
