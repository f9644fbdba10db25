//! Broadcasts: planned, confirmed, released at a rate, paused and cancelled; who wants none gets none.

use serde_json::{Value, json};

use crate::begin::{definition, template};
use crate::people::field;
use crate::support::sse::{Event, Events};
use crate::support::{ADA, BEN, Setup, World, person, until};

pub(crate) fn broadcast(people: &Value) -> Value {
    json!({ "name": "news", "message": template("news", "{{name}}"), "people": people })
}

pub(crate) fn named(to: &str) -> Value {
    json!({ "to": to, "variables": { "name": "Ada" } })
}

pub(crate) async fn world() -> World {
    let world = World::start().await;
    world.handle.put_template(&definition("news", "MARKETING")).unwrap();
    world
}

pub(crate) async fn done(world: &World, id: &str) -> Value {
    until("it is done", async || {
        world.clock.advance(1_000);
        let shown = world.admin(&format!("/api/v1/broadcasts/{id}")).await;
        let counts = &shown["counts"];
        (shown["state"] == "done" && counts["queued"] == 0).then_some(shown)
    })
    .await
}

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

#[tokio::test]
async fn everybody_gets_it_once_and_whoever_wants_no_marketing_gets_nothing() {
    let world = world().await;
    world.write(BEN, "hi").await;
    world.wait_replies(BEN, 1).await;
    let stop = json!({ "wa_id": BEN, "category": "marketing_messages", "value": "stop",
        "timestamp": world.now_ms() / 1_000 });
    assert_eq!(world.post(field("user_preferences", json!({ "user_preferences": [stop] }))).await, 200);
    world.wait_consumed().await;
    let people = json!([named(ADA), named(BEN), named(&format!("+{ADA}")), named("nonsense"), ADA]);
    let (status, plan) = world.admin_post("/api/v1/broadcasts?dry_run=true", &broadcast(&people)).await;
    assert_eq!((status, &plan["recipients"], &plan["people"]), (200, &json!(2), &json!(5)), "{plan}");
    assert!(world.items("/api/v1/broadcasts").await.is_empty());
    let (status, made) = world.admin_post("/api/v1/broadcasts", &broadcast(&people)).await;
    assert_eq!((status, &made["state"]), (201, &json!("running")), "{made}");
    let id = id_of(&made);
    let shown = done(&world, &id).await;
    let counts = &shown["counts"];
    assert_eq!((&counts["sent"], &counts["skipped"]), (&json!(1), &json!(4)), "{shown}");
    assert_eq!(counts["skipped_why"], json!({ "opted_out": 1, "duplicate": 1, "invalid": 2 }));
    assert_eq!((world.replies(ADA).len(), world.replies(BEN).len()), (1, 1));
    let results = world.items(&format!("/api/v1/broadcasts/{id}/results?state=skipped")).await;
    let why: Vec<_> = results.iter().map(|result| (&result["place"], &result["reason"])).collect();
    assert_eq!(why[0], (&json!(2), &json!("opted_out")));
    let sent = world.items(&format!("/api/v1/broadcasts/{id}/results?state=sent")).await;
    let message = world.admin(&format!("/api/v1/messages/{}", sent[0]["message"].as_str().unwrap())).await;
    assert_eq!(message["state"], "accepted");
    let table = world.admin_raw(&format!("/api/v1/broadcasts/{id}/results.csv")).await.text().await.unwrap();
    assert!(table.lines().count() == 6 && table.contains("\"opted_out\""), "{table}");
    assert_eq!(world.messages(ADA).await[0]["origin"], "broadcast");
    world.end().await;
}

