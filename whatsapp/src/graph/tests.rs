//! The calls beside sending, against a server of a few lines.

mod flows;
mod media;

use serde_json::{Value, json};

use super::fake::{Fake, TOKEN, answer, ok};
use super::*;
use crate::message::Recipient;

const NUMBER: &str = "700800900100200";
const ACCOUNT: &str = "300100200300400";
const DONE: &str = r#"{"success":true}"#;

fn token() -> secrecy::SecretString {
    TOKEN.into()
}

/// The first line of a request.
fn line(request: &str) -> &str {
    request.lines().next().unwrap()
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn read_mark_goes_with_and_without_typing() {
    let fake = Fake::new(vec![ok(DONE), ok(DONE)]).await;
    let client = fake.client();
    client.mark_read(NUMBER, &token(), "wamid.IN1").await.unwrap();
    client.mark_read_and_type(NUMBER, &token(), "wamid.IN1").await.unwrap();
    let requests = fake.requests().await;
    assert_eq!(line(&requests[0]), "POST /v25.0/700800900100200/messages HTTP/1.1");
    assert!(requests[0].contains("authorization: Bearer token-of-tests\r\n"));
    let mark = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN1" });
    assert_eq!(body(&requests[0]), mark);
    assert_eq!(body(&requests[1])["typing_indicator"], json!({ "type": "text" }));
}

#[tokio::test]
async fn call_that_can_be_repeated_is_never_ambiguous() {
    for wire in [String::new(), answer("502 Bad Gateway", "", "<html>"), ok("{}"), ok(r#"{"success":false}"#)] {
        let fake = Fake::new(vec![wire]).await;
        let error = fake.client().mark_read(NUMBER, &token(), "wamid.IN1").await.unwrap_err();
        assert!(matches!(error, CallError::Unanswered(_)), "{error}");
        assert_eq!((error.outcome(), error.to_record().code), (Outcome::Retry, None));
    }
}

#[tokio::test]
async fn graph_error_of_any_call_has_its_outcome() {
    let refused = answer("400 Bad Request", "", r#"{"error":{"message":"m","code":190,"fbtrace_id":"AbC123"}}"#);
    let fake = Fake::new(vec![refused]).await;
    let error = fake.client().templates(ACCOUNT, &token()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::PauseNumber);
}

#[tokio::test]
async fn ids_that_are_none_reach_no_address() {
    let fake = Fake::new(vec![]).await;
    let client = fake.client();
    for id in ["", "..", "a/b", "7?x"] {
        assert!(matches!(client.mark_read(id, &token(), "w").await, Err(CallError::NotSent(_))));
        assert!(matches!(client.delete_media(id, &token()).await, Err(CallError::NotSent(_))));
        assert!(matches!(client.edit_template(id, &token(), &json!({})).await, Err(CallError::NotSent(_))));
    }
}

#[tokio::test]
async fn usage_headers_are_remembered() {
    let headers = "x-app-usage: {\"call_count\":97}\r\n\
        x-business-use-case-usage: {\"300100200300400\":[{\"call_count\":12}]}\r\n";
    let fake = Fake::new(vec![answer("200 OK", headers, DONE), ok(DONE)]).await;
    let client = fake.client();
    assert_eq!(client.usage(), Usage::default());
    client.mark_read(NUMBER, &token(), "w").await.unwrap();
    client.clone().mark_read(NUMBER, &token(), "w").await.unwrap();
    assert!(client.usage().of(ACCOUNT).is_near_limit());
    assert_eq!(client.usage().accounts[ACCOUNT].percent, 12);
}

fn template(name: &str) -> Value {
    json!({ "id": "1", "name": name, "language": "en_US", "status": "APPROVED", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "Hi" }] })
}

fn page(elements: Vec<Value>, paging: Value) -> String {
    // without a length: the name of the host is put in later
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", json!({ "data": elements, "paging": paging }))
}

#[tokio::test]
async fn pages_are_followed_while_there_is_a_next_one() {
    let fake = Fake::new(vec![
        page(
            vec![template("a"), json!({ "name": "odd" })],
            json!({ "cursors": { "after": "c/1" }, "next": "http://HOST/x?after=c1" }),
        ),
        page(vec![template("b")], json!({ "next": "http://HOST/v25.0/next?after=c2" })),
        page(vec![template("c")], json!({ "cursors": { "after": "c3" } })),
    ])
    .await;
    let all = fake.client().templates(ACCOUNT, &token()).await.unwrap();
    let names: Vec<_> = all.iter().map(|template| template.name.as_str()).collect();
    assert_eq!((names, all[0].status.as_str()), (vec!["a", "b", "c"], "APPROVED"));
    let requests = fake.requests().await;
    assert!(
        line(&requests[0]).starts_with("GET /v25.0/300100200300400/message_templates?fields=id%2Cname"),
        "{}",
        requests[0]
    );
    assert!(line(&requests[1]).ends_with("&limit=100&after=c%2F1 HTTP/1.1"), "{}", requests[1]);
    assert_eq!(line(&requests[2]), "GET /v25.0/next?after=c2 HTTP/1.1");
}

#[tokio::test]
async fn page_on_another_host_is_not_asked() {
    let fake = Fake::new(vec![page(vec![], json!({ "next": "https://elsewhere.example/x" }))]).await;
    let error = fake.client().templates(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("elsewhere.example")), "{error}");
    assert_eq!(error.outcome(), Outcome::Permanent);
}

