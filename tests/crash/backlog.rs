//! A start with much left to do: ready at once, and everything leaves once Graph is back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::{World, eventually};

const PEOPLE: usize = 20_000;
const BODY: usize = 500;
const READY_AT_MOST: Duration = Duration::from_secs(10);
const FIRST_200_AT_MOST: Duration = Duration::from_secs(10);
const DRAINED: Duration = Duration::from_secs(240);
const MEMORY_MIB: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_left_over_messages_leave_once_graph_is_back() {
    let world = Arc::new(
        World::with(|config| {
            config.auto_status = simulator::AutoStatus::NONE;
            config.log_requests = false;
        })
        .await,
    );
    world.meta.close_port();
    let (program, _) = world.start().await;
    for body in 0..PEOPLE / BODY {
        let message = |n: usize| (format!("9991{n:07}"), format!("wamid.backlog.{n}"), "hi".to_owned());
        let body = world.texts(&(body * BODY..(body + 1) * BODY).map(message).collect::<Vec<_>>());
        assert_eq!(world.post(&body).await, Some(200));
    }
    program.kill();

    let started = Instant::now();
    let (program, ready) = world.start().await;
    let one_more = world.texts(&[("99920000000".into(), "wamid.backlog.more".into(), "hi".into())]);
    assert_eq!(world.post(&one_more).await, Some(200));
    let first_200 = started.elapsed();
    let inbox = eventually("all turns are made", DRAINED, async || {
        (world.admin("/api/v1/status").await["store"]["inbox"] == 0).then(|| started.elapsed())
    })
    .await;
    program.kill();

    let (program, ready_again) = world.start().await;
    world.meta.open_port();
    let opened = Instant::now();
    world.drained(DRAINED).await;
    println!(
        "{PEOPLE} left over: ready in {} ms, first 200 after {} ms, turns made after {} ms, ready with open sends in {} ms, \
         drained in {} ms, {} MiB at most",
        ready.as_millis(),
        first_200.as_millis(),
        inbox.as_millis(),
        ready_again.as_millis(),
        opened.elapsed().as_millis(),
        program.peak_memory(),
    );
    let books = world.meta.ledger().expect("the stand-in keeps books");
    let people: std::collections::HashSet<_> = books.rows.iter().map(|row| &row.person).collect();
    assert_eq!((books.rows.len(), people.len()), (PEOPLE + 1, PEOPLE + 1));
    world.nothing_left_over().await;
    assert!(ready.max(ready_again) < READY_AT_MOST, "ready after {ready:?} and {ready_again:?}");
    assert!(first_200 < FIRST_200_AT_MOST, "the first 200 came after {first_200:?}");
    assert!(program.peak_memory() < MEMORY_MIB, "{} MiB", program.peak_memory());
}
