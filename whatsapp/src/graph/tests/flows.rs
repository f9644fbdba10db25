//! Flows: each call's address and body, what is read of its answer, and what is refused before anything is asked.

use serde_json::{Value, json};

use super::super::fake::{Fake, TOKEN, answer, ok};
use super::super::*;
use super::{ACCOUNT, DONE, body, line, page, token};

const FLOW: &str = "8100200300";

fn remote(id: &str) -> Value {
    json!({ "id": id, "name": format!("f{id}"), "status": "DRAFT", "categories": ["OTHER"], "validation_errors": [] })
}

/// Where the error lies that Meta's page shows.
fn finding() -> Value {
    json!({ "error": "INVALID_PROPERTY_VALUE", "error_type": "FLOW_JSON_ERROR",
        "message": "Invalid value found for property 'type'.", "line_start": 10, "line_end": 10, "column_start": 21,
        "column_end": 34, "pointers": [{ "line_start": 10, "line_end": 10, "column_start": 21, "column_end": 34,
            "path": "screens[0].layout.children[0].type" }] })
}

fn refusal(code: u32) -> String {
    answer("400 Bad Request", "", &json!({ "error": { "message": "m", "code": code } }).to_string())
}

fn code(error: &CallError) -> Option<u32> {
    error.to_record().code
}

#[tokio::test]
async fn flow_goes_through_its_whole_life() {
    let made = json!({ "id": FLOW, "success": true, "validation_errors": [finding()] }).to_string();
    let kept = json!({ "success": true, "validation_errors": [finding()] }).to_string();
    let fake = Fake::new(vec![ok(&made), ok(DONE), ok(&kept), ok(DONE), ok(DONE), ok(DONE)]).await;
    let (client, token) = (fake.client(), token());
    let new = NewFlow {
        name: "booking".into(),
        categories: vec![FlowCategory::AppointmentBooking, "NEWS".into()],
        endpoint_uri: Some("https://flows.example.org/endpoint".into()),
        json: Some("{\"version\":\"7.3\"}".into()),
        clone_of: None,
    };
    let created = client.create_flow(ACCOUNT, &token, &new).await.unwrap();
    assert_eq!((created.id.as_str(), created.validation_errors[0].line_start), (FLOW, 10));
    let change = FlowChange { categories: Some(vec![FlowCategory::Survey]), ..FlowChange::default() };
    client.update_flow(FLOW, &token, &change).await.unwrap();
    let errors = client.upload_flow_json(FLOW, &token, "{ }").await.unwrap();
    assert_eq!(errors[0].pointers[0].path, "screens[0].layout.children[0].type");
    client.publish_flow(FLOW, &token).await.unwrap();
    client.deprecate_flow(FLOW, &token).await.unwrap();
    client.delete_flow(FLOW, &token).await.unwrap();
    let requests = fake.requests().await;
    let lines: Vec<_> = requests.iter().map(|request| line(request)).collect();
    assert_eq!(
        lines,
        [
            "POST /v25.0/300100200300400/flows HTTP/1.1",
            "POST /v25.0/8100200300 HTTP/1.1",
            "POST /v25.0/8100200300/assets HTTP/1.1",
            "POST /v25.0/8100200300/publish HTTP/1.1",
            "POST /v25.0/8100200300/deprecate HTTP/1.1",
            "DELETE /v25.0/8100200300 HTTP/1.1",
        ]
    );
    let sent = json!({ "name": "booking", "categories": ["APPOINTMENT_BOOKING", "NEWS"],
        "endpoint_uri": "https://flows.example.org/endpoint", "flow_json": "{\"version\":\"7.3\"}" });
    assert_eq!(body(&requests[0]), sent);
    assert_eq!(body(&requests[1]), json!({ "categories": ["SURVEY"] }));
    for part in [
        "name=\"name\"\r\n\r\nflow.json\r\n",
        "name=\"asset_type\"\r\n\r\nFLOW_JSON\r\n",
        "name=\"file\"; filename=\"flow.json\"\r\nContent-Type: application/json\r\n\r\n{ }\r\n",
    ] {
        assert!(requests[2].contains(part), "{part} is not in {}", requests[2]);
    }
}

#[tokio::test]
async fn clone_names_the_flow_that_it_copies() {
    let fake = Fake::new(vec![ok(&json!({ "id": "2", "success": true }).to_string())]).await;
    let new = NewFlow { name: "b".into(), clone_of: Some(FLOW.into()), ..NewFlow::default() };
    assert_eq!(fake.client().create_flow(ACCOUNT, &token(), &new).await.unwrap().id, "2");
    let sent = json!({ "name": "b", "categories": [], "clone_flow_id": FLOW });
    assert_eq!(body(&fake.requests().await[0]), sent);
}

