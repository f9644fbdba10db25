//! Panics, bots that fail, stores that refuse, people who flood: what each ends in, and that nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use actors::Clock;
use chatbot::{Bot, Given, Input, Snapshot, Turn, TurnError};
use parking_lot::Mutex;
use storage::{Model, SendState, Store};

use crate::support::*;

fn broken(node: &str) -> TurnError {
    TurnError::Failed { node: node.into(), message: "composed".into() }
}

#[tokio::test(start_paused = true)]
async fn f51_a_poison_message_runs_three_times_and_then_the_next_one_runs() {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut world) = (runs.clone(), World::new());
    world.turn = turn(move |given, text| {
        if text == "poison" {
            seen.lock().push(given.now_ms - START_MS);
            panic!("composed");
        }
        Ok(vec![text.to_owned()])
    });
    let engine = world.start().await;
    for text in ["before", "poison", "after"] {
        world.say(1, text).await;
    }
    world.say(2, "other").await;
    until(|| world.graph.count() == 2, "the message before it and the other person's are answered").await;
    assert!(world.clock.now_ms() - START_MS < 1_500, "nobody else waits");
    world.quiet().await;

    let runs = runs.lock().clone();
    assert_eq!(runs.len(), 3);
    assert!(runs[1] < 100 && (2_000..2_200).contains(&runs[2]), "{runs:?}");
    assert!((32_000..33_000).contains(&(world.clock.now_ms() - START_MS)));
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["before", "after"]);
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((&*letters[0].reason, letters[0].tries), ("panic", 3));
    assert_eq!(letters[0].raw.as_ref().unwrap()["text"]["body"], "poison");
    assert!(engine.failed().borrow().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_poisoned_conversations_leave_a_hundred_dead_letters_and_a_healthy_engine() {
    let mut world = World::new();
    world.turn = turn(|_, text| if text == "poison" { panic!("composed") } else { Ok(vec![text.to_owned()]) });
    let engine = world.start().await;
    for person in 1..=100 {
        world.say(person, "poison").await;
        world.say(person, "after").await;
    }
    until(|| engine.failed().borrow().is_some() || world.store.stats().inbox <= 100, "the poison is given up").await;
    assert!(engine.failed().borrow().is_none());
    // So many at once trip the version; the next one goes on with what waits.
    world.bots.put_live(bot("two"));
    engine.bots_changed();
    world.quiet().await;
    assert_eq!(world.dead_letters().await.len(), 100);
    assert_eq!(world.graph.count(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_a_timer_ends_the_run_and_not_the_conversation() {
    let ticks = Arc::new(AtomicUsize::new(0));
    let (counted, mut world) = (ticks.clone(), World::new());
    world.turn = Arc::new(move |bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| match input {
        Input::Tick if before.wake_ms().is_some() => {
            counted.fetch_add(1, Ordering::SeqCst);
            panic!("composed");
        }
        Input::Tick
        | Input::HandBack(_)
        | Input::Steer(_)
        | Input::HttpDone(_)
        | Input::Api(_)
        | Input::Form(_)
        | Input::Unsent(_) => {
            Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false })
        }
        Input::Message(message) => {
            let after = if message.text == "wait" { waiting(bot, Some(given.now_ms + 5_000)) } else { before.clone() };
            Ok(Turn { after, effects: texts(vec![message.text.clone()]), trace: Vec::new(), changed: true })
        }
    });
    let _engine = world.start().await;
    world.say(1, "wait").await;
    pause(5_500).await;
    world.say(1, "hello").await;
    pause(60_000).await;
    world.quiet().await;
    assert_eq!(ticks.load(Ordering::SeqCst), 3);
    assert_eq!(world.dead_letters().await.len(), 1);
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["wait", "hello"]);
    pause(120_000).await;
    assert_eq!(ticks.load(Ordering::SeqCst), 3, "the timer went with its run");
}

#[tokio::test(start_paused = true)]
async fn a_bot_error_is_a_dead_letter_at_once_and_shown_in_the_history() {
    let mut world = World::new();
    world.turn = turn(|_, text| if text == "bad" { Err(broken("a")) } else { Ok(vec![text.to_owned()]) });
    let _engine = world.start().await;
    world.say(1, "bad").await;
    world.say(1, "good").await;
    world.quiet().await;
    let letters = world.dead_letters().await;
    assert_eq!((letters.len(), &*letters[0].reason, letters[0].node.as_deref()), (1, "bot_error", Some("a")));
    assert_eq!(world.graph.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn twenty_people_trip_a_version_and_a_new_one_takes_over_what_waited() {
    let first = bot("one");
    let (version, mut world) = (first.version().to_owned(), World::new());
    world.turn = Arc::new(move |bot: &Bot, before: &Snapshot, input: &Input, _: &Given<'_>| match input {
        Input::Message(_) if bot.version() == version => Err(broken("a")),
        _ => Ok(Turn { after: before.clone(), effects: texts(vec!["ok".into()]), trace: Vec::new(), changed: true }),
    });
    world.conversations.max_live = 4;
    let engine = world.start().await;
    for person in 1..=300 {
        world.say(person, "hi").await;
    }
    pause(120_000).await;
    let failed = world.dead_letters().await.len();
    assert!((20..100).contains(&failed), "{failed} messages were lost to the broken version");
    assert_eq!(engine.status().await.tripped, [("test".into(), first.version().into())]);
    assert_eq!(world.graph.count(), 0);

    world.bots.put_live(bot("two"));
    engine.bots_changed();
    world.quiet().await;
    assert_eq!(world.graph.count(), 300 - failed);
    assert_eq!(world.dead_letters().await.len(), failed);
}

#[tokio::test(start_paused = true)]
async fn a_tripped_version_keeps_no_places_from_others() {
    let mut world = World::new();
    world.turn = turn(|_, text| if text == "bad" { Err(broken("a")) } else { Ok(vec![text.to_owned()]) });
    world.conversations.max_live = 2;
    let engine = world.start().await;
    for person in 1..=25 {
        world.say(person, "bad").await;
    }
    world.say(1, "waits").await;
    pause(1_000).await;
    assert_eq!(engine.status().await.tripped.len(), 1);
    for person in 26..=100 {
        world.say(person, "waits").await;
    }
    pause(10_000).await;
    let commits = world.store.stats().commits;
    pause(600_000).await;
    assert_eq!(world.store.stats().commits, commits, "it waits without doing anything");
    world.bots.put_live(bot("two"));
    engine.bots_changed();
    world.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_for_a_while_loses_nothing() {
    for (refuses_ms, waits_ms) in [(3_000, 1_000), (20_000, 31_000), (600_000, 40_000)] {
        let flaky = Flaky::over(Model::new());
        let world = World::over(flaky.clone());
        let engine = world.start().await;
        for person in 1..=10 {
            world.say(person, "one").await;
        }
        flaky.refuses.store(true, Ordering::SeqCst);
        for person in 1..=10 {
            world.say(person, "two").await;
        }
        pause(refuses_ms).await;
        flaky.refuses.store(false, Ordering::SeqCst);
        let back_ms = world.clock.now_ms();
        world.quiet().await;
        assert!(world.clock.now_ms() - back_ms <= waits_ms, "after {refuses_ms} ms");
        assert!(world.dead_letters().await.is_empty(), "no message is given up for the store's failure");
        let people = by_person(&world.graph.requests());
        assert!(people.values().all(|texts| *texts == ["re: one", "re: two"]), "{people:?}");
        assert_eq!(people.len(), 10);
        assert!(engine.failed().borrow().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_is_not_asked_more_often_the_more_arrives() {
    let flaky = Flaky::over(Model::new());
    let world = World::over(flaky.clone());
    let _engine = world.start().await;
    flaky.refuses.store(true, Ordering::SeqCst);
    for n in 0..500 {
        world.say(n, "hi").await;
        pause(20).await;
    }
    let asked = flaky.asked.load(Ordering::SeqCst);
    assert!((40..=60).contains(&asked), "{asked} times in 10 s");
    flaky.refuses.store(false, Ordering::SeqCst);
    world.quiet().await;
    assert_eq!(world.graph.count(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_makes_the_conversation_start_from_the_store() {
    let flaky = Flaky::over(Model::new());
    let world = World::over(flaky.clone());
    let _engine = world.start().await;
    world.say(1, "one").await;
    world.quiet().await;
    flaky.conflicts.store(2, Ordering::SeqCst);
    for text in ["two", "three"] {
        world.say(1, text).await;
    }
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: one", "re: two", "re: three"]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_nobody_knows_of_still_sends_its_replies_once() {
    let flaky = Flaky::over(Model::new());
    let world = World::over(flaky.clone());
    let _engine = world.start().await;
    flaky.unknown.store(1, Ordering::SeqCst);
    world.say(1, "one").await;
    world.say(1, "two").await;
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: one", "re: two"]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_state_parks_one_conversation_only() {
    let model = Model::new();
    let fence = model.fence(&storage::Partition(NUMBER.into()));
    let damaged = storage::Turn {
        conversation: conversation(1),
        expected: storage::Revision(0),
        at_ms: 1,
        consumed: Vec::new(),
        snapshot: bytes::Bytes::from_static(b"\xFFnot ours"),
        entries: Vec::new(),
        sends: Vec::new(),
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    };
    model.commit(fence, damaged).await.unwrap();
    let world = World::over(model);
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.say(2, "hi").await;
    pause(100_000).await;
    assert_eq!(world.graph.count(), 1);
    assert_eq!(world.store.stats().inbox, 1, "the message waits until the state can be read");
    assert!(world.dead_letters().await.is_empty() && engine.failed().borrow().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_flooding_persons_bot_runs_no_faster_than_its_replies_leave() {
    let turns = Arc::new(AtomicU32::new(0));
    let (counted, mut world) = (turns.clone(), World::new());
    world.turn = turn(move |given, text| {
        if given.contact.wa_id.as_deref() == Some(&phone(1)) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        Ok(vec![text.to_owned()])
    });
    world.sender.pair_interval_ms = 6_000;
    world.sender.pair_burst = 45;
    let engine = world.start().await;
    for n in 0..2_000 {
        world.say(1, &format!("{n:04}")).await;
    }
    world.say(2, "hi").await;
    until(|| world.graph.count() >= 46, "the burst and the other person").await;
    pause(1_000).await;
    let ran = turns.load(Ordering::SeqCst);
    assert!((100..=120).contains(&ran), "{ran} turns for 45 replies that left");
    assert!(by_person(&world.graph.requests()).contains_key(&phone(2)));
    // It goes on when half of the unsent have left: 50 messages, 6 s each.
    pause(400_000).await;
    assert!(turns.load(Ordering::SeqCst) > ran);
    assert!(engine.status().await.senders[NUMBER].open <= 120);
}

#[tokio::test(start_paused = true)]
async fn a_flood_into_a_paused_number_waits_and_then_ends() {
    let world = World::new();
    let refused = Arc::new(AtomicBool::new(true));
    let refuses = refused.clone();
    let answer = move || if refuses.load(Ordering::SeqCst) { refusal(190, 401) } else { Ok(()) };
    world.graph.answers(move |_| answer().into());
    let engine = world.start().await;
    for n in 0..500 {
        world.say(1, &format!("{n:03}")).await;
    }
    pause(3_600_000).await;
    assert!(world.store.stats().inbox >= 380, "its inputs wait");
    assert!(engine.status().await.senders[NUMBER].paused.is_some());
    assert!(world.graph.count() < 70, "a probe a minute: {}", world.graph.count());
    refused.store(false, Ordering::SeqCst);
    world.quiet().await;
    let expected: Vec<_> = (0..500).map(|n| format!("re: {n:03}")).collect();
    let mut texts = by_person(&world.graph.requests()).remove(&phone(1)).unwrap();
    texts.dedup();
    assert_eq!(texts, expected);
    assert!(world.states(1).await.iter().all(|state| *state == SendState::Accepted));
}
