//! Several numbers of two accounts and two apps in one process: each has its people, its token, its limits and its bot.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use simulator::{Operation, Rule};

use crate::admin::problem;
use crate::support::{
    ACCESS_TOKEN, ADA, ADMIN_TOKEN, BEN, NUMBER, SECRET, Setup, World, bots, compose, person, signature, text, until,
};

/// Of the same account and app as [`NUMBER`].
pub(crate) const SISTER: &str = "700800900100201";
/// Of another account and app.
pub(crate) const STRANGER: &str = "700800900100202";
const ACCOUNT: &str = "300100200300400";
const OTHER_ACCOUNT: &str = "300100200300401";
pub(crate) const OTHER_SECRET: &str = "test-other-app-secret";

pub(crate) fn three() -> Setup {
    let number = |id: &str, shown: &str, account: &str| simulator::Number {
        phone_number_id: id.into(),
        display_phone_number: shown.into(),
        waba_id: account.into(),
    };
    Setup::default()
        .set("whatsapp.business_account_id", ACCOUNT)
        .set("whatsapp.number.0.phone_number_id", SISTER)
        .set("whatsapp.number.1.phone_number_id", STRANGER)
        .set("whatsapp.number.1.business_account_id", OTHER_ACCOUNT)
        .set("whatsapp.number.1.app_secret", OTHER_SECRET)
        .stand_in(|config| {
            config.numbers = vec![
                number(NUMBER, "15550100100", ACCOUNT),
                number(SISTER, "15550100101", ACCOUNT),
                number(STRANGER, "15550100102", OTHER_ACCOUNT),
            ];
        })
}

/// A text to a number, in a body signed with this secret.
async fn write_signed(world: &World, number: &str, secret: &str, from: &str, words: &str) -> StatusCode {
    let message = text(from, &world.wamid(), world.now_ms(), words);
    let shown = json!({ "display_phone_number": "15550100109", "phone_number_id": number });
    let contacts = json!([{ "wa_id": from, "profile": { "name": "Somebody" } }]);
    let body = compose::value(json!({ "metadata": shown, "contacts": contacts, "messages": [message] }));
    let signature = signature(secret, body.as_bytes());
    world.post_signed(body, Some(&signature)).await.status()
}

pub(crate) async fn write(world: &World, number: &str, from: &str, words: &str) {
    let secret = if number == STRANGER { OTHER_SECRET } else { SECRET };
    assert_eq!(write_signed(world, number, secret, from, words).await, 200);
}

/// Accepted sends from a number.
fn accepted_from(world: &World, number: &str) -> usize {
    let path = format!("/{number}/messages");
    world.calls().iter().filter(|call| call.accepted && call.path.ends_with(&path)).count()
}

async fn wait_accepted_from(world: &World, number: &str, count: usize) {
    until(&format!("{count} sends from {number}"), async || (accepted_from(world, number) >= count).then_some(()))
        .await;
}

async fn number(world: &World, id: &str) -> Value {
    world.admin(&format!("/api/v1/numbers/{id}")).await
}

/// The number once it is paused for this cause.
async fn wait_paused(world: &World, id: &str, cause: &str) -> Value {
    until(&format!("{id} is paused: {cause}"), async || {
        let shown = number(world, id).await;
        (shown["paused"]["cause"] == cause).then_some(shown)
    })
    .await
}

async fn admin_post(world: &World, path: &str, body: &str) -> Response {
    let url = format!("http://{}{path}", world.server().admin);
    world.http.post(url).bearer_auth(ADMIN_TOKEN).body(body.to_owned()).send().await.unwrap()
}

fn refuse(number: &str, code: u32) -> Rule {
    Rule { phone_number_id: Some(number.into()), code: Some(code), ..Rule::on(Operation::Send) }
}

#[tokio::test]
async fn person_who_writes_to_two_numbers_has_two_conversations() {
    let world = three().start().await;
    write(&world, NUMBER, ADA, "to the first").await;
    write(&world, STRANGER, ADA, "to the third").await;
    wait_accepted_from(&world, NUMBER, 1).await;
    wait_accepted_from(&world, STRANGER, 1).await;
    let mut replies = world.replies(ADA);
    replies.sort();
    assert_eq!(replies, ["1: to the first", "1: to the third"]);
    let conversations = world.items(&format!("/api/v1/conversations?phone={ADA}")).await;
    let mut of: Vec<_> = conversations.iter().map(|one| one["phone_number_id"].as_str().unwrap()).collect();
    of.sort_unstable();
    assert_eq!(of, [NUMBER, STRANGER]);
    assert_eq!(accepted_from(&world, SISTER), 0);
    world.end().await;
}

