//! Programs begin: messages and runs for people who may never have written.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, NUMBER, Setup, World, until};

async fn post(world: &World, path: &str, body: &Value, key: &str) -> (u16, Value) {
    let request = world.admin_call(Method::POST, path).header("idempotency-key", key).json(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub(crate) fn template(name: &str, text: &str) -> Value {
    let body = json!([{ "type": "body", "parameters": [{ "type": "text", "text": text }] }]);
    json!({ "type": "template", "template": { "name": name, "language": { "code": "en_US" }, "components": body } })
}

pub(crate) fn definition(name: &str, category: &str) -> Value {
    json!({ "name": name, "language": "en_US", "category": category,
        "components": [{ "type": "BODY", "text": "Hi {{1}}", "example": { "body_text": [["Ada"]] } }] })
}

#[tokio::test]
async fn a_template_begins_a_conversation_and_is_sent_once_for_a_key_also_after_a_restart() {
    let mut world = World::start().await;
    world.handle.put_template(&definition("hello", "UTILITY")).unwrap();
    let order = json!({ "to": format!("+{ADA}"), "message": template("hello", "Ada") });
    let (status, first) = post(&world, "/api/v1/messages", &order, "k1").await;
    assert_eq!((status, &first["state"]), (202, &json!("queued")), "{first}");
    assert_eq!(post(&world, "/api/v1/messages", &order, "k1").await.1["id"], first["id"]);
    assert_eq!(world.wait_replies(ADA, 1).await.len(), 1);
    let conversation = world.conversation(ADA).await;
    assert_eq!((&conversation["id"], &conversation["wa_id"]), (&first["conversation"], &json!(ADA)));
    let path = format!("/api/v1/messages/{}", first["id"].as_str().unwrap());
    let shown =
        until("it is accepted", async || Some(world.admin(&path).await).filter(|shown| shown["state"] == "accepted"));
    assert_eq!(shown.await["phone_number_id"], NUMBER);
    world.restart().await;
    assert_eq!(post(&world, "/api/v1/messages", &order, "k1").await.1["id"], first["id"]);
    world.write(ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 2).await.len(), 2, "the bot answers in the same conversation");
    assert_eq!(world.items("/api/v1/conversations").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_key_that_another_caller_uses_too_is_another_key() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let conversation = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let other = crate::roles::token(&world, "other", "responder", None).await;
    let text = |body: &str| json!({ "type": "text", "text": { "body": body } });
    let order = |body: &str| json!({ "to": ADA, "message": text(body) });
    for (key, path, first, second) in [
        ("k1", "/api/v1/messages".to_owned(), order("one"), order("two")),
        ("k2", format!("/api/v1/conversations/{conversation}/messages"), text("three"), text("four")),
    ] {
        let (status, one) = post(&world, &path, &first, key).await;
        assert_eq!(status, 202, "{one}");
        let url = format!("{}{path}", world.admin_url());
        let by_other = world.http.post(url).bearer_auth(&other).header("idempotency-key", key);
        let answer = by_other.json(&second).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{path}: it is no reuse");
        assert_ne!(answer.json::<Value>().await.unwrap()["id"], one["id"]);
        assert_eq!(post(&world, &path, &first, key).await.1["id"], one["id"], "one's own key still counts once");
    }
    assert_eq!(world.wait_replies(ADA, 5).await.len(), 5);
    world.end().await;
}

#[tokio::test]
async fn who_has_not_written_gets_templates_only_and_nobody_is_guessed() {
    let world = World::start().await;
    let text = json!({ "type": "text", "text": { "body": "hello" } });
    let send = async |to: &str, from: Option<&str>| {
        world.admin_post("/api/v1/messages", &json!({ "to": to, "from": from, "message": text })).await
    };
    let (status, closed) = send(ADA, None).await;
    assert_eq!((status, &closed["type"]), (409, &json!("/problems/window-closed")), "{closed}");
    assert!(world.items("/api/v1/conversations").await.is_empty(), "nothing begins with a refusal");
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let (status, placed) = send(ADA, Some(NUMBER)).await;
    assert_eq!(status, 202, "{placed}");
    assert_eq!(world.wait_replies(ADA, 2).await[1], "hello");
    assert_eq!(send(placed["conversation"].as_str().unwrap(), None).await.0, 202);
    for (to, from, status) in [
        ("07700900123", None, 422),
        ("nobody", None, 422),
        ("c_00000000000000000000000000", None, 404),
        (ADA, Some("1"), 404),
    ] {
        let (found, problem) = send(to, from).await;
        assert_eq!(found, status, "{to}: {problem}");
    }
    assert_eq!(world.admin_raw("/api/v1/messages/o_nonsense").await.status(), 404);
    world.end().await;
}

const BOT: &str = "parlance: 1\nid: first\ntriggers:\n  - api: { name: order.shipped }\n    to: shipped\n  \
    - default: {}\n    to: wait\nnodes:\n  wait: { type: wait, until_event: order.paid, next: { event: paid } }\n  \
    paid: { type: say, messages: [ { text: Paid. } ], next: { next: end } }\n  \
    shipped: { type: say, messages: [ { text: \"Parcel {{ input.data.parcel }}.\" } ], next: { next: end } }\n  \
    end: { type: end }\n";
const OTHER: &str = "parlance: 1\nid: second\ntriggers:\n  - api: { name: order.shipped }\n    to: shipped\nnodes:\n  \
    shipped: { type: say, messages: [ { text: \"Second {{ input.data.parcel }}.\" } ], next: { next: end } }\n  \
    end: { type: end }\n";

#[tokio::test]
async fn a_program_starts_a_run_for_whoever_it_names_and_another_bot_where_it_says_so() {
    let world = Setup::default().bot(BOT).also(OTHER).start().await;
    let run = |to: &str, bot: Option<&str>| json!({ "to": to, "bot": bot, "trigger": "order.shipped", "variables": { "parcel": "P7" } });
    world.write(BEN, "hi").await;
    until("the run waits", async || (world.conversation(BEN).await["state"] == "waiting").then_some(())).await;
    let (status, busy) = world.admin_post("/api/v1/runs", &run(BEN, Some("second"))).await;
    assert_eq!((status, &busy["type"]), (409, &json!("/problems/run-under-way")), "{busy}");
    assert_eq!(world.admin_post("/api/v1/runs", &json!({ "to": BEN, "trigger": "order.paid" })).await.0, 202);
    assert_eq!(world.wait_replies(BEN, 1).await, ["Paid."]);
    let (status, first) = post(&world, "/api/v1/runs", &run(BEN, None), "k1").await;
    assert_eq!((status, &first["trigger"]), (202, &json!("order.shipped")), "{first}");
    assert_eq!(world.wait_replies(BEN, 2).await[1], "Parcel P7.");
    assert_eq!(post(&world, "/api/v1/runs", &run(BEN, None), "k1").await.1["id"], first["id"]);
    assert_eq!(world.admin_post("/api/v1/runs", &run(BEN, Some("second"))).await.0, 202);
    assert_eq!(world.wait_replies(BEN, 3).await[2], "Second P7.");
    let (status, begun) = world.admin_post("/api/v1/runs", &run(ADA, None)).await;
    assert_eq!(status, 202, "{begun}");
    assert_eq!(world.conversation(ADA).await["id"], begun["conversation"]);
    for (body, status) in [
        (run(BEN, Some("none")), 404),
        (json!({ "to": BEN, "trigger": "order.lost" }), 422),
        (json!({ "to": BEN, "trigger": "order.shipped", "variables": [1] }), 422),
        (json!({ "to": "x", "trigger": "order.shipped" }), 422),
    ] {
        let (found, problem) = world.admin_post("/api/v1/runs", &body).await;
        assert_eq!(found, status, "{body}: {problem}");
    }
    world.end().await;
}