#[tokio::test]
async fn pages_in_a_circle_and_without_an_end_are_left() {
    let circle = page(vec![template("a")], json!({ "cursors": { "after": "c" }, "next": "http://HOST/same" }));
    let fake = Fake::new(vec![circle.clone(), circle]).await;
    let error = fake.client().templates(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("earlier one")), "{error}");
    let endless = (0..100).map(|i| page(vec![], json!({ "next": format!("http://HOST/{i}") }))).collect();
    let fake = Fake::new(endless).await;
    let error = fake.client().templates(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("100 pages")), "{error}");
}

#[tokio::test]
async fn template_is_created_edited_and_deleted() {
    let created = r#"{"id":"77","status":"PENDING","category":"UTILITY"}"#;
    let fake = Fake::new(vec![ok(created), ok(DONE), ok(DONE), ok(DONE)]).await;
    let (client, token) = (fake.client(), token());
    let definition = json!({ "name": "hello", "language": "en", "category": "UTILITY", "components": [] });
    let answer = client.create_template(ACCOUNT, &token, &definition).await.unwrap();
    assert_eq!((answer.id.as_str(), answer.status.as_deref()), ("77", Some("PENDING")));
    client.edit_template("77", &token, &json!({ "category": "MARKETING" })).await.unwrap();
    client.delete_template(ACCOUNT, &token, "hello", "77").await.unwrap();
    client.delete_templates_named(ACCOUNT, &token, "hello").await.unwrap();
    assert!(matches!(client.delete_template(ACCOUNT, &token, "hello", "").await, Err(CallError::NotSent(_))));
    let requests = fake.requests().await;
    assert_eq!(body(&requests[0]), definition);
    let lines: Vec<_> = requests.iter().map(|request| line(request)).collect();
    assert_eq!(
        lines,
        [
            "POST /v25.0/300100200300400/message_templates HTTP/1.1",
            "POST /v25.0/77 HTTP/1.1",
            "DELETE /v25.0/300100200300400/message_templates?name=hello&hsm_id=77 HTTP/1.1",
            "DELETE /v25.0/300100200300400/message_templates?name=hello HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn people_are_blocked_unblocked_and_listed() {
    let blocked = r#"{"messaging_product":"whatsapp","block_users":{"added_users":[{"input":"+447700900123","wa_id":"447700900123"}],
        "failed_users":[{"input":"GB.1","errors":[{"code":139100,"message":"m","error_data":{"details":"d"}}]}]}}"#;
    let unblocked = r#"{"block_users":{"removed_users":[{"input":"+447700900123"}]}}"#;
    let list = page(vec![json!({ "wa_id": "447700900123" }), json!({ "user_id": "GB.2" }), json!(7)], json!({}));
    let fake = Fake::new(vec![ok(blocked), ok(unblocked), list]).await;
    let (client, token) = (fake.client(), token());
    let people = [Recipient::Phone("447700900123".into()), Recipient::UserId("GB.1".into())];
    let outcome = client.block(NUMBER, &token, &people).await.unwrap();
    assert_eq!(outcome.done, ["+447700900123"]);
    assert_eq!((outcome.failed[0].input.as_str(), outcome.failed[0].errors[0].code), ("GB.1", Some(139_100)));
    assert_eq!(client.unblock(NUMBER, &token, &people[..1]).await.unwrap().done, ["+447700900123"]);
    let listed = client.blocked(NUMBER, &token).await.unwrap();
    assert_eq!(listed, [Recipient::Phone("447700900123".into()), Recipient::UserId("GB.2".into())]);
    let requests = fake.requests().await;
    assert_eq!(body(&requests[0])["block_users"], json!([{ "user": "+447700900123" }, { "user_id": "GB.1" }]));
    assert_eq!(line(&requests[1]), "DELETE /v25.0/700800900100200/block_users HTTP/1.1");
    assert_eq!(line(&requests[2]), "GET /v25.0/700800900100200/block_users?limit=1000 HTTP/1.1");
}
