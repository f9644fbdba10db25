//! Webhooks: shape, signature, order, and what happens when they are not taken.

use serde_json::json;
use simulator::{AutoStatus, Progress};

use crate::support::{NUMBER, PHONE_1, World, config};

#[tokio::test]
async fn a_message_arrives_signed_in_metas_shape() {
    let mut world = World::start().await;
    let wamid = world.handle.text(1, "hällo").unwrap();
    let hook = world.webhook().await;
    assert!(hook.is_signed());
    let who = world.handle.phone(1).unwrap();
    assert_eq!(hook.json()["object"], "whatsapp_business_account");
    assert_eq!(hook.json()["entry"][0]["id"], "300100200300400");
    let expected = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550100100", "phone_number_id": NUMBER },
        "contacts": [{ "profile": { "name": who.name }, "wa_id": PHONE_1, "user_id": who.user_id }],
        "messages": [{ "from": PHONE_1, "from_user_id": who.user_id, "id": wamid, "timestamp": "1795348800",
                       "type": "text", "text": { "body": "hällo" } }],
    });
    assert_eq!(hook.value(), expected);
}

#[tokio::test]
async fn statuses_follow_a_send_with_its_callback_data() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let (_, sent) = world.send(PHONE_1, "hello").await;
    let hooks = world.webhooks(3).await;
    let order: Vec<_> = hooks.iter().map(|h| h.status()).collect();
    assert_eq!(order, ["sent", "delivered", "read"]);
    for hook in &hooks {
        let status = hook.value()["statuses"][0].clone();
        assert!(hook.is_signed());
        assert_eq!(status["id"], sent["messages"][0]["id"]);
        assert_eq!(status["recipient_id"], PHONE_1);
        assert_eq!(status["biz_opaque_callback_data"], "obx:hello");
        assert!(status.get("conversation").is_none(), "v24 and later have none");
        assert_eq!(status["pricing"].is_object(), status["status"] != "read");
    }
    let entry = world.handle.next_message(1, crate::support::SOON).await.unwrap();
    assert_eq!(entry.wamid, sent["messages"][0]["id"].as_str().unwrap());
    assert_eq!(world.handle.transcript(1).unwrap()[1].status, Progress::Read);
}

#[tokio::test]
async fn statuses_come_only_as_configured_or_when_asked_for() {
    let mut config = config();
    config.auto_status = AutoStatus::NONE;
    let mut world = World::with(config).await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    world.send(PHONE_1, "hello").await;
    let entry = world.handle.next_message(1, crate::support::SOON).await.unwrap();
    assert_eq!(entry.status, Progress::Accepted);
    world.handle.status(1, &entry.wamid, Progress::Failed).unwrap();
    let hook = world.webhook().await;
    assert_eq!(hook.status(), "failed", "no other status came before it");
    assert_eq!(hook.value()["statuses"][0]["errors"][0]["code"], 131026);
    assert_eq!(world.handle.transcript(1).unwrap()[1].error.as_ref().unwrap().code, 131026);
}

#[tokio::test]
async fn an_untaken_webhook_comes_again_with_the_same_bytes_and_before_later_ones() {
    let mut world = World::start().await;
    world.answer(&[503, 500, 204, 200]);
    world.handle.text(1, "first").unwrap();
    world.handle.text(1, "second").unwrap();
    let hooks = world.webhooks(5).await;
    for again in &hooks[1..4] {
        assert_eq!(again.body, hooks[0].body);
        assert!(again.is_signed());
    }
    assert_eq!(hooks[4].value()["messages"][0]["text"]["body"], "second");
}

#[tokio::test]
async fn an_untaken_status_comes_again() {
    let mut config = config();
    config.auto_status = AutoStatus { sent: true, ..AutoStatus::NONE };
    config.enforce_window = false;
    let mut world = World::with(config).await;
    world.answer(&[503]);
    world.send(PHONE_1, "hello").await;
    let hooks = world.webhooks(2).await;
    assert_eq!(hooks[0].body, hooks[1].body);
}

#[tokio::test]
async fn tries_end_at_their_bound() {
    let mut config = config();
    config.retry.tries = 3;
    let mut world = World::with(config).await;
    world.answer(&[503; 3]);
    world.handle.text(1, "lost").unwrap();
    world.handle.text(1, "next").unwrap();
    let hooks = world.webhooks(4).await;
    assert_eq!(hooks[3].value()["messages"][0]["text"]["body"], "next");
    let stats = world.handle.stats();
    assert_eq!((stats.webhooks_given_up, stats.webhooks_failed), (1, 3));
}

#[tokio::test]
async fn a_phone_that_hides_its_number_is_known_by_its_user_id() {
    let mut world = World::start().await;
    world.handle.set_profile(1, None, Some("ada.obi".into()), Some(true)).unwrap();
    world.handle.text(1, "hi").unwrap();
    let value = world.webhook().await.value();
    assert!(value["contacts"][0].get("wa_id").is_none());
    assert!(value["messages"][0].get("from").is_none());
    assert_eq!(value["contacts"][0]["profile"]["username"], "ada.obi");
    assert_eq!(value["messages"][0]["from_user_id"], value["contacts"][0]["user_id"]);
}

#[tokio::test]
async fn any_body_can_be_delivered_signed_or_not() {
    let mut world = World::start().await;
    let deliver = json!({ "body": "{not json", "signature": "none" });
    world.answer(&[401]);
    let (_, answer) = world.control("POST", "/_sim/deliver", deliver).await;
    assert_eq!(answer["items"], json!([{ "status": 401 }]));
    let hook = world.webhook().await;
    assert_eq!((&hook.body[..], hook.signature), (&b"{not json"[..], None));

    let message = json!({ "from": "447700900888", "id": "wamid.X", "type": "text", "text": { "body": "hi" } });
    let value = json!({ "metadata": { "phone_number_id": NUMBER }, "messages": [message] });
    let body = json!({ "entry": [{ "changes": [{ "value": value }] }] });
    let (_, answer) = world.control("POST", "/_sim/deliver", json!({ "body": body, "times": 5 })).await;
    assert_eq!(answer["items"].as_array().unwrap().len(), 5);
    assert!(world.webhooks(5).await.iter().all(|hook| hook.is_signed()));
    assert_eq!(world.send("447700900888", "window open").await.0, 200);
}
