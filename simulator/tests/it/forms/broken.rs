//! Endpoints that answer wrong, and what the phone does then.

use serde_json::{Map, Value, json};
use simulator::{FormState, FormView, SeededFlow};

use super::{Stage, confirm, day, object, success};
use crate::support::endpoint::{Does, Endpoint, public_pem, vector_key};
use crate::support::{NUMBER, World, config};

async fn exchange(stage: &Stage, form: &FormView) -> FormView {
    stage.world.handle.exchange(&form.id, &form.screen, object(json!({ "day": "mon" }))).await.unwrap()
}

fn code(form: &FormView) -> &str {
    form.problem.as_ref().map_or("", |problem| problem.code.as_str())
}

#[tokio::test]
async fn an_answer_that_breaks_the_flow_is_reported_to_the_endpoint() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    for (answer, kind, says) in [
        (json!({ "screen": "NIGHT", "data": {} }), "invalid-screen-transition", "no screen NIGHT"),
        (json!({ "data": {} }), "payload-schema-error", "names no screen"),
        (
            json!({ "screen": "CONFIRM", "data": { "day": "mon" } }),
            "payload-schema-error",
            "slots of screen CONFIRM is missing",
        ),
        (
            json!({ "screen": "CONFIRM", "data": { "day": 1, "slots": [] } }),
            "payload-schema-error",
            "day is not of type string",
        ),
        (
            json!({ "screen": "DAY", "data": { "days": [{ "id": 7 }] } }),
            "payload-schema-error",
            "days[0].id is not of type string",
        ),
        (json!({ "screen": "DAY", "data": [] }), "payload-schema-error", "not an object"),
        (json!({ "screen": "DAY", "data": { "error_message": 1 } }), "payload-schema-error", "error_message"),
        (json!({ "screen": "SUCCESS" }), "payload-schema-error", "no extension_message_response"),
        (
            json!({ "screen": "SUCCESS", "data": { "extension_message_response": { "params": { "x": 1 } } } }),
            "payload-schema-error",
            "no flow_token",
        ),
    ] {
        stage.endpoint.answers(answer);
        let form = exchange(&stage, &form).await;
        assert_eq!((code(&form), &*form.screen, form.state), (kind, "DAY", FormState::Open));
        assert!(!form.problem.unwrap().is_final);
        let told = stage.endpoint.last();
        assert_eq!(
            (&told["action"], &told["screen"], &told["flow_token"]),
            (&json!("data_exchange"), &json!("DAY"), &json!("tok"))
        );
        assert_eq!(told["data"]["error"], kind);
        assert!(told["data"]["error_message"].as_str().unwrap().contains(says), "{told}");
    }
    // The person tries again, and all is well.
    stage.endpoint.answers(confirm());
    let form = exchange(&stage, &form).await;
    assert_eq!((code(&form), &*form.screen), ("", "CONFIRM"));
    stage.endpoint.answers(day());
    assert_eq!(code(&exchange(&stage, &form).await), "invalid-screen-transition");
}

#[tokio::test]
async fn a_form_that_never_shows_a_screen_is_closed() {
    let stage = Stage::start().await;
    let wamid = stage.invite().await;
    stage.endpoint.answers(json!({ "screen": "DAY", "data": {} }));
    let form = stage.world.handle.open_form(1, &wamid).await.unwrap();
    assert_eq!((code(&form), form.state, &*form.screen), ("payload-schema-error", FormState::Closed, ""));
    assert!(form.problem.unwrap().is_final);
    assert_eq!(stage.endpoint.last()["action"], "INIT");
    assert_eq!(stage.endpoint.last()["data"]["error"], "payload-schema-error");
    stage.endpoint.then(Does::Says(500, None));
    let form = stage.world.handle.open_form(1, &wamid).await.unwrap();
    assert_eq!((code(&form), form.state), ("http_500", FormState::Closed));
}

#[tokio::test]
async fn failures_of_the_endpoint_are_shown_and_can_be_tried_again() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    for (does, kind) in [
        (Does::Says(500, None), "http_500"),
        (Does::Says(432, None), "http_432"),
        (Does::Babbles("{\"screen\":\"DAY\"}"), "response-decryption-error"),
        (Does::Babbles("AAAA"), "response-decryption-error"),
    ] {
        stage.endpoint.then(does);
        let form = exchange(&stage, &form).await;
        assert_eq!((code(&form), form.state), (kind, FormState::Open));
    }
    stage.endpoint.answers(confirm());
    assert_eq!(exchange(&stage, &form).await.screen, "CONFIRM");
}

