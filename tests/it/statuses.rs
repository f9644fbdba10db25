//! Statuses of messages that were sent: monotone, in any order, and for rows that are ours only.

use serde_json::json;

use crate::support::compose::{status, statuses, value};
use crate::support::{ADA, Setup, World, text, until};

/// The state of the only outbox row, once it is this one.
async fn wait_state(world: &World, state: &str) {
    until(&format!("state {state}, the outbox is {:?}", world.items("/api/v1/outbox").await), async || {
        let rows = world.items("/api/v1/outbox").await;
        (rows.len() == 1 && rows[0]["state"] == state).then_some(())
    })
    .await;
}

/// A message that was sent: its id at Meta and our callback data.
async fn sent(world: &World) -> (String, String) {
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    wait_state(world, "accepted").await;
    let row = world.accepted().remove(0);
    (row.wamid.into(), row.callback_data.into())
}

async fn deliver(world: &World, wamid: &str, data: &str, words: &[&str]) {
    let list: Vec<_> = words.iter().map(|word| status(wamid, data, word, world.now_ms())).collect();
    assert_eq!(world.post(statuses(&list)).await, 200);
}

/// All orders of a few words.
fn orders(words: &[&'static str]) -> Vec<Vec<&'static str>> {
    if words.len() < 2 {
        return vec![words.to_vec()];
    }
    let with_first = |at: usize| {
        let mut rest = words.to_vec();
        let first = rest.remove(at);
        orders(&rest).into_iter().map(move |order| [vec![first], order].concat())
    };
    (0..words.len()).flat_map(with_first).collect()
}

#[tokio::test]
async fn f22_statuses_in_any_order_end_in_the_highest() {
    let world = World::start().await;
    for (at, order) in orders(&["sent", "delivered", "read", "failed"]).into_iter().enumerate() {
        world.handle.reset();
        let person = crate::support::person(at);
        let wamid = world.wamid();
        let hello = text(&person, &wamid, world.now_ms(), "hello");
        assert_eq!(world.post(crate::support::body(&[hello])).await, 200);
        until("the reply", async || (!world.accepted().is_empty()).then_some(())).await;
        let row = world.accepted().remove(0);
        for word in &order {
            deliver(&world, &row.wamid, &row.callback_data, &[word]).await;
        }
        let messages = world.messages(&person).await;
        assert_eq!(messages[0]["status"], "read", "{order:?}");
        assert_eq!(messages[0]["wamid"], &*row.wamid, "{order:?}");
    }
    let rows = world.items("/api/v1/outbox?state=read").await;
    assert_eq!(rows.len(), world.items("/api/v1/outbox").await.len());
    world.end().await;
}

#[tokio::test]
async fn all_statuses_in_one_body_and_repeated_end_in_the_highest() {
    let world = World::start().await;
    let (wamid, data) = sent(&world).await;
    deliver(&world, &wamid, &data, &["read", "sent", "delivered", "sent", "read", "played", "brand_new"]).await;
    wait_state(&world, "read").await;
    deliver(&world, &wamid, &data, &["sent"]).await;
    wait_state(&world, "read").await;
    assert_eq!(world.metric("parlance_message_statuses_total{status=\"sent\"}").await, 3.0);
    world.end().await;
}

#[tokio::test]
async fn a_failed_status_is_one_dead_letter_with_metas_text() {
    let world = World::start().await;
    let (wamid, data) = sent(&world).await;
    deliver(&world, &wamid, &data, &["failed", "failed", "sent"]).await;
    wait_state(&world, "failed").await;
    let letters = world.items("/api/v1/dead-letters").await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((&letters[0]["kind"], &letters[0]["reason"]), (&json!("outbound"), &json!("failed")));
    assert!(letters[0]["detail"].as_str().unwrap().contains("undeliverable"), "{}", letters[0]);
    let row = world.items("/api/v1/outbox?state=failed").await.remove(0);
    assert!(row["error"].to_string().contains("131026"), "{row}");
    assert_eq!(world.calls().len(), 1, "it is not sent again");
    world.end().await;
}

#[tokio::test]
async fn a_status_that_is_not_ours_is_acknowledged_and_changes_nothing() {
    let world = World::start().await;
    let (wamid, data) = sent(&world).await;
    let wrong_nonce = format!("{}.{:08x}", data.split_once('.').unwrap().0, 7);
    let beyond = data.replace("-1.", "-9.");
    for foreign in ["", "obx:1", "o_x.1", "another system's", &wrong_nonce, &beyond, &"x".repeat(10_000)] {
        deliver(&world, &wamid, foreign, &["read", "failed"]).await;
    }
    let bare = json!({ "id": wamid, "status": "read" });
    let odd = [json!(null), json!({}), json!({ "id": wamid }), json!({ "status": "read" }), bare];
    assert_eq!(world.post(value(json!({ "statuses": odd }))).await, 200);
    wait_state(&world, "accepted").await;
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    deliver(&world, "wamid.unknown", &data, &["delivered"]).await;
    wait_state(&world, "delivered").await;
    world.end().await;
}

#[tokio::test]
async fn a_status_before_the_answer_settles_the_message_and_the_answer_changes_nothing() {
    let world = Setup::default().start().await;
    world.trouble(vec![simulator::Rule { latency_ms: 1_500, ..simulator::Rule::on(simulator::Operation::Send) }]);
    world.write(ADA, "hello").await;
    let data = until("the request on its way", async || {
        let row = world.items("/api/v1/outbox?state=sending").await.pop()?;
        let messages = world.messages(ADA).await;
        assert_eq!(messages[0]["id"], row["id"]);
        messages[0]["raw"]["biz_opaque_callback_data"].as_str().map(str::to_owned)
    })
    .await;
    deliver(&world, "wamid.early", &data, &["delivered"]).await;
    wait_state(&world, "delivered").await;
    world.wait_replies(ADA, 1).await;
    world.handle.clear_trouble();
    world.write(ADA, "again").await;
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hello", "2: again"]);
    let rows = world.items("/api/v1/outbox?state=delivered").await;
    assert_eq!((rows.len(), rows[0]["wamid"].as_str()), (1, Some("wamid.early")));
    world.end().await;
}

#[tokio::test]
async fn the_stand_ins_own_statuses_reach_the_transcript() {
    let world = Setup::default().stand_in(|config| config.auto_status = simulator::AutoStatus::ALL).start().await;
    world.write(ADA, "hello").await;
    wait_state(&world, "read").await;
    assert_eq!(world.messages(ADA).await[0]["status"], "read");
    assert_eq!(world.items("/api/v1/conversations").await.len(), 1, "statuses make no conversations");
    world.end().await;
}
