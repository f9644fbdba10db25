//! What is taken with 200 and goes wrong later, and what Meta says beside its answers.

use serde_json::{Value, json};
use simulator::{AutoStatus, Operation, Progress, Rule, Trouble};

use crate::support::{ACCOUNT, NUMBER, PHONE_1, TOKEN, World, code, config, text_body};

async fn world(trouble: Trouble) -> World {
    let mut config = config();
    config.trouble = trouble;
    config.auto_status = AutoStatus { read: false, ..AutoStatus::ALL };
    let world = World::with(config).await;
    world.handle.open_window(NUMBER, PHONE_1);
    world
}

fn rules(rules: Vec<Rule>) -> Trouble {
    Trouble { rules, ..Trouble::default() }
}

async fn failure(world: &mut World) -> Value {
    let status = world.webhook().await.value()["statuses"][0].clone();
    assert_eq!(status["status"], "failed", "{status}");
    status["errors"][0]["code"].clone()
}

#[tokio::test]
async fn a_closed_window_is_a_refusal_or_a_failure_later() {
    let mut world = world(Trouble::default()).await;
    world.handle.advance(25 * 3_600_000);
    assert_eq!(code(&world.send(PHONE_1, "refused").await), (400, 131047));
    let late = Trouble { window_fails_later: true, ..Trouble::default() };
    world.handle.set_trouble(late).unwrap();
    assert_eq!(world.send(PHONE_1, "later").await.0, 200);
    assert_eq!(failure(&mut world).await, 131047);
    world.handle.open_window(NUMBER, PHONE_1);
    assert_eq!(world.send(PHONE_1, "inside").await.0, 200);
    assert_eq!(world.webhook().await.status(), "sent");
}

#[tokio::test]
async fn a_link_that_cannot_be_fetched_fails_its_message_later() {
    let mut world = world(rules(vec![Rule::on(Operation::MediaFetch)])).await;
    let link = json!({ "link": "https://files.example/a.png" });
    let to = |kind: &str, content: Value| json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": kind, kind: content });
    let header = json!({ "type": "cta_url", "header": { "type": "image", "image": link }, "body": { "text": "x" },
        "action": { "name": "cta_url", "parameters": { "display_text": "Open", "url": "https://e.example" } } });
    for body in [to("image", link.clone()), to("document", link.clone()), to("interactive", header)] {
        assert_eq!(world.post(&body).await.unwrap().0, 200);
        assert_eq!(failure(&mut world).await, 131053, "{body}");
    }
    assert_eq!(world.send(PHONE_1, "no link").await.0, 200);
    assert_eq!(world.webhook().await.status(), "sent");
    world.webhook().await;
    let other = Rule { code: Some(131052), count: Some(1), ..Rule::on(Operation::MediaFetch) };
    world.handle.set_trouble(rules(vec![other])).unwrap();
    for expected in ["failed", "sent"] {
        assert_eq!(world.post(&to("image", link.clone())).await.unwrap().0, 200);
        assert_eq!(world.webhook().await.status(), expected);
    }
}

