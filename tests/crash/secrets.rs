//! The key that secrets in the store are encrypted with: another one, none, one that others read, and the way to a new one.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{SOON, World};

const SECOND: &str = "700800900100201";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_for_secrets_ends_the_start_with_78_until_they_are_moved_to_it() {
    let mut world = World::new().await;
    let keys = ["one.key", "two.key"];
    for name in keys {
        let made = world.place.command(&["secret", "new-key", "--out", name]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    world.place.set("PARLANCE_SECRETS_KEY_FILE", keys[0]);
    let (program, _) = world.start().await;
    let url = format!("http://{}/api/v1/numbers", world.place.admin);
    let body = json!({ "phone_number_id": SECOND, "access_token": "token-of-the-second-number" }).to_string();
    let answer = world.http.post(url).bearer_auth(&world.place.admin_token).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    program.kill();

    world.place.set("PARLANCE_SECRETS_KEY_FILE", keys[1]);
    let refused = world.place.spawn(&["serve"]).end(SOON).await;
    refused.one_sentence(78, &["1 secrets under the key", "rekey"]);
    world.place.unset("PARLANCE_SECRETS_KEY_FILE");
    world
        .place
        .spawn(&["serve"])
        .end(SOON)
        .await
        .one_sentence(78, &["no key is configured", "PARLANCE_SECRETS_KEY_FILE"]);
    world.place.set("PARLANCE_SECRETS_KEY_FILE", keys[1]);
    fs::set_permissions(world.place.path().join(keys[1]), fs::Permissions::from_mode(0o644)).unwrap();
    world.place.spawn(&["serve"]).end(SOON).await.one_sentence(78, &["mode 644", "chmod 600"]);
    fs::set_permissions(world.place.path().join(keys[1]), fs::Permissions::from_mode(0o600)).unwrap();

    let moved = world.place.spawn(&["secret", "rekey", "--old-key-file", keys[0]]).end(SOON).await;
    assert!(moved.code() == Some(0) && moved.stdout.contains("1 secret moved"), "{moved:?}");
    let again = world.place.spawn(&["secret", "rekey", "--old-key-file", keys[0]]).end(SOON).await;
    assert!(again.code() == Some(0) && again.stdout.contains("no secrets moved"), "{again:?}");
    let (_program, _) = world.start().await;
    let numbers = world.admin("/api/v1/numbers").await;
    assert_eq!(numbers["items"][1]["id"], SECOND, "{numbers}");
}
