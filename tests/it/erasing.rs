//! F120: one person is erased everywhere, and late webhooks do not bring them back. And the export of what would go.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use simulator::{Operation, Rule};

use crate::people::field;
use crate::support::compose::{status, statuses};
use crate::support::receiver::{Does, Receiver};
use crate::support::{ADA, BEN, NUMBER, Setup, World, body, text, until};

/// Words that only Ada says.
const SECRET_WORDS: &str = "the blue door behind the mill";

async fn contact(world: &World, person: &str) -> Option<Value> {
    world.items(&format!("/api/v1/contacts?phone={person}")).await.into_iter().next()
}

async fn erase(world: &World, person: &str) -> (u16, Value) {
    world.admin_post(&format!("/api/v1/contacts/{person}/erase"), &json!({ "confirm": person })).await
}

/// Everything that a reader finds by a person's number, by the lists that have one.
async fn found(world: &World, person: &str) -> Vec<String> {
    let mut found = Vec::new();
    for list in
        ["conversations", "contacts", "outbox", "dead-letters", "quarantine", "notices", "media", "events/deliveries"]
    {
        for item in world.items(&format!("/api/v1/{list}?limit=200")).await {
            if item.to_string().contains(person) {
                found.push(format!("{list}: {item}"));
            }
        }
    }
    for item in world.items(&format!("/api/v1/conversations?phone={person}")).await {
        found.push(format!("by number: {item}"));
    }
    found
}

const DAY_MS: u64 = 86_400_000;

fn of_ada(wamid: &str, words: &str, at_ms: u64) -> String {
    body(&[text(ADA, wamid, at_ms, words)])
}

#[tokio::test]
async fn f120_a_person_is_erased_everywhere_and_others_stay() {
    let mut world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.write(BEN, "hello").await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    // Too old to run: it lies in quarantine with her number.
    assert_eq!(world.post(of_ada("wamid.old", "from last month", world.now_ms() - 30 * DAY_MS)).await, 200);
    let (status, answer) = world.admin_post(&format!("/api/v1/contacts/{ADA}/tags"), &json!({ "add": ["vip"] })).await;
    assert_eq!(status, 200, "{answer}");
    world.wait_items("/api/v1/quarantine", 1).await;

    let id = contact(&world, ADA).await.unwrap()["id"].as_str().unwrap().to_owned();
    let (status, preview) = world.admin_post(&format!("/api/v1/contacts/{id}/erase?dry_run=true"), &json!({})).await;
    assert_eq!(status, 200, "{preview}");
    let rows = &preview["erased"]["rows"];
    assert!(rows["history"].as_u64() >= Some(1) && rows["outbox"] == 1 && rows["quarantine"] == 1, "{preview}");
    let (status, refused) = world.admin_post(&format!("/api/v1/contacts/{id}/erase"), &json!({})).await;
    assert_eq!((status, &refused["type"]), (422, &json!("/problems/invalid")), "{refused}");
    assert!(contact(&world, ADA).await.is_some());

    let (status, erased) = erase(&world, ADA).await;
    assert_eq!((status, &erased["erased"]), (200, &preview["erased"]), "{erased}");
    for _ in 0..2 {
        assert_eq!(found(&world, ADA).await, Vec::<String>::new());
        assert_eq!(contact(&world, ADA).await, None);
        assert_eq!(world.items("/api/v1/contacts?tag=vip").await, Vec::<Value>::new());
        let other = world.messages(BEN).await;
        assert_eq!(other.len(), 2, "{other:?}");
        world.restart().await;
    }
    let (status, again) = erase(&world, ADA).await;
    assert_eq!(status, 404, "{again}");
    world.end().await;
}

