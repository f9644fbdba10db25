//! What a conversation had under way when it became a part of another one, and two that become parts of each other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::broadcast::{Broadcasts, Draft, NewPerson, Phase, Plan, Standing};
use actors::{Done, Engine, How, Order, Ordered};
use chatbot::{Closed, Effect, Sending};
use storage::{Model, SendState};
use whatsapp::message::{Outgoing, Text};

use super::*;
use crate::deeds::{back, deed, take};

const ADA: Option<&str> = Some("447700900123");
const BEN: Option<&str> = Some("447700900124");
const USER: Option<&str> = Some("GB.7781902234411");
const OTHER: Option<&str> = Some("GB.7781902234412");

/// As [`accept`], in one commit.
async fn accept_at_once(world: &World, messages: &[Received]) {
    let now_ms = actors::Clock::now_ms(&*world.clock);
    let rows = messages.iter().map(|message| Accept::Message(actors::inbound(message, now_ms))).collect();
    world.store.append(rows).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_person_with_number_and_user_id_costs_one_read_after_a_restart() {
    let flaky = Flaky::over(Model::new());
    let world = counting(World::over(flaky.clone()));
    let engine = world.start().await;
    accept(&world, &[said("wamid.1", ADA, USER, "a")]).await;
    world.quiet().await;
    engine.drain(Duration::from_secs(5)).await;
    let _engine = world.start().await;
    flaky.loads.store(0, Ordering::SeqCst);
    accept(&world, &[said("wamid.2", ADA, USER, "b")]).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["1 a true", "2 b true"]);
    assert_eq!(flaky.loads.load(Ordering::SeqCst), 1, "the actor reads its state, nobody else does");
}

#[tokio::test(start_paused = true)]
async fn two_that_become_parts_of_each_other_at_once_are_one_afterwards() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.1", ADA, OTHER, "a"), said("wamid.2", BEN, USER, "b")]).await;
    world.quiet().await;
    let crossing = [said("wamid.3", ADA, USER, "c"), said("wamid.4", BEN, OTHER, "d")];
    accept_at_once(&world, &crossing).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let copies = [said("wamid.1", ADA, OTHER, "a"), said("wamid.2", BEN, USER, "b")];
    accept(&world, &[crossing, copies].concat()).await;
    accept(&world, &[said("wamid.5", None, USER, "e"), said("wamid.6", None, OTHER, "f")]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!((all.len(), all[0].merged.len()), (1, 1), "{all:?}");
    let mut taken = taken(&*world.store, &all[0].id).await;
    taken.sort();
    assert_eq!(taken, ["wamid.1", "wamid.2", "wamid.3", "wamid.4", "wamid.5", "wamid.6"]);
    assert_eq!(sent(&world).len(), 6, "{:?}", sent(&world));
}

