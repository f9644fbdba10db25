//! The life of a Flow, killed at each of its steps.

use whatsapp::graph::FlowStatus;

use super::fake::{AtMeta, Mishap};
use super::*;

/// Calls of a phase, and more.
const MOST_CALLS: usize = 40;

/// One stretch of a life: what is so before, and what is then wanted.
struct Phase {
    strict: bool,
    before: Vec<Vec<WantedFlow>>,
    wanted: Vec<WantedFlow>,
    order: ApplyOrder,
}

/// What matters of the Flows at Meta.
fn at_meta(world: &World) -> Vec<(String, FlowStatus, String)> {
    let mut flows: Vec<AtMeta> = world.meta.rules.lock().flows.clone();
    flows.sort_by(|one, other| one.name.cmp(&other.name));
    flows.into_iter().map(|flow| (flow.name, flow.status, flow.json)).collect()
}

async fn begin(phase: &Phase) -> World {
    let world = World::new();
    world.meta.rules.lock().strict = phase.strict;
    for flows in &phase.before {
        world.want(flows.clone());
        let applied = world.start().await.apply(ApplyOrder::default()).await.unwrap();
        assert!(applied.is_whole(), "{applied:?}");
    }
    world.want(phase.wanted.clone());
    world
}

/// Kills, or loses an answer, at each call in turn; a new process applies again. All ends are the same.
async fn converges(phase: Phase) -> Vec<(String, FlowStatus, String)> {
    let smooth = begin(&phase).await;
    assert!(smooth.start().await.apply(phase.order).await.unwrap().is_whole());
    let end = at_meta(&smooth);
    let mut killed = 0;
    for mishap in [Mishap::KilledBefore, Mishap::KilledAfter, Mishap::AnswerLost] {
        for call in 1..MOST_CALLS {
            let world = begin(&phase).await;
            world.meta.rules.lock().mishap = Some((call, mishap));
            let manager = world.start().await;
            tokio::select! {
                applied = manager.apply(phase.order) => drop(applied.unwrap()),
                () = world.meta.hung.notified() => killed += 1,
            }
            drop(manager);
            let unmet = world.meta.rules.lock().mishap.take().is_some();
            let manager = world.start().await;
            let again = manager.apply(phase.order).await.unwrap();
            assert!(again.is_whole(), "{mishap:?} at call {call}: {again:?}");
            assert_eq!(at_meta(&world), end, "{mishap:?} at call {call}");
            assert!(manager.places().iter().all(|place| place.begun.is_none() && place.problem.is_none()));
            world.meta.writes();
            assert!(manager.apply(phase.order).await.unwrap().is_whole());
            assert_eq!(world.meta.writes(), Vec::<String>::new(), "nothing is left after {mishap:?} at call {call}");
            assert_eq!(manager.order().await.unwrap(), None);
            later_change_is_no_conflict(&world, &phase, &manager).await;
            if unmet {
                break;
            }
        }
    }
    assert!(killed > 0);
    end
}