#[tokio::test]
async fn many_people_must_be_confirmed_by_their_number() {
    let world = world().await;
    let people: Vec<Value> = (0..150).map(|at| named(&person(at))).collect();
    let body = broadcast(&json!(people));
    let (status, asked) = world.admin_post("/api/v1/broadcasts", &body).await;
    assert_eq!((status, &asked["type"], &asked["recipients"]), (409, &json!("/problems/confirm"), &json!(150)));
    let with = |more: Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(world.admin_post("/api/v1/broadcasts", &with(json!({ "confirm": 149 }))).await.0, 409);
    let (status, draft) = world.admin_post("/api/v1/broadcasts", &with(json!({ "draft": true }))).await;
    assert_eq!((status, &draft["state"]), (201, &json!("draft")), "{draft}");
    let id = id_of(&draft);
    let path = format!("/api/v1/broadcasts/{id}/start");
    assert_eq!(world.admin_post(&path, &json!({})).await.0, 409);
    assert!(world.accepted().is_empty());
    assert_eq!(world.admin_post(&path, &json!({ "confirm": 150 })).await.0, 200);
    done(&world, &id).await;
    assert_eq!(world.accepted().len(), 150);
    world.end().await;
}

#[tokio::test]
async fn a_broadcast_is_paused_resumed_and_cancelled_and_goes_on_after_a_restart() {
    let mut world = Setup::default().start().await;
    world.handle.put_template(&definition("news", "MARKETING")).unwrap();
    let people: Vec<Value> = (0..60).map(|at| named(&person(at))).collect();
    let mut body = broadcast(&json!(people));
    body["rate"] = json!(4);
    let id = id_of(&world.admin_post("/api/v1/broadcasts", &body).await.1);
    let released =
        async |world: &World| world.admin(&format!("/api/v1/broadcasts/{id}")).await["released"].as_u64().unwrap();
    until("it has begun", async || {
        world.clock.advance(250);
        (released(&world).await >= 4).then_some(())
    })
    .await;
    let verb = async |world: &World, verb: &str| {
        world.admin_post(&format!("/api/v1/broadcasts/{id}/{verb}"), &json!({})).await
    };
    let (status, paused) = verb(&world, "pause").await;
    assert_eq!((status, &paused["state"], &paused["paused_by"]), (200, &json!("paused"), &json!("admin-token")));
    world.restart().await;
    let before = until("its step has ended", async || {
        let before = released(&world).await;
        (world.server().store().stats().inbox == 0).then_some(before)
    })
    .await;
    world.clock.advance(60_000);
    world.wait_consumed().await;
    assert_eq!(released(&world).await, before, "nothing is released while it is paused");
    assert_eq!(verb(&world, "pause").await.0, 409);
    assert_eq!(verb(&world, "resume").await.0, 200);
    until("it goes on", async || {
        world.clock.advance(250);
        (released(&world).await > before).then_some(())
    })
    .await;
    assert_eq!(verb(&world, "cancel").await.1["state"], "cancelled");
    let (status, refused) = verb(&world, "resume").await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/broadcast-state")));
    let mut people: Vec<_> = world.accepted().into_iter().map(|row| row.person).collect();
    let count = people.len();
    people.sort();
    people.dedup();
    assert!(people.len() == count && count < 60, "{count}");
    world.end().await;
}

#[tokio::test]
async fn who_watches_hears_how_a_broadcast_gets_on_and_no_more_than_once_a_second() {
    let world = world().await;
    let request = world.admin_call(reqwest::Method::GET, "/api/v1/events?topics=broadcasts");
    let mut events = Events::open(request, None).await.unwrap();
    assert_eq!(events.next().await.unwrap().kind, "hello");
    let people: Vec<Value> = (0..90).map(|at| named(&person(at))).collect();
    let mut body = broadcast(&json!(people));
    (body["rate"], body["draft"]) = (json!(40), json!(true));
    let id = id_of(&world.admin_post("/api/v1/broadcasts", &body).await.1);
    let verb = async |verb: &str| {
        assert_eq!(world.admin_post(&format!("/api/v1/broadcasts/{id}/{verb}"), &json!({})).await.0, 200);
    };
    let began_ms = world.now_ms();
    verb("start").await;
    until("it has begun", async || {
        world.clock.advance(100);
        (world.admin(&format!("/api/v1/broadcasts/{id}")).await["released"].as_u64() > Some(45)).then_some(())
    })
    .await;
    verb("pause").await;
    verb("resume").await;
    done(&world, &id).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last: &Event| last.kind != "broadcast.finished") {
        heard.push(events.next().await.unwrap());
    }
    let (progress, rest): (Vec<_>, Vec<_>) = heard.into_iter().partition(|event| event.kind == "broadcast.progress");
    let kinds: Vec<_> = rest.iter().map(|event| event.kind.trim_start_matches("broadcast.")).collect();
    assert_eq!(kinds, ["created", "started", "begun", "paused", "resumed", "finished"]);
    let last = &rest[5].data;
    assert_eq!((&last["id"], &last["state"], &last["released"]), (&json!(id), &json!("done"), &json!(90)), "{last}");
    let seconds = (world.now_ms() - began_ms) / 1_000 + 1;
    assert!((1..=seconds as usize).contains(&progress.len()), "{} in {seconds} s", progress.len());
    assert!(progress.windows(2).all(|two| two[0].data["released"].as_u64() < two[1].data["released"].as_u64()));
    let told = format!("{rest:?}");
    assert!(!told.contains("news") && !told.contains(&person(0)), "no words and nobody: {told}");
    world.end().await;
}