#[tokio::test(start_paused = true)]
async fn what_a_part_held_until_the_person_writes_leaves_when_the_whole_is_written_to() {
    let turn = |_: &chatbot::Bot, before: &Snapshot, input: &Input, _: &Given<'_>| {
        let Input::Message(message) = input else {
            return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
        };
        let text = Outgoing::Text(Text::new(format!("re: {}", message.text)).unwrap());
        let effects = vec![Effect::Send(Box::new(Sending { closed: Closed::Hold, ..Sending::new("a", text) }))];
        Ok(Turn { after: before.clone(), effects, trace: Vec::new(), changed: true })
    };
    let world = World { turn: std::sync::Arc::new(turn), ..World::new() };
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    accept(&world, &[said("wamid.1", None, USER, "early")]).await;
    world.consumed().await;
    pause(100).await;
    world.clock.advance(25 * 3_600_000);
    engine.resume(NUMBER).await.unwrap();
    pause(1_000).await;
    let held = world.store.open_sends(None, 10).await.unwrap();
    assert_eq!(held.iter().map(|row| row.state).collect::<Vec<_>>(), [SendState::Held]);
    accept(&world, &[said("wamid.2", ADA, None, "late"), said("wamid.3", ADA, USER, "both")]).await;
    world.quiet().await;
    let mut sent = sent(&world);
    sent.sort();
    assert_eq!(sent, ["re: both", "re: early", "re: late"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_a_part_knew_leads_to_the_message_that_it_became() {
    let world = counting(World::new());
    let engine = world.start().await;
    accept(&world, &[said("wamid.1", None, USER, "a")]).await;
    world.quiet().await;
    let conversation = conversations(&*world.store).await[0].id.parse().unwrap();
    let message = Outgoing::Text(Text::new("hello").unwrap());
    let order = Order { conversation, message, key: Some("k1".into()), who: "user:elif".into(), force: false };
    let first = engine.order(order.clone()).await.unwrap();
    let Ordered::Queued(send) = first else { panic!("{first:?}") };
    assert_eq!(send.conversation, conversation);
    world.quiet().await;
    accept(&world, &[said("wamid.2", ADA, None, "b"), said("wamid.3", ADA, USER, "c")]).await;
    world.quiet().await;
    assert_eq!(engine.order(order).await.unwrap(), first);
    world.quiet().await;
    assert_eq!(sent(&world).iter().filter(|text| *text == "hello").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_at_a_takeover_stays_through_a_merge_wherever_the_process_ends_and_leaves_when_the_whole_is_handed_back()
 {
    for (first, second) in [((None, USER), (ADA, None)), ((ADA, None), (None, USER))] {
        for turns in 1..=5 {
            taken_over_and_merged(first, second, turns).await;
        }
    }
}

type Ids = (Option<&'static str>, Option<&'static str>);

/// What the bot said to the first is held at a takeover; then both turn out to be one, and the process ends after so many
/// turns.
async fn taken_over_and_merged(first: Ids, second: Ids, turns: usize) {
    let model = Model::new();
    let flaky = Flaky::over(model.clone());
    let world = counting(World::over(flaky.clone()));
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    accept(&world, &[said("wamid.1", first.0, first.1, "early")]).await;
    world.consumed().await;
    let part = conversations(&*world.store).await[0].id.parse().unwrap();
    let Done::Done(standing) = engine.act(part, deed("user:elif", take(false))).await.unwrap() else { panic!() };
    assert_eq!(standing.held, 1);
    engine.resume(NUMBER).await.unwrap();
    accept(&world, &[said("wamid.2", second.0, second.1, "late")]).await;
    world.consumed().await;
    pause(1_000).await;
    assert_eq!(sent(&world), [format!("1 late {}", second.0.is_some())]);
    flaky.last_turns.store(turns, Ordering::SeqCst);
    accept(&world, &[said("wamid.3", ADA, USER, "both")]).await;
    pause(2_000).await;
    engine.drain(Duration::ZERO).await;

    let (store, graph, clock) = (Flaky::over(model.reopen()), world.graph.clone(), world.clock.clone());
    // What is left of the merge takes its time.
    store.conflicts.store(3, Ordering::SeqCst);
    let next = World { store: store.clone(), graph, clock, ..counting(World::new()) };
    let engine = next.start().await;
    next.consumed().await;
    pause(60_000).await;
    store.conflicts.store(0, Ordering::SeqCst);
    let early = || sent(&next).iter().filter(|text| text.starts_with("1 early")).count();
    assert_eq!(early(), 0, "{first:?} after {turns} turns");
    let all = conversations(&*next.store).await;
    assert_eq!((all.len(), all[0].owner.as_deref()), (1, Some("user:elif")), "{first:?} after {turns} turns");
    let whole = all[0].id.parse().unwrap();
    let done = engine.act(whole, deed("user:elif", back(How::Continue))).await.unwrap();
    assert!(matches!(done, Done::Done(_)), "{done:?}");
    next.quiet().await;
    assert_eq!(early(), 1, "{first:?} after {turns} turns");
}

/// A part to which the bot said something, and the whole that has not taken it in: its outbox is full. The number is paused.
async fn merging(world: &World) -> (Engine, ConversationId) {
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    accept(world, &[said("wamid.1", None, USER, "early")]).await;
    world.consumed().await;
    let part = conversations(&*world.store).await[0].id.parse().unwrap();
    let picture = json!({ "type": "image", "image": { "id": "1", "mime_type": "image/png" } });
    accept(world, &[by("wamid.2", ADA, None, &picture)]).await;
    world.consumed().await;
    for text in ["one", "two"] {
        let message = Outgoing::Text(Text::new(text).unwrap());
        let order = Order { conversation: conversation(123), message, key: None, who: "token:ci".into(), force: false };
        assert!(matches!(engine.order(order).await.unwrap(), Ordered::Queued(_)));
    }
    accept(world, &[said("wamid.3", ADA, USER, "both")]).await;
    pause(1_000).await;
    let links = view::links(part, &world.store.load(part).await.unwrap().unwrap()).unwrap();
    assert_eq!(links.merged_into, Some(conversation(123)));
    assert!(world.store.stats().inbox > 0, "it has not arrived");
    (engine, part)
}

fn narrow() -> World {
    let mut world = counting(World::new());
    world.conversations.max_unsent = 2;
    world
}

#[tokio::test(start_paused = true)]
async fn what_a_bot_said_does_not_leave_after_a_takeover_that_comes_while_its_conversation_becomes_a_part_of_another() {
    let world = narrow();
    let (engine, part) = merging(&world).await;
    let Done::Done(standing) = engine.act(part, deed("user:elif", take(false))).await.unwrap() else { panic!() };
    assert_eq!((standing.conversation, standing.held), (conversation(123), 1));
    engine.resume(NUMBER).await.unwrap();
    pause(60_000).await;
    assert_eq!(sent(&world), ["one", "two"]);
    let all = conversations(&*world.store).await;
    assert_eq!((all.len(), all[0].merged.len(), all[0].owner.as_deref()), (1, 1, Some("user:elif")));
    let done = engine.act(part, deed("user:elif", back(How::Continue))).await.unwrap();
    assert!(matches!(done, Done::Done(_)), "{done:?}");
    world.quiet().await;
    assert_eq!(sent(&world), ["one", "two", "1 early false"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_bot_said_leaves_once_its_conversation_is_a_part_of_another_that_nobody_has() {
    let world = narrow();
    let (engine, _) = merging(&world).await;
    engine.resume(NUMBER).await.unwrap();
    world.quiet().await;
    assert_eq!(sent(&world), ["one", "two", "1 early false", "2 both true"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_in_a_broadcast_gets_it_though_their_conversation_passed_it_on_to_the_one_that_it_became_a_part_of() {
    let world = narrow();
    let slow = |text: &str| if ["one", "two"].contains(&text) { 600_000 } else { 60_000 };
    world.graph.answers(move |request| Answer(if request.text == "news" { 20 } else { slow(&request.text) }, Ok(())));
    let engine = std::sync::Arc::new(world.start().await);
    accept(&world, &[said("wamid.1", None, USER, "a"), said("wamid.2", None, USER, "b")]).await;
    let picture = json!({ "type": "image", "image": { "id": "1", "mime_type": "image/png" } });
    accept(&world, &[by("wamid.3", ADA, None, &picture)]).await;
    world.consumed().await;
    for text in ["one", "two"] {
        let message = Outgoing::Text(Text::new(text).unwrap());
        let order = Order { conversation: conversation(123), message, key: None, who: "token:ci".into(), force: false };
        assert!(matches!(engine.order(order).await.unwrap(), Ordered::Queued(_)));
    }
    // Both are full: this waits, and behind it what the broadcast says.
    accept(&world, &[said("wamid.4", ADA, USER, "both")]).await;
    let template = json!({ "type": "template", "template": { "name": "news", "language": { "code": "en" } } });
    let people = vec![NewPerson { to: USER.unwrap().into(), variables: Default::default() }];
    let (name, number_id) = ("news".into(), NUMBER.into());
    let draft = Draft {
        name,
        number_id,
        message: template,
        people,
        rate: None,
        start_at_ms: None,
        named_ms: actors::Clock::now_ms(&*world.clock),
    };
    let broadcasts = Broadcasts::load(engine).await.unwrap();
    let made = broadcasts.create(Plan::of(draft).unwrap(), "user:elif", true).await.unwrap();
    let running = tokio::spawn(broadcasts.clone().run());
    pause(300_000).await;
    let standing = async || broadcasts.results(&made.id, None, 0, 9).await.unwrap().items.remove(0).standing;
    assert_eq!(standing().await, Standing::Waiting);
    pause(1_800_000).await;
    running.abort();
    assert_eq!(standing().await, Standing::Sent);
    assert_eq!(broadcasts.get(&made.id).unwrap().phase, Phase::Done);
    assert_eq!(sent(&world).iter().filter(|text| *text == "news").count(), 1);
}
