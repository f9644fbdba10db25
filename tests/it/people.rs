//! People through the real server: opt-outs, changed numbers, and what their conversations show.

use serde_json::{Value, json};

use crate::support::compose::{message, status, statuses, value};
use crate::support::{ADA, BEN, NUMBER, World, text, until};

const USER: &str = "GB.7781902234411";

/// The body with a change of another field than `messages`.
pub(crate) fn field(name: &str, mut value: Value) -> String {
    value["metadata"] = json!({ "display_phone_number": "15550100100", "phone_number_id": NUMBER });
    let change = json!({ "field": name, "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "300100200300400", "changes": [change] }] })
        .to_string()
}

#[tokio::test]
async fn two_conversations_of_one_person_are_listed_as_one_with_all_messages() {
    let world = World::start().await;
    world.write(ADA, "by number").await;
    let hidden = |wamid: &str, words: &str| {
        let mut hidden = text(ADA, wamid, world.now_ms(), words);
        hidden.as_object_mut().unwrap().remove("from");
        hidden["from_user_id"] = json!(USER);
        value(json!({ "messages": [hidden] }))
    };
    assert_eq!(world.post(hidden("wamid.h1", "by user id")).await, 200);
    world.wait_items("/api/v1/conversations", 2).await;
    let mut both = text(ADA, "wamid.both", world.now_ms(), "by both");
    both["from_user_id"] = json!(USER);
    assert_eq!(world.post(value(json!({ "messages": [both] }))).await, 200);
    until("one conversation", async || (world.items("/api/v1/conversations").await.len() == 1).then_some(())).await;
    world.wait_consumed().await;
    let conversation = world.conversation(ADA).await;
    assert_eq!((&conversation["wa_id"], &conversation["user_id"]), (&json!(ADA), &json!(USER)));
    let said = |messages: &[Value]| -> Vec<String> {
        let inbound = messages.iter().filter(|message| message["direction"] == "in");
        inbound.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = said(&world.messages(ADA).await);
    all.sort();
    assert_eq!(all, ["by both", "by number", "by user id"]);
    // The same, page by page.
    let id = conversation["id"].as_str().unwrap();
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("/api/v1/conversations/{id}/messages?limit=1{cursor}")).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(said(&paged), said(&world.messages(ADA).await));
    let part = conversation["merged"][0].as_str().unwrap();
    let part = world.admin(&format!("/api/v1/conversations/{part}")).await;
    assert_eq!(part["merged_into"], conversation["id"]);
    world.end().await;
}

#[tokio::test]
async fn a_changed_number_is_found_by_both_and_answered_at_the_new_one() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let system = json!({ "type": "user_changed_number", "wa_id": BEN, "body": "a new number" });
    let told = message(ADA, "wamid.s", world.now_ms(), json!({ "type": "system", "system": system }));
    assert_eq!(world.post(value(json!({ "messages": [told] }))).await, 200);
    world.wait_consumed().await;
    world.write(BEN, "again").await;
    assert_eq!(world.wait_replies(BEN, 1).await, ["2: again"]);
    assert_eq!(world.conversation(ADA).await["id"], world.conversation(BEN).await["id"]);
    assert_eq!(world.conversation(BEN).await["former_numbers"], json!([ADA]));
    let shown = world.messages(BEN).await;
    assert!(shown.iter().any(|message| message["type"] == "system" && message["text"] == "a new number"));
    world.end().await;
}

/// A message with a number and a user id.
fn with_user(from: &str, user: &str, wamid: &str, at_ms: u64, words: &str) -> String {
    let mut one = text(from, wamid, at_ms, words);
    one["from_user_id"] = json!(user);
    value(json!({ "messages": [one] }))
}

fn user_id_changed(wa_id: &str, previous: &str, current: &str, at_ms: u64) -> String {
    let one = json!({ "wa_id": wa_id, "detail": "another user id", "timestamp": at_ms / 1_000,
        "user_id": { "previous": previous, "current": current } });
    field("user_id_update", json!({ "user_id_update": [one] }))
}

#[tokio::test]
async fn a_new_user_id_that_meta_tells_of_is_the_same_person() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    assert_eq!(world.post(with_user(ADA, USER, "wamid.1", now_ms, "hi")).await, 200);
    world.wait_replies(ADA, 1).await;
    assert_eq!(world.post(user_id_changed(ADA, USER, "GB.2", now_ms)).await, 200);
    world.wait_consumed().await;
    assert_eq!(world.post(with_user(ADA, "GB.2", "wamid.2", now_ms + 2_000, "again")).await, 200);
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hi", "2: again"]);
    assert_eq!(world.conversation(ADA).await["user_id"], "GB.2");
    assert_eq!(world.items("/api/v1/conversations").await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_new_user_id_that_meta_tells_of_late_makes_one_person_of_two() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    assert_eq!(world.post(with_user(ADA, USER, "wamid.1", now_ms, "hi")).await, 200);
    world.wait_replies(ADA, 1).await;
    assert_eq!(world.post(with_user(ADA, "GB.2", "wamid.2", now_ms + 2_000, "me")).await, 200);
    assert_eq!(world.wait_replies(ADA, 2).await, ["1: hi", "1: me"], "somebody else, as far as is known");
    world.wait_items("/api/v1/conversations", 2).await;
    assert_eq!(world.post(user_id_changed(ADA, USER, "GB.2", now_ms)).await, 200);
    until("one conversation", async || (world.items("/api/v1/conversations").await.len() == 1).then_some(())).await;
    world.wait_consumed().await;
    let person = world.conversation(ADA).await;
    assert_eq!((&person["wa_id"], &person["user_id"]), (&json!(ADA), &json!("GB.2")));
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_opt_out_is_shown_and_the_latest_word_counts() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    assert_eq!(world.conversation(ADA).await["marketing"], Value::Null);
    let said = |value: &str, at_ms: u64| {
        let one = json!({ "wa_id": ADA, "detail": format!("said {value}"), "category": "marketing_messages",
            "value": value, "timestamp": at_ms / 1_000 });
        field("user_preferences", json!({ "user_preferences": [one] }))
    };
    let now_ms = world.now_ms();
    for (word, at_ms, shown) in [
        ("stop", now_ms, "opted_out"),
        ("stop", now_ms, "opted_out"),
        ("resume", now_ms - 60_000, "opted_out"),
        ("signup", now_ms + 1_000, "opted_in"),
    ] {
        assert_eq!(world.post(said(word, at_ms)).await, 200);
        world.wait_consumed().await;
        assert_eq!(world.conversation(ADA).await["marketing"], shown, "{word}");
    }
    let shown: Vec<_> = world.messages(ADA).await.into_iter().filter(|m| m["type"] == "user_preferences").collect();
    assert_eq!(shown.len(), 3, "a repetition is not shown");
    assert_eq!(shown[0]["text"], "said signup");
    assert_eq!(world.replies(ADA).len(), 1, "a bot does not hear of it");
    world.end().await;
}

#[tokio::test]
async fn a_status_tells_what_a_message_cost_and_that_a_free_entry_point_is_open() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    until("accepted", async || (world.messages(ADA).await[0]["status"] == "accepted").then_some(())).await;
    let row = world.accepted().remove(0);
    let mut sent = status(&row.wamid, &row.callback_data, "sent", world.now_ms());
    sent["pricing"] =
        json!({ "billable": false, "pricing_model": "PMP", "type": "free_entry_point", "category": "service" });
    let ends = world.now_ms() / 1_000 + 72 * 3_600;
    sent["conversation"] =
        json!({ "id": "c1", "origin": { "type": "referral_conversion" }, "expiration_timestamp": ends.to_string() });
    let read = status(&row.wamid, &row.callback_data, "read", world.now_ms());
    assert_eq!(world.post(statuses(&[read, sent])).await, 200);
    world.wait_consumed().await;
    let messages = world.messages(ADA).await;
    assert_eq!(messages[0]["status"], "read");
    assert_eq!(messages[0]["pricing"]["type"], "free_entry_point");
    assert!(world.conversation(ADA).await["free_entry_point_expires_at"].is_string());
    world.end().await;
}
