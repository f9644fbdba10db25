//! Dead letters and what waits in the outbox, in the hands of an operator.

use chatbot::Input;
use serde_json::{Value, json};
use simulator::{Operation, Rule};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::begin::{definition, template};
use crate::support::{ADA, BEN, Setup, World, person, until};

fn refused(code: u32) -> Rule {
    Rule { code: Some(code), ..Rule::on(Operation::Send) }
}

async fn letters(world: &World, count: usize) -> Vec<Value> {
    world.wait_items("/api/v1/dead-letters?limit=200", count).await
}

#[tokio::test]
async fn letters_are_grouped_by_cause_in_plain_words() {
    let world = World::start().await;
    world.trouble(vec![refused(131_026)]);
    for at in 0..3 {
        world.write(&person(at), "hi").await;
    }
    letters(&world, 3).await;
    world.trouble(vec![refused(131_009)]);
    world.write(ADA, "hi").await;
    letters(&world, 4).await;
    let groups = world.items("/api/v1/dead-letters/groups").await;
    let counts: Vec<_> = groups.iter().map(|group| (&group["code"], &group["count"])).collect();
    assert_eq!(counts, [(&json!(131_026), &json!(3)), (&json!(131_009), &json!(1))], "{groups:?}");
    let known = whatsapp::graph::explain(131_026).unwrap();
    assert_eq!((&groups[0]["meaning"], &groups[0]["fix"]), (&json!(known.meaning), &json!(known.cure)));
    assert_eq!(world.items("/api/v1/dead-letters?code=131009").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_letter_goes_again_once_as_a_new_message_that_is_linked_to_the_old_one() {
    let world = World::start().await;
    world.trouble(vec![Rule { count: Some(2), ..refused(131_009) }]);
    world.write(ADA, "hi").await;
    let letter = letters(&world, 1).await.remove(0);
    let path = |verb: &str| format!("/api/v1/dead-letters/{}/{verb}", letter["id"].as_str().unwrap());
    world.write(BEN, "hi").await;
    letters(&world, 2).await;
    let (status, resolved) = world.admin_post(&path("retry"), &json!({})).await;
    assert_eq!((status, &resolved["state"]), (202, &json!("queued")), "{resolved}");
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hi"]);
    let (status, again) = world.admin_post(&path("retry"), &json!({})).await;
    assert_eq!((status, &again["type"]), (409, &json!("/problems/letter-resolved")));
    let sent = world.admin(&format!("/api/v1/outbox/{}", resolved["outbox"].as_str().unwrap())).await;
    assert_eq!(sent["message"]["retry_of"], letter["outbox"]);
    let shown = world.items("/api/v1/dead-letters?resolved=true").await.remove(0);
    assert_eq!(shown["resolved"]["outbox"], resolved["outbox"]);
    assert_eq!((&shown["resolved"]["how"], &shown["resolved"]["by"]), (&json!("retried"), &json!("admin-token")));

    let other = letters(&world, 1).await.remove(0);
    let path = |verb: &str| format!("/api/v1/dead-letters/{}/{verb}", other["id"].as_str().unwrap());
    let text = |body: &str| json!({ "message": { "type": "text", "text": { "body": body } } });
    assert_eq!(world.admin_post(&path("edit"), &text(&"x".repeat(5_000))).await.0, 422);
    assert_eq!(world.admin_post(&path("edit"), &text("changed")).await.0, 202);
    assert_eq!(world.wait_replies(BEN, 1).await, ["changed"]);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_letter_does_not_go_when_the_window_is_closed_and_is_dropped_with_a_reason() {
    let world = World::start().await;
    world.trouble(vec![refused(131_009)]);
    world.write(ADA, "hi").await;
    let letter = letters(&world, 1).await.remove(0);
    world.handle.clear_trouble();
    world.clock.advance(25 * 3_600_000);
    let path = |verb: &str| format!("/api/v1/dead-letters/{}/{verb}", letter["id"].as_str().unwrap());
    let (status, closed) = world.admin_post(&path("retry"), &json!({})).await;
    assert_eq!((status, &closed["type"]), (409, &json!("/problems/window-closed")));
    let (status, plan) = world.admin_post("/api/v1/dead-letters/retry?dry_run=true", &json!({ "all": true })).await;
    assert_eq!((status, &plan["letters"], &plan["retryable"]), (200, &json!(1), &json!(0)));
    assert_eq!(plan["skipped"], json!({ "window_closed": 1 }));
    assert_eq!(world.admin_post(&path("drop"), &json!({ "reason": " " })).await.0, 422);
    assert_eq!(world.admin_post(&path("drop"), &json!({ "reason": "too late" })).await.0, 200);
    assert_eq!(world.admin_post(&path("drop"), &json!({ "reason": "too late" })).await.0, 409);
    let shown = world.items("/api/v1/dead-letters?resolved=true").await.remove(0);
    assert_eq!(shown["resolved"]["why"], "too late");
    assert!(world.replies(ADA).is_empty());
    world.end().await;
}

#[tokio::test]
async fn no_ids_are_no_letters_rather_than_all_of_them() {
    let world = World::start().await;
    world.trouble(vec![refused(131_026)]);
    world.write(ADA, "hi").await;
    letters(&world, 1).await;
    for (verb, body) in [("retry", json!({ "ids": [] })), ("drop", json!({ "ids": [], "why": "x" }))] {
        for query in ["", "?dry_run=true"] {
            let path = format!("/api/v1/dead-letters/{verb}{query}");
            let (status, problem) = world.admin_post(&path, &body).await;
            assert_eq!((status, &problem["type"]), (422, &json!("/problems/invalid")), "{path}: {problem}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("ids is empty") && detail.contains("say all"), "{detail}");
        }
    }
    assert_eq!(letters(&world, 1).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn many_letters_go_again_spread_over_a_time() {
    let world = World::start().await;
    world.trouble(vec![refused(131_009)]);
    for at in 0..4 {
        world.write(&person(at), "hi").await;
    }
    letters(&world, 4).await;
    world.handle.clear_trouble();
    let body = json!({ "code": 131_009, "spread": "9m" });
    let (status, plan) = world.admin_post("/api/v1/dead-letters/retry?dry_run=true", &body).await;
    assert_eq!((status, &plan["retryable"], &plan["estimated_seconds"]), (200, &json!(4), &json!(540)), "{plan}");
    let (status, batch) = world.admin_post("/api/v1/dead-letters/retry", &body).await;
    assert_eq!((status, &batch["letters"]), (202, &json!(4)), "{batch}");
    until("the first one", async || (!world.accepted().is_empty()).then_some(())).await;
    world.wait_consumed().await;
    assert_eq!(world.accepted().len(), 1, "the others wait for their time");
    let path = format!("/api/v1/outbox/batches/{}", batch["id"].as_str().unwrap());
    let ended = until("all of them", async || {
        world.clock.advance(5_000);
        Some(world.admin(&path).await).filter(|batch| !batch["ended_at"].is_null())
    });
    assert_eq!(ended.await["retried"], 4);
    until("they were sent", async || (world.accepted().len() == 4).then_some(())).await;
    for (body, says) in [(json!({}), "which letters"), (json!({ "all": true, "code": 1 }), "which letters")] {
        let (status, problem) = world.admin_post("/api/v1/dead-letters/retry", &body).await;
        assert!(status == 422 && problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    let (status, dropped) = world.admin_post("/api/v1/dead-letters/drop", &json!({ "all": true, "why": "x" })).await;
    assert_eq!((status, &dropped["dropped"]), (200, &json!(0)));
    world.end().await;
}

#[tokio::test]
async fn a_message_that_a_bot_failed_on_runs_again_when_the_bot_is_mended() {
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let turn: Arc<actors::TurnFunction> = Arc::new(move |bot, before, input, given| {
        if is_broken.load(Ordering::SeqCst) && matches!(input, Input::Message(_)) {
            let (node, message) = ("answer".to_owned(), "it is made to fail".to_owned());
            return Err(chatbot::TurnError::Failed { node, message });
        }
        chatbot::turn(bot, before, input, given)
    });
    let world = Setup::default().turn(turn).start().await;
    world.write(ADA, "hello").await;
    let letter = letters(&world, 1).await.remove(0);
    assert_eq!((&letter["kind"], &letter["reason"]), (&json!("inbound"), &json!("bot_error")));
    broken.store(false, Ordering::SeqCst);
    let path = format!("/api/v1/dead-letters/{}/retry", letter["id"].as_str().unwrap());
    let (status, resolved) = world.admin_post(&path, &json!({})).await;
    assert_eq!((status, &resolved["state"]), (202, &json!("waiting")), "{resolved}");
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    until("it is resolved", async || world.items("/api/v1/dead-letters").await.is_empty().then_some(())).await;
    assert_eq!(world.messages(ADA).await.iter().filter(|message| message["direction"] == "in").count(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_message_in_doubt_is_released_or_dropped_by_an_operator() {
    let world = World::start().await;
    world.handle.put_template(&definition("hello", "UTILITY")).unwrap();
    let cut = Rule { drop_after: true, count: Some(2), ..Rule::on(Operation::Send) };
    world.trouble(vec![cut]);
    let send = async |to: &str| {
        let (_, placed) =
            world.admin_post("/api/v1/messages", &json!({ "to": to, "message": template("hello", "x") })).await;
        placed["id"].as_str().unwrap_or_else(|| panic!("{placed}")).to_owned()
    };
    let (first, second) = (send(ADA).await, send(BEN).await);
    world.wait_items("/api/v1/outbox?state=uncertain", 2).await;
    world.clock.advance(60_000);
    world.wait_items("/api/v1/outbox?state=held", 2).await;
    let (status, released) = world.admin_post(&format!("/api/v1/outbox/{first}/release"), &json!({})).await;
    assert_eq!(status, 200, "{released}");
    let path = format!("/api/v1/outbox/{first}");
    until("it was sent", async || (world.admin(&path).await["message"]["state"] == "accepted").then_some(())).await;
    assert_eq!(world.admin_post(&format!("/api/v1/outbox/{first}/release"), &json!({})).await.0, 409);
    let drop = json!({ "reason": "seen on the phone" });
    let (status, dropped) = world.admin_post(&format!("/api/v1/outbox/{second}/drop"), &drop).await;
    assert_eq!((status, &dropped["message"]["state"]), (200, &json!("dead")), "{dropped}");
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    let resolved = world.items("/api/v1/dead-letters?resolved=true").await.remove(0);
    assert_eq!((&resolved["reason"], &resolved["resolved"]["why"]), (&json!("dropped"), &json!("seen on the phone")));
    let conversation = world.conversation(BEN).await["id"].as_str().unwrap().to_owned();
    assert_eq!(world.items(&format!("/api/v1/outbox?conversation={conversation}")).await.len(), 1);
    assert_eq!(world.items("/api/v1/outbox?older_than=10s&state=dead").await.len(), 1);
    assert_eq!(world.items("/api/v1/outbox?older_than=10m").await.len(), 0);
    world.end().await;
}
