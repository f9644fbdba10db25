//! Broadcasts beside each other, and people whose conversation has to wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::broadcast::{Broadcast, BroadcastResults, Broadcasts, Draft, NewPerson, Phase, Plan, Standing};
use actors::erasure::{Keeps, Who};
use serde_json::json;
use storage::Model;
use whatsapp::graph::Error;

use crate::support::*;

fn plan(people: impl Iterator<Item = u32>) -> Plan {
    let person = |n| NewPerson { to: phone(n), variables: BTreeMap::new() };
    let template = json!({ "type": "template", "template": { "name": "news", "language": { "code": "en" } } });
    let (name, number_id) = ("news".into(), NUMBER.into());
    let people = people.map(person).collect();
    Plan::of(Draft { name, number_id, message: template, people, rate: None, start_at_ms: None, named_ms: START_MS })
        .unwrap()
}

/// Everybody who is named, in order.
async fn named(broadcasts: &Broadcasts, broadcast: &Broadcast) -> Vec<String> {
    let (mut named, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let page = broadcasts.results(&broadcast.id, None, at, 1_000).await.unwrap();
        named.extend(page.items.into_iter().map(|person| person.to.into()));
        from = page.next;
    }
    named
}

#[tokio::test(start_paused = true)]
async fn two_that_are_made_at_once_have_their_own_ids_and_people() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..World::new() };
    let broadcasts = Broadcasts::load(Arc::new(world.start().await)).await.unwrap();
    flaky.documents_late_ms.store(5, Ordering::SeqCst);
    let create = |people| broadcasts.create(plan(people), "user:elif", false);
    let (one, other) = tokio::join!(create(1..4_501), create(5_001..5_301));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.id, other.id);
    assert_eq!(named(&broadcasts, &one).await, (1..4_501).map(phone).collect::<Vec<_>>());
    assert_eq!(named(&broadcasts, &other).await, (5_001..5_301).map(phone).collect::<Vec<_>>());
    assert_eq!(broadcasts.all().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn people_whose_conversation_has_to_wait_keep_nobody_after_them_and_get_it_in_the_end() {
    let flaky = Flaky::over(Model::new());
    let mut world = World { store: flaky.clone(), ..World::new() };
    world.conversations.max_unsent = 1;
    let busy = |to: &str| (1..=6).any(|n| phone(n) == to);
    world.graph.answers(move |request| match busy(&request.to) && request.text == "re: hi" {
        true => Answer(3_600_000, Ok(())),
        false => Ok(()).into(),
    });
    let engine = Arc::new(world.start().await);
    for person in 1..=6 {
        world.say(person, "hi").await;
    }
    until(|| world.graph.count() == 6, "their replies are under way").await;
    world.consumed().await;
    let broadcasts = Broadcasts::load(engine).await.unwrap();
    // One of them in each step.
    let people = (0..96).map(|at| if at % 16 == 0 { at / 16 + 1 } else { 100 + at });
    let made = broadcasts.create(plan(people), "user:elif", true).await.unwrap();
    let running = tokio::spawn(broadcasts.clone().run());
    pause(5_000).await;
    assert_eq!(world.graph.count(), 6 + 90);
    flaky.looked_up.store(0, Ordering::SeqCst);
    pause(1_800_000).await;
    let looked_up = flaky.looked_up.load(Ordering::SeqCst);
    assert!(looked_up < 100, "looked {looked_up} times");
    let counts = broadcasts.counts(&made.id).await.unwrap();
    assert_eq!((counts.waiting, counts.sent), (6, 90));
    pause(2_400_000).await;
    assert_eq!(broadcasts.get(&made.id).unwrap().phase, Phase::Done);
    running.abort();
    let sent = broadcasts.results(&made.id, Some(Standing::Sent), 0, 100).await.unwrap();
    assert_eq!((sent.items.len(), world.graph.count()), (96, 6 + 96));
}

#[tokio::test(start_paused = true)]
async fn f120_what_became_of_somebody_in_a_broadcast_names_no_conversation_of_theirs_once_they_are_erased() {
    let world = World::new();
    let engine = Arc::new(world.start().await);
    let broadcasts = Broadcasts::load(engine.clone()).await.unwrap();
    let results = BroadcastResults::new(world.store.clone());
    results.attach(broadcasts.clone());
    let made = broadcasts.create(plan(1..3), "user:elif", true).await.unwrap();
    let running = tokio::spawn(broadcasts.clone().run());
    until(|| broadcasts.all()[0].phase == Phase::Done, "it is done").await;
    running.abort();
    world.quiet().await;
    let who = Who { conversations: [conversation(1)].into(), ..Who::default() };
    let sends = async || {
        let page = broadcasts.results(&made.id, None, 0, 9).await.unwrap();
        page.items.into_iter().map(|one| (one.send.map(|send| send.conversation), one.reason)).collect::<Vec<_>>()
    };
    assert_eq!(results.erase(&who, true).await.unwrap(), 1);
    assert_eq!(sends().await, [(Some(conversation(1)), None), (Some(conversation(2)), None)]);
    assert_eq!(results.erase(&who, false).await.unwrap(), 1);
    assert_eq!(sends().await, [(None, Some("erased".into())), (Some(conversation(2)), None)]);
    assert_eq!(results.erase(&who, false).await.unwrap(), 0, "it can be done again");
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_that_cannot_be_read_keeps_no_start_back_and_its_people_stay() {
    let world = World::new();
    let engine = Arc::new(world.start().await);
    let first = Broadcasts::load(engine.clone()).await.unwrap();
    let made = first.create(plan(1..3), "user:elif", false).await.unwrap();
    let readable = first.create(plan(3..5), "user:elif", false).await.unwrap();
    let damaged = || Some(bytes::Bytes::from_static(b"damaged"));
    world.store.put_document("broadcast", &made.id, damaged()).await.unwrap();
    world.store.put_document("broadcast_people", "br_of_nobody/000000", damaged()).await.unwrap();
    let again = Broadcasts::load(engine).await.unwrap();
    assert_eq!(again.all(), std::slice::from_ref(&readable));
    let lists = world.store.documents("broadcast_people").await.unwrap();
    let keys: Vec<_> = lists.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, [&made.id, &readable.id].map(|id| format!("{id}/000000")));
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_broadcast_that_are_in_doubt_keep_no_room_from_the_others() {
    let mut world = World::new();
    world.sender.messages_per_second = 5;
    world.sender.doubt_window_ms = 3_600_000;
    let lost = |to: &str| (1..=20).any(|n| phone(n) == to);
    world.graph.answers(move |request| match lost(&request.to) {
        true => Err(Error::Ambiguous("composed".into())).into(),
        false => Ok(()).into(),
    });
    let broadcasts = Broadcasts::load(Arc::new(world.start().await)).await.unwrap();
    let made = broadcasts.create(plan(1..61), "user:elif", true).await.unwrap();
    let running = tokio::spawn(broadcasts.clone().run());
    pause(60_000).await;
    running.abort();
    let counts = broadcasts.counts(&made.id).await.unwrap();
    assert_eq!((counts.held, counts.sent), (20, 40), "{counts:?}");
}