/// Nothing that was done and not noted looks like a change of somebody else.
async fn later_change_is_no_conflict(world: &World, phase: &Phase, manager: &FlowManager) {
    let third =
        |flow: &WantedFlow| WantedFlow { json: Some(r#"{"version":"7.3","screens":[]}"#.into()), ..flow.clone() };
    world.want(phase.wanted.iter().map(third).collect());
    let later = manager.apply(phase.order).await.unwrap();
    assert!(later.is_whole(), "{later:?}");
}

fn flow(name: &str, status: FlowStatus, json: &str) -> (String, FlowStatus, String) {
    (name.to_owned(), status, json.to_owned())
}

#[tokio::test(start_paused = true)]
async fn creation_and_publication_that_are_killed_at_any_step_converge() {
    let order = ApplyOrder::default();
    let end = converges(Phase { strict: true, before: vec![], wanted: vec![booking(FIRST)], order }).await;
    assert_eq!(end, [flow("booking", FlowStatus::Published, FIRST)]);
}

#[tokio::test(start_paused = true)]
async fn edit_in_place_that_is_killed_at_any_step_converges() {
    let mut changed = booking(SECOND);
    changed.endpoint = Some("https://elsewhere.example.org/flow-endpoint".into());
    let (before, order) = (vec![vec![booking(FIRST)]], ApplyOrder::default());
    let end = converges(Phase { strict: false, before, wanted: vec![changed], order }).await;
    assert_eq!(end, [flow("booking", FlowStatus::Published, SECOND)]);
}

#[tokio::test(start_paused = true)]
async fn clone_of_a_flow_that_does_not_change_and_that_is_killed_at_any_step_converges() {
    let (before, order) = (vec![vec![booking(FIRST)]], ApplyOrder::default());
    let end = converges(Phase { strict: true, before, wanted: vec![booking(SECOND)], order }).await;
    let both = [flow("booking", FlowStatus::Published, FIRST), flow("booking_v2", FlowStatus::Published, SECOND)];
    assert_eq!(end, both);
}

#[tokio::test(start_paused = true)]
async fn clone_for_another_endpoint_that_is_killed_at_any_step_converges() {
    let mut changed = booking(FIRST);
    changed.endpoint = Some("https://elsewhere.example.org/flow-endpoint".into());
    let (before, order) = (vec![vec![booking(FIRST)]], ApplyOrder::default());
    let end = converges(Phase { strict: true, before, wanted: vec![changed], order }).await;
    let both = [flow("booking", FlowStatus::Published, FIRST), flow("booking_v2", FlowStatus::Published, FIRST)];
    assert_eq!(end, both);
}

#[tokio::test(start_paused = true)]
async fn removal_that_is_killed_at_any_step_converges() {
    let order = ApplyOrder { prune: true, ..ApplyOrder::default() };
    let before = vec![vec![booking(FIRST)], vec![booking(SECOND), wanted("survey", Some(FIRST))]];
    let end = converges(Phase { strict: true, before, wanted: vec![], order }).await;
    let gone = |name, json| flow(name, FlowStatus::Deprecated, json);
    assert_eq!(end, [gone("booking", FIRST), gone("booking_v2", SECOND), gone("survey", FIRST)]);
}

#[tokio::test(start_paused = true)]
async fn removal_of_a_draft_that_is_killed_at_any_step_converges() {
    for mishap in [Mishap::KilledBefore, Mishap::KilledAfter, Mishap::AnswerLost] {
        for call in 1..8 {
            let world = World::new();
            world.want(vec![booking(FIRST)]);
            let draft = ApplyOrder { publish: false, ..ApplyOrder::default() };
            world.start().await.apply(draft).await.unwrap();
            assert_eq!(at_meta(&world), [flow("booking", FlowStatus::Draft, FIRST)]);
            world.want(vec![]);
            world.meta.rules.lock().mishap = Some((call, mishap));
            let (manager, prune) = (world.start().await, ApplyOrder { prune: true, ..draft });
            tokio::select! {
                applied = manager.apply(prune) => drop(applied.unwrap()),
                () = world.meta.hung.notified() => {}
            }
            world.meta.rules.lock().mishap = None;
            let manager = world.start().await;
            let again = manager.apply(prune).await.unwrap();
            assert!(again.is_whole(), "{mishap:?} at call {call}: {again:?}");
            assert_eq!((at_meta(&world), manager.places().len()), (vec![], 0), "{mishap:?} at call {call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f99_publication_that_was_not_noted_is_known_after_one_sync() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let manager = world.start().await;
    // list, create, details, upload, details, publish
    world.meta.rules.lock().mishap = Some((6, Mishap::KilledAfter));
    tokio::select! {
        applied = manager.apply(ApplyOrder::default()) => panic!("{applied:?}"),
        () = world.meta.hung.notified() => {}
    }
    drop(manager);
    assert_eq!(world.meta.writes().last().map(String::as_str), Some("publish 800001"));
    let manager = world.start().await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Draft), "so it was when it was last written down");
    assert_eq!(manager.places()[0].begun.as_ref().map(|begun| begun.step), Some(Step::Publish));
    manager.sync().await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
    assert_eq!(manager.places()[0].begun, None);
    assert_eq!(world.meta.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_before_the_process_died_is_done_by_the_next_one_by_itself() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let manager = world.start().await;
    world.meta.rules.lock().mishap = Some((3, Mishap::KilledBefore));
    tokio::select! {
        applied = manager.apply(ApplyOrder::default()) => panic!("{applied:?}"),
        () = world.meta.hung.notified() => {}
    }
    drop(manager);
    let manager = world.start().await;
    let mut changes = manager.changes();
    let running = tokio::spawn(manager.clone().run());
    while status(&manager, "booking") != Some(FlowStatus::Published) {
        changes.changed().await.unwrap();
    }
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn meta_that_is_down_puts_it_off_and_everything_known_stays() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().down = true;
    world.want(vec![booking(FIRST), wanted("survey", Some(FIRST))]);
    let applied = manager.apply(ApplyOrder::default()).await.unwrap();
    assert!(applied.put_off.as_ref().is_some_and(|why| why.contains("connection refused")), "{applied:?}");
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published), "local work goes on");
    let manager = world.start().await;
    assert_eq!(manager.order().await.unwrap(), Some(ApplyOrder::default()));
    let running = tokio::spawn(manager.clone().run());
    let mut changes = manager.changes();
    world.meta.rules.lock().down = false;
    while status(&manager, "survey") != Some(FlowStatus::Published) {
        changes.changed().await.unwrap();
    }
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn meta_that_goes_down_in_the_middle_is_tried_again() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let manager = world.start().await;
    world.meta.rules.lock().mishap = Some((4, Mishap::AnswerLost));
    let applied = manager.apply(ApplyOrder::default()).await.unwrap();
    let failure = applied.outcomes[0].failure.as_ref().unwrap();
    assert_eq!((failure.step, failure.again, applied.put_off.is_some()), (Step::Json, true, true));
    assert!(manager.resume().await);
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_to_a_creation_makes_no_second_one() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let manager = world.start().await;
    world.meta.rules.lock().mishap = Some((2, Mishap::AnswerLost));
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(at_meta(&world), [flow("booking", FlowStatus::Published, FIRST)]);
    assert_eq!(world.meta.writes(), ["create booking", "upload 800001", "publish 800001"]);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_create_one() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let manager = world.start().await;
    let (one, other) = tokio::join!(manager.apply(ApplyOrder::default()), manager.apply(ApplyOrder::default()));
    assert!(one.unwrap().is_whole() && other.unwrap().is_whole());
    assert_eq!(world.meta.writes(), ["create booking", "upload 800001", "publish 800001"]);
}

#[tokio::test(start_paused = true)]
async fn flow_that_meta_lost_is_made_again_and_replaces_nothing() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().flows.clear();
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(at_meta(&world), [flow("booking", FlowStatus::Published, FIRST)]);
    assert_eq!(manager.places()[0].retired, []);
    assert!(manager.replaced_by(ACCOUNT, "booking").is_none());
}
