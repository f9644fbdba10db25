//! A message runs once, however often Meta delivers it.

use futures_util::future::join_all;

use crate::support::{ADA, World, body, text};

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
async fn a_copy_that_comes_after_a_week_is_known_and_so_are_thousands() {
    let mut world = World::start().await;
    let week_ms = 7 * 86_400_000;
    let now_ms = world.now_ms();
    let batch: Vec<_> = (0..500).map(|at| text(ADA, &format!("wamid.w{at}"), now_ms, &at.to_string())).collect();
    assert_eq!(world.post(body(&batch)).await, 200);
    assert_eq!(world.wait_replies(ADA, 500).await.len(), 500);
    world.clock.advance(week_ms);
    world.restart().await;
    assert_eq!(world.post(body(&batch)).await, 200);
    world.wait_consumed().await;
    world.write(ADA, "new").await;
    assert_eq!(world.wait_replies(ADA, 501).await[500], "501: new");
    world.end().await;
}
