//! The keys of Flows over the admin port, opposite the stand-in.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use parlance::front::FLOW_PATH;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use whatsapp::flow::{FlowKey, seal_request};

use crate::support::{NUMBER, SECRET, Setup, World, signature};

fn write_key(file: &Path) -> FlowKey {
    let key = FlowKey::generate().unwrap();
    std::fs::write(file, key.private_pem().expose_secret()).unwrap();
    key
}

async fn world_with(file: &Path) -> World {
    Setup::default().set("whatsapp.flow_private_key_file", &file.display().to_string()).start().await
}

async fn post(world: &World, what: &str, body: Value) -> (u16, Value) {
    world.admin_post(&format!("/api/v1/flow-keys/{what}"), &body).await
}

/// The status of a ping that is encrypted for this key.
async fn ping(world: &World, key: &FlowKey) -> u16 {
    let body = seal_request(key, br#"{"version":"3.0","action":"ping"}"#).unwrap().body;
    let signed = signature(SECRET, &body);
    let request = world.http.post(world.url(FLOW_PATH)).header("x-hub-signature-256", signed).body(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn key_is_uploaded_shown_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flow-key.pem");
    let key = write_key(&file);
    let world = world_with(&file).await;
    let standing = world.items("/api/v1/flow-keys").await.remove(0);
    assert_eq!((&standing["published"], &standing["fingerprint"]), (&json!("absent"), &json!(key.fingerprint())));
    let (_, verified) = post(&world, "verify", json!({})).await;
    assert_eq!((&verified["items"][0]["ok"], &verified["items"][0]["ping"]["ok"]), (&json!(false), &json!(true)));

    let (status, uploaded) = post(&world, "upload", json!({})).await;
    assert_eq!((status, &uploaded["items"][0]["result"]), (200, &json!("uploaded")));
    let standing = world.items("/api/v1/flow-keys").await.remove(0);
    assert_eq!((&standing["published"], &standing["signature_status"]), (&json!("current"), &json!("VALID")));
    assert!(!standing.to_string().contains("PRIVATE"));
    let (_, verified) = post(&world, "verify", json!({})).await;
    assert_eq!(verified["items"][0]["ok"], true, "{verified}");
    assert_eq!(verified["items"][0]["ping"]["status"], 200);
    world.end().await;
}

#[tokio::test]
async fn f97_rotation_over_the_admin_port_refuses_nobody_and_outlasts_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("flow-key.pem");
    let old = write_key(&file);
    let mut world = world_with(&file).await;
    post(&world, "upload", json!({})).await;
    let (status, rotated) = post(&world, "rotate", json!({})).await;
    assert_eq!((status, &rotated["resumed"], &rotated["items"][0]["result"]), (200, &json!(false), &json!("uploaded")));
    let new = FlowKey::read(&std::fs::read_to_string(&file).unwrap().into(), None).unwrap();
    assert_ne!(new.fingerprint(), old.fingerprint());
    for name in ["flow-key.pem", "flow-key.pem.previous"] {
        let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!((ping(&world, &old).await, ping(&world, &new).await), (200, 200));
    let (status, refused) = post(&world, "rotate", json!({})).await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/cannot-rotate")));
    world.restart().await;
    assert_eq!((ping(&world, &old).await, ping(&world, &new).await), (200, 200));
    let standing = world.items("/api/v1/flow-keys").await.remove(0);
    assert_eq!(
        (&standing["published"], &standing["previous_fingerprint"]),
        (&json!("current"), &json!(old.fingerprint()))
    );
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let world = World::start().await;
    let (status, refused) = post(&world, "rotate", json!({})).await;
    assert_eq!((status, refused["detail"].as_str().unwrap().contains("parlance flow key new")), (409, true));
    let (status, uploaded) = post(&world, "upload", json!({ "number": NUMBER })).await;
    assert_eq!((status, &uploaded["items"][0]["result"]), (200, &json!("skipped")));
    assert_eq!(post(&world, "upload", json!({ "number": "1" })).await.0, 404);
    assert_eq!(post(&world, "rotate", json!({ "now": true })).await.0, 422);
    world.end().await;
}

#[tokio::test]
async fn health_of_flows_is_listed() {
    let world = World::start().await;
    assert!(world.items("/api/v1/flows/health").await.is_empty());
    world.end().await;
}
