//! Dead letters that go again: each once, as it was decided, and behind what is said to people who wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actors::letters::{Batches, LetterFilter};
use actors::{Again, Engine, Order, Ordered, Refusal};
use chatbot::{Closed, Effect, OnDoubt, Sending, TurnError};
use serde_json::json;
use storage::{Change, Model, NewDeadLetter, SendId, SendState, Settlement};
use whatsapp::graph::Error;
use whatsapp::message::{Outgoing, Text};

use crate::support::*;

const DAY_MS: u64 = 24 * 3_600_000;

/// A bot that fails until it is mended, and one message that it failed on.
async fn failed() -> (Arc<Flaky>, World, Engine, u64) {
    let flaky = Flaky::over(Model::new());
    let broken = Arc::new(AtomicBool::new(true));
    let fails = broken.clone();
    let turn = turn(move |_, text| match fails.load(Ordering::SeqCst) {
        true => Err(TurnError::Failed { node: "a".into(), message: "it is made to fail".into() }),
        false => Ok(vec![format!("re: {text}")]),
    });
    let world = World { store: flaky.clone(), turn, ..World::new() };
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.consumed().await;
    broken.store(false, Ordering::SeqCst);
    let letter = only_letter(&world).await;
    (flaky, world, engine, letter)
}

/// A message of ours that Meta refuses from now on, and its letter.
async fn refused(world: &World) -> (Engine, u64) {
    world.graph.answers(|_| refusal(131_009, 400).into());
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    world.graph.answers(|_| Ok(()).into());
    let letter = only_letter(world).await;
    (engine, letter)
}

