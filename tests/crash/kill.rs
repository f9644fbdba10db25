//! kill -9 at random moments under load, again and again.

mod desk;
mod forms;
mod mixed;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use simulator::{Operation, Rule, Trouble};

use crate::support::{Crowd, Evidence, Habits, Heard, Interruption, SOON, World};
use mixed::Mixed;

/// How often it is killed, unless `PARLANCE_KILLS` says otherwise.
const KILLS: u32 = 50;
const SEED: u64 = 20_261_122;
/// A busy machine may be slow; the figure that is printed should be under two seconds.
const READY_AT_MOST: Duration = Duration::from_secs(10);

/// What goes wrong at the stand-in while a cycle runs, beside the kill.
fn trouble(cycle: u32) -> Trouble {
    let cut = Rule { probability: 20, drop_after: true, ..Rule::on(Operation::Send) };
    let slow = Rule { probability: 50, latency_ms: 100, ..Rule::on(Operation::Send) };
    let no_statuses = Rule { lose: true, ..Rule::on(Operation::WebhookStatus) };
    let confused = [
        Rule { probability: 20, duplicate: 2, ..Rule::on(Operation::WebhookStatus) },
        Rule { probability: 20, reorder: true, ..Rule::on(Operation::WebhookStatus) },
    ];
    let rules = match cycle % 4 {
        0 => Vec::new(),
        1 => [vec![cut], confused.to_vec()].concat(),
        2 => vec![cut, no_statuses],
        _ => vec![slow, no_statuses],
    };
    Trouble { rules, ..Trouble::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_double_only_what_was_under_way() {
    let kills = std::env::var("PARLANCE_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let (world, key) = mixed::world().await;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut evidence = Evidence::default();
    let mut slowest = Duration::ZERO;
    let (mut program, _) = world.start().await;
    let crowd = Crowd::start(&world, Habits::usual(SEED));
    let mut mixed = Mixed::start(&world, &key, SEED);
    mixed.started().await;
    for cycle in 0..kills {
        world.meta.set_trouble(trouble(cycle)).expect("the trouble makes sense");
        program.run_for(random.random_range(50..1_500)).await;
        evidence.kills.push(Interruption { at_ms: world.meta.now_ms() });
        program.kill();
        if cycle % 5 == 0 {
            kill_a_start(&world, &mut evidence, random.random_range(0..60)).await;
        }
        let (again, ready) = world.start().await;
        program = again;
        slowest = slowest.max(ready);
        mixed.started().await;
        evidence.collect(&world.meta);
    }
    world.meta.clear_trouble();
    let (said, mixed) = tokio::join!(crowd.stop(), mixed.stop());
    world.drained(SOON).await;
    evidence.collect(&world.meta);
    world.nothing_left_over().await;
    let mut heard = Heard::of(&world.meta);
    let findings = evidence.doubles(heard.messages);
    heard.crowd(&said);
    let outcome = mixed.check(&evidence, &mut heard);
    heard.nobody_else();
    let slowest_ms = slowest.as_millis();
    println!("figures: kills {kills}, {findings}, {outcome}, slowest start in ms {slowest_ms}");
    assert!(findings.messages >= 20 * kills as usize, "there was hardly any load: {findings:?}");
    assert!(outcome.is_rich(kills), "some of the load was missing: {outcome:?}");
    assert!(slowest < READY_AT_MOST, "a start took {slowest:?}");

    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));
    nothing_leaves_again(&world).await;
}

/// Starts it, and kills it before or soon after it is ready.
async fn kill_a_start(world: &World, evidence: &mut Evidence, after_ms: u64) {
    let mut program = world.place.spawn(&["serve"]);
    program.run_for(after_ms).await;
    evidence.kills.push(Interruption { at_ms: world.meta.now_ms() });
    program.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_that_is_killed_can_be_tried_again() {
    for after_ms in 0..25 {
        let world = World::new().await;
        kill_a_start(&world, &mut Evidence::default(), after_ms).await;
        let (_program, _) = world.start().await;
    }
}

/// After a clean end there is nothing in doubt.
async fn nothing_leaves_again(world: &World) {
    let before = world.meta.ledger().map(|books| books.rows.len());
    let (mut program, _) = world.start().await;
    world.drained(SOON).await;
    program.run_for(World::DOUBT_WINDOW_MS + 200).await;
    assert_eq!(world.meta.ledger().map(|books| books.rows.len()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_comes_fifty_times_around_a_kill_has_one_echo() {
    let world = Arc::new(World::new().await);
    let (program, _) = world.start().await;
    let body = world.texts(&[("99900009999".into(), "wamid.fifty".into(), "once".into())]);
    let fifty = async || {
        let posts = (0..50).map(|_| world.post(&body));
        futures_util::future::join_all(posts).await
    };
    assert!(fifty().await.iter().all(|status| *status == Some(200)));
    program.kill();
    let (_program, _) = world.start().await;
    assert!(fifty().await.iter().all(|status| *status == Some(200)));
    world.drained(SOON).await;
    let books = world.meta.ledger().expect("the stand-in keeps books");
    let ids: std::collections::HashSet<_> = books.rows.iter().map(|row| &row.callback_data).collect();
    assert_eq!(ids.len(), 1, "{books:?}");
    world.nothing_left_over().await;
}
