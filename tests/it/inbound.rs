//! Every kind of message and status that Meta sends, through the real server: taken, shown, and nobody's trouble.

mod mutants;
mod shapes;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::compose::{status, statuses, value};
use crate::support::{ADA, BEN, World, message, person, text, until};

/// What is shown of everybody, by message id.
async fn shown(world: &World) -> HashMap<String, Value> {
    let mut all = HashMap::new();
    for conversation in world.items("/api/v1/conversations?limit=200").await {
        let id = conversation["id"].as_str().unwrap();
        for message in world.items(&format!("/api/v1/conversations/{id}/messages?limit=200")).await {
            if let Some(wamid) = message["wamid"].as_str() {
                all.insert(wamid.to_owned(), message);
            }
        }
    }
    all
}

/// Nothing was given up and nothing was set apart.
async fn assert_nothing_lost(world: &World) {
    let letters = world.items("/api/v1/dead-letters").await;
    assert!(letters.is_empty(), "{letters:?}");
    let kept = world.items("/api/v1/quarantine").await;
    assert!(kept.is_empty(), "{kept:?}");
}

#[tokio::test]
async fn every_kind_of_message_is_taken_and_shown_with_its_type_and_text() {
    let world = World::start().await;
    let rows = shapes::all();
    for (at, (label, row, _)) in rows.iter().enumerate() {
        let wamid = format!("wamid.kind{at}");
        let body = value(json!({
            "contacts": [{ "profile": { "name": "Somebody" }, "wa_id": person(at) }],
            "messages": [message(&person(at), &wamid, world.now_ms(), row.clone())],
        }));
        assert_eq!(world.post(body).await, 200, "{label}");
    }
    world.wait_consumed().await;
    let shown = shown(&world).await;
    for (at, (label, row, text)) in rows.iter().enumerate() {
        let message = shown.get(&format!("wamid.kind{at}")).unwrap_or_else(|| panic!("{label} is not shown"));
        assert_eq!((&message["type"], &message["text"]), (&row["type"], &json!(text)), "{label}");
        assert_eq!((&message["direction"], &message["error"]), (&json!("in"), &Value::Null), "{label}");
        assert_eq!(message["raw"]["type"], row["type"], "{label}");
    }
    assert_nothing_lost(&world).await;
    world.end().await;
}

#[tokio::test]
async fn people_without_a_number_groups_and_errors_of_the_number_are_taken_and_shown() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let hidden = json!({ "from_user_id": "GB.7781902234411", "from_parent_user_id": "GB.ENT.1", "id": "wamid.hidden",
        "timestamp": (now_ms / 1_000).to_string(), "type": "text", "text": { "body": "guess who" } });
    let contact = json!({ "profile": { "name": "Ada", "username": "ada" }, "user_id": "GB.7781902234411" });
    assert_eq!(world.post(value(json!({ "contacts": [contact], "messages": [hidden] }))).await, 200);

    let mut group = text(ADA, "wamid.group", now_ms, "hello all");
    group["group_id"] = json!("120363000000000001");
    assert_eq!(world.post(value(json!({ "messages": [group] }))).await, 200);

    let broken = message(BEN, "wamid.broken", now_ms, json!({ "type": "interactive" }));
    let error = json!({ "code": 131000, "title": "Something went wrong", "message": "Something went wrong",
        "error_data": { "details": "Unsupported webhook payload" } });
    assert_eq!(world.post(value(json!({ "messages": [broken], "errors": [error] }))).await, 200);

    world.wait_consumed().await;
    let shown = shown(&world).await;
    for (wamid, kind, text) in [
        ("wamid.hidden", "text", "guess who"),
        ("wamid.group", "text", "hello all"),
        ("wamid.broken", "interactive", ""),
    ] {
        assert_eq!((&shown[wamid]["type"], &shown[wamid]["text"]), (&json!(kind), &json!(text)), "{wamid}");
    }
    assert_eq!(world.wait_replies("GB.7781902234411", 1).await, ["1: guess who"]);
    assert!(world.replies(ADA).is_empty(), "a group is never answered");
    assert_nothing_lost(&world).await;
    world.end().await;
}

