//! F120: kill -9 while a person is erased. The next start goes on with it before anybody can read.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{SOON, World};

const ADA: &str = "99900001111";
const BEN: &str = "99900002222";
const WORDS: &str = "the blue door behind the mill";
/// Messages of the person: so many that erasing takes several commits.
const MESSAGES: usize = 520;

async fn contacts(world: &World, person: &str) -> Vec<Value> {
    world.admin(&format!("/api/v1/contacts?phone={person}")).await["items"].as_array().cloned().unwrap_or_default()
}

async fn write(world: &World, person: &str, count: usize) {
    let messages: Vec<_> =
        (0..count).map(|n| (person.to_owned(), format!("wamid.{person}.{n}"), format!("{WORDS} {n}"))).collect();
    for some in messages.chunks(50) {
        assert_eq!(world.post(&world.texts(some)).await, Some(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f120_a_kill_while_a_person_is_erased_leaves_nothing_half() {
    let world = World::new().await;
    let (program, _) = world.start().await;
    write(&world, ADA, MESSAGES).await;
    write(&world, BEN, 3).await;
    let late = world.texts(&[(ADA.into(), "wamid.late".into(), WORDS.into())]);
    world.drained(2 * SOON).await;
    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));
    let (data, before) = (world.place.path().join("data"), world.place.path().join("before"));
    std::fs::rename(&data, &before).expect("what is there before can be put aside");
    for after_ms in [0, 3, 10, 25, 60, 120, 240] {
        // All of this takes long to say, so it is said once.
        copy(&before, &data);
        let (mut program, _) = world.start().await;
        let id = contacts(&world, ADA).await[0]["id"].as_str().unwrap_or_default().to_owned();
        let url = format!("http://{}/api/v1/contacts/{id}/erase", world.place.admin);
        let request = world.http.post(url).bearer_auth(&world.place.admin_token).json(&json!({ "confirm": id }));
        let asked = tokio::spawn(request.send());
        program.run_for(after_ms).await;
        program.kill();
        let answered = asked.await.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == 200));

        let (program, _) = world.start().await;
        let left = contacts(&world, ADA).await;
        // Either nothing was written down yet, and all of it is there, or nothing is.
        if let Some(contact) = left.first() {
            assert!(!answered, "it said that she was erased");
            let conversation = contact["conversations"][0]["id"].as_str().unwrap_or_default();
            let exported = world.admin(&format!("/api/v1/contacts/{id}/export")).await;
            let messages = exported["conversations"][0]["messages"].as_array().map_or(0, Vec::len);
            assert_eq!(messages, 2 * MESSAGES, "{conversation} after {after_ms} ms");
        } else {
            assert_eq!(world.post(&late).await, Some(200));
            world.drained(SOON).await;
            let listed = world.admin("/api/v1/conversations").await;
            assert!(!listed.to_string().contains(ADA), "{listed}");
            let outbox = world.admin("/api/v1/outbox?limit=200").await;
            assert_eq!(outbox["items"].as_array().map_or(0, Vec::len), 3, "the other one's replies stay: {outbox}");
        }
        assert_eq!(contacts(&world, BEN).await.len(), 1);
        println!("killed after {after_ms} ms: answered {answered}, left {}", left.len());
        drop(program);
        std::fs::remove_dir_all(&data).expect("it can be removed");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("it can be read") {
        let entry = entry.expect("it can be read");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("it has a type").is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("it can be copied")),
        }
    }
}