#[tokio::test]
async fn f120_what_comes_late_brings_nobody_back_and_a_new_message_begins_anew() {
    let mut world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.wait_replies(ADA, 1).await;
    let old = world.conversation(ADA).await;
    let (wamid, erased_ms) = (world.accepted()[0].wamid.to_string(), world.now_ms());
    assert_eq!(erase(&world, ADA).await.0, 200);
    for _ in 0..2 {
        // The same message again, one that was under way, one that is too old, a status, a preference.
        assert_eq!(world.post(of_ada("wamid.it1", SECRET_WORDS, erased_ms - 5_000)).await, 200);
        assert_eq!(world.post(of_ada("wamid.late", SECRET_WORDS, erased_ms)).await, 200);
        assert_eq!(world.post(of_ada("wamid.ancient", SECRET_WORDS, erased_ms - 20 * DAY_MS)).await, 200);
        let read = status(&wamid, "o_0000000000000000000000000A-1.00000000", "read", world.now_ms());
        assert_eq!(world.post(statuses(&[read])).await, 200);
        world.wait_consumed().await;
        assert_eq!(found(&world, ADA).await, Vec::<String>::new());
        world.restart().await;
    }
    assert_eq!(world.replies(ADA).len(), 1);

    world.clock.advance(2_000);
    world.write(ADA, "hello again").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "1: hello again", "a conversation that counts from one");
    let new = world.conversation(ADA).await;
    assert_ne!(new["id"], old["id"]);
    assert!(!world.messages(ADA).await.iter().any(|message| message.to_string().contains(SECRET_WORDS)));
    // Her old messages still do not come back, now that she is known again.
    assert_eq!(world.post(of_ada("wamid.late2", SECRET_WORDS, erased_ms)).await, 200);
    world.write(ADA, "and again").await;
    assert_eq!(world.wait_replies(ADA, 3).await[2], "2: and again");
    world.restart().await;
    world.write(ADA, "after a restart").await;
    assert_eq!(world.wait_replies(ADA, 4).await[3], "3: after a restart");
    world.end().await;
}

#[tokio::test]
async fn f120_nothing_leaves_for_somebody_who_was_erased() {
    let world = World::start().await;
    // Meta is down: her replies wait.
    world.trouble(vec![Rule { status: Some(503), ..Rule::on(Operation::Send) }]);
    for n in 0..5 {
        world.write(ADA, &format!("{SECRET_WORDS} {n}")).await;
    }
    until("replies that wait", async || (world.items("/api/v1/outbox?state=queued").await.len() >= 4).then_some(()))
        .await;
    assert_eq!(erase(&world, ADA).await.0, 200);
    let asked = world.calls().len();
    world.trouble(Vec::new());
    world.write(BEN, "hello").await;
    for _ in 0..40 {
        world.clock.advance(60_000);
        tokio::task::yield_now().await;
    }
    world.wait_replies(BEN, 1).await;
    let later: Vec<String> = world.calls()[asked..].iter().map(|call| format!("{call:?}")).collect();
    assert!(!later.iter().any(|call| call.contains(ADA)), "{later:?}");
    assert_eq!(world.replies(ADA), Vec::<String>::new());
    world.end().await;
}

