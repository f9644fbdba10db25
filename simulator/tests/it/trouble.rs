//! Trouble: each kind does what it says, and no more.

use serde_json::{Value, json};
use simulator::{AutoStatus, Operation, Progress, Rule, Trouble};

use crate::support::{PHONE_1, SOON, TOKEN, World, code, config, text_body};

async fn world(rules: Vec<Rule>) -> World {
    let mut config = config();
    config.enforce_window = false;
    config.auto_status = AutoStatus::NONE;
    config.trouble = Trouble { rules, ..Trouble::default() };
    World::with(config).await
}

fn send() -> Rule {
    Rule { count: Some(1), ..Rule::on(Operation::Send) }
}

fn webhook() -> Rule {
    Rule { count: Some(1), ..Rule::on(Operation::WebhookMessage) }
}

#[tokio::test]
async fn an_answer_dropped_after_accepting_closes_the_connection_without_a_byte() {
    let world = world(vec![Rule { drop_after: true, ..send() }]).await;
    let error = world.post(&text_body(PHONE_1, "hello")).await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    let entry = world.handle.next_message(1, SOON).await.unwrap();
    assert_eq!(entry.text, "hello");
    let count = world.handle.count("obx:hello");
    assert_eq!((count.posts, count.accepted), (1, 1));
    let logged = &world.handle.requests(&Default::default())[0];
    assert_eq!((logged.status, logged.accepted, logged.trouble), (0, true, true));
    assert_eq!(world.send(PHONE_1, "again").await.0, 200, "the rule is used up");
}

#[tokio::test]
async fn a_call_dropped_before_is_not_accepted() {
    let world = world(vec![Rule { drop_before: true, ..send() }]).await;
    world.post(&text_body(PHONE_1, "hello")).await.unwrap_err();
    let count = world.handle.count("obx:hello");
    assert_eq!((count.posts, count.accepted), (1, 0));
    assert!(world.handle.transcript(1).unwrap().is_empty());
    assert_eq!(world.handle.stats().cut, 1);
}

#[tokio::test]
async fn codes_statuses_and_gateway_pages_are_answered_as_asked() {
    let rate = Rule { code: Some(130429), retry_after_s: Some(7), ..send() };
    let down = Rule { status: Some(503), ..send() };
    let page = Rule { status: Some(502), body: Some("<html>Bad Gateway</html>".into()), ..send() };
    let world = world(vec![rate, down, page]).await;
    let post = || world.http.post(world.messages_url()).bearer_auth(TOKEN).json(&text_body(PHONE_1, "x")).send();
    let answer = post().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(code(&(429, answer.json().await.unwrap())), (429, 130429));
    assert_eq!(code(&world.send(PHONE_1, "x").await), (503, 131000));
    let answer = post().await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert_eq!(answer.text().await.unwrap(), "<html>Bad Gateway</html>");
    assert_eq!(world.handle.count("obx:x").accepted, 0);
}

#[tokio::test]
async fn a_message_can_be_accepted_behind_a_failing_answer() {
    let world = world(vec![Rule { status: Some(502), body: Some("oops".into()), accept: true, ..send() }]).await;
    world.post(&text_body(PHONE_1, "hello")).await.unwrap_err();
    assert_eq!(world.handle.count("obx:hello").accepted, 1);
}

#[tokio::test]
async fn a_message_can_fail_later() {
    let mut world = world(vec![Rule { failed_status: Some(131047), ..send() }]).await;
    assert_eq!(world.send(PHONE_1, "hello").await.0, 200);
    let hook = world.webhook().await;
    assert_eq!(hook.status(), "failed");
    assert_eq!(hook.value()["statuses"][0]["errors"][0]["code"], 131047);
    assert_eq!(world.handle.transcript(1).unwrap()[0].status, Progress::Failed);
}

#[tokio::test]
async fn latency_delays_one_person_only() {
    let slow = Rule { latency_ms: 300, person: Some(PHONE_1.into()), ..Rule::on(Operation::Send) };
    let world = world(vec![slow]).await;
    let (late, early) = (text_body(PHONE_1, "late"), text_body("447700900102", "early"));
    let (late, early) = tokio::join!(world.post(&late), world.post(&early));
    assert_eq!((late.unwrap().0, early.unwrap().0), (200, 200));
    let rows = world.handle.ledger().unwrap().rows;
    assert_eq!(rows.iter().map(|r| &*r.text).collect::<Vec<_>>(), ["early", "late"]);
}

