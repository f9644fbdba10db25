//! Blocking people, at Meta.

use serde_json::{Value, json};

use crate::support::{ADA, NUMBER, World, until};

async fn id_of(world: &World, person: &str) -> String {
    world.conversation(person).await["id"].as_str().unwrap().to_owned()
}

async fn is_blocked(world: &World, id: &str) -> Value {
    world.admin(&format!("/api/v1/conversations/{id}")).await["blocked"].clone()
}

/// Everybody who is blocked, as Meta says now.
async fn refreshed(world: &World) -> Vec<Value> {
    let (status, answer) = world.admin_post("/api/v1/blocked/refresh", &json!(null)).await;
    assert_eq!((status, &answer["numbers"]), (200, &json!(1)), "{answer}");
    let items = world.items("/api/v1/blocked").await;
    assert_eq!(answer["people"], items.len(), "{answer}");
    items
}

#[tokio::test]
async fn a_person_is_blocked_and_unblocked_and_the_conversation_shows_it() {
    let mut world = World::start().await;
    world.handle.text(1, "hello").unwrap();
    let person = world.handle.phone(1).unwrap().wa_id;
    let id = id_of(&world, &person).await;
    assert_eq!(is_blocked(&world, &id).await, false);
    let (status, answer) = world.admin_post(&format!("/api/v1/conversations/{id}/block"), &json!(null)).await;
    assert_eq!((status, &answer["blocked"]), (200, &json!(true)), "{answer}");
    assert_eq!(is_blocked(&world, &id).await, true);
    world.restart().await;
    assert_eq!(is_blocked(&world, &id).await, true);
    let listed = refreshed(&world).await;
    assert_eq!((&listed[0]["person"], &listed[0]["phone_number_id"]), (&json!(person), &json!(NUMBER)));
    let (status, answer) = world.admin_post(&format!("/api/v1/conversations/{id}/unblock"), &json!(null)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(is_blocked(&world, &id).await, false);
    assert!(refreshed(&world).await.is_empty());
    assert_eq!(world.admin_raw("/api/v1/blocked?refresh=true").await.status(), 400, "reading changes nothing");
    world.end().await;
}

#[tokio::test]
async fn who_is_blocked_elsewhere_shows_after_the_next_reading() {
    let world = World::start().await;
    world.handle.text(1, "hello").unwrap();
    let person = world.handle.phone(1).unwrap().wa_id;
    let id = id_of(&world, &person).await;
    let url = format!("{}/v25.0/{NUMBER}/block_users", world.handle.base_url());
    let body = json!({ "messaging_product": "whatsapp", "block_users": [{ "user": format!("+{person}") }] });
    let call = world.http.post(url).bearer_auth(crate::support::ACCESS_TOKEN).json(&body);
    assert_eq!(call.send().await.unwrap().status(), 200);
    until("the block", async || {
        world.clock.advance(3_600_000);
        (is_blocked(&world, &id).await == true).then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn who_did_not_write_lately_cannot_be_blocked_and_meta_says_why() {
    let world = World::start().await;
    world.write(ADA, "hello").await;
    let id = id_of(&world, ADA).await;
    let (status, problem) = world.admin_post(&format!("/api/v1/conversations/{id}/block"), &json!(null)).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["meta"]["code"].is_u64(), "{problem}");
    assert_eq!(is_blocked(&world, &id).await, false);
    let (status, _) = world.admin_post("/api/v1/conversations/c_nobody/block", &json!(null)).await;
    assert_eq!(status, 404);
    world.end().await;
}
