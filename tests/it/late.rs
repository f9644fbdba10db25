//! Messages that come days late: kept and shown, and not answered with what Meta must refuse.

use crate::support::{ADA, BEN, NUMBER, Setup, World, body, bots, text};

const DAY_MS: u64 = 86_400_000;

async fn post_late(world: &World, person: &str, days: u64) {
    let late = text(person, &world.wamid(), world.now_ms() - days * DAY_MS, "late");
    assert_eq!(world.post(body(&[late])).await, 200);
    world.wait_consumed().await;
}

/// Messages that were posted to Graph, taken or not.
fn sends(world: &World) -> usize {
    world.calls().iter().filter(|call| call.callback_data.is_some()).count()
}

#[tokio::test]
async fn f23_a_message_that_comes_days_late_is_shown_and_no_refused_answer_is_tried() {
    let world = Setup::default().stand_in(|stand_in| stand_in.enforce_window = true).start().await;
    for (at, days) in (1..=7).enumerate() {
        let person = crate::support::person(at);
        post_late(&world, &person, days).await;
        let letters = world.wait_items("/api/v1/dead-letters", at + 1).await;
        assert_eq!(letters[0]["reason"], "window_closed", "{days} days: {letters:?}");
        let messages = world.messages(&person).await;
        assert_eq!(messages.last().unwrap()["text"], "late", "{days} days");
    }
    assert!(sends(&world) == 0, "nothing that must fail was sent: {:?}", world.calls());
    world.handle.open_window(NUMBER, ADA);
    world.write(ADA, "in time").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: in time"]);
    assert_eq!(sends(&world), 1);
    world.end().await;
}

#[tokio::test]
async fn f23_an_answer_to_a_late_message_can_wait_until_the_person_writes_again() {
    let hold = bots::ECHO.replace("triggers:", "policies: { window: { closed: hold } }\ntriggers:");
    let world = Setup::default().bot(&hold).stand_in(|stand_in| stand_in.enforce_window = true).start().await;
    post_late(&world, BEN, 3).await;
    world.wait_items("/api/v1/outbox?state=held", 1).await;
    assert_eq!(sends(&world), 0);
    world.handle.open_window(NUMBER, BEN);
    world.write(BEN, "back").await;
    assert_eq!(world.wait_replies(BEN, 2).await, ["1: late", "2: back"]);
    world.end().await;
}
