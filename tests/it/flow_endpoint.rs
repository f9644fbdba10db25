//! The endpoint of Flows over real HTTP: what is refused, in which order, and what it costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parlance::front::FLOW_PATH;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use whatsapp::flow::{FlowKey, SealedRequest, seal_request};

use crate::support::{ADA, OLD_SECRET, SECRET, Setup, World, body, raw, signature, text, until};

const OPERATIONS: &str = "parlance_flow_private_key_operations_total";
const PING: &[u8] = br#"{"version":"3.0","action":"ping"}"#;

fn pem(key: &FlowKey) -> String {
    use secrecy::ExposeSecret;
    key.private_pem().expose_secret().to_owned()
}

async fn world_with(key: &FlowKey) -> World {
    Setup::default().set("whatsapp.flow_private_key", &pem(key)).start().await
}

fn seal(key: &FlowKey, text: &Value) -> SealedRequest {
    seal_request(key, text.to_string().as_bytes()).unwrap()
}

async fn post(world: &World, body: &[u8], signed: Option<&str>) -> Response {
    let mut request = world.http.post(world.url(FLOW_PATH)).header("content-type", "application/json");
    if let Some(signed) = signed {
        request = request.header("x-hub-signature-256", signed);
    }
    request.body(body.to_vec()).send().await.unwrap()
}

