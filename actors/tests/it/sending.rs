//! What each answer of Graph leads to: how many requests, when, and in which state the message ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::{Clock, Engine};
use storage::{Model, SendState};
use whatsapp::graph::Error;
use whatsapp::webhook::{StatusKind, StatusUpdate};

use crate::support::*;

fn ambiguous() -> Result<(), Error> {
    Err(Error::Ambiguous("composed".into()))
}

pub(crate) fn status(request: &Request, kind: StatusKind) -> StatusUpdate {
    status_of(&request.callback_data, kind)
}

pub(crate) fn status_of(callback_data: &str, kind: StatusKind) -> StatusUpdate {
    StatusUpdate {
        phone_number_id: NUMBER.into(),
        wamid: "wamid.status".into(),
        status: kind,
        callback_data: Some(callback_data.into()),
        at_ms: None,
        recipient_id: None,
        recipient_user_id: None,
        participant_id: None,
        errors: Vec::new(),
        raw: serde_json::value::RawValue::from_string("{}".into()).unwrap(),
    }
}

async fn tell(engine: &Engine, world: &World, kind: StatusKind) {
    let last = world.graph.requests().pop().unwrap();
    engine.statuses(&[status(&last, kind)]).await.unwrap();
}

/// Answers the first requests of each message like this and accepts the next one; gives the times of all requests.
async fn times_if_first(refusals: usize, answer: fn() -> Result<(), Error>) -> (Vec<u64>, World) {
    let world = World::new();
    world.graph.answers(move |request| if request.before < refusals { answer() } else { Ok(()) }.into());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    (world.graph.times(START_MS), world)
}

fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn f71_an_error_that_passes_is_tried_again_with_growing_pauses() {
    let (times, world) = times_if_first(4, || refusal(999_999, 503)).await;
    for (gap, ceiling) in gaps(&times).into_iter().zip([2_000, 4_000, 8_000, 16_000]) {
        assert!((ceiling / 2..=ceiling + 100).contains(&gap), "{gap} of {ceiling}");
    }
    assert_eq!(world.states(1).await, [SendState::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn f71_after_eight_tries_it_is_a_dead_letter_and_the_next_message_leaves() {
    let world = World::new();
    world.graph.answers(|request| if request.text == "re: bad" { refusal(2, 500) } else { Ok(()) }.into());
    let _engine = world.start().await;
    world.say(1, "bad").await;
    world.say(1, "good").await;
    world.quiet().await;
    assert_eq!(world.graph.count(), 9);
    assert_eq!(world.states(1).await, [SendState::Dead, SendState::Accepted]);
    let letters = world.dead_letters().await;
    assert_eq!((&*letters[0].reason, letters[0].tries), ("too_many_tries", 8));
    // The advice of Meta's number is that it goes again by itself.
    assert!(letters[0].hint.as_ref().is_some_and(|hint| hint.contains("then retry")), "{:?}", letters[0].hint);
}

#[tokio::test(start_paused = true)]
async fn f74_f76_a_permanent_refusal_and_a_closed_window_are_dead_letters_after_one_request() {
    for (code, reason) in [(100, "permanent"), (131_047, "window_closed")] {
        let world = World::new();
        world.graph.answers(move |_| refusal(code, 400).into());
        let _engine = world.start().await;
        world.say(1, "hi").await;
        world.quiet().await;
        assert_eq!(world.graph.count(), 1);
        assert_eq!(world.states(1).await, [SendState::Dead]);
        let letters = world.dead_letters().await;
        assert_eq!(&*letters[0].reason, reason);
        assert!(letters[0].detail.contains("composed") && letters[0].hint.is_some());
        assert_eq!(letters[0].raw.as_ref().unwrap()["text"]["body"], "re: hi");
    }
}

#[tokio::test(start_paused = true)]
async fn f72_a_limit_of_the_number_slows_everybody_down_to_one_probe_a_second() {
    let world = World::new();
    let limited = Arc::new(AtomicBool::new(true));
    let limits = limited.clone();
    world.graph.answers(move |_| if limits.load(Ordering::SeqCst) { refusal(130_429, 429) } else { Ok(()) }.into());
    let _engine = world.start().await;
    for person in 1..=200 {
        world.say(person, "hi").await;
    }
    pause(10_500).await;
    let requests = world.graph.requests();
    let later = requests.iter().filter(|request| request.at_ms > START_MS + 500).count();
    assert!((9..=11).contains(&later), "{later} requests in 10 s");
    limited.store(false, Ordering::SeqCst);
    pause(2_000).await;
    world.quiet().await;
    assert!((200..300).contains(&world.graph.count()));
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn f72_a_limit_of_the_account_or_the_app_waits_a_minute() {
    for code in [80_007, 4] {
        let world = World::new();
        world.graph.answers(move |request| if request.before < 2 { refusal(code, 400) } else { Ok(()) }.into());
        let _engine = world.start().await;
        world.say(1, "hi").await;
        world.quiet().await;
        let gaps = gaps(&world.graph.times(START_MS));
        assert!(gaps.iter().all(|gap| (60_000..60_200).contains(gap)), "{code}: {gaps:?}");
        assert_eq!(gaps.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn f73_pair_limit_delays_that_person_only() {
    let world = World::new();
    let slow = |request: &Request| request.to == phone(1) && request.before < 3;
    world.graph.answers(move |request| if slow(request) { refusal(131_056, 400) } else { Ok(()) }.into());
    let _engine = world.start().await;
    for person in 1..=20 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    let requests = world.graph.requests();
    let times: Vec<_> = requests.iter().filter(|r| r.to == phone(1)).map(|r| r.at_ms - START_MS).collect();
    for (gap, expected) in gaps(&times).into_iter().zip([4_000, 16_000, 64_000]) {
        assert!((expected..expected + 100).contains(&gap), "{times:?}");
    }
    assert!(requests.iter().filter(|r| r.to != phone(1)).all(|r| r.at_ms < START_MS + 1_000));
    assert_eq!(world.states(1).await, [SendState::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn f70_when_meta_cannot_be_reached_nothing_is_given_up_and_all_goes_on_soon_after() {
    let world = World::new();
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let answer = move || if is_down.load(Ordering::SeqCst) { Err(Error::NotSent("composed".into())) } else { Ok(()) };
    world.graph.answers(move |_| answer().into());
    let _engine = world.start().await;
    for n in 0..30 {
        for person in 1..=10 {
            world.say(person, &format!("{n:02}")).await;
        }
    }
    pause(600_000).await;
    assert!(world.graph.count() < 200, "probes only: {}", world.graph.count());
    down.store(false, Ordering::SeqCst);
    let (before, up_ms) = (world.graph.count(), world.clock.now_ms());
    until(|| world.graph.count() > before, "the first send").await;
    assert!(world.clock.now_ms() - up_ms < 5_000);
    world.quiet().await;
    assert!(world.dead_letters().await.is_empty());
    let expected: Vec<_> = (0..30).map(|n| format!("re: {n:02}")).collect();
    for mut texts in by_person(&world.graph.requests()).into_values() {
        texts.dedup();
        assert_eq!(texts, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn f75_a_refused_number_is_paused_tried_after_growing_pauses_and_goes_on() {
    let world = World::new();
    world.graph.answers(|request| if request.before < 7 { refusal(190, 401) } else { Ok(()) }.into());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    pause(2 * 3_600_000).await;
    assert_eq!(world.states(1).await, [SendState::Accepted]);
    let minutes: Vec<_> = gaps(&world.graph.times(START_MS)).into_iter().map(|gap| gap / 60_000).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 30, 30]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn order_is_kept_across_retries() {
    let world = World::new();
    world.graph.answers(|request| if request.before < 2 { refusal(999_999, 503) } else { Ok(()) }.into());
    let _engine = world.start().await;
    for n in 0..5 {
        world.say(1, &n.to_string()).await;
    }
    world.quiet().await;
    let texts: Vec<_> = world.graph.requests().into_iter().map(|request| request.text).collect();
    assert_eq!(texts.len(), 15);
    assert!(texts.is_sorted(), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn f79_one_slow_request_delays_nobody_else() {
    let mut world = World::new();
    world.sender.concurrency = 4;
    world.graph.answers(|request| Answer(if request.to == phone(1) { 15_000 } else { 20 }, Ok(())));
    let _engine = world.start().await;
    for person in 1..=100 {
        world.say(person, "a").await;
        world.say(person, "b").await;
    }
    until(|| world.graph.count() >= 199, "all but the second of the slow one").await;
    assert!(world.clock.now_ms() - START_MS < 3_000);
    assert_eq!(world.graph.most_under_way(), 4);
    world.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn the_rate_of_the_number_is_kept_within_five_percent() {
    let mut world = World::new();
    world.sender.messages_per_second = 80;
    let _engine = world.start().await;
    for person in 1..=1_200 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    let times = world.graph.times(START_MS);
    let first = times[0];
    let in_ten_seconds = times.iter().filter(|at| **at < first + 10_000).count();
    assert!((760..=840).contains(&in_ten_seconds), "{in_ten_seconds}");
    // Whoever was decided first leaves first.
    let order: Vec<_> = world.graph.requests().into_iter().take(10).map(|request| request.to).collect();
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn one_person_gets_a_burst_of_45_and_then_one_message_per_6_seconds() {
    let mut world = World::new();
    world.sender.pair_interval_ms = 6_000;
    world.conversations.max_unsent = 1_000;
    let _engine = world.start().await;
    for n in 0..60 {
        world.say(1, &format!("{n:02}")).await;
    }
    world.quiet().await;
    let times = world.graph.times(START_MS);
    assert!(times[44] < 5_000, "{times:?}");
    assert!(gaps(&times[46..]).iter().all(|gap| (5_900..6_200).contains(gap)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn f77_a_doubtful_message_is_settled_by_its_status_and_not_sent_again() {
    let world = World::new();
    world.graph.answers(|request| if request.text == "re: one" { ambiguous() } else { Ok(()) }.into());
    let engine = world.start().await;
    world.say(1, "one").await;
    world.say(1, "two").await;
    pause(10_000).await;
    assert_eq!(world.graph.count(), 1, "the next one waits");
    assert_eq!(world.states(1).await, [SendState::Uncertain, SendState::Queued]);
    tell(&engine, &world, StatusKind::Delivered).await;
    world.quiet().await;
    assert!(world.clock.now_ms() - START_MS < 11_000);
    assert_eq!(world.graph.count(), 2);
    assert_eq!(world.states(1).await, [SendState::Delivered, SendState::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn f77_a_status_that_is_faster_than_the_broken_answer_settles_it_too() {
    let world = World::new();
    world.graph.answers(|_| Answer(5_000, ambiguous()));
    let engine = world.start().await;
    world.say(1, "hi").await;
    until(|| world.graph.count() == 1, "the request").await;
    tell(&engine, &world, StatusKind::Sent).await;
    pause(60_000).await;
    assert_eq!(world.graph.count(), 1);
    assert_eq!(world.states(1).await, [SendState::Sent]);
    assert_eq!(engine.status().await.senders[NUMBER].open, 0);
}

#[tokio::test(start_paused = true)]
async fn f77_a_doubtful_message_without_a_status_is_sent_again_after_the_window_under_the_same_id() {
    let (times, world) = times_if_first(1, ambiguous).await;
    assert!((30_000..30_200).contains(&gaps(&times)[0]), "{times:?}");
    let requests = world.graph.requests();
    assert_eq!(requests[0].callback_data, requests[1].callback_data);
    assert_eq!(world.states(1).await, [SendState::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn f77_a_message_that_is_always_doubtful_is_held_in_the_end() {
    let world = World::new();
    world.graph.answers(|_| ambiguous().into());
    let _engine = world.start().await;
    world.say(1, "hi").await;
    pause(3_600_000).await;
    assert_eq!(world.graph.count(), 8);
    assert_eq!(world.states(1).await, [SendState::Held]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_request_is_a_doubt_about_that_message_only() {
    let world = World::new();
    world.graph.answers(|request| match (&*request.text, request.before) {
        ("re: once", 0) | ("re: always", _) => panic!("composed"),
        _ => Ok(()).into(),
    });
    let engine = world.start().await;
    world.say(1, "once").await;
    world.say(2, "always").await;
    world.say(2, "next").await;
    world.say(3, "other").await;
    pause(300_000).await;
    assert_eq!(world.states(1).await, [SendState::Accepted]);
    assert_eq!(world.states(2).await, [SendState::Held, SendState::Accepted]);
    assert_eq!(world.states(3).await, [SendState::Accepted]);
    let status = engine.status().await;
    assert_eq!((status.senders[NUMBER].open, status.senders[NUMBER].under_way), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_status_settles_a_doubtful_message_as_failed() {
    let world = World::new();
    world.graph.answers(|_| ambiguous().into());
    let engine = world.start().await;
    world.say(1, "hi").await;
    pause(1_000).await;
    tell(&engine, &world, StatusKind::Failed).await;
    world.quiet().await;
    assert_eq!((world.graph.count(), world.states(1).await), (1, vec![SendState::Failed]));
}

#[tokio::test(start_paused = true)]
async fn f78_a_status_of_an_earlier_database_or_of_others_changes_nothing() {
    let world = World::new();
    world.graph.answers(|_| ambiguous().into());
    let engine = world.start().await;
    world.say(1, "hi").await;
    pause(1_000).await;
    let request = world.graph.requests().pop().unwrap();
    let (row, _) = request.callback_data.split_once('.').unwrap();
    for foreign in [format!("{row}.00000000"), "someone else's".into()] {
        let update = StatusUpdate { callback_data: Some(foreign), ..status(&request, StatusKind::Read) };
        engine.statuses(&[update]).await.unwrap();
    }
    assert_eq!(world.states(1).await, [SendState::Uncertain]);
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_in_a_crash_waits_for_its_status_and_is_sent_again_after_the_window() {
    let model = Model::new();
    let world = World::over(model.clone());
    world.graph.answers(|_| Answer(3_600_000, Ok(())));
    let engine = world.start().await;
    for person in 1..=2 {
        world.say(person, "one").await;
        world.say(person, "two").await;
    }
    until(|| world.graph.count() == 2, "both are under way").await;
    engine.drain(Duration::ZERO).await;
    let told = world.graph.requests().into_iter().find(|request| request.to == phone(1)).unwrap();

    let next =
        World { clock: world.clock.clone(), graph: Graph::new(world.clock.clone()), ..World::over(model.reopen()) };
    let start_ms = next.clock.now_ms();
    let engine = next.start().await;
    pause(100).await;
    assert_eq!(next.states(1).await, [SendState::Uncertain, SendState::Queued]);
    let error = next.outbox(1).await[0].error.clone().unwrap();
    assert!(error["title"].as_str().unwrap().contains("the process ended") && error["tries"] == 1, "{error}");
    engine.statuses(&[status(&told, StatusKind::Sent)]).await.unwrap();
    next.quiet().await;
    let people = by_person(&next.graph.requests());
    assert_eq!(people[&phone(1)], ["re: two"], "its status came");
    assert_eq!(people[&phone(2)], ["re: one", "re: two"]);
    let again = next.graph.requests().into_iter().find(|request| request.text == "re: one").unwrap();
    assert!((30_000..30_300).contains(&(again.at_ms - start_ms)));
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_requests_under_way_finish_and_starts_no_others() {
    let model = Model::new();
    let world = World::over(model.clone());
    world.graph.answers(|_| Answer(2_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "one").await;
    world.say(1, "two").await;
    until(|| world.graph.count() == 1, "the first is under way").await;
    engine.drain(Duration::from_secs(10)).await;
    assert_eq!(world.states(1).await, [SendState::Accepted, SendState::Queued]);
    assert_eq!(world.graph.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn f77_a_status_that_comes_just_as_a_message_becomes_doubtful_costs_no_window_and_no_resend() {
    let flaky = Flaky::over(Model::new());
    flaky.late_ms.store(1_000, Ordering::SeqCst);
    let world = World::over(flaky);
    world.graph.answers(|request| if request.text == "re: one" { ambiguous() } else { Ok(()) }.into());
    let engine = world.start().await;
    world.say(1, "one").await;
    world.say(1, "two").await;
    // Committed as uncertain, and the sender does not know it yet.
    pause(500).await;
    assert_eq!(world.states(1).await, [SendState::Uncertain, SendState::Queued]);
    tell(&engine, &world, StatusKind::Sent).await;
    world.quiet().await;
    assert!(world.clock.now_ms() - START_MS < 2_000);
    assert_eq!(world.states(1).await, [SendState::Sent, SendState::Accepted]);
    assert_eq!(world.graph.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn f77_tries_of_a_doubtful_message_are_counted_over_restarts() {
    let model = Model::new();
    let world = World::over(model.clone());
    world.graph.answers(|_| ambiguous().into());
    let engine = world.start().await;
    world.say(1, "hi").await;
    pause(100_000).await;
    assert_eq!(world.graph.count(), 4);
    engine.drain(Duration::from_secs(1)).await;
    let next = World { clock: world.clock.clone(), graph: world.graph.clone(), ..World::over(model.reopen()) };
    let _engine = next.start().await;
    pause(3_600_000).await;
    assert_eq!(next.graph.count(), 8);
    let row = &next.outbox(1).await[0];
    assert_eq!(row.state, "held");
    assert_eq!(row.error.as_ref().unwrap()["held"], "doubt");
}
