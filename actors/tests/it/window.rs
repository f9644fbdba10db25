//! The 24 hour window at the time of sending: what a bot says becomes of a message, and what Meta says.

use std::sync::Arc;

use actors::{Clock, Engine};
use chatbot::{Bot, Closed, Effect, Given, Incoming, Input, Sending, Snapshot, Turn};
use storage::SendState;
use whatsapp::message::{Outgoing, Template, Text};
use whatsapp::webhook::{ErrorObject, StatusKind, StatusUpdate};

use crate::sending::status;
use crate::support::*;

const DAY_MS: u64 = 86_400_000;

fn template() -> Closed {
    Closed::Template(Box::new(Template::new("come_back", "en", Vec::new()).unwrap()))
}

/// A world whose bot says for every message what becomes of it when the window is closed.
fn world(closed: Closed) -> World {
    let turn = move |_: &Bot, before: &Snapshot, input: &Input, _: &Given<'_>| {
        let Input::Message(Incoming { text, .. }) = input else {
            return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
        };
        let message = Outgoing::Text(Text::new(format!("re: {text}")).unwrap());
        let effects = vec![Effect::Send(Box::new(Sending { closed: closed.clone(), ..Sending::new("a", message) }))];
        Ok(Turn { after: before.clone(), effects, trace: Vec::new(), changed: true })
    };
    World { turn: Arc::new(turn), ..World::new() }
}

/// Lets a message wait for 25 hours before it may leave.
async fn after_a_day(world: &World) -> Engine {
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    world.say(1, "hi").await;
    world.consumed().await;
    pause(100).await;
    world.clock.advance(DAY_MS + 3_600_000);
    engine.resume(NUMBER).await.unwrap();
    pause(1_000).await;
    engine
}

fn texts_sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

