//! People who move, hide, block and stop; and the business's own phone.

use serde_json::{Value, json};
use simulator::{AutoStatus, Content, Draft, Operation, Progress, Rule, Trouble};

use crate::support::{NUMBER, PHONE_1, World, code, config, text_body};

#[tokio::test]
async fn a_moved_person_is_told_of_and_reached_at_the_new_number() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let before = world.handle.phone(1).unwrap();
    let (status, _) = world.control("POST", "/_sim/phones/1/change-number", json!({})).await;
    assert_eq!(status, 200);
    let now = world.handle.phone(1).unwrap();
    assert_ne!((&before.wa_id, &before.user_id), (&now.wa_id, &now.user_id));
    let value = world.webhook().await.value();
    assert!(value["contacts"].is_null());
    let message = &value["messages"][0];
    assert_eq!((&message["from"], &message["system"]["wa_id"]), (&json!(before.wa_id), &json!(now.wa_id)));
    let update = world.webhook().await.value()["user_id_update"][0].clone();
    assert_eq!(update["user_id"], json!({ "previous": before.user_id, "current": now.user_id }));
    assert_eq!(world.send(&now.wa_id, "there").await.0, 200, "the window moves with the person");
    assert_eq!(world.webhooks(3).await[2].status(), "read");
    world.handle.open_window(NUMBER, &before.wa_id);
    assert_eq!(world.send(&before.wa_id, "gone").await.0, 200);
    let failed = world.webhook().await.value()["statuses"][0].clone();
    assert_eq!((&failed["status"], &failed["errors"][0]["code"]), (&json!("failed"), &json!(131026)));
    assert!(world.handle.change_number(2, Some(now.wa_id)).is_err());
    assert!(world.handle.change_number(2, Some("12".into())).is_err());
}

#[tokio::test]
async fn a_person_who_hides_the_number_has_a_user_id_only() {
    let mut world = World::start().await;
    world.handle.set_profile(1, None, Some("ada.obi".into()), Some(true)).unwrap();
    world.handle.text(1, "hi").unwrap();
    let value = world.webhook().await.value();
    assert!(value["messages"][0]["from"].is_null() && value["contacts"][0]["wa_id"].is_null());
    let user_id = value["messages"][0]["from_user_id"].as_str().unwrap().to_owned();
    let body = json!({ "messaging_product": "whatsapp", "recipient": user_id, "text": { "body": "by id" } });
    assert_eq!(world.post(&body).await.unwrap().0, 200);
    let status = world.webhook().await.value()["statuses"][0].clone();
    assert_eq!((&status["recipient_user_id"], &status["recipient_id"]), (&json!(user_id), &Value::Null));
    world.webhooks(2).await;
    world.handle.change_number(1, None).unwrap();
    let system = world.webhook().await.value()["messages"][0].clone();
    assert_eq!((&system["system"]["type"], &system["from"]), (&json!("user_changed_user_id"), &Value::Null));
    assert_eq!(system["from_user_id"], user_id.as_str());
}

#[tokio::test]
async fn who_stopped_marketing_gets_no_marketing_template() {
    let mut world = World::start().await;
    let offer = json!({ "name": "offer", "language": "en", "category": "MARKETING",
        "components": [{ "type": "BODY", "text": "Sale" }] });
    world.handle.put_template(&offer).unwrap();
    let send = json!({ "messaging_product": "whatsapp", "to": "+447700900101", "type": "template",
        "template": { "name": "offer", "language": { "code": "en" } } });
    for (stopped, value, answer) in [(true, "stop", (400, 131050)), (false, "resume", (200, 0))] {
        world.control("POST", "/_sim/phones/1/marketing", json!({ "stopped": stopped })).await;
        let webhook = world.webhook().await.json();
        let change = &webhook["entry"][0]["changes"][0];
        assert_eq!(
            (&change["field"], &change["value"]["user_preferences"][0]["value"]),
            (&json!("user_preferences"), &json!(value))
        );
        assert_eq!(code(&world.post(&send).await.unwrap()), answer);
    }
}

#[tokio::test]
async fn what_goes_to_a_person_who_blocks_the_business_is_only_sent() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    world.control("POST", "/_sim/phones/1/block", json!({ "blocked": true })).await;
    assert_eq!(world.send(PHONE_1, "lost").await.0, 200);
    assert_eq!(world.webhook().await.status(), "sent");
    assert_eq!(world.handle.transcript(1).unwrap().len(), 1);
    assert!(world.handle.text(1, "x").unwrap_err().to_string().contains("blocks the business"));
    world.handle.block_business(1, false).unwrap();
    world.handle.text(1, "back").unwrap();
    assert_eq!(world.webhook().await.value()["messages"][0]["text"]["body"], "back");
}

