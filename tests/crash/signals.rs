//! SIGTERM and SIGINT: finish what is in hand, lose nothing, leave nothing in doubt.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use simulator::{Operation, Rule, Trouble};

use crate::support::{Crowd, Evidence, Habits, SOON, World, eventually};

/// The promise of a stop.
const STOPPED: Duration = Duration::from_secs(15);

/// Answers of Graph take a while, so that requests are under way at any moment.
fn slow_graph() -> Trouble {
    let rules = vec![Rule { latency_ms: 200, ..Rule::on(Operation::Send) }];
    Trouble { rules, ..Trouble::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_ends_with_0_and_leaves_nothing_in_doubt() {
    let world = Arc::new(World::new().await);
    let mut evidence = Evidence::default();
    world.meta.set_trouble(slow_graph()).expect("the trouble makes sense");
    let crowd = Crowd::start(&world, Habits { people: 16, rate: 100, ..Habits::usual(7) });
    for signal in [Signal::TERM, Signal::INT, Signal::TERM] {
        let (program, _) = world.start().await;
        let before = crowd.acknowledged();
        eventually("the crowd is heard", SOON, async || (crowd.acknowledged() > before + 60).then_some(())).await;
        program.signal(signal);
        let ended = program.end(STOPPED).await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(ended.stderr, "", "a stop is nothing to complain about");
        evidence.collect(&world.meta);
    }
    let (_program, _) = world.start().await;
    let said = crowd.stop().await;
    world.meta.clear_trouble();
    world.drained(SOON).await;
    evidence.collect(&world.meta);
    let findings = evidence.check(&world.meta, &said);
    assert_eq!(findings.doubled_after_cut + findings.doubled_after_kill, 0, "{findings:?}");
    world.nothing_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_graph_that_never_answers() {
    let mut world = World::new().await;
    world.place.set("PARLANCE__SERVER__DRAIN_TIMEOUT", "1s");
    let rules = vec![Rule { latency_ms: 60_000, ..Rule::on(Operation::Send) }];
    world.meta.set_trouble(Trouble { rules, ..Trouble::default() }).expect("the trouble makes sense");
    let (program, _) = world.start().await;
    let body = world.texts(&[("99900008888".into(), "wamid.stuck".into(), "stuck".into())]);
    assert_eq!(world.post(&body).await, Some(200));
    eventually("the request leaves", SOON, async || {
        (world.admin("/api/v1/outbox?state=sending").await["items"].as_array()?.len() == 1).then_some(())
    })
    .await;
    program.signal(Signal::TERM);
    assert_eq!(program.end(STOPPED).await.code(), Some(0));

    world.meta.clear_trouble();
    let (_program, _) = world.start().await;
    world.drained(SOON).await;
    let books = world.meta.ledger().expect("the stand-in keeps books");
    assert!(books.rows.iter().any(|row| &*row.text == "echo stuck"), "{books:?}");
    world.nothing_left_over().await;
}
