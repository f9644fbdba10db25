//! What goes with a message: files, manners, and what happens when things do not go as they should.

use std::collections::BTreeMap;

use chatbot::{Closed, Effect, Format, Manners, OnDoubt, Order, Sending, Surroundings, Trace, load};

use crate::support::{Play, bot, said, shown};

fn saying(policies: &str, messages: &str) -> String {
    format!(
        "parlance: 1\nid: t\npolicies: {policies}\ntriggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n  \
         a: {{ type: say, messages: {messages}, next: {{ next: e }} }}\n  e: {{ type: end }}\n"
    )
}

fn sendings(source: &str) -> (Vec<Sending>, Vec<Trace>) {
    let bot = bot(source);
    let turn = Play::new(&bot).step(&said("hi")).unwrap();
    (turn.effects.iter().filter_map(Effect::message).cloned().collect(), turn.trace)
}

#[test]
fn a_file_that_was_not_stored_fails_at_its_node() {
    let source = saying(
        "{}",
        "[ { image: { file: b.png } }, { carousel: { text: a, cards: [
        { video: { file: media/a.mp4 }, button: b, url: 'https://a.example' },
        { video: { file: media/a.mp4 }, button: b, url: 'https://a.example' } ] } } ]",
    );
    let bot = load(&source, "t.yaml", Format::Yaml).bot.unwrap();
    assert_eq!(bot.files().collect::<Vec<_>>(), ["b.png", "media/a.mp4"]);
    let stored = BTreeMap::from([("b.png".to_owned(), "m_1".to_owned())]);
    let bot = bot.with_files(&stored);
    let error = Play::new(&bot).step(&said("hi")).unwrap_err();
    assert_eq!(error.to_string(), "node `a`: the file `media/a.mp4` was not stored when the bot was loaded");
    let stored = BTreeMap::from([("b.png".into(), "m_1".into()), ("media/a.mp4".into(), "m_2".into())]);
    let bot = bot.with_files(&stored);
    assert_eq!(Play::new(&bot).step(&said("hi")).unwrap().effects.len(), 2);
}

#[test]
fn manners_follow_the_policies() {
    for (policies, mark_read, typing, order) in [
        ("{}", false, false, Order::Accepted),
        ("{ mark_read: true, order: send }", true, false, Order::Send),
        ("{ typing: true, order: delivered }", true, true, Order::Delivered),
        ("{ typing: false, mark_read: false, order: accepted }", false, false, Order::Accepted),
    ] {
        assert_eq!(bot(&saying(policies, "[ a ]")).manners(), Manners { mark_read, typing, order }, "{policies}");
    }
}

#[test]
fn a_message_is_dropped_and_sent_again_unless_the_bot_says_otherwise() {
    let (sent, _) = sendings(&saying("{}", "[ a ]"));
    assert_eq!((sent[0].node.as_str(), sent[0].on_doubt, &sent[0].closed), ("a", OnDoubt::Resend, &Closed::Drop));
}

#[test]
fn one_template_stands_for_all_messages_of_a_turn() {
    let policies = "{ window: { closed: { template: { name: n, lang: en } } } }";
    let (sent, _) = sendings(&saying(policies, "[ { reaction: 👍 }, one, two ]"));
    assert_eq!(sent[0].closed, Closed::Drop);
    assert!(matches!(&sent[1].closed, Closed::Template(template) if template.name() == "n"));
    assert_eq!(sent[2].closed, Closed::Drop);
}

#[test]
fn a_template_for_a_closed_window_that_cannot_be_made_holds_the_message() {
    let policies = "{ window: { closed: { template: { name: n, lang: en, params: { body: [ '{{ nothing }}' ] } } } } }";
    let (sent, trace) = sendings(&saying(policies, "[ one ]"));
    assert_eq!(sent[0].closed, Closed::Hold);
    let told = |step: &Trace| matches!(step, Trace::Error { message, .. } if message.contains("body[0] is missing"));
    assert!(trace.iter().any(told), "{trace:?}");
}

#[test]
fn without_a_message_of_the_person_there_is_nothing_to_refer_to() {
    let bot = bot(&saying("{}", "[ { text: a, reply_to: last } ]"));
    let nameless = chatbot::Incoming { kind: "text".into(), text: "hi".into(), ..chatbot::Incoming::default() };
    let error = Play::new(&bot).step(&chatbot::Input::Message(nameless)).unwrap_err();
    assert_eq!(error.to_string(), "node `a`: there is no message of the person to refer to");
    assert_eq!(shown(&Play::new(&bot).step(&said("hi")).unwrap().effects).len(), 1);
}

#[test]
fn templates_that_are_not_known_are_not_judged() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  \
        a: { type: template, name: n, lang: en, next: { sent: e } }\n  e: { type: end }\n";
    let bot = bot(source);
    assert_eq!(bot.check_against(&Surroundings::default()), []);
    let surroundings = Surroundings { templates: Some(Vec::new()), ..Surroundings::default() };
    assert_eq!(bot.check_against(&surroundings).len(), 1);
}
