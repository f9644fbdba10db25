//! A bot hands over, a human hands back by the admin port, through the real server.

use serde_json::json;

use crate::people::field;
use crate::support::{ADA, Setup, World, until};

const BOT: &str = "parlance: 1\nid: test\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  \
    ask: { type: ask, prompt: What?, save: topic, next: { ok: desk } }\n  \
    desk: { type: handoff, queue: front, priority: high, message: One moment., next: { returned: ask, closed: bye } }\n  \
    bye: { type: say, messages: [ { text: Bye. } ], next: { next: end } }\n  end: { type: end }\n";

async fn handed_over() -> World {
    let world = Setup::default().bot(BOT).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    world.write(ADA, "my parcel").await;
    world.wait_replies(ADA, 2).await;
    world
}

#[tokio::test]
async fn a_conversation_is_with_a_human_until_it_is_handed_back() {
    let world = handed_over().await;
    let seen = world.conversation(ADA).await;
    assert_eq!((&seen["state"], &seen["handoff"]["queue"]), (&json!("human"), &json!("front")));
    assert_eq!(seen["handoff"]["priority"], "high");
    world.write(ADA, "hello?").await;
    world.wait_consumed().await;
    assert_eq!(world.replies(ADA).len(), 2);
    let path = format!("/api/v1/conversations/{}/handback", seen["id"].as_str().unwrap());
    assert_eq!(world.admin_post(&path, &json!({ "outcome": "lost" })).await.0, 422);
    assert_eq!(world.admin_post("/api/v1/conversations/c_1/handback", &json!({ "outcome": "closed" })).await.0, 404);
    assert_eq!(world.admin_post(&path, &json!({ "outcome": "returned" })).await.0, 202);
    assert_eq!(world.wait_replies(ADA, 3).await[2], "What?");
    let (status, problem) = world.admin_post(&path, &json!({ "outcome": "returned" })).await;
    assert_eq!((status, problem["detail"].as_str()), (409, Some("the bot has this conversation already")));
    world.end().await;
}

#[tokio::test]
async fn what_staff_took_over_from_a_handoff_comes_back_as_a_whole() {
    let world = handed_over().await;
    let echo = json!({ "from": "15550100100", "to": ADA, "id": "wamid.echo", "type": "text",
        "timestamp": (world.now_ms() / 1_000).to_string(), "text": { "body": "I look after you" } });
    assert_eq!(world.post(field("smb_message_echoes", json!({ "message_echoes": [echo] }))).await, 200);
    let taken = async || Some(world.conversation(ADA).await).filter(|seen| !seen["control"].is_null());
    let seen = until("staff took over", taken).await;
    let path = format!("/api/v1/conversations/{}/handback", seen["id"].as_str().unwrap());
    assert_eq!(world.admin_post(&path, &json!({ "outcome": "closed" })).await.0, 202);
    assert_eq!(world.wait_replies(ADA, 3).await[2], "Bye.");
    until("the run ended", async || (world.conversation(ADA).await["state"] == "idle").then_some(())).await;
    world.end().await;
}