#[tokio::test]
async fn body_of_one_app_does_not_speak_for_the_numbers_of_another() {
    let world = three().start().await;
    for (number, secret) in [(STRANGER, SECRET), (NUMBER, OTHER_SECRET), (SISTER, OTHER_SECRET)] {
        assert_eq!(write_signed(&world, number, secret, ADA, "forged").await, 200);
    }
    assert_eq!(write_signed(&world, NUMBER, "no-app-of-ours", ADA, "forged").await, 401);
    let status = compose::status("wamid.x", "p1.x", "read", world.now_ms());
    let metadata = json!({ "phone_number_id": STRANGER });
    let body = compose::value(json!({ "metadata": metadata, "statuses": [status] }));
    assert_eq!(world.post(body).await, 200);
    let quarantined = world.wait_items("/api/v1/quarantine", 4).await;
    assert!(quarantined.iter().all(|row| row["reason"] == "wrong_app"), "{quarantined:?}");
    write(&world, SISTER, ADA, "true").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: true"], "what was forged is no message");
    world.end().await;
}

#[tokio::test]
async fn trouble_of_one_number_is_nobody_elses() {
    let world = three().start().await;
    let dead_token = refuse(NUMBER, 190);
    let too_fast = Rule { retry_after_s: Some(30), ..refuse(SISTER, 130_429) };
    world.trouble(vec![dead_token, too_fast]);
    for n in 0..10 {
        for number in [NUMBER, SISTER, STRANGER] {
            write(&world, number, &person(n), "hello").await;
        }
    }
    wait_accepted_from(&world, STRANGER, 10).await;
    let dead = wait_paused(&world, NUMBER, "refused").await;
    assert_eq!((&dead["paused"]["code"], &dead["open"]), (&json!(190), &json!(10)), "{dead}");
    assert!(dead["paused"]["since"].is_string() && dead["paused"]["next_probe"].is_string(), "{dead}");
    let slow = wait_paused(&world, SISTER, "too_fast").await;
    assert_eq!((&slow["paused"]["code"], &slow["open"]), (&json!(130_429), &json!(10)), "{slow}");
    assert_eq!(number(&world, STRANGER).await["paused"], Value::Null);
    assert_eq!((accepted_from(&world, NUMBER), accepted_from(&world, SISTER)), (0, 0));

    world.handle.clear_trouble();
    until("everything has left as time goes by", async || {
        world.clock.advance(10_000);
        (accepted_from(&world, NUMBER) + accepted_from(&world, SISTER) == 20).then_some(())
    })
    .await;
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn limit_of_an_account_slows_its_numbers_only() {
    let world = three().start().await;
    world.trouble(vec![Rule { count: Some(1), ..refuse(NUMBER, 80_007) }]);
    write(&world, NUMBER, ADA, "hello").await;
    wait_paused(&world, NUMBER, "too_fast").await;
    wait_paused(&world, SISTER, "too_fast").await;
    write(&world, SISTER, BEN, "hello").await;
    write(&world, STRANGER, BEN, "hello").await;
    wait_accepted_from(&world, STRANGER, 1).await;
    assert_eq!((accepted_from(&world, NUMBER), accepted_from(&world, SISTER)), (0, 0));
    until("the account goes on", async || {
        world.clock.advance(10_000);
        (accepted_from(&world, NUMBER) == 1 && accepted_from(&world, SISTER) == 1).then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn operator_stops_and_resumes_a_number() {
    let mut world = three().start().await;
    for (path, body, status) in [
        ("999/pause", r#"{"reason":"x"}"#, 404),
        ("999/resume", "", 404),
        (&format!("{NUMBER}/pause"), r#"{"reason":"  "}"#, 400),
        (&format!("{NUMBER}/pause"), "", 400),
    ] {
        let answer = admin_post(&world, &format!("/api/v1/numbers/{path}"), body).await;
        assert_eq!(problem(answer).await.0, status, "{path}");
    }
    assert_eq!(problem(world.admin_raw("/api/v1/numbers/999").await).await.0, 404);

    let path = format!("/api/v1/numbers/{NUMBER}");
    let answer = admin_post(&world, &format!("{path}/pause"), r#"{"reason":"moving house"}"#).await;
    assert_eq!(answer.status(), 200);
    wait_paused(&world, NUMBER, "stopped").await;
    write(&world, NUMBER, ADA, "hello").await;
    write(&world, SISTER, ADA, "hello").await;
    wait_accepted_from(&world, SISTER, 1).await;
    world.wait_items("/api/v1/outbox?state=queued", 1).await;
    world.restart().await;
    let stopped = wait_paused(&world, NUMBER, "stopped").await;
    assert!(stopped["paused"]["why"].as_str().unwrap().contains("moving house"), "{stopped}");
    assert_eq!((accepted_from(&world, NUMBER), &stopped["open"]), (0, &json!(1)));
    assert_eq!(admin_post(&world, &format!("{path}/resume"), "").await.status(), 200);
    wait_accepted_from(&world, NUMBER, 1).await;
    assert_eq!(number(&world, NUMBER).await["paused"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn numbers_are_listed_as_they_are_configured_and_as_they_stand() {
    let world = three()
        .set("whatsapp.number.0.coexistence", "true")
        .set("whatsapp.number.1.messages_per_second", "7")
        .start()
        .await;
    write(&world, STRANGER, ADA, "hello").await;
    wait_accepted_from(&world, STRANGER, 1).await;
    let listed = world.items("/api/v1/numbers").await;
    let shown = |field: &str| listed.iter().map(|number| number[field].clone()).collect::<Vec<_>>();
    assert_eq!(shown("id"), [NUMBER, SISTER, STRANGER]);
    assert_eq!(shown("business_account_id"), [ACCOUNT, ACCOUNT, OTHER_ACCOUNT]);
    assert_eq!(shown("coexistence"), [false, true, false]);
    assert_eq!(shown("messages_per_second"), [Value::Null, json!(20), json!(7)]);
    assert_eq!(shown("display_phone_number"), [Value::Null, Value::Null, json!("15550100109")]);
    assert_eq!(world.admin("/api/v1/status").await["numbers"][2]["id"], STRANGER);
    assert_eq!(world.metric(&format!("parlance_outbox_oldest_seconds{{number=\"{SISTER}\"}}")).await, 0.0);
    world.end().await;
}

#[tokio::test]
async fn number_has_a_bot_of_its_own() {
    let world = three().also(bots::THREE).set("whatsapp.number.1.bot", "three").start().await;
    write(&world, STRANGER, ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 3).await, ["hi a", "hi b", "hi c"]);
    write(&world, SISTER, BEN, "hi").await;
    assert_eq!(world.wait_replies(BEN, 1).await, ["1: hi"]);
    world.end().await;
}

#[tokio::test]
async fn renewed_token_of_a_file_counts_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, ACCESS_TOKEN).unwrap();
    let path = file.display().to_string();
    let world = three().set("whatsapp.access_token", "").set("whatsapp.access_token_file", &path).start().await;
    write(&world, NUMBER, ADA, "one").await;
    world.wait_replies(ADA, 1).await;
    world.handle.expire_token();
    for (n, number) in [NUMBER, SISTER, STRANGER].into_iter().enumerate() {
        write(&world, number, &person(n), "hello").await;
        assert_eq!(wait_paused(&world, number, "refused").await["paused"]["code"], 190);
    }
    std::fs::write(&file, "").unwrap();
    world.clock.advance(parlance::secrets::LOOK_EVERY_MS);
    world.handle.renew_token("test-access-token-renewed".to_owned().into());
    std::fs::write(&file, "test-access-token-renewed\n").unwrap();
    // Less than the first probe waits: it is the new token that lets them go.
    until("the file is read", async || {
        world.clock.advance(parlance::secrets::LOOK_EVERY_MS / 10);
        (world.accepted().len() == 4).then_some(())
    })
    .await;
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    until("no number is paused", async || {
        world.items("/api/v1/numbers").await.iter().all(|number| number["paused"].is_null()).then_some(())
    })
    .await;
    world.end().await;
}
