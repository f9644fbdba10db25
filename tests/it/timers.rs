//! Waiting: timeouts that fire once, idle conversations that leave memory and come back as they were.

use crate::support::{ADA, BEN, Setup, World, body, bots, person, text, until};

const MINUTE_MS: u64 = 60_000;
const ASKED: &str = "How many?";
const LATE: &str = "too late";

async fn asking() -> World {
    Setup::default().bot(bots::ASK).start().await
}

/// Asks somebody and waits until the question is there.
async fn ask(world: &World, person: &str) {
    let before = world.replies(person).len();
    world.write(person, "hi").await;
    assert_eq!(world.wait_replies(person, before + 1).await[before], ASKED);
}

async fn live_actors(world: &World) -> u64 {
    world.admin("/api/v1/status").await["engine"]["live_actors"].as_u64().unwrap()
}

#[tokio::test]
async fn a_timeout_fires_once_and_not_before_its_time() {
    let world = asking().await;
    ask(&world, ADA).await;
    world.clock.advance(5 * MINUTE_MS);
    ask(&world, BEN).await;
    world.clock.advance(4 * MINUTE_MS);
    assert_eq!(world.conversation(ADA).await["state"], "waiting");
    world.clock.advance(MINUTE_MS);
    assert_eq!(world.wait_replies(ADA, 2).await, [ASKED, LATE]);
    assert_eq!(world.replies(BEN), [ASKED], "his has half its time left");
    world.clock.advance(5 * MINUTE_MS);
    assert_eq!(world.wait_replies(BEN, 2).await, [ASKED, LATE]);
    world.clock.advance(24 * 60 * MINUTE_MS);
    // The next word starts anew; whatever else had fired would stand before it.
    ask(&world, ADA).await;
    assert_eq!(world.replies(ADA), [ASKED, LATE, ASKED]);
    let messages = world.messages(ADA).await;
    assert_eq!(messages.len(), 5, "{messages:?}");
    world.end().await;
}

#[tokio::test]
async fn a_timer_after_the_reply_is_nothing() {
    let world = asking().await;
    ask(&world, ADA).await;
    world.write(ADA, "5").await;
    assert_eq!(world.wait_replies(ADA, 2).await, [ASKED, "noted 5 of round 1"]);
    ask(&world, BEN).await;
    world.clock.advance(30 * MINUTE_MS);
    assert_eq!(world.wait_replies(BEN, 2).await, [ASKED, LATE], "timers do run");
    ask(&world, ADA).await;
    assert_eq!(world.replies(ADA), [ASKED, "noted 5 of round 1", ASKED]);
    world.end().await;
}

