//! The reads of the admin port: the fields of the contract, and the metrics.

use std::collections::HashSet;

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{ADA, ADMIN_TOKEN, BEN, NUMBER, Setup, World, body, bots, message, person, until};

/// The status and the body of an error answer, which has the form of every error of this port.
pub(crate) async fn problem(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    (status, problem)
}

#[tokio::test]
async fn a_conversation_has_the_fields_of_the_contract() {
    let world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    for phone in [ADA, "%2B447700900901", "+447700900901", "%2B44%207700%20900901"] {
        let found = world.items(&format!("/api/v1/conversations?phone={phone}")).await;
        assert_eq!(found.len(), 1, "{phone}");
        let found = &found[0];
        assert_eq!((&found["wa_id"], &found["phone_number_id"]), (&ADA.into(), &NUMBER.into()));
        assert_eq!(
            (&found["state"], &found["bot"], &found["node"]),
            (&"waiting".into(), &"ask".into(), &"how_many".into())
        );
        assert!(found["id"].as_str().unwrap().starts_with("c_"));
        assert!(found["window_expires_at"].as_str().unwrap().ends_with('Z'));
    }
    for other in ["phone=447700900999", &format!("phone={ADA}&phone_number_id=999"), "phone_number_id=999"] {
        assert!(world.items(&format!("/api/v1/conversations?{other}")).await.is_empty(), "{other}");
    }
    assert_eq!(world.items(&format!("/api/v1/conversations?phone_number_id={NUMBER}")).await.len(), 1);

    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let shown = world.admin(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!((&shown["variables"]["asked"], &shown["id"]), (&1.into(), &id.as_str().into()));
    world.end().await;
}

#[tokio::test]
async fn every_message_is_in_the_transcript_with_the_fields_of_the_contract() {
    let world = Setup::default().bot(bots::ASK).start().await;
    let hello = world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let now_ms = world.now_ms();
    let image = json!({ "type": "image", "image": { "id": "9", "mime_type": "image/jpeg", "caption": "my receipt" } });
    let unsupported = json!({ "type": "unsupported", "errors": [{ "code": 131051 }] });
    let system = json!({ "type": "system", "system": { "body": "changed the number" } });
    let odd = [
        message(ADA, "wamid.img", now_ms, image),
        message(ADA, "wamid.uns", now_ms, unsupported),
        message(ADA, "wamid.sys", now_ms, system),
    ];
    assert_eq!(world.post(body(&odd)).await, 200);
    world.wait_consumed().await;
    let sent = until("the reply's id", async || {
        let messages = world.messages(ADA).await;
        messages.into_iter().find(|message| message["text"] == "How many?" && message["wamid"].is_string())
    })
    .await;
    assert_eq!((&sent["type"], &sent["direction"], &sent["error"]), (&"text".into(), &"out".into(), &Value::Null));
    assert_eq!(sent["raw"]["text"]["body"], "How many?");
    let messages = world.messages(ADA).await;
    let inbound = |wamid: &str| messages.iter().find(|message| message["wamid"] == wamid).unwrap();
    assert_eq!((&inbound(&hello)["type"], &inbound(&hello)["text"]), (&"text".into(), &"hi".into()));
    assert_eq!((&inbound("wamid.img")["type"], &inbound("wamid.img")["text"]), (&"image".into(), &"my receipt".into()));
    assert_eq!(inbound("wamid.uns")["type"], "unsupported");
    assert_eq!(inbound("wamid.sys")["type"], "system");
    for message in &messages {
        for field in ["id", "direction", "type", "text", "wamid", "status", "error", "at", "raw"] {
            assert!(message.get(field).is_some(), "{field}: {message}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_hides_no_other() {
    let world = World::start().await;
    for person in [ADA, BEN] {
        world.write(person, "hi").await;
        world.wait_replies(person, 1).await;
    }
    let id: storage::ConversationId = world.conversation(ADA).await["id"].as_str().unwrap().parse().unwrap();
    let store = world.server().store();
    let head = store.load(id).await.unwrap().unwrap();
    let damaged = storage::Turn {
        conversation: id,
        expected: head.revision,
        at_ms: world.now_ms(),
        consumed: Vec::new(),
        snapshot: bytes::Bytes::from_static(b"\xFFnot ours"),
        entries: Vec::new(),
        sends: Vec::new(),
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    };
    store.commit(store.fence(&storage::Partition(NUMBER.into())), damaged).await.unwrap();
    let all = world.items("/api/v1/conversations").await;
    assert_eq!((all.len(), all.iter().any(|item| item["wa_id"] == BEN)), (2, true), "{all:?}");
    let damaged = all.iter().find(|item| item["state"] == "damaged").unwrap();
    assert_eq!((&damaged["id"], damaged["problem"].is_string()), (&id.to_string().into(), true), "{damaged}");
    assert_eq!(world.items(&format!("/api/v1/conversations?phone={ADA}")).await, std::slice::from_ref(damaged));
    let answer = world.admin_raw(&format!("/api/v1/conversations/{id}")).await;
    let (status, problem) = problem(answer).await;
    assert_eq!(status, 500, "{problem}");
    world.end().await;
}

#[tokio::test]
async fn messages_that_wait_are_shown_before_the_first_turn() {
    let turn: std::sync::Arc<actors::TurnFunction> = std::sync::Arc::new(|_, _, _, _| panic!("never gets through"));
    let world = Setup::default().turn(turn).start().await;
    let wamid = world.write(ADA, "hello?").await;
    let store = world.server().store();
    let rows = store.pending(storage::InboxSeq(0), 1).await.unwrap();
    let id = actors::view::conversations_of(&**store, &rows).await.unwrap()[0];
    let items = world.items(&format!("/api/v1/conversations/{id}/messages")).await;
    assert_eq!((items.len(), &items[0]["wamid"], &items[0]["status"]), (1, &wamid.as_str().into(), &"waiting".into()));
    world.end().await;
}

#[tokio::test]
async fn the_metrics_parse_and_name_no_person() {
    let world = World::start().await;
    for at in 0..5 {
        world.write(&person(at), "a secret word").await;
        world.wait_replies(&person(at), 1).await;
    }
    assert_eq!(world.post_signed("x", None).await.status(), 401);
    assert_eq!(world.items("/api/v1/conversations").await.len(), 5);
    let answer = world.admin_raw("/metrics").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let page = answer.text().await.unwrap();
    assert!(page.ends_with("# EOF\n"));
    let mut names = HashSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
        let name = series.split('{').next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        names.insert(name);
    }
    for name in [
        "parlance_build_info",
        "parlance_http_requests_total",
        "parlance_http_request_duration_seconds_bucket",
        "parlance_webhook_events_total",
        "parlance_webhook_ack_seconds_count",
        "parlance_webhook_signature_failures_total",
        "parlance_actors",
        "parlance_mailbox_depth_max",
        "parlance_turn_duration_seconds_sum",
        "parlance_outbox_messages",
        "parlance_outbox_oldest_seconds",
        "parlance_outbox_attempts_total",
        "parlance_graph_request_duration_seconds_count",
        "parlance_store_commit_seconds_count",
        "parlance_store_bytes",
        "parlance_store_commit_batch_size_count",
    ] {
        assert!(names.contains(name), "{name} is missing:\n{page}");
    }
    assert!(
        page.contains(r#"listener="admin",route="/api/v1/conversations""#),
        "the admin port is counted by pattern:\n{page}"
    );
    for at in 0..5 {
        assert!(!page.contains(&person(at)), "a phone number:\n{page}");
    }
    let conversation = world.conversation(&person(0)).await["id"].as_str().unwrap().to_owned();
    for word in ["a secret word", "wamid", &conversation, ADMIN_TOKEN] {
        assert!(!page.contains(word), "{word}:\n{page}");
    }
    world.end().await;
}

#[tokio::test]
async fn metrics_can_be_switched_off() {
    let world = Setup::default().set("metrics.enabled", "false").start().await;
    assert_eq!(problem(world.admin_raw("/metrics").await).await.0, 404);
    world.end().await;
}
