//! `POST /api/v1/conversations/{id}/messages`.

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, ADA, ADMIN_TOKEN, World, until};

async fn post(world: &World, id: &str, body: &Value, key: Option<&str>) -> Response {
    let url = format!("http://{}/api/v1/conversations/{id}/messages", world.server().admin);
    let mut request = world.http.post(url).bearer_auth(ADMIN_TOKEN).json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.send().await.unwrap()
}

async fn answer(world: &World, id: &str, body: &Value, key: Option<&str>) -> (u16, Value) {
    let answer = post(world, id, body, key).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn text(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

async fn known(world: &World) -> String {
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    world.conversation(ADA).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_sent_once_for_a_key_and_shown_as_the_operators() {
    let world = World::start().await;
    let id = known(&world).await;
    let (status, first) = answer(&world, &id, &text("from us"), Some("k1")).await;
    assert_eq!((status, &first["state"]), (202, &json!("queued")), "{first}");
    assert!(first["id"].as_str().unwrap().starts_with("o_"));
    assert_eq!(answer(&world, &id, &text("from us"), Some("k1")).await, (202, first.clone()));
    let (status, reused) = answer(&world, &id, &text("another"), Some("k1")).await;
    assert_eq!((status, &reused["type"]), (422, &json!("/problems/idempotency-key-reused")));
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hi", "from us"]);
    let shown = until("it is shown", async || {
        world.messages(ADA).await.into_iter().find(|message| message["id"] == first["id"])
    })
    .await;
    assert_eq!((&shown["origin"], &shown["direction"]), (&json!("operator"), &json!("out")));
    world.write(ADA, "thanks").await;
    assert_eq!(world.wait_replies(ADA, 3).await[2], "2: thanks", "the bot goes on");
    world.end().await;
}

#[tokio::test]
async fn a_closed_window_takes_templates_only() {
    let world = World::start().await;
    let id = known(&world).await;
    world.clock.advance(24 * 3_600_000);
    let (status, closed) = answer(&world, &id, &text("late"), None).await;
    assert_eq!((status, &closed["type"]), (409, &json!("/problems/window-closed")));
    assert!(closed["window_expired_at"].is_string() && closed["hint"].as_str().unwrap().contains("template"));
    assert_eq!(world.replies(ADA).len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place_and_nothing_is_sent() {
    let world = World::start().await;
    let id = known(&world).await;
    let (status, invalid) = answer(&world, &id, &text(&"x".repeat(5_000)), None).await;
    assert_eq!((status, &invalid["type"]), (422, &json!("/problems/invalid-message")));
    let error = &invalid["errors"][0];
    assert_eq!((&error["field"], &error["actual"]), (&json!("text.body"), &json!(5_000)));
    for nowhere in ["c_00000000000000000000000000", "nonsense"] {
        assert_eq!(answer(&world, nowhere, &text("hi"), None).await.0, 404, "{nowhere}");
    }
    assert_eq!(post(&world, &id, &text("hi"), Some("")).await.status(), 400);
    let url = format!("http://{}/api/v1/conversations/{id}/messages", world.server().admin);
    let unsigned = world.http.post(&url).bearer_auth(ACCESS_TOKEN).json(&text("hi")).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let odd = world.http.post(&url).bearer_auth(ADMIN_TOKEN).header("content-type", "application/json").body("{");
    assert_eq!(odd.send().await.unwrap().status(), 400);
    assert_eq!(world.replies(ADA).len(), 1);
    world.end().await;
}
