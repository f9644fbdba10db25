//! WhatsApp Flows: from the bot files to Meta, what changes there, and bots that send what is not there.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{FlowStatus, Operation, Rule};
use tempfile::TempDir;

use crate::support::{Setup, World, until};

fn flow_json(title: &str) -> Value {
    json!({ "version": "7.3", "screens": [{
        "id": "DAY", "title": title, "terminal": true, "success": true, "data": {},
        "layout": { "type": "SingleColumnLayout", "children": [
            { "type": "TextInput", "name": "day", "label": "Day", "required": true },
            { "type": "Footer", "label": "Done", "on-click-action": { "name": "complete",
                "payload": { "day": "${form.day}" } } },
        ] } }] })
}

fn clinic(title: &str) -> Value {
    json!({ "parlance": 1, "id": "clinic", "triggers": [{ "default": {}, "to": "form" }],
        "nodes": {
            "form": { "type": "flow", "flow": "slots", "prompt": "Pick a day", "cta": "Open", "screen": "DAY",
                "next": { "done": "fin" } },
            "fin": { "type": "end" },
        },
        "flows": { "slots": { "meta": { "name": "clinic_slots", "categories": ["APPOINTMENT_BOOKING"] },
            "json": flow_json(title) } } })
}

fn write(dir: &Path, title: &str) {
    std::fs::write(dir.join("clinic.json"), clinic(title).to_string()).unwrap();
}

/// A server whose folder of bots holds the clinic, and which has read Meta's list.
async fn world() -> (World, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "Day");
    let world = Setup::default()
        .set("whatsapp.business_account_id", &simulator::Number::default().waba_id)
        .set("bots.dir", &dir.path().display().to_string())
        .set("bots.default", "clinic")
        .start()
        .await;
    until("the first list", async || {
        world.admin("/api/v1/flows").await["accounts"][0]["synced_at"].is_string().then_some(())
    })
    .await;
    (world, dir)
}

async fn apply(world: &World, order: Value) -> Value {
    let (status, applied) = world.admin_post("/api/v1/flows/apply", &order).await;
    assert_eq!(status, 200, "{applied}");
    applied
}

