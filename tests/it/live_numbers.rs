//! Numbers that come, change and go while the server runs, and their secrets.

use parlance::server::StartError;
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{ACCESS_TOKEN, ADA, BEN, NUMBER, SECRET, Setup, World, compose, signature, text, until};

pub(crate) const SECOND: &str = "700800900100201";
const ACCOUNT: &str = "300100200300400";
/// A key for tests alone: 32 bytes, in base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

fn keyless() -> Setup {
    let number = |id: &str, shown: &str| simulator::Number {
        phone_number_id: id.into(),
        display_phone_number: shown.into(),
        waba_id: ACCOUNT.into(),
    };
    Setup::default().set("whatsapp.business_account_id", ACCOUNT).stand_in(|config| {
        config.numbers = vec![number(NUMBER, "15550100100"), number(SECOND, "15550100101")];
    })
}

pub(crate) fn two() -> Setup {
    keyless().set("secrets.key", KEY)
}

async fn call(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = world.admin_call(method, &format!("/api/v1/numbers{path}"));
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

pub(crate) async fn add(world: &World, more: Value) -> (u16, Value) {
    let mut body = json!({
        "phone_number_id": SECOND, "business_account_id": ACCOUNT, "access_token": ACCESS_TOKEN, "label": "Support",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(world, Method::POST, "", body).await
}

pub(crate) async fn signed(world: &World, secret: &str, from: &str, words: &str) -> StatusCode {
    let message = text(from, &world.wamid(), world.now_ms(), words);
    let shown = json!({ "display_phone_number": "15550100101", "phone_number_id": SECOND });
    let contacts = json!([{ "wa_id": from, "profile": { "name": "Somebody" } }]);
    let body = compose::value(json!({ "metadata": shown, "contacts": contacts, "messages": [message] }));
    let signature = signature(secret, body.as_bytes());
    world.post_signed(body, Some(&signature)).await.status()
}

async fn secret(world: &World, name: &str) -> Value {
    let (status, answer) = call(world, Method::GET, &format!("/{SECOND}/secrets"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap().clone()
}

async fn quarantined(world: &World) -> usize {
    world.items("/api/v1/quarantine").await.len()
}

#[tokio::test]
async fn number_is_served_from_its_answer_on_and_after_a_restart() {
    let mut world = two().start().await;
    assert_eq!(signed(&world, SECRET, ADA, "before").await, 200);
    assert_eq!(quarantined(&world).await, 1);
    let (status, dry) = call(
        &world,
        Method::POST,
        "?dry_run=true",
        json!({ "phone_number_id": SECOND, "business_account_id": ACCOUNT, "access_token": ACCESS_TOKEN }),
    )
    .await;
    assert_eq!((status, &dry["ok"]), (200, &json!(true)), "{dry}");
    assert_eq!(dry["number"]["display_phone_number"], "15550100101");
    assert_eq!(call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await.0, 404);

    let (status, added) = add(&world, json!({})).await;
    assert_eq!(status, 201, "{added}");
    assert_eq!((&added["label"], &added["origin"]), (&json!("Support"), &json!("store")));
    assert!(!added.to_string().contains(ACCESS_TOKEN));
    assert_eq!(signed(&world, SECRET, ADA, "after").await, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: after"]);
    assert!(world.calls()[0].path.contains(SECOND));
    assert_eq!(add(&world, json!({})).await.0, 409);

    world.restart().await;
    assert_eq!(signed(&world, SECRET, ADA, "again").await, 200);
    assert_eq!(world.wait_replies(ADA, 2).await[1], "2: again");
    assert_eq!(quarantined(&world).await, 1);
    let numbers = world.items("/api/v1/numbers").await;
    let origins: Vec<_> = numbers.iter().map(|number| number["origin"].as_str().unwrap()).collect();
    assert_eq!(origins, ["configuration", "store"]);
    world.end().await;
}

#[tokio::test]
async fn nothing_is_kept_without_a_key_and_the_answer_says_how_to_make_one() {
    let world = keyless().start().await;
    let (status, refused) = add(&world, json!({})).await;
    assert_eq!((status, refused["type"].as_str().unwrap()), (409, "/problems/no-secrets-key"));
    assert!(refused["hint"].as_str().unwrap().contains("secrets.key_file"), "{refused}");
    assert_eq!(call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await.0, 404);
    world.end().await;
}

#[tokio::test]
async fn another_key_or_none_stops_the_start_and_the_right_one_goes_on() {
    let mut world = two().start().await;
    assert_eq!(add(&world, json!({})).await.0, 201);
    world.stop_server().await;
    world.set("secrets.key", OTHER_KEY);
    let refused = world.try_start().await.err().unwrap();
    assert!(matches!(refused, StartError::Vault(_)), "{refused}");
    assert!(refused.to_string().contains("rekey"), "{refused}");
    world.set("secrets.key", "");
    let refused = world.try_start().await.err().unwrap().to_string();
    assert!(refused.contains("1 encrypted secrets") && refused.contains("secrets.key_file"), "{refused}");
    world.set("secrets.key", KEY);
    world.start_server().await;
    assert_eq!(signed(&world, SECRET, ADA, "hello").await, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    world.end().await;
}

#[tokio::test]
async fn token_that_is_replaced_lets_the_queue_leave_and_is_never_shown() {
    let world = two().start().await;
    assert_eq!(add(&world, json!({})).await.0, 201);
    world.handle.expire_token();
    assert_eq!(signed(&world, SECRET, ADA, "hello").await, 200);
    until("the number is paused", async || {
        let number = call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await.1;
        (number["paused"]["code"] == 190).then_some(())
    })
    .await;
    let (_, tested) = call(&world, Method::POST, &format!("/{SECOND}/test"), Value::Null).await;
    assert_eq!((&tested["ok"], &tested["problems"][0]["check"]), (&json!(false), &json!("token")), "{tested}");
    assert_eq!(tested["problems"][0]["code"], 190);

    world.handle.renew_token(SecretString::from("test-token-of-tomorrow"));
    let (status, answer) =
        call(&world, Method::PUT, &format!("/{SECOND}/secrets"), json!({ "access_token": "test-token-of-tomorrow" }))
            .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    assert!(!answer.to_string().contains("tomorrow"));
    let token = secret(&world, "access_token").await;
    assert_eq!((&token["set"], &token["origin"], &token["source"]), (&json!(true), &json!("store"), &json!("store")));
    assert!(token["since"].is_string() && token["age_seconds"].is_u64());
    let (_, tested) = call(&world, Method::POST, &format!("/{SECOND}/test"), Value::Null).await;
    assert_eq!(tested["ok"], true, "{tested}");
    world.end().await;
}

#[tokio::test]
async fn app_secret_from_before_a_rotation_counts_until_it_is_taken_away() {
    let mut world = two().start().await;
    assert_eq!(add(&world, json!({ "app_secret": "app-secret-one" })).await.0, 201);
    assert_eq!(signed(&world, "app-secret-one", ADA, "one").await, 200);
    let path = format!("/{SECOND}/secrets");
    assert_eq!(call(&world, Method::PUT, &path, json!({ "app_secret": "app-secret-two" })).await.0, 200);
    for secret in ["app-secret-one", "app-secret-two"] {
        assert_eq!(signed(&world, secret, ADA, secret).await, 200, "{secret}");
    }
    world.restart().await;
    for secret in ["app-secret-one", "app-secret-two"] {
        assert_eq!(signed(&world, secret, ADA, secret).await, 200, "{secret}");
    }
    assert_eq!(call(&world, Method::PUT, &path, json!({ "app_secret_previous": null })).await.0, 200);
    assert_eq!(signed(&world, "app-secret-one", ADA, "late").await, 401);
    assert_eq!(signed(&world, "app-secret-two", ADA, "fine").await, 200);
    assert_eq!(secret(&world, "app_secret_previous").await["set"], false);
    world.end().await;
}

#[tokio::test]
async fn number_with_open_messages_stays_unless_it_is_forced_and_is_unknown_then() {
    let world = two().start().await;
    assert_eq!(add(&world, json!({})).await.0, 201);
    assert_eq!(call(&world, Method::POST, &format!("/{SECOND}/pause"), json!({ "reason": "lunch" })).await.0, 200);
    assert_eq!(signed(&world, SECRET, ADA, "hello").await, 200);
    world.wait_consumed().await;
    let (status, busy) = call(&world, Method::DELETE, &format!("/{SECOND}"), Value::Null).await;
    assert_eq!((status, busy["type"].as_str().unwrap()), (409, "/problems/number-busy"));
    assert!(busy["detail"].as_str().unwrap().contains("1 messages that have not left"), "{busy}");
    assert_eq!(call(&world, Method::DELETE, &format!("/{SECOND}?force=true"), Value::Null).await.0, 204);
    assert_eq!(call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await.0, 404);
    assert_eq!(signed(&world, SECRET, BEN, "anybody there?").await, 200);
    assert_eq!(quarantined(&world).await, 1);
    assert_eq!(world.accepted().len(), 0);

    // It comes back, and what waited for it leaves; so it is still stopped by the operator until then.
    assert_eq!(add(&world, json!({})).await.0, 201);
    assert_eq!(call(&world, Method::POST, &format!("/{SECOND}/resume"), Value::Null).await.0, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: hello"]);
    world.end().await;
}

#[tokio::test]
async fn f120_who_wrote_to_a_number_that_is_not_served_any_more_is_handed_out_and_erased_all_the_same() {
    let mut world = two().start().await;
    assert_eq!(add(&world, json!({})).await.0, 201);
    assert_eq!(signed(&world, SECRET, ADA, "long ago").await, 200);
    assert_eq!(world.wait_replies(ADA, 1).await, ["1: long ago"]);
    world.wait_consumed().await;
    assert_eq!(call(&world, Method::DELETE, &format!("/{SECOND}?force=true"), Value::Null).await.0, 204);
    for _ in 0..2 {
        let exported = world.admin(&format!("/api/v1/contacts/{ADA}/export")).await;
        assert_eq!(exported["conversations"][0]["conversation"]["phone_number_id"], SECOND);
        assert!(exported.to_string().contains("long ago"));
        world.restart().await;
    }
    let (status, erased) = world.admin_post(&format!("/api/v1/contacts/{ADA}/erase"), &json!({ "confirm": ADA })).await;
    assert_eq!((status, &erased["erased"]["conversations"]), (200, &json!(1)), "{erased}");
    assert_eq!(world.items("/api/v1/conversations").await, Vec::<Value>::new());
    assert_eq!(world.items("/api/v1/outbox").await, Vec::<Value>::new());
    world.end().await;
}

#[tokio::test]
async fn what_the_configuration_sets_is_changed_there() {
    let world = two().start().await;
    let (status, refused) = call(&world, Method::DELETE, &format!("/{NUMBER}"), Value::Null).await;
    assert_eq!((status, refused["type"].as_str().unwrap()), (409, "/problems/number-configured"));
    let (status, _) = call(&world, Method::PATCH, &format!("/{NUMBER}"), json!({ "label": "x" })).await;
    assert_eq!(status, 409);
    let (status, refused) =
        call(&world, Method::PUT, &format!("/{NUMBER}/secrets"), json!({ "access_token": "another-token" })).await;
    assert_eq!((status, refused["type"].as_str().unwrap()), (409, "/problems/secret-configured"));
    assert!(refused["detail"].as_str().unwrap().contains("command line"), "{refused}");
    // What it leaves open may be given here.
    let (status, answer) =
        call(&world, Method::PUT, &format!("/{NUMBER}/secrets"), json!({ "verify_token": "verify-of-this-app" })).await;
    assert_eq!(status, 200, "{answer}");
    let verify =
        |token: &str| format!("{}?hub.mode=subscribe&hub.challenge=42&hub.verify_token={token}", world.webhook_url());
    assert_eq!(world.http.get(verify("verify-of-this-app")).send().await.unwrap().status(), 200);
    assert_eq!(world.http.get(verify(crate::support::VERIFY_TOKEN)).send().await.unwrap().status(), 200);
    assert_eq!(world.http.get(verify("another")).send().await.unwrap().status(), 403);
    world.end().await;
}

#[tokio::test]
async fn values_that_cannot_be_used_are_named_and_no_secret_stands_in_an_answer() {
    let world = two().start().await;
    let cases = [
        (json!({ "phone_number_id": "+44 7700" }), 422, "phone_number_id"),
        (json!({ "access_token": " padded-secret-token" }), 422, "access_token"),
        (json!({ "access_token": "" }), 422, "access_token"),
        (json!({ "bot": "nobody" }), 422, "bot"),
        (json!({ "messages_per_second": 30, "coexistence": true }), 422, "messages_per_second"),
        (json!({ "flow_private_key": "not-a-key-at-all" }), 422, "flow_private_key"),
        (json!({ "label": "x".repeat(101) }), 422, "label"),
        (json!({ "acces_token": "x" }), 422, "acces_token"),
        (json!({ "messages_per_second": "secret-in-the-wrong-place" }), 422, "line 1"),
    ];
    for (more, expected, part) in cases {
        let (status, answer) = add(&world, more.clone()).await;
        assert_eq!(status, expected, "{more}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(part), "{more}: {answer}");
        for secret in ["padded-secret-token", "not-a-key-at-all", "secret-in-the-wrong-place", ACCESS_TOKEN] {
            assert!(!answer.to_string().contains(secret), "{answer}");
        }
    }
    assert_eq!(call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await.0, 404);
    let (_, tested) =
        call(&world, Method::POST, "?dry_run=true", json!({ "phone_number_id": "999", "access_token": ACCESS_TOKEN }))
            .await;
    assert_eq!(tested["problems"][0]["check"], "number", "{tested}");
    let (_, tested) = call(
        &world,
        Method::POST,
        "?dry_run=true",
        json!({ "phone_number_id": SECOND, "business_account_id": "123", "access_token": ACCESS_TOKEN }),
    )
    .await;
    assert_eq!(tested["problems"][0]["check"], "account", "{tested}");
    world.end().await;
}

#[tokio::test]
async fn change_counts_at_once_and_stays() {
    let mut world = two().start().await;
    assert_eq!(add(&world, json!({})).await.0, 201);
    let change = json!({ "label": "", "messages_per_second": 7 });
    let (status, changed) = call(&world, Method::PATCH, &format!("/{SECOND}"), change).await;
    assert_eq!((status, &changed["label"], &changed["messages_per_second"]), (200, &Value::Null, &json!(7)));
    assert_eq!(changed["messages_per_second_now"], 7.0);
    world.restart().await;
    let (_, number) = call(&world, Method::GET, &format!("/{SECOND}"), Value::Null).await;
    assert_eq!((&number["messages_per_second"], &number["messages_per_second_now"]), (&json!(7), &json!(7.0)));
    let (_, usual) = call(&world, Method::PATCH, &format!("/{SECOND}"), json!({ "messages_per_second": null })).await;
    assert_eq!((&usual["messages_per_second"], &usual["messages_per_second_now"]), (&Value::Null, &Value::Null));
    world.end().await;
}
