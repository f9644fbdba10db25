//! A store file that is not what it should be: one clear sentence and 74, never a panic.

use std::path::Path;

use rustix::process::Signal;

use crate::support::{SOON, World};

/// A world whose store holds a few conversations and was closed properly.
async fn world_with_a_store() -> World {
    let world = World::new().await;
    let (program, _) = world.start().await;
    for n in 0..20 {
        let body = world.texts(&[(format!("999000060{n:02}"), format!("wamid.store.{n}"), "hello".into())]);
        assert_eq!(world.post(&body).await, Some(200));
    }
    world.drained(SOON).await;
    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));
    world
}

async fn refused(world: &World, contents: &[u8], parts: &[&str]) {
    std::fs::write(world.place.store(), contents).expect("the store can be replaced");
    let ended = world.place.spawn(&["serve"]).end(SOON).await;
    ended.one_sentence(74, &[&["parlance.redb"], parts].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_store_is_refused() {
    let world = world_with_a_store().await;
    let whole = std::fs::read(world.place.store()).expect("the store can be read");
    let lengths = [1, 3, 4, 17, 64, 320, 511, 4_095, 4_096, 4_097, 12_288, 65_536];
    let shares = (1..12).map(|twelfth| whole.len() * twelfth / 12);
    for length in lengths.into_iter().chain(shares).chain([whole.len() - 1]).filter(|length| *length < whole.len()) {
        println!("truncated to {length} of {} bytes", whole.len());
        refused(&world, &whole[..length], &[]).await;
    }
    std::fs::write(world.place.store(), &whole).expect("the store can be replaced");
    let (_program, _) = world.start().await;
    assert_eq!(world.admin("/api/v1/conversations").await["items"].as_array().map(Vec::len), Some(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_file_is_refused_and_left_alone() {
    let world = World::new().await;
    std::fs::create_dir(world.place.path().join("data")).expect("a folder for the store");
    let mut sqlite = b"SQLite format 3\0".to_vec();
    sqlite.resize(8_192, 0);
    for contents in [b"# notes\n".to_vec(), sqlite, vec![0; 65_536]] {
        refused(&world, &contents, &["is not a Parlance store"]).await;
        assert_eq!(std::fs::read(world.place.store()).expect("it can be read"), contents, "it was changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_only_begins_like_a_store_is_refused() {
    let world = world_with_a_store().await;
    let mut contents = std::fs::read(world.place.store()).expect("the store can be read");
    for byte in contents.iter_mut().skip(64) {
        *byte ^= 0xA5;
    }
    refused(&world, &contents, &[]).await;
    contents.fill(0);
    contents[..4].copy_from_slice(b"redb");
    refused(&world, &contents, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_whether_the_file_is_as_it_was_written() {
    let world = world_with_a_store().await;
    let sound = world.place.spawn(&["db", "check"]).end(SOON).await;
    assert_eq!(sound.code(), Some(0), "{sound:?}");
    assert!(sound.stdout.contains("all as they were written"), "{sound:?}");
    let whole = std::fs::read(world.place.store()).expect("the store can be read");
    // A word inside of what somebody said: the file opens with it, and reads it as it is.
    let word = b"hello".as_slice();
    let places: Vec<_> = whole.windows(word.len()).enumerate().filter(|(_, bytes)| *bytes == word).collect();
    let mut changed = whole.clone();
    places.iter().for_each(|(at, _)| changed[at + 1] = b'a');
    std::fs::write(world.place.store(), changed).expect("the store can be replaced");
    let damaged = world.place.spawn(&["db", "check"]).end(SOON).await;
    damaged.one_sentence(74, &["parlance.redb", "is damaged", "restore it from a backup"]);
    std::fs::write(world.place.store(), whole).expect("the store can be replaced");
    let (program, _) = world.start().await;
    world.place.spawn(&["db", "check"]).end(SOON).await.one_sentence(74, &["parlance.redb is in use"]);
    program.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_newer_version_is_refused_and_not_harmed() {
    let world = world_with_a_store().await;
    let mut contents = std::fs::read(world.place.store()).expect("the store can be read");
    assert!(set_schema(&mut contents, 2, 3) > 0, "the file has no schema number where it was expected");
    refused(&world, &contents, &["has format 3", "use a newer one"]).await;

    let mut contents = std::fs::read(world.place.store()).expect("the store can be read");
    assert!(set_schema(&mut contents, 3, 2) > 0, "the schema number was changed");
    std::fs::write(world.place.store(), contents).expect("the store can be replaced");
    let (_program, _) = world.start().await;
    assert_eq!(world.admin("/api/v1/conversations").await["items"].as_array().map(Vec::len), Some(20));
}

/// Writes another schema number into every version of the table `meta`, and answers how many there were. In a leaf the
/// values stand together in the order of their keys, so the schema follows the product.
fn set_schema(contents: &mut [u8], from: u64, to: u64) -> usize {
    let product = b"parlance".as_slice();
    let (old, new) = ([product, &from.to_be_bytes()].concat(), [product, &to.to_be_bytes()].concat());
    let windows = contents.windows(old.len()).enumerate();
    let places: Vec<_> = windows.filter(|(_, bytes)| *bytes == old).map(|(at, _)| at).collect();
    for at in &places {
        contents[*at..*at + new.len()].copy_from_slice(&new);
    }
    places.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused_with_the_pid_of_the_first() {
    let world = World::new().await;
    let (mut first, _) = world.start().await;
    let other = crate::support::Place::new("http://127.0.0.1:9");
    let mut command = world.place.command(&["serve"]);
    command.env("PARLANCE__SERVER__LISTEN", other.front.to_string());
    command.env("PARLANCE__ADMIN__LISTEN", other.admin.to_string());
    let second = world.place.spawn_command(command).end(SOON).await;
    second.one_sentence(74, &["parlance.redb is in use", &format!("pid {}", first.pid())]);

    assert!(first.runs());
    let body = world.texts(&[("99900005555".into(), "wamid.first".into(), "still here".into())]);
    assert_eq!(world.post(&body).await, Some(200));
    world.drained(SOON).await;
    assert_eq!(world.meta.ledger().map(|books| books.rows.len()), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_be_made_is_refused() {
    let mut world = World::new().await;
    std::fs::write(world.place.path().join("file"), "").expect("the folder can be written");
    for path in ["file/parlance.redb", "bots"] {
        world.place.set("PARLANCE__STORE__PATH", path);
        world.place.spawn(&["serve"]).end(SOON).await.one_sentence(74, &["cannot open", path]);
    }
    assert!(Path::new(&world.place.path().join("bots/echo.json")).exists());
}
