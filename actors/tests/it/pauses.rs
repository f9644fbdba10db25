//! Numbers that Meta refuses or that an operator stops: the queue is kept, and goes on when it can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::Clock;
use secrecy::ExposeSecret;
use whatsapp::graph::Error;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn f75_a_new_token_resumes_at_once_and_nothing_is_lost() {
    let world = World::new();
    let token = world.numbers[0].token.clone();
    let seen = token.clone();
    let answer = move || if seen.get().expose_secret() == "token" { refusal(190, 401) } else { Ok(()) };
    world.graph.answers(move |_| answer().into());
    let engine = world.start().await;
    for person in 1..=50 {
        world.say(person, "hi").await;
    }
    // A probe after 1, 3, 7 minutes; the next one after 15.
    pause(600_000).await;
    let paused = engine.status().await.senders[NUMBER].paused.clone().unwrap();
    assert_eq!((paused.cause, paused.code), ("refused", Some(190)));
    assert!(paused.since_ms < START_MS + 1_000 && paused.next_probe_ms.unwrap() > world.clock.now_ms());
    assert!(paused.why.contains("190"));

    let changed_ms = world.clock.now_ms();
    assert!(token.replace("another".to_owned().into()));
    engine.token_changed(NUMBER);
    world.quiet().await;
    assert!(world.clock.now_ms() - changed_ms < 1_000);
    assert_eq!(engine.status().await.senders[NUMBER].paused, None);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn f75_a_refusal_of_the_old_token_that_comes_late_does_not_pause_the_new_one() {
    let world = World::new();
    world.graph.answers(|request| Answer(5_000, if request.before == 0 { refusal(190, 401) } else { Ok(()) }));
    let engine = world.start().await;
    world.say(1, "hi").await;
    until(|| world.graph.count() == 1, "the request").await;
    world.numbers[0].token.replace("another".to_owned().into());
    engine.token_changed(NUMBER);
    world.quiet().await;
    let times = world.graph.times(START_MS);
    assert!((5_000..5_100).contains(&(times[1] - times[0])), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn f75_every_refusal_of_the_number_keeps_the_queue() {
    for code in [10, 200, 299, 368, 131_048, 131_031] {
        let world = World::new();
        let refused = Arc::new(AtomicBool::new(true));
        let refuses = refused.clone();
        let answer = move || if refuses.load(Ordering::SeqCst) { refusal(code, 403) } else { Ok(()) };
        world.graph.answers(move |_| answer().into());
        let engine = world.start().await;
        for person in 1..=5 {
            world.say(person, "hi").await;
        }
        pause(30_000).await;
        let asked = world.graph.count();
        assert!(asked <= 5, "{code}: {asked} requests");
        assert_eq!(engine.status().await.senders[NUMBER].open, 5);
        refused.store(false, Ordering::SeqCst);
        engine.resume(NUMBER).await.unwrap();
        world.quiet().await;
        assert!(world.clock.now_ms() - START_MS < 32_000, "{code}");
        assert!(world.dead_letters().await.is_empty(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operators_stop_holds_over_a_restart_until_it_is_resumed() {
    let world = World::new();
    let engine = world.start().await;
    assert!(engine.pause(NUMBER, "quality").await.unwrap());
    assert!(!engine.pause("1", "quality").await.unwrap(), "no such number");
    world.say(1, "hi").await;
    pause(3_600_000).await;
    engine.token_changed(NUMBER);
    pause(1_000).await;
    assert_eq!(world.graph.count(), 0);
    engine.drain(Duration::from_secs(1)).await;

    let engine = world.start().await;
    pause(60_000).await;
    let paused = engine.status().await.senders[NUMBER].paused.clone().unwrap();
    assert_eq!((paused.cause, &*paused.why, paused.next_probe_ms), ("stopped", "quality", None));
    assert_eq!(world.graph.count(), 0);
    assert!(engine.resume(NUMBER).await.unwrap());
    world.quiet().await;
    assert_eq!(world.graph.count(), 1);
    engine.drain(Duration::from_secs(1)).await;
    let engine = world.start().await;
    assert_eq!(engine.status().await.senders[NUMBER].paused, None);
}

#[tokio::test(start_paused = true)]
async fn f70_only_one_probe_at_a_time_asks_whether_meta_is_back() {
    let world = World::new();
    world.graph.answers(|_| Answer(3_000, Err(Error::NotSent("composed".into()))));
    let engine = world.start().await;
    for person in 1..=200 {
        world.say(person, "hi").await;
    }
    pause(10_000).await;
    let burst = world.graph.count();
    pause(60_000).await;
    let probes = world.graph.count() - burst;
    assert!((8..=16).contains(&probes), "{probes} in a minute");
    assert_eq!(engine.status().await.senders[NUMBER].paused.as_ref().unwrap().cause, "unreachable");
    assert!(world.dead_letters().await.is_empty());
}