#[tokio::test]
async fn somebody_seen_by_number_then_by_both_ids_then_by_user_id_is_one_conversation() {
    let world = World::start().await;
    let user_id = "GB.7781902234411";
    for (at, ids) in
        [json!({ "from": ADA }), json!({ "from": ADA, "from_user_id": user_id }), json!({ "from_user_id": user_id })]
            .into_iter()
            .enumerate()
    {
        let mut hello = text(ADA, &format!("wamid.one{at}"), world.now_ms(), "hello");
        hello.as_object_mut().unwrap().remove("from");
        hello.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        assert_eq!(world.post(value(json!({ "messages": [hello] }))).await, 200);
        world.wait_consumed().await;
    }
    assert_eq!(world.items("/api/v1/conversations").await.len(), 1);
    until("three replies", async || (world.accepted().len() == 3).then_some(())).await;
    let texts: Vec<_> = world.accepted().iter().map(|row| row.text.to_string()).collect();
    assert_eq!(texts, ["1: hello", "2: hello", "3: hello"]);
    world.end().await;
}

/// What may stand in a status beside its id, word and time.
fn status_shapes() -> Vec<(&'static str, &'static str, Value)> {
    let pricing = |kind: &str, category: &str| json!({ "billable": true, "pricing_model": "PMP", "type": kind, "category": category });
    let window =
        json!({ "id": "c0ffee", "origin": { "type": "referral_conversion" }, "expiration_timestamp": "1795340200" });
    let failed = json!([{ "code": 131026, "title": "Message undeliverable", "message": "Message undeliverable",
        "error_data": { "details": "Message Undeliverable." }, "href": "/documentation" }]);
    vec![
        ("sent", "sent", json!({ "pricing": pricing("regular", "service") })),
        (
            "sent in a free window",
            "sent",
            json!({ "pricing": pricing("free_entry_point", "referral_conversion"), "conversation": window }),
        ),
        ("delivered", "delivered", json!({ "pricing": pricing("free_customer_service", "utility") })),
        ("read", "read", json!({})),
        ("played", "read", json!({ "status": "played" })),
        (
            "to a user id",
            "delivered",
            json!({ "recipient_id": null, "recipient_user_id": "GB.1", "recipient_parent_user_id": "GB.ENT.1" }),
        ),
        ("of an identity", "sent", json!({ "recipient_identity_key_hash": "h1" })),
        (
            "to a group",
            "delivered",
            json!({ "recipient_type": "group", "recipient_id": "120363", "recipient_participant_id": ADA }),
        ),
        ("time as a number", "delivered", json!({ "timestamp": 1795340100 })),
        ("odd pricing", "sent", json!({ "pricing": [], "conversation": "x" })),
        ("of an older platform", "accepted", json!({ "status": "deleted" })),
        ("of tomorrow", "accepted", json!({ "status": "brand_new", "brand_new": {} })),
        ("failed", "failed", json!({ "errors": failed })),
        ("failed without a word", "failed", json!({ "errors": null })),
        ("failed with details as text", "failed", json!({ "errors": [{ "code": 131026, "error_data": "gone" }] })),
        ("failed with a code as text", "failed", json!({ "errors": [{ "code": "131026" }] })),
    ]
}

#[tokio::test]
async fn every_shape_of_status_is_applied_and_shown() {
    let world = World::start().await;
    let shapes = status_shapes();
    for at in 0..shapes.len() {
        world.write(&person(at), "hello").await;
        world.wait_replies(&person(at), 1).await;
        until("accepted", async || (world.messages(&person(at)).await[0]["status"] == "accepted").then_some(())).await;
    }
    for (at, (label, shown, members)) in shapes.iter().enumerate() {
        let row = world.accepted().into_iter().find(|row| *row.person == *person(at)).unwrap();
        let mut element =
            status(&row.wamid, &row.callback_data, if *shown == "accepted" { "sent" } else { shown }, world.now_ms());
        for (name, value) in members.as_object().unwrap() {
            element[name] = value.clone();
        }
        assert_eq!(world.post(statuses(&[element])).await, 200, "{label}");
        assert_eq!(world.messages(&person(at)).await[0]["status"], *shown, "{label}");
    }
    let letters = world.items("/api/v1/dead-letters").await;
    let failed = shapes.iter().filter(|(_, shown, _)| *shown == "failed").count();
    assert_eq!(letters.len(), failed, "only what failed: {letters:?}");
    assert!(world.items("/api/v1/quarantine").await.is_empty());
    world.end().await;
}
