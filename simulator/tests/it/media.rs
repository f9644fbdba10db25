//! Media: upload, link, download, delete, and how long each lasts.

use serde_json::{Value, json};
use simulator::Content;

use crate::support::{TOKEN, World, code};

const DAY: u64 = 86_400_000;

async fn uploaded(world: &World, mime: &str, bytes: &[u8]) -> String {
    let (status, body) = world.upload(mime, bytes).await;
    assert_eq!(status, 200, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

async fn fetch(world: &World, url: &str, token: &str) -> (u16, Vec<u8>) {
    let answer = world.http.get(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn an_upload_is_described_and_downloaded_with_the_token_for_five_minutes() {
    let world = World::start().await;
    let bytes = [0, 13, 10, 45, 45, 88];
    let id = uploaded(&world, "image/png", &bytes).await;
    let (_, info) = world.graph("GET", &id, Value::Null).await;
    assert_eq!((&info["id"], &info["mime_type"], &info["file_size"]), (&json!(id), &json!("image/png"), &json!("6")));
    assert_eq!(info["sha256"].as_str().unwrap().len(), 64);
    let url = info["url"].as_str().unwrap();
    assert_eq!(fetch(&world, url, TOKEN).await, (200, bytes.to_vec()));
    assert_eq!(fetch(&world, url, "other").await.0, 401);
    assert_eq!(fetch(&world, &url.replace("hash=", "hash=0"), TOKEN).await.0, 404);
    world.handle.advance(5 * 60_000);
    assert_eq!(fetch(&world, url, TOKEN).await.0, 404, "the link is over");
    let (_, again) = world.graph("GET", &id, Value::Null).await;
    assert_eq!(fetch(&world, again["url"].as_str().unwrap(), TOKEN).await.0, 200);
}

#[tokio::test]
async fn uploads_last_thirty_days_or_until_they_are_deleted() {
    let world = World::start().await;
    let (kept, deleted) = (uploaded(&world, "image/png", b"a").await, uploaded(&world, "image/png", b"b").await);
    assert_eq!(world.graph("DELETE", &deleted, Value::Null).await, (200, json!({ "success": true })));
    assert_eq!(code(&world.graph("DELETE", &deleted, Value::Null).await), (400, 100));
    assert_eq!(code(&world.graph("GET", &deleted, Value::Null).await), (400, 100));
    world.handle.advance(30 * DAY - 1);
    assert_eq!(world.graph("GET", &kept, Value::Null).await.0, 200);
    world.handle.advance(1);
    assert_eq!(code(&world.graph("GET", &kept, Value::Null).await), (400, 100));
}

#[tokio::test]
async fn files_that_meta_does_not_take_are_refused() {
    let world = World::start().await;
    let large = vec![0; 5 * 1_048_576 + 1];
    for (mime, bytes) in [("image/png", &large[..]), ("image/png", b""), ("application/zip", b"x"), ("", b"x")] {
        assert_eq!(code(&world.upload(mime, bytes).await), (400, 131053), "{mime}");
    }
    assert_eq!(code(&world.upload("image/webp", &large[..102_401]).await), (400, 131053));
    assert_eq!(code(&world.graph("POST", "700800900100200/media", json!({})).await), (400, 100));
    assert_eq!(code(&world.graph("POST", "42/media", json!({})).await), (400, 100));
    let (_, number) = world.graph("GET", "990000000000009?phone_number_id=1", Value::Null).await;
    assert_eq!(number["error"]["code"], 100);
}

#[tokio::test]
async fn what_a_phone_sends_can_be_downloaded_for_seven_days() {
    let mut world = World::start().await;
    let photo = Content::Image { caption: Some("my receipt".into()), media_id: None };
    world.handle.send(1, &photo.into()).unwrap();
    let image = world.webhook().await.value()["messages"][0]["image"].clone();
    assert_eq!((&image["mime_type"], &image["caption"]), (&json!("image/jpeg"), &json!("my receipt")));
    let (status, bytes) = fetch(&world, image["url"].as_str().unwrap(), TOKEN).await;
    assert_eq!((status, &bytes[..3]), (200, &[0xFF, 0xD8, 0xFF][..]));
    let id = image["id"].as_str().unwrap();
    let shown = world.http.get(format!("{}/_sim/media/{id}", world.handle.base_url())).send().await.unwrap();
    assert_eq!((shown.headers()["content-type"].to_str().unwrap(), shown.status().as_u16()), ("image/jpeg", 200));
    world.handle.advance(7 * DAY);
    assert_eq!(code(&world.graph("GET", id, Value::Null).await), (400, 100));
}

#[tokio::test]
async fn a_phone_sends_media_that_was_given_to_it() {
    let mut world = World::start().await;
    let media = world.handle.add_media("application/x-odd", &b"<html>"[..]).unwrap();
    let file = Content::Document { filename: Some("a.odd".into()), caption: None, media_id: Some(media.id.clone()) };
    world.handle.send(1, &file.into()).unwrap();
    let document = world.webhook().await.value()["messages"][0]["document"].clone();
    assert_eq!((&document["mime_type"], &document["filename"]), (&json!("application/x-odd"), &json!("a.odd")));
    let shown = world.http.get(format!("{}/_sim/media/{}", world.handle.base_url(), media.id)).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "application/octet-stream");
    assert_eq!(shown.headers()["content-disposition"], "attachment");
    let missing = Content::Image { caption: None, media_id: Some("4".into()) };
    assert!(world.handle.send(1, &missing.into()).unwrap_err().to_string().contains("no media 4"));
}