#[tokio::test]
async fn the_business_blocks_lists_and_unblocks() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let path = format!("{NUMBER}/block_users");
    let users = |users: &[&str]| {
        let users: Vec<_> = users.iter().map(|user| json!({ "user": user })).collect();
        json!({ "messaging_product": "whatsapp", "block_users": users })
    };
    let (status, mixed) = world.graph("POST", &path, users(&["+447700900101", "+447700900103"])).await;
    assert_eq!((status, &mixed["error"]["code"]), (400, &json!(139100)));
    assert_eq!(mixed["block_users"]["added_users"][0]["wa_id"], PHONE_1);
    assert_eq!(mixed["block_users"]["failed_users"][0]["errors"][0]["code"], 131047);
    assert_eq!(world.graph("GET", &path, Value::Null).await.1["data"][0]["wa_id"], PHONE_1);
    assert_eq!(code(&world.send(PHONE_1, "x").await), (400, 130403));
    world.handle.text(1, "anybody?").unwrap();
    assert!(world.no_webhook());
    let (status, answer) = world.graph("DELETE", &path, users(&["447700900101"])).await;
    assert_eq!((status, &answer["block_users"]["removed_users"][0]["input"]), (200, &json!("447700900101")));
    assert_eq!(world.graph("GET", &path, Value::Null).await.1, json!({ "data": [] }));
    for body in [json!({}), users(&[]), json!({ "messaging_product": "whatsapp", "block_users": [1] })] {
        assert_eq!(code(&world.graph("POST", &path, body).await), (400, 100));
    }
}

#[tokio::test]
async fn what_the_business_writes_on_its_phone_is_an_echo() {
    let mut world = World::start().await;
    world.control("POST", "/_sim/phones/1/business-wrote", json!({ "text": "It is me" })).await;
    let webhook = world.webhook().await.json();
    let change = &webhook["entry"][0]["changes"][0];
    assert_eq!(change["field"], "smb_message_echoes");
    let echo = &change["value"]["message_echoes"][0];
    assert_eq!((&echo["to"], &echo["text"]["body"]), (&json!(PHONE_1), &json!("It is me")));
    assert_eq!(world.handle.transcript(1).unwrap()[0].notes, ["from the phone app"]);
}

#[tokio::test]
async fn a_person_from_an_ad_is_free_for_three_days_once_answered() {
    let mut world = World::start().await;
    let from_ad = Draft { from_ad: true, ..Content::Text { body: "Tell me more".into() }.into() };
    world.handle.send(1, &from_ad).unwrap();
    let message = world.webhook().await.value()["messages"][0].clone();
    assert_eq!(message["referral"]["source_type"], "ad");
    world.send(PHONE_1, "Gladly").await;
    let sent = world.webhook().await.value()["statuses"][0].clone();
    assert_eq!(sent["pricing"]["type"], "free_entry_point");
    assert_eq!(sent["conversation"]["origin"]["type"], "referral_conversion");
    assert!(sent["conversation"]["expiration_timestamp"].is_string());
    let window = &world.get("/_sim/phones/1/windows").await["items"][0];
    assert_eq!(window["open"], true);
    let span = window["entry_point_until_ms"].as_u64().unwrap() - world.handle.now_ms();
    assert_eq!(span, 72 * 3_600_000);
    world.handle.advance(24 * 3_600_000);
    assert_eq!(code(&world.send(PHONE_1, "late").await), (400, 131047), "free is not open");
}

#[tokio::test]
async fn statuses_come_in_any_order_played_late_or_before_the_answer() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let statuses = Some(vec![Progress::Read, Progress::Sent, Progress::Sent, Progress::Played]);
    let rule = Rule { statuses, answer_delay_ms: 300, count: Some(1), ..Rule::on(Operation::Send) };
    world.handle.set_trouble(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap();
    let (http, url) = (world.http.clone(), world.messages_url());
    let sent = tokio::spawn(async move {
        let request = http.post(url).bearer_auth(crate::support::TOKEN).json(&text_body(PHONE_1, "x"));
        request.send().await.unwrap().status().as_u16()
    });
    let came: Vec<_> = world.webhooks(4).await.iter().map(|w| w.status()).collect();
    assert_eq!(came, ["read", "sent", "sent", "played"]);
    assert!(!sent.is_finished(), "the statuses came first");
    assert_eq!(sent.await.unwrap(), 200);
}

#[tokio::test]
async fn a_message_fails_late_with_any_code() {
    let mut config = config();
    config.auto_status = AutoStatus::NONE;
    let mut world = World::with(config).await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let (_, answer) = world.send(PHONE_1, "x").await;
    let wamid = &answer["messages"][0]["id"];
    let body = |status: &str| json!({ "wamid": wamid, "status": status, "code": 131049 });
    assert_eq!(world.control("POST", "/_sim/phones/1/status", body("failed")).await.0, 200);
    let failed = world.webhook().await.value()["statuses"][0].clone();
    assert_eq!((&failed["errors"][0]["code"], &failed["biz_opaque_callback_data"]), (&json!(131049), &json!("obx:x")));
    assert_eq!(world.control("POST", "/_sim/phones/1/status", body("read")).await.0, 400);
}

#[tokio::test]
async fn a_number_tells_of_itself() {
    let world = World::start().await;
    let (_, node) = world.graph("GET", &format!("{NUMBER}?fields=quality_rating,throughput,status"), Value::Null).await;
    let expected = json!({ "id": NUMBER, "quality_rating": "GREEN", "throughput": { "level": "STANDARD" }, "status": "CONNECTED" });
    assert_eq!(node, expected);
    assert_eq!(code(&world.graph("GET", &format!("{NUMBER}?fields=nope"), Value::Null).await), (400, 100));
    let (_, list) = world.graph("GET", "300100200300400/phone_numbers", Value::Null).await;
    assert_eq!(list["data"][0]["id"], NUMBER);
    assert_eq!(code(&world.graph("GET", "42", Value::Null).await), (400, 100));
}
