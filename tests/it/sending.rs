//! The sender against trouble: what is tried again, what is given up, and who waits for whom.

use simulator::{Operation, Rule};

use crate::support::{ADA, BEN, Setup, World, person, until};

fn send() -> Rule {
    Rule::on(Operation::Send)
}

fn code(code: u32) -> Rule {
    Rule { code: Some(code), ..send() }
}

fn once(rule: Rule) -> Rule {
    Rule { count: Some(1), ..rule }
}

async fn wait_state(world: &World, state: &str, count: usize) {
    world.wait_items(&format!("/api/v1/outbox?state={state}"), count).await;
}

async fn open(world: &World) -> serde_json::Value {
    world.admin("/api/v1/status").await["engine"]["senders"][crate::support::NUMBER].clone()
}

#[tokio::test]
async fn a_server_error_of_graph_is_tried_again_and_delivered_once() {
    let world = World::start().await;
    world.trouble(vec![Rule { count: Some(2), status: Some(500), ..send() }]);
    world.write(ADA, "hello").await;
    world.wait_calls(1).await;
    wait_state(&world, "queued", 1).await;
    assert_eq!(world.advance_until_replies(1_000, ADA, 1).await, ["1: hello"]);
    wait_state(&world, "accepted", 1).await;
    let calls = world.calls();
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [500, 500, 200]);
    let row = world.items("/api/v1/outbox").await.remove(0);
    assert_eq!((row["attempts"].as_u64(), &row["error"]), (Some(3), &serde_json::Value::Null), "{row}");
    world.end().await;
}

#[tokio::test]
async fn what_always_fails_is_a_dead_letter_after_the_last_try() {
    let world = Setup::default().set("outbox.max_attempts", "3").start().await;
    world.trouble(vec![Rule { status: Some(503), ..send() }]);
    world.write(ADA, "hello").await;
    let letters = until("the dead letter", async || {
        world.clock.advance(10_000);
        Some(world.items("/api/v1/dead-letters").await).filter(|letters| !letters.is_empty())
    })
    .await;
    assert_eq!((letters[0]["reason"].as_str(), letters[0]["tries"].as_u64()), (Some("too_many_tries"), Some(3)));
    assert_eq!(world.calls().len(), 3);
    world.handle.clear_trouble();
    world.write(ADA, "next").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["2: next"], "the next one of the person goes on");
    world.end().await;
}

#[tokio::test]
async fn the_order_of_a_person_is_kept_across_a_retry() {
    let world = World::start().await;
    let first_fails = Rule { person: Some(ADA.into()), status: Some(500), ..once(send()) };
    world.trouble(vec![first_fails]);
    for words in ["one", "two", "three"] {
        world.write(ADA, words).await;
    }
    world.write(BEN, "other").await;
    assert_eq!(world.wait_replies(BEN, 1).await, ["1: other"], "nobody else waits");
    assert_eq!(world.advance_until_replies(500, ADA, 3).await, ["1: one", "2: two", "3: three"]);
    assert_eq!(world.calls().len(), 5);
    world.end().await;
}

/// A limit of the whole number: everybody waits, nothing is lost, and being told to wait is no try.
async fn slows_everybody_down(slow: Rule, longest_ms: u64) {
    let world = Setup::default().set("outbox.max_attempts", "2").start().await;
    let (slow_code, retry_after_s) = (slow.code, slow.retry_after_s);
    world.trouble(vec![Rule { count: Some(3), ..slow }]);
    world.write(ADA, "hello").await;
    let calls = world.wait_calls(1).await;
    assert_eq!(calls[0].code, slow_code);
    wait_state(&world, "queued", 1).await;
    let told_ms = calls[0].at_ms;
    world.write(BEN, "me too").await;
    wait_state(&world, "queued", 2).await;
    for at in 2..=4 {
        until(&format!("call {at} with {slow_code:?}"), async || {
            let calls = world.calls();
            if calls.len() < at {
                world.clock.advance(longest_ms / 8);
            }
            (calls.len() >= at).then_some(())
        })
        .await;
    }
    let second_ms = world.calls()[1].at_ms;
    if let Some(seconds) = retry_after_s {
        assert!(second_ms >= told_ms + u64::from(seconds) * 1_000, "{told_ms} {second_ms}");
    }
    assert!(second_ms >= told_ms + 900, "it waits: {told_ms} {second_ms}");
    assert_eq!(world.advance_until_replies(longest_ms / 8, ADA, 1).await, ["1: hello"]);
    assert_eq!(world.advance_until_replies(longest_ms / 8, BEN, 1).await, ["1: me too"]);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    assert_eq!(world.calls().len(), 5);
    world.end().await;
}

