//! kill -9 while events are on their way: each that was decided arrives, under one id, signed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{SOON, World, eventually};

const PEOPLE: u64 = 40;
const KILLS: u64 = 3;
const KEY: [u8; 32] = [9; 32];

/// Emits what it hears, and answers.
const TELLER: &str = r#"{
  "parlance": 1, "id": "teller",
  "triggers": [{ "default": {}, "to": "tell" }],
  "nodes": {
    "tell": { "type": "emit", "event": "heard", "data": "{{ input.text }}", "next": { "next": "echo" } },
    "echo": { "type": "say", "messages": [{ "text": "echo {{ input.text }}" }], "next": { "next": "fin" } },
    "fin": { "type": "end", "reason": "done" }
  }
}"#;

/// What an endpoint got: the ids and texts of what was signed rightly, and how often something was not.
#[derive(Default)]
struct Got {
    texts: BTreeMap<String, String>,
    forged: usize,
    requests: usize,
    seen: BTreeSet<String>,
}

async fn endpoint() -> (String, Arc<Mutex<Got>>) {
    let got = Arc::<Mutex<Got>>::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let router = axum::Router::new().fallback(take).with_state(got.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.expect("the endpoint serves") });
    (url, got)
}

/// Of every third event the first request fails, so that a kill meets deliveries of every kind.
async fn take(State(got): State<Arc<Mutex<Got>>>, headers: HeaderMap, body: String) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signed = format!("{id}.{timestamp}.{body}");
    let mut got = got.lock();
    got.requests += 1;
    if header("webhook-signature") != format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(signed.as_bytes()))) {
        got.forged += 1;
    }
    if got.seen.insert(id.clone()) && got.seen.len() % 3 == 0 {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let text = body["data"]["payload"].as_str().expect("the text").to_owned();
    if let Some(before) = got.texts.insert(id, text.clone()) {
        assert_eq!(before, text, "one id for one event");
    }
    StatusCode::OK
}

/// By RFC 2104, with a key shorter than a block.
fn hmac_sha256(message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| (0..64).map(move |at| KEY.get(at).copied().unwrap_or(0) ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize().into()
}

async fn world(url: &str) -> World {
    let mut world = World::new().await;
    std::fs::write(world.place.path().join("bots/teller.json"), TELLER).expect("a bot file");
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(KEY));
    for (name, value) in [
        ("PARLANCE__BOTS__DEFAULT", "teller"),
        ("PARLANCE__EVENTS__ENDPOINT__0__NAME", "crm"),
        ("PARLANCE__EVENTS__ENDPOINT__0__URL", url),
        ("PARLANCE__EVENTS__ENDPOINT__0__SECRET", &secret),
        ("PARLANCE__EVENTS__ENDPOINT__0__TYPES", "bot.*"),
    ] {
        world.place.set(name, value);
    }
    world
}

fn run(world: &World, arguments: &[&str]) -> Output {
    let url = format!("http://{}", world.place.admin);
    let arguments = [arguments, &["--url", &url, "--json"]].concat();
    world.place.command(&arguments).output().expect("the binary runs")
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_after_kills_and_the_command_line_shows_and_replays_it() {
    let (url, got) = endpoint().await;
    let world = world(&url).await;
    let (mut program, _) = world.start().await;
    for round in 0..KILLS {
        for person in 0..PEOPLE {
            let text = format!("{round}.{person}");
            let body = world.texts(&[(format!("4477009{person:05}"), format!("wamid.{text}"), text)]);
            assert_eq!(world.post(&body).await, Some(200));
        }
        // In the middle of turns and deliveries, wherever they are.
        program.kill();
        program = world.start().await.0;
    }
    world.drained(SOON).await;
    // What failed once comes again after five seconds.
    let expected = (KILLS * PEOPLE) as usize;
    eventually("every event arrived", SOON, async || (got.lock().texts.len() >= expected).then_some(())).await;
    eventually("that is written down", SOON, async || {
        let endpoints = world.admin("/api/v1/events/endpoints").await;
        (endpoints["items"][0]["pending"] == 0).then_some(())
    })
    .await;
    {
        let got = got.lock();
        let texts: BTreeSet<_> = got.texts.values().collect();
        assert_eq!((got.texts.len(), texts.len(), got.forged), (expected, expected, 0));
    }
    let listed = lines(&run(&world, &["event", "list", "--state", "delivered", "--endpoint", "crm"]));
    assert_eq!(listed.len(), expected);
    let id = listed[0]["id"].as_str().expect("an id");
    let shown = lines(&run(&world, &["event", "show", id])).remove(0);
    assert_eq!((&shown["body"]["type"], &shown["endpoint"]), (&"bot.heard".into(), &"crm".into()));
    let before = got.lock().requests;
    assert_eq!(lines(&run(&world, &["event", "replay", id]))[0]["state"], "pending");
    eventually("it came again", SOON, async || (got.lock().requests > before).then_some(())).await;
    assert_eq!(got.lock().texts.len(), expected, "under the same id");
    assert_eq!(lines(&run(&world, &["event", "replay", "--state", "failed"]))[0]["replayed"], 0);
    assert_eq!(lines(&run(&world, &["event", "endpoints"]))[0]["name"], "crm");
    assert_eq!(run(&world, &["event", "show", "evt_0.crm"]).status.code(), Some(3));
    assert_eq!(run(&world, &["event", "replay"]).status.code(), Some(64), "what to replay must be said");
    program.kill();
}
