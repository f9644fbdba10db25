//! The lists of the admin port: page by page without gap or double, and what is refused.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::admin::problem;
use crate::support::{ADA, Setup, World, body, bots, person, text};

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
    let mut expected: Vec<_> =
        (0..12).flat_map(|at| ["", " a", " b", " c"].map(|part| format!("{at}{part}"))).collect();
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
async fn paging_gives_messages_that_wait_and_the_history_behind_them() {
    let stuck = Arc::new(AtomicBool::new(false));
    let is_stuck = stuck.clone();
    let turn: Arc<actors::TurnFunction> = Arc::new(move |bot, before, input, given| {
        assert!(!is_stuck.load(Ordering::Acquire), "stuck");
        chatbot::turn(bot, before, input, given)
    });
    let world = Setup::default().turn(turn).start().await;
    for at in 1..=5 {
        world.write(ADA, &format!("taken {at}")).await;
    }
    world.wait_replies(ADA, 5).await;
    stuck.store(true, Ordering::Release);
    for at in 1..=11 {
        world.write(ADA, &format!("waits {at}")).await;
    }
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let waiting = (1..=11).rev().map(|at| format!("waits {at}"));
    let taken = (1..=5).rev().flat_map(|at| [format!("{at}: taken {at}"), format!("taken {at}")]);
    let expected: Vec<_> = waiting.chain(taken).collect();
    for limit in [1, 2, 5, 10, 11, 12, 20, 21, 200] {
        let all = all_pages(&world, &format!("/api/v1/conversations/{id}/messages"), limit).await;
        let texts: Vec<_> = all.iter().map(|item| item["text"].as_str().unwrap()).collect();
        assert_eq!(texts, expected, "limit {limit}");
    }
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
        for query in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=",
            "limit=99999999999999999999",
            "wrong=1",
            "limit=1&limit=2",
        ] {
            let (status, problem) = problem(world.admin_raw(&format!("{path}?{query}")).await).await;
            let kind = if query.starts_with("wrong") { "unknown-parameter" } else { "bad-request" };
            let expected = format!("/problems/{kind}");
            assert_eq!((status, problem["type"].as_str()), (400, Some(&*expected)), "{path}?{query}");
        }
        for cursor in ["", "nonsense", "%00", "..", "-1", "99999999999999999999999", "%F0%9F%8D%95", "1.2.3"] {
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
        assert_eq!(
            problem(world.admin_raw(&format!("/api/v1/conversations?phone={phone}")).await).await.0,
            400,
            "{phone}"
        );
    }
    let nobody = format!("c_{}", "0".repeat(26));
    // A plain `..` is another path before it leaves the client: `/api/v1/messages`, where something else is.
    for unknown in [&*nobody, "c_x", "x", "..%2F", "%00", &"c_".repeat(500), &id.to_lowercase()] {
        for path in [format!("/api/v1/conversations/{unknown}"), format!("/api/v1/conversations/{unknown}/messages")] {
            let answer = world.admin_raw(&path).await;
            assert_eq!(problem(answer).await.0, 404, "{path}");
        }
    }
    world.end().await;
}
