//! What is asked for twice with one key happens once; and what the audit trail tells of how things were and became.

use reqwest::Method;
use serde_json::{Value, json};

use crate::begin::{definition, template};
use crate::support::{ADA, NUMBER, World, person};

async fn keyed(world: &World, path: &str, key: &str, body: &Value) -> (u16, bool, Value) {
    let call = world.admin_call(Method::POST, path).header("idempotency-key", key);
    let answer = call.json(body).send().await.unwrap();
    let replayed = answer.headers().get("idempotent-replay").is_some_and(|value| value == "true");
    (answer.status().as_u16(), replayed, answer.json().await.unwrap())
}

fn draft(people: usize) -> Value {
    let named = |at| json!({ "to": person(at), "variables": { "name": "Ada Lovelace of London" } });
    let people: Vec<_> = (0..people).map(named).collect();
    json!({ "name": "news", "draft": true, "message": template("news", "{{name}}"), "people": people })
}

#[tokio::test]
async fn a_broadcast_that_is_asked_for_twice_with_one_key_is_made_once_however_long_its_list_is() {
    let mut world = World::start().await;
    world.handle.put_template(&definition("news", "MARKETING")).unwrap();
    let body = draft(20_000);
    assert!(body.to_string().len() > 1024 * 1024, "longer than other requests may be");
    let (status, replayed, made) = keyed(&world, "/api/v1/broadcasts", "spring", &body).await;
    assert_eq!((status, replayed, &made["state"]), (201, false, &json!("draft")), "{made}");
    world.restart().await;
    assert_eq!(keyed(&world, "/api/v1/broadcasts", "spring", &body).await, (201, true, made));
    assert_eq!(world.items("/api/v1/broadcasts").await.len(), 1);
    let (status, _, problem) = keyed(&world, "/api/v1/broadcasts", "spring", &draft(1)).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    assert_eq!(keyed(&world, "/api/v1/broadcasts", "summer", &draft(1)).await.0, 201);
    world.end().await;
}

#[tokio::test]
async fn a_deed_that_comes_again_with_its_key_is_not_done_again_although_things_changed_meanwhile() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let path = |verb: &str| format!("/api/v1/conversations/{id}/{verb}");
    let revision = async || world.admin(&format!("/api/v1/conversations/{id}")).await["revision"].clone();
    let note = json!({ "text": "call after six" });
    let (status, _, noted) = keyed(&world, &path("notes"), "n1", &note).await;
    let after = revision().await;
    assert_eq!(keyed(&world, &path("notes"), "n1", &note).await, (status, true, noted));
    assert_eq!(revision().await, after, "there is one note");
    assert_eq!(keyed(&world, &path("takeover"), "t1", &json!({})).await.0, 200);
    assert_eq!(world.admin_post(&path("handback"), &json!({})).await.0, 202);
    world.wait_consumed().await;
    let (status, replayed, told) = keyed(&world, &path("takeover"), "t1", &json!({})).await;
    assert_eq!((status, replayed, &told["state"]), (200, true, &json!("human")));
    assert_ne!(world.conversation(ADA).await["state"], "human", "a request that comes late takes nothing over again");
    assert_eq!(keyed(&world, &path("takeover"), "t2", &json!({})).await.2["state"], "human");
    world.end().await;
}

