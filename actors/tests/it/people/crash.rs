//! The process ends after each commit of a merge: the next one ends in the same place.

use std::time::Duration;

use storage::Model;

use super::*;

const ADA: Option<&str> = Some("447700900123");
const USER: Option<&str> = Some("GB.7781902234411");

#[tokio::test(start_paused = true)]
async fn a_merge_that_is_interrupted_after_any_commit_converges_and_runs_nothing_twice() {
    for turns in 1..=12 {
        let model = Model::new();
        let flaky = Flaky::over(model.clone());
        let world = counting(World::over(flaky.clone()));
        flaky.last_turns.store(turns, std::sync::atomic::Ordering::SeqCst);
        let engine = world.start().await;
        let early = [said("wamid.n1", ADA, None, "a"), said("wamid.u1", None, USER, "b")];
        let late = [
            said("wamid.both", ADA, USER, "c"),
            said("wamid.u1", None, USER, "b"),
            said("wamid.u2", None, USER, "d"),
            said("wamid.both", ADA, USER, "c"),
            said("wamid.n2", ADA, None, "e"),
        ];
        accept(&world, &early).await;
        pause(2_000).await;
        accept(&world, &late).await;
        pause(2_000).await;
        engine.drain(Duration::ZERO).await;

        let next = World {
            store: model.reopen(),
            graph: world.graph.clone(),
            clock: world.clock.clone(),
            ..counting(World::new())
        };
        let _engine = next.start().await;
        next.quiet().await;
        // Doubtful sends are settled; what matters is that the turns ran once.
        let all = conversations(&*next.store).await;
        assert_eq!(all.len(), 1, "after {turns} turns: {all:?}");
        let mut taken = taken(&*next.store, &all[0].id).await;
        taken.sort();
        assert_eq!(taken, ["wamid.both", "wamid.n1", "wamid.n2", "wamid.u1", "wamid.u2"], "after {turns} turns");
    }
}
