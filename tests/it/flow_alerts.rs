//! What Meta reports on Flows: kept once, counted, and obeyed by whoever sends them.

use serde_json::{Value, json};
use simulator::FlowStatus;

use crate::support::{Setup, World, person, until};

const ACCOUNT: &str = "300100200300400";
const FLOW: &str = "8100200300";
const BOT: &str = "parlance: 1\nid: test\nflows: { visit: { id: \"8100200300\" } }\n\
    triggers: [ { default: {}, to: form } ]\nnodes:\n  \
    form: { type: flow, flow: visit, prompt: Book., cta: Open, next: { done: fin, failed: sorry } }\n  \
    sorry: { type: say, messages: [ { text: Sorry. } ], next: { next: fin } }\n  fin: { type: end }\n";

async fn world() -> World {
    let world = Setup::default().bot(BOT).set("whatsapp.business_account_id", ACCOUNT).start().await;
    until("the Flow is known", async || {
        let flows = world.items("/api/v1/flows").await;
        flows.iter().any(|flow| flow["id"] == FLOW).then_some(())
    })
    .await;
    world
}

fn report(time: u64, value: &Value) -> String {
    let change = json!({ "field": "flows", "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": ACCOUNT, "time": time, "changes": [change] }] })
        .to_string()
}

/// Lets Meta set the Flow so, and waits until that is known.
async fn judge(world: &World, status: FlowStatus, word: &str) {
    assert!(world.handle.set_flow_status(FLOW, status));
    until(word, async || {
        let flows = world.items("/api/v1/flows").await;
        flows.iter().any(|flow| flow["id"] == FLOW && flow["status"] == word).then_some(())
    })
    .await;
}

#[tokio::test]
async fn f101_a_report_that_comes_again_is_stored_once_also_over_a_restart() {
    let mut world = world().await;
    let alert = json!({ "event": "ENDPOINT_ERROR_RATE", "flow_id": FLOW, "message": "error rate reached 10%",
        "error_rate": 14.28, "threshold": 10, "alert_state": "ACTIVATED",
        "errors": [{ "error_type": "TIMEOUT", "error_rate": 66.6, "error_count": 2 }] });
    let (time, notices) = (world.now_ms() / 1_000, "/api/v1/notices?field=flows");
    for _ in 0..3 {
        assert_eq!(world.post(report(time, &alert)).await, 200);
    }
    let stored = world.items(notices).await;
    assert_eq!((stored.len(), &stored[0]["alarm"]), (1, &json!(true)));
    let count = async |world: &World, outcome: &str| {
        world.metric(&format!("parlance_webhook_events_total{{kind=\"flows\",outcome=\"{outcome}\"}}")).await
    };
    assert_eq!((count(&world, "alarm").await, count(&world, "duplicate").await), (1.0, 2.0));
    world.restart().await;
    assert_eq!(world.post(report(time, &alert)).await, 200);
    assert_eq!(world.items(notices).await.len(), 1);
    assert_eq!(world.post(report(time + 60, &alert)).await, 200, "the same words later are another report");
    assert_eq!(world.items(notices).await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn f101_a_throttled_flow_leaves_ten_times_an_hour_and_a_blocked_one_not_at_all() {
    let world = world().await;
    judge(&world, FlowStatus::Throttled, "THROTTLED").await;
    for index in 0..11 {
        world.write(&person(index), "book").await;
    }
    world.wait_calls(10).await;
    until("a message that waits for its turn", async || {
        let waiting = world.items("/api/v1/outbox?state=queued").await;
        let told = waiting.iter().any(|row| row.to_string().contains("ten messages of it leave in an hour"));
        told.then_some(())
    })
    .await;
    assert_eq!(world.calls().len(), 10);

    judge(&world, FlowStatus::Published, "PUBLISHED").await;
    world.wait_calls(11).await;

    judge(&world, FlowStatus::Blocked, "BLOCKED").await;
    world.write(&person(20), "book").await;
    assert_eq!(world.wait_replies(&person(20), 1).await, ["Sorry."]);
    let letters = world.items("/api/v1/dead-letters").await;
    assert_eq!((letters.len(), &letters[0]["reason"]), (1, &json!("flow_blocked")));

    judge(&world, FlowStatus::Published, "PUBLISHED").await;
    world.write(&person(21), "book").await;
    assert_eq!(world.wait_replies(&person(21), 1).await, ["Book."]);
    world.end().await;
}
