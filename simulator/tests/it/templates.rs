//! The template store: review, pages, edits, deletion, and what Meta tells the business.

use serde_json::{Value, json};
use simulator::TemplateStatus;

use crate::support::{ACCOUNT, World, code, config};

fn definition(name: &str) -> Value {
    json!({ "name": name, "language": "en_US", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "Hi {{1}}", "example": { "body_text": [["Ada"]] } }] })
}

fn path(query: &str) -> String {
    format!("{ACCOUNT}/message_templates{query}")
}

fn send(name: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": "+447700900101", "type": "template",
        "template": { "name": name, "language": { "code": "en_US" },
            "components": [{ "type": "body", "parameters": [{ "type": "text", "text": "Ada" }] }] } })
}

#[tokio::test]
async fn a_created_template_is_reviewed_and_then_sent() {
    let mut world = World::start().await;
    let (status, created) = world.graph("POST", &path(""), definition("hello")).await;
    assert_eq!((status, &created["status"], &created["category"]), (200, &json!("PENDING"), &json!("UTILITY")));
    let webhook = world.webhook().await.json();
    let change = &webhook["entry"][0]["changes"][0];
    assert_eq!(change["field"], "message_template_status_update");
    assert_eq!(
        (&change["value"]["event"], &change["value"]["message_template_name"]),
        (&json!("APPROVED"), &json!("hello"))
    );
    assert!(change["value"]["message_template_id"].is_u64() && webhook["entry"][0]["time"].is_u64());
    let (status, _) = world.post(&send("hello")).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(world.handle.transcript(1).unwrap()[0].text, "Hi Ada");
    let statuses = world.webhooks(3).await;
    assert_eq!(statuses[0].value()["statuses"][0]["pricing"]["category"], "utility");
}

#[tokio::test]
async fn without_a_review_it_stays_pending_until_somebody_decides() {
    let mut config = config();
    config.approve_templates = false;
    let mut world = World::with(config).await;
    world.graph("POST", &path(""), definition("hello")).await;
    assert_eq!(code(&world.post(&send("hello")).await.unwrap()), (404, 132001));
    for (status, expected) in [("APPROVED", 0), ("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)] {
        let (_, changed) =
            world.control("POST", "/_sim/templates/hello/status", json!({ "status": status, "reason": "SCAM" })).await;
        assert_eq!(changed["changed"], 1);
        loop {
            let value = world.webhook().await.value();
            if value["event"].is_string() {
                assert_eq!((&value["event"], &value["reason"]), (&json!(status), &json!("SCAM")));
                break;
            }
        }
        assert_eq!(code(&world.post(&send("hello")).await.unwrap()).1, expected, "{status}");
    }
    assert_eq!(world.control("POST", "/_sim/templates/other/status", json!({ "status": "PAUSED" })).await.0, 404);
    assert_eq!(world.handle.set_template_status("hello", Some("de"), TemplateStatus::Approved, None), 0);
}

#[tokio::test]
async fn a_list_has_pages_filters_and_fields() {
    let world = World::start().await;
    for n in 0..5 {
        world.handle.put_template(&definition(&format!("t{n}"))).unwrap();
    }
    let (mut names, mut next) = (Vec::new(), path("?limit=2&fields=name,status"));
    loop {
        let (status, page) = world.graph("GET", &next, Value::Null).await;
        assert_eq!(status, 200);
        for row in page["data"].as_array().unwrap() {
            assert_eq!(row.as_object().unwrap().len(), 3, "id and what was asked for");
            names.push(row["name"].as_str().unwrap().to_owned());
        }
        assert!(page["paging"]["cursors"]["after"].is_string());
        let Some(url) = page["paging"]["next"].as_str() else { break };
        next = url.to_owned();
    }
    assert_eq!(names, ["t0", "t1", "t2", "t3", "t4"]);
    world.handle.set_template_status("t3", None, TemplateStatus::Paused, None);
    let (_, paused) = world.graph("GET", &path("?status=PAUSED"), Value::Null).await;
    assert_eq!((paused["data"].as_array().unwrap().len(), &paused["data"][0]["name"]), (1, &json!("t3")));
    for query in ["?limit=0", "?limit=x", "?after=zz", "?fields=nope"] {
        assert_eq!(code(&world.graph("GET", &path(query), Value::Null).await), (400, 100), "{query}");
    }
    assert_eq!(code(&world.graph("GET", "42/message_templates", Value::Null).await), (400, 100));
}

#[tokio::test]
async fn an_approved_template_is_edited_once_a_day() {
    let world = World::start().await;
    let id = world.handle.put_template(&definition("hello")).unwrap().id;
    let components = json!([{ "type": "BODY", "text": "Hello" }]);
    let edit = || json!({ "components": components });
    assert_eq!(world.graph("POST", &id, edit()).await, (200, json!({ "success": true })));
    assert_eq!(world.graph("GET", &id, Value::Null).await.1["components"], components);
    let (_, refused) = world.graph("POST", &id, edit()).await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["error_subcode"]), (&json!(100), &json!(2_388_039)));
    world.handle.advance(86_400_000);
    assert_eq!(world.graph("POST", &id, edit()).await.0, 200);
    for body in [json!({}), json!({ "components": [] }), json!({ "category": "MARKETING" })] {
        assert_eq!(code(&world.graph("POST", &id, body).await), (400, 100));
    }
    assert_eq!(code(&world.graph("POST", "42", edit()).await), (400, 100));
}

#[tokio::test]
async fn a_template_is_deleted_in_one_language_or_in_all() {
    let mut world = World::start().await;
    let german = json!({ "language": "de" });
    let mut other = definition("hello");
    other["language"] = german["language"].clone();
    world.handle.put_template(&definition("hello")).unwrap();
    let id = world.handle.put_template(&other).unwrap().id;
    assert_eq!(world.graph("DELETE", &path(&format!("?name=hello&hsm_id={id}")), Value::Null).await.0, 200);
    assert_eq!(world.handle.templates().len(), 1);
    let told = world.webhook().await.value();
    assert_eq!((&told["event"], &told["message_template_language"]), (&json!("DELETED"), &json!("de")));
    assert_eq!(world.graph("DELETE", &path("?name=hello"), Value::Null).await, (200, json!({ "success": true })));
    assert_eq!(code(&world.graph("DELETE", &path("?name=hello"), Value::Null).await), (400, 100));
    assert_eq!(code(&world.graph("DELETE", &path(""), Value::Null).await), (400, 100));
}

#[tokio::test]
async fn a_template_that_somebody_deletes_at_meta_is_told_of_and_gone() {
    let mut world = World::start().await;
    world.handle.put_template(&definition("hello")).unwrap();
    assert_eq!(world.control("DELETE", "/_sim/templates/hello", Value::Null).await.0, 200);
    assert_eq!(world.webhook().await.value()["event"], "DELETED");
    assert_eq!(code(&world.post(&send("hello")).await.unwrap()), (404, 132001));
    assert_eq!(world.control("DELETE", "/_sim/templates/hello", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_second_one_of_the_same_language_is_refused() {
    let world = World::start().await;
    world.handle.put_template(&definition("hello")).unwrap();
    let (status, refused) = world.graph("POST", &path(""), definition("hello")).await;
    assert_eq!((status, &refused["error"]["error_subcode"]), (400, &json!(2_388_024)));
    let (status, problem) = world.control("POST", "/_sim/templates", json!({ "name": "A" })).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("a-z"), "{problem}");
}
