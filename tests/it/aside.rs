//! What was put aside is taken in again once it can be, or dropped with a reason.

use serde_json::{Value, json};
use storage::{Accept, Quarantined};

use crate::live_numbers::{SECOND, add, signed, two};
use crate::numbers::{OTHER_SECRET, STRANGER, three};
use crate::roles::token;
use crate::support::{ADA, BEN, NUMBER, SECRET, World, body, signature, text, until};

const DAY_MS: u64 = 86_400_000;

async fn list(world: &World, query: &str) -> Vec<Value> {
    world.items(&format!("/api/v1/quarantine{query}")).await
}

async fn ask(world: &World, path: &str, body: Value) -> (u16, Value) {
    world.admin_post(&format!("/api/v1/quarantine/{path}"), &body).await
}

#[tokio::test]
async fn a_message_for_a_number_that_was_not_served_runs_once_it_is_and_is_released() {
    let world = two().start().await;
    assert_eq!(signed(&world, SECRET, ADA, "for later").await, 200);
    let row = list(&world, "").await.remove(0);
    assert_eq!((&row["reason"], &row["releasable"]), (&json!("unknown_number"), &json!(true)), "{row}");
    assert_eq!(row["raw"]["text"]["body"], "for later", "the element alone is shown: {row}");
    let id = row["id"].as_str().unwrap().to_owned();
    let (status, still) = ask(&world, &format!("{id}/release"), json!({})).await;
    assert_eq!((status, &still["type"]), (409, &json!("/problems/not-releasable")), "{still}");
    assert!(still["detail"].as_str().unwrap().contains("is not configured"), "{still}");
    assert_eq!(list(&world, "").await.len(), 1, "it stays, and once");
    assert_eq!(add(&world, json!({})).await.0, 201);
    let (status, dry) = ask(&world, &format!("{id}/release?dry_run=true"), json!({})).await;
    assert_eq!((status, &dry["taken"]["accepted"]), (200, &json!(1)), "{dry}");
    assert!(world.replies(ADA).is_empty() && list(&world, "").await.len() == 1, "nothing was done");
    let (status, done) = ask(&world, &format!("{id}/release"), json!({})).await;
    assert_eq!((status, &done["taken"]["accepted"], &done["dry_run"]), (200, &json!(1), &json!(false)), "{done}");
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: for later"]);
    assert!(list(&world, "").await.is_empty());
    assert_eq!(ask(&world, &format!("{id}/release"), json!({})).await.0, 404);
    let trail = world.items("/api/v1/audit?action=/release").await;
    assert_eq!(
        (&trail[1]["before"]["reason"], &trail[1]["status"]),
        (&json!("unknown_number"), &json!(200)),
        "{trail:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_kind_is_released_in_the_order_in_which_it_came_and_what_cannot_go_says_why() {
    let world = two().start().await;
    for words in ["one", "two", "three"] {
        assert_eq!(signed(&world, SECRET, ADA, words).await, 200);
    }
    assert_eq!(world.post("hello").await, 200);
    assert_eq!(add(&world, json!({})).await.0, 201);
    assert_eq!(list(&world, "?reason=unreadable").await.len(), 1);
    let (status, dry) = ask(&world, "release?dry_run=true", json!({ "reason": "unknown_number" })).await;
    assert_eq!((status, &dry["found"], &dry["released"]), (200, &json!(3), &json!(3)), "{dry}");
    let (_, done) = ask(&world, "release", json!({ "reason": "unknown_number" })).await;
    assert_eq!((&done["found"], &done["released"], &done["more"]), (&json!(3), &json!(3), &json!(false)), "{done}");
    assert_eq!(world.wait_replies(ADA, 3).await, ["1: one", "2: two", "3: three"]);
    let (_, all) = ask(&world, "release", json!({ "all": true })).await;
    assert_eq!((&all["found"], &all["released"]), (&json!(1), &json!(0)), "{all}");
    assert!(all["stay"][0]["why"].as_str().unwrap().contains("JSON"), "{all}");
    assert_eq!(list(&world, "").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn an_element_that_cannot_be_read_is_tried_again_where_it_stood_and_stays_until_it_can() {
    let world = World::start().await;
    assert_eq!(world.post(body(&[json!({ "from": ADA, "shape": "of tomorrow" })])).await, 200);
    let row = list(&world, "").await.remove(0);
    assert_eq!((&row["reason"], &row["releasable"]), (&json!("unreadable"), &json!(true)), "{row}");
    assert_eq!(row["raw"], json!({ "from": ADA, "shape": "of tomorrow" }));
    let (status, still) = ask(&world, &format!("{}/release", row["id"].as_str().unwrap()), json!({})).await;
    assert_eq!((status, &still["type"]), (409, &json!("/problems/not-releasable")), "{still}");
    assert_eq!(still["detail"], row["detail"], "as it was when it came");
    assert_eq!(list(&world, "").await, [row]);
    world.end().await;
}

#[tokio::test]
async fn what_is_too_old_runs_only_for_whoever_says_so() {
    let world = World::start().await;
    let old = text(BEN, "wamid.9days", world.now_ms() - 9 * DAY_MS, "old");
    assert_eq!(world.post(body(&[old])).await, 200);
    let id = list(&world, "?reason=too_old").await[0]["id"].as_str().unwrap().to_owned();
    let (status, asked) = ask(&world, &format!("{id}/release"), json!({})).await;
    assert_eq!((status, &asked["type"]), (409, &json!("/problems/confirm")), "{asked}");
    let (_, kept) = ask(&world, "release", json!({ "reason": "too_old" })).await;
    assert_eq!((&kept["found"], &kept["released"]), (&json!(1), &json!(0)), "{kept}");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    let (status, done) = ask(&world, &format!("{id}/release"), json!({ "confirm": true })).await;
    assert_eq!((status, &done["taken"]["accepted"]), (200, &json!(1)), "{done}");
    until("it is with its person", async || (!world.items("/api/v1/conversations").await.is_empty()).then_some(()))
        .await;
    let messages = world.messages(BEN).await;
    let came = messages.iter().find(|message| message["direction"] == "in").unwrap();
    assert_eq!(came["raw"]["text"]["body"], "old");
    world.end().await;
}

#[tokio::test]
async fn what_nobody_wants_is_dropped_with_a_reason_alone_or_by_its_kind() {
    let world = two().start().await;
    for words in ["one", "two"] {
        assert_eq!(signed(&world, SECRET, ADA, words).await, 200);
    }
    assert_eq!(world.post("hello").await, 200);
    let id = list(&world, "?reason=unknown_number").await[0]["id"].as_str().unwrap().to_owned();
    for (path, body, status) in [
        (format!("{id}/drop"), json!({}), 422),
        (format!("{id}/drop"), json!({ "reason": " " }), 422),
        ("drop".into(), json!({ "why": "a test" }), 422),
        ("drop".into(), json!({ "why": "a test", "all": true, "reason": "unreadable" }), 422),
        ("drop".into(), json!({ "reason": "unreadable" }), 422),
        ("999/drop".into(), json!({ "reason": "a test" }), 404),
        ("x/drop".into(), json!({ "reason": "a test" }), 404),
    ] {
        let (found, problem) = ask(&world, &path, body).await;
        assert_eq!(found, status, "{path}: {problem}");
    }
    let (_, dry) = ask(&world, "drop?dry_run=true", json!({ "all": true, "why": "a test" })).await;
    assert_eq!((&dry["found"], &dry["dropped"]), (&json!(3), &json!(0)), "{dry}");
    assert_eq!(list(&world, "").await.len(), 3);
    let (status, done) = ask(&world, &format!("{id}/drop"), json!({ "reason": "a test of the old number" })).await;
    assert_eq!((status, &done["dropped"]), (200, &json!(1)), "{done}");
    let (_, done) = ask(&world, "drop", json!({ "reason": "unknown_number", "why": "and the other one" })).await;
    assert_eq!((&done["found"], &done["dropped"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(list(&world, "").await.len(), 1, "another kind stays");
    let trail = world.items("/api/v1/audit?action=/drop").await;
    assert_eq!(trail[0]["reason"], "and the other one", "{trail:?}");
    world.end().await;
}

/// Posts a body that is signed with this secret; answers the row that came of it.
async fn put_aside(world: &World, secret: &str, body: &str) -> Value {
    let before = list(world, "").await.len();
    assert_eq!(world.post_signed(body, Some(&signature(secret, body.as_bytes()))).await.status(), 200);
    let mut rows = list(world, "").await;
    assert_eq!(rows.len(), before + 1);
    rows.remove(0)
}

async fn release(world: &World, row: &Value, how: Value) -> (u16, Value) {
    ask(world, &format!("{}/release", row["id"].as_str().unwrap()), how).await
}

/// An entry with a text to [`STRANGER`]. `before` makes it one that cannot be read.
fn entry(world: &World, before: &str) -> String {
    let value = json!({
        "metadata": { "phone_number_id": STRANGER }, "messages": [text(ADA, &world.wamid(), world.now_ms(), "hello")],
    });
    format!(r#"{{{before}"id":"300100200300401","changes":[{{"field":"messages","value":{value}}}]}}"#)
}

fn whole(entry: &str) -> String {
    format!(r#"{{"object":"whatsapp_business_account","entry":[{entry}]}}"#)
}

#[tokio::test]
async fn what_could_not_be_read_speaks_for_no_number_of_another_app_when_it_is_released() {
    let world = three().start().await;
    let row = put_aside(&world, SECRET, &whole(&entry(&world, r#""changes":[],"#))).await;
    assert_eq!(row["reason"], "unreadable", "{row}");
    for query in ["release?dry_run=true", "release"] {
        let (status, asked) = ask(&world, &format!("{}/{query}", row["id"].as_str().unwrap()), json!({})).await;
        assert_eq!((status, &asked["type"]), (409, &json!("/problems/confirm")), "{asked}");
        assert!(asked["detail"].as_str().unwrap().contains("another app"), "{asked}");
    }
    let (_, many) = ask(&world, "release", json!({ "all": true })).await;
    assert_eq!((&many["found"], &many["released"]), (&json!(1), &json!(0)), "{many}");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    let own = put_aside(&world, OTHER_SECRET, &whole(&entry(&world, r#""changes":[],"#))).await;
    let (status, done) = release(&world, &own, json!({})).await;
    assert_eq!((status, &done["taken"]["accepted"]), (200, &json!(1)), "its own app: {done}");
    world.wait_replies(ADA, 1).await;
    let (status, done) = release(&world, &row, json!({ "confirm": true })).await;
    assert_eq!((status, &done["taken"]["accepted"]), (200, &json!(1)), "{done}");
    world.wait_replies(ADA, 2).await;
    world.end().await;
}

#[tokio::test]
async fn an_element_in_the_shape_of_what_is_put_aside_is_only_an_element() {
    let world = three().start().await;
    let forged = format!(r#"{{"quarantined":"message","entry":[{}]}}"#, entry(&world, ""));
    let row = put_aside(&world, SECRET, &whole(&forged)).await;
    assert_eq!((&row["reason"], row["raw"]["quarantined"].as_str()), (&json!("unreadable"), Some("message")), "{row}");
    let (status, stays) = release(&world, &row, json!({ "confirm": true })).await;
    assert_eq!((status, &stays["type"]), (409, &json!("/problems/not-releasable")), "{stays}");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_number_that_comes_under_another_app_takes_what_was_signed_before_only_for_whoever_says_so() {
    let world = two().start().await;
    assert_eq!(signed(&world, SECRET, ADA, "for later").await, 200);
    let row = list(&world, "?reason=unknown_number").await.remove(0);
    assert_eq!(add(&world, json!({ "app_secret": OTHER_SECRET })).await.0, 201);
    let (status, asked) = release(&world, &row, json!({})).await;
    assert_eq!((status, &asked["type"]), (409, &json!("/problems/confirm")), "{asked}");
    let accepted = "parlance_webhook_events_total{kind=\"message\",outcome=\"accepted\"}";
    let wrong_app = "parlance_webhook_events_total{kind=\"quarantined\",outcome=\"wrong_app\"}";
    assert_eq!(
        (world.metric(accepted).await, world.metric(wrong_app).await),
        (0.0, 0.0),
        "what stays is not counted again"
    );
    let dry = format!("{}/release?dry_run=true", row["id"].as_str().unwrap());
    assert_eq!(ask(&world, &dry, json!({ "confirm": true })).await.0, 200);
    assert_eq!(world.metric(accepted).await, 0.0, "nor what was only tried");
    assert_eq!(release(&world, &row, json!({ "confirm": true })).await.0, 200);
    assert_eq!(world.metric(accepted).await, 1.0);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: for later"]);
    world.end().await;
}

#[tokio::test]
async fn what_has_grown_too_old_in_quarantine_runs_only_for_whoever_says_so() {
    let world = two().start().await;
    assert_eq!(signed(&world, SECRET, ADA, "long ago").await, 200);
    let row = list(&world, "?reason=unknown_number").await.remove(0);
    assert_eq!(add(&world, json!({})).await.0, 201);
    world.clock.advance(9 * DAY_MS);
    let (status, asked) = release(&world, &row, json!({})).await;
    assert_eq!((status, &asked["type"]), (409, &json!("/problems/confirm")), "{asked}");
    assert!(asked["detail"].as_str().unwrap().contains("older"), "{asked}");
    assert!(world.items("/api/v1/conversations").await.is_empty());
    let (status, done) = release(&world, &row, json!({ "confirm": true })).await;
    assert_eq!((status, &done["taken"]["accepted"]), (200, &json!(1)), "{done}");
    world.end().await;
}

#[tokio::test]
async fn a_webhook_of_which_something_was_put_aside_is_not_replayed() {
    let world = three().start().await;
    let forged = whole(&entry(&world, ""));
    assert_eq!(put_aside(&world, SECRET, &forged).await["reason"], "wrong_app");
    assert_eq!(put_aside(&world, SECRET, "hello").await["reason"], "unreadable");
    let told = r#"{"object":"whatsapp_business_account","entry":[{"id":"300100200300400","changes":[{"field":"account_update","value":{}}]}]}"#;
    assert_eq!(world.post(told).await, 200);
    for item in world.wait_items("/api/v1/webhooks", 3).await {
        for how in [json!({ "dedupe": "keep" }), json!({ "dedupe": "off", "confirm": true })] {
            let path = format!("/api/v1/webhooks/{}/replay", item["id"].as_str().unwrap());
            let (status, refused) = world.admin_post(&path, &how).await;
            assert_eq!((status, &refused["type"]), (409, &json!("/problems/not-replayable")), "{refused}");
            let is_aside = item["taken"]["quarantined"] == 1;
            assert_eq!(refused["detail"].as_str().unwrap().contains("release it from the quarantine"), is_aside);
        }
    }
    assert!(world.items("/api/v1/conversations").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn who_sees_some_numbers_sees_what_was_put_aside_of_them() {
    let world = two().start().await;
    assert_eq!(world.post(body(&[text(BEN, "wamid.9days", world.now_ms() - 9 * DAY_MS, "old")])).await, 200);
    assert_eq!(world.post(body(&[json!({ "from": ADA, "shape": "of tomorrow" })])).await, 200);
    assert_eq!(signed(&world, SECRET, ADA, "for the other").await, 200);
    assert_eq!(world.post("hello").await, 200);
    let all = list(&world, "").await;
    let numbers: Vec<_> = all.iter().map(|row| row["phone_number_id"].as_str()).collect();
    assert_eq!(numbers, [None, Some(SECOND), Some(NUMBER), Some(NUMBER)], "{all:?}");
    assert_eq!(add(&world, json!({})).await.0, 201, "before it is served no token can be of it");
    for (name, number, own) in [("first", NUMBER, &all[2..]), ("second", SECOND, &all[1..2])] {
        let token = token(&world, name, "operator", Some(&[number])).await;
        let url = format!("{}/api/v1/quarantine", world.admin_url());
        let seen = world.http.get(url).bearer_auth(token).send().await.unwrap().json::<Value>().await.unwrap();
        assert_eq!(seen["items"], json!(own), "{name}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_oldest_of_very_many_is_found_by_its_id_and_by_its_kind() {
    let world = World::start().await;
    let row = |reason: &str| {
        let (detail, payload) = ("the body is not JSON: EOF".into(), "{".into());
        Accept::Quarantine(Quarantined {
            reason: reason.into(),
            detail,
            received_ms: world.now_ms(),
            payload,
            signed_by: "".into(),
            made: false,
        })
    };
    let store = world.server().store();
    store.append(vec![row("wrong_app"), row("unreadable"), row("wrong_app")]).await.unwrap();
    for _ in 0..101 {
        store.append((0..1_000).map(|_| row("unknown_number")).collect()).await.unwrap();
    }
    let of_a_kind = json!({ "reason": "wrong_app", "why": "a test" });
    let (status, dry) = ask(&world, "drop?dry_run=true", of_a_kind).await;
    assert_eq!((status, &dry["found"], &dry["more"]), (200, &json!(2), &json!(false)), "{dry}");
    let (_, many) = ask(&world, "drop", json!({ "all": true, "why": "a test" })).await;
    assert_eq!((&many["found"], &many["dropped"], &many["more"]), (&json!(1_000), &json!(1_000), &json!(true)));
    let (status, gone) = ask(&world, "1/drop", json!({ "reason": "a test" })).await;
    assert_eq!(status, 404, "the oldest went first: {gone}");
    let (status, one) = ask(&world, "1001/drop", json!({ "reason": "a test" })).await;
    assert_eq!((status, &one["dropped"]), (200, &json!(1)), "{one}");
    world.end().await;
}
