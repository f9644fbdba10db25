//! What holds for every path of the admin API: errors, ids of requests, and the document that describes it.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::problem;
use crate::support::{ADA, NUMBER, Setup, World, bots};

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

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Method, path and operation of everything that the document has.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let found = METHODS.into_iter().filter_map(|name| Some((name, item.get(name)?)));
        let method = |name: &str| Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
        found.map(|(name, operation)| (method(name), path.clone(), operation.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

/// A validator of a schema that refers into the document.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

fn assert_fits(document: &Value, schema: &Value, value: &Value, what: &str) {
    let wrong: Vec<_> = validator(document, schema).iter_errors(value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?}\n{value}");
}

#[tokio::test]
async fn every_operation_of_the_document_is_answered_and_has_what_people_need() {
    let world = World::start().await;
    let document = world.admin("/api/v1/openapi.json").await;
    let mut ids = HashSet::new();
    let all = operations(&document);
    assert!(all.len() >= 60, "{}", all.len());
    for (method, path, operation) in all {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id} has no summary");
        assert!(operation["x-role"].is_string(), "{id} has no role");
        assert!(operation["responses"]["default"]["content"].is_object(), "{id} has no problem");
        let asked = path.replace("{id}", "nothing").replace("{version}", "1").replace("{name}", "nothing");
        let asked = asked.replace(['{', '}'], "");
        let answer = world.admin_call(method.clone(), &asked).send().await.unwrap();
        assert_ne!(answer.status(), 405, "{id}");
        // A stream has no end.
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
        if kind.starts_with("text/event-stream") {
            continue;
        }
        let text = answer.text().await.unwrap();
        assert!(!text.contains("there is no such path"), "{id}: {text}");
    }
    world.end().await;
}

#[test]
fn every_path_of_the_source_is_in_the_table_of_routes() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let open = ["/healthz", "/readyz", "/problems", "/problems/{kind}"];
    let admin = std::fs::read_to_string(root.join("admin.rs")).unwrap();
    let bare: Vec<_> = admin.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(bare, open, "everything else belongs into src/admin/routes.rs");
    let routes = std::fs::read_to_string(root.join("admin/routes.rs")).unwrap();
    assert!(!routes.contains(".route("));
}

#[tokio::test]
async fn every_example_fits_its_schema() {
    let world = World::start().await;
    let document = world.admin("/api/v1/openapi.json").await;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if let Some(example) = schema.get("example") {
            assert_fits(&document, schema, example, name);
        }
    }
    for (method, path, operation) in operations(&document) {
        let of = |part: &Value| part["content"].as_object().cloned().unwrap_or_default();
        let answers = operation["responses"].as_object().unwrap().values().flat_map(of);
        for (kind, content) in of(&operation["requestBody"]).into_iter().chain(answers) {
            let what = format!("{method} {path} {kind}");
            if let Some(example) = content.get("example") {
                assert_fits(&document, &content["schema"], example, &what);
            } else if kind == "application/json" {
                assert!(has_example(&document, &content["schema"]), "{what} has no example");
            }
        }
    }
    world.end().await;
}

/// Whether a schema, or what its lists and alternatives are made of, has one.
fn has_example(document: &Value, schema: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        return has_example(document, document.pointer(name.trim_start_matches('#')).unwrap());
    }
    let any = |list: &Value| list.as_array().into_iter().flatten().any(|part| has_example(document, part));
    schema.get("example").is_some()
        || any(&schema["oneOf"])
        || any(&schema["allOf"])
        || schema["properties"].get("items").is_some_and(|items| has_example(document, &items["items"]))
}

