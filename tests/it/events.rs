//! Outgoing events through the real server: signed, repeated, listed, replayed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::receiver::{Does, Receiver};
use crate::support::{ADA, BEN, NUMBER, Setup, World, until};

/// Emits what somebody writes; hands over to the front desk whoever asks for it.
const BOT: &str = r#"
parlance: 1
id: teller
triggers:
  - keyword: { any: [desk] }
    to: desk
  - default: {}
    to: tell
nodes:
  tell: { type: emit, event: order.placed, data: { text: "{{ input.text }}", n: "{{ 1 + 1 }}" }, next: { next: fin } }
  desk: { type: handoff, queue: front, message: One moment., next: { returned: fin } }
  fin: { type: end, reason: told }
"#;

fn secret(byte: u8) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode([byte; 32]))
}

fn setup(receiver: &Receiver) -> Setup {
    Setup::default()
        .bot(BOT)
        .set("events.endpoint.0.name", "crm")
        .set("events.endpoint.0.url", &receiver.url)
        .set("events.endpoint.0.secret", &secret(1))
        .set("events.timeout", "500ms")
}

async fn wait_got(receiver: &Receiver, count: usize) {
    until(&format!("{count} requests"), async || (receiver.got().len() >= count).then_some(())).await;
}

/// The delivery of the event of this type, once it is in this state.
async fn delivery(world: &World, kind: &str, state: &str) -> serde_json::Value {
    let path = format!("/api/v1/events/deliveries?type={kind}&state={state}");
    let id = world.wait_items(&path, 1).await[0]["id"].as_str().unwrap().to_owned();
    world.admin(&format!("/api/v1/events/deliveries/{id}")).await
}