/// How often a text stands in a file.
fn occurrences(path: &Path, text: &str) -> usize {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[tokio::test]
async fn f120_a_file_that_is_written_anew_names_nobody_who_was_erased() {
    let mut world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.write(BEN, "a green gate").await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(erase(&world, ADA).await.0, 200);
    world.stop_server().await;
    let file = world.dir().join("parlance.redb");
    storage::compact(&file).unwrap();
    for gone in [ADA, SECRET_WORDS] {
        assert_eq!(occurrences(&file, gone), 0, "{gone}");
    }
    assert!(occurrences(&file, "a green gate") > 0);
    world.start_server().await;
    assert_eq!(world.messages(BEN).await.len(), 2);
    assert_eq!(world.post(of_ada("wamid.late", SECRET_WORDS, world.now_ms() - 60_000)).await, 200);
    assert_eq!(found(&world, ADA).await, Vec::<String>::new(), "the tombstone is still there");
    world.end().await;
}

#[tokio::test]
async fn the_export_of_a_person_has_what_erasing_removes_and_nobody_else() {
    let world = Setup::default().start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.write(BEN, "a green gate").await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    let change = json!({ "fields": { "city": "York" }, "tags": ["vip"], "name": "Ada L." });
    let path = format!("/api/v1/contacts/{ADA}");
    let changed = world.admin_call(reqwest::Method::PATCH, &path).json(&change).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let exported = world.admin(&format!("/api/v1/contacts/{ADA}/export")).await;
    assert_eq!(
        (&exported["contact"]["name"], &exported["contact"]["fields"]["city"]),
        (&json!("Ada L."), &json!("York"))
    );
    let conversation = &exported["conversations"][0];
    assert_eq!(conversation["conversation"]["phone_number_id"], NUMBER);
    let texts: Vec<&str> =
        conversation["messages"].as_array().unwrap().iter().filter_map(|message| message["text"].as_str()).collect();
    assert_eq!(texts, [SECRET_WORDS, &format!("1: {SECRET_WORDS}")]);
    assert!(!conversation["journal"].as_array().unwrap().is_empty());
    assert!(!exported.to_string().contains(BEN) && !exported.to_string().contains("a green gate"));
    assert_eq!(world.admin_raw("/api/v1/contacts/p_000000000000000000000000/export").await.status(), 404);
    world.end().await;
}

/// Tells the world what somebody writes.
const TELLER: &str = r#"
parlance: 1
id: teller
triggers: [ { default: {}, to: tell } ]
nodes:
  tell: { type: emit, event: order.placed, data: { text: "{{ input.text }}" }, next: { next: answer } }
  answer: { type: say, messages: [ { text: noted } ], next: { next: fin } }
  fin: { type: end, reason: told }
"#;

#[tokio::test]
async fn f120_files_and_events_of_a_person_go_with_them() {
    let receiver = Receiver::start().await;
    // Nobody takes the events: they wait, with all that they say.
    receiver.then(vec![Does::Says(503); 50]);
    let world = Setup::default()
        .bot(TELLER)
        .set("events.endpoint.0.name", "crm")
        .set("events.endpoint.0.url", &receiver.url)
        .set("events.endpoint.0.secret", &format!("whsec_{}", BASE64_STANDARD.encode([1; 32])))
        .start()
        .await;
    let media = world.handle.add_media("application/pdf", &b"%PDF a bill"[..]).unwrap();
    let draft = json!({ "content": { "type": "document", "filename": "bill.pdf", "media_id": media.id } });
    world.handle.send(1, &serde_json::from_value(draft).unwrap()).unwrap();
    let item = world.wait_items("/api/v1/media?direction=in&state=stored", 1).await.remove(0);
    let person = world.items("/api/v1/conversations").await[0]["wa_id"].as_str().unwrap().to_owned();
    world.write(&person, SECRET_WORDS).await;
    world.write(BEN, "something else").await;
    world.wait_items("/api/v1/events/deliveries?type=bot.order.placed", 3).await;
    world.wait_consumed().await;
    let digest = item["sha256"].as_str().unwrap().to_owned();
    let files = || {
        let folder = world.dir().join("media");
        let folders =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        folders
            .flat_map(|folder| std::fs::read_dir(folder).unwrap())
            .map(|file| file.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    assert!(files().iter().any(|name| name.to_string_lossy().contains(&digest)), "{:?}", files());

    let (status, erased) = erase(&world, &person).await;
    assert_eq!((status, &erased["erased"]["rows"]["media"]), (200, &json!(1)), "{erased}");
    assert!(erased["erased"]["rows"]["events"].as_u64() >= Some(2), "{erased}");
    assert_eq!(found(&world, &person).await, Vec::<String>::new());
    assert!(!files().iter().any(|name| name.to_string_lossy().contains(&digest)), "{:?}", files());
    assert_eq!(world.admin_raw(&format!("/api/v1/media/{}/content", media.id)).await.status(), 404);
    let left = world.items("/api/v1/events/deliveries?limit=200").await;
    assert!(!left.is_empty() && !json!(left).to_string().contains(SECRET_WORDS), "{left:?}");
    world.end().await;
}

#[tokio::test]
async fn f120_what_comes_late_is_kept_nowhere_in_its_bytes_and_writes_nothing() {
    let world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.wait_replies(ADA, 1).await;
    let (sent, erased_ms) = (world.accepted()[0].clone(), world.now_ms());
    assert_eq!(erase(&world, ADA).await.0, 200);
    let before = world.items("/api/v1/webhooks?limit=200").await.len();
    let rows = || *world.server().store().appended().borrow();
    let last = rows();
    // It says that she wants no marketing: a row for her conversation, which is not there any more.
    let mut failed = status(&sent.wamid, &sent.callback_data, "failed", world.now_ms());
    failed["errors"] = json!([{ "code": 131050, "title": "the person stopped marketing" }]);
    assert_eq!(world.post(statuses(&[failed])).await, 200);
    assert_eq!(world.post(of_ada("wamid.late", SECRET_WORDS, erased_ms)).await, 200);
    let mut stop = json!({ "wa_id": ADA, "category": "marketing_messages", "value": "stop" });
    stop["timestamp"] = json!(erased_ms / 1_000);
    assert_eq!(world.post(field("user_preferences", json!({ "user_preferences": [stop] }))).await, 200);
    assert_eq!(rows(), last, "nothing was written down");
    let noted = world.wait_items("/api/v1/webhooks?limit=200", before + 3).await;
    for item in &noted[..3] {
        assert_eq!((&item["taken"]["erased"], &item["taken"]["accepted"]), (&json!(1), &json!(0)), "{item}");
        let path = format!("/api/v1/webhooks/{}", item["id"].as_str().unwrap());
        assert_eq!(world.admin(&path).await["raw"], "", "its bytes are not kept");
        let (status, problem) = world.admin_post(&format!("{path}/replay"), &json!({ "dedupe": "keep" })).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/not-replayable")), "{problem}");
    }
    assert_eq!(world.items(&format!("/api/v1/webhooks?contains={ADA}")).await, Vec::<Value>::new());
    assert_eq!(found(&world, ADA).await, Vec::<String>::new());
    world.write(BEN, "hello").await;
    let kept = world.wait_items(&format!("/api/v1/webhooks?contains={BEN}"), 1).await;
    assert_eq!(kept[0]["taken"]["erased"], 0);
    world.end().await;
}

#[tokio::test]
async fn f120_bytes_that_came_late_and_could_not_be_stored_are_not_kept_either() {
    let mut world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.wait_replies(ADA, 1).await;
    let erased_ms = world.now_ms();
    assert_eq!(erase(&world, ADA).await.0, 200);
    // No disk has so much free: nothing more is taken.
    world.set("store.min_free_bytes", "1125899906842624");
    world.restart().await;
    let late = text(ADA, "wamid.late", erased_ms, SECRET_WORDS);
    let fresh = text(BEN, "wamid.fresh", world.now_ms(), "hello");
    assert_eq!(world.post(body(&[late, fresh.clone()])).await, 503);
    let mut stop = json!({ "wa_id": ADA, "category": "marketing_messages", "value": "stop" });
    stop["timestamp"] = json!(erased_ms / 1_000);
    let mut echo = stop.clone();
    echo["wa_id"] = json!(BEN);
    assert_eq!(world.post(field("user_preferences", json!({ "user_preferences": [stop, echo] }))).await, 503);
    assert_eq!(world.post(body(&[fresh])).await, 503);
    let noted = world.wait_items("/api/v1/webhooks?status=503", 3).await;
    let erased: Vec<_> = noted.iter().map(|item| item["taken"]["erased"].as_u64()).collect();
    assert_eq!(erased, [None, Some(1), Some(1)]);
    for item in &noted {
        let shown = world.admin(&format!("/api/v1/webhooks/{}", item["id"].as_str().unwrap())).await;
        assert_eq!(shown["verdict"], "refused", "whatever was read of it: {shown}");
    }
    assert_eq!(world.items(&format!("/api/v1/webhooks?contains={ADA}")).await, Vec::<Value>::new());
    assert_eq!(world.items("/api/v1/webhooks?contains=wamid.fresh").await.len(), 1);
    world.end().await;
}

/// Writes a row of each kind that nobody can read, with this text in it; they are named by it.
async fn damage(world: &World, name: &str, text: &str) {
    let store = world.server().store();
    for kind in DAMAGED {
        let value = format!("\u{1}\u{1} \"{text}\" of no form that is known").into();
        store.put_document(kind, &format!("0000/{name}"), Some(value)).await.unwrap();
    }
}

const DAMAGED: [&str; 3] = ["event_delivery", "media", "broadcast_people"];

#[tokio::test]
async fn f120_rows_that_nobody_can_read_keep_no_erasing_and_no_start_back() {
    let mut world = World::start().await;
    world.write(ADA, SECRET_WORDS).await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    damage(&world, "hers", &id).await;
    damage(&world, "others", BEN).await;
    let job = contact(&world, ADA).await.unwrap()["id"].as_str().unwrap().replace("p_", "");
    let store = world.server().store().clone();
    store.put_document("erase_job", "of nobody", Some("damaged".into())).await.unwrap();
    let (status, erased) = erase(&world, ADA).await;
    assert_eq!(status, 200, "{erased}");
    for kind in DAMAGED {
        let left = store.documents(kind).await.unwrap();
        let others = left.iter().filter(|(key, _)| &**key == "0000/others").count();
        assert_eq!(others, 1, "{kind}: {left:?}");
        assert!(!format!("{left:?}").contains(&id), "{kind}: {left:?}");
    }
    // A job that cannot be read is one of its contact all the same.
    world.clock.advance(2_000);
    world.write(BEN, "hello").await;
    world.wait_replies(BEN, 1).await;
    let ben = contact(&world, BEN).await.unwrap()["id"].as_str().unwrap().replace("p_", "");
    assert_ne!(job, ben);
    store.put_document("erase_job", &ben, Some("damaged".into())).await.unwrap();
    drop(store);
    world.restart().await;
    assert_eq!(world.server().store().documents("erase_job").await.unwrap(), []);
    assert_eq!(contact(&world, BEN).await, None);
    world.end().await;
}

#[tokio::test]
async fn f120_whoever_asks_again_goes_on_with_an_erasing_that_did_not_come_to_its_end() {
    let mut world = World::start().await;
    let media = world.handle.add_media("application/pdf", &b"%PDF a bill"[..]).unwrap();
    let draft = json!({ "content": { "type": "document", "filename": "bill.pdf", "media_id": media.id } });
    world.handle.send(1, &serde_json::from_value(draft).unwrap()).unwrap();
    let item = world.wait_items("/api/v1/media?direction=in&state=stored", 1).await.remove(0);
    world.wait_consumed().await;
    let person = world.items("/api/v1/conversations").await[0]["wa_id"].as_str().unwrap().to_owned();
    let id = contact(&world, &person).await.unwrap()["id"].as_str().unwrap().to_owned();
    // Her file cannot be removed: a folder is in its place.
    let digest = item["sha256"].as_str().unwrap();
    let file = world.dir().join("media").join(digest.get(..2).unwrap()).join(digest);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let path = format!("/api/v1/contacts/{id}/erase");
    for confirm in [&id, &person] {
        let (status, refused) = world.admin_post(&path, &json!({ "confirm": confirm })).await;
        assert_eq!(status, 503, "{refused}");
    }
    world.restart().await;
    assert_eq!(world.server().store().documents("erase_job").await.unwrap().len(), 1, "the start was not kept back");
    let (status, refused) = erase(&world, &person).await;
    assert_eq!(status, 503, "{refused}");
    let (status, preview) = world.admin_post(&format!("{path}?dry_run=true"), &json!({})).await;
    assert_eq!((status, &preview["erased"]["rows"]["media"]), (200, &json!(1)), "{preview}");
    std::fs::remove_dir(&file).unwrap();
    let (status, erased) = world.admin_post(&path, &json!({ "confirm": id })).await;
    assert_eq!((status, &erased["erased"]["conversations"]), (200, &json!(1)), "{erased}");
    assert_eq!(found(&world, &person).await, Vec::<String>::new());
    assert_eq!(world.admin_post(&path, &json!({ "confirm": id })).await.0, 404);
    world.end().await;
}
