//! F81: files that are not what they seem, from a Graph that is not the stand-in.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{ADA, Setup, World, body, message, until};

const GOOD: &[u8] = b"a good file";

/// Media id, type, digest and name as the webhook says; the state it must end in, and a part of the reason.
type Row = (&'static str, &'static str, Option<String>, Option<&'static str>, &'static str, &'static str);

#[derive(Clone)]
struct Fake {
    origin: Arc<str>,
    asked_for_late: Arc<AtomicUsize>,
}

/// Listens on a free port; its address.
async fn fake_graph() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let state = Fake { origin: origin.as_str().into(), asked_for_late: Arc::default() };
    let router = axum::Router::new()
        .route("/v25.0/{id}", any(info))
        .route("/v25.0/{id}/messages", any(async || axum::Json(json!({ "messages": [{ "id": "wamid.fake" }] }))))
        .route("/v25.0/{id}/block_users", any(async || axum::Json(json!({ "data": [] }))))
        .route("/file/{name}", any(file))
        .with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    origin
}

async fn info(State(fake): State<Fake>, Path(id): Path<String>) -> Response {
    let mut info = json!({ "id": id, "messaging_product": "whatsapp", "mime_type": "image/png",
        "url": format!("{}/file/{id}", fake.origin) });
    match id.as_str() {
        "1002" => info["mime_type"] = json!("text/html"),
        "1004" => info["file_size"] = json!(2_000_000_000),
        "1008" => info["url"] = json!("https://files.example/1008"),
        "1011" => {
            let error = json!({ "error": { "code": 100, "message": "Object does not exist" } });
            return (axum::http::StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
        }
        _ => {}
    }
    axum::Json(info).into_response()
}

async fn file(State(fake): State<Fake>, Path(name): Path<String>) -> Response {
    let status = |status: u16| Response::builder().status(status);
    match name.as_str() {
        "1005" => {
            let little = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(GOOD))]).chain(stream::pending());
            status(200).header("content-length", "2000000000").body(Body::from_stream(little)).unwrap()
        }
        "1006" => {
            let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[7; 65_536])));
            Body::from_stream(endless).into_response()
        }
        "1007" if fake.asked_for_late.fetch_add(1, Ordering::SeqCst) == 0 => status(404).body(Body::empty()).unwrap(),
        "1007" => "late, but here".into_response(),
        "1009" => status(302).header("location", "https://files.example/1009").body(Body::empty()).unwrap(),
        _ => GOOD.into_response(),
    }
}

async fn sends(world: &World, id: &str, mime_type: &str, sha256: Option<String>, filename: Option<&str>) {
    let document = json!({ "id": id, "mime_type": mime_type, "sha256": sha256, "filename": filename });
    let content = json!({ "type": "document", "document": document });
    let message = message(ADA, &world.wamid(), world.now_ms(), content);
    assert_eq!(world.post(body(&[message])).await, 200);
}

async fn item(world: &World, id: &str) -> Option<Value> {
    let items = world.items("/api/v1/media?limit=200").await;
    items.into_iter().find(|item| item["id"] == id)
}

/// Every file below a folder.
fn files(dir: &FilePath) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn f81_hostile_files_leave_nothing_outside_the_media_folder_and_stop_nobody() {
    let origin = fake_graph().await;
    let setup = Setup::default().set("graph.base_url", &origin).set("media.max_bytes", "1_000_000");
    let world = setup.start().await;
    let wrong = hex::encode(Sha256::digest(b"another file"));
    let rows: [Row; 11] = [
        ("1001", "application/x-msdownload", None, Some("a.exe"), "refused", "media.allow"),
        ("1002", "image/png", None, None, "refused", "text/html"),
        ("1003", "image/png", None, Some("../../../../tmp/evil.png"), "stored", ""),
        ("1004", "image/png", None, None, "refused", "2000000000 bytes"),
        ("1005", "image/png", None, None, "refused", "more than 1000000 bytes"),
        ("1006", "image/png", None, None, "refused", "more than 1000000 bytes"),
        ("1007", "image/png", None, None, "stored", ""),
        ("1008", "image/png", None, None, "refused", "files.example"),
        ("1009", "image/png", None, None, "refused", "moved"),
        ("1010", "image/png", Some(wrong), None, "refused", "digest"),
        ("1011", "image/png", None, None, "failed", "does not exist"),
    ];
    for (id, mime_type, sha256, filename, ..) in &rows {
        sends(&world, id, mime_type, sha256.clone(), *filename).await;
    }
    for (id, _, _, _, state, reason) in &rows {
        let found = until(&format!("{id} to be {state}"), async || {
            world.clock.advance(500);
            item(&world, id).await.filter(|item| item["state"] != "wanted")
        })
        .await;
        assert_eq!(found["state"], *state, "{found}");
        assert!(found["reason"].as_str().unwrap_or_default().contains(reason), "{found}");
    }
    let count = rows.len();
    until("an answer to each", async || {
        let messages = world.messages(ADA).await;
        let accepted = messages.iter().filter(|message| message["status"] == "accepted").count();
        (accepted == count).then_some(())
    })
    .await;

    let media = world.dir().join("media");
    let (inside, outside): (Vec<_>, Vec<_>) = files(world.dir()).into_iter().partition(|path| path.starts_with(&media));
    let names: Vec<_> = inside.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in [GOOD, b"late, but here"].map(|bytes| hex::encode(Sha256::digest(bytes))) {
        assert!(names.contains(&name), "{names:?}");
        assert!(media.join(name.chars().take(2).collect::<String>()).join(&name).exists());
    }
    let inspected = world.dir().join("parlance.redb.webhooks");
    let others: Vec<_> = outside.into_iter().filter(|path| !path.starts_with(&inspected)).collect();
    assert_eq!(others, [world.dir().join("parlance.redb")]);
    assert!(!FilePath::new("/tmp/evil.png").exists());
    world.end().await;
}

#[tokio::test]
async fn f81_a_media_folder_that_cannot_be_written_stops_no_conversation() {
    let world = World::start().await;
    std::fs::write(world.dir().join("media"), "not a folder").unwrap();
    world.handle.send(1, &serde_json::from_value(json!({ "content": { "type": "image" } })).unwrap()).unwrap();
    let phone = world.handle.phone(1).unwrap().wa_id;
    world.wait_replies(&phone, 1).await;
    let item = until("a try that failed", async || {
        world.clock.advance(100);
        let item = world.items("/api/v1/media").await.into_iter().next()?;
        item["reason"].as_str().is_some_and(|reason| reason.contains("media folder")).then_some(item)
    })
    .await;
    assert_eq!(item["state"], "wanted");
    std::fs::remove_file(world.dir().join("media")).unwrap();
    until("the file", async || {
        world.clock.advance(2_000);
        (world.items("/api/v1/media").await[0]["state"] == "stored").then_some(())
    })
    .await;
    world.end().await;
}
