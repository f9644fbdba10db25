//! Staff writes from the phone app, through the real server.

use serde_json::json;

use crate::people::field;
use crate::support::{ADA, World, until};

#[tokio::test]
async fn an_echo_silences_the_bot_for_an_hour_and_is_shown_as_ours() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let echo = json!({ "from": "15550100100", "to": ADA, "id": "wamid.echo", "type": "text",
        "timestamp": (world.now_ms() / 1_000).to_string(), "text": { "body": "I look after you" } });
    for _ in 0..2 {
        let body = field("smb_message_echoes", json!({ "message_echoes": [echo] }));
        assert_eq!(world.post(body).await, 200);
    }
    world.wait_consumed().await;
    let conversation = world.conversation(ADA).await;
    assert_eq!((&conversation["state"], &conversation["control"]["by"]), (&json!("human"), &json!("phone_app")));
    let shown = world.messages(ADA).await;
    assert_eq!(shown.iter().filter(|message| message["origin"] == "phone_app").count(), 1);
    assert_eq!((&shown[0]["direction"], &shown[0]["text"]), (&json!("out"), &json!("I look after you")));
    world.write(ADA, "thanks").await;
    world.wait_consumed().await;
    assert_eq!(world.replies(ADA).len(), 1);
    world.clock.advance(61 * 60_000);
    until("the bot is back", async || (world.conversation(ADA).await["state"] != "human").then_some(())).await;
    world.write(ADA, "anybody?").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "2: anybody?");
    world.end().await;
}
