//! `POST /api/v1/conversations/{id}/trigger`, forms and schedules, through the real server.

use serde_json::{Value, json};

use crate::support::{ADA, ADMIN_TOKEN, Setup, World, until};

const BOT: &str = "parlance: 1\nid: test\nflows: { visit: { id: \"8100200300\" } }\ntriggers:\n  \
    - api: { name: order.shipped }\n    to: shipped\n  \
    - keyword: { any: [form] }\n    to: form\n  - default: {}\n    to: wait\nnodes:\n  \
    wait: { type: wait, until_event: order.paid, next: { event: paid } }\n  \
    paid: { type: say, messages: [ { text: \"Paid {{ input.data.amount }}.\" } ], next: { next: end } }\n  \
    shipped: { type: say, messages: [ { text: \"Parcel {{ input.data.parcel }}.\" } ], next: { next: end } }\n  \
    form: { type: flow, flow: visit, prompt: Fill in, cta: Open, save: visit, next: { done: done } }\n  \
    done: { type: say, messages: [ { text: \"Day {{ visit.day }}, {{ visit | length }}.\" } ], next: { next: end } }\n  \
    news: { type: say, messages: [ { text: News. } ], next: { next: end } }\n  end: { type: end }\n";

async fn trigger(world: &World, id: &str, body: &Value, key: Option<&str>) -> (u16, Value) {
    let url = format!("http://{}/api/v1/conversations/{id}/trigger", world.server().admin);
    let mut request = world.http.post(url).bearer_auth(ADMIN_TOKEN).json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn waiting() -> (World, String) {
    let world = Setup::default().bot(BOT).start().await;
    world.write(ADA, "hi").await;
    let id = until("the run waits", async || {
        let seen = world.conversation(ADA).await;
        (seen["state"] == "waiting").then(|| seen["id"].as_str().unwrap().to_owned())
    });
    let id = id.await;
    (world, id)
}

#[tokio::test]
async fn another_program_lets_a_run_go_on_and_begins_one() {
    let (world, id) = waiting().await;
    let paid = json!({ "name": "order.paid", "data": { "amount": 12 } });
    let (status, first) = trigger(&world, &id, &paid, Some("k1")).await;
    assert_eq!((status, &first["name"], &first["conversation"]), (202, &json!("order.paid"), &json!(id)));
    assert_eq!(world.wait_replies(ADA, 1).await, ["Paid 12."]);
    assert_eq!(trigger(&world, &id, &paid, Some("k1")).await, (202, first));
    let other = json!({ "name": "order.paid", "data": { "amount": 13 } });
    let (status, reused) = trigger(&world, &id, &other, Some("k1")).await;
    assert_eq!((status, &reused["type"]), (422, &json!("/problems/idempotency-key-reused")));
    let shipped = json!({ "name": "order.shipped", "data": { "parcel": "P7" } });
    assert_eq!(trigger(&world, &id, &shipped, None).await.0, 202);
    assert_eq!(world.wait_replies(ADA, 2).await[1], "Parcel P7.");
    assert_eq!(world.messages(ADA).await.iter().filter(|message| message["direction"] == "in").count(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_no_bot_can_take_is_refused_with_the_reason() {
    let (world, id) = waiting().await;
    for (id, body, status, kind) in [
        ("c_1", json!({ "name": "order.paid" }), 404, "not-found"),
        (id.as_str(), json!({ "name": "order.eaten" }), 422, "unknown-trigger"),
        (id.as_str(), json!({ "name": "Order Paid" }), 422, "invalid-trigger"),
        (id.as_str(), json!({ "name": "order.paid", "data": "x".repeat(40_000) }), 422, "invalid-trigger"),
        (id.as_str(), json!({ "data": 1 }), 422, "invalid-body"),
        (id.as_str(), json!({ "name": "order.paid", "date": 1 }), 422, "invalid-body"),
    ] {
        let (got, problem) = trigger(&world, id, &body, None).await;
        assert_eq!((got, &problem["type"]), (status, &json!(format!("/problems/{kind}"))), "{problem}");
    }
    let echo = json!({ "from": "15550100100", "to": ADA, "id": "wamid.echo", "type": "text",
        "timestamp": (world.now_ms() / 1_000).to_string(), "text": { "body": "I look after you" } });
    let echoes = crate::people::field("smb_message_echoes", json!({ "message_echoes": [echo] }));
    assert_eq!(world.post(echoes).await, 200);
    until("staff took over", async || (world.conversation(ADA).await["state"] == "human").then_some(())).await;
    let (status, problem) = trigger(&world, &id, &json!({ "name": "order.paid" }), None).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/with-human")));
    world.end().await;
}

#[tokio::test]
async fn a_form_comes_back_to_the_run_that_sent_it() {
    let world = Setup::default().bot(BOT).start().await;
    world.handle.text(1, "form").unwrap();
    let offered = world.handle.next_message(1, crate::support::PATIENCE).await.unwrap();
    let response = json!({ "day": "mon" }).as_object().cloned().unwrap();
    let content = simulator::Content::FlowReply { wamid: offered.wamid, response };
    world.handle.send(1, &content.into()).unwrap();
    let reply = world.handle.next_message(1, crate::support::PATIENCE).await.unwrap();
    assert_eq!(reply.text, "Day mon, 1.");
    world.end().await;
}

#[tokio::test]
async fn a_schedule_comes_by_the_clock() {
    let bot = BOT
        .replace("triggers:\n", "triggers:\n  - { schedule: { cron: \"0 * * * *\" }, to: news, interrupt: always }\n");
    let world = Setup::default().bot(&bot).start().await;
    world.write(ADA, "hi").await;
    world.wait_consumed().await;
    world.clock.advance(3_600_000);
    assert_eq!(world.wait_replies(ADA, 1).await, ["News."]);
    world.end().await;
}