#[tokio::test]
async fn a_broadcast_waits_for_its_time_and_for_a_number_that_stands_still() {
    let world = world().await;
    let mut body = broadcast(&json!([named(ADA)]));
    let at_ms = world.now_ms() + 3_600_000;
    let at = jiff::Timestamp::from_millisecond(at_ms as i64).unwrap();
    body["start_at"] = json!(at.to_string());
    let made = world.admin_post("/api/v1/broadcasts", &body).await.1;
    assert_eq!(made["state"], "scheduled", "{made}");
    let number = format!("/api/v1/numbers/{}", crate::support::NUMBER);
    world.admin_post(&format!("{number}/pause"), &json!({ "reason": "a test" })).await;
    world.clock.advance(3_700_000);
    let path = format!("/api/v1/broadcasts/{}", id_of(&made));
    until("its time has come", async || (world.admin(&path).await["state"] == "running").then_some(())).await;
    assert_eq!(world.admin(&path).await["released"], 0);
    world.admin_post(&format!("{number}/resume"), &json!({})).await;
    done(&world, &id_of(&made)).await;
    assert_eq!(world.replies(ADA).len(), 1);
    world.end().await;
}

async fn import(world: &World, table: &str) {
    let request = world.admin_call(reqwest::Method::POST, "/api/v1/contacts/import");
    let answer = request.header("content-type", "text/csv").body(table.to_owned()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap()["refused"], 0);
}

fn to_segment(segment: &Value) -> Value {
    json!({ "name": "news", "message": template("news", "{{name}} of {{city}}"), "segment": segment })
}

#[tokio::test]
async fn a_segment_goes_to_who_belongs_to_it_at_that_time_and_wants_it() {
    let world = world().await;
    let table = format!(
        "phone,name,tags,marketing,city\r\n{ADA},Ada,vip new,in,York\r\n{BEN},Ben,vip,out,York\r\n\
         447700900903,Cy,vip had,,York\r\n447700900904,Di,vip,,York\r\n447700900905,Ed,other,,York\r\n\
         447700900906,Flo,vip,,\r\n447700900907,Gus,vip,,Leeds\r\n"
    );
    import(&world, &table).await;
    let erase = json!({ "confirm": "447700900904" });
    assert_eq!(world.admin_post("/api/v1/contacts/447700900904/erase", &erase).await.0, 200);
    let body = to_segment(&json!({ "tags": ["vip"], "not_tags": ["had"] }));
    let (status, plan) = world.admin_post("/api/v1/broadcasts?dry_run=true", &body).await;
    assert_eq!((status, &plan["people"], &plan["recipients"]), (200, &json!(3), &json!(2)), "{plan}");
    assert_eq!(plan["segment"], json!({ "matched": 4, "opted_out": 1, "no_address": 0 }));
    assert_eq!(plan["skipped"], json!({ "invalid": 1 }), "Flo has no city");
    assert!(world.items("/api/v1/broadcasts").await.is_empty(), "a plan keeps nothing");
    let with_fields = to_segment(&json!({ "tags": ["vip"], "fields": { "city": "York" } }));
    let (_, plan) = world.admin_post("/api/v1/broadcasts?dry_run=true", &with_fields).await;
    assert_eq!((&plan["recipients"], &plan["segment"]["matched"]), (&json!(2), &json!(3)), "{plan}");
    let (_, plan) = world
        .admin_post("/api/v1/broadcasts?dry_run=true", &to_segment(&json!({ "fields": { "city": "Leeds" } })))
        .await;
    assert_eq!((&plan["recipients"], &plan["segment"]["matched"]), (&json!(1), &json!(1)), "without a tag: {plan}");
    let (status, made) = world.admin_post("/api/v1/broadcasts", &body).await;
    assert_eq!(status, 201, "{made}");
    // Who joins later gets nothing: the list was made when the broadcast was.
    import(&world, "phone,name,tags,city\r\n447700900908,Hal,vip,York\r\n").await;
    done(&world, &id_of(&made)).await;
    let mut got: Vec<_> = world.accepted().into_iter().map(|row| row.person.to_string()).collect();
    got.sort();
    assert_eq!(got, [ADA, "447700900907"]);
    world.end().await;
}

