//! Every kind that a phone can send: the webhook's shape, and the row of the transcript.

use serde_json::{Value, json};
use simulator::Choose;

use crate::support::{PHONE_1, World};

async fn sent(world: &mut World, draft: Value) -> Value {
    let (status, answer) = world.control("POST", "/_sim/phones/1/send", draft.clone()).await;
    assert_eq!(status, 200, "{draft}: {answer}");
    let message = world.webhook().await.value()["messages"][0].clone();
    assert_eq!(message["id"], answer["wamid"]);
    message
}

#[tokio::test]
async fn every_kind_arrives_as_its_type_and_is_shown() {
    let mut world = World::start().await;
    for (content, kind, pointer) in [
        (json!({ "type": "text", "body": "hi" }), "text", "/text/body"),
        (json!({ "type": "image", "caption": "c" }), "image", "/image/sha256"),
        (json!({ "type": "video" }), "video", "/video/id"),
        (json!({ "type": "audio" }), "audio", "/audio/voice"),
        (json!({ "type": "document" }), "document", "/document/filename"),
        (json!({ "type": "sticker" }), "sticker", "/sticker/animated"),
        (json!({ "type": "location" }), "location", "/location/latitude"),
        (json!({ "type": "contacts", "requested": true }), "contacts", "/contacts/0/name/formatted_name"),
        (json!({ "type": "reaction", "wamid": "wamid.X", "emoji": "👍" }), "reaction", "/reaction/emoji"),
        (json!({ "type": "reaction", "wamid": "wamid.X" }), "reaction", "/reaction/message_id"),
        (json!({ "type": "order" }), "order", "/order/product_items/1/quantity"),
        (json!({ "type": "address_reply", "wamid": "wamid.X" }), "interactive", "/interactive/nfm_reply/response_json"),
        (json!({ "type": "unsupported" }), "unsupported", "/errors/0/code"),
    ] {
        let message = sent(&mut world, json!({ "content": content })).await;
        assert_eq!(message["type"], kind);
        assert!(message.pointer(pointer).is_some(), "{pointer}: {message}");
        assert!(message["context"].is_null() || kind == "interactive");
    }
    let rows = world.handle.transcript(1).unwrap();
    assert_eq!(rows[1].media.as_ref().unwrap().kind, "image");
    assert_eq!(rows[6].details, ["The Headrow, Leeds", "53.8, -1.55"]);
    assert_eq!(rows[7].details, ["Tola B · +44 7700 900456 · tola@example.org"]);
    assert_eq!((rows[8].text.as_str(), rows[8].context.as_deref()), ("👍", Some("wamid.X")));
    assert_eq!(rows[10].details[0], "2 × sku-9 · 4.5 GBP");
}

#[tokio::test]
async fn a_message_quotes_and_is_forwarded() {
    let mut world = World::start().await;
    let text = json!({ "type": "text", "body": "hi" });
    let quoted = sent(&mut world, json!({ "content": text, "quote": "wamid.OUT" })).await;
    assert_eq!(quoted["context"], json!({ "from": "15550100100", "id": "wamid.OUT" }));
    let forwarded = sent(&mut world, json!({ "content": text, "forwarded": "often" })).await;
    assert_eq!(forwarded["context"], json!({ "frequently_forwarded": true }));
    assert_eq!(world.handle.transcript(1).unwrap()[1].notes, ["forwarded many times"]);
}

#[tokio::test]
async fn own_messages_are_edited_and_taken_back() {
    let mut world = World::start().await;
    let first = sent(&mut world, json!({ "content": { "type": "text", "body": "hi" } })).await;
    let wamid = &first["id"];
    let edit = sent(&mut world, json!({ "content": { "type": "edit", "wamid": wamid, "body": "hello" } })).await;
    assert_eq!(
        edit["edit"],
        json!({ "original_message_id": wamid, "message": { "type": "text", "text": { "body": "hello" } } })
    );
    let row = world.handle.transcript(1).unwrap().swap_remove(0);
    assert_eq!((row.text.as_str(), row.notes), ("hello", vec!["edited".to_owned()]));
    let revoke = sent(&mut world, json!({ "content": { "type": "revoke", "wamid": wamid } })).await;
    assert_eq!(revoke["revoke"]["original_message_id"], *wamid);
    assert_eq!(world.handle.transcript(1).unwrap()[0].notes, ["deleted"]);
    let strange = json!({ "content": { "type": "revoke", "wamid": "wamid.OTHER" } });
    assert_eq!(world.control("POST", "/_sim/phones/1/send", strange).await.0, 404);
}

#[tokio::test]
async fn a_quick_reply_of_a_template_comes_back_as_a_button() {
    let mut world = World::start().await;
    let buttons = json!([{ "type": "QUICK_REPLY", "text": "Confirm" }, { "type": "QUICK_REPLY", "text": "Cancel" }]);
    let definition = json!({ "name": "ask", "language": "en", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "Sure?" }, { "type": "BUTTONS", "buttons": buttons }] });
    world.handle.put_template(&definition).unwrap();
    let payload = json!([{ "type": "payload", "payload": "confirm-42" }]);
    let button = json!({ "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": payload });
    let send = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "template",
        "template": { "name": "ask", "language": { "code": "en" }, "components": [button] } });
    let (_, answer) = world.post(&send).await.unwrap();
    world.webhooks(3).await;
    for (title, payload) in [("Confirm", "confirm-42"), ("Cancel", "Cancel")] {
        world.handle.tap(1, &Choose::Title(title.into())).unwrap();
        let message = world.webhook().await.value()["messages"][0].clone();
        assert_eq!(message["type"], "button");
        assert_eq!(message["button"], json!({ "payload": payload, "text": title }));
        assert_eq!(message["context"]["id"], answer["messages"][0]["id"]);
    }
}

#[tokio::test]
async fn a_form_comes_back_with_its_token() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    let parameters = json!({ "flow_message_version": "3", "flow_id": crate::support::VISIT, "flow_cta": "Book", "flow_token": "tok" });
    let send = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive",
        "interactive": { "type": "flow", "body": { "text": "Book" }, "action": { "name": "flow", "parameters": parameters } } });
    let (_, answer) = world.post(&send).await.unwrap();
    world.webhooks(3).await;
    let wamid = &answer["messages"][0]["id"];
    let reply = json!({ "content": { "type": "flow_reply", "wamid": wamid, "response": { "day": "2026-12-01" } } });
    let reply = sent(&mut world, reply).await["interactive"]["nfm_reply"].clone();
    let inner: Value = serde_json::from_str(reply["response_json"].as_str().unwrap()).unwrap();
    assert_eq!(inner, json!({ "flow_token": "tok", "day": "2026-12-01" }));
}

#[tokio::test]
async fn drafts_that_make_no_sense_are_refused() {
    let world = World::start().await;
    for draft in [
        json!({}),
        json!({ "content": { "type": "poll" } }),
        json!({ "content": { "type": "text", "body": " " } }),
        json!({ "content": { "type": "image", "size": 4 } }),
        json!({ "content": { "type": "order" }, "forwarded": "never" }),
        json!({ "content": { "type": "image", "media_id": "4" } }),
    ] {
        let answer = world.control("POST", "/_sim/phones/1/send", draft.clone()).await;
        assert_eq!(answer.0, 400, "{draft}: {}", answer.1);
    }
}
