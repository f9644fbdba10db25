//! Sends: what is accepted, and each refusal with Meta's code.

use serde_json::json;
use simulator::{Filter, Template, Trouble};

use crate::support::{NUMBER, PHONE_1, TOKEN, World, code, config, text_body};

#[tokio::test]
async fn a_send_is_accepted_in_metas_shape() {
    let world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    let (status, body) = world.send(PHONE_1, "hello").await;
    assert_eq!(status, 200);
    assert_eq!(body["messaging_product"], "whatsapp");
    assert_eq!(body["contacts"], json!([{ "input": "+447700900101", "wa_id": PHONE_1 }]));
    assert!(body["messages"][0]["id"].as_str().unwrap().starts_with("wamid."));
    let count = world.handle.count("obx:hello");
    assert_eq!((count.posts, count.accepted), (1, 1));
}

#[tokio::test]
async fn a_send_by_user_id_reaches_the_same_phone() {
    let world = World::start().await;
    world.handle.text(2, "hi").unwrap();
    let user_id = world.handle.phone(2).unwrap().user_id;
    let body = json!({ "messaging_product": "whatsapp", "recipient": user_id, "text": { "body": "by id" } });
    let (status, answer) = world.post(&body).await.unwrap();
    assert_eq!((status, &answer["contacts"]), (200, &json!([{ "input": user_id, "user_id": user_id }])));
    let entry = world.handle.next_message(2, crate::support::SOON).await.unwrap();
    assert_eq!(entry.text, "by id");
    assert_eq!(world.handle.ledger().unwrap().rows[0].person.as_ref(), "447700900102");
}

#[tokio::test]
async fn a_call_without_the_right_token_is_refused() {
    let world = World::start().await;
    for token in [None, Some("other")] {
        let mut request = world.http.post(world.messages_url()).json(&text_body(PHONE_1, "x"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&body["error"]["code"], &body["error"]["type"]), (&json!(190), &json!("OAuthException")));
        assert!(body["error"]["fbtrace_id"].is_string());
    }
}

#[tokio::test]
async fn an_unknown_number_is_no_object() {
    let world = World::start().await;
    let url = format!("{}/v25.0/42/messages", world.handle.base_url());
    let answer = world.http.post(url).bearer_auth(TOKEN).json(&text_body(PHONE_1, "x")).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&body["error"]["code"], &body["error"]["error_subcode"]), (&json!(100), &json!(33)));
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let world = World::start().await;
    for body in ["{".to_owned(), "[".repeat(100_000), " ".repeat(1_100_000)] {
        let answer = world.http.post(world.messages_url()).bearer_auth(TOKEN).body(body).send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.json().await.unwrap());
        assert_eq!(code(&(status, body)), (400, 100));
    }
}

#[tokio::test]
async fn a_refusal_carries_metas_error_data() {
    let world = World::start().await;
    let body = json!({ "messaging_product": "whatsapp", "to": "+447700900101", "text": {} });
    let (status, answer) = world.post(&body).await.unwrap();
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["message"], "(#131008) Required parameter is missing");
    let details = "The parameter text['body'] is required.";
    assert_eq!(answer["error"]["error_data"], json!({ "messaging_product": "whatsapp", "details": details }));
    assert_eq!(world.handle.stats().refused, 1);
}

#[tokio::test]
async fn the_window_is_closed_until_the_person_writes_and_again_a_day_later() {
    let world = World::start().await;
    assert_eq!(code(&world.send(PHONE_1, "too early").await), (400, 131047));
    world.handle.text(1, "hi").unwrap();
    assert_eq!(world.send(PHONE_1, "in time").await.0, 200);
    let (status, _) = world.control("POST", "/_sim/clock", json!({ "advance": "25h" })).await;
    assert_eq!(status, 200);
    assert_eq!(code(&world.send(PHONE_1, "too late").await), (400, 131047));
    assert!(world.handle.open_window(NUMBER, "+44 7700 900101"));
    assert_eq!(world.send(PHONE_1, "open again").await.0, 200);
}

#[tokio::test]
async fn a_template_needs_no_window_but_approval() {
    let mut config = config();
    config.templates = vec![Template { name: "order_update".into(), language: "en_US".into() }];
    let world = World::with(config).await;
    let template = |name: &str| {
        json!({ "messaging_product": "whatsapp", "to": "+447700900101", "type": "template",
                "template": { "name": name, "language": { "code": "en_US" } } })
    };
    let (status, body) = world.post(&template("order_update")).await.unwrap();
    assert_eq!((status, &body["messages"][0]["message_status"]), (200, &json!("accepted")));
    assert_eq!(code(&world.post(&template("spam")).await.unwrap()), (404, 132001));
}

#[tokio::test]
async fn metas_rates_hold_when_they_are_switched_on() {
    let world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.handle.text(2, "hi").unwrap();
    world.handle.set_trouble(Trouble { pair_rate: true, ..Trouble::default() }).unwrap();
    for n in 0..45 {
        assert_eq!(world.send(PHONE_1, &n.to_string()).await.0, 200);
    }
    assert_eq!(code(&world.send(PHONE_1, "46").await), (400, 131056));
    assert_eq!(world.send("447700900102", "other").await.0, 200);
    world.handle.set_trouble(Trouble { messages_per_second: Some(1), ..Trouble::default() }).unwrap();
    world.handle.advance(1_000);
    assert_eq!(world.send(PHONE_1, "first").await.0, 200);
    assert_eq!(code(&world.send(PHONE_1, "second").await), (429, 130429));
}

#[tokio::test]
async fn people_without_a_scripted_phone_are_accepted_when_the_window_is_not_enforced() {
    let mut config = config();
    config.enforce_window = false;
    let world = World::with(config).await;
    for n in 0..3 {
        assert_eq!(world.send("447700900999", &format!("m{n}")).await.0, 200);
    }
    let ledger = world.handle.ledger().unwrap();
    let texts: Vec<_> = ledger.by_person()["447700900999"].iter().map(|row| row.text.to_string()).collect();
    assert_eq!(texts, ["m0", "m1", "m2"]);
    assert_eq!(ledger.accepted()["obx:m1"], 1);
    assert_eq!(world.get("/_sim/ledger").await["rows"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_read_receipt_turns_the_ticks_of_earlier_messages_blue() {
    let mut world = World::start().await;
    let first = world.handle.text(1, "one").unwrap();
    let second = world.handle.text(1, "two").unwrap();
    let third = world.handle.text(1, "three").unwrap();
    world.webhooks(3).await;
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": second,
                       "typing_indicator": { "type": "text" } });
    assert_eq!(world.post(&read).await.unwrap(), (200, json!({ "success": true })));
    let rows = world.handle.transcript(1).unwrap();
    let status = |wamid: &str| rows.iter().find(|e| e.wamid == wamid).unwrap().status;
    assert_eq!((status(&first), status(&second)), (simulator::Progress::Read, simulator::Progress::Read));
    assert_ne!(status(&third), simulator::Progress::Read);
}

#[tokio::test]
async fn an_unknown_path_answers_100_and_the_log_keeps_the_near_miss() {
    let world = World::start().await;
    let url = format!("{}/v25.0/{NUMBER}/mesages", world.handle.base_url());
    let answer = world.http.post(url).bearer_auth(TOKEN).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["facebook-api-version"], "v25.0");
    let logged = world.handle.requests(&Filter { path: Some("mesages".into()), ..Filter::default() });
    let near_miss = logged[0].near_miss.as_deref().unwrap();
    assert!(near_miss.contains("`mesages` looks like `messages`"), "{near_miss}");
    assert_eq!(logged[0].code, Some(100));
}
