//! What is signed but must not run: answered 200, kept for an operator, never run.

use serde_json::{Value, json};

use crate::support::compose::value;
use crate::support::{ADA, BEN, NUMBER, World, body, message, text};

const DAY_MS: u64 = 86_400_000;

async fn reasons(world: &World) -> Vec<String> {
    let rows = world.items("/api/v1/quarantine?limit=200").await;
    rows.iter().map(|row| row["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn f28_a_signed_body_that_cannot_be_read_is_acknowledged_and_kept() {
    let world = World::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_inside = body(&[]).replace("\"messages\":[]", &format!("\"messages\":{deep}"));
    let lone_surrogate =
        body(&[text(ADA, "wamid.lone", world.now_ms(), "x")]).replace("\"body\":\"x\"", r#""body":"\ud800""#);
    let bodies: [(&str, Vec<u8>); 9] = [
        ("cut", br#"{"object":"whatsapp_business_account","entry":[{"#.to_vec()),
        ("no JSON", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("a number", b"7".to_vec()),
        ("open brackets", "[".repeat(1_000_000).into_bytes()),
        ("deep", deep.into_bytes()),
        ("deep inside", deep_inside.into_bytes()),
        ("not UTF-8", b"{\"object\":\"whatsapp_business_account\xff\",\"entry\":[]}".to_vec()),
        ("NUL", b"\0".to_vec()),
    ];
    let count = bodies.len();
    for (name, body) in bodies {
        assert_eq!(world.post(body).await, 200, "{name}");
    }
    assert_eq!(reasons(&world).await, vec!["unreadable"; count]);
    assert_eq!(world.post(lone_surrogate).await, 200);

    let rows = world.items("/api/v1/quarantine").await;
    let first = rows.last().unwrap();
    assert_eq!(first["raw"], r#"{"object":"whatsapp_business_account","entry":[{"#);
    assert!(first["detail"].as_str().unwrap().contains("not JSON"), "{first}");
    assert!(first["at"].as_str().unwrap().ends_with('Z') && !first["id"].as_str().unwrap().is_empty());
    world.write(ADA, "still here").await;
    // A text that cannot be read is a message of an unknown kind: shown, and no reason to begin.
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: still here"]);
    assert_eq!(world.messages(ADA).await.len(), 3);
    world.end().await;
}

#[tokio::test]
async fn f29_an_unsigned_body_is_401_and_never_parsed_or_kept() {
    let world = World::start().await;
    for body in ["{", "hello", "", &"[".repeat(1_000_000)] {
        assert_eq!(world.post_signed(body, None).await.status(), 401);
    }
    assert!(reasons(&world).await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn f35_an_unknown_number_is_acknowledged_and_quarantined() {
    let world = World::start().await;
    let foreign = json!({ "display_phone_number": "15550100199", "phone_number_id": "999" });
    let hello = text(ADA, "wamid.foreign", world.now_ms(), "hello");
    let status = json!({ "id": "wamid.x", "status": "sent", "timestamp": "1795340000", "recipient_id": ADA });
    assert_eq!(world.post(value(json!({ "metadata": foreign, "messages": [hello] }))).await, 200);
    assert_eq!(world.post(value(json!({ "metadata": foreign, "statuses": [status] }))).await, 200);
    assert_eq!(reasons(&world).await, ["unknown_number", "unknown_number"]);
    let rows = world.items("/api/v1/quarantine").await;
    assert_eq!(rows[1]["raw"]["id"], "wamid.foreign");
    assert!(rows[1]["detail"].as_str().unwrap().contains("999"));
    assert!(world.items("/api/v1/conversations").await.is_empty(), "no conversation came of it");
    assert!(world.calls().is_empty());
    world.end().await;
}

#[tokio::test]
async fn f24_a_message_older_than_the_memory_of_duplicates_does_not_run() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let old = text(ADA, "wamid.9days", now_ms - 9 * DAY_MS, "old");
    let late = text(BEN, "wamid.23hours", now_ms - DAY_MS / 24 * 23, "late");
    assert_eq!(world.post(body(&[old, late])).await, 200);
    assert_eq!(world.wait_replies(BEN, 1).await, ["1: late"]);
    assert_eq!(reasons(&world).await, ["too_old"]);
    assert!(world.items(&format!("/api/v1/conversations?phone={ADA}")).await.is_empty());
    assert!(world.replies(ADA).is_empty());
    world.end().await;
}

#[tokio::test]
async fn f26_one_odd_element_does_not_hurt_its_neighbours() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let odd: [Value; 6] = [json!(null), json!(7), json!("text"), json!({}), json!([]), json!({ "from": ADA })];
    for (at, odd) in odd.into_iter().enumerate() {
        let (before, after) = (format!("wamid.b{at}"), format!("wamid.a{at}"));
        let (before, after) = (text(ADA, &before, now_ms, "before"), text(ADA, &after, now_ms, "after"));
        assert_eq!(world.post(value(json!({ "messages": [before, odd, after] }))).await, 200, "{odd}");
        let replies = world.wait_replies(ADA, 2 * (at + 1)).await;
        assert_eq!(replies[2 * at..], [format!("{}: before", 2 * at + 1), format!("{}: after", 2 * at + 2)], "{odd}");
        assert_eq!(reasons(&world).await.len(), at + 1, "{odd}");
    }
    world.end().await;
}

#[tokio::test]
async fn odd_layers_of_the_envelope_are_kept_beside_what_can_be_read() {
    let world = World::start().await;
    let good: Value = serde_json::from_str(&body(&[text(ADA, "wamid.good", world.now_ms(), "good")])).unwrap();
    let entry = good["entry"][0].clone();
    let change = entry["changes"][0].clone();
    let mixed = json!({
        "object": "whatsapp_business_account",
        "entry": [null, { "id": 7, "changes": "none" }, { "id": "300100200300400", "changes": [12, {}, change, { "field": "account_update", "value": {} }] }],
    });
    assert_eq!(world.post(mixed.to_string()).await, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: good"]);
    let mut reasons = reasons(&world).await;
    reasons.sort();
    assert_eq!(reasons, ["unreadable", "unreadable", "unreadable", "unreadable"]);
    let notices = world.items("/api/v1/notices").await;
    assert_eq!((notices.len(), &notices[0]["field"]), (1, &serde_json::json!("account_update")));
    world.end().await;
}

#[tokio::test]
async fn f27_unknown_types_fields_and_missing_contacts_are_tolerated_and_kept() {
    let world = World::start().await;
    let now_ms = world.now_ms();
    let kinds = [
        json!({ "type": "hologram", "hologram": { "depth": 3 } }),
        json!({ "type": "unsupported", "errors": [{ "code": 131051, "title": "Unsupported message type" }] }),
        json!({ "type": "interactive" }),
        json!({ "type": "reaction", "reaction": { "message_id": "wamid.X" } }),
        json!({ "type": "system", "system": { "body": "changed", "type": "user_changed_number" } }),
        json!({ "text": { "body": 7 }, "type": "text" }),
        json!({ "type": 5 }),
        json!({}),
    ];
    let count = kinds.len();
    for (at, kind) in kinds.into_iter().enumerate() {
        let odd = message(ADA, &format!("wamid.kind{at}"), now_ms, kind.clone());
        let odd = value(json!({ "messages": [odd], "new_field": [1, 2], "contacts": [{ "wa_id": "1" }, null] }));
        assert_eq!(world.post(odd).await, 200, "{kind}");
    }
    world.wait_consumed().await;
    let messages = world.messages(ADA).await;
    let inbound: Vec<_> = messages.iter().filter(|message| message["direction"] == "in").collect();
    assert_eq!(inbound.len(), count, "each is shown");
    assert_eq!(inbound[count - 1]["raw"]["hologram"]["depth"], 3, "and raw");
    assert_eq!(inbound[count - 2]["type"], "unsupported");
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.write(ADA, "normal").await;
    let replies = crate::support::until("the normal one", async || world.replies(ADA).last().cloned()).await;
    assert!(!replies.is_empty());
    world.end().await;
}

#[tokio::test]
async fn somebody_without_a_number_is_answered_by_the_business_scoped_id() {
    let world = World::start().await;
    let mut hello = text(ADA, "wamid.hidden", world.now_ms(), "hello");
    hello.as_object_mut().unwrap().remove("from");
    hello["from_user_id"] = json!("GB.7781902234411");
    let contact = json!({ "profile": { "name": "Ada", "username": "ada" }, "user_id": "GB.7781902234411" });
    assert_eq!(world.post(value(json!({ "messages": [hello], "contacts": [contact] }))).await, 200);
    assert_eq!(world.wait_replies("GB.7781902234411", 1).await, ["1: hello"]);
    let conversation = world.items("/api/v1/conversations").await.remove(0);
    assert_eq!((&conversation["user_id"], &conversation["wa_id"]), (&json!("GB.7781902234411"), &Value::Null));
    assert_eq!(conversation["phone_number_id"], NUMBER);
    world.end().await;
}

#[tokio::test]
async fn a_group_message_is_shown_and_never_answered() {
    let world = World::start().await;
    let mut group = text(ADA, "wamid.group", world.now_ms(), "hello all");
    group["group_id"] = json!("120363000000000001");
    assert_eq!(world.post(body(&[group])).await, 200);
    world.wait_consumed().await;
    world.write(BEN, "alone").await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(world.calls().len(), 1, "only Ben was answered");
    let conversations = world.items("/api/v1/conversations").await;
    assert_eq!(conversations.len(), 2, "{conversations:?}");
    world.end().await;
}

#[tokio::test]
async fn a_message_from_the_far_future_is_taken_like_any_other() {
    let world = World::start().await;
    let mut odd = text(ADA, "wamid.future", world.now_ms(), "soon");
    odd["timestamp"] = json!((u64::MAX / 1_000).to_string());
    let mut echo = text("15550100100", "wamid.echo", world.now_ms(), "later");
    (echo["to"], echo["timestamp"]) = (json!(BEN), odd["timestamp"].clone());
    assert_eq!(world.post(body(&[odd])).await, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: soon"]);
    let echoes = json!({ "message_echoes": [echo] });
    assert_eq!(world.post(crate::people::field("smb_message_echoes", echoes)).await, 200);
    world.wait_consumed().await;
    assert_eq!(world.conversation(BEN).await["state"], "human");
    assert!(reasons(&world).await.is_empty());
    world.end().await;
}