/// With an endpoint that never answers, even the shortest patience proves the timeout.
#[tokio::test]
async fn a_phone_gives_up_an_endpoint_that_hangs_and_finds_one_that_is_gone() {
    let endpoint = Endpoint::start().await;
    let mut config = config();
    config.flow_patience_ms = 1;
    let seeded = |name: &str, uri: &str| SeededFlow {
        id: String::new(),
        name: name.into(),
        json: Some(crate::flows::BOOKING.into()),
        endpoint_uri: Some(uri.into()),
    };
    config.flows = vec![seeded("hangs", &endpoint.uri), seeded("gone", "http://127.0.0.1:1/flow")];
    let world = World::with(config).await;
    world.handle.set_flow_key(NUMBER, &public_pem(&vector_key())).unwrap();
    world.handle.text(1, "hi").unwrap();
    endpoint.then(Does::Hangs);
    let data = json!({ "screen": "DAY", "data": { "days": [] } });
    for (name, kinds) in [("hangs", &["timeout"][..]), ("gone", &["no-response", "timeout"])] {
        let wamid = super::send(&world, json!({ "flow_name": name, "flow_action_payload": data })).await;
        let form = world.handle.open_form(1, &wamid).await.unwrap();
        let form = world.handle.exchange(&form.id, "DAY", Map::new()).await.unwrap();
        assert!(kinds.contains(&code(&form)), "{name}: {:?}", form.problem);
    }
}

#[tokio::test]
async fn a_dead_token_disables_the_button_for_good() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    stage.endpoint.then(Does::Says(427, Some(json!({ "error_msg": "This form is over" }))));
    let dead = exchange(&stage, &form).await;
    let problem = dead.problem.clone().unwrap();
    assert_eq!((code(&dead), &*problem.text, problem.is_final), ("http_427", "This form is over", true));
    assert_eq!(dead.state, FormState::Closed);
    let error = stage.world.handle.open_form(1, &form.wamid).await.unwrap_err().to_string();
    assert!(error.contains("button is disabled"), "{error}");
    let shown = stage.world.handle.transcript(1).unwrap().into_iter().find(|entry| entry.wamid == form.wamid).unwrap();
    assert!(shown.links[0].disabled);
    // Another message of the same Flow is none the worse.
    assert_eq!(stage.opened().await.state, FormState::Open);
}

#[tokio::test]
async fn a_phone_reads_the_key_anew_on_421_and_asks_once_more() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    let fresh = rsa::RsaPrivateKey::new(&mut rand::rng(), 2_048).unwrap();
    stage.world.handle.set_flow_key(NUMBER, &public_pem(&fresh)).unwrap();
    stage.endpoint.set_key(fresh);
    let before = stage.endpoint.bodies().len();
    stage.endpoint.answers(confirm());
    assert_eq!(exchange(&stage, &form).await.screen, "CONFIRM");
    assert_eq!(stage.endpoint.bodies().len(), before + 2);
    let rows = stage.world.handle.flow_requests(2);
    assert_eq!((rows[0].status, rows[1].status), (200, 421));
    // Twice in a row is once too often.
    stage.endpoint.set_key(vector_key());
    let form = stage.world.handle.form(&form.id).unwrap();
    let form = stage.world.handle.exchange(&form.id, "CONFIRM", Map::new()).await.unwrap();
    assert_eq!((code(&form), stage.endpoint.bodies().len()), ("http_421", before + 4));
}

#[tokio::test]
async fn without_a_signed_key_nothing_is_asked() {
    let stage = Stage::start().await;
    let wamid = stage.invite().await;
    let asked = stage.endpoint.bodies().len();
    for registered in [false, true] {
        let standing = simulator::NumberStanding { registered, ..simulator::NumberStanding::default() };
        stage.world.handle.set_standing(NUMBER, standing).unwrap();
    }
    let form = stage.world.handle.open_form(1, &wamid).await.unwrap();
    assert_eq!(code(&form), "public-key-signature-verification");
    assert_eq!(stage.endpoint.bodies().len(), asked);
}

#[tokio::test]
async fn every_request_has_a_key_and_an_iv_of_its_own() {
    let stage = Stage::start().await;
    stage.confirming().await;
    let bodies: Vec<Value> = stage.endpoint.bodies().iter().map(|body| serde_json::from_slice(body).unwrap()).collect();
    for part in ["encrypted_aes_key", "initial_vector", "encrypted_flow_data"] {
        let mut all: Vec<_> = bodies.iter().map(|body| body[part].as_str().unwrap()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), bodies.len(), "{part}");
    }
}

#[tokio::test]
async fn the_requests_of_a_flow_become_its_metrics() {
    let stage = Stage::start().await;
    let form = stage.opened().await;
    for i in 0..250 {
        stage.endpoint.then(if i % 5 == 0 { Does::Says(500, None) } else { Does::Answers(day()) });
        exchange(&stage, &form).await;
    }
    stage.endpoint.answers(success());
    exchange(&stage, &form).await;
    let metric = async |name: &str| {
        let path = format!("{}?fields=metric.name({name}).granularity(LIFETIME)", stage.flow);
        let (status, answer) = stage.world.graph("GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        answer["metric"]["data_points"][0]["data"].clone()
    };
    assert_eq!(metric("ENDPOINT_REQUEST_COUNT").await, json!([{ "key": "value", "value": 252 }]));
    let errors = json!([{ "key": "unexpected_http_status_code", "value": 50 }]);
    assert_eq!(metric("ENDPOINT_REQUEST_ERROR").await, errors);
    let availability = json!([{ "key": "failed", "value": 50 }, { "key": "succeeded", "value": 203 }]);
    assert_eq!(metric("ENDPOINT_AVAILABILITY").await, availability);
}