#[tokio::test]
async fn a_webhook_is_doubled() {
    let mut world = world(vec![Rule { duplicate: 4, ..webhook() }]).await;
    world.handle.text(1, "hi").unwrap();
    let hooks = world.webhooks(5).await;
    assert!(hooks.iter().all(|h| h.body == hooks[0].body && h.is_signed()));
    world.handle.text(1, "next").unwrap();
    assert_eq!(world.webhook().await.value()["messages"][0]["text"]["body"], "next");
    assert!(world.no_webhook());
}

#[tokio::test]
async fn a_webhook_is_overtaken_by_the_next_one() {
    let mut world = world(vec![Rule { reorder: true, ..webhook() }]).await;
    world.handle.text(1, "first").unwrap();
    world.handle.text(1, "second").unwrap();
    let texts = world.webhooks(2).await;
    let texts: Vec<_> = texts.iter().map(|h| h.value()["messages"][0]["text"]["body"].clone()).collect();
    assert_eq!(texts, ["second", "first"]);
}

#[tokio::test]
async fn a_webhook_that_nothing_overtakes_arrives_all_the_same() {
    let mut world = world(vec![Rule { reorder: true, ..webhook() }]).await;
    world.handle.text(1, "alone").unwrap();
    assert_eq!(world.webhook().await.value()["messages"][0]["text"]["body"], "alone");
}

#[tokio::test]
async fn a_wrong_signature_is_mended_by_the_next_try() {
    let unsigned = Rule { unsigned: true, ..webhook() };
    let wrong = Rule { wrong_signature: true, ..webhook() };
    let mut world = world(vec![unsigned, wrong]).await;
    world.answer(&[401, 401]);
    world.handle.text(1, "hi").unwrap();
    let hooks = world.webhooks(3).await;
    assert_eq!(hooks[0].signature, None);
    assert!(hooks[1].signature.is_some() && !hooks[1].is_signed());
    assert!(hooks[2].is_signed());
}

#[tokio::test]
async fn a_lost_webhook_never_comes() {
    let mut world = world(vec![Rule { lose: true, ..webhook() }]).await;
    world.handle.text(1, "lost").unwrap();
    world.handle.text(1, "found").unwrap();
    assert_eq!(world.webhook().await.value()["messages"][0]["text"]["body"], "found");
    assert_eq!(world.handle.stats().webhooks_lost, 1);
}

#[tokio::test]
async fn trouble_is_set_shown_and_cleared_over_http() {
    let world = world(vec![]).await;
    let rule = json!({ "on": "messages.send", "probability": 30, "code": 130429, "count": 5 });
    let (status, shown) = world.control("PUT", "/_sim/trouble", json!({ "rules": [rule] })).await;
    assert_eq!((status, &shown["rules"][0]), (200, &rule));
    for (bad, says) in [
        (json!({ "rules": [{ "on": "messages.send", "status": 42 }] }), "rule 1: status 42"),
        (json!({ "rules": [{ "on": "mesages.send" }] }), "unknown variant"),
        (json!({ "rules": [{ "on": "webhook", "dublicate": 2 }] }), "unknown field `dublicate`"),
    ] {
        let (status, problem) = world.control("PUT", "/_sim/trouble", bad).await;
        assert_eq!(status, 400);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    assert_eq!(world.handle.trouble().rules.len(), 1, "a refused rule changes nothing");
    let (_, cleared) = world.control("DELETE", "/_sim/trouble", json!(null)).await;
    assert_eq!(cleared["rules"], json!([]));
}

#[tokio::test]
async fn every_preset_of_the_page_is_a_rule() {
    let world = world(vec![]).await;
    let presets: Vec<Value> = serde_json::from_str(include_str!("../../../console/src/drawer/presets.json")).unwrap();
    for preset in &presets {
        let (status, answer) = world.control("PUT", "/_sim/trouble", json!({ "rules": [preset["rule"]] })).await;
        assert_eq!(status, 200, "{preset}: {answer}");
    }
    assert!(presets.len() > 10, "{}", presets.len());
}

#[tokio::test]
async fn a_closed_port_refuses_and_comes_back_at_the_same_address() {
    let world = world(vec![]).await;
    assert_eq!(world.send(PHONE_1, "before").await.0, 200);
    world.handle.close_port();
    let refused = async {
        while world.post(&text_body(PHONE_1, "meanwhile")).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, refused).await.unwrap();
    world.handle.open_port();
    let back = async {
        while world.post(&text_body(PHONE_1, "after")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, back).await.unwrap();
    assert_eq!(world.handle.count("obx:before").accepted, 1, "nothing is forgotten");
}
