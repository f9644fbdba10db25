//! Order, once, cap, passivation: what a conversation may rely on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actors::{ConversationSettings, SenderSettings};
use chatbot::{Bot, Given, Input, Snapshot, Turn};
use parking_lot::Mutex;
use storage::{Model, SendState};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_message_becomes_a_reply() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests()), [(phone(1), vec!["re: hi".to_owned()])].into());
    assert_eq!(world.states(1).await, [SendState::Accepted]);
    engine.drain(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn replies_leave_in_the_order_of_the_messages() {
    let world = World::new();
    let _engine = world.start().await;
    for n in 0..100 {
        for person in 1..=5 {
            world.say(person, &format!("{n:03}")).await;
        }
    }
    world.quiet().await;
    let expected: Vec<_> = (0..100).map(|n| format!("re: {n:03}")).collect();
    for (person, texts) in by_person(&world.graph.requests()) {
        assert_eq!(texts, expected, "{person}");
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_copies_run_once_even_across_a_restart_and_days() {
    let world = World::new();
    let engine = world.start().await;
    for _ in 0..50 {
        world.deliver("wamid.same", 1, "hi").await;
    }
    world.quiet().await;
    engine.drain(Duration::from_secs(1)).await;

    let _engine = world.start().await;
    world.deliver("wamid.same", 1, "hi").await;
    world.consumed().await;
    // Seven days and 23 hours: Meta's last redelivery.
    world.clock.advance((7 * 24 + 23) * 3_600_000);
    world.deliver("wamid.same", 1, "hi").await;
    world.quiet().await;
    assert_eq!(world.graph.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn inputs_beyond_the_mailbox_limit_are_held_and_come_back_in_order() {
    let mut world = World::new();
    world.conversations.mailbox_limit = 3;
    world.conversations.max_unsent = 10_000;
    for n in 0..700 {
        world.say(1, &format!("{n:03}")).await;
        world.say(2, &format!("{n:03}")).await;
    }
    let _engine = world.start().await;
    for n in 700..750 {
        world.say(1, &format!("{n:03}")).await;
    }
    world.quiet().await;
    let people = by_person(&world.graph.requests());
    let expected = |count: u32| (0..count).map(|n| format!("re: {n:03}")).collect::<Vec<_>>();
    assert_eq!(people[&phone(1)], expected(750));
    assert_eq!(people[&phone(2)], expected(700));
}

/// A turn function that notices two turns of one person at a time, and counts turns.
fn watched(turns: &Arc<AtomicUsize>) -> Arc<actors::TurnFunction> {
    let (busy, turns) = (Mutex::new(HashMap::<String, bool>::new()), turns.clone());
    turn(move |given: &Given<'_>, text| {
        let person = given.contact.wa_id.clone().unwrap();
        assert!(!busy.lock().insert(person.clone(), true).unwrap_or(false), "two incarnations of {person}");
        turns.fetch_add(1, Ordering::SeqCst);
        std::thread::yield_now();
        busy.lock().insert(person, false);
        Ok(vec![text.to_owned()])
    })
}

async fn many_people_on_few_places(conversations: ConversationSettings, people: u32, each: u32) {
    let turns = Arc::new(AtomicUsize::new(0));
    let sender = SenderSettings { messages_per_second: 0, pair_interval_ms: 0, ..SenderSettings::default() };
    let world = World { turn: watched(&turns), conversations, sender, ..World::new() };
    let engine = world.start().await;
    for n in 0..each {
        for person in 1..=people {
            world.say(person, &format!("{n:04}")).await;
        }
        if n % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    world.quiet().await;
    assert_eq!(turns.load(Ordering::SeqCst), (people * each) as usize);
    let expected: Vec<_> = (0..each).map(|n| format!("{n:04}")).collect();
    let reached = by_person(&world.graph.requests());
    assert_eq!(reached.len(), people as usize);
    assert!(reached.values().all(|texts| *texts == expected));
    assert!(engine.failed().borrow().is_none());
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_conversations_leave_all_the_time() {
    let settings = ConversationSettings { max_live: 2, idle_passivate_ms: 0, ..ConversationSettings::default() };
    many_people_on_few_places(settings, 60, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_conversations_leave_on_many_threads() {
    let settings = ConversationSettings { max_live: 4, idle_passivate_ms: 0, ..ConversationSettings::default() };
    many_people_on_few_places(settings, 40, 50).await;
}

#[tokio::test(start_paused = true)]
async fn more_conversations_than_places_are_served_without_waiting_for_the_sweep() {
    let world = World::new();
    let world = World { conversations: ConversationSettings { max_live: 2, ..Default::default() }, ..world };
    let _engine = world.start().await;
    for person in 1..=500 {
        world.say(person, "hi").await;
    }
    world.consumed().await;
    let took_ms = actors::Clock::now_ms(&*world.clock) - START_MS;
    assert!(took_ms < 1_000, "{took_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn idle_conversations_leave_and_remember() {
    let mut world = World::new();
    world.conversations.idle_passivate_ms = 60_000;
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    assert_eq!(engine.status().await.live_actors, 1);
    pause(70_000).await;
    assert_eq!(engine.status().await.live_actors, 0);
    world.say(1, "hi").await;
    world.say(1, "again").await;
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi", "re: again"]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_finishes_what_is_in_hand_and_the_next_start_does_the_rest() {
    let model = Model::new();
    let world = World::over(model.clone());
    world.graph.answers(|_| Answer(500, Ok(())));
    let engine = world.start().await;
    for person in 1..=200 {
        world.say(person, "hi").await;
    }
    pause(50).await;
    engine.drain(Duration::from_secs(10)).await;
    let states = model.open_states();
    assert!(states.iter().all(|state| *state == SendState::Queued), "{states:?}");
    let sent = world.graph.count();

    let next = World { store: model.reopen(), graph: world.graph.clone(), ..World::new() };
    let _engine = next.start().await;
    next.quiet().await;
    assert!(sent < 200);
    assert_eq!(world.graph.count(), 200, "nothing was sent twice");
}

trait OpenStates {
    fn open_states(&self) -> Vec<SendState>;
}

impl OpenStates for Arc<Model> {
    fn open_states(&self) -> Vec<SendState> {
        let open = storage::Store::open_sends(&**self, None, 10_000);
        futures_util::FutureExt::now_or_never(open).unwrap().unwrap().into_iter().map(|row| row.state).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_group_is_recorded_and_runs_no_bot() {
    let world = World::new();
    let _engine = world.start().await;
    let mut message = received("wamid.group", 1, "hi");
    message.group_id = Some("group-1".into());
    let row = actors::inbound(&message, START_MS);
    world.store.append(vec![storage::Accept::Message(row)]).await.unwrap();
    world.quiet().await;
    assert_eq!(world.graph.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn ids_of_one_person_lead_to_one_conversation_at_once() {
    let turns = Arc::new(Mutex::new(Vec::new()));
    let seen = turns.clone();
    let mut world = World::new();
    world.turn = Arc::new(move |_: &Bot, before: &Snapshot, input: &Input, _: &Given<'_>| {
        if let Input::Message(message) = input {
            seen.lock().push(message.text.clone());
        }
        Ok(Turn { after: before.clone(), effects: texts(vec!["ok".into()]), trace: Vec::new(), changed: true })
    });
    let mut both = received("wamid.1", 1, "with both");
    both.from_user_id = Some("GB.1".into());
    let mut hidden = received("wamid.2", 1, "number withheld");
    (hidden.from, hidden.from_user_id) = (None, Some("GB.1".into()));
    let rows = [both, hidden].map(|message| storage::Accept::Message(actors::inbound(&message, START_MS)));
    world.store.append(rows.into()).await.unwrap();
    let _engine = world.start().await;
    world.quiet().await;
    assert_eq!(world.states(1).await.len(), 2);
    assert_eq!(*turns.lock(), ["with both", "number withheld"]);
}