#[tokio::test]
async fn the_throughput_of_a_number_slows_everybody_down() {
    slows_everybody_down(code(130_429), 1_000).await;
}

#[tokio::test]
async fn metas_own_pause_is_kept() {
    slows_everybody_down(Rule { retry_after_s: Some(20), ..code(130_429) }, 20_000).await;
}

#[tokio::test]
async fn the_limit_of_the_account_slows_everybody_down() {
    slows_everybody_down(code(80_007), 60_000).await;
}

#[tokio::test]
async fn the_limit_of_the_app_slows_everybody_down() {
    slows_everybody_down(code(4), 60_000).await;
}

#[tokio::test]
async fn a_bare_429_slows_everybody_down() {
    slows_everybody_down(Rule { status: Some(429), ..code(999_999) }, 1_000).await;
}

#[tokio::test]
async fn the_limit_of_one_person_slows_only_that_person_longer_each_time() {
    let world = World::start().await;
    world.trouble(vec![Rule { person: Some(ADA.into()), count: Some(3), ..code(131_056) }]);
    world.write(ADA, "hello").await;
    world.wait_calls(1).await;
    for at in 0..20 {
        world.write(&person(at), "hi").await;
        assert_eq!(world.wait_replies(&person(at), 1).await, ["1: hi"]);
    }
    assert!(world.replies(ADA).is_empty());
    assert_eq!(world.advance_until_replies(200, ADA, 1).await, ["1: hello"]);
    let hers: Vec<_> = world.calls().iter().filter(|call| call.request.contains(ADA)).map(|call| call.at_ms).collect();
    let waits: Vec<_> = hers.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert!(waits[0] >= 4 && waits[1] >= 16 && waits[2] >= 64, "4, 16 and 64 s: {waits:?}");
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

/// Refused for good: one POST, one dead letter, the next message goes.
async fn is_given_up_at_once(refused: u32, reason: &str) {
    let world = World::start().await;
    world.trouble(vec![once(code(refused))]);
    world.write(ADA, "hello").await;
    let letters = world.wait_items("/api/v1/dead-letters", 1).await;
    let letter = &letters[0];
    assert_eq!((letter["kind"].as_str(), letter["reason"].as_str()), (Some("outbound"), Some(reason)), "{letter}");
    assert!(letter["detail"].as_str().unwrap().contains(&refused.to_string()), "Meta's text: {letter}");
    assert_eq!(letter["raw"]["text"]["body"], "1: hello", "{letter}");
    assert_eq!(letter["tries"], 1, "{letter}");
    assert_eq!(letter["node"], "answer", "the node that decided it, though the run has ended: {letter}");
    let response: serde_json::Value = serde_json::from_str(&world.calls()[0].response).unwrap();
    let trace_id = response["error"]["fbtrace_id"].as_str().unwrap();
    assert!(letter.to_string().contains(trace_id), "the trace id {trace_id}: {letter}");
    world.clock.advance(3_600_000);
    world.write(ADA, "next").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["2: next"]);
    assert_eq!(world.calls().len(), 2, "exactly one POST of the refused one");
    let rows = world.items("/api/v1/outbox?state=dead").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["id"], letter["outbox"]);
    assert_eq!(rows[0]["error"]["code"], refused);
    world.end().await;
}

#[tokio::test]
async fn a_closed_window_is_a_dead_letter_after_one_post() {
    is_given_up_at_once(131_047, "window_closed").await;
}

#[tokio::test]
async fn a_permanent_refusal_is_a_dead_letter_with_metas_text_and_trace_id() {
    is_given_up_at_once(131_009, "permanent").await;
}

#[tokio::test]
async fn an_unknown_code_is_a_permanent_refusal() {
    is_given_up_at_once(987_654, "permanent").await;
}