#[tokio::test]
async fn a_segment_of_nobody_or_of_another_form_is_refused_with_the_reason() {
    let world = world().await;
    import(&world, &format!("phone,name,tags,marketing\r\n{ADA},Ada,quiet,out\r\n")).await;
    let many: Vec<_> = (0..17).map(|at| format!("t{at}")).collect();
    for (segment, says) in [
        (json!({}), "name tags or fields"),
        (json!({ "not_tags": ["vip"] }), "name tags or fields"),
        (json!({ "tags": ["nobody-has-it"] }), "0 contacts belong to it"),
        (json!({ "tags": ["quiet"] }), "1 of them want no marketing"),
        (json!({ "tags": ["Not A Tag"] }), "not 1 to 64 characters"),
        (json!({ "tags": many }), "at most 16 tags"),
        (json!({ "fields": { "city": ["York"] } }), "\"city\""),
        (json!({ "tag": "vip" }), "tag"),
    ] {
        let (status, problem) = world.admin_post("/api/v1/broadcasts", &to_segment(&segment)).await;
        assert_eq!(status, 422, "{segment}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says}: {problem}");
    }
    let mut both = to_segment(&json!({ "tags": ["quiet"] }));
    both["people"] = json!([ADA]);
    let (status, problem) = world.admin_post("/api/v1/broadcasts", &both).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("one of them"), "{problem}");
    assert!(world.items("/api/v1/broadcasts").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn who_wants_no_marketing_still_gets_what_is_known_to_be_none() {
    let account = simulator::Number::default().waba_id;
    let world = Setup::default().set("whatsapp.business_account_id", &account).start().await;
    world.handle.put_template(&definition("news", "UTILITY")).unwrap();
    assert_eq!(world.admin_post("/api/v1/templates/sync", &json!({})).await.0, 200);
    import(&world, &format!("phone,name,tags,marketing,city\r\n{ADA},Ada,quiet,out,York\r\n")).await;
    let (status, made) = world.admin_post("/api/v1/broadcasts", &to_segment(&json!({ "tags": ["quiet"] }))).await;
    assert_eq!(status, 201, "{made}");
    done(&world, &id_of(&made)).await;
    assert_eq!(world.replies(ADA).len(), 1);
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_a_broadcast_is_refused_with_the_reason() {
    let world = world().await;
    let with = |name: &str, value: Value| {
        let mut body = broadcast(&json!([named(ADA)]));
        body[name] = value;
        body
    };
    let text = json!({ "type": "text", "text": { "body": "x" } });
    for (body, status, says) in [
        (with("people", json!([])), 422, "nobody is named"),
        (with("people", json!([ADA])), 422, "\"name\" is missing"),
        (with("message", text), 422, "no template"),
        (with("rate", json!(0)), 422, "rate"),
        (with("start_at", json!("soon")), 422, "start_at"),
        (with("name", json!(" ")), 422, "name"),
        (with("csv", json!("to,name\n1,2")), 422, "one of them"),
        (with("from", json!("1")), 404, "no number"),
        (with("nmae", json!(1)), 422, "nmae"),
    ] {
        let (found, problem) = world.admin_post("/api/v1/broadcasts", &body).await;
        assert_eq!(found, status, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says}: {problem}");
    }
    assert_eq!(world.admin_raw("/api/v1/broadcasts/br_1").await.status(), 404);
    world.end().await;
}
