//! Templates: read from Meta in pages, kept while Meta is down, and changed there.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Operation, Rule, TemplateStatus};

use crate::support::{Setup, World, until};

fn definition(name: &str) -> Value {
    json!({ "name": name, "language": "en_US", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "Hi {{1}}", "example": { "body_text": [["Ada"]] } }] })
}

fn setup() -> Setup {
    Setup::default().set("whatsapp.business_account_id", &simulator::Number::default().waba_id)
}

async fn status_of(world: &World, name: &str) -> Value {
    let items = world.items(&format!("/api/v1/templates?name={name}")).await;
    items.first().map_or(Value::Null, |item| item["status"].clone())
}

#[tokio::test]
async fn a_body_that_is_no_json_is_a_problem_as_all_others() {
    let world = World::start().await;
    let call = || world.admin_call(Method::POST, "/api/v1/templates");
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for (request, status) in [
        (call().body("{}"), 415),
        (call().header("content-type", "application/json").body("{"), 400),
        (call().header("content-type", "application/json").body(large), 413),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    world.end().await;
}

#[tokio::test]
async fn all_pages_are_read_and_what_meta_removes_is_marked() {
    let world = setup().start().await;
    for index in 0..230 {
        world.handle.put_template(&definition(&format!("t{index:03}"))).unwrap();
    }
    let (status, synced) = world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    assert_eq!(status, 200, "{synced}");
    assert!(synced["items"][0]["templates"].as_u64() >= Some(230), "{synced}");
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("/api/v1/templates?limit=200&language=en_US{cursor}")).await;
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(names.contains(&json!("t000")) && names.contains(&json!("t229")));
    assert_eq!(world.handle.delete_template("t117"), 1);
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    assert_eq!(status_of(&world, "t117").await, "REMOVED");
    assert_eq!(status_of(&world, "t118").await, "APPROVED");
    assert_eq!(world.items("/api/v1/templates?status=removed").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn the_catalogue_is_kept_while_meta_is_down_and_over_a_restart() {
    let mut world = setup().start().await;
    world.handle.put_template(&definition("hello")).unwrap();
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    world.trouble(vec![Rule { status: Some(503), ..Rule::on(Operation::Templates) }]);
    world.restart().await;
    let (status, problem) = world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    assert_eq!(status, 502, "{problem}");
    assert_eq!(status_of(&world, "hello").await, "APPROVED");
    assert!(world.admin("/api/v1/templates").await["accounts"][0]["error"].is_string());
    world.end().await;
}

#[tokio::test]
async fn the_list_is_read_again_by_itself() {
    let world = setup().start().await;
    until("the first list", async || {
        world.admin("/api/v1/templates").await["accounts"][0]["synced_at"].is_string().then_some(())
    })
    .await;
    world.handle.put_template(&definition("later")).unwrap();
    assert_eq!(status_of(&world, "later").await, Value::Null);
    until("the new template", async || {
        world.clock.advance(3_600_000);
        (status_of(&world, "later").await == "APPROVED").then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn templates_are_created_edited_and_deleted_with_the_words_of_meta() {
    let world = setup().start().await;
    let (status, created) = world.admin_post("/api/v1/templates", &definition("hello")).await;
    assert_eq!((status, &created["status"]), (201, &json!("PENDING")), "{created}");
    let id = created["id"].as_str().unwrap();
    let (status, refused) = world.admin_post("/api/v1/templates", &definition("hello")).await;
    assert_eq!(status, 422, "{refused}");
    assert!(refused["meta"]["code"].is_u64() && refused["hint"].is_string(), "{refused}");
    let mut bad = definition("bad");
    bad.as_object_mut().unwrap().remove("components");
    assert_eq!(world.admin_post("/api/v1/templates", &bad).await.0, 422);
    let (status, dry) = world.admin_post("/api/v1/templates?dry_run=true", &definition("dry")).await;
    assert_eq!((status, &dry["dry_run"]), (200, &json!(true)));
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    assert_eq!(world.admin(&format!("/api/v1/templates/{id}")).await["name"], "hello");
    assert_eq!(world.admin_post("/api/v1/templates/999", &json!({})).await.0, 404);
    let deleted = world.admin_call(Method::DELETE, "/api/v1/templates/hello").send().await.unwrap();
    assert_eq!(deleted.json::<Value>().await.unwrap()["languages"], json!(["en_US"]));
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    assert_eq!(status_of(&world, "hello").await, "REMOVED");
    world.end().await;
}

#[tokio::test]
async fn a_template_that_meta_pauses_shows_at_once_and_in_the_bots_that_use_it() {
    let bot = r#"
parlance: 1
id: greeter
triggers: [ { default: {}, to: greet } ]
nodes:
  greet: { type: template, name: hello, lang: en_US, params: { body: [ Ada ] }, next: { sent: fin, failed: fin } }
  fin: { type: end, reason: done }
"#;
    let world = setup().bot(bot).start().await;
    world.handle.put_template(&definition("hello")).unwrap();
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    let problems = async || world.items("/api/v1/bots").await[0]["problems"].as_array().unwrap().clone();
    assert!(problems().await.is_empty(), "{:?}", problems().await);
    assert_eq!(world.handle.set_template_status("hello", None, TemplateStatus::Paused, None), 1);
    until("the pause", async || (status_of(&world, "hello").await == "PAUSED").then_some(())).await;
    let found = problems().await;
    assert!(found[0]["message"].as_str().unwrap().contains("paused"), "{found:?}");
    world.end().await;
}