#[tokio::test]
async fn an_expired_token_pauses_the_number_and_keeps_the_queue() {
    let mut world = World::start().await;
    world.trouble(vec![code(190)]);
    world.write(ADA, "hello").await;
    world.wait_calls(1).await;
    until("the pause", async || open(&world).await["paused"]["why"].as_str().map(drop)).await;
    for at in 0..10 {
        world.write(&person(at), "hi").await;
    }
    world.wait_consumed().await;
    assert_eq!(open(&world).await["open"], 11);
    assert!(world.calls().len() <= 2, "nothing leaves but a probe now and then: {}", world.calls().len());
    world.clock.advance(3_600_000);
    assert!(world.items("/api/v1/dead-letters").await.is_empty(), "nothing is given up for it");

    // Also over a restart.
    world.restart().await;
    world.handle.clear_trouble();
    for at in 0..10 {
        assert_eq!(world.advance_until_replies(5_000, &person(at), 1).await, ["1: hi"]);
    }
    assert_eq!(world.advance_until_replies(5_000, ADA, 1).await, ["1: hello"]);
    until("work again", async || open(&world).await["paused"].is_null().then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn a_number_that_works_again_goes_on_without_a_restart() {
    let world = World::start().await;
    world.trouble(vec![Rule { count: Some(2), ..code(190) }]);
    world.write(ADA, "hello").await;
    world.write(BEN, "hello").await;
    assert_eq!(world.advance_until_replies(10_000, ADA, 1).await, ["1: hello"]);
    assert_eq!(world.advance_until_replies(10_000, BEN, 1).await, ["1: hello"]);
    assert!(open(&world).await["paused"].is_null());
    world.end().await;
}

#[tokio::test]
async fn when_graph_cannot_be_reached_the_queue_waits_and_then_goes_in_order() {
    let world = World::start().await;
    world.handle.close_port();
    for words in ["one", "two", "three"] {
        world.write(ADA, words).await;
    }
    until("a try", async || {
        let rows = world.items("/api/v1/outbox?state=queued").await;
        rows.iter().any(|row| row["attempts"] != 0).then_some(())
    })
    .await;
    world.handle.open_port();
    assert_eq!(world.advance_until_replies(1_000, ADA, 3).await, ["1: one", "2: two", "3: three"]);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_slow_graph_holds_up_only_the_person_it_is_slow_for() {
    let world = World::start().await;
    world.trouble(vec![Rule { person: Some(ADA.into()), latency_ms: 60_000, ..send() }]);
    world.write(ADA, "hello").await;
    wait_state(&world, "sending", 1).await;
    for at in 0..100 {
        world.write(&person(at), "hi").await;
    }
    for at in 0..100 {
        assert_eq!(world.wait_replies(&person(at), 1).await, ["1: hi"]);
    }
    assert!(world.replies(ADA).is_empty());
    drop(world);
}

#[tokio::test]
async fn the_pair_rate_lets_a_burst_go_and_then_one_in_six_seconds() {
    let world = Setup::default().set("limits.pair_interval", "6s").set("limits.pair_burst", "5").start().await;
    world.handle.set_trouble(simulator::Trouble { pair_rate: true, ..Default::default() }).unwrap();
    for at in 0..8 {
        world.write(ADA, &at.to_string()).await;
    }
    world.wait_consumed().await;
    assert_eq!(world.wait_replies(ADA, 5).await.len(), 5);
    world.write(BEN, "other").await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(world.replies(ADA).len(), 5);
    world.advance_until_replies(250, ADA, 8).await;
    let hers: Vec<_> = world.calls().iter().filter(|call| call.request.contains(ADA)).map(|call| call.at_ms).collect();
    assert_eq!(hers.len(), 8, "none was refused");
    assert!(hers[7] - hers[4] >= 17_000, "{hers:?}");
    world.end().await;
}

#[tokio::test]
async fn the_rate_of_the_number_is_kept() {
    let world = Setup::default().set("limits.messages_per_second", "50").start().await;
    for at in 0..60 {
        world.write(&person(at), "hi").await;
    }
    let calls = world.wait_calls(60).await;
    let mut times: Vec<_> = calls.iter().map(|call| call.at_ms).collect();
    times.sort_unstable();
    assert!(times[59] - times[0] >= 950, "60 messages at 50 a second with a burst of 6: {times:?}");
    world.end().await;
}
