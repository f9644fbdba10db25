//! The configuration of a running server: shown with its sources, checked, and read again.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ADA, Setup, World, body, signature, text};

async fn post(world: &World, path: &str, text: &str) -> (StatusCode, Value) {
    let call = world.admin_call(Method::POST, path).header("content-type", "application/toml");
    let answer = call.body(text.to_owned()).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// A person writes, and the webhook is signed with this secret.
async fn signed_with(world: &World, secret: &str, words: &str) -> StatusCode {
    let body = body(&[text(ADA, &world.wamid(), world.now_ms(), words)]);
    world.post_signed(body.clone(), Some(&signature(secret, body.as_bytes()))).await.status()
}

fn find<'a>(answer: &'a Value, key: &str) -> &'a Value {
    let items = answer["items"].as_array().unwrap();
    items.iter().find(|item| item["key"] == key).unwrap_or_else(|| panic!("{key} is not listed"))
}

#[tokio::test]
async fn every_setting_says_where_it_comes_from_and_secrets_only_whether_they_are_set() {
    let world = Setup::default().file("[outbox]\nmax_attempts = 5\n").start().await;
    let answer = world.admin("/api/v1/config").await;
    let attempts = find(&answer, "outbox.max_attempts");
    assert_eq!(
        (&attempts["value"], &attempts["origin"], &attempts["effect"]),
        (&json!(5), &json!("file"), &json!("live"))
    );
    assert_eq!(attempts["source"], "config.toml:2:16");
    let token = find(&answer, "whatsapp.access_token");
    assert_eq!((&token["value"], &token["set"], &token["secret"]), (&Value::Null, &json!(true), &json!(true)));
    assert_eq!(find(&answer, "server.max_body_bytes")["origin"], "default");
    assert!(!answer.to_string().contains(crate::support::ACCESS_TOKEN));
}

#[tokio::test]
async fn check_names_line_and_nearest_name_and_what_a_file_changes() {
    let world = Setup::default().file("").start().await;
    let (status, wrong) = post(&world, "/api/v1/config/check", "[outbox]\nmax_atempts = 5\n").await;
    assert_eq!(status, 200);
    let problem = &wrong["problems"][0];
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(15)));
    assert!(problem["help"].as_str().unwrap().contains("outbox.max_attempts"), "{problem}");
    let text = "[outbox]\nmax_attempts = 5\n[conversation]\nmax_live = 77\n";
    let (_, fine) = post(&world, "/api/v1/config/check", text).await;
    let changes: Vec<_> = fine["changes"].as_array().unwrap().iter().map(|one| (&one["key"], &one["effect"])).collect();
    assert_eq!(
        changes,
        [(&json!("conversation.max_live"), &json!("restart")), (&json!("outbox.max_attempts"), &json!("live"))]
    );
    assert_eq!(find(&world.admin("/api/v1/config").await, "outbox.max_attempts")["value"], 8);
}

#[tokio::test]
async fn reload_puts_into_effect_what_it_can_lists_the_rest_and_refuses_a_file_with_a_mistake() {
    let world = Setup::default().file("").start().await;
    let before = signed_with(&world, "secret-after-the-rotation", "hello").await;
    assert_eq!(before, 401);
    world.write_file(
        "[whatsapp]\napp_secret_previous = 'secret-after-the-rotation'\n[conversation]\nmax_live = 77\n[outbox]\nmax_attempts = 3\n",
    );
    let (status, dry) = post(&world, "/api/v1/config/reload?dry_run=true", "").await;
    assert_eq!((status, dry["changes"].as_array().unwrap().len()), (StatusCode::OK, 3));
    assert_eq!(find(&world.admin("/api/v1/config").await, "outbox.max_attempts")["value"], 8);
    let (status, _) = post(&world, "/api/v1/config/reload", "").await;
    assert_eq!(status, 200);
    assert_eq!(signed_with(&world, "secret-after-the-rotation", "hello").await, 200);
    let shown = world.admin("/api/v1/config").await;
    assert_eq!(find(&shown, "outbox.max_attempts")["value"], 3);
    let waits = find(&shown, "conversation.max_live");
    assert_eq!((&waits["value"], &waits["waiting"]), (&json!(10_000), &json!("77")));

    world.write_file("[outbox]\nmax_attempts = 'many'\n");
    let (status, refused) = post(&world, "/api/v1/config/reload", "").await;
    assert_eq!((status, &refused["problems"][0]["line"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(2)));
    assert_eq!(find(&world.admin("/api/v1/config").await, "outbox.max_attempts")["value"], 3);
    assert_eq!(signed_with(&world, "secret-after-the-rotation", "again").await, 200);

    world.write_file("");
    assert_eq!(post(&world, "/api/v1/config/reload", "").await.0, 200);
    assert_eq!(signed_with(&world, "secret-after-the-rotation", "too late").await, 401);
}
