//! What waits when the server stops goes on when it starts again over the same store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use simulator::{Operation, Rule};

use crate::support::{ADA, BEN, Setup, World, bots, person, until};

fn send() -> Rule {
    Rule::on(Operation::Send)
}

#[tokio::test]
async fn queued_messages_leave_after_a_restart_in_their_order() {
    let mut world = Setup::default().bot(bots::THREE).start().await;
    world.handle.close_port();
    for words in ["one", "two"] {
        world.write(ADA, words).await;
    }
    for at in 0..10 {
        world.write(&person(at), "hi").await;
    }
    world.wait_items("/api/v1/outbox?state=queued", 36).await;
    world.restart().await;
    assert_eq!(world.items("/api/v1/outbox?limit=200").await.len(), 36);
    world.handle.open_port();
    let parts = ["one a", "one b", "one c", "two a", "two b", "two c"];
    assert_eq!(world.advance_until_replies(2_000, ADA, 6).await, parts);
    for at in 0..10 {
        assert_eq!(world.advance_until_replies(2_000, &person(at), 3).await, ["hi a", "hi b", "hi c"]);
    }
    world.wait_items("/api/v1/outbox?state=accepted", 36).await;
    assert_eq!(world.accepted().len(), 36, "none twice");
    world.end().await;
}

#[tokio::test]
async fn a_message_in_doubt_stays_in_doubt_over_a_restart() {
    let mut world = World::start().await;
    world.trouble(vec![Rule { drop_after: true, count: Some(1), ..send() }]);
    world.write(ADA, "hello").await;
    world.wait_items("/api/v1/outbox?state=uncertain", 1).await;
    world.restart().await;
    world.write(ADA, "behind it").await;
    world.write(BEN, "other").await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(world.replies(ADA), ["1: hello"]);
    assert_eq!(world.advance_until_replies(1_000, ADA, 3).await, ["1: hello", "1: hello", "2: behind it"]);
    let rows = world.accepted();
    let hers: Vec<_> = rows.iter().filter(|row| &*row.text == "1: hello" && &*row.person == ADA).collect();
    assert_eq!(hers[0].callback_data, hers[1].callback_data);
    world.end().await;
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_end() {
    let mut world = World::start().await;
    world.trouble(vec![Rule { latency_ms: 1_500, ..send() }]);
    world.write(ADA, "hello").await;
    world.wait_items("/api/v1/outbox?state=sending", 1).await;
    world.restart().await;
    assert_eq!(world.items("/api/v1/outbox?state=accepted").await.len(), 1);
    assert_eq!(world.accepted().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn messages_that_no_turn_took_are_taken_after_a_restart_in_their_order() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let turn: Arc<actors::TurnFunction> = Arc::new(move |bot, before, input, given| {
        assert!(!is_broken.load(Ordering::Acquire), "out of order");
        chatbot::turn(bot, before, input, given)
    });
    let mut world = Setup::default().turn(turn).start().await;
    for words in ["one", "two", "three"] {
        world.write(ADA, words).await;
    }
    until("a failure", async || {
        (world.metric("parlance_actor_restarts_total{reason=\"failed\"}").await > 0.0).then_some(())
    })
    .await;
    let id = world.server().store().pending(storage::InboxSeq(0), 10).await.unwrap();
    assert_eq!(id.len(), 3);
    world.stop_server().await;
    broken.store(false, Ordering::Release);
    world.start_server().await;
    assert_eq!(world.wait_replies(ADA, 3).await, ["1: one", "2: two", "3: three"]);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn variables_and_the_place_in_the_bot_survive_restarts() {
    let mut world = Setup::default().bot(bots::ASK).start().await;
    for round in 1..=3 {
        world.write(ADA, "hi").await;
        world.wait_replies(ADA, 2 * round - 1).await;
        world.restart().await;
        let conversation = world.conversation(ADA).await;
        assert_eq!(
            (conversation["state"].as_str(), conversation["node"].as_str()),
            (Some("waiting"), Some("how_many"))
        );
        world.write(ADA, "4").await;
        assert_eq!(world.wait_replies(ADA, 2 * round).await[2 * round - 1], format!("noted 4 of round {round}"));
        world.restart().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_run_goes_on_with_the_version_it_began_with() {
    let mut world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    world.stop_server().await;
    world.use_bot(&bots::ASK.replace("noted {{", "written down {{").replace("How many?", "How many then?"));
    world.start_server().await;
    world.write(ADA, "4").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "noted 4 of round 1");
    world.write(ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 3).await[2], "How many then?");
    world.write(ADA, "6").await;
    assert_eq!(world.wait_replies(ADA, 4).await[3], "written down 6 of round 2");
    world.end().await;
}

#[tokio::test]
async fn a_stopped_server_answers_nobody_and_a_second_one_cannot_open_its_store() {
    let mut world = World::start().await;
    let second = world.try_start().await;
    assert!(second.is_err_and(|error| matches!(error, parlance::server::StartError::Open(_))));
    let (front, admin) = (world.server().front, world.server().admin);
    world.stop_server().await;
    for address in [front, admin] {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
    world.start_server().await;
    world.write(ADA, "hello").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    world.end().await;
}