/// Posts as Meta does; status and body.
async fn ask(world: &World, body: &[u8]) -> (u16, String) {
    let answer = post(world, body, Some(&signature(SECRET, body))).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn opened(request: &SealedRequest, answer: &str) -> Value {
    serde_json::from_slice(&request.open(answer.as_bytes()).expect("the answer is sealed for the request")).unwrap()
}

#[tokio::test]
async fn ping_is_answered_in_bare_base64() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    let request = seal_request(&key, PING).unwrap();
    let answer = post(&world, &request.body, Some(&signature(SECRET, &request.body))).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain");
    let text = answer.text().await.unwrap();
    assert_eq!(opened(&request, &text), json!({"data": {"status": "active"}}));
    assert_eq!(world.metric(r#"parlance_flow_requests_total{action="ping",outcome="answer"}"#).await, 1.0);
    assert_eq!(world.metric(OPERATIONS).await, 1.0);

    // The same body again: the same bytes.
    assert_eq!(ask(&world, &request.body).await, (200, text));
    assert_eq!(world.metric(OPERATIONS).await, 2.0);
    world.end().await;
}

#[tokio::test]
async fn other_methods_are_405() {
    let world = World::start().await;
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = world.http.request(method, world.url(FLOW_PATH)).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
    world.end().await;
}

#[tokio::test]
async fn dead_token_is_427_and_tells_the_person_in_secret() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    let tokens = [json!("pl1.00000000000000000000000000.0123"), json!("unused"), json!("foreign"), json!(null)];
    for token in tokens {
        let asked = json!({"version": "3.0", "action": "INIT", "flow_token": token});
        let request = seal(&key, &asked);
        let (status, text) = ask(&world, &request.body).await;
        assert_eq!(status, 427, "{token}");
        let told = opened(&request, &text);
        assert!(told["error_msg"].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
    world.end().await;
}

#[tokio::test]
async fn notice_of_an_error_is_acknowledged_whatever_its_form() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    for token in ["pl1.00000000000000000000000000.0123", "unused"] {
        let data = json!({"error": "payload-schema-error", "error_message": "field day is not a string"});
        let request =
            seal(&key, &json!({"action": "data_exchange", "screen": "DAY", "flow_token": token, "data": data}));
        let (status, text) = ask(&world, &request.body).await;
        assert_eq!((status, opened(&request, &text)), (200, json!({"data": {"acknowledged": true}})));
    }
    world.end().await;
}

#[tokio::test]
async fn f90_wrong_signature_is_432_and_costs_no_private_key_operation() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    let body = seal_request(&key, PING).unwrap().body;
    let right = signature(SECRET, &body);
    let wrong = [
        None,
        Some(String::new()),
        Some("sha256=".into()),
        Some(right.replace("sha256", "sha1")),
        Some(signature("another-secret", &body)),
        Some(signature(SECRET, b"another body")),
        Some(format!("sha256={}", "0".repeat(64))),
    ];
    for header in &wrong {
        let answer = post(&world, &body, header.as_deref()).await;
        assert_eq!(answer.status().as_u16(), 432, "{header:?}");
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    assert_eq!(world.metric(OPERATIONS).await, 0.0);
    assert_eq!(world.metric(r#"parlance_flow_requests_total{action="unknown",outcome="signature"}"#).await, 7.0);
    assert_eq!(world.metric(r#"parlance_flow_signature_failures_total{reason="missing"}"#).await, 1.0);
    assert_eq!(world.metric(r#"parlance_flow_signature_failures_total{reason="malformed"}"#).await, 3.0);
    assert_eq!(world.metric(r#"parlance_flow_signature_failures_total{reason="mismatch"}"#).await, 3.0);
    assert_eq!(ask(&world, &body).await.0, 200, "the right one is taken");
    world.end().await;
}

#[tokio::test]
async fn secret_before_a_rotation_still_signs() {
    let key = FlowKey::generate().unwrap();
    let setup = Setup::default().set("whatsapp.flow_private_key", &pem(&key));
    let world = setup.set("whatsapp.app_secret_previous", OLD_SECRET).start().await;
    let body = seal_request(&key, PING).unwrap().body;
    assert_eq!(post(&world, &body, Some(&signature(OLD_SECRET, &body))).await.status(), 200);
    world.end().await;
}

#[tokio::test]
async fn f91_request_for_another_key_is_421_without_a_word() {
    let (key, previous, other) =
        (FlowKey::generate().unwrap(), FlowKey::generate().unwrap(), FlowKey::generate().unwrap());
    let setup = Setup::default().set("whatsapp.flow_private_key", &pem(&key));
    let world = setup.set("whatsapp.flow_private_key_previous", &pem(&previous)).start().await;
    for _ in 0..20 {
        let body = seal_request(&other, PING).unwrap().body;
        let answer = post(&world, &body, Some(&signature(SECRET, &body))).await;
        assert_eq!(answer.status(), 421);
        assert!(answer.headers().get("content-type").is_none());
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    assert_eq!(world.metric(OPERATIONS).await, 40.0, "each key was tried, every time");
    let body = seal_request(&previous, PING).unwrap().body;
    assert_eq!(ask(&world, &body).await.0, 200);
    assert_eq!(world.metric(OPERATIONS).await, 42.0);
    world.end().await;
}

#[tokio::test]
async fn without_a_key_everything_is_421() {
    let world = World::start().await;
    let body = seal_request(&FlowKey::generate().unwrap(), PING).unwrap().body;
    assert_eq!(ask(&world, &body).await, (421, String::new()));
    assert_eq!(world.metric(r#"parlance_flow_requests_total{action="unknown",outcome="no_key"}"#).await, 1.0);
    world.end().await;
}

/// The hundred thousand are a test of the crate that opens them; these go the whole way.
#[tokio::test]
async fn f92_whatever_is_broken_in_an_envelope_is_421() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    let whole = seal(&key, &json!({"version": "3.0", "action": "ping"})).body;
    for number in 0..whole.len() {
        let mut body = whole.clone();
        match number % 3 {
            0 => body[number] ^= 1,
            1 => drop(body.remove(number)),
            _ => body.truncate(number),
        }
        assert_eq!(ask(&world, &body).await, (421, String::new()), "at {number}");
    }
    let texts: [&[u8]; 6] = [b"", b"null", b"[]", b"{}", br#"{"action":"navigate"}"#, &[0xff, 0xfe]];
    for text in texts {
        let request = seal_request(&key, text).unwrap();
        assert_eq!(ask(&world, &request.body).await, (421, String::new()), "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(ask(&world, &whole).await.0, 200, "and the whole one is opened");
    world.end().await;
}

#[tokio::test]
async fn f95_body_over_two_mebibytes_is_413_before_any_key_is_used() {
    let key = FlowKey::generate().unwrap();
    let world = world_with(&key).await;
    let large = vec![b' '; 2 * 1024 * 1024 + 1];
    assert_eq!(ask(&world, &large).await.0, 413);
    // Without a length it is counted while it is read.
    let mut peer = raw::Raw::connect(&world).await;
    let head = format!("POST {FLOW_PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    peer.send(head).await;
    for _ in 0..33 {
        if !peer.send(&chunk).await {
            break;
        }
    }
    let answer = peer.read_head(crate::support::PATIENCE).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(world.metric(OPERATIONS).await, 0.0);
    assert_eq!(world.metric(r#"parlance_flow_requests_total{action="unknown",outcome="too_large"}"#).await, 2.0);
    world.end().await;
}

#[tokio::test]
async fn bodies_of_flows_take_no_room_from_webhooks() {
    let key = FlowKey::generate().unwrap();
    let setup = Setup::default().set("whatsapp.flow_private_key", &pem(&key));
    let setup = setup.set("server.max_body_bytes", "4096").set("server.max_buffered_bytes", "8192");
    let world = setup.set("server.body_timeout", "60s").start().await;
    let mut slow = raw::Raw::connect(&world).await;
    slow.send(format!("POST {FLOW_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8192\r\n\r\n")).await;
    slow.send("x".repeat(8_000)).await;
    let ping = seal_request(&key, PING).unwrap().body;
    until("no room for Flows", async || (ask(&world, &ping).await.0 == 503).then_some(())).await;
    let webhook = body(&[text(ADA, "wamid.fits", world.now_ms(), "hi")]);
    assert_eq!(world.post(webhook).await, 200);
    world.end().await;
}

#[tokio::test]
async fn f97_no_ping_fails_while_key_files_are_swapped() {
    let (old, new) = (Arc::new(FlowKey::generate().unwrap()), Arc::new(FlowKey::generate().unwrap()));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flow-key.pem");
    std::fs::write(&file, pem(&old)).unwrap();
    let setup = Setup::default().set("whatsapp.flow_private_key_file", &file.display().to_string());
    let world = setup.start().await;
    let (published, stop) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let (by_old, by_new) = (AtomicU32::new(0), AtomicU32::new(0));
    let pinging = async {
        let mut number = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            // Once the new key is published, some phones still have the old one.
            let use_new = published.load(Ordering::Relaxed) && number.is_multiple_of(2);
            let key = if use_new { &new } else { &old };
            let body = seal_request(key, PING).unwrap().body;
            assert_eq!(ask(&world, &body).await.0, 200, "ping {number}, new key: {use_new}");
            if use_new { &by_new } else { &by_old }.fetch_add(1, Ordering::Relaxed);
        }
    };
    let swapping = async {
        until("some pings", async || (by_old.load(Ordering::Relaxed) > 20).then_some(())).await;
        std::fs::write(dir.path().join("next"), pem(&new)).unwrap();
        std::fs::rename(dir.path().join("next"), &file).unwrap();
        // The new key opens before it is published: until then 421 is what it gets.
        until("the new key to count", async || {
            world.clock.advance(5_000);
            let body = seal_request(&new, PING).unwrap().body;
            (ask(&world, &body).await.0 == 200).then_some(())
        })
        .await;
        published.store(true, Ordering::Relaxed);
        let before = by_old.load(Ordering::Relaxed);
        until("pings under both keys", async || {
            let both = by_new.load(Ordering::Relaxed) > 20 && by_old.load(Ordering::Relaxed) > before + 20;
            both.then_some(())
        })
        .await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(pinging, swapping);
    world.end().await;
}

#[tokio::test]
async fn f98_storm_of_pings_is_answered_without_any_actor() {
    let key = Arc::new(FlowKey::generate().unwrap());
    let world = Arc::new(world_with(&key).await);
    let mut connections = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (world, key) = (world.clone(), key.clone());
        connections.spawn(async move {
            for _ in 0..50 {
                let request = seal_request(&key, PING).unwrap();
                let (status, text) = ask(&world, &request.body).await;
                assert_eq!((status, opened(&request, &text)), (200, json!({"data": {"status": "active"}})));
            }
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.metric(OPERATIONS).await, 1_000.0);
    assert_eq!(world.metric("parlance_flow_queued_operations").await, 0.0);
    assert!(world.items("/api/v1/conversations").await.is_empty());
    assert_eq!(world.server().store().stats().inbox, 0, "nobody was woken");
    Arc::into_inner(world).unwrap().end().await;
}