async fn only_letter(world: &World) -> u64 {
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters[0].id.parse().unwrap()
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

/// How the letter came to its end.
async fn how(world: &World, letter: u64) -> Option<&'static str> {
    let letter = world.store.letters(vec![letter]).await.unwrap().remove(0).unwrap();
    actors::view::dead_letter(&letter).resolved.map(|resolved| resolved.how)
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_person_runs_again_once_however_often_it_is_asked_for() {
    let (_, world, engine, letter) = failed().await;
    let (one, other) =
        tokio::join!(engine.retry_letter(letter, "user:elif", None), engine.retry_letter(letter, "user:noor", None));
    assert!(matches!((one.unwrap(), other.unwrap()), (Again::Waiting(_), Again::Waiting(_))));
    world.quiet().await;
    assert_eq!(sent(&world), ["re: hi"]);
    assert_eq!(how(&world, letter).await, Some("retried"));
    assert_eq!(engine.retry_letter(letter, "user:noor", None).await.unwrap(), Again::Resolved);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_person_that_is_dropped_does_not_run_neither_before_its_turn_nor_within_it() {
    for within in [false, true] {
        let (flaky, world, engine, letter) = failed().await;
        if within {
            let resolution = actors_resolution();
            let drop = move |model: &dyn storage::Store| {
                drop(storage::Store::resolve_letters(model, vec![(letter, resolution)]))
            };
            *flaky.just_before.lock() = Some(Box::new(drop));
        }
        assert!(matches!(engine.retry_letter(letter, "user:elif", None).await.unwrap(), Again::Waiting(_)));
        if !within {
            assert_eq!(engine.drop_letters(&[letter], "user:noor", "too late").await.unwrap(), 1);
        }
        world.consumed().await;
        world.quiet().await;
        assert!(sent(&world).is_empty(), "{:?}", sent(&world));
        assert!(world.dead_letters().await.is_empty());
        world.say(1, "still here?").await;
        world.quiet().await;
        assert_eq!(sent(&world), ["re: still here?"]);
    }
}

/// What somebody else wrote as the letter's end.
fn actors_resolution() -> bytes::Bytes {
    bytes::Bytes::from_static(b"dropped")
}

#[tokio::test(start_paused = true)]
async fn a_message_of_ours_goes_again_once_however_often_it_is_asked_for() {
    let world = World::new();
    let (engine, letter) = refused(&world).await;
    let (one, other) =
        tokio::join!(engine.retry_letter(letter, "user:elif", None), engine.retry_letter(letter, "user:noor", None));
    let outcomes = [one.unwrap(), other.unwrap()];
    assert!(matches!(outcomes, [Again::Queued(_), Again::Resolved]), "{outcomes:?}");
    world.quiet().await;
    assert_eq!(sent(&world), ["re: hi"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_again_as_it_was_decided_whatever_the_window_and_the_doubt() {
    let decided = |_: &chatbot::Bot, before: &chatbot::Snapshot, input: &chatbot::Input, _: &chatbot::Given<'_>| {
        let chatbot::Input::Message(message) = input else {
            return Ok(chatbot::Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
        };
        let text = Outgoing::Text(Text::new(format!("re: {}", message.text)).unwrap());
        let sending = Sending { closed: Closed::Hold, on_doubt: OnDoubt::Hold, ..Sending::new("a", text) };
        let effects = vec![Effect::Send(Box::new(sending))];
        Ok(chatbot::Turn { after: before.clone(), effects, trace: Vec::new(), changed: true })
    };
    let world = World { turn: Arc::new(decided), ..World::new() };
    let (engine, letter) = refused(&world).await;
    world.clock.advance(DAY_MS + 3_600_000);
    assert!(matches!(engine.retry_letter(letter, "user:elif", None).await.unwrap(), Again::Queued(_)));
    until_state(&world, SendState::Held).await;
    assert_eq!(world.outbox(1).await[1].error.as_ref().unwrap()["held"], "window_closed");
    world.graph.answers(|request| match &*request.text {
        "re: hi" => Err(Error::Ambiguous("composed".into())).into(),
        _ => Ok(()).into(),
    });
    world.say(1, "again").await;
    pause(600_000).await;
    assert_eq!(sent(&world).iter().filter(|text| *text == "re: hi").count(), 2, "nobody sends it again in doubt");
    assert_eq!(world.outbox(1).await[1].error.as_ref().unwrap()["held"], "doubt");
}

/// Waits until the second message of the person stands so.
async fn until_state(world: &World, state: SendState) {
    for _ in 0..10_000 {
        if world.states(1).await.get(1) == Some(&state) {
            return;
        }
        pause(10).await;
    }
    panic!("{:?}", world.states(1).await);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_ended_never_goes_again_though_its_letter_is_still_open() {
    let world = World::new();
    world.graph.answers(|_| Answer(1_000_000, Ok(())));
    let engine = Arc::new(world.start().await);
    world.say(1, "hi").await;
    world.say(1, "well?").await;
    until(|| world.graph.count() == 1, "the first one is under way").await;
    world.consumed().await;
    // As the process left it that ended before it wrote who dropped it.
    let send = SendId { conversation: conversation(1), n: 2 };
    let payload = bytes::Bytes::new();
    let letter = NewDeadLetter { inbox: None, send: Some(send), reason: "dropped".into(), payload };
    let change = Change::Dead { letter, error: None };
    let fence = world.store.fence(&storage::Partition(NUMBER.into()));
    let settlement = Settlement { send, nonce: None, at_ms: START_MS, change };
    world.store.settle(fence, vec![settlement]).await.unwrap();
    let letter = only_letter(&world).await;
    assert_eq!(engine.retry_letter(letter, "user:elif", None).await.unwrap(), Again::Resolved);
    let batches = Batches::load(engine.clone()).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    assert_eq!((plan.retryable, plan.skipped.get("resolved")), (0, Some(&1)));
    batches.start(plan, 0, "user:elif").await.unwrap();
    let running = tokio::spawn(batches.clone().run());
    until(|| batches.all()[0].is_done(), "the batch is done").await;
    running.abort();
    let batch = &batches.all()[0];
    assert_eq!((batch.retried, batch.skipped.get("resolved")), (0, Some(&1)));
    assert_eq!(world.states(1).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_stopped_marketing_since_gets_no_template_again_that_could_be_some() {
    for (category, refusal_word) in
        [(None, Some("opted_out")), (Some("MARKETING"), Some("opted_out")), (Some("UTILITY"), None)]
    {
        let mut world = World::new();
        world.categories = Arc::new(move |_, _, _| category.map(Into::into));
        world.graph.answers(|request| match &*request.text {
            "news" => refusal(131_009, 400).into(),
            "more" => refusal(131_050, 400).into(),
            _ => Ok(()).into(),
        });
        let engine = Arc::new(world.start().await);
        world.say(1, "hi").await;
        world.quiet().await;
        for name in ["news", "more"] {
            let template = json!({ "type": "template", "template": { "name": name, "language": { "code": "en" } } });
            let message = Outgoing::parse(&template).unwrap();
            let order =
                Order { conversation: conversation(1), message, key: None, who: "user:elif".into(), force: false };
            assert!(matches!(engine.order(order).await.unwrap(), Ordered::Queued(_)));
            world.quiet().await;
        }
        world.graph.answers(|_| Ok(()).into());
        let filter = LetterFilter { code: Some(131_009), ..LetterFilter::default() };
        let batches = Batches::load(engine.clone()).await.unwrap();
        let plan = batches.plan(&filter, 0).await.unwrap();
        assert_eq!((plan.letters, plan.skipped.keys().next().map(|why| &**why)), (1, refusal_word), "{category:?}");
        let (letters, _) = filter.find(&*world.store, 9).await.unwrap();
        let again = engine.retry_letter(letters[0].id, "user:elif", None).await.unwrap();
        match refusal_word {
            Some(_) => assert_eq!(again, Again::Refused(Refusal::OptedOut)),
            None => assert!(matches!(again, Again::Queued(_)), "{again:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_letters_that_go_again_leave_behind_what_is_said_to_people_who_wait() {
    let mut world = World::new();
    world.sender.messages_per_second = 2;
    world.graph.answers(|_| refusal(131_009, 400).into());
    let engine = Arc::new(world.start().await);
    for person in 1..=40 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    world.graph.answers(|_| Ok(()).into());
    let batches = Batches::load(engine.clone()).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    assert_eq!(plan.retryable, 40);
    batches.start(plan, 0, "user:elif").await.unwrap();
    let running = tokio::spawn(batches.clone().run());
    until(|| batches.all()[0].is_done(), "all are in the outbox").await;
    let before = world.graph.count();
    world.say(99, "hello").await;
    until(|| sent(&world).contains(&"re: hello".to_owned()), "the reply leaves").await;
    assert!(world.graph.count() <= before + 3, "{} left before it", world.graph.count() - before);
    world.quiet().await;
    running.abort();
    assert_eq!(sent(&world).len(), 40 + 40 + 1);
}

/// Letters of so many people, each of a message of ours.
async fn many_refused(world: &World, people: u32) -> Arc<Engine> {
    world.graph.answers(|_| refusal(131_009, 400).into());
    let engine = Arc::new(world.start().await);
    for person in 1..=people {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    world.graph.answers(|_| Ok(()).into());
    engine
}

#[tokio::test(start_paused = true)]
async fn a_letter_whose_conversation_cannot_be_read_is_skipped_and_the_others_of_its_batch_go() {
    let world = World::new();
    let engine = many_refused(&world, 3).await;
    let head = world.store.load(conversation(2)).await.unwrap().unwrap();
    let damaged = storage::Turn {
        conversation: conversation(2),
        expected: head.revision,
        at_ms: START_MS,
        consumed: Vec::new(),
        snapshot: bytes::Bytes::from_static(b"damaged"),
        entries: Vec::new(),
        sends: Vec::new(),
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    };
    let fence = world.store.fence(&storage::Partition(NUMBER.into()));
    world.store.commit(fence, damaged).await.unwrap();
    let batches = Batches::load(engine).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    assert_eq!((plan.retryable, plan.skipped.get("damaged")), (2, Some(&1)), "{plan:?}");
    batches.start(plan, 0, "user:elif").await.unwrap();
    let running = tokio::spawn(batches.clone().run());
    until(|| batches.all()[0].is_done(), "the batch ends").await;
    running.abort();
    let batch = batches.all().remove(0);
    assert_eq!((batch.retried, batch.skipped.get("damaged"), batch.told.len()), (2, Some(&1), 1), "{batch:?}");
    world.quiet().await;
    assert_eq!(sent(&world).len(), 3 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_the_store_interrupts_remembers_how_far_it_was() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..World::new() };
    let engine = many_refused(&world, 3).await;
    let batches = Batches::load(engine).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    flaky.last_turns.store(1, Ordering::SeqCst);
    batches.start(plan, 0, "user:elif").await.unwrap();
    let running = tokio::spawn(batches.clone().run());
    until(|| batches.all()[0].retried == 1, "it is known that one went").await;
    assert_eq!((batches.all()[0].next, batches.all()[0].is_done()), (1, false));
    flaky.refuses.store(false, Ordering::SeqCst);
    until(|| batches.all()[0].is_done(), "the batch ends").await;
    running.abort();
    assert_eq!((batches.all()[0].retried, batches.all()[0].skipped.len()), (3, 0));
    world.quiet().await;
    assert_eq!(sent(&world).len(), 3 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_does_not_stand_still_behind_conversations_that_wait() {
    let mut world = World::new();
    world.conversations.max_unsent = 1;
    let engine = many_refused(&world, 8).await;
    world.graph.answers(|request| Answer(if request.text == "re: busy" { 60_000 } else { 20 }, Ok(())));
    for person in 1..=8 {
        world.say(person, "busy").await;
    }
    world.consumed().await;
    let batches = Batches::load(engine).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    assert_eq!(plan.retryable, 8);
    batches.start(plan, 0, "user:elif").await.unwrap();
    let running = tokio::spawn(batches.clone().run());
    pause(4_000).await;
    assert!(batches.all()[0].is_done(), "{:?}", batches.all());
    world.quiet().await;
    running.abort();
    assert_eq!(sent(&world).len(), 3 * 8);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_read_keeps_no_other_back() {
    let world = World::new();
    let engine = many_refused(&world, 1).await;
    world.store.put_document("letter_batch", "rb_1", Some(bytes::Bytes::from_static(b"damaged"))).await.unwrap();
    let batches = Batches::load(engine.clone()).await.unwrap();
    let plan = batches.plan(&LetterFilter::default(), 0).await.unwrap();
    let made = batches.start(plan, 0, "user:elif").await.unwrap();
    let again = Batches::load(engine).await.unwrap();
    assert_eq!(again.all(), [made]);
}
