//! What is for whom: a token of one number sees nothing of another, and a viewer nothing personal.

use reqwest::Method;
use serde_json::{Value, json};

use crate::numbers::{SISTER, STRANGER, three, write};
use crate::roles::token;
use crate::support::{ADA, BEN, NUMBER, World, until};

struct By<'w> {
    world: &'w World,
    token: String,
}

impl By<'_> {
    async fn ask(&self, method: Method, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.world.admin_url());
        let mut request = self.world.http.request(method.clone(), url).bearer_auth(&self.token);
        if method != Method::GET {
            request = request.json(&json!({ "type": "text", "text": { "body": "hi" } }));
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, text) = self.ask(Method::GET, path).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

async fn conversation(world: &World, number: &str) -> String {
    let path = format!("/api/v1/conversations?phone_number_id={number}");
    world.wait_items(&path, 1).await[0]["id"].as_str().unwrap().to_owned()
}

/// One with the first number, and one with a number of another app.
async fn two_conversations() -> (World, String, String) {
    let world = three().start().await;
    write(&world, NUMBER, ADA, "for the first").await;
    write(&world, STRANGER, BEN, "for the other").await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    let (own, other) = (conversation(&world, NUMBER).await, conversation(&world, STRANGER).await);
    (world, own, other)
}

