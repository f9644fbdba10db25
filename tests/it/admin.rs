//! The admin port: who may ask, and what the reads of the contract answer.

use std::collections::HashSet;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{ADA, ADMIN_TOKEN, NUMBER, Setup, World, body, bots, message, person, text, until};

const LISTS: [&str; 5] =
    ["/api/v1/conversations", "/api/v1/outbox", "/api/v1/dead-letters", "/api/v1/quarantine", "/api/v1/bots"];

async fn ask(world: &World, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = world.http.get(format!("http://{}{path}", world.server().admin));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn problem(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    (status, problem)
}

/// Every item of a list, page by page.
async fn all_pages(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..1_000 {
        let mut url = url::Url::parse(&format!("http://x{path}")).unwrap();
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        if let Some(cursor) = &cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let page = world.admin(&format!("{}?{}", url.path(), url.query().unwrap())).await;
        let new = page["items"].as_array().unwrap();
        assert!(new.len() <= limit, "{page}");
        items.extend(new.iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return items;
        }
    }
    panic!("{path} never ends");
}

#[tokio::test]
async fn everything_but_health_needs_the_token_before_it_is_routed() {
    let world = World::start().await;
    let paths = LISTS.iter().copied().chain([
        "/metrics", "/api/v1/status", "/", "/no/such/path", "/api/v1/conversations/c_x", "/api/v1/openapi.json",
    ]);
    for path in paths {
        for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("authorization", "Basic dGVzdDp0ZXN0")], &[("authorization", ADMIN_TOKEN)]] {
            let (status, _) = problem(ask(&world, path, headers).await).await;
            assert_eq!(status, 401, "{path} {headers:?}");
            if headers.iter().any(|(_, value)| value.starts_with("Bearer")) {
                // Guesses are counted; see below.
                world.clock.advance(61_000);
            }
        }
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let url = format!("http://{}/api/v1/conversations", world.server().admin);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(world.http.request(method.clone(), &url).send().await.unwrap().status(), 401, "{method}");
        let answer = world.http.request(method.clone(), &url).bearer_auth(ADMIN_TOKEN).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 405, "{method}");
    }
    assert_eq!(problem(world.admin_raw("/no/such/path").await).await.0, 404);
    for path in ["/healthz", "/readyz"] {
        let answer = ask(&world, path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.text().await.unwrap().len() < 20, "no detail");
    }
    world.end().await;
}

#[tokio::test]
async fn a_foreign_host_is_421_even_with_the_token() {
    let world = Setup::default().set("admin.allowed_hosts", "admin.example, 127.0.0.1").start().await;
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    for host in ["evil.example", "", "127.0.0.1.evil.example", "localhost:1"] {
        for path in ["/api/v1/bots", "/healthz", "/no/such/path"] {
            let answer = ask(&world, path, &[("host", host), ("authorization", &bearer)]).await;
            assert_eq!(problem(answer).await.0, 421, "{host} {path}");
        }
    }
    let port = world.server().admin.port();
    for host in ["admin.example", "ADMIN.example", &format!("admin.example:{port}")] {
        assert_eq!(ask(&world, "/api/v1/bots", &[("host", host), ("authorization", &bearer)]).await.status(), 200, "{host}");
    }
    world.end().await;
}

#[tokio::test]
async fn guessing_is_braked_and_the_right_token_is_not() {
    let world = World::start().await;
    let guess = async || ask(&world, "/api/v1/bots", &[("authorization", "Bearer guess")]).await;
    for _ in 0..10 {
        assert_eq!(guess().await.status(), 401);
    }
    for _ in 0..3 {
        let answer = guess().await;
        let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((55..=60).contains(&wait), "{wait}");
        assert_eq!(problem(answer).await.0, 429);
        assert_eq!(world.admin_raw("/api/v1/bots").await.status(), 200);
        assert_eq!(ask(&world, "/api/v1/bots", &[]).await.status(), 401, "no credential is no guess");
    }
    world.clock.advance(61_000);
    assert_eq!(guess().await.status(), 401);
    world.end().await;
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
        assert_eq!((&found["state"], &found["bot"], &found["node"]), (&"waiting".into(), &"ask".into(), &"how_many".into()));
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
    let odd = [message(ADA, "wamid.img", now_ms, image), message(ADA, "wamid.uns", now_ms, unsupported), message(ADA, "wamid.sys", now_ms, system)];
    assert_eq!(world.post(body(&odd)).await, 200);
    world.wait_consumed().await;
    let sent = until("the reply's id", async || {
        let messages = world.messages(ADA).await;
        messages.into_iter().find(|message| message["direction"] == "out" && message["wamid"].is_string())
    })
    .await;
    assert_eq!((&sent["type"], &sent["text"], &sent["error"]), (&"text".into(), &"How many?".into(), &Value::Null));
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
async fn paging_gives_every_conversation_once_newest_first() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let batch: Vec<_> = (0..75).map(|at| text(&person(at), &format!("wamid.{at}"), now_ms, "hi")).collect();
    assert_eq!(world.post(body(&batch)).await, 200);
    world.wait_consumed().await;
    world.clock.advance(1_000);
    world.write(&person(30), "again").await;
    world.wait_replies(&person(30), 2).await;
    for limit in [1, 7, 50, 75, 200] {
        let all = all_pages(&world, "/api/v1/conversations", limit).await;
        let ids: HashSet<_> = all.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!((all.len(), ids.len()), (75, 75), "limit {limit}");
        assert_eq!(all[0]["wa_id"], person(30), "the newest first");
        let times: Vec<_> = all.iter().map(|item| item["updated_at"].as_str().unwrap()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "limit {limit}");
    }
    let outbox = all_pages(&world, "/api/v1/outbox", 9).await;
    let ids: HashSet<_> = outbox.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((outbox.len(), ids.len()), (76, 76));
    world.end().await;
}

