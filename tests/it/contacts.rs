//! Contacts and quick replies through the admin port: what is kept of people, tables in and out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, World};

async fn ask(world: &World, method: Method, path: &str, tag: Option<&str>, body: &Value) -> (u16, Value, String) {
    let mut request = world.admin_call(method, path).json(body);
    if let Some(tag) = tag {
        request = request.header("if-match", tag);
    }
    let answer = request.send().await.unwrap();
    let etag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()).unwrap_or_default();
    (answer.status().as_u16(), answer.json().await.unwrap(), etag)
}

#[tokio::test]
async fn what_is_kept_of_a_person_changes_only_for_who_has_read_it() {
    let mut world = World::start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let path = format!("/api/v1/contacts/{ADA}");
    let change = json!({ "tags": ["vip", "new"], "fields": { "city": "York", "age": 42 }, "language": "en" });
    let (status, contact, tag) = ask(&world, Method::PATCH, &path, Some("\"0\""), &change).await;
    assert_eq!((status, &contact["tags"]), (200, &json!(["new", "vip"])), "{contact}");
    let (status, problem, _) = ask(&world, Method::PATCH, &path, Some("\"0\""), &json!({ "tags": [] })).await;
    assert_eq!((status, &problem["etag"]), (412, &json!(tag)), "{problem}");
    let (status, shown, _) =
        ask(&world, Method::PATCH, &format!("{path}?dry_run=true"), None, &json!({ "fields": { "age": null } })).await;
    assert_eq!((status, &shown["contact"]["fields"]), (200, &json!({ "city": "York" })));
    let (status, contact, _) =
        ask(&world, Method::PATCH, &path, Some(&tag), &json!({ "fields": { "age": null } })).await;
    assert_eq!(
        (status, &contact["fields"], &contact["tags"]),
        (200, &json!({ "city": "York" }), &json!(["new", "vip"]))
    );
    for wrong in [json!({ "tags": ["Not A Tag"] }), json!({ "fields": { "x": [1] } }), json!({ "language": "e n" })] {
        let (status, problem, _) = ask(&world, Method::PATCH, &path, None, &wrong).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/invalid")), "{wrong}: {problem}");
    }
    world.restart().await;
    let tagged = world.items("/api/v1/contacts?tag=vip").await;
    assert_eq!((tagged.len(), &tagged[0]["wa_id"]), (1, &json!(ADA)));
    assert_eq!(world.items("/api/v1/contacts?q=somebo").await.len(), 1, "by the profile's name");
    let (status, contact, _) = ask(&world, Method::POST, &format!("{path}/opt-out"), None, &json!({})).await;
    assert_eq!((status, &contact["marketing"]["state"]), (200, &json!("opted_out")), "{contact}");
    world.wait_consumed().await;
    assert_eq!(world.conversation(ADA).await["marketing"], "opted_out", "the sender looks there");
    assert_eq!(world.admin(&path).await["marketing"]["source"], "admin-token");
    world.end().await;
}

