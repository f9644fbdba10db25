//! What is not done, or not done twice: what cannot be read, what is still used, what Meta stops.

use whatsapp::graph::FlowStatus;

use super::fake::Mishap;
use super::*;

const PRUNE: ApplyOrder = ApplyOrder { publish: true, overwrite: false, prune: true };

/// `booking` is in use as `booking_v2`, since the first one did not change.
async fn replaced() -> (World, Arc<FlowManager>) {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().strict = true;
    world.want(vec![booking(SECOND)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    world.meta.writes();
    (world, manager)
}

#[tokio::test(start_paused = true)]
async fn flow_whose_json_cannot_be_read_is_left_as_it_is_and_tried_again() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.put("survey", FlowStatus::Published, SECOND);
    world.meta.change("booking", |flow| flow.json = SECOND.into());
    world.want(vec![booking(THIRD), wanted("survey", Some(FIRST))]);
    world.meta.writes();
    world.meta.rules.lock().unreadable = true;
    let plan = manager.plan(&ApplyOrder::default()).await.unwrap();
    assert!(plan.items.iter().all(|item| item.steps.is_empty() && item.alignment == Alignment::Unknown), "{plan:?}");
    let applied = manager.apply(ApplyOrder::default()).await.unwrap();
    assert!(applied.put_off.as_ref().is_some_and(|why| why.contains("connection reset")), "{applied:?}");
    assert!(applied.outcomes.iter().all(|one| one.failure.as_ref().is_some_and(|failure| failure.again)));
    assert_eq!(world.meta.writes(), Vec::<String>::new());
    assert!(manager.places().iter().all(|place| *place.name != *"survey"), "nobody's Flow is taken over");
    world.meta.rules.lock().unreadable = false;
    assert!(manager.resume().await);
    assert_eq!(world.meta.writes(), Vec::<String>::new(), "both are conflicts");
    assert_eq!(manager.order().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn flow_that_a_bot_still_names_is_not_pruned_with_the_place_that_it_had() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    let id: Box<str> = world.meta.flow("booking").unwrap().id.into();
    world.meta.writes();
    for renamed in [wanted("visit", Some(FIRST)), wanted("visit", None)] {
        world.want(vec![WantedFlow { id: Some(id.clone()), ..renamed }]);
        assert!(manager.apply(PRUNE).await.unwrap().is_whole());
        assert_eq!(world.meta.writes(), Vec::<String>::new());
    }
    assert_eq!(status(&manager, &id), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn pruning_beside_a_change_leaves_the_place_to_the_new_flow() {
    let (world, manager) = replaced().await;
    world.want(vec![booking(THIRD)]);
    assert!(manager.apply(PRUNE).await.unwrap().is_whole());
    assert_eq!(world.meta.writes().last().map(String::as_str), Some("deprecate 800001"));
    assert_eq!(manager.replaced_by(ACCOUNT, "booking").unwrap().remote.name, "booking_v3");
    let plan = manager.plan(&ApplyOrder::default()).await.unwrap();
    assert_eq!((plan.items[0].kind, plan.items[0].alignment), (ItemKind::Nothing, Alignment::InSync));
}

#[tokio::test(start_paused = true)]
async fn deleting_what_stood_in_a_place_before_leaves_the_place_also_over_a_kill() {
    for mishap in [None, Some((2, Mishap::KilledAfter))] {
        let (world, manager) = replaced().await;
        world.meta.change("booking", |flow| flow.status = FlowStatus::Draft);
        manager.sync().await;
        // details, delete
        world.meta.rules.lock().mishap = mishap;
        tokio::select! {
            removed = manager.remove("booking") => assert_eq!(removed.unwrap().1, Removed::Deleted),
            () = world.meta.hung.notified() => {}
        }
        let manager = world.start().await;
        manager.sync().await;
        assert_eq!(world.meta.flow("booking"), None);
        assert_eq!(manager.replaced_by(ACCOUNT, "booking").unwrap().remote.name, "booking_v2");
        let place = &manager.places()[0];
        assert_eq!((place.retired.len(), &place.begun), (0, &None), "{mishap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_a_draft_gives_the_place_back_to_the_flow_before_it() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.want(vec![booking(SECOND)]);
    assert!(manager.apply(ApplyOrder { publish: false, ..ApplyOrder::default() }).await.unwrap().is_whole());
    assert_eq!(manager.remove("booking_v2").await.unwrap().1, Removed::Deleted);
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
    let plan = manager.plan(&ApplyOrder::default()).await.unwrap();
    assert_eq!((plan.items[0].kind, plan.items[0].alignment), (ItemKind::Update, Alignment::LocalNewer));
}

#[tokio::test(start_paused = true)]
async fn pruning_and_overwriting_are_not_done_later_by_themselves() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.writes();
    world.want(vec![]);
    world.meta.rules.lock().down = true;
    let order = ApplyOrder { overwrite: true, ..PRUNE };
    assert!(manager.apply(order).await.unwrap().put_off.is_some());
    world.meta.rules.lock().down = false;
    assert_eq!(manager.order().await.unwrap(), Some(ApplyOrder::default()));
    assert!(manager.resume().await);
    assert_eq!(world.meta.writes(), Vec::<String>::new());
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn token_that_ended_ends_the_order() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().refusing = Some(190);
    assert!(matches!(manager.apply(ApplyOrder::default()).await, Err(ApplyError::Call { .. })));
    assert_eq!(manager.order().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn blocked_flow_is_not_gone_round_by_the_one_before_it() {
    let (world, manager) = replaced().await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
    world.meta.change("booking_v2", |flow| flow.status = FlowStatus::Blocked);
    manager.sync().await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Blocked));
    let old = world.meta.flow("booking").unwrap().id;
    assert_eq!(status(&manager, &old), Some(FlowStatus::Blocked));
}

#[tokio::test(start_paused = true)]
async fn edit_that_cannot_be_published_says_that_nobody_gets_the_flow_and_is_tried_until_it_is() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().unpublishable = true;
    world.want(vec![booking(SECOND)]);
    for _ in 0..2 {
        let applied = manager.apply(ApplyOrder::default()).await.unwrap();
        let failure = applied.outcomes[0].failure.as_ref().unwrap();
        assert!(failure.error.contains("was in use and cannot be sent"), "{failure:?}");
        assert!(failure.again && applied.put_off.is_some(), "{failure:?}");
        assert_eq!(manager.places()[0].problem.as_ref(), Some(&failure.error));
    }
    assert!(!manager.resume().await);
    world.meta.rules.lock().unpublishable = false;
    assert!(manager.resume().await);
    let place = &manager.places()[0];
    assert_eq!((status(&manager, "booking"), &place.problem), (Some(FlowStatus::Published), &None));
    assert!(!place.out_of_use);
}

#[tokio::test(start_paused = true)]
async fn json_that_was_corrected_at_meta_is_published_by_one_apply() {
    let world = World::new();
    world.meta.rules.lock().disliked = Some("TIME");
    world.want(vec![booking(SECOND)]);
    let manager = world.start().await;
    assert!(!manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    world.meta.change("booking", |flow| flow.json = FIRST.into());
    world.want(vec![booking(FIRST)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
    let other = world.meta.put("survey", FlowStatus::Draft, SECOND);
    world.meta.rules.lock().disliked = None;
    world.want(vec![booking(FIRST), wanted("survey", Some(SECOND))]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(status(&manager, &other), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn publication_that_was_begun_does_not_make_a_change_at_meta_ours() {
    let (world, draft) = (World::new(), ApplyOrder { publish: false, ..ApplyOrder::default() });
    world.want(vec![booking(FIRST)]);
    assert!(world.start().await.apply(draft).await.unwrap().is_whole());
    // list, json, publish
    world.meta.rules.lock().mishap = Some((3, Mishap::KilledBefore));
    let manager = world.start().await;
    tokio::select! {
        applied = manager.apply(ApplyOrder::default()) => panic!("{applied:?}"),
        () = world.meta.hung.notified() => {}
    }
    world.meta.change("booking", |flow| flow.json = SECOND.into());
    world.want(vec![booking(THIRD)]);
    let plan = world.start().await.plan(&ApplyOrder::default()).await.unwrap();
    assert_eq!(kinds(&plan), [("booking", ItemKind::Conflict)]);
}

#[tokio::test(start_paused = true)]
async fn flow_made_by_hand_in_the_place_of_one_that_is_gone_is_known() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    let id = world.meta.put("booking", FlowStatus::Published, FIRST);
    manager.sync().await;
    let known = manager.surroundings().flows.unwrap();
    assert!(known.iter().any(|flow| flow.name == "booking" && flow.id == id), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_of_flows_until_the_list_of_each_account_was_read() {
    let world = World { numbers: vec![number(ACCOUNT), number(OTHER)], ..World::new() };
    let manager = world.start().await;
    world.meta.put("survey", FlowStatus::Draft, FIRST);
    world.meta.rules.lock().unlisted = Some(OTHER);
    manager.sync().await;
    assert!(manager.surroundings().flows.is_none());
    world.meta.rules.lock().unlisted = None;
    manager.sync().await;
    assert_eq!(manager.surroundings().flows.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn name_that_two_accounts_have_is_answered_with_the_ids() {
    let world = World { numbers: vec![number(ACCOUNT), number(OTHER)], ..World::new() };
    let manager = world.start().await;
    let id = world.meta.put("survey", FlowStatus::Draft, FIRST);
    manager.sync().await;
    let error = manager.publish("survey").await.unwrap_err();
    assert!(matches!(error, FlowError::Several { .. }), "{error}");
    for account in [ACCOUNT, OTHER] {
        assert!(error.to_string().contains(&format!("flow {id} of account {account}")), "{error}");
    }
    assert_eq!(world.meta.writes(), Vec::<String>::new());
}
