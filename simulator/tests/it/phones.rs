//! Phones: what they send, and what they show.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Author, Choose, PhoneError, WaitError};

use crate::support::{PHONE_1, SOON, World};

async fn offer(world: &mut World) -> String {
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let buttons: Vec<Value> = ["Yes", "No"]
        .iter()
        .map(|t| json!({ "type": "reply", "reply": { "id": t.to_lowercase(), "title": t } }))
        .collect();
    let body = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive",
        "interactive": { "type": "button", "header": { "type": "text", "text": "Order 42" },
            "body": { "text": "Confirm?" }, "footer": { "text": "Soon" }, "action": { "buttons": buttons } } });
    accepted(world, body).await
}

async fn offer_list(world: &mut World) -> String {
    let rows = json!([{ "id": "s", "title": "Small", "description": "9 inch" }, { "id": "l", "title": "Large" }]);
    let body = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive",
        "interactive": { "type": "list", "body": { "text": "Size?" },
            "action": { "button": "Sizes", "sections": [{ "title": "Pizza", "rows": rows }] } } });
    accepted(world, body).await
}

async fn accepted(world: &mut World, body: Value) -> String {
    let (status, answer) = world.post(&body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    world.webhooks(3).await;
    answer["messages"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tap_answers_with_the_button_and_quotes_its_message() {
    let mut world = World::start().await;
    let offered_by = offer(&mut world).await;
    world.handle.tap(1, &Choose::Title("Yes".into())).unwrap();
    let message = world.webhook().await.value()["messages"][0].clone();
    assert_eq!(message["type"], "interactive");
    let reply = json!({ "type": "button_reply", "button_reply": { "id": "yes", "title": "Yes" } });
    assert_eq!(message["interactive"], reply);
    assert_eq!(message["context"], json!({ "from": "15550100100", "id": offered_by }));
    let rows = world.handle.transcript(1).unwrap();
    assert_eq!((rows[1].header.as_deref(), rows[1].footer.as_deref()), (Some("Order 42"), Some("Soon")));
    assert_eq!((rows[2].author, rows[2].text.as_str()), (Author::Person, "Yes"));
    assert_eq!(rows[2].context.as_deref(), Some(&*offered_by));
}

#[tokio::test]
async fn a_pick_answers_with_the_row() {
    let mut world = World::start().await;
    offer(&mut world).await;
    let offered_by = offer_list(&mut world).await;
    let (status, _) = world.control("POST", "/_sim/phones/1/pick", json!({ "id": "s" })).await;
    assert_eq!(status, 200);
    let message = world.webhook().await.value()["messages"][0].clone();
    let row = json!({ "id": "s", "title": "Small", "description": "9 inch" });
    assert_eq!(message["interactive"], json!({ "type": "list_reply", "list_reply": row }));
    assert_eq!(message["context"]["id"], offered_by.as_str());
    world.handle.tap(1, &Choose::Id("no".into())).unwrap();
    assert_ne!(world.webhook().await.value()["messages"][0]["context"]["id"], offered_by.as_str());
}

#[tokio::test]
async fn what_is_not_on_offer_cannot_be_chosen() {
    let mut world = World::start().await;
    offer(&mut world).await;
    for (path, body, status, says) in [
        ("/_sim/phones/1/tap", json!({ "title": "Maybe" }), 409, "button \"Yes\" (id \"yes\")"),
        ("/_sim/phones/1/pick", json!({ "id": "yes" }), 409, "the list row with id"),
        ("/_sim/phones/2/tap", json!({ "id": "yes" }), 409, "on offer: nothing"),
        ("/_sim/phones/9/tap", json!({ "id": "yes" }), 404, "phones are 1 to 3"),
        ("/_sim/phones/0/text", json!({ "text": "x" }), 404, "no phone 0"),
        ("/_sim/phones/x/text", json!({ "text": "x" }), 400, "not the number of a phone"),
        ("/_sim/phones/1/tap", json!({}), 400, "either the id or the title"),
        ("/_sim/phones/1/text", json!({ "text": "  " }), 400, "empty"),
        ("/_sim/phones/1/text", json!({ "txt": "x" }), 400, "unknown field"),
        ("/_sim/phones/1/raw", json!({ "message": [] }), 400, "JSON object"),
        ("/_sim/phones/1/raw", json!({ "message": { "type": "text", "id": 4 } }), 400, "`id` of a raw message"),
        ("/_sim/phones/1/raw", json!({ "message": { "type": "x" }, "phone_number_id": "4" }), 404, "number 4"),
        ("/_sim/phones/1/status", json!({ "wamid": "wamid.X", "status": "read" }), 404, "no message wamid.X"),
    ] {
        let answer = world.control("POST", path, body.clone()).await;
        assert_eq!(answer.0, status, "{path} {body}: {}", answer.1);
        assert!(answer.1["detail"].as_str().unwrap().contains(says), "{path} {body}: {}", answer.1);
    }
}

#[tokio::test]
async fn a_raw_message_is_sent_as_it_is_and_completed() {
    let mut world = World::start().await;
    let location = json!({ "type": "location", "location": { "latitude": 53.8, "longitude": -1.55 }, "odd": [1] });
    let wamid = world.handle.raw(1, None, location).unwrap();
    let message = world.webhook().await.value()["messages"][0].clone();
    assert_eq!((&message["odd"], &message["id"], &message["from"]), (&json!([1]), &json!(wamid), &json!(PHONE_1)));
    let own = json!({ "type": "text", "text": { "body": "x" }, "id": "wamid.MINE", "timestamp": "5" });
    assert_eq!(world.handle.raw(1, None, own).unwrap(), "wamid.MINE");
    assert_eq!(world.webhook().await.value()["messages"][0]["timestamp"], "5");
}

#[tokio::test]
async fn messages_are_handed_out_once_and_in_order() {
    let world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.send(PHONE_1, "one").await;
    world.send(PHONE_1, "two").await;
    assert_eq!(world.handle.next_message(1, SOON).await.unwrap().text, "one");
    assert_eq!(world.handle.next_message(1, SOON).await.unwrap().text, "two");
    let (waited, _) = tokio::join!(world.handle.next_message(1, SOON), world.send(PHONE_1, "three"));
    assert_eq!(waited.unwrap().text, "three");
    let nothing = world.handle.next_message(1, Duration::from_millis(1)).await;
    assert!(matches!(nothing, Err(WaitError::Timeout { phone: 1, .. })));
    let nobody = world.handle.next_message(7, SOON).await;
    assert!(matches!(nobody, Err(WaitError::Phone(PhoneError::NoPhone { phone: 7, phones: 3 }))));
}

#[tokio::test]
async fn an_older_offer_is_chosen_by_its_message() {
    let mut world = World::start().await;
    let older = offer(&mut world).await;
    let newer = offer(&mut world).await;
    for (wamid, quoted) in [(json!(older), &older), (json!(null), &newer)] {
        let (status, _) = world.control("POST", "/_sim/phones/1/tap", json!({ "id": "no", "wamid": wamid })).await;
        assert_eq!(status, 200);
        assert_eq!(world.webhook().await.value()["messages"][0]["context"]["id"], quoted.as_str());
    }
}

#[tokio::test]
async fn a_transcript_is_read_from_where_one_was() {
    let world = World::start().await;
    world.handle.text(1, "one").unwrap();
    world.handle.text(1, "two").unwrap();
    let later = world.get("/_sim/phones/1/transcript?after=1").await;
    let texts: Vec<_> = later["items"].as_array().unwrap().iter().map(|e| e["text"].clone()).collect();
    assert_eq!(texts, ["two"]);
    assert_eq!(world.get("/_sim/phones/1/transcript?after=x").await["status"], 400);
}

#[tokio::test]
async fn one_phone_is_reset_without_the_others() {
    let world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.handle.text(2, "hi").unwrap();
    world.handle.reset_phone(1).unwrap();
    assert!(world.handle.transcript(1).unwrap().is_empty());
    assert_eq!(world.handle.transcript(2).unwrap().len(), 1);
    assert_eq!(world.send(PHONE_1, "x").await.0, 400, "its window is closed again");
    assert_eq!(world.send("447700900102", "x").await.0, 200);
}

#[tokio::test]
async fn events_tell_of_messages_and_ticks() {
    let mut world = World::start().await;
    let url = format!("{}/_sim/phones/1/events", world.handle.base_url());
    let mut stream = world.http.get(url).send().await.unwrap();
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    world.send(PHONE_1, "hello").await;
    let mut seen = String::new();
    while !(seen.contains("\"hello\"") && seen.contains("event: status")) {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.unwrap().unwrap().unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(seen.contains("event: message\ndata: {"), "{seen}");
}