#[tokio::test]
async fn a_token_of_one_number_sees_and_does_nothing_of_another() {
    let (world, own, other) = two_conversations().await;
    let by = By { world: &world, token: token(&world, "one", "operator", Some(&[NUMBER])).await };

    for path in ["conversations", "outbox", "dead-letters", "quarantine", "blocked", "media", "numbers"] {
        let shown = by.get(&format!("/api/v1/{path}?")).await.to_string();
        for hidden in [STRANGER, SISTER, BEN, &other, "for the other"] {
            assert!(!shown.contains(hidden), "{path}: {shown}");
        }
    }
    assert_eq!(by.get("/api/v1/conversations").await["items"][0]["id"], own.as_str());
    assert_eq!(by.get("/api/v1/numbers").await["items"].as_array().unwrap().len(), 1);
    assert!(!by.get("/api/v1/outbox").await["items"].as_array().unwrap().is_empty());
    let found = by.get(&format!("/api/v1/conversations?phone={BEN}")).await;
    assert!(found["items"].as_array().unwrap().is_empty(), "{found}");
    let status = by.get("/api/v1/status").await.to_string();
    assert!(status.contains(NUMBER) && !status.contains(STRANGER), "{status}");

    assert_eq!(by.ask(Method::GET, &format!("/api/v1/outbox?conversation={own}")).await.0, 200);
    assert_eq!(by.ask(Method::GET, &format!("/api/v1/outbox?conversation={other}")).await.0, 404);
    for part in ["", "/messages", "/journal", "/state"] {
        assert_eq!(by.ask(Method::GET, &format!("/api/v1/conversations/{own}{part}")).await.0, 200, "{part}");
        let (status, hidden) = by.ask(Method::GET, &format!("/api/v1/conversations/{other}{part}")).await;
        assert_eq!(status, 404, "{part}");
        // It looks as one that is not there.
        let absent = other.replace(char::is_numeric, "Z");
        let (_, unknown) = by.ask(Method::GET, &format!("/api/v1/conversations/{absent}{part}")).await;
        let kind = |text: &str| serde_json::from_str::<Value>(text).unwrap()["type"].clone();
        assert_eq!(kind(&hidden), kind(&unknown));
    }
    let sent = world.calls().len();
    for verb in ["messages", "handback", "block", "unblock", "trigger"] {
        let path = format!("/api/v1/conversations/{other}/{verb}");
        assert_eq!(by.ask(Method::POST, &path).await.0, 404, "{verb}");
    }
    // Spelt in another way, it is the same id to whoever decodes it.
    let coded = other.replacen('c', "%63", 1);
    for part in ["", "/messages", "/journal", "/state", "/test"] {
        let (status, answer) = by.ask(Method::GET, &format!("/api/v1/conversations/{coded}{part}")).await;
        assert_eq!(status, 404, "{part}: {answer}");
    }
    for verb in ["messages", "trigger", "block", "unblock", "takeover", "pause"] {
        let (status, answer) = by.ask(Method::POST, &format!("/api/v1/conversations/{coded}/{verb}")).await;
        assert_eq!(status, 404, "{verb}: {answer}");
    }
    let coded = own.replacen('c', "%63", 1);
    assert_eq!(by.ask(Method::GET, &format!("/api/v1/conversations/{coded}/journal")).await.0, 200, "its own one");
    for path in [format!("/api/v1/numbers/{STRANGER}/pause"), format!("/api/v1/numbers/{STRANGER}/resume")] {
        assert_eq!(by.ask(Method::POST, &path).await.0, 404, "{path}");
    }
    assert_eq!(by.ask(Method::GET, &format!("/api/v1/numbers/{STRANGER}")).await.0, 404);
    for path in ["/api/v1/bots/echo/rollback", "/api/v1/media/prune", "/api/v1/templates/sync", "/api/v1/flows/sync"] {
        assert_eq!(by.ask(Method::POST, path).await.0, 403, "{path} is of all numbers");
    }
    assert_eq!(by.ask(Method::GET, "/metrics").await.0, 403);
    assert_eq!(world.calls().len(), sent, "nothing left");
    assert_eq!(by.ask(Method::POST, &format!("/api/v1/conversations/{own}/messages")).await.0, 202);
    until("the own message", async || (world.calls().len() > sent).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn asking_for_the_head_of_an_answer_shows_no_more_than_the_answer() {
    let (world, own, other) = two_conversations().await;
    let one = By { world: &world, token: token(&world, "one", "operator", Some(&[NUMBER])).await };
    let viewer = By { world: &world, token: token(&world, "viewer", "viewer", None).await };
    let ask = async |by: &By<'_>, method: Method, path: &str| {
        let request = world.http.request(method, format!("{}{path}", world.admin_url())).bearer_auth(&by.token);
        let answer = request.send().await.unwrap();
        let length = answer.headers().get("content-length").and_then(|length| length.to_str().ok()).map(str::to_owned);
        (answer.status().as_u16(), length, answer.headers().contains_key("etag"))
    };
    for (by, path) in [
        (&one, format!("/api/v1/conversations/{other}")),
        (&one, "/api/v1/conversations".to_owned()),
        (&viewer, format!("/api/v1/conversations/{own}/journal")),
        (&viewer, "/api/v1/numbers".to_owned()),
    ] {
        let (get, head) = (ask(by, Method::GET, &path).await, ask(by, Method::HEAD, &path).await);
        assert_eq!(get, head, "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn who_is_blocked_by_other_numbers_is_in_no_page_and_no_cursor() {
    let world = three().start().await;
    for phone in [1, 2] {
        world.handle.text(phone, "hello").unwrap();
        let person = world.handle.phone(phone).unwrap().wa_id;
        let id = world.conversation(&person).await["id"].as_str().unwrap().to_owned();
        let (status, answer) = world.admin_post(&format!("/api/v1/conversations/{id}/block"), &json!(null)).await;
        assert_eq!(status, 200, "{answer}");
    }
    let path = "/api/v1/blocked?limit=1";
    assert!(world.admin(path).await["next_cursor"].is_string());
    let sister = By { world: &world, token: token(&world, "sister", "operator", Some(&[SISTER])).await };
    assert_eq!(sister.get(path).await, json!({ "items": [], "next_cursor": null }));
    assert_eq!(sister.get(&format!("{path}&phone_number_id={NUMBER}")).await["items"], json!([]));
    let own = By { world: &world, token: token(&world, "own", "operator", Some(&[NUMBER])).await };
    assert_eq!(own.get("/api/v1/blocked").await["items"].as_array().unwrap().len(), 2);
    let refresh = "/api/v1/blocked/refresh";
    assert_eq!(sister.ask(Method::POST, refresh).await, (200, json!({ "numbers": 1, "people": 0 }).to_string()));
    assert_eq!(sister.ask(Method::POST, &format!("{refresh}?phone_number_id={NUMBER}")).await.0, 404);
    let viewer = By { world: &world, token: token(&world, "viewer", "viewer", None).await };
    assert_eq!(viewer.ask(Method::POST, refresh).await.0, 403);
    world.end().await;
}

#[tokio::test]
async fn a_viewer_sees_that_something_was_said_and_not_what() {
    let world = World::start().await;
    world.write(ADA, "my secret sorrow").await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let by = By { world: &world, token: token(&world, "watcher", "viewer", None).await };
    let mut shown = String::new();
    for path in [
        "/api/v1/conversations".to_owned(),
        format!("/api/v1/conversations/{id}"),
        format!("/api/v1/conversations/{id}/messages"),
        format!("/api/v1/conversations/{id}/journal"),
        format!("/api/v1/conversations/{id}/state"),
        "/api/v1/outbox".to_owned(),
    ] {
        let page = by.get(&path).await.to_string();
        for personal in ["sorrow", ADA, "Somebody", "wamid."] {
            assert!(!page.contains(personal), "{path}: {page}");
        }
        shown.push_str(&page);
    }
    assert!(shown.contains(&id) && shown.contains("\"answer\"") && shown.contains("•••"), "{shown}");
    for probe in ["q=sorrow".to_owned(), format!("phone={ADA}")] {
        let (status, answer) = by.ask(Method::GET, &format!("/api/v1/conversations?{probe}")).await;
        assert_eq!(status, 403, "what is masked cannot be searched for: {answer}");
    }
    let responder = By { world: &world, token: token(&world, "helper", "responder", None).await };
    let page = responder.get(&format!("/api/v1/conversations/{id}/messages")).await.to_string();
    assert!(page.contains("my secret sorrow"), "{page}");
    world.end().await;
}