async fn put(world: &World, title: &str) -> (u16, Value) {
    let answer = world.admin_call(Method::PUT, "/api/v1/bots/clinic").json(&clinic(title)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn shown(world: &World, name: &str) -> Value {
    let items = world.items(&format!("/api/v1/flows?all=true&name={name}")).await;
    items.into_iter().next().unwrap_or_default()
}

#[tokio::test]
async fn bot_goes_live_only_when_its_flow_is_published_at_meta() {
    let (world, _dir) = world().await;
    let (status, refused) = put(&world, "Day").await;
    assert_eq!(status, 422, "{refused}");
    let found = &refused["diagnostics"][0];
    assert_eq!(found["code"], "PAR-0281", "{refused}");
    assert!(found["help"].as_str().unwrap().contains("parlance flow apply"), "{refused}");
    let applied = apply(&world, json!({ "publish": false })).await;
    assert_eq!(applied["outcomes"][0]["done"], json!(["create", "json"]), "{applied}");
    let (status, refused) = put(&world, "Day").await;
    assert_eq!((status, &refused["diagnostics"][0]["code"]), (422, &json!("PAR-0282")), "{refused}");
    assert!(refused["diagnostics"][0]["message"].as_str().unwrap().contains("draft"), "{refused}");
    let applied = apply(&world, json!({})).await;
    assert_eq!((&applied["whole"], &applied["outcomes"][0]["done"]), (&json!(true), &json!(["publish"])), "{applied}");
    assert_eq!(put(&world, "Day").await.0, 200);
    let id = shown(&world, "clinic_slots").await["id"].as_str().unwrap().to_owned();
    assert!(world.handle.set_flow_status(&id, FlowStatus::Blocked));
    until("the webhook", async || (shown(&world, "clinic_slots").await["status"] == "BLOCKED").then_some(())).await;
    let (status, refused) = put(&world, "Day").await;
    assert_eq!((status, &refused["diagnostics"][0]["code"]), (422, &json!("PAR-0282")), "{refused}");
    world.end().await;
}

#[tokio::test]
async fn plan_says_what_apply_does_and_then_there_is_nothing_to_do() {
    let (world, dir) = world().await;
    let (_, plan) = world.admin_post("/api/v1/flows/plan", &json!({})).await;
    assert_eq!(plan["items"][0]["steps"], json!(["create", "json", "publish"]), "{plan}");
    assert_eq!(world.handle.flows().iter().filter(|flow| flow.name == "clinic_slots").count(), 0);
    assert_eq!(shown(&world, "clinic_slots").await["status"], "LOCAL");
    assert_eq!(apply(&world, json!({})).await["whole"], true);
    let (_, plan) = world.admin_post("/api/v1/flows/plan", &json!({})).await;
    assert_eq!((&plan["items"][0]["kind"], &plan["items"][0]["alignment"]), (&json!("nothing"), &json!("in_sync")));
    let flow = shown(&world, "clinic_slots").await;
    assert_eq!((&flow["status"], &flow["sync"]), (&json!("PUBLISHED"), &json!("in_sync")), "{flow}");
    assert_eq!(flow["used_by"], json!([{ "bot": "clinic", "flow": "slots" }]));
    write(dir.path(), "Which day?");
    assert_eq!(shown(&world, "clinic_slots").await["sync"], "local_newer");
    world.end().await;
}

#[tokio::test]
async fn flow_that_meta_does_not_let_change_is_replaced_and_messages_carry_the_new_one() {
    let (world, dir) = world().await;
    world.handle.set_edit_returns_to_draft(false);
    assert_eq!(apply(&world, json!({})).await["whole"], true);
    write(dir.path(), "Which day?");
    let applied = apply(&world, json!({})).await;
    assert_eq!(applied["whole"], true, "{applied}");
    let (old, new) = (shown(&world, "clinic_slots").await, shown(&world, "clinic_slots_v2").await);
    assert_eq!((&old["status"], &old["replaced_by"]), (&json!("PUBLISHED"), &json!("clinic_slots_v2")), "{old}");
    assert_eq!((&new["status"], &new["sync"]), (&json!("PUBLISHED"), &json!("in_sync")), "{new}");
    world.write("447700900123", "hello").await;
    let call = world.wait_calls(1).await.remove(0);
    let body: Value = serde_json::from_str(&call.request).unwrap();
    assert_eq!(body["interactive"]["action"]["parameters"]["flow_name"], "clinic_slots_v2", "{body}");
    let applied = apply(&world, json!({ "prune": true })).await;
    assert_eq!(applied["whole"], true, "{applied}");
    assert_eq!(shown(&world, "clinic_slots").await["status"], "DEPRECATED");
    world.end().await;
}

#[tokio::test]
async fn what_meta_cannot_be_asked_for_is_done_once_it_is_back() {
    let (mut world, _dir) = world().await;
    world.trouble(vec![Rule { status: Some(503), ..Rule::on(Operation::Flows) }]);
    let applied = apply(&world, json!({})).await;
    assert!(applied["put_off"].is_string() && applied["whole"] == false, "{applied}");
    world.restart().await;
    world.handle.clear_trouble();
    until("the Flow", async || {
        world.clock.advance(60_000);
        (shown(&world, "clinic_slots").await["status"] == "PUBLISHED").then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn change_in_metas_manager_is_a_conflict_until_it_is_pulled() {
    let (world, _dir) = world().await;
    assert_eq!(apply(&world, json!({})).await["whole"], true);
    let id = shown(&world, "clinic_slots").await["id"].as_str().unwrap().to_owned();
    let edit = simulator::FlowEdit { flow_json: Some(flow_json("At Meta").to_string()), ..Default::default() };
    world.handle.edit_flow(&id, edit).unwrap();
    let applied = apply(&world, json!({})).await;
    assert_eq!(applied["outcomes"][0]["kind"], "conflict", "{applied}");
    let pulled = world.admin(&format!("/api/v1/flows/{id}/json")).await;
    assert!(pulled["flow_json"].as_str().unwrap().contains("At Meta"), "{pulled}");
    let applied = apply(&world, json!({ "overwrite": true })).await;
    assert_eq!(applied["whole"], true, "{applied}");
    assert!(world.handle.flow(&id).unwrap().flow_json.unwrap().contains("\"Day\""));
    world.end().await;
}

#[tokio::test]
async fn one_flow_is_looked_at_published_cloned_and_removed() {
    let (world, _dir) = world().await;
    apply(&world, json!({ "publish": false })).await;
    let post = async |path: &str| world.admin_post(&format!("/api/v1/flows/{path}"), &json!({})).await;
    let flow = world.admin("/api/v1/flows/clinic_slots?refresh=true").await;
    assert!(flow["health_status"]["can_send_message"].is_string(), "{flow}");
    let (_, preview) = post("clinic_slots/preview?renew=true").await;
    assert!(preview["url"].as_str().unwrap().starts_with("http") && preview["expires_at"].is_string(), "{preview}");
    let (_, rehearsed) = post("clinic_slots/publish?dry_run=true").await;
    assert_eq!((&rehearsed["dry_run"], &rehearsed["would_publish"]["status"]), (&json!(true), &json!("DRAFT")));
    let (status, published) = post("clinic_slots/publish").await;
    assert_eq!((status, &published["status"]), (200, &json!("PUBLISHED")), "{published}");
    let (status, copy) = post("clinic_slots/clone").await;
    assert_eq!((status, &copy["name"], &copy["status"]), (201, &json!("clinic_slots_v2"), &json!("DRAFT")));
    let remove = async |name: &str| {
        let path = format!("/api/v1/flows/{name}");
        world.admin_call(Method::DELETE, &path).send().await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(remove("clinic_slots_v2").await["removed"], "deleted");
    let removed = remove("clinic_slots").await;
    assert_eq!(removed["removed"], "deprecated");
    assert!(removed["note"].as_str().unwrap().contains("drafts only"), "{removed}");
    assert!(world.items("/api/v1/flows?name=clinic_slots").await.is_empty(), "it is put aside");
    world.end().await;
}

#[tokio::test]
async fn refusals_are_problems_with_what_to_do() {
    let (world, _dir) = world().await;
    apply(&world, json!({})).await;
    let (status, problem) = world.admin_post("/api/v1/flows/nothing/publish", &json!({})).await;
    assert_eq!((status, problem["hint"].is_string()), (404, true), "{problem}");
    let answer = world.admin_raw("/api/v1/flows/clinic_slots/metrics").await;
    let (status, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 409, "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("250"), "{problem}");
    let answer = world.admin_raw("/api/v1/flows/clinic_slots/metrics?name=smiles").await;
    assert_eq!(answer.status(), 400);
    let body = json!({ "from": "300100200300400", "to": "404", "names": [] });
    let (status, problem) = world.admin_post("/api/v1/flows/migrate", &body).await;
    assert_eq!(status, 404, "{problem}");
    let (status, problem) = world.admin_post("/api/v1/flows/apply", &json!({ "forse": true })).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/forse")), "{problem}");
    let (status, problem) =
        world.admin_post("/api/v1/flows/clinic_slots/clone", &json!({ "name": "clinic_slots" })).await;
    assert_eq!(status, 409, "{problem}");
    world.end().await;
}