#[tokio::test]
async fn the_trail_tells_how_things_were_and_became_and_why_and_no_words_of_people() {
    let world = World::start().await;
    world.handle.put_template(&definition("news", "MARKETING")).unwrap();
    world.write(ADA, "secret words").await;
    world.wait_replies(ADA, 1).await;
    let row = async |action: &str| world.items(&format!("/api/v1/audit?action={action}")).await.remove(0);
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    world.admin_post(&format!("/api/v1/conversations/{id}/takeover"), &json!({ "reason": "a refund" })).await;
    let taken = row("/takeover").await;
    assert_eq!((&taken["reason"], &taken["after"]["state"]), (&json!("a refund"), &json!("human")), "{taken}");
    assert_ne!(taken["before"]["state"], "human");
    world.admin_post(&format!("/api/v1/numbers/{NUMBER}/pause"), &json!({ "reason": "maintenance" })).await;
    let paused = row("/numbers/").await;
    assert_eq!((&paused["before"]["paused"], &paused["reason"]), (&Value::Null, &json!("maintenance")), "{paused}");
    assert!(paused["after"]["paused"].is_object(), "{paused}");
    let made = world.admin_post("/api/v1/broadcasts", &draft(2)).await.1;
    let broadcast = made["id"].as_str().unwrap();
    let created = row("/broadcasts").await;
    assert_eq!((&created["after"]["people"], &created["targets"]), (&json!(2), &json!([broadcast])), "{created}");
    world.admin_post(&format!("/api/v1/broadcasts/{broadcast}/cancel"), &json!({})).await;
    let ended = row("/cancel").await;
    assert_eq!(
        (&ended["before"]["state"], &ended["after"]["state"]),
        (&json!("draft"), &json!("cancelled")),
        "{ended}"
    );
    let opted = world.admin_post(&format!("/api/v1/contacts/{ADA}/opt-out"), &json!({})).await;
    assert_eq!(opted.0, 200);
    let opted = row("/opt-out").await;
    assert_eq!(
        (&opted["before"]["marketing_wanted"], &opted["after"]["marketing_wanted"]),
        (&Value::Null, &json!(false))
    );
    let reply = json!({ "name": "bye", "body": "Good bye!" });
    assert_eq!(world.admin_post("/api/v1/quick-replies", &reply).await.0, 201);
    assert_eq!(row("/quick-replies").await["after"]["name"], "bye");
    let all = world.admin_raw("/api/v1/audit/export").await.text().await.unwrap();
    for words in ["secret words", ADA, "Good bye!", &person(0), "Lovelace"] {
        assert!(!all.contains(words), "{words}");
    }
    world.end().await;
}

/// POSTs that an `Idempotency-Key` does nothing for, and why they need none.
const WITHOUT_A_KEY: [(&str, &str); 29] = [
    ("bots/check", "changes nothing"),
    ("bots/import", "changes nothing"),
    ("config/check", "changes nothing"),
    ("config/reload", "reads what the file has then"),
    ("contacts/import", "the same table makes the same of the same people"),
    ("contacts/{id}/erase", "who is gone stays gone"),
    ("conversations/{id}/block", "who is blocked stays so"),
    ("conversations/{id}/unblock", "who is not blocked stays so"),
    ("blocked/refresh", "reads Meta's list"),
    ("events/endpoints/{name}/resume", "a try is all that happens"),
    ("flow-keys/upload", "puts the same keys there again"),
    ("flow-keys/verify", "changes nothing"),
    ("flows/apply", "brings about what is wanted, once it is there nothing"),
    ("flows/plan", "changes nothing"),
    ("flows/sync", "reads Meta's list"),
    ("flows/{id}/deprecate", "what is deprecated stays so"),
    ("flows/{id}/preview", "changes nothing"),
    ("flows/{id}/publish", "what is published stays so"),
    ("login", "a session more harms nobody"),
    ("logout", "what has ended stays so"),
    ("me/password", "needs the password before"),
    ("media", "too long to be kept; a file by itself does nothing"),
    ("media/prune", "what is gone stays gone"),
    ("numbers/{id}/test", "changes nothing"),
    ("setup", "the link works once"),
    ("templates/sync", "reads Meta's list"),
    ("templates/{id}", "brings about what is said"),
    ("tokens", "its answer shows the token, which must not be kept; a name is taken once"),
    ("users", "a name is taken once"),
];

#[tokio::test]
async fn every_post_that_harms_by_being_repeated_counts_once_with_a_key() {
    let world = World::start().await;
    let document = world.admin("/api/v1/openapi.json").await;
    let mut wrong = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(parameters) = item.get("post").map(|post| post["parameters"].as_array().cloned().unwrap_or_default())
        else {
            continue;
        };
        let takes = parameters.iter().any(|parameter| {
            parameter["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("idempotency-key"))
        });
        let short = path.trim_start_matches("/api/v1/");
        if takes == WITHOUT_A_KEY.iter().any(|(known, _)| *known == short) {
            wrong.push(format!("{short}: {takes}"));
        }
    }
    assert!(wrong.is_empty(), "give these `.once()`, or a reason: {wrong:?}");
    world.end().await;
}
