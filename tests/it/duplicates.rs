//! A message runs once, however often Meta delivers it.

use futures_util::future::join_all;

use actors::MAX_AGE_MS;

use crate::support::compose::{status, statuses};
use crate::support::{ADA, World, body, person, text, until};

#[tokio::test]
async fn fifty_copies_at_once_are_fifty_200s_and_one_reply_also_after_a_restart() {
    let mut world = World::start().await;
    let copies = body(&[text(ADA, "wamid.same", world.now_ms(), "once")]);
    for _ in 0..2 {
        let answers = join_all((0..50).map(|_| world.post(copies.clone()))).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        world.wait_consumed().await;
        // The next one would count the copies, had they run.
        world.restart().await;
    }
    world.write(ADA, "next").await;
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: once", "2: next"]);
    let messages = world.messages(ADA).await;
    assert_eq!(messages.len(), 4, "two in, two out: {messages:?}");
    world.end().await;
}

#[tokio::test]
async fn a_message_twice_in_one_body_runs_once() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let (a, b) = (text(ADA, "wamid.a", now_ms, "a"), text(ADA, "wamid.b", now_ms, "b"));
    assert_eq!(world.post(body(&[a.clone(), b.clone(), a.clone(), b, a])).await, 200);
    world.wait_consumed().await;
    world.write(ADA, "c").await;
    assert_eq!(world.wait_replies(ADA, 3).await, ["1: a", "2: b", "3: c"]);
    assert_eq!(world.metric("parlance_inbound_duplicates_total").await, 3.0);
    world.end().await;
}

#[tokio::test]
async fn f20_the_same_messages_delivered_many_times_run_once_also_a_week_later() {
    const PEOPLE: usize = 50;
    let mut world = World::start().await;
    let now_ms = world.now_ms();
    let one = |at: usize| text(&person(at % PEOPLE), &format!("wamid.w{at}"), now_ms, &at.to_string());
    let batch = body(&(0..1_000).map(one).collect::<Vec<_>>());
    let mut replies = Vec::new();
    for age_ms in [0, MAX_AGE_MS - 60_000] {
        world.clock.advance(age_ms);
        world.restart().await;
        let answers = join_all((0..10).map(|_| world.post(batch.clone()))).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        world.wait_consumed().await;
        world.wait_replies(&person(0), 1_000 / PEOPLE).await;
        replies
            .push(until("all replies", async || Some(world.accepted()).filter(|rows| rows.len() >= 1_000)).await.len());
    }
    assert_eq!(replies, [1_000, 1_000]);
    world.write(&person(7), "new").await;
    assert_eq!(world.wait_replies(&person(7), 21).await[20], "21: new", "the bot counted each one once");
    assert!(world.items("/api/v1/quarantine").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn f33_replayed_requests_have_no_effect_soon_or_late() {
    let mut world = World::start().await;
    let now_ms = world.now_ms();
    let messages: Vec<_> = (0..20).map(|at| text(ADA, &format!("wamid.r{at}"), now_ms, &at.to_string())).collect();
    let mut capture: Vec<String> = messages.chunks(3).map(body).collect();
    for sent in &capture {
        assert_eq!(world.post(sent.clone()).await, 200);
    }
    world.wait_replies(ADA, 20).await;
    let rows = world.accepted();
    for word in ["sent", "delivered", "failed"] {
        let list: Vec<_> = rows.iter().map(|row| status(&row.wamid, &row.callback_data, word, now_ms)).collect();
        capture.push(statuses(&list));
        assert_eq!(world.post(capture[capture.len() - 1].clone()).await, 200);
    }
    let outbox = world.items("/api/v1/outbox?limit=200").await;
    let effects = async |world: &World| {
        world.wait_consumed().await;
        (
            world.accepted().len(),
            world.messages(ADA).await.len(),
            world.items("/api/v1/outbox?limit=200").await == outbox,
        )
    };
    for later_ms in [0, 86_400_000, 8 * 86_400_000] {
        world.clock.advance(later_ms);
        world.restart().await;
        for sent in &capture {
            assert_eq!(world.post(sent.clone()).await, 200);
        }
        assert_eq!(effects(&world).await, (20, 40, true), "{later_ms} ms later");
    }
    let quarantined = world.items("/api/v1/quarantine?limit=200").await;
    assert_eq!(quarantined.len(), 20, "what is older than the memory of duplicates is shown, not run");
    assert!(quarantined.iter().all(|row| row["reason"] == "too_old"));
    world.end().await;
}