#[tokio::test]
async fn f119_tables_go_out_without_formulas_and_come_back_as_they_were() {
    let world = World::start().await;
    let table = "phone,name,tags,marketing,city\r\n\
        +44 7700 900901,'=HYPERLINK(\"http://x.example\"),vip new,out,=1+1\r\n\
        12,Too short,,,\r\n\
        447700900902,Ben,BAD,,\r\n\
        447700900902,Ben,,maybe,\r\n\
        only,two\r\n\
        447700900903,Cy,vip,,Leeds\r\n";
    let import = async |dry: bool| {
        let request = world.admin_call(Method::POST, &format!("/api/v1/contacts/import?dry_run={dry}"));
        let answer = request.header("content-type", "text/csv").body(table).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, dry) = import(true).await;
    assert_eq!((status, &dry["created"], &dry["refused"]), (200, &json!(2), &json!(4)), "{dry}");
    let lines: Vec<u64> = dry["errors"].as_array().unwrap().iter().map(|e| e["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
    assert_eq!(world.items("/api/v1/contacts").await, Vec::<Value>::new());
    let (_, done) = import(false).await;
    assert_eq!((&done["created"], &done["errors"]), (&json!(2), &dry["errors"]));
    let (_, again) = import(false).await;
    assert_eq!((&again["created"], &again["changed"]), (&json!(0), &json!(2)));
    let ada = world.admin(&format!("/api/v1/contacts/{ADA}")).await;
    assert_eq!(
        (&ada["name"], &ada["marketing"]["source"]),
        (&json!("=HYPERLINK(\"http://x.example\")"), &json!("import"))
    );

    let sheet = world.admin_raw("/api/v1/contacts/export.csv?fields=city").await.text().await.unwrap();
    assert_eq!(sheet.lines().count(), 3, "{sheet}");
    assert!(sheet.contains(r#""'=HYPERLINK(""http://x.example"")""#) && sheet.contains(r#""'=1+1""#), "{sheet}");
    let back = world.admin_call(Method::POST, "/api/v1/contacts/import").body(sheet).send().await.unwrap();
    let back: Value = back.json().await.unwrap();
    assert_eq!((&back["changed"], &back["refused"]), (&json!(2), &json!(0)), "{back}");
    assert_eq!(world.admin(&format!("/api/v1/contacts/{ADA}")).await["fields"]["city"], "=1+1");
    // Whoever was imported and writes is the same contact.
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    let listed = world.items("/api/v1/contacts").await;
    assert_eq!((listed.len(), &listed[0]["wa_id"], &listed[0]["tags"]), (2, &json!(ADA), &json!(["new", "vip"])));
    world.end().await;
}

#[tokio::test]
async fn contacts_come_in_pages_each_once() {
    let world = World::start().await;
    for person in 0..7 {
        world.write(&format!("44770090091{person}"), "hi").await;
    }
    world.wait_consumed().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("/api/v1/contacts?limit=2{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["wa_id"].to_string()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (7, 7), "{seen:?}");
    assert_eq!(world.admin_raw("/api/v1/contacts?cursor=none").await.status(), 400);
    world.end().await;
}

#[tokio::test]
async fn quick_replies_are_kept_found_and_rendered_for_a_conversation() {
    let mut world = World::start().await;
    world.write(BEN, "hi").await;
    world.wait_replies(BEN, 1).await;
    let path = "/api/v1/quick-replies";
    let greeting =
        json!({ "name": "Greeting", "category": "start", "body": "Hi {name|there}, from {city|nowhere}: {n} {x}" });
    let (status, made, tag) = ask(&world, Method::POST, path, None, &greeting).await;
    assert_eq!((status, &made["revision"]), (201, &json!(1)), "{made}");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let (status, problem, _) = ask(&world, Method::POST, path, None, &greeting).await;
    assert_eq!(status, 409, "{problem}");
    for wrong in [json!({ "name": "a", "body": "{" }), json!({ "name": "", "body": "x" })] {
        assert_eq!(ask(&world, Method::POST, path, None, &wrong).await.0, 422, "{wrong}");
    }
    let (status, problem, _) =
        ask(&world, Method::POST, path, None, &json!({ "name": "b", "body": "x", "media": ["none"] })).await;
    assert_eq!(status, 422, "{problem}");
    world.restart().await;
    for (words, count) in [("GREET", 1), ("from nowhere", 1), ("absent", 0)] {
        assert_eq!(world.items(&format!("{path}?q={words}")).await.len(), count, "{words}");
    }
    let id = world.conversation(BEN).await["id"].as_str().unwrap().to_owned();
    let shown = world.admin(&format!("{one}/preview?conversation={id}")).await;
    assert_eq!(
        (&shown["text"], &shown["missing"]),
        (&json!("Hi Somebody, from nowhere: 1 "), &json!(["x"])),
        "{shown}"
    );
    let other = json!({ "name": "Greeting", "body": "Hello" });
    assert_eq!(ask(&world, Method::PUT, &one, Some("\"7\""), &other).await.0, 412);
    let (status, changed, _) = ask(&world, Method::PUT, &one, Some(&tag), &other).await;
    assert_eq!((status, &changed["body"]), (200, &json!("Hello")));
    assert_eq!(ask(&world, Method::DELETE, &one, None, &json!({})).await.0, 200);
    assert_eq!(world.admin_raw(&one).await.status(), 404);
    world.end().await;
}