pub(crate) async fn fails(engine: &Engine, request: &Request, code: u32) {
    let details = Some("More than 24 hours have passed.".into());
    let error = ErrorObject { code: Some(code), title: Some("composed".into()), details, ..ErrorObject::default() };
    let update = StatusUpdate { errors: vec![error], ..status(request, StatusKind::Failed) };
    // Meta may say it twice.
    engine.statuses(&[update.clone(), update.clone()]).await.unwrap();
    engine.statuses(&[update]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn f23_f74_a_window_known_to_be_closed_costs_no_request_and_leaves_a_dead_letter() {
    let world = world(Closed::Drop);
    let _engine = after_a_day(&world).await;
    assert_eq!(world.graph.count(), 0);
    assert_eq!(world.states(1).await, [SendState::Dead]);
    let letters = world.dead_letters().await;
    assert_eq!((&*letters[0].reason, letters[0].node.as_deref()), ("window_closed", Some("a")));
    assert!(letters[0].detail.contains("24 hours") && letters[0].hint.as_ref().unwrap().contains("template"));
    assert_eq!(letters[0].raw.as_ref().unwrap()["text"]["body"], "re: hi");
}

#[tokio::test(start_paused = true)]
async fn f74_a_template_goes_where_the_window_is_known_to_be_closed() {
    let world = world(template());
    let _engine = after_a_day(&world).await;
    assert_eq!(texts_sent(&world), ["come_back"]);
    assert_eq!(world.states(1).await, [SendState::Accepted]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_marketing_template_stands_in_for_a_message_to_somebody_who_does_not_want_it() {
    for (category, texts) in [("MARKETING", vec!["re: no more"]), ("UTILITY", vec!["re: no more", "come_back"])] {
        let world = World { categories: Arc::new(move |_, _, _| Some(category.into())), ..world(template()) };
        world.graph.answers(|request| match request.text.as_str() {
            "re: no more" => refusal(131_050, 400).into(),
            _ => Ok(()).into(),
        });
        let engine = world.start().await;
        world.say(1, "no more").await;
        world.quiet().await;
        engine.drain(std::time::Duration::from_secs(1)).await;
        let _engine = after_a_day(&world).await;
        world.quiet().await;
        assert_eq!(texts_sent(&world), texts, "{category}");
        let letters = world.dead_letters().await;
        let opted_out = letters.iter().find(|letter| &*letter.reason == "opted_out");
        assert_eq!(opted_out.is_some(), category == "MARKETING");
        assert!(opted_out.is_none_or(|letter| letter.detail.contains("does not want marketing")));
    }
}

#[tokio::test(start_paused = true)]
async fn f74_what_is_held_leaves_in_order_when_the_person_writes() {
    let world = world(Closed::Hold);
    let engine = after_a_day(&world).await;
    assert_eq!(world.graph.count(), 0);
    let row = &world.outbox(1).await[0];
    assert_eq!((row.state, row.error.as_ref().unwrap()["held"].as_str()), ("held", Some("window_closed")));
    assert!(row.error.as_ref().unwrap()["advice"].as_str().unwrap().contains("leaves when the person writes"));
    assert_eq!(engine.status().await.senders[NUMBER].open, 0);
    world.say(1, "again").await;
    world.quiet().await;
    assert_eq!(texts_sent(&world), ["re: hi", "re: again"]);
    assert_eq!(world.states(1).await, [SendState::Accepted, SendState::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn f74_what_is_held_waits_for_the_person_over_a_restart_too() {
    let world = world(Closed::Hold);
    let engine = after_a_day(&world).await;
    engine.drain(std::time::Duration::from_secs(1)).await;
    let _engine = world.start().await;
    pause(10_000).await;
    assert_eq!(world.graph.count(), 0);
    world.say(1, "again").await;
    world.quiet().await;
    assert_eq!(texts_sent(&world), ["re: hi", "re: again"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_leaves_if_the_person_has_written_since_it_was_decided() {
    let world = world(Closed::Drop);
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    world.say(1, "one").await;
    world.consumed().await;
    world.clock.advance(DAY_MS + 3_600_000);
    world.say(1, "two").await;
    world.consumed().await;
    pause(100).await;
    engine.resume(NUMBER).await.unwrap();
    world.quiet().await;
    assert_eq!(texts_sent(&world), ["re: one", "re: two"]);
}

#[tokio::test(start_paused = true)]
async fn f74_a_refusal_for_the_window_is_one_request_and_then_what_the_bot_says() {
    for (closed, sent, state) in [
        (Closed::Drop, &["re: hi"][..], SendState::Dead),
        (template(), &["re: hi", "come_back"], SendState::Accepted),
        (Closed::Hold, &["re: hi"], SendState::Held),
    ] {
        let world = world(closed);
        world.graph.answers(|request| if request.text == "re: hi" { refusal(131_047, 400) } else { Ok(()) }.into());
        let _engine = world.start().await;
        world.say(1, "hi").await;
        pause(60_000).await;
        assert_eq!(texts_sent(&world), sent);
        assert_eq!(world.states(1).await, [state]);
        let data: std::collections::BTreeSet<_> =
            world.graph.requests().into_iter().map(|request| request.callback_data).collect();
        assert_eq!(data.len(), sent.len(), "statuses of the template must not meet the message before it");
    }
}

#[tokio::test(start_paused = true)]
async fn f74_a_failure_for_the_window_after_the_answer_takes_the_same_road() {
    for (closed, sent, state) in [
        (Closed::Drop, &["re: hi"][..], SendState::Failed),
        (template(), &["re: hi", "come_back"], SendState::Accepted),
        (Closed::Hold, &["re: hi"], SendState::Held),
    ] {
        let held = closed == Closed::Hold;
        let world = world(closed);
        let engine = world.start().await;
        world.say(1, "hi").await;
        world.quiet().await;
        fails(&engine, &world.graph.requests()[0], 131_047).await;
        pause(60_000).await;
        assert_eq!(texts_sent(&world), sent);
        assert_eq!(world.states(1).await, [state]);
        let letters = world.dead_letters().await;
        assert_eq!(letters.len(), usize::from(state == SendState::Failed));
        if held {
            world.say(1, "again").await;
            world.quiet().await;
            assert_eq!(texts_sent(&world), ["re: hi", "re: hi", "re: again"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_answer_leaves_a_dead_letter_in_words() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    fails(&engine, &world.graph.requests()[0], 131_026).await;
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((&*letter.reason, letter.node.as_deref(), letter.tries), ("failed", Some("a"), 1));
    for part in ["131026", "composed", "More than 24 hours", "wamid."] {
        assert!(letter.detail.contains(part), "{part} in {}", letter.detail);
    }
    assert!(letter.hint.as_ref().unwrap().contains("not on WhatsApp"));
    assert_eq!(letter.raw.as_ref().unwrap()["text"]["body"], "re: hi");
    let row = &world.outbox(1).await[0];
    assert_eq!((row.state, &row.error.as_ref().unwrap()["code"]), ("failed", &131_026.into()));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_puts_the_message_back_three_times() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    for expected_ms in [4_000, 16_000, 64_000] {
        let before_ms = world.clock.now_ms();
        world.quiet().await;
        fails(&engine, world.graph.requests().last().unwrap(), 131_056).await;
        let count = world.graph.count();
        until(|| world.graph.count() > count, "it goes again").await;
        let waited_ms = world.clock.now_ms() - before_ms;
        assert!((expected_ms..expected_ms + 300).contains(&waited_ms), "{waited_ms}");
    }
    world.quiet().await;
    fails(&engine, world.graph.requests().last().unwrap(), 131_056).await;
    pause(600_000).await;
    assert_eq!((world.graph.count(), world.states(1).await), (4, vec![SendState::Failed]));
    assert_eq!(world.dead_letters().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_about_the_number_pauses_it_and_loses_nothing() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    fails(&engine, &world.graph.requests()[0], 131_048).await;
    world.say(2, "hi").await;
    pause(30_000).await;
    assert_eq!(world.graph.count(), 1);
    let paused = engine.status().await.senders[NUMBER].paused.clone().unwrap();
    assert_eq!((paused.cause, paused.code), ("refused", Some(131_048)));
    engine.resume(NUMBER).await.unwrap();
    world.quiet().await;
    assert_eq!(texts_sent(&world).len(), 3);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_tells_of_an_opt_out_is_noted_with_the_person() {
    let world = World::new();
    world.graph.answers(|_| refusal(131_050, 400).into());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(1_000).await;
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    let (seen, _) = actors::view::conversation(conversation(1), &head).unwrap();
    assert_eq!(seen.marketing, Some("opted_out"));
    assert_eq!(world.states(1).await, [SendState::Dead]);
}
