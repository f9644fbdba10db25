//! People take conversations over and hand them back, through the admin port of the real server.

use serde_json::{Value, json};

use crate::support::{ADA, ADMIN_TOKEN, BEN, Setup, World, bots, person, until};

const DESK: &str = "parlance: 1\nid: test\ntriggers: [ { default: {}, to: ask } ]\nnodes:\n  \
    ask: { type: ask, prompt: What?, save: topic, next: { ok: desk } }\n  \
    desk: { type: handoff, queue: front, message: One moment., next: { returned: ask, closed: bye } }\n  \
    bye: { type: say, messages: [ { text: Bye. } ], next: { next: end } }\n  end: { type: end }\n";

/// A conversation at a path of its own.
async fn at(world: &World, who: &str, rest: &str) -> String {
    let id = world.conversation(who).await["id"].as_str().unwrap().to_owned();
    format!("/api/v1/conversations/{id}{rest}")
}

async fn post(world: &World, who: &str, rest: &str, body: Value) -> (u16, Value) {
    world.admin_post(&at(world, who, rest).await, &body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f62_of_two_who_take_over_by_the_api_one_has_it_and_no_message_of_the_bot_follows() {
    let world = Setup::default().bot(bots::THREE).open().start().await;
    let mut left = Vec::new();
    for index in 0..100 {
        let who = person(index);
        world.write(&who, "a").await;
        world.write(&who, "b").await;
        let url = format!("http://{}{}", world.server().admin, at(&world, &who, "/takeover").await);
        let tries = async |token: Option<&str>| {
            let request = world.http.post(&url).json(&json!({ "reason": "a race" }));
            let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
            let answer = request.send().await.unwrap();
            let said = world.replies(&who).len();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap(), said)
        };
        let (one, other) = tokio::join!(tries(Some(ADMIN_TOKEN)), tries(None));
        let (won, lost) = if one.0 == 200 { (one, other) } else { (other, one) };
        assert_eq!((won.0, lost.0), (200, 409), "{} {}", won.1, lost.1);
        assert_eq!((&won.1["owner"], &won.1["in_flight"]), (&lost.1["owner"], &json!(0)), "{}", lost.1);
        assert!(lost.1["since"].is_string(), "{}", lost.1);
        left.push(won.2);
        world.write(&who, "c").await;
    }
    world.wait_consumed().await;
    world.write(BEN, "last").await;
    world.wait_replies(BEN, 3).await;
    let now: Vec<_> = (0..100).map(|index| world.replies(&person(index)).len()).collect();
    assert_eq!(now, left);
    assert_eq!(world.items("/api/v1/conversations?state=human&limit=200").await.len(), 100);
    world.end().await;
}

#[tokio::test]
async fn the_queue_shows_who_waits_for_a_person_the_longest_first() {
    let world = Setup::default().bot(DESK).start().await;
    for who in [ADA, BEN] {
        world.write(who, "hi").await;
        world.wait_replies(who, 1).await;
        world.write(who, "my parcel").await;
        world.wait_replies(who, 2).await;
        world.clock.advance(60_000);
    }
    let queue = async |query: &str| -> Vec<String> {
        let items = world.items(&format!("/api/v1/conversations?{query}")).await;
        items.iter().map(|item| item["wa_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(queue("state=needs_person").await, [ADA, BEN]);
    let page = world.admin("/api/v1/conversations?state=needs_person&limit=1").await;
    assert_eq!(page["items"][0]["last_message"]["text"], "One moment.");
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(queue(&format!("state=needs_person&limit=1&cursor={cursor}")).await, [BEN]);
    assert_eq!(post(&world, ADA, "/takeover", json!({})).await.0, 200);
    assert_eq!(
        (queue("state=needs_person").await, queue("state=mine").await),
        (vec![BEN.to_owned()], vec![ADA.to_owned()])
    );
    assert_eq!(queue("owner=admin-token&node=desk&bot=test&window=open").await, [ADA]);
    assert_eq!((queue("q=900902").await, queue("window=closed").await), (vec![BEN.to_owned()], Vec::new()));
    assert_eq!(world.admin_raw("/api/v1/conversations?state=lost").await.status(), 400);
    let shown = world.conversation(ADA).await;
    assert_eq!((&shown["owner"], &shown["waiting_since"]), (&json!("admin-token"), &Value::Null));
    world.end().await;
}

#[tokio::test]
async fn a_search_that_little_fits_goes_on_from_page_to_page() {
    let world = World::start().await;
    for index in 0..12 {
        world.write(&person(index), if index == 3 { "the needle" } else { "hay" }).await;
        world.wait_replies(&person(index), 1).await;
    }
    let found = world.items("/api/v1/conversations?q=NEEDLE&limit=1").await;
    assert_eq!((found.len(), &found[0]["wa_id"]), (1, &json!(person(3))));
    assert!(world.items("/api/v1/conversations?q=nothing").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn the_bot_is_handed_back_where_it_is_wanted() {
    let world = Setup::default().bot(DESK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    assert_eq!(post(&world, ADA, "/handback", json!({})).await.0, 409);
    assert_eq!(post(&world, ADA, "/takeover", json!({ "reason": "she is lost" })).await.0, 200);
    let (status, problem) = post(&world, ADA, "/handback", json!({ "node": "nowhere" })).await;
    assert_eq!((status, problem["type"].as_str()), (422, Some("/problems/no-such-node")), "{problem}");
    assert_eq!(post(&world, ADA, "/handback", json!({ "how": "node" })).await.0, 400);
    assert_eq!(post(&world, ADA, "/handback", json!({ "node": "bye", "note": "all is well" })).await.0, 202);
    assert_eq!(world.wait_replies(ADA, 2).await[1], "Bye.");
    let journal = at(&world, ADA, "/journal?order=asc").await;
    let told: Vec<_> =
        world.items(&journal).await.iter().flat_map(|entry| entry["events"].as_array().unwrap().clone()).collect();
    assert_eq!(told[0], "admin-token took the conversation over (she is lost)");
    assert!(told[1].as_str().unwrap().ends_with("; note: all is well"), "{told:?}");
    world.end().await;
}

#[tokio::test]
async fn variables_need_the_tag_of_what_was_seen_and_a_dry_run_changes_nothing() {
    let world = Setup::default().bot(DESK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let path = at(&world, ADA, "").await;
    let patch = async |tag: Option<&str>, query: &str| {
        let request = world.admin_call(reqwest::Method::PATCH, &format!("{path}/variables{query}"));
        let request = request.json(&json!({ "variables": { "topic": "a parcel" } }));
        let request = if let Some(tag) = tag { request.header("if-match", tag) } else { request };
        request.send().await.unwrap()
    };
    assert_eq!(patch(Some("*"), "").await.status(), 409, "the bot is at work");
    assert_eq!(post(&world, ADA, "/pause?dry_run=true", json!({})).await.1["dry_run"], true);
    assert_eq!(world.conversation(ADA).await["state"], "waiting");
    assert_eq!(post(&world, ADA, "/pause", json!({})).await.1["state"], "paused");
    assert_eq!(patch(None, "").await.status(), 428);
    assert_eq!(patch(Some("\"1\""), "").await.status(), 412);
    let shown = world.admin_raw(&path).await;
    let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(patch(Some(&tag), "?dry_run=true").await.status(), 200);
    assert_eq!(world.admin(&path).await["variables"], json!({}));
    assert_eq!(patch(Some(&tag), "").await.status(), 200);
    assert_eq!(world.admin(&path).await["variables"], json!({ "topic": "a parcel" }));
    assert_eq!(post(&world, ADA, "/resume", json!({})).await.1["state"], "waiting");
    assert_eq!(post(&world, ADA, "/fork", json!({ "phone": BEN })).await.1["type"], "/problems/no-simulator");
    world.end().await;
}

#[tokio::test]
async fn a_closed_window_is_refused_to_whoever_took_over_before_meta_is_asked() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    world.clock.advance(25 * 3_600_000);
    assert_eq!(post(&world, ADA, "/takeover", json!({})).await.0, 200);
    let asked = world.calls().len();
    let text = json!({ "type": "text", "text": { "body": "are you still there?" } });
    let (status, problem) = post(&world, ADA, "/messages", text).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("/problems/window-closed")));
    assert_eq!(world.calls().len(), asked);
    world.end().await;
}

#[tokio::test]
async fn a_copy_of_a_conversation_goes_on_by_itself() {
    let world = Setup::default().bot(DESK).open().start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    assert_eq!(post(&world, ADA, "/fork", json!({ "phone": BEN })).await.0, 404);
    world.write(BEN, "hi").await;
    world.wait_replies(BEN, 1).await;
    world.write(ADA, "my parcel").await;
    world.wait_replies(ADA, 2).await;
    let (status, copied) = post(&world, ADA, "/fork", json!({ "phone": BEN })).await;
    assert_eq!((status, &copied["state"]), (200, &json!("human")), "{copied}");
    assert_eq!(post(&world, BEN, "/handback", json!({ "outcome": "closed" })).await.0, 202);
    assert_eq!(world.wait_replies(BEN, 2).await[1], "Bye.");
    until("the run is over", async || (world.conversation(BEN).await["state"] == "idle").then_some(())).await;
    assert_eq!(world.conversation(ADA).await["state"], "human");
    world.end().await;
}