#[tokio::test]
async fn what_the_server_answers_fits_the_document() {
    let world = Setup::default().bot(bots::ASK).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let document = world.admin("/api/v1/openapi.json").await;
    let one = |path: &str| path.replace("conversations/{id}", &format!("conversations/{id}"));
    let number = |path: String| path.replace("numbers/{id}", &format!("numbers/{NUMBER}"));
    let bot = |path: String| path.replace("bots/{id}", "bots/ask").replace("{version}", "live");
    let mut answered = 0;
    for (method, template, operation) in operations(&document) {
        let path = bot(number(one(&template)));
        if method != Method::GET || path.contains('{') {
            continue;
        }
        let answer = world.admin_raw(&path).await;
        let status = answer.status();
        let kind = answer.headers()["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
        if kind.ends_with("json") {
            let told: Value = answer.json().await.unwrap();
            let responses = &operation["responses"];
            let response = responses.get(status.as_str()).unwrap_or(&responses["default"]);
            assert_fits(&document, &response["content"][kind]["schema"], &told, &path);
            answered += usize::from(status == 200);
        }
    }
    assert!(answered >= 20, "{answered}");
    world.end().await;
}

#[tokio::test]
async fn a_request_with_the_same_key_counts_once_even_after_a_restart() {
    let account = simulator::Number::default().waba_id;
    let mut world = Setup::default().set("whatsapp.business_account_id", &account).start().await;
    let template = |name: &str| json!({ "name": name, "language": "en_US", "category": "UTILITY", "components": [{ "type": "BODY", "text": "It is on its way." }] });
    let create = async |world: &World, name: &str, key: &str| {
        let call = world.admin_call(Method::POST, "/api/v1/templates").header("idempotency-key", key);
        let answer = call.json(&template(name)).send().await.unwrap();
        let replayed = answer.headers().get("idempotent-replay").is_some_and(|value| value == "true");
        (answer.status().as_u16(), replayed, answer.json::<Value>().await.unwrap())
    };
    let (status, replayed, first) = create(&world, "order_shipped", "k1").await;
    assert_eq!((status, replayed, first["id"].is_string()), (201, false, true), "{first}");
    assert_eq!(create(&world, "order_shipped", "k1").await, (201, true, first.clone()));
    let (status, _, problem) = create(&world, "order_returned", "k1").await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    world.restart().await;
    assert_eq!(create(&world, "order_shipped", "k1").await, (201, true, first));
    let (status, replayed, again) = create(&world, "order_shipped", "k2").await;
    assert!(status == 422 && !replayed, "Meta has one of this name already: {again}");
    assert_eq!(create(&world, "order_shipped", "").await.0, 400);
    world.end().await;
}

#[tokio::test]
async fn a_parameter_that_a_path_does_not_take_is_refused_with_the_nearest_one() {
    let world = World::start().await;
    for (path, nearest) in [("/api/v1/status?limit=1", None), ("/api/v1/bots?limt=1", Some("limit"))] {
        let (status, told) = problem(world.admin_raw(path).await).await;
        assert_eq!((status, told["errors"][0]["suggestion"].as_str()), (400, nearest), "{told}");
        assert_eq!(told["code"], "PAR-0121");
    }
    world.end().await;
}

/// Where the generated part of docs/api.md begins and ends.
const GENERATED: [&str; 2] = ["<!-- generated from the table of routes: begin -->\n", "<!-- generated: end -->"];

#[tokio::test]
async fn the_table_of_routes_in_the_docs_is_the_one_of_the_server() {
    let world = World::start().await;
    let document = world.admin("/api/v1/openapi.json").await;
    let rows: String = operations(&document)
        .iter()
        .map(|(method, path, operation)| {
            let word = |name: &str| operation[name].as_str().unwrap_or_default().replace('\n', " ");
            format!("| {method} | `{path}` | {} | {} |\n", word("x-role"), word("summary").trim_end_matches('.'))
        })
        .collect();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(GENERATED[0]).unwrap();
    let (_, after) = rest.split_once(GENERATED[1]).unwrap();
    let head = "| Method | Path | Role | What |\n| --- | --- | --- | --- |\n";
    let expected = format!("{before}{}{head}{rows}{}{after}", GENERATED[0], GENERATED[1]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    assert!(text == expected || std::env::var_os("UPDATE_DOCS").is_some(), "UPDATE_DOCS=1 cargo test --test it docs");
    world.end().await;
}
