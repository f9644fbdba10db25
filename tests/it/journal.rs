//! What a conversation went through, and what it was after any entry: through the real server.

use serde_json::{Value, json};

use crate::people::field;
use crate::support::compose::{text, value};
use crate::support::{ADA, Setup, World, bots, until};

async fn id_of(world: &World, person: &str) -> String {
    world.conversation(person).await["id"].as_str().unwrap().to_owned()
}

/// The status and the body of a refusal.
async fn refused(world: &World, path: &str) -> (u16, Value) {
    let answer = world.admin_raw(path).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The whole journal, oldest first, page by page.
async fn journal(world: &World, id: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("/api/v1/conversations/{id}/journal?order=asc&limit={limit}{cursor}")).await;
        all.extend(page["items"].as_array().unwrap().clone());
        assert!(page["entries"].as_u64().unwrap() as usize >= all.len());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// The state after each entry.
async fn states(world: &World, id: &str, count: usize) -> Vec<Value> {
    let mut states = Vec::new();
    for at in 0..count {
        states.push(world.admin(&format!("/api/v1/conversations/{id}/state?at={at}")).await);
    }
    states
}

#[tokio::test]
async fn the_state_after_every_entry_is_known_also_after_a_restart_and_with_a_newer_bot() {
    let mut world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    world.write(ADA, "many").await;
    world.wait_replies(ADA, 2).await;
    world.write(ADA, "7").await;
    world.wait_replies(ADA, 3).await;
    world.write(ADA, "again").await;
    world.wait_replies(ADA, 4).await;
    assert_eq!(world.advance_until_replies(61_000, ADA, 5).await[4], "too late");
    let id = id_of(&world, ADA).await;

    // How the messages stand shows in the entries, too.
    world.wait_items("/api/v1/outbox?state=accepted", 5).await;
    let entries = journal(&world, &id, 2).await;
    let came: Vec<_> =
        entries.iter().map(|entry| (entry["input"]["kind"].clone(), entry["input"]["text"].clone())).collect();
    let said = |text: &str| (json!("message"), json!(text));
    assert_eq!(came, [said("hello"), said("many"), said("7"), said("again"), (json!("timer"), json!(""))]);
    assert_eq!(
        entries[1]["trace"][0], "how_many: refuses it, for the answer is not a number (1 so far)",
        "{}",
        entries[1]
    );
    let sent: Vec<_> = entries.iter().map(|entry| entry["sends"][0]["text"].clone()).collect();
    assert_eq!(sent, ["How many?", "A number please.", "noted 7 of round 1", "How many?", "too late"]);
    let newest = world.items(&format!("/api/v1/conversations/{id}/journal?limit=2")).await;
    assert_eq!((&newest[0], &newest[1]), (&entries[4], &entries[3]));

    let before = states(&world, &id, 5).await;
    let told = |state: &Value| (state["state"].clone(), state["node"].clone(), state["variables"].clone());
    assert_eq!(told(&before[0]), (json!("waiting"), json!("how_many"), json!({ "asked": 1 })));
    assert_eq!(before[1]["wait"]["tries"], 1);
    assert_eq!(told(&before[2]), (json!("idle"), Value::Null, json!({ "asked": 1 })));
    assert_eq!(told(&before[3]), (json!("waiting"), json!("how_many"), json!({ "asked": 2 })));
    assert_eq!(told(&before[4]), (json!("idle"), Value::Null, json!({ "asked": 2 })));
    let changes = before[3]["changes"].as_array().unwrap();
    assert!(changes.contains(&json!({ "at": "/bot/contact/asked", "before": 1, "after": 2 })), "{changes:?}");
    assert!(entries[3]["changed"].as_array().unwrap().contains(&json!("/bot/contact/asked")));

    world.use_bot(&bots::ASK.replace("How many?", "How many, please?"));
    world.restart().await;
    assert_eq!(states(&world, &id, 5).await, before);
    assert_eq!(journal(&world, &id, 200).await, entries);
    world.end().await;
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let id = id_of(&world, ADA).await;
    for path in ["journal", "state", "state?at=0"] {
        for wrong in ["c_1", "c_00000000000000000000000000"] {
            assert_eq!(
                refused(&world, &format!("/api/v1/conversations/{wrong}/{path}")).await.0,
                404,
                "{wrong}/{path}"
            );
        }
    }
    let (status, problem) = refused(&world, &format!("/api/v1/conversations/{id}/state?at=9")).await;
    assert_eq!((status, &problem["detail"]), (404, &json!("there is no entry 9: the last one is 0")));
    for query in ["state?at=-1", "state?at=x", "state?t=1", "journal?order=up", "journal?limit=0", "journal?cursor=x"] {
        assert_eq!(refused(&world, &format!("/api/v1/conversations/{id}/{query}")).await.0, 400, "{query}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_takeover_and_what_staff_do_stand_in_the_journal() {
    let world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    let at = world.now_ms() / 1_000;
    let echo = json!({ "from": "15550100100", "to": ADA, "id": "wamid.echo", "type": "text",
        "timestamp": at.to_string(), "text": { "body": "I am here" } });
    assert_eq!(world.post(field("smb_message_echoes", json!({ "message_echoes": [echo] }))).await, 200);
    world.wait_consumed().await;
    world.write(ADA, "thank you").await;
    world.wait_consumed().await;
    let id = id_of(&world, ADA).await;
    let back = format!("/api/v1/conversations/{id}/handback");
    assert_eq!(world.admin_post(&back, &json!({ "outcome": "returned" })).await.0, 202);
    until("the bot answers again", async || (world.conversation(ADA).await["state"] == "waiting").then_some(())).await;

    let entries = journal(&world, &id, 200).await;
    let kinds: Vec<_> = entries.iter().map(|entry| entry["input"]["kind"].as_str().unwrap_or("-")).collect();
    assert_eq!(kinds, ["message", "echo", "-", "message", "-"]);
    assert_eq!(entries[2]["events"], json!(["phone_app took the conversation over"]));
    assert!(entries[4]["events"][0].as_str().unwrap().contains("the bot answers again"));
    let states = states(&world, &id, 5).await;
    let words: Vec<_> = states.iter().map(|state| state["state"].as_str().unwrap()).collect();
    assert_eq!(words, ["waiting", "waiting", "human", "human", "waiting"]);
    assert!(states.iter().all(|state| state["node"] == "how_many"));
    world.end().await;
}

#[tokio::test]
async fn a_conversation_that_took_in_another_one_tells_both_before_and_after() {
    let world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "by number").await;
    world.wait_replies(ADA, 1).await;
    let user = "GB.7781902234411";
    let mut hidden = text(ADA, "wamid.h1", world.now_ms(), "by user id");
    hidden.as_object_mut().unwrap().remove("from");
    hidden["from_user_id"] = json!(user);
    assert_eq!(world.post(value(json!({ "messages": [hidden] }))).await, 200);
    world.wait_items("/api/v1/conversations", 2).await;
    let mut both = text(ADA, "wamid.both", world.now_ms(), "5");
    both["from_user_id"] = json!(user);
    assert_eq!(world.post(value(json!({ "messages": [both] }))).await, 200);
    until("one conversation", async || (world.items("/api/v1/conversations").await.len() == 1).then_some(())).await;
    world.wait_consumed().await;

    let id = id_of(&world, ADA).await;
    let page = world.admin(&format!("/api/v1/conversations/{id}/journal?order=asc")).await;
    let part = page["merged"][0].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap();
    let taken = items.iter().position(|entry| entry["events"].to_string().contains("became a part of it")).unwrap();
    let states = states(&world, &id, items.len()).await;
    assert_eq!(states[taken]["more"]["absorbed"], json!([part]));
    assert_eq!(states[taken - 1]["more"]["absorbed"], json!([]));
    let now = world.admin(&format!("/api/v1/conversations/{id}")).await;
    assert_eq!(states.last().unwrap()["variables"], now["variables"]);

    let other = world.admin(&format!("/api/v1/conversations/{part}/journal?order=asc")).await;
    assert_eq!(other["merged_into"], json!(id));
    let last = other["entries"].as_u64().unwrap() - 1;
    let at = world.admin(&format!("/api/v1/conversations/{part}/state?at={last}")).await;
    assert_eq!(at["state"], "idle");
    assert!(at["more"]["merged_into"].is_string(), "{at}");
    let first = world.admin(&format!("/api/v1/conversations/{part}/state?at=0")).await;
    assert_eq!((&first["state"], &first["variables"]), (&json!("waiting"), &json!({ "asked": 1 })));
    world.end().await;
}

#[tokio::test]
async fn a_conversation_becomes_a_test_that_passes_and_names_nobody() {
    let world = Setup::default().bot(bots::ASK).start().await;
    let named = |id: &str, words: &str, at_ms: u64| {
        let contact = json!({ "profile": { "name": "Jane Roe" }, "wa_id": ADA });
        value(json!({ "contacts": [contact], "messages": [text(ADA, id, at_ms, words)] }))
    };
    for (n, words) in ["hello from Jane Roe", "many", "7", "again"].iter().enumerate() {
        assert_eq!(world.post(named(&format!("wamid.n{n}"), words, world.now_ms())).await, 200);
        world.wait_replies(ADA, n + 1).await;
        world.clock.advance(30_000);
    }
    assert_eq!(world.advance_until_replies(61_000, ADA, 5).await[4], "too late");
    let id = id_of(&world, ADA).await;

    let made = world.admin(&format!("/api/v1/conversations/{id}/test")).await;
    assert_eq!(made["warnings"], json!([]), "{made}");
    let yaml = made["yaml"].as_str().unwrap();
    for part in ["user: hello from Ada", "expect: noted 7 of round 1", "expect_end: no_answer", "wa_id: \"4470"] {
        assert!(yaml.contains(part), "{part}: {yaml}");
    }
    assert!(!yaml.contains("Jane") && !yaml.contains(ADA), "{yaml}");
    let tests: String = yaml.lines().map(|line| format!("  {line}\n")).collect();
    let source = format!("{}tests:\n{tests}", bots::ASK);
    let bot = chatbot::load(&source, "t.yaml", chatbot::Format::Yaml).bot.unwrap();
    for case in bot.tests() {
        assert_eq!(chatbot::testing::run(&bot, case).failure, None, "{source}");
    }

    let part = world.admin(&format!("/api/v1/conversations/{id}/test?from=3&to=4")).await;
    assert!(part["yaml"].as_str().unwrap().contains("given: { asked: 1 }"), "{part}");
    let (status, problem) = refused(&world, &format!("/api/v1/conversations/{id}/test?from=1")).await;
    assert_eq!((status, &problem["hint"]), (422, &json!("begin at entry 3: from=3")), "{problem}");
    for (query, status) in [("from=9", 404), ("to=9", 404), ("from=4&to=3", 422), ("from=x", 400), ("until=3", 400)] {
        assert_eq!(refused(&world, &format!("/api/v1/conversations/{id}/test?{query}")).await.0, status, "{query}");
    }
    assert_eq!(refused(&world, "/api/v1/conversations/c_1/test").await.0, 404);
    world.end().await;
}
