//! Files: what people send is fetched and handed out, ours are uploaded once and used until they end.

use actors::media::Digest;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Operation, Rule};

use crate::numbers::{SISTER, three};
use crate::roles::token;
use crate::support::{ACCESS_TOKEN, NUMBER, Setup, World, until};

const DAY_MS: u64 = 86_400_000;
/// The smallest PNG there is, near enough: nobody looks inside.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n a picture";

fn draft(content: Value) -> simulator::Draft {
    serde_json::from_value(json!({ "content": content })).unwrap()
}

async fn one_in_state(world: &World, state: &str) -> Value {
    world.wait_items(&format!("/api/v1/media?direction=in&state={state}"), 1).await.remove(0)
}

async fn put(world: &World, bytes: &'static [u8], mime_type: &str) -> (u16, Value) {
    let call = world.admin_call(Method::POST, "/api/v1/media?filename=logo.png").header("content-type", mime_type);
    let answer = call.body(bytes).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Says the picture to everybody who writes.
fn picture_bot() -> (String, String) {
    let id = format!("m_{}", Digest::of(PICTURE));
    let bot = format!(
        r#"
parlance: 1
id: pictures
triggers: [ {{ default: {{}}, to: show }} ]
nodes:
  show: {{ type: say, messages: [ {{ image: {{ id: "{id}", caption: look }} }} ], next: {{ next: fin }} }}
  fin: {{ type: end, reason: done }}
"#
    );
    (bot, id)
}

fn uploads(world: &World) -> usize {
    world.calls_of(&format!("{NUMBER}/media")).len()
}

#[tokio::test]
async fn a_file_of_a_person_is_fetched_and_handed_out_as_a_download_only() {
    let world = World::start().await;
    let media = world.handle.add_media("application/pdf", &b"%PDF a document"[..]).unwrap();
    let content = json!({ "type": "document", "filename": "../../bill.pdf", "media_id": media.id });
    world.handle.send(1, &draft(content)).unwrap();
    let item = one_in_state(&world, "stored").await;
    assert_eq!((&item["id"], &item["sha256"]), (&json!(media.id), &json!(media.sha256)));
    assert_eq!(
        (&item["size"], &item["kind"], &item["filename"]),
        (&json!(15), &json!("document"), &json!("../../bill.pdf"))
    );
    assert_eq!(item["meta_ids"][0]["phone_number_id"], NUMBER);
    assert!(item["conversation"].as_str().unwrap().starts_with("c_"));

    let answer = world.admin_raw(&format!("/api/v1/media/{}/content", media.id)).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''bill.pdf");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(answer.bytes().await.unwrap(), &b"%PDF a document"[..]);
    assert_eq!(world.admin_raw("/api/v1/media/999/content").await.status(), 404);
    world.end().await;
}

#[tokio::test]
async fn a_wish_survives_the_end_of_the_process_and_half_a_file_does_not() {
    let mut world = World::start().await;
    world.trouble(vec![Rule { status: Some(503), ..Rule::on(Operation::MediaGet) }]);
    world.handle.send(1, &draft(json!({ "type": "image" }))).unwrap();
    until("a try that failed", async || {
        let item = one_in_state(&world, "wanted").await;
        (item["tries"].as_u64() >= Some(1)).then_some(())
    })
    .await;
    world.stop_server().await;
    let part = world.dir().join("media/part");
    std::fs::create_dir_all(&part).unwrap();
    std::fs::write(part.join("0000000000000001"), "half a file").unwrap();
    world.handle.clear_trouble();
    world.start_server().await;
    world.clock.advance(10_000);
    let item = one_in_state(&world, "stored").await;
    assert!(item["tries"].as_u64() >= Some(1));
    assert!(!part.join("0000000000000001").exists());
    world.end().await;
}

#[tokio::test]
async fn a_file_that_meta_never_gives_is_given_up_after_its_seven_days() {
    let world = World::start().await;
    world.trouble(vec![Rule { status: Some(503), ..Rule::on(Operation::MediaGet) }]);
    world.handle.send(1, &draft(json!({ "type": "audio" }))).unwrap();
    one_in_state(&world, "wanted").await;
    world.clock.advance(7 * DAY_MS + 1_000);
    let item = one_in_state(&world, "failed").await;
    assert!(item["reason"].as_str().unwrap().contains("7 days"), "{item}");
    world.end().await;
}

#[tokio::test]
async fn an_own_file_is_uploaded_once_and_again_a_day_before_its_end() {
    let (bot, id) = picture_bot();
    let world = Setup::default().bot(&bot).start().await;
    let (status, answer) = put(&world, PICTURE, "image/png").await;
    assert_eq!((status, &answer["id"], &answer["size"]), (201, &json!(id), &json!(PICTURE.len())));
    world.write(crate::support::ADA, "one").await;
    world.write(crate::support::BEN, "two").await;
    let calls = world.wait_calls(2).await;
    assert_eq!(uploads(&world), 1, "two messages at once share an upload");
    for call in &calls {
        assert!(call.accepted && !call.request.contains("m_"), "{}", call.request);
    }
    let item = world.admin(&format!("/api/v1/media/{id}")).await;
    let meta_id = item["meta_ids"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.handle.media(&meta_id).unwrap().bytes, PICTURE);

    world.clock.advance(28 * DAY_MS);
    world.write(crate::support::ADA, "three").await;
    world.wait_calls(3).await;
    assert_eq!(uploads(&world), 1);
    let (_, would) = world.admin_post("/api/v1/media/prune?older_than_days=7&dry_run=true", &json!(null)).await;
    assert_eq!(would["items"], 0, "a message used it just now: {would}");
    world.clock.advance(DAY_MS + 3_600_000);
    world.write(crate::support::ADA, "four").await;
    world.wait_calls(4).await;
    assert_eq!(uploads(&world), 2);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_upload_that_meta_forgot_is_made_again_once() {
    let (bot, id) = picture_bot();
    let world = Setup::default().bot(&bot).start().await;
    put(&world, PICTURE, "image/png").await;
    world.write(crate::support::ADA, "one").await;
    world.wait_calls(1).await;
    let item = world.admin(&format!("/api/v1/media/{id}")).await;
    let meta_id = item["meta_ids"][0]["id"].as_str().unwrap();
    let url = format!("{}/v25.0/{meta_id}", world.handle.base_url());
    assert!(world.http.delete(url).bearer_auth(ACCESS_TOKEN).send().await.unwrap().status().is_success());
    world.write(crate::support::ADA, "two").await;
    world.wait_calls(3).await;
    let accepted = world.calls().iter().filter(|call| call.accepted).count();
    assert_eq!((uploads(&world), accepted), (2, 2));
    world.end().await;
}

#[tokio::test]
async fn an_upload_that_fails_has_the_class_of_its_error() {
    let (bot, _) = picture_bot();
    let world = Setup::default().bot(&bot).start().await;
    world.write(crate::support::ADA, "one").await;
    let letter = world.wait_items("/api/v1/dead-letters", 1).await.remove(0);
    assert!(letter["detail"].as_str().unwrap().contains("there is no file m_"), "{letter}");
    put(&world, PICTURE, "image/png").await;
    world.trouble(vec![Rule { status: Some(503), count: Some(2), ..Rule::on(Operation::MediaUpload) }]);
    world.write(crate::support::ADA, "two").await;
    until("the picture after two failed uploads", async || {
        world.clock.advance(2_000);
        world.calls().iter().any(|call| call.accepted).then_some(())
    })
    .await;
    assert_eq!((uploads(&world), world.calls().len()), (3, 1), "nothing is sent before its file is there");
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_when_it_is_put() {
    let world = World::start().await;
    assert_eq!(put(&world, b"<html>", "text/html").await.0, 415);
    assert_eq!(put(&world, b"", "image/png").await.0, 422);
    let big = world.admin_call(Method::POST, "/api/v1/media").header("content-type", "image/png");
    let answer = big.body(vec![0; 5_000_001]).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let none = world.admin_call(Method::POST, "/api/v1/media").body("x").send().await.unwrap();
    assert_eq!(none.status(), 400);
    assert!(world.items("/api/v1/media").await.is_empty());
    let part = world.dir().join("media/part");
    assert_eq!(std::fs::read_dir(part).map_or(0, Iterator::count), 0, "nothing half-written stays");
    world.end().await;
}

#[tokio::test]
async fn nothing_is_put_onto_a_disk_that_is_too_full() {
    let world = Setup::default().set("media.min_free_bytes", &(1u64 << 50).to_string()).start().await;
    let (status, problem) = put(&world, PICTURE, "image/png").await;
    assert_eq!((status, problem["type"].as_str()), (507, Some("/problems/disk-full")));
    assert!(!world.dir().join("media/part").exists());
    world.end().await;
}

#[tokio::test]
async fn a_deleted_file_is_gone_here_and_at_meta() {
    let (bot, id) = picture_bot();
    let world = Setup::default().bot(&bot).start().await;
    put(&world, PICTURE, "image/png").await;
    world.write(crate::support::ADA, "one").await;
    world.wait_calls(1).await;
    let path = format!("/api/v1/media/{id}");
    let meta_id = world.admin(&path).await["meta_ids"][0]["id"].as_str().unwrap().to_owned();
    let dry = world.admin_call(Method::DELETE, &format!("{path}?dry_run=true")).send().await.unwrap();
    assert_eq!(dry.json::<Value>().await.unwrap()["dry_run"], true);
    assert!(world.handle.media(&meta_id).is_some());
    let deleted: Value = world.admin_call(Method::DELETE, &path).send().await.unwrap().json().await.unwrap();
    assert_eq!((&deleted["file_removed"], &deleted["deleted_at_meta"]), (&json!(true), &json!([meta_id])));
    assert!(world.handle.media(&meta_id).is_none());
    assert_eq!(world.admin_raw(&path).await.status(), 404);
    world.end().await;
}

#[tokio::test]
async fn a_file_of_ours_is_not_deleted_by_who_sees_one_of_its_numbers() {
    let (bot, id) = picture_bot();
    let world = three().bot(&bot).start().await;
    put(&world, PICTURE, "image/png").await;
    world.write(crate::support::ADA, "one").await;
    world.wait_calls(1).await;
    let path = format!("/api/v1/media/{id}");
    let by = token(&world, "sister", "operator", Some(&[SISTER])).await;
    let url = format!("{}{path}", world.admin_url());
    let shown: Value = world.http.get(&url).bearer_auth(&by).send().await.unwrap().json().await.unwrap();
    assert_eq!((&shown["id"], &shown["meta_ids"]), (&json!(id), &json!([])), "{shown}");
    for query in ["", "?dry_run=true"] {
        let refused = world.http.delete(format!("{url}{query}")).bearer_auth(&by).send().await.unwrap();
        let (status, told) = crate::admin::problem(refused).await;
        assert_eq!((status, &told["type"]), (403, &json!("/problems/number-scope")), "{told}");
    }
    let meta_id = world.admin(&path).await["meta_ids"][0]["id"].as_str().unwrap().to_owned();
    assert!(world.handle.media(&meta_id).is_some(), "it is there for whoever sends it");
    world.end().await;
}

#[tokio::test]
async fn old_files_go_and_the_list_has_pages() {
    let world = Setup::default().set("retention.media", "3d").start().await;
    for _ in 0..3 {
        world.handle.send(1, &draft(json!({ "type": "image" }))).unwrap();
    }
    world.wait_items("/api/v1/media?state=stored", 3).await;
    let first = world.admin("/api/v1/media?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.admin(&format!("/api/v1/media?limit=2&cursor={cursor}")).await;
    assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (2, 1));
    let (_, would) = world.admin_post("/api/v1/media/prune?older_than_days=0&dry_run=true", &json!(null)).await;
    assert_eq!((&would["items"], &would["dry_run"]), (&json!(3), &json!(true)), "{would}");
    world.clock.advance(4 * DAY_MS);
    until("no files", async || world.items("/api/v1/media").await.is_empty().then_some(())).await;
    world.end().await;
}
