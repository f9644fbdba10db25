//! How numbers and token stand with Meta, and Meta's own limits.

use serde_json::{Value, json};
use simulator::NumberStanding;

use crate::support::{NUMBER, PHONE_1, TOKEN, World, code, config};

async fn world() -> World {
    let mut config = config();
    config.enforce_window = false;
    config.auto_status = simulator::AutoStatus::NONE;
    World::with(config).await
}

async fn number_says(world: &World) -> Value {
    world.graph("GET", NUMBER, Value::Null).await.1
}

#[tokio::test]
async fn a_number_that_is_not_registered_or_restricted_sends_nothing_until_it_is_again() {
    let world = world().await;
    let path = format!("/_sim/numbers/{NUMBER}");
    for (standing, expected, word) in [
        (json!({ "registered": false }), (400, 133010), "DISCONNECTED"),
        (json!({ "refuses": 131031 }), (403, 131031), "RESTRICTED"),
        (json!({ "refuses": 368 }), (403, 368), "RESTRICTED"),
        (json!({ "refuses": 131042 }), (400, 131042), "RESTRICTED"),
        (json!({ "refuses": 131048 }), (400, 131048), "RESTRICTED"),
        (json!({}), (200, 0), "CONNECTED"),
    ] {
        assert_eq!(world.control("PUT", &path, standing.clone()).await.0, 200);
        assert_eq!(code(&world.send(PHONE_1, "x").await), expected, "{standing}");
        assert_eq!(number_says(&world).await["status"], word, "{standing}");
    }
    assert_eq!(world.get(&path).await, json!({ "registered": true, "on_phone_app": false }));
    assert_eq!(world.control("PUT", "/_sim/numbers/42", json!({})).await.0, 404);
    assert_eq!(world.control("PUT", &path, json!({ "registred": false })).await.0, 400);
}

#[tokio::test]
async fn a_test_number_reaches_those_on_its_list_only() {
    let world = world().await;
    let reaches = Some(vec!["+44 7700 900101".to_owned()]);
    world.handle.set_standing(NUMBER, NumberStanding { reaches, ..NumberStanding::default() }).unwrap();
    assert_eq!(world.send(PHONE_1, "listed").await.0, 200);
    assert_eq!(code(&world.send("447700900102", "not listed").await), (400, 131030));
    assert_eq!(number_says(&world).await["account_mode"], "SANDBOX");
    let six = Some((0..6).map(|n| format!("44770090010{n}")).collect());
    assert!(world.handle.set_standing(NUMBER, NumberStanding { reaches: six, ..NumberStanding::default() }).is_err());
}

#[tokio::test]
async fn a_number_that_is_on_a_phone_too_sends_twenty_a_second() {
    let world = world().await;
    let shared = NumberStanding { on_phone_app: true, ..NumberStanding::default() };
    world.handle.set_standing(NUMBER, shared).unwrap();
    assert_eq!(number_says(&world).await["is_on_biz_app"], true);
    for second in 0..2 {
        for n in 0..20 {
            assert_eq!(world.send(PHONE_1, "x").await.0, 200, "{n} of second {second}");
        }
        assert_eq!(code(&world.send(PHONE_1, "x").await), (429, 130429));
        world.handle.advance(1_000);
    }
    world.handle.reset();
    assert_eq!(number_says(&world).await["is_on_biz_app"], false);
}

#[tokio::test]
async fn an_expired_token_is_refused_until_a_new_one_takes_its_place() {
    let world = world().await;
    assert_eq!(world.control("POST", "/_sim/token", json!({})).await.0, 200);
    let (status, refused) = world.send(PHONE_1, "x").await;
    assert_eq!(
        (status, &refused["error"]["code"], &refused["error"]["error_subcode"]),
        (401, &json!(190), &json!(463))
    );
    assert!(refused["error"]["message"].as_str().unwrap().contains("expired"), "{refused}");
    assert_eq!(world.graph("GET", NUMBER, Value::Null).await.0, 401, "for every call");

    assert_eq!(world.control("POST", "/_sim/token", json!({ "renewed": "test-token-2" })).await.0, 200);
    let (_, refused) = world.send(PHONE_1, "x").await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["error_subcode"]), (&json!(190), &Value::Null));
    let renewed = world.http.get(format!("{}/v25.0/{NUMBER}", world.handle.base_url())).bearer_auth("test-token-2");
    assert_eq!(renewed.send().await.unwrap().status(), 200);

    world.handle.renew_token(TOKEN.into());
    assert_eq!(world.send(PHONE_1, "x").await.0, 200);
    assert_eq!(world.control("POST", "/_sim/token", json!({ "renewed": "" })).await.0, 400);
}