#[tokio::test]
async fn paging_gives_every_message_once_newest_first() {
    let world = Setup::default().bot(bots::THREE).start().await;
    for at in 0..12 {
        world.write(ADA, &at.to_string()).await;
    }
    world.wait_replies(ADA, 36).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/conversations/{id}/messages");
    let mut expected: Vec<_> = (0..12).flat_map(|at| ["", " a", " b", " c"].map(|part| format!("{at}{part}"))).collect();
    expected.reverse();
    for limit in [1, 2, 3, 4, 5, 47, 48, 200] {
        let all = all_pages(&world, &path, limit).await;
        let texts: Vec<_> = all.iter().map(|item| item["text"].as_str().unwrap()).collect();
        assert_eq!(texts, expected, "limit {limit}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_other_lists_are_paged_without_gap_or_double() {
    let world = Setup::default().bot(bots::SPIN).start().await;
    for at in 0..15 {
        world.write(&person(at), "spin").await;
        assert_eq!(world.post(format!("odd {at}")).await, 200);
    }
    world.wait_items("/api/v1/dead-letters", 15).await;
    for path in ["/api/v1/dead-letters", "/api/v1/quarantine"] {
        for limit in [1, 4, 15] {
            let all = all_pages(&world, path, limit).await;
            let ids: HashSet<_> = all.iter().map(|item| item["id"].as_str().unwrap()).collect();
            assert_eq!((all.len(), ids.len()), (15, 15), "{path} limit {limit}");
        }
    }
    assert_eq!(world.items("/api/v1/quarantine").await[0]["raw"], "odd 14");
    world.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_400_and_what_is_not_there_404() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let messages = format!("/api/v1/conversations/{id}/messages");
    let paged = ["/api/v1/conversations", "/api/v1/outbox", "/api/v1/dead-letters", "/api/v1/quarantine", &messages];
    for path in paged {
        for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=99999999999999999999", "wrong=1", "limit=1&limit=2"] {
            let (status, problem) = problem(world.admin_raw(&format!("{path}?{query}")).await).await;
            assert_eq!((status, &problem["type"]), (400, &"/problems/bad-request".into()), "{path}?{query}");
        }
        for cursor in ["nonsense", "%00", "..", "-1", "99999999999999999999999", "%F0%9F%8D%95", "1.2.3"] {
            let (status, _) = problem(world.admin_raw(&format!("{path}?cursor={cursor}")).await).await;
            assert_eq!(status, 400, "{path}?cursor={cursor}");
        }
    }
    let (status, wrong_state) = problem(world.admin_raw("/api/v1/outbox?state=lost").await).await;
    assert_eq!(status, 400);
    assert!(wrong_state["hint"].as_str().unwrap().contains("uncertain"));
    for state in ["queued", "sending", "uncertain", "held", "accepted", "sent", "delivered", "read", "failed", "dead"] {
        world.admin(&format!("/api/v1/outbox?state={state}")).await;
    }
    for phone in ["", "x", "%2B", "-"] {
        assert_eq!(problem(world.admin_raw(&format!("/api/v1/conversations?phone={phone}")).await).await.0, 400, "{phone}");
    }
    let nobody = format!("c_{}", "0".repeat(26));
    for unknown in [&*nobody, "c_x", "x", "..", "%00", &"c_".repeat(500), &id.to_lowercase()] {
        for path in [format!("/api/v1/conversations/{unknown}"), format!("/api/v1/conversations/{unknown}/messages")] {
            let answer = world.admin_raw(&path).await;
            assert_eq!(problem(answer).await.0, 404, "{path}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn messages_that_wait_are_shown_before_the_first_turn() {
    let turn: std::sync::Arc<actors::TurnFunction> = std::sync::Arc::new(|_, _, _, _| panic!("never gets through"));
    let world = Setup::default().turn(turn).start().await;
    let wamid = world.write(ADA, "hello?").await;
    let store = world.server().store();
    let rows = store.pending(storage::InboxSeq(0), 1).await.unwrap();
    let id = actors::view::conversation_of(&**store, &rows[0].1).await.unwrap();
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
        "parlance_outbox_oldest_seconds",
        "parlance_outbox_attempts_total",
        "parlance_graph_request_duration_seconds_count",
        "parlance_store_commit_seconds_count",
        "parlance_store_bytes",
        "parlance_store_commit_batch_size_count",
    ] {
        assert!(names.contains(name), "{name} is missing:\n{page}");
    }
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