#[tokio::test]
async fn a_template_that_meta_judges_first_is_held_until_it_is_let_go() {
    let mut world = world(rules(vec![Rule { hold: true, count: Some(1), ..Rule::on(Operation::Send) }])).await;
    let offer = json!({ "name": "offer", "language": "en", "category": "UTILITY", "components": [{ "type": "BODY", "text": "Hi" }] });
    world.handle.put_template(&offer).unwrap();
    let send = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "template",
        "template": { "name": "offer", "language": { "code": "en" } } });
    let (_, held) = world.post(&send).await.unwrap();
    assert_eq!(held["messages"][0]["message_status"], "held_for_quality_assessment");
    let (_, next) = world.post(&send).await.unwrap();
    assert_eq!(next["messages"][0]["message_status"], "accepted");
    let ids: Vec<_> = world.webhooks(2).await.iter().map(|hook| hook.value()["statuses"][0]["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == next["messages"][0]["id"]), "nothing of the held one");
    let wamid = held["messages"][0]["id"].as_str().unwrap();
    world.handle.status(1, wamid, Progress::Delivered).unwrap();
    assert_eq!(world.webhook().await.status(), "delivered");
    world.handle.fail(1, wamid, 132015).unwrap();
    assert_eq!(failure(&mut world).await, 132015);
}

#[tokio::test]
async fn somebody_in_an_experiment_is_refused_or_fails_later() {
    let refuse = Rule { code: Some(130472), count: Some(1), person: Some(PHONE_1.into()), ..Rule::on(Operation::Send) };
    let later = Rule { failed_status: Some(130472), count: Some(1), ..Rule::on(Operation::Send) };
    let mut world = world(rules(vec![refuse, later])).await;
    assert_eq!(code(&world.send(PHONE_1, "x").await), (400, 130472));
    assert_eq!(world.send(PHONE_1, "y").await.0, 200);
    assert_eq!(failure(&mut world).await, 130472);
}

#[tokio::test]
async fn usage_headers_say_how_full_the_limits_are() {
    let near = Rule { usage_percent: Some(97), count: Some(1), ..Rule::on(Operation::Graph) };
    let over = Rule { code: Some(80007), regain_minutes: Some(5), count: Some(1), ..Rule::on(Operation::Send) };
    let world = world(rules(vec![near, over])).await;
    let post = || world.http.post(world.messages_url()).bearer_auth(TOKEN).json(&text_body(PHONE_1, "x")).send();
    let read = |answer: &reqwest::Response, name: &str| {
        let header = answer.headers().get(name)?.to_str().unwrap().to_owned();
        Some(serde_json::from_str::<Value>(&header).unwrap())
    };
    let taken = post().await.unwrap();
    assert_eq!(taken.status(), 200);
    assert_eq!(read(&taken, "x-app-usage").unwrap()["call_count"], 97);
    assert_eq!(read(&taken, "x-business-use-case-usage").unwrap()[ACCOUNT][0]["call_count"], 97);
    let refused = post().await.unwrap();
    let accounts = read(&refused, "x-business-use-case-usage").unwrap();
    assert_eq!(accounts[ACCOUNT][0]["estimated_time_to_regain_access"], 5);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], 80007);
    assert_eq!(read(&post().await.unwrap(), "x-app-usage"), None);
}

#[tokio::test]
async fn every_operation_has_trouble_of_its_own() {
    let world = world(Trouble::default()).await;
    let users = json!({ "messaging_product": "whatsapp", "block_users": [{ "user": PHONE_1 }] });
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A" });
    let calls = [
        (Operation::Send, "POST", format!("{NUMBER}/messages"), text_body(PHONE_1, "x")),
        (Operation::Read, "POST", format!("{NUMBER}/messages"), read),
        (Operation::MediaUpload, "POST", format!("{NUMBER}/media"), json!({})),
        (Operation::MediaGet, "GET", NUMBER.to_owned(), Value::Null),
        (Operation::MediaDelete, "DELETE", "42".to_owned(), Value::Null),
        (Operation::MediaDownload, "GET", format!("{}/_media/42", world.handle.base_url()), Value::Null),
        (Operation::Templates, "GET", format!("{ACCOUNT}/message_templates"), Value::Null),
        (Operation::Block, "POST", format!("{NUMBER}/block_users"), users),
        (Operation::Numbers, "GET", format!("{ACCOUNT}/phone_numbers"), Value::Null),
    ];
    for (on, _, _, _) in &calls {
        world.handle.set_trouble(rules(vec![Rule { code: Some(131057), ..Rule::on(*on) }])).unwrap();
        for (called, method, path, body) in &calls {
            let (_, answer) = world.graph(method, path, body.clone()).await;
            assert_eq!(answer["error"]["code"] == 131057, on == called, "{on:?} on {called:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_delayed_webhook_is_passed_by_those_of_others() {
    let slow = Rule { delay_ms: 200, count: Some(1), ..Rule::on(Operation::WebhookMessage) };
    let mut world = world(rules(vec![slow])).await;
    world.handle.text(1, "slow").unwrap();
    let armed = async {
        while !world.handle.trouble().rules.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::support::SOON, armed).await.unwrap();
    world.handle.text(2, "quick").unwrap();
    let texts: Vec<_> =
        world.webhooks(2).await.iter().map(|hook| hook.value()["messages"][0]["text"]["body"].clone()).collect();
    assert_eq!(texts, ["quick", "slow"]);
}
