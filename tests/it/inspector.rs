//! The webhook inspector: what came to the front door can be looked at, taken in again, and erased.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, SECRET, World, body, signature, text, until};

const PATH: &str = "/api/v1/webhooks";

/// The requests of a list once there are `count`, newest first.
async fn listed(world: &World, query: &str, count: usize) -> Vec<Value> {
    world.wait_items(&format!("{PATH}{query}"), count).await
}

async fn shown(world: &World, item: &Value) -> Value {
    world.admin(&format!("{PATH}/{}", item["id"].as_str().unwrap())).await
}

#[tokio::test]
async fn a_webhook_can_be_looked_at_with_its_bytes_and_what_became_of_it() {
    let mut world = World::start().await;
    let bytes = body(&[text(ADA, "wamid.look", world.now_ms(), "hello")]);
    assert_eq!(world.post(bytes.clone()).await, 200);
    let items = listed(&world, "?contains=wamid.look", 1).await;
    let item = &items[0];
    assert_eq!((&item["path"], &item["signature"], &item["parse"]), (&json!("webhook"), &json!("valid"), &json!("ok")));
    assert_eq!((&item["status"], &item["taken"]["accepted"]), (&json!(200), &json!(1)));
    assert_eq!(item["taken"]["numbers"], json!([crate::support::NUMBER]));
    world.wait_replies(ADA, 1).await;
    let detail = shown(&world, item).await;
    let raw = BASE64_STANDARD.decode(detail["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw, bytes.as_bytes());
    assert_eq!(detail["conversations"], json!([world.conversation(ADA).await["id"]]));
    let sig = signature(SECRET, bytes.as_bytes());
    assert!(!detail["headers"].to_string().contains(&sig), "what proves it is not kept whole");
    // What Meta sent and the inspector kept is there after a restart.
    world.restart().await;
    assert_eq!(shown(&world, item).await, detail);
    world.end().await;
}

#[tokio::test]
async fn what_comes_again_is_told_from_what_came_first() {
    let world = World::start().await;
    let (one, two) = (text(ADA, "wamid.one", world.now_ms(), "one"), text(ADA, "wamid.two", world.now_ms(), "two"));
    assert_eq!(world.post(body(std::slice::from_ref(&one))).await, 200);
    world.wait_replies(ADA, 1).await;
    world.clock.advance(60_000);
    assert_eq!(world.post(body(std::slice::from_ref(&one))).await, 200);
    world.clock.advance(1_000);
    assert_eq!(world.post(body(&[one, two])).await, 200);
    world.wait_replies(ADA, 2).await;
    world.clock.advance(1_000);
    assert_eq!(world.post("no json").await, 200);
    assert_eq!(world.post_signed("x", None).await.status(), 401);
    let mut told = Vec::new();
    for item in listed(&world, "", 5).await.iter().rev() {
        let shown = shown(&world, item).await;
        told.push((shown["verdict"].as_str().unwrap().to_owned(), shown["known"].as_u64().unwrap()));
    }
    let told: Vec<_> = told.iter().map(|(verdict, known)| (&**verdict, *known)).collect();
    assert_eq!(told, [("taken", 0), ("duplicate", 1), ("taken", 1), ("unreadable", 0), ("refused", 0)]);
    world.end().await;
}

#[tokio::test]
async fn of_unsigned_requests_there_is_a_sample_and_a_count() {
    let world = World::start().await;
    let long = "x".repeat(10_000);
    for n in 0..20 {
        let wrong = if n % 2 == 0 { None } else { Some("sha256=00") };
        assert_eq!(world.post_signed(long.clone(), wrong).await.status(), 401);
    }
    let items = listed(&world, "?signed=false", 6).await;
    assert_eq!(items.len(), 6);
    assert!(items.iter().all(|item| item["taken"].is_null() && item["body_bytes"] == 10_000));
    let raw = BASE64_STANDARD.decode(shown(&world, &items[0]).await["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw.len(), 2_048);
    let counts = world.admin(PATH).await["counts"].clone();
    assert_eq!((&counts["unsigned"], &counts["dropped"]), (&json!(20), &json!(0)));
    let refused = world
        .admin_post(&format!("{PATH}/{}/replay", items[0]["id"].as_str().unwrap()), &json!({ "dedupe": "keep" }))
        .await;
    assert_eq!((refused.0, &refused.1["type"]), (409, &json!("/problems/not-replayable")));
    world.end().await;
}

#[tokio::test]
async fn a_replay_is_harmless_unless_it_is_told_to_run_anew() {
    let world = World::start().await;
    world.write(ADA, "once").await;
    world.wait_replies(ADA, 1).await;
    let item = listed(&world, "?contains=once", 1).await.remove(0);
    let path = format!("{PATH}/{}/replay", item["id"].as_str().unwrap());
    let (status, done) = world.admin_post(&path, &json!({ "dedupe": "keep" })).await;
    assert_eq!((status, &done["status"], &done["taken"]["accepted"]), (200, &json!(200), &json!(1)));
    let (status, problem) = world.admin_post(&path, &json!({ "dedupe": "off" })).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/not-replayable")));
    assert_eq!(world.admin_post(&path, &json!({})).await.0, 422);
    world.wait_consumed().await;
    assert_eq!(world.replies(ADA).len(), 1, "what was known changed nothing");
    let (status, _) = world.admin_post(&path, &json!({ "dedupe": "off", "confirm": true })).await;
    assert_eq!(status, 200);
    world.wait_replies(ADA, 2).await;
    let again = listed(&world, "?contains=once", 2).await;
    assert!(again.iter().any(|other| other["replay_of"] == item["id"]));
    world.end().await;
}

#[tokio::test]
async fn requests_are_listed_in_pages_and_by_what_they_are() {
    let world = World::start().await;
    for n in 0..5 {
        world.write(ADA, &format!("message {n}")).await;
    }
    assert_eq!(world.post("no json".to_owned()).await, 200);
    listed(&world, "?contains=message", 5).await;
    let unreadable = until("the unreadable one", async || {
        let items = world.items(&format!("{PATH}?limit=200")).await;
        items.into_iter().find(|item| item["parse"] == "unreadable")
    })
    .await;
    assert_eq!(unreadable["taken"]["quarantined"], 1);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("{PATH}?limit=2&contains=message{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.windows(2).all(|two| two[0]["id"].as_str() > two[1]["id"].as_str()), "newest first");
    for (path, status) in [("/w_0000000000000000", 404), ("/nonsense", 404), ("?limit=0", 400), ("?cursor=x", 400)] {
        assert_eq!(world.admin_raw(&format!("{PATH}{path}")).await.status(), status, "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_mentions_a_person_can_be_erased() {
    let world = World::start().await;
    world.write(ADA, "erase me").await;
    world.write(BEN, "keep me").await;
    listed(&world, &format!("?contains={ADA}"), 1).await;
    listed(&world, &format!("?contains={BEN}"), 1).await;
    assert!(world.server().inspector().erase(vec![ADA.to_owned(), "1".to_owned()], false).await.unwrap() >= 1);
    assert!(world.items(&format!("{PATH}?contains={ADA}")).await.is_empty());
    assert!(!world.items(&format!("{PATH}?contains={BEN}")).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let mut world = World::start().await;
    world.set("webhooks.enabled", "false");
    world.restart().await;
    world.write(ADA, "not noted").await;
    world.wait_replies(ADA, 1).await;
    assert_eq!(world.admin(PATH).await["counts"]["enabled"], false);
    assert!(world.items(&format!("{PATH}?contains=not")).await.is_empty());
    world.end().await;
}
