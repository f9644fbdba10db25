//! Sends of which nobody knows whether they got through: settled by a status, or sent again after the doubt window.

use simulator::{AutoStatus, Operation, Rule};

use crate::support::compose::{status, statuses};
use crate::support::{ADA, BEN, Setup, World, person};

fn once() -> Rule {
    Rule { count: Some(1), ..Rule::on(Operation::Send) }
}

async fn wait_state(world: &World, state: &str, count: usize) {
    world.wait_items(&format!("/api/v1/outbox?state={state}"), count).await;
}

fn dropped() -> Rule {
    Rule { drop_after: true, ..once() }
}

#[tokio::test]
async fn an_answer_lost_after_accepting_is_settled_by_the_status_without_a_second_post() {
    let world = Setup::default().stand_in(|config| config.auto_status = AutoStatus::ALL).start().await;
    world.trouble(vec![dropped()]);
    world.write(ADA, "hello").await;
    wait_state(&world, "read", 1).await;
    world.clock.advance(120_000);
    world.write(ADA, "next").await;
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hello", "2: next"]);
    assert_eq!(world.calls().len(), 2);
    assert_eq!(world.metric("parlance_outbox_resends_total").await, 0.0);
    world.end().await;
}

#[tokio::test]
async fn without_a_status_it_is_sent_again_after_the_doubt_window_with_the_same_data() {
    let world = World::start().await;
    world.trouble(vec![dropped()]);
    world.write(ADA, "hello").await;
    wait_state(&world, "uncertain", 1).await;
    let started_ms = world.calls()[0].at_ms;
    world.write(ADA, "behind it").await;
    world.wait_consumed().await;
    world.clock.advance(25_000);
    world.write(BEN, "other").await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(world.replies(ADA), ["1: hello"], "inside the window it waits, and its person with it");
    assert_eq!(world.advance_until_replies(500, ADA, 3).await, ["1: hello", "1: hello", "2: behind it"]);
    let hers: Vec<_> = world
        .calls()
        .into_iter()
        .filter(|call| call.request.contains("1: hello") && call.request.contains(ADA))
        .collect();
    assert_eq!(hers.len(), 2);
    assert_eq!(hers[0].callback_data, hers[1].callback_data);
    assert!(hers[1].at_ms >= started_ms + 30_000, "{} {started_ms}", hers[1].at_ms);
    assert_eq!(world.metric("parlance_outbox_resends_total").await, 1.0);
    world.end().await;
}

#[tokio::test]
async fn a_status_inside_the_window_ends_the_doubt_at_once() {
    let world = World::start().await;
    world.trouble(vec![dropped()]);
    world.write(ADA, "hello").await;
    wait_state(&world, "uncertain", 1).await;
    world.write(ADA, "behind it").await;
    let row = world.accepted().remove(0);
    assert_eq!(world.post(statuses(&[status(&row.wamid, &row.callback_data, "sent", world.now_ms())])).await, 200);
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hello", "2: behind it"]);
    world.clock.advance(120_000);
    world.write(ADA, "last").await;
    assert_eq!(world.wait_replies(ADA, 3).await, ["1: hello", "2: behind it", "3: last"]);
    assert_eq!(world.handle.count(&row.callback_data).posts, 1);
    world.end().await;
}

#[tokio::test]
async fn a_gateways_page_and_nonsense_with_200_are_doubt_not_failure() {
    let world = World::start().await;
    let page = |status, text: &str| Rule { status: Some(status), body: Some(text.into()), ..once() };
    let rules = vec![
        page(502, "<html>Bad Gateway</html>"),
        page(504, "<html>Gateway Time-out</html>"),
        page(200, "<html>Welcome</html>"),
        page(200, "{\"messages\":[]}"),
    ];
    let count = rules.len();
    world.trouble(rules);
    for at in 0..count {
        world.write(&person(at), "hello").await;
        wait_state(&world, "uncertain", at + 1).await;
    }
    assert!(world.accepted().is_empty());
    for at in 0..count {
        assert_eq!(world.advance_until_replies(5_000, &person(at), 1).await, ["1: hello"]);
    }
    assert_eq!(world.calls().len(), 2 * count);
    world.end().await;
}
