//! The Flows API: create, upload, publish, and everything that is refused.

use std::path::Path;

use serde_json::{Value, json};
use simulator::{FlowEdit, FlowStatus, NumberStanding, Operation, Rule, Trouble};

use crate::support::endpoint::{Endpoint, public_pem, vector_key};
use crate::support::{ACCOUNT, NUMBER, PHONE_1, TOKEN, VISIT, World, code, config};

pub(crate) const BOOKING: &str = include_str!("../../samples/booking.flow.json");
/// One screen, no endpoint.
pub(crate) const THANKS: &str = r#"{"version":"7.3","screens":[{"id":"THANKS","title":"Bye","terminal":true,"success":true,"data":{},"layout":{"type":"SingleColumnLayout","children":[{"type":"TextInput","name":"note","label":"Note"},{"type":"Footer","label":"Done","on-click-action":{"name":"complete","payload":{"note":"${form.note}"}}}]}}]}"#;

pub(crate) fn flow(name: &str) -> Value {
    json!({ "name": name, "categories": ["OTHER"] })
}

async fn create(world: &World, body: Value) -> String {
    let (status, answer) = world.graph("POST", &format!("{ACCOUNT}/flows"), body).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// A published Flow with an endpoint.
pub(crate) async fn published(world: &World, endpoint: &Endpoint, name: &str, json: &str) -> String {
    world.handle.set_flow_key(NUMBER, &public_pem(&vector_key())).unwrap();
    let mut body = flow(name);
    body["flow_json"] = json!(json);
    body["endpoint_uri"] = json!(endpoint.uri);
    let id = create(world, body).await;
    let (status, answer) = world.graph("POST", &format!("{id}/publish"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    id
}

async fn details(world: &World, id: &str, fields: &str) -> Value {
    let (status, answer) = world.graph("GET", &format!("{id}?fields={fields}"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn refused(world: &World, method: &str, path: &str, body: Value) -> (u64, String) {
    let (status, answer) = world.graph(method, path, body).await;
    assert_eq!(status, 400, "{path}: {answer}");
    let error = &answer["error"];
    let said = [&error["error_user_msg"], &error["error_data"]["details"], &error["message"]];
    (error["code"].as_u64().unwrap(), said.into_iter().find_map(Value::as_str).unwrap().to_owned())
}

#[tokio::test]
async fn a_flow_goes_from_draft_to_deprecated() {
    let mut world = World::start().await;
    let id = create(&world, flow("thanks")).await;
    let (status, saved) = world.upload_json(&id, THANKS).await;
    assert_eq!((status, saved), (200, json!({ "success": true, "validation_errors": [] })));
    let (_, node) = world.graph("GET", &id, Value::Null).await;
    assert_eq!(
        node,
        json!({ "id": id, "name": "thanks", "status": "DRAFT", "categories": ["OTHER"], "validation_errors": [] })
    );
    for (call, status) in [("publish", "PUBLISHED"), ("deprecate", "DEPRECATED")] {
        assert_eq!(world.graph("POST", &format!("{id}/{call}"), Value::Null).await, (200, json!({ "success": true })));
        assert_eq!(details(&world, &id, "status").await["status"], status);
    }
    let mut seen = Vec::new();
    for webhook in world.webhooks(3).await {
        let (body, value) = (webhook.json(), webhook.value());
        assert_eq!((&body["entry"][0]["changes"][0]["field"], &value["flow_id"]), (&json!("flows"), &json!(id)));
        assert!(webhook.is_signed());
        seen.push((value["old_status"].as_str().map(str::to_owned), value["new_status"].as_str().unwrap().to_owned()));
    }
    let step = |old: Option<&str>, new: &str| (old.map(str::to_owned), new.to_owned());
    let steps = [step(None, "DRAFT"), step(Some("DRAFT"), "PUBLISHED"), step(Some("PUBLISHED"), "DEPRECATED")];
    assert_eq!(seen, steps);
}

#[tokio::test]
async fn what_a_flow_needs_is_said() {
    let world = World::start().await;
    create(&world, flow("taken")).await;
    let path = format!("{ACCOUNT}/flows");
    let with = |key: &str, value: Value| {
        let mut body = flow("new");
        body[key] = value;
        body
    };
    for (body, says) in [
        (json!({ "categories": ["OTHER"] }), "name is required"),
        (json!({ "name": "x" }), "categories is required"),
        (with("name", json!("taken")), "already used"),
        (with("name", json!(" ")), "1 to 200"),
        (with("categories", json!([])), "one or more"),
        (with("categories", json!(["FUN"])), "one or more"),
        (with("categories", json!("OTHER")), "array"),
        (with("endpoint_uri", json!("http://example.org/flow")), "https"),
        (with("endpoint_uri", json!("nowhere")), "https"),
        (with("flow_json", json!({ "version": "7.3" })), "must be a string"),
        (with("clone_flow_id", json!("42")), "There is no Flow 42"),
        (with("publish", json!(true)), "together with flow_json"),
        (with("status", json!("PUBLISHED")), "Unexpected key"),
    ] {
        let (code, said) = refused(&world, "POST", &path, body.clone()).await;
        assert!(code == 100 && said.contains(says), "{body}: {said}");
    }
    assert_eq!(refused(&world, "POST", "42/flows", flow("x")).await.0, 100);
}

#[tokio::test]
async fn forms_and_encoded_forms_are_read_too() {
    let world = World::start().await;
    let url = format!("{}/v25.0/{ACCOUNT}/flows", world.handle.base_url());
    let parts = "--XY\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nparts\r\n--XY\r\n\
         Content-Disposition: form-data; name=\"categories\"\r\n\r\n[\"SURVEY\",\"OTHER\"]\r\n--XY--\r\n";
    for (kind, body, name) in [
        ("multipart/form-data; boundary=XY", parts, "parts"),
        (
            "application/x-www-form-urlencoded",
            "name=coded+form&categories=%5B%22SURVEY%22%2C%22OTHER%22%5D",
            "coded form",
        ),
    ] {
        let request = world.http.post(&url).bearer_auth(TOKEN).header("content-type", kind).body(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let node = details(&world, answer["id"].as_str().unwrap(), "name,categories").await;
        assert_eq!((&node["name"], &node["categories"]), (&json!(name), &json!(["SURVEY", "OTHER"])));
    }
}

#[tokio::test]
async fn json_with_errors_is_kept_and_not_published() {
    let world = World::start().await;
    let id = create(&world, flow("broken")).await;
    let (status, answer) = world.upload_json(&id, &THANKS.replace("SingleColumnLayout", "Grid")).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)));
    assert_eq!(answer["validation_errors"][0]["error"], "INVALID_PROPERTY_VALUE");
    assert_eq!(answer["validation_errors"][0]["pointers"][0]["path"], "screens[0].layout.type");
    assert_eq!(details(&world, &id, "validation_errors").await["validation_errors"], answer["validation_errors"]);
    let (code, said) = refused(&world, "POST", &format!("{id}/publish"), Value::Null).await;
    assert!(code == 139002 && said.contains("validation error"), "{said}");
    // Created and published in one go: the draft stays.
    let mut body = flow("both");
    (body["flow_json"], body["publish"]) = (json!("{"), json!(true));
    let id = create(&world, body).await;
    assert_eq!(details(&world, &id, "status").await["status"], "DRAFT");
    let mut body = flow("right");
    (body["flow_json"], body["publish"]) = (json!(THANKS), json!(true));
    let id = create(&world, body).await;
    assert_eq!(details(&world, &id, "status,json_version").await["status"], "PUBLISHED");
}

/// The key as an encoded form.
fn coded(pem: &str) -> String {
    let mut url = reqwest::Url::parse("http://form/").unwrap();
    url.query_pairs_mut().append_pair("business_public_key", pem);
    url.query().unwrap().to_owned()
}

#[tokio::test]
async fn a_flow_with_an_endpoint_is_published_once_everything_is_right() {
    let world = World::start().await;
    let endpoint = Endpoint::start().await;
    let mut body = flow("booking");
    body["flow_json"] = json!(BOOKING);
    let id = create(&world, body).await;
    let publish = format!("{id}/publish");
    let why = async || refused(&world, "POST", &publish, Value::Null).await;
    assert_eq!(why().await, (139002, "endpoint_uri is missing.".into()));
    let edit = json!({ "endpoint_uri": endpoint.uri, "application_id": "7" });
    assert_eq!(world.graph("POST", &id, edit).await.0, 200);
    assert!(why().await.1.contains("No public key"));
    let key = format!("{NUMBER}/whatsapp_business_encryption");
    assert_eq!(world.graph("GET", &key, Value::Null).await, (200, json!({ "data": [] })));
    let (code, said) = refused(&world, "POST", &key, json!({ "business_public_key": "x" })).await;
    assert!(code == 100 && said.contains("PEM"), "{said}");
    let pem = public_pem(&vector_key());
    let form = world.http.post(format!("{}/v25.0/{key}", world.handle.base_url())).bearer_auth(TOKEN);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(coded(&pem)).send().await.unwrap();
    assert_eq!(form.json::<Value>().await.unwrap(), json!({ "success": true }));
    // Registered again, the number has a key without a right signature.
    for registered in [false, true] {
        world.handle.set_standing(NUMBER, NumberStanding { registered, ..NumberStanding::default() }).unwrap();
    }
    let (_, kept) = world.graph("GET", &key, Value::Null).await;
    assert_eq!(kept["data"][0]["business_public_key"], json!(pem));
    assert_eq!(kept["data"][0]["business_public_key_signature_status"], "MISMATCH");
    assert!(why().await.1.contains("does not match"));
    world.handle.set_flow_key(NUMBER, &pem).unwrap();
    let rule = Rule { count: Some(1), foreign_key: true, ..Rule::on(Operation::FlowRequest) };
    world.handle.set_trouble(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap();
    assert!(why().await.1.contains("the endpoint answers 421"));
    assert_eq!(world.graph("POST", &publish, Value::Null).await, (200, json!({ "success": true })));
    assert!(why().await.1.contains("only a draft"));
    // Created and published in one go, the endpoint is asked, too.
    let mut body = flow("at once");
    (body["flow_json"], body["publish"], body["endpoint_uri"]) = (json!(BOOKING), json!(true), json!(endpoint.uri));
    let rule = Rule { count: Some(1), unsigned: true, ..Rule::on(Operation::FlowRequest) };
    world.handle.set_trouble(Trouble { rules: vec![rule], ..Trouble::default() }).unwrap();
    assert_eq!(refused(&world, "POST", &format!("{ACCOUNT}/flows"), body.clone()).await.0, 139002);
    let id = create(&world, body).await;
    assert_eq!(details(&world, &id, "status").await["status"], "PUBLISHED");
    let asked = world.handle.flow_requests(0);
    let statuses: Vec<_> = asked.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [200, 432, 200, 421]);
    assert_eq!(asked[0].request, r#"{"action":"ping","version":"3.0"}"#);
}

#[tokio::test]
async fn nothing_leaves_this_machine() {
    let world = World::start().await;
    world.handle.set_flow_key(NUMBER, &public_pem(&vector_key())).unwrap();
    let mut body = flow("away");
    (body["flow_json"], body["endpoint_uri"]) = (json!(BOOKING), json!("https://192.0.2.1/flow"));
    let id = create(&world, body).await;
    let (code, said) = refused(&world, "POST", &format!("{id}/publish"), Value::Null).await;
    assert!(code == 139002 && said.contains("not on this machine"), "{said}");
}

#[tokio::test]
async fn only_drafts_are_edited_and_deleted() {
    let world = World::start().await;
    let mut body = flow("thanks");
    (body["flow_json"], body["publish"]) = (json!(THANKS), json!(true));
    let id = create(&world, body).await;
    let name = json!({ "name": "bye" });
    assert_eq!(refused(&world, "POST", &id, name.clone()).await.0, 139001);
    assert_eq!(code(&world.upload_json(&id, THANKS).await), (400, 139001));
    assert_eq!(refused(&world, "DELETE", &id, Value::Null).await.0, 139004);
    world.handle.set_edit_returns_to_draft(true);
    assert_eq!(world.upload_json(&id, &THANKS.replace("Bye", "Farewell")).await.0, 200);
    assert_eq!(details(&world, &id, "status").await["status"], "DRAFT");
    assert_eq!(world.graph("POST", &id, name).await.0, 200);
    assert_eq!(refused(&world, "POST", &format!("{id}/deprecate"), Value::Null).await.0, 139003);
    for wrong in [json!({ "flow_json": "{}" }), json!({ "status": "DRAFT" }), json!({ "categories": [] })] {
        assert_eq!(refused(&world, "POST", &id, wrong).await.0, 100);
    }
    // The copy has the content of its source.
    let mut body = flow("copy");
    body["clone_flow_id"] = json!(id);
    let copy = create(&world, body).await;
    assert_eq!(world.handle.flow(&copy).unwrap().flow_json, world.handle.flow(&id).unwrap().flow_json);
    assert_eq!(world.graph("DELETE", &copy, Value::Null).await, (200, json!({ "success": true })));
    assert_eq!(refused(&world, "GET", &copy, Value::Null).await.0, 100);
    world.handle.set_flow_status(&id, FlowStatus::Deprecated);
    for (call, code) in [("deprecate", 139003), ("publish", 139002)] {
        assert_eq!(refused(&world, "POST", &format!("{id}/{call}"), Value::Null).await.0, code);
    }
}

#[tokio::test]
async fn uploads_that_are_no_flow_json_file_are_refused() {
    let world = World::start().await;
    let id = create(&world, flow("x")).await;
    let path = format!("{id}/assets");
    for (body, says) in [
        (json!({}), "name must be flow.json"),
        (json!({ "name": "flow.json" }), "asset_type"),
        (json!({ "name": "flow.json", "asset_type": "FLOW_JSON" }), "file is required"),
    ] {
        let (code, said) = refused(&world, "POST", &path, body).await;
        assert!(code == 100 && said.contains(says), "{said}");
    }
    let large = format!("{{\"version\":\"{}\"}}", "7".repeat(10 * 1_048_576));
    assert_eq!(code(&world.upload_json(&id, &large).await), (400, 100));
}

#[tokio::test]
async fn links_work_without_a_token_and_for_a_while() {
    let world = World::start().await;
    let id = create(&world, flow("thanks")).await;
    let path = format!("{id}/assets");
    assert_eq!(world.graph("GET", &path, Value::Null).await.1["data"], json!([]));
    world.upload_json(&id, THANKS).await;
    let row = world.graph("GET", &path, Value::Null).await.1["data"][0].clone();
    assert_eq!((&row["name"], &row["asset_type"]), (&json!("flow.json"), &json!("FLOW_JSON")));
    let url = row["download_url"].as_str().unwrap();
    let get = async |url: &str| world.http.get(url).send().await.unwrap();
    assert_eq!(get(url).await.text().await.unwrap(), THANKS);
    assert_eq!(world.http.get(url).bearer_auth(TOKEN).send().await.unwrap().status(), 400);
    assert_eq!(get(&url.replace("hash=", "hash=0")).await.status(), 403);
    world.handle.advance(3_600_000);
    assert_eq!(get(url).await.status(), 403);
    let preview =
        async |ask: &str| details(&world, &id, &format!("preview.invalidate({ask})")).await["preview"].clone();
    let first = preview("false").await;
    assert_eq!(first["expires_at"], "2026-12-22T13:00:00+0000");
    assert_eq!(preview("false").await, first);
    let second = preview("true").await;
    let link = |preview: &Value| preview["preview_url"].as_str().unwrap().to_owned();
    assert_eq!(get(&link(&first)).await.status(), 404);
    assert_eq!(get(&link(&second)).await.status(), 200);
    world.handle.advance(30 * 86_400_000);
    assert_eq!(get(&link(&second)).await.status(), 404);
    assert_ne!(preview("false").await, second);
}

#[tokio::test]
async fn pages_have_a_next_link_only_while_there_is_more() {
    let world = World::start().await;
    for name in ["a", "b"] {
        create(&world, flow(name)).await;
    }
    let mut path = format!("{ACCOUNT}/flows?limit=2&fields=name");
    let mut names = Vec::new();
    loop {
        let (_, page) = world.graph("GET", &path, Value::Null).await;
        names.extend(page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        assert!(page["paging"]["cursors"]["after"].is_string());
        match page["paging"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["visit", "a", "b"]);
    for (query, says) in [("after=zz", "cursors"), ("limit=0", "positive"), ("fields=updated_at", "nonexisting")] {
        let (code, said) = refused(&world, "GET", &format!("{ACCOUNT}/flows?{query}"), Value::Null).await;
        assert!(code == 100 && said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn fields_come_when_they_are_asked_for() {
    let world = World::start().await;
    let mut body = flow("booking");
    body["flow_json"] = json!(BOOKING);
    let id = create(&world, body).await;
    let fields = format!(
        "json_version,data_api_version,whatsapp_business_account,application,health_status.phone_number({NUMBER})"
    );
    let node = details(&world, &id, &fields).await;
    assert_eq!((&node["json_version"], &node["data_api_version"]), (&json!("7.3"), &json!("3.0")));
    assert_eq!(node["whatsapp_business_account"]["id"], ACCOUNT);
    let health = &node["health_status"];
    assert_eq!(
        (&health["can_send_message"], &health["entities"][0]["entity_type"]),
        (&json!("BLOCKED"), &json!("FLOW"))
    );
    assert_eq!(health["entities"][0]["errors"].as_array().unwrap().len(), 2);
    let metric = "metric.name(ENDPOINT_REQUEST_COUNT).granularity(DAY)";
    assert_eq!(refused(&world, "GET", &format!("{id}?fields={metric}"), Value::Null).await.0, 139006);
    for odd in ["nope", "metric.name(NOPE)", "metric.name(ENDPOINT_REQUEST_COUNT).granularity(WEEK)"] {
        assert_eq!(refused(&world, "GET", &format!("{id}?fields={odd}"), Value::Null).await.0, 100);
    }
}

#[tokio::test]
async fn flows_move_to_another_account_as_copies() {
    let mut config = config();
    let other = simulator::Number {
        phone_number_id: "700800900100201".into(),
        display_phone_number: "15550100101".into(),
        waba_id: "300100200300401".into(),
    };
    config.numbers.push(other);
    let world = World::with(config).await;
    let mut body = flow("thanks");
    (body["flow_json"], body["publish"]) = (json!(THANKS), json!(true));
    create(&world, body).await;
    let path = "300100200300401/migrate_flows";
    let wanted = json!({ "source_waba_id": ACCOUNT, "source_flow_names": ["thanks", "nope"] });
    let (_, answer) = world.graph("POST", path, wanted).await;
    assert_eq!(answer["migrated_flows"][0]["source_name"], "thanks");
    assert_eq!(answer["failed_flows"][0]["source_name"], "nope");
    let copy = world.handle.flow(answer["migrated_flows"][0]["migrated_id"].as_str().unwrap()).unwrap();
    assert_eq!((copy.status, &*copy.waba_id), (FlowStatus::Published, "300100200300401"));
    let (_, again) = world.graph("POST", path, json!({ "source_waba_id": ACCOUNT })).await;
    assert_eq!(again["failed_flows"][0]["error_code"], 4_233_041);
    assert_eq!(refused(&world, "POST", path, json!({})).await.0, 100);
}

#[tokio::test]
async fn meta_judges_flows_and_tells_of_them() {
    let mut world = World::start().await;
    let judged = async |world: &mut World, status: &str| {
        let path = format!("/_sim/flows/{VISIT}/status");
        assert_eq!(world.control("POST", &path, json!({ "status": status })).await.0, 200);
        world.webhook().await.value()
    };
    let value = judged(&mut world, "THROTTLED").await;
    assert_eq!((&value["old_status"], &value["new_status"]), (&json!("PUBLISHED"), &json!("THROTTLED")));
    judged(&mut world, "BLOCKED").await;
    let alert =
        json!({ "event": "ENDPOINT_ERROR_RATE", "error_rate": 14.28, "threshold": 10, "alert_state": "ACTIVATED" });
    let path = format!("/_sim/flows/{VISIT}/event");
    assert_eq!(world.control("POST", &path, alert).await.0, 200);
    let value = world.webhook().await.value();
    assert_eq!((&value["flow_id"], &value["error_rate"]), (&json!(VISIT), &json!(14.28)));
    assert_eq!(world.control("POST", &path, json!({})).await.0, 400);
    assert_eq!(world.control("POST", "/_sim/flows/42/event", json!({ "event": "x" })).await.0, 404);
    let edited = world.handle.edit_flow(VISIT, FlowEdit { name: Some("call".into()), ..FlowEdit::default() }).unwrap();
    assert_eq!((&*edited.name, edited.status), ("call", FlowStatus::Blocked));
    assert_eq!(world.control("DELETE", &format!("/_sim/flows/{VISIT}"), Value::Null).await.0, 200);
    assert!(!world.handle.delete_flow(VISIT));
}

#[test]
fn the_flows_of_this_repository_are_right_to_the_stand_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::start().await;
        for file in [
            "bots/flows/booking.json",
            "chatbot/testdata/flows/json/clinic.json",
            "chatbot/testdata/flows/json/shop.json",
        ] {
            let mut body = flow(file);
            body["flow_json"] = json!(std::fs::read_to_string(root.join(file)).unwrap());
            let (_, answer) = world.graph("POST", &format!("{ACCOUNT}/flows"), body).await;
            assert_eq!(answer["validation_errors"], json!([]), "{file}");
        }
    });
}

fn message(parameters: Value) -> Value {
    let mut all = json!({ "flow_message_version": "3", "flow_cta": "Book" });
    all.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
    let action = json!({ "name": "flow", "parameters": all });
    json!({
        "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": "interactive",
        "interactive": { "type": "flow", "body": { "text": "Fill in" }, "action": action },
    })
}

#[tokio::test]
async fn a_message_opens_only_what_can_be_opened() {
    let world = World::start().await;
    let endpoint = Endpoint::start().await;
    let id = published(&world, &endpoint, "booking", BOOKING).await;
    let mut body = flow("draft");
    body["flow_json"] = json!(THANKS);
    let draft = create(&world, body).await;
    world.handle.text(1, "hi").unwrap();
    let payload = |screen: &str, data: Value| json!({ "screen": screen, "data": data });
    let days = json!({ "days": [{ "id": "mon", "title": "Monday" }] });
    for (parameters, says) in [
        (json!({ "flow_id": "42" }), "does not exist"),
        (json!({ "flow_name": "nope" }), "does not exist"),
        (json!({ "flow_id": draft }), "is a draft"),
        (json!({ "flow_id": draft, "mode": "draft", "flow_action": "data_exchange" }), "no endpoint"),
        (json!({ "flow_id": id, "flow_action_payload": payload("NIGHT", days.clone()) }), "does not exist"),
        (json!({ "flow_id": id, "flow_action_payload": payload("CONFIRM", json!({ "day": "x" })) }), "not an entry"),
        (json!({ "flow_id": id, "flow_action_payload": payload("DAY", json!({ "hours": [] })) }), "not in the data"),
        (
            json!({ "flow_id": id, "flow_action_payload": payload("DAY", json!({ "days": "mon" })) }),
            "not of type array",
        ),
        (
            json!({ "flow_id": id, "flow_action_payload": payload("DAY", json!({ "days": [{ "id": 1 }] })) }),
            "not of type string",
        ),
    ] {
        let (status, answer) = world.post(&message(parameters.clone())).await.unwrap();
        let details = answer["error"]["error_data"]["details"].as_str().unwrap_or_default();
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(131009)), "{parameters}: {answer}");
        assert!(details.contains(says), "{parameters}: {details}");
    }
    for parameters in [
        json!({ "flow_id": draft, "mode": "draft" }),
        json!({ "flow_name": "booking", "flow_action": "data_exchange" }),
        json!({ "flow_id": id, "flow_action_payload": payload("DAY", days.clone()) }),
        json!({ "flow_id": id, "flow_action_payload": payload("DAY", json!(days.to_string())) }),
    ] {
        assert_eq!(world.post(&message(parameters)).await.unwrap().0, 200);
    }
    let shown = world.handle.transcript(1).unwrap().pop().unwrap();
    assert_eq!(shown.links[0].flow_id.as_deref(), Some(&*id));
    world.handle.set_flow_status(&id, FlowStatus::Throttled);
    let by_id = message(json!({ "flow_id": id }));
    for _ in 0..10 {
        assert_eq!(world.post(&by_id).await.unwrap().0, 200);
    }
    assert_eq!(code(&world.post(&by_id).await.unwrap()), (400, 132069));
    world.handle.advance(3_600_000);
    assert_eq!(world.post(&by_id).await.unwrap().0, 200);
    world.handle.set_flow_status(&id, FlowStatus::Blocked);
    assert_eq!(code(&world.post(&by_id).await.unwrap()), (400, 132068));
    world.handle.set_flow_status(&id, FlowStatus::Deprecated);
    assert_eq!(code(&world.post(&by_id).await.unwrap()), (400, 131009));
}