#[tokio::test]
async fn events_arrive_signed_with_each_secret_and_are_listed() {
    let receiver = Receiver::start().await;
    let both = format!("{} {}", secret(1), secret(2));
    let world = setup(&receiver).set("events.endpoint.0.secret", &both).start().await;
    world.write(ADA, "two shirts").await;
    wait_got(&receiver, 2).await;
    for got in receiver.got() {
        assert!(got.is_signed_with(&secret(1)) && got.is_signed_with(&secret(2)) && !got.is_signed_with(&secret(3)));
        assert!(got.timestamp.abs_diff(world.now_ms() / 1_000) < 60);
    }
    let placed = receiver.of_type("bot.order.placed").remove(0);
    let data = &placed.body["data"];
    assert_eq!(data["payload"], json!({ "text": "two shirts", "n": 2 }));
    assert_eq!(
        (&data["wa_id"], &data["phone_number_id"], &data["bot"]),
        (&json!(ADA), &json!(NUMBER), &json!("teller"))
    );
    assert_eq!(data["conversation"], world.conversation(ADA).await["id"]);

    let shown = delivery(&world, "bot.order.placed", "delivered").await;
    assert_eq!((&shown["event"], &shown["endpoint"], &shown["tries"]), (&json!(placed.id), &json!("crm"), &json!(1)));
    assert_eq!((&shown["body"], &shown["last_status"]), (&placed.body, &json!(204)));
    let endpoints = until("nothing is pending", async || {
        let endpoints = world.items("/api/v1/events/endpoints").await;
        (endpoints[0]["pending"] == 0).then_some(endpoints)
    })
    .await;
    assert_eq!(endpoints[0]["state"], "ok");
    assert!(!endpoints[0].to_string().contains("do-not-show"), "{}", endpoints[0]);
    let metric = r#"parlance_event_attempts_total{endpoint="crm",outcome="delivered"}"#;
    assert!(world.metric(metric).await >= 1.0);
    assert!(world.metric(r#"parlance_outgoing_events_total{type="bot"}"#).await >= 1.0);
    world.end().await;
}

#[tokio::test]
async fn a_filter_of_types_lets_through_what_it_names() {
    let receiver = Receiver::start().await;
    let world = setup(&receiver).set("events.endpoint.0.types", "handoff.*,message.failed").start().await;
    world.write(ADA, "hello").await;
    world.write(BEN, "desk").await;
    wait_got(&receiver, 1).await;
    let id = world.conversation(BEN).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/conversations/{id}/handback");
    until("it is handed over", async || (world.conversation(BEN).await["state"] == "human").then_some(())).await;
    assert_eq!(world.admin_post(&path, &json!({ "outcome": "closed" })).await.0, 202);
    wait_got(&receiver, 2).await;
    let types: Vec<_> = receiver.got().iter().map(|got| got.body["type"].clone()).collect();
    assert_eq!(types, ["handoff.started", "handoff.ended"]);
    assert_eq!(receiver.got()[1].body["data"]["outcome"], "closed");
    world.end().await;
}

#[tokio::test]
async fn whatever_an_endpoint_does_it_is_tried_again_and_gets_each_event_in_the_end() {
    let receiver = Receiver::start().await;
    receiver.then([Does::Says(500), Does::Redirects, Does::Hangs, Does::Floods(503), Does::Floods(200)]);
    let world = setup(&receiver).set("events.endpoint.0.types", "bot.*").start().await;
    world.write(ADA, "hello").await;
    for tries in 1..=4 {
        let noted = until("the try is noted", async || {
            let items = world.items("/api/v1/events/deliveries?endpoint=crm").await;
            items.into_iter().find(|item| item["tries"] == tries && item["state"] == "pending")
        })
        .await;
        let shown = world.admin(&format!("/api/v1/events/deliveries/{}", noted["id"].as_str().unwrap())).await;
        let answer = shown["last_answer"].as_str().unwrap_or_default();
        match tries {
            1 => assert_eq!((&shown["last_status"], answer), (&json!(500), "the receiver  says no")),
            2 => assert!(shown["last_error"].as_str().unwrap().contains("redirects are not followed")),
            3 => assert_eq!(
                (&shown["last_status"], &shown["last_error"]),
                (&json!(null), &json!("no answer came in time"))
            ),
            _ => assert_eq!(answer.len(), 1_000, "of an endless body only the beginning is read"),
        }
        world.clock.advance(3 * 3_600_000);
    }
    delivery(&world, "bot.order.placed", "delivered").await;
    let got = receiver.got();
    assert_eq!(got.len(), 5);
    assert!(got.iter().all(|got| got.path == "/hook"));
    assert!(got.iter().all(|other| other.id == got[0].id && other.is_signed_with(&secret(1))));
    world.end().await;
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_given() {
    let receiver = Receiver::start().await;
    receiver.then([Does::AsksForPause]);
    let world = setup(&receiver).set("events.endpoint.0.types", "bot.*").start().await;
    world.write(ADA, "hello").await;
    wait_got(&receiver, 1).await;
    let paused = until("it is paused", async || {
        let item = world.items("/api/v1/events/endpoints").await.remove(0);
        item["paused_until"].is_string().then_some(item)
    });
    assert_eq!(paused.await["state"], "failing");
    world.write(BEN, "hello").await;
    world.wait_items("/api/v1/events/deliveries?state=pending", 2).await;
    assert_eq!(receiver.got().len(), 1);
    world.clock.advance(601_000);
    wait_got(&receiver, 3).await;
    world.end().await;
}

#[tokio::test]
async fn who_is_gone_is_left_alone_until_an_operator_resumes_it() {
    let receiver = Receiver::start().await;
    receiver.then([Does::Says(410)]);
    let mut world = setup(&receiver).set("events.endpoint.0.types", "bot.*").start().await;
    world.write(ADA, "hello").await;
    let gone = async |world: &World| {
        until("it is gone", async || {
            let item = world.items("/api/v1/events/endpoints").await.remove(0);
            (item["state"] == "gone").then_some(())
        })
        .await;
    };
    gone(&world).await;
    world.restart().await;
    gone(&world).await;
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(world.admin_post("/api/v1/events/endpoints/erp/resume", &json!({})).await.0, 404);
    assert_eq!(world.admin_post("/api/v1/events/endpoints/crm/resume", &json!({})).await.0, 200);
    wait_got(&receiver, 2).await;
    world.end().await;
}

#[tokio::test]
async fn deliveries_are_replayed_one_by_one_and_by_filter() {
    let receiver = Receiver::start().await;
    let mut world = setup(&receiver).set("events.endpoint.0.types", "bot.*").start().await;
    for text in ["one", "two"] {
        world.write(ADA, text).await;
    }
    wait_got(&receiver, 2).await;
    let path = "/api/v1/events/deliveries";
    let items = world.wait_items(&format!("{path}?state=delivered"), 2).await;
    let id = items[0]["id"].as_str().unwrap();
    let (status, answer) = world.admin_post(&format!("{path}/{id}/replay"), &json!({})).await;
    assert_eq!((status, &answer["state"]), (202, &json!("pending")));
    wait_got(&receiver, 3).await;
    assert_eq!(json!(receiver.got()[2].id), items[0]["event"]);
    let (status, answer) = world.admin_post(&format!("{path}/replay"), &json!({})).await;
    assert_eq!((status, answer["replayed"].as_u64()), (202, Some(0)), "none has failed");
    world.wait_items(&format!("{path}?state=delivered"), 2).await;
    let (_, answer) = world.admin_post(&format!("{path}/replay"), &json!({ "state": "delivered" })).await;
    assert_eq!(answer["replayed"].as_u64(), Some(2));
    wait_got(&receiver, 5).await;

    for (what, expected) in [
        (json!({ "state": "lost" }), 400),
        (json!({ "since": "yesterday" }), 400),
        (json!({ "limit": 0 }), 400),
        (json!({ "limit": 1_001 }), 400),
        (json!({ "cursor": "x" }), 400),
        (json!({ "nonsense": 1 }), 422),
    ] {
        assert_eq!(world.admin_post(&format!("{path}/replay"), &what).await.0, expected, "{what}");
    }
    let (_, answer) = world
        .admin_post(&format!("{path}/replay"), &json!({ "state": "delivered", "since": "2999-01-01T00:00:00Z" }))
        .await;
    assert_eq!(answer["replayed"].as_u64(), Some(0));
    assert_eq!(world.admin_post(&format!("{path}/evt_0.crm/replay"), &json!({})).await.0, 404);
    assert_eq!(world.admin_raw(&format!("{path}/evt_0.crm")).await.status(), 404);
    assert_eq!(world.admin_raw(&format!("{path}?state=lost")).await.status(), 400);
    world.set("events.endpoint.0.name", "erp");
    world.restart().await;
    assert_eq!(world.admin_post(&format!("{path}/{id}/replay"), &json!({})).await.0, 409);
    world.end().await;
}

#[tokio::test]
async fn a_message_that_meta_failed_later_is_told() {
    let receiver = Receiver::start().await;
    let world =
        setup(&receiver).bot(crate::support::bots::ECHO).set("events.endpoint.0.types", "message.*").start().await;
    world.write(ADA, "hello").await;
    let sent = world.wait_calls(1).await;
    let callback = sent[0].callback_data.clone().unwrap();
    world.wait_items("/api/v1/outbox?state=accepted", 1).await;
    let status = json!({ "id": "wamid.sent", "status": "failed", "recipient_id": ADA, "biz_opaque_callback_data": callback,
        "timestamp": (world.now_ms() / 1_000).to_string(),
        "errors": [{ "code": 131_026, "title": "Message undeliverable" }] });
    let value =
        json!({ "messaging_product": "whatsapp", "metadata": { "phone_number_id": NUMBER }, "statuses": [status] });
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }] });
    assert_eq!(world.post(body.to_string()).await, 200);
    wait_got(&receiver, 1).await;
    let got = receiver.got().remove(0);
    let data = &got.body["data"];
    assert_eq!((&got.body["type"], &data["reason"]), (&json!("message.failed"), &json!("failed")));
    assert!(
        data["detail"].as_str().unwrap().contains("131026") && data["outbox"].is_string() && data["wamid"].is_string()
    );
    assert!(got.is_signed_with(&secret(1)));
    world.end().await;
}