#[tokio::test]
async fn json_over_ten_megabytes_is_not_sent() {
    let fake = Fake::new(vec![]).await;
    let (client, token, json) = (fake.client(), token(), " ".repeat(MAX_FLOW_JSON_BYTES + 1));
    let error = client.upload_flow_json(FLOW, &token, &json).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("10485760")), "{error}");
    let new = NewFlow { json: Some(json), ..NewFlow::default() };
    assert!(matches!(client.create_flow(ACCOUNT, &token, &new).await, Err(CallError::Unusable(_))));
}

#[tokio::test]
async fn answer_without_a_decision_leaves_open_whether_it_was_done() {
    let answers = [ok("{}"), ok(r#"{"success":false,"validation_errors":[]}"#), ok("<html>"), String::new()];
    for wire in answers {
        let fake = Fake::new(vec![wire]).await;
        let error = fake.client().upload_flow_json(FLOW, &token(), "{}").await.unwrap_err();
        assert!(matches!(error, CallError::Unanswered(_)), "{error}");
    }
    let fake = Fake::new(vec![ok(r#"{"success":true,"id":""}"#)]).await;
    let error = fake.client().create_flow(ACCOUNT, &token(), &NewFlow::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Unanswered(_)), "{error}");
}

#[tokio::test]
async fn refusals_keep_their_code_and_say_what_helps() {
    let cases =
        [(139_000, "health"), (139_001, "clone"), (139_002, "publish again"), (139_003, "draft"), (139_004, "draft")];
    for (number, cure) in cases {
        let fake = Fake::new(vec![refusal(number)]).await;
        let error = fake.client().publish_flow(FLOW, &token()).await.unwrap_err();
        assert_eq!(code(&error), Some(number));
        assert!(error.to_record().advice.contains(cure), "{}", error.to_record().advice);
    }
}

#[tokio::test]
async fn list_is_followed_and_its_odd_elements_are_passed_over() {
    let unknown =
        json!({ "id": "3", "name": "c", "status": "FROZEN", "categories": ["NEWS"], "validation_errors": null });
    let bare =
        json!({ "id": "4", "name": "d", "status": "DRAFT", "categories": null, "json_version": 7, "endpoint_uri": {} });
    let fake = Fake::new(vec![
        page(
            vec![remote("1"), json!({ "name": "odd" }), json!(7)],
            json!({ "cursors": { "after": "c1" }, "next": "http://HOST/x" }),
        ),
        page(vec![remote("2"), unknown, bare], json!({ "cursors": { "after": "c2" } })),
    ])
    .await;
    let all = fake.client().flows(ACCOUNT, &token()).await.unwrap();
    let ids: Vec<_> = all.iter().map(|flow| flow.id.as_str()).collect();
    assert_eq!((ids, &all[0].status), (vec!["1", "2", "3", "4"], &FlowStatus::Draft));
    assert_eq!((all[2].status.as_str(), all[2].categories[0].as_str()), ("FROZEN", "NEWS"));
    let requests = fake.requests().await;
    assert!(line(&requests[0]).starts_with("GET /v25.0/300100200300400/flows?fields=id%2Cname"), "{}", requests[0]);
    assert!(line(&requests[1]).ends_with("&limit=100&after=c1 HTTP/1.1"), "{}", requests[1]);
}

#[tokio::test]
async fn list_with_a_flow_that_cannot_be_read_is_not_taken_for_one_without_it() {
    let fake = Fake::new(vec![page(vec![remote("1"), json!({ "id": "2", "name": "b" })], json!({}))]).await;
    let error = fake.client().flows(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("flow 2") && why.contains("status")), "{error}");
}

#[tokio::test]
async fn f100_list_that_leads_in_a_circle_or_has_no_end_is_left() {
    let circle = page(vec![remote("1")], json!({ "cursors": { "after": "c" }, "next": "http://HOST/same" }));
    let fake = Fake::new(vec![circle.clone(), circle]).await;
    let error = fake.client().flows(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("earlier one")), "{error}");
    let hundred: Vec<Value> = (0..100).map(|i| remote(&i.to_string())).collect();
    let endless = |i: i32| page(hundred.clone(), json!({ "next": format!("http://HOST/{i}") }));
    let fake = Fake::new((0..1_000).map(endless).collect()).await;
    let error = fake.client().flows(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("1000 pages")), "{error}");
    assert_eq!(fake.requests().await.len(), 1_000, "100,000 Flows, and no more");
}

#[tokio::test]
async fn f100_list_is_bounded_in_bytes_too() {
    let large = json!({ "id": "1", "name": "n".repeat(3 * 1024 * 1024), "status": "DRAFT" });
    let pages = (0..22).map(|i| page(vec![large.clone()], json!({ "next": format!("http://HOST/{i}") }))).collect();
    let fake = Fake::new(pages).await;
    let error = fake.client().flows(ACCOUNT, &token()).await.unwrap_err();
    assert!(matches!(&error, CallError::Unusable(why) if why.contains("bytes")), "{error}");
}

#[tokio::test]
async fn details_come_with_the_health_that_is_asked_for() {
    let health = json!({ "can_send_message": "BLOCKED", "entities": [{ "entity_type": "FLOW", "id": FLOW }] });
    let mut detailed = remote(FLOW);
    detailed["health_status"] = health.clone();
    let fake =
        Fake::new(vec![ok(&detailed.to_string()), ok(&detailed.to_string()), ok(&remote(FLOW).to_string())]).await;
    let (client, token) = (fake.client(), token());
    let with = FlowDetails { health: true, health_of_number: None };
    assert_eq!(client.flow(FLOW, &token, with).await.unwrap().health_status, health);
    let of = FlowDetails { health: true, health_of_number: Some("700800900100200") };
    client.flow(FLOW, &token, of).await.unwrap();
    assert_eq!(client.flow(FLOW, &token, FlowDetails::default()).await.unwrap().health_status, Value::Null);
    let foreign = FlowDetails { health: true, health_of_number: Some("7),id(8") };
    assert!(matches!(client.flow(FLOW, &token, foreign).await, Err(CallError::NotSent(_))));
    let requests = fake.requests().await;
    assert!(line(&requests[0]).ends_with("%2Chealth_status HTTP/1.1"), "{}", requests[0]);
    assert!(line(&requests[1]).contains("health_status.phone_number%28700800900100200%29"), "{}", requests[1]);
    assert!(!line(&requests[2]).contains("health"), "{}", requests[2]);
}

#[tokio::test]
async fn preview_is_kept_or_renewed_and_its_end_is_read() {
    let link = json!({ "id": FLOW, "preview": { "preview_url": "https://business.facebook.com/p?token=t0k",
        "expires_at": "2026-12-22T10:00:00+0000" } });
    let odd = json!({ "preview": { "preview_url": "https://business.facebook.com/p", "expires_at": "soon" } });
    let fake = Fake::new(vec![ok(&link.to_string()), ok(&odd.to_string()), ok("{}")]).await;
    let (client, token) = (fake.client(), token());
    let kept = client.flow_preview(FLOW, &token, PreviewLink::Keep).await.unwrap();
    assert_eq!(
        (kept.url.as_str(), kept.expires_ms),
        ("https://business.facebook.com/p?token=t0k", Some(1_797_933_600_000))
    );
    assert_eq!(client.flow_preview(FLOW, &token, PreviewLink::Renew).await.unwrap().expires_ms, None);
    assert!(client.flow_preview(FLOW, &token, PreviewLink::Keep).await.is_err());
    let requests = fake.requests().await;
    assert!(line(&requests[0]).contains("fields=preview.invalidate%28false%29"), "{}", requests[0]);
    assert!(line(&requests[1]).contains("fields=preview.invalidate%28true%29"), "{}", requests[1]);
}

fn asset(url: &str) -> Value {
    json!({ "name": "flow.json", "asset_type": "FLOW_JSON", "download_url": url })
}

#[tokio::test]
async fn json_is_fetched_without_the_token() {
    let listed = page(vec![json!({ "asset_type": "IMAGE" }), asset("http://HOST/signed?x=1")], json!({}));
    let fake = Fake::new(vec![listed, ok("{ \"version\": \"7.3\" }"), page(vec![], json!({}))]).await;
    let (client, token) = (fake.client(), token());
    assert_eq!(client.flow_json(FLOW, &token).await.unwrap().as_deref(), Some("{ \"version\": \"7.3\" }"));
    assert_eq!(client.flow_json(FLOW, &token).await.unwrap(), None);
    let requests = fake.requests().await;
    assert!(requests[0].contains(TOKEN) && !requests[1].contains(TOKEN), "{}", requests[1]);
    assert_eq!(line(&requests[1]), "GET /signed?x=1 HTTP/1.1");
}

#[tokio::test]
async fn json_is_fetched_from_no_other_host() {
    let fake = Fake::new(vec![]).await;
    let client = fake.client();
    let foreign = [
        "https://elsewhere.example/f.json",
        "https://fbcdn.net.elsewhere.example/f.json",
        "https://evilfbcdn.net/f.json",
        "http://scontent.fbcdn.net/f.json",
        "https://scontent.fbcdn.net:8443/f.json",
        "http://127.0.0.1:1/f.json",
        "file:///etc/passwd",
        "nothing",
    ];
    for url in foreign {
        let error = client.download_flow_json(url).await.unwrap_err();
        assert!(matches!(error, CallError::Unusable(_)), "{url}: {error}");
    }
}

#[tokio::test]
async fn json_that_is_moved_gone_too_long_or_no_text_is_not_taken() {
    let moved = answer("302 Found", "location: http://127.0.0.1:1/\r\n", "");
    let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", MAX_FLOW_JSON_BYTES + 1);
    for (wire, passes) in [(moved, false), (long, false), (answer("403 Forbidden", "", "expired"), true)] {
        let fake = Fake::new(vec![wire]).await;
        let error = fake.client().download_flow_json(&fake.url("/f")).await.unwrap_err();
        assert_eq!(matches!(error, CallError::Unanswered(_)), passes, "{error}");
    }
}

#[tokio::test]
async fn metrics_are_asked_for_by_name_and_days() {
    let figures = json!({ "id": FLOW, "metric": { "name": "ENDPOINT_REQUEST_ERROR", "granularity": "DAY", "data_points": [
        { "timestamp": "2026-11-01T08:00:00+0000", "data": [{ "key": "timeout_error", "value": 10 }] }] } });
    let fake = Fake::new(vec![ok(&figures.to_string()), refusal(139_006)]).await;
    let (client, token) = (fake.client(), token());
    let query = MetricQuery {
        name: FlowMetricName::Errors,
        granularity: Granularity::Day,
        since: Some("2026-11-01".into()),
        until: Some("2026-11-10".into()),
    };
    let metric = client.flow_metric(FLOW, &token, &query).await.unwrap();
    assert_eq!(
        (metric.name.as_str(), metric.points[0].data[0]["value"].as_u64()),
        ("ENDPOINT_REQUEST_ERROR", Some(10))
    );
    let error = client.flow_metric(FLOW, &token, &query).await.unwrap_err();
    assert!(error.to_record().advice.contains("250 requests"), "{:?}", error.to_record());
    for wrong in [
        MetricQuery { name: "A).b(".into(), ..query.clone() },
        MetricQuery { granularity: "day".into(), ..query.clone() },
        MetricQuery { since: Some("yesterday".into()), ..query },
    ] {
        assert!(matches!(client.flow_metric(FLOW, &token, &wrong).await, Err(CallError::NotSent(_))), "{wrong:?}");
    }
    let line = line(&fake.requests().await[0]).replace("%28", "(").replace("%29", ")");
    let wanted =
        "fields=metric.name(ENDPOINT_REQUEST_ERROR).granularity(DAY).since(2026-11-01).until(2026-11-10) HTTP/1.1";
    assert!(line.ends_with(wanted), "{line}");
}

#[tokio::test]
async fn migration_says_what_came_over_and_what_did_not() {
    let outcome = json!({ "migrated_flows": [{ "source_name": "a", "source_id": "1", "migrated_id": "2" }],
        "failed_flows": [{ "source_name": "b", "error_code": "4233041", "error_message": "name exists" }] });
    let fake = Fake::new(vec![ok(&outcome.to_string()), ok(r#"{"migrated_flows":[]}"#), ok("{}")]).await;
    let (client, token) = (fake.client(), token());
    let names = ["a".to_owned(), "b".to_owned()];
    let migration = client.migrate_flows(ACCOUNT, &token, "300900", &names).await.unwrap();
    assert_eq!(migration.migrated[0].migrated_id.as_deref(), Some("2"));
    assert_eq!(migration.failed[0].error_message, "name exists");
    assert_eq!(client.migrate_flows(ACCOUNT, &token, "300900", &[]).await.unwrap(), Migration::default());
    assert!(matches!(client.migrate_flows(ACCOUNT, &token, "300900", &[]).await, Err(CallError::Unanswered(_))));
    let many = vec!["n".to_owned(); 101];
    assert!(matches!(client.migrate_flows(ACCOUNT, &token, "300900", &many).await, Err(CallError::NotSent(_))));
    let requests = fake.requests().await;
    assert_eq!(line(&requests[0]), "POST /v25.0/300100200300400/migrate_flows HTTP/1.1");
    assert_eq!(body(&requests[0]), json!({ "source_waba_id": "300900", "source_flow_names": ["a", "b"] }));
    assert_eq!(body(&requests[1]), json!({ "source_waba_id": "300900" }));
}

#[test]
fn eight_categories_and_five_states_have_names_and_others_keep_their_spelling() {
    assert_eq!((FlowCategory::KNOWN.len(), FlowStatus::KNOWN.len()), (8, 5));
    for word in ["DRAFT", "FROZEN"] {
        let status: FlowStatus = serde_json::from_value(json!(word)).unwrap();
        assert_eq!((json!(status), matches!(status, FlowStatus::Other(_))), (json!(word), word == "FROZEN"));
    }
}
