//! What Meta's limits slow down: the number, its account, the process; and how it gets fast again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actors::{Clock, Number};
use storage::SendState;
use whatsapp::graph::{Error, GraphError, Load};

use crate::support::*;

fn sent_between(world: &World, from_ms: u64, to_ms: u64) -> usize {
    world.graph.requests().iter().filter(|request| (from_ms..to_ms).contains(&request.at_ms)).count()
}

#[tokio::test(start_paused = true)]
async fn f72_after_a_refusal_the_rate_halves_and_is_whole_again_within_a_minute() {
    let mut world = World::new();
    world.sender.messages_per_second = 80;
    let refused = AtomicBool::new(false);
    world.graph.answers(move |_| {
        let first = !refused.swap(true, Ordering::SeqCst);
        if first { refusal(130_429, 429) } else { Ok(()) }.into()
    });
    let engine = world.start().await;
    for person in 1..=6_000 {
        world.say(person, "hi").await;
    }
    pause(1_500).await;
    let from_ms = world.graph.requests()[0].at_ms + 1_100;
    let status = engine.status().await.senders[NUMBER].clone();
    assert_eq!((status.paused, status.per_second), (None, Some(40.0)));
    world.quiet().await;
    let halved = sent_between(&world, from_ms + 1_000, from_ms + 11_000);
    assert!((380..=420).contains(&halved), "{halved}");
    let whole = sent_between(&world, from_ms + 20_000, from_ms + 60_000) / 40;
    assert!((76..=84).contains(&whole), "{whole} per second");
    assert_eq!(world.graph.count(), 6_001);
}

#[tokio::test(start_paused = true)]
async fn f72_the_time_that_meta_names_is_waited_for() {
    let world = World::new();
    world.graph.answers(|request| {
        let error =
            GraphError { code: 130_429, http_status: 429, retry_after_ms: Some(7_000), ..GraphError::default() };
        if request.before == 0 { Err(Error::from(error)) } else { Ok(()) }.into()
    });
    let _engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let times = world.graph.times(START_MS);
    assert!((7_000..7_100).contains(&(times[1] - times[0])), "{times:?}");
}

/// Three numbers, the first two of one account; the first one's first request is refused with this code. Gives when
/// each number sent its first message that got through (ms).
async fn first_sent_after(code: u32) -> [u64; 3] {
    let numbers = ["700800900100201", "700800900100202", "700800900100203"];
    let mut world = World::new();
    world.numbers = numbers.map(number).into();
    world.numbers[1] = Number { account: world.numbers[0].account.clone(), ..number(numbers[1]) };
    let refuses = move |request: &Request| request.from == numbers[0] && request.before == 0;
    world.graph.answers(move |request| if refuses(request) { refusal(code, 400) } else { Ok(()) }.into());
    let _engine = world.start().await;
    world.say_to(numbers[0], 1, "hi").await;
    pause(1_000).await;
    for number in numbers {
        world.say_to(number, 2, "hi").await;
    }
    world.quiet().await;
    assert!(world.dead_letters().await.is_empty());
    numbers.map(|number| {
        let requests = world.graph.requests();
        let through = requests.iter().find(|request| request.from == number && !(refuses(request))).unwrap();
        through.at_ms - START_MS
    })
}

#[tokio::test(start_paused = true)]
async fn f72_a_limit_of_the_account_brakes_its_numbers_and_one_of_the_app_all() {
    let waits = |ms: u64| (60_000..61_000).contains(&ms);
    let number = first_sent_after(130_429).await;
    assert!(number.iter().all(|ms| *ms < 2_000), "{number:?}");
    let account = first_sent_after(80_007).await;
    assert!(waits(account[0]) && waits(account[1]) && account[2] < 2_000, "{account:?}");
    let app = first_sent_after(4).await;
    assert!(app.into_iter().all(waits), "{app:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_near_slows_down_before_it_is_met() {
    let mut world = World::new();
    world.sender.messages_per_second = 80;
    *world.graph.load.lock() = Load { percent: 97, regain_ms: 0 };
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(100).await;
    assert_eq!(engine.status().await.senders[NUMBER].per_second, Some(40.0));
    *world.graph.load.lock() = Load { percent: 100, regain_ms: 120_000 };
    world.say(1, "two").await;
    world.quiet().await;
    world.say(1, "three").await;
    *world.graph.load.lock() = Load::default();
    world.quiet().await;
    let times = world.graph.times(START_MS);
    assert!((120_000..121_000).contains(&(times[2] - times[1])), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backlog_drains_at_the_rate_and_in_order() {
    let mut world = World::new();
    world.sender.messages_per_second = 80;
    world.conversations.max_unsent = 1_000;
    let engine = world.start().await;
    engine.pause(NUMBER, "the test says so").await.unwrap();
    for n in 0..20 {
        for person in 1..=200 {
            world.say(person, &format!("{n:02}")).await;
        }
    }
    world.consumed().await;
    let status = engine.status().await.senders[NUMBER].clone();
    assert_eq!((status.open, status.paused.unwrap().cause), (4_000, "stopped"));
    engine.resume(NUMBER).await.unwrap();
    let from_ms = world.clock.now_ms();
    world.quiet().await;
    let took_ms = world.clock.now_ms() - from_ms;
    assert!((47_500..=52_500).contains(&took_ms), "{took_ms} ms for 50 s of messages");
    let expected: Vec<_> = (0..20).map(|n| format!("re: {n:02}")).collect();
    assert!(by_person(&world.graph.requests()).values().all(|texts| *texts == expected));
}

#[tokio::test(start_paused = true)]
async fn f73_a_person_that_meta_slows_down_keeps_the_order_and_others_the_rate() {
    let mut world = World::new();
    world.sender.messages_per_second = 80;
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = slow.clone();
    let refuses = move |request: &Request| request.to == phone(1) && is_slow.load(Ordering::SeqCst);
    world.graph.answers(move |request| if refuses(request) { refusal(131_056, 400) } else { Ok(()) }.into());
    let _engine = world.start().await;
    for text in ["a", "b"] {
        world.say(1, text).await;
    }
    for person in 2..=801 {
        world.say(person, "hi").await;
    }
    pause(10_500).await;
    assert!(world.graph.requests().iter().filter(|request| request.to != phone(1)).count() == 800);
    slow.store(false, Ordering::SeqCst);
    world.quiet().await;
    let mut texts = by_person(&world.graph.requests()).remove(&phone(1)).unwrap();
    texts.dedup();
    assert_eq!(texts, ["re: a", "re: b"]);
    assert_eq!(world.states(1).await, [SendState::Accepted; 2]);
}
