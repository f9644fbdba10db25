//! What holds for every path of the admin API: errors, ids of requests, and the document that describes it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::problem;
use crate::support::{NUMBER, World};

#[tokio::test]
async fn every_error_has_a_code_and_the_id_of_its_request() {
    let world = World::start().await;
    let ask = |method: Method, path: &str| world.admin_call(method, path).header("x-request-id", "build-7");
    let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(1 << 20));
    for (call, status, code) in [
        (ask(Method::GET, "/no/such/path"), 404, "PAR-0125"),
        (ask(Method::DELETE, "/api/v1/status"), 405, "PAR-0126"),
        (ask(Method::GET, "/api/v1/numbers/%FF"), 400, "PAR-0120"),
        (ask(Method::GET, "/api/v1/conversations?limt=3"), 400, "PAR-0121"),
        (ask(Method::GET, "/api/v1/outbox?limit=x"), 400, "PAR-0120"),
        (ask(Method::POST, &format!("/api/v1/numbers/{NUMBER}/pause")).body("{"), 400, "PAR-0120"),
        (ask(Method::POST, &format!("/api/v1/numbers/{NUMBER}/pause")).body("[]"), 422, "PAR-0122"),
        (ask(Method::POST, &format!("/api/v1/numbers/{NUMBER}/pause")).body(large), 413, "PAR-0123"),
        (ask(Method::POST, "/api/v1/templates").body("{}"), 415, "PAR-0124"),
    ] {
        let answer = call.send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], "build-7");
        let (found, problem) = problem(answer).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{problem}");
        assert_eq!((&problem["request_id"], problem["hint"].is_string()), (&json!("build-7"), true), "{problem}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_wrong_name_is_answered_with_the_nearest_one() {
    let world = World::start().await;
    let (_, told) = problem(world.admin_raw("/api/v1/conversations?limt=3").await).await;
    assert_eq!((&told["errors"][0]["suggestion"], &told["errors"][0]["pointer"]), (&json!("limit"), &json!("?limt")));
    let path = format!("/api/v1/numbers/{NUMBER}/pause");
    let (status, told) = world.admin_post(&path, &json!({ "raeson": "x" })).await;
    assert_eq!((status, &told["errors"][0]["suggestion"]), (422, &json!("reason")), "{told}");
    assert_eq!((&told["errors"][0]["pointer"], &told["errors"][0]["code"]), (&json!("/raeson"), &json!("PAR-0122")));
    world.end().await;
}

#[tokio::test]
async fn an_id_that_could_forge_a_log_line_is_replaced() {
    let world = World::start().await;
    let ask = async |id: &str| {
        let answer = world.admin_call(Method::GET, "/api/v1/status").header("x-request-id", id).send().await.unwrap();
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(ask("a.b_c:1").await, "a.b_c:1");
    let made = ask("two words").await;
    assert!(made.starts_with("r_") && made != ask("two words").await, "{made}");
    world.end().await;
}

#[tokio::test]
async fn a_kind_of_problem_has_a_page_for_everybody() {
    let world = World::start().await;
    let (_, told) = problem(world.admin_raw("/no/such/path").await).await;
    let page = async |path: &str| {
        let answer = world.http.get(format!("{}{path}", world.admin_url())).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = page(told["type"].as_str().unwrap()).await;
    assert!(status == 200 && text.contains("PAR-0125") && text.contains("What to do"), "{text}");
    let (_, all) = page("/problems").await;
    assert!(all.contains("/problems/window-closed"), "{all}");
    assert_eq!(page("/problems/nonsense").await.0, 404);
    world.end().await;
}

#[tokio::test]
async fn the_document_is_one_of_openapi_3_1_and_needs_a_credential() {
    let world = World::start().await;
    let document: Value = world.admin("/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    assert_eq!(document["paths"]["/api/v1/status"]["get"]["x-role"], "viewer");
    let bare = world.http.get(format!("{}/api/v1/openapi.json", world.admin_url())).send().await.unwrap();
    assert_eq!(problem(bare).await.0, 401);
    world.end().await;
}