#[tokio::test]
async fn when_reply_and_timer_race_exactly_one_wins() {
    let world = asking().await;
    for at in 0..30 {
        ask(&world, &person(at)).await;
    }
    let now_ms = world.now_ms();
    let replies: Vec<_> = (0..30).map(|at| text(&person(at), &format!("wamid.race{at}"), now_ms, "7")).collect();
    world.clock.advance(10 * MINUTE_MS - 5);
    assert_eq!(world.post(body(&replies)).await, 200);
    for at in 0..30 {
        // Either the reply counts, or the timer came first and the reply starts a new round.
        let said = world.wait_replies(&person(at), 2).await;
        match &*said[1] {
            "noted 7 of round 1" => {}
            LATE => assert_eq!(world.wait_replies(&person(at), 3).await[2], ASKED),
            other => panic!("{other}"),
        }
    }
    world.wait_consumed().await;
    for at in 0..30 {
        let said = world.replies(&person(at));
        assert!(said[1..] == ["noted 7 of round 1"] || said[1..] == [LATE, ASKED], "{said:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_timer_that_is_due_during_a_restart_fires_once_afterwards() {
    let mut world = asking().await;
    ask(&world, ADA).await;
    world.stop_server().await;
    world.clock.advance(11 * MINUTE_MS);
    world.start_server().await;
    assert_eq!(world.wait_replies(ADA, 2).await, [ASKED, LATE]);
    world.restart().await;
    ask(&world, ADA).await;
    assert_eq!(world.replies(ADA), [ASKED, LATE, ASKED]);
    world.end().await;
}

#[tokio::test]
async fn a_timer_that_is_not_yet_due_survives_a_restart() {
    let mut world = asking().await;
    ask(&world, ADA).await;
    world.restart().await;
    world.clock.advance(9 * MINUTE_MS);
    assert_eq!(world.conversation(ADA).await["state"], "waiting");
    world.clock.advance(MINUTE_MS);
    assert_eq!(world.wait_replies(ADA, 2).await, [ASKED, LATE]);
    world.end().await;
}

#[tokio::test]
async fn f61_hundreds_of_overdue_timers_each_fire_once_after_a_restart() {
    const PEOPLE: usize = 550;
    let mut world = asking().await;
    let now_ms = world.now_ms();
    let hello: Vec<_> = (0..PEOPLE).map(|at| text(&person(at), &format!("wamid.t{at}"), now_ms, "hi")).collect();
    assert_eq!(world.post(body(&hello)).await, 200);
    until("all questions", async || (world.accepted().len() == PEOPLE).then_some(())).await;
    world.stop_server().await;
    world.clock.advance(20 * MINUTE_MS);
    world.start_server().await;
    until("all timeouts", async || (world.accepted().len() == 2 * PEOPLE).then_some(())).await;
    world.clock.advance(MINUTE_MS);
    ask(&world, ADA).await;
    let ledger = world.handle.ledger().unwrap();
    let by_person = ledger.by_person();
    for at in 0..PEOPLE {
        let said: Vec<_> = by_person[&*person(at)].iter().map(|row| &*row.text).collect();
        assert_eq!(said, [ASKED, LATE], "person {at}");
    }
    world.end().await;
}

#[tokio::test]
async fn an_idle_conversation_leaves_memory_and_wakes_up_as_it_was() {
    let world = Setup::default().bot(bots::ASK).set("conversation.idle_passivate", "10s").start().await;
    for round in 1..=3 {
        ask(&world, ADA).await;
        until("an empty memory", async || {
            let live = live_actors(&world).await;
            if live > 0 {
                world.clock.advance(5_000);
            }
            (live == 0).then_some(())
        })
        .await;
        assert_eq!(world.conversation(ADA).await["node"], "how_many");
        world.write(ADA, "8").await;
        assert_eq!(world.wait_replies(ADA, 2 * round).await[2 * round - 1], format!("noted 8 of round {round}"));
    }
    world.end().await;
}

#[tokio::test]
async fn a_timer_wakes_a_conversation_that_left_memory() {
    let world = Setup::default().bot(bots::ASK).set("conversation.idle_passivate", "10s").start().await;
    ask(&world, ADA).await;
    until("an empty memory", async || {
        world.clock.advance(2_000);
        (live_actors(&world).await == 0).then_some(())
    })
    .await;
    world.clock.advance(10 * MINUTE_MS);
    assert_eq!(world.wait_replies(ADA, 2).await, [ASKED, LATE]);
    world.end().await;
}

#[tokio::test]
async fn more_conversations_than_fit_into_memory_are_all_answered() {
    let world = Setup::default().bot(bots::ASK).set("conversation.max_live", "4").start().await;
    for (round, words) in [(1, "hi"), (2, "9")] {
        let now_ms = world.now_ms();
        let batch: Vec<_> =
            (0..120).map(|at| text(&person(at), &format!("wamid.m{round}.{at}"), now_ms, words)).collect();
        assert_eq!(world.post(body(&batch)).await, 200);
        until("all replies", async || {
            assert!(live_actors(&world).await <= 4);
            (world.accepted().len() == 120 * round).then_some(())
        })
        .await;
    }
    for at in 0..120 {
        assert_eq!(world.replies(&person(at)), [ASKED, "noted 9 of round 1"]);
    }
    world.end().await;
}
