//! The same on the real engine.

use std::sync::Arc;
use std::time::Duration;

use storage::{Options, RedbStore, Store};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_people_are_answered_once_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let open = || -> Arc<dyn Store> { RedbStore::open(&path, Options::default()).unwrap() };
    let mut world = World::over(open());
    world.conversations.max_live = 50;
    world.graph.answers(|_| Answer(1, Ok(())));
    for round in 0..3 {
        let engine = world.start().await;
        for person in 1..=300 {
            world.say(person, &format!("{round}")).await;
            world.say(person, "0").await;
        }
        engine.drain(Duration::from_secs(20)).await;
        world.store.close().await.unwrap();
        world.store = open();
    }
    let _engine = world.start().await;
    world.quiet().await;
    let people = by_person(&world.graph.requests());
    assert_eq!(people.len(), 300);
    assert!(people.values().all(|texts| *texts == ["re: 0", "re: 1", "re: 2"]));
}
