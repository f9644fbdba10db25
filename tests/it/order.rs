//! Replies leave in the order in which the messages were written, for one person and for many at once.

use std::collections::HashMap;

use crate::support::{ADA, Setup, World, body, bots, person, text};

#[tokio::test]
async fn f21_messages_of_one_person_are_answered_in_the_order_they_came_whatever_their_times() {
    let world = Setup::default().bot(bots::THREE).start().await;
    let now_ms = world.now_ms();
    // Times go back, repeat and jump.
    let sent_ms = |at: u64| now_ms - [9_000, 0, 3_600_000, 1_000, 1_000][at as usize % 5];
    let batch: Vec<_> = (1..=20).map(|at| text(ADA, &format!("wamid.{at}"), sent_ms(at), &format!("m{at}"))).collect();
    for part in batch.chunks(7) {
        assert_eq!(world.post(body(part)).await, 200);
    }
    let expected: Vec<_> = (1..=20).flat_map(|at| ["a", "b", "c"].map(|part| format!("m{at} {part}"))).collect();
    assert_eq!(world.wait_replies(ADA, 60).await, expected);

    let messages = world.messages(ADA).await;
    assert_eq!(messages.len(), 80);
    assert_eq!((messages[79]["text"].as_str(), messages[79]["direction"].as_str()), (Some("m1"), Some("in")));
    assert_eq!((messages[0]["text"].as_str(), messages[0]["direction"].as_str()), (Some("m20 c"), Some("out")));
    world.end().await;
}

#[tokio::test]
async fn f25_a_thousand_people_in_one_body_of_3_mb_are_one_200_and_a_thousand_right_replies() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let batch: Vec<_> =
        (0..1_000).map(|at| text(&person(at), &format!("wamid.p{at}"), now_ms, &format!("I am {at}"))).collect();
    // Meta's largest body, and its largest batch.
    let padded = body(&batch);
    let padded = format!("{padded}{}", " ".repeat(3 * 1_048_576 - padded.len()));
    assert_eq!(world.post(padded).await, 200);
    crate::support::until("a thousand replies", async || (world.accepted().len() >= 1_000).then_some(())).await;
    world.wait_consumed().await;
    let ledger = world.handle.ledger().unwrap();
    assert_eq!(ledger.rows.len(), 1_000);
    let by_person: HashMap<_, _> = ledger.rows.iter().map(|row| (&*row.person, &*row.text)).collect();
    for at in 0..1_000 {
        assert_eq!(by_person[&*person(at)], format!("1: I am {at}"));
    }
    world.end().await;
}

#[tokio::test]
async fn many_bodies_of_many_people_keep_the_order_of_each() {
    let world = World::start().await;
    for round in 1..=10 {
        let now_ms = world.now_ms();
        let batch: Vec<_> =
            (0..40).map(|at| text(&person(at), &format!("wamid.{at}.{round}"), now_ms, &format!("r{round}"))).collect();
        assert_eq!(world.post(body(&batch)).await, 200);
    }
    let expected: Vec<_> = (1..=10).map(|round| format!("{round}: r{round}")).collect();
    for at in 0..40 {
        assert_eq!(world.wait_replies(&person(at), 10).await, expected, "person {at}");
    }
    world.end().await;
}
