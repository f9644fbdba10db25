//! What a plan says, and what it leaves to people.

use whatsapp::graph::FlowStatus;

use super::*;

async fn plan_of(world: &World, order: ApplyOrder) -> Plan {
    world.start().await.plan(&order).await.unwrap()
}

async fn planned(world: &World) -> Plan {
    plan_of(world, ApplyOrder::default()).await
}

fn why(plan: &Plan) -> &str {
    plan.items[0].why.as_deref().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn plan_creates_uploads_and_publishes_and_then_there_is_nothing_to_do() {
    let world = World::new();
    world.want(vec![booking(FIRST)]);
    let plan = planned(&world).await;
    assert_eq!(kinds(&plan), [("booking", ItemKind::Create)]);
    assert_eq!(plan.items[0].steps, [Step::Create, Step::Json, Step::Publish]);
    assert_eq!(world.meta.writes(), Vec::<String>::new(), "a plan changes nothing");
    world.start().await.apply(ApplyOrder::default()).await.unwrap();
    let plan = planned(&world).await;
    assert_eq!(kinds(&plan), [("booking", ItemKind::Nothing)]);
    assert_eq!(plan.items[0].alignment, Alignment::InSync);
}

#[tokio::test(start_paused = true)]
async fn members_in_another_order_and_white_space_are_no_change() {
    let (world, _) = World::applied(vec![booking(FIRST)]).await;
    world.want(vec![booking("{ \"screens\": [ { \"id\": \"DAY\" } ],\n \"version\": \"7.3\" }")]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Nothing)]);
}

#[tokio::test(start_paused = true)]
async fn changed_file_and_changed_endpoint_are_updates() {
    let (world, _) = World::applied(vec![booking(FIRST)]).await;
    world.want(vec![booking(SECOND)]);
    let plan = planned(&world).await;
    assert_eq!((plan.items[0].kind, plan.items[0].alignment), (ItemKind::Update, Alignment::LocalNewer));
    assert_eq!(plan.items[0].steps, [Step::Json, Step::Publish]);
    let moved = WantedFlow { endpoint: Some("https://new.example.org/f".into()), ..booking(FIRST) };
    world.want(vec![moved]);
    assert_eq!(planned(&world).await.items[0].steps, [Step::Metadata, Step::Publish]);
}

#[tokio::test(start_paused = true)]
async fn same_flow_made_elsewhere_is_adopted_and_another_one_is_a_conflict() {
    let world = World::new();
    world.meta.put("booking", FlowStatus::Published, FIRST);
    world.want(vec![booking(FIRST)]);
    let plan = planned(&world).await;
    assert_eq!((plan.items[0].kind, &plan.items[0].steps[..]), (ItemKind::Adopt, &[Step::Adopt][..]));
    world.want(vec![booking(SECOND)]);
    let plan = planned(&world).await;
    assert_eq!(plan.items[0].kind, ItemKind::Conflict);
    assert!(why(&plan).contains("not made here"), "{plan:?}");
    let overwrite = ApplyOrder { overwrite: true, ..ApplyOrder::default() };
    let manager = world.start().await;
    assert!(manager.apply(overwrite).await.unwrap().is_whole());
    assert_eq!(world.meta.flow("booking").unwrap().json, SECOND);
}

#[tokio::test(start_paused = true)]
async fn adopted_flow_is_changed_like_one_of_ours_from_then_on() {
    let world = World::new();
    world.meta.put("booking", FlowStatus::Draft, FIRST);
    world.want(vec![booking(FIRST)]);
    assert!(world.start().await.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(world.meta.flow("booking").unwrap().status, FlowStatus::Published);
    world.want(vec![booking(SECOND)]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Update)]);
}

#[tokio::test(start_paused = true)]
async fn change_at_meta_is_a_conflict_until_it_is_pulled_or_overwritten() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.change("booking", |flow| flow.json = SECOND.into());
    let plan = planned(&world).await;
    assert_eq!((plan.items[0].kind, plan.items[0].alignment), (ItemKind::Conflict, Alignment::MetaNewer));
    let applied = manager.apply(ApplyOrder::default()).await.unwrap();
    assert!(!applied.is_whole() && applied.put_off.is_none());
    assert_eq!(world.meta.flow("booking").unwrap().json, SECOND, "it was left alone");
    let (_, pulled) = manager.pull("booking").await.unwrap();
    world.want(vec![booking(&pulled.unwrap())]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Nothing)]);
    world.want(vec![booking(r#"{"version":"7.3","screens":[]}"#)]);
    let plan = planned(&world).await;
    assert_eq!((plan.items[0].kind, plan.items[0].alignment), (ItemKind::Conflict, Alignment::Diverged));
}

#[tokio::test(start_paused = true)]
async fn deprecated_and_blocked_flows_are_conflicts() {
    for (status, word) in [(FlowStatus::Deprecated, "never"), (FlowStatus::Blocked, "blocked")] {
        let (world, _) = World::applied(vec![booking(FIRST)]).await;
        world.meta.change("booking", |flow| flow.status = status);
        let plan = planned(&world).await;
        assert_eq!(plan.items[0].kind, ItemKind::Conflict);
        assert!(why(&plan).contains(word), "{plan:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_bots_with_one_name_and_different_flows_are_a_conflict() {
    let world = World::new();
    let other = WantedFlow { bot: "shop".into(), ..booking(SECOND) };
    world.want(vec![booking(FIRST), other]);
    let plan = planned(&world).await;
    assert_eq!(kinds(&plan), [("booking", ItemKind::Conflict)]);
    assert!(why(&plan).contains("clinic.slots and shop.slots"), "{plan:?}");
    let same = WantedFlow { bot: "shop".into(), ..booking(FIRST) };
    world.want(vec![booking(FIRST), same]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Create)]);
}

#[tokio::test(start_paused = true)]
async fn flow_without_json_must_be_there() {
    let world = World::new();
    world.want(vec![wanted("booking", None)]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Missing)]);
    let id = world.meta.put("booking", FlowStatus::Draft, FIRST);
    let plan = planned(&world).await;
    assert_eq!((plan.items[0].kind, plan.items[0].steps.len()), (ItemKind::Nothing, 0));
    assert!(why(&plan).contains("draft"), "{plan:?}");
    world.want(vec![WantedFlow { id: Some("77".into()), ..booking(FIRST) }]);
    let plan = planned(&world).await;
    assert!(plan.items[0].kind == ItemKind::Missing && why(&plan).contains("77"), "{plan:?}");
    world.want(vec![WantedFlow { id: Some(id.into()), ..wanted("other", Some(FIRST)) }]);
    assert_eq!(planned(&world).await.items[0].kind, ItemKind::Adopt, "by id, whatever its name");
}

#[tokio::test(start_paused = true)]
async fn flow_of_a_bot_that_answers_elsewhere_is_not_made_here() {
    let world = World::new();
    world.want(vec![WantedFlow { not_in: BTreeSet::from([ACCOUNT.into()]), ..booking(FIRST) }]);
    assert_eq!(kinds(&planned(&world).await), []);
}

#[tokio::test(start_paused = true)]
async fn draft_only_leaves_what_is_in_use_alone() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.want(vec![booking(SECOND)]);
    let draft = ApplyOrder { publish: false, ..ApplyOrder::default() };
    assert_eq!(kinds(&plan_of(&world, draft).await), [("booking", ItemKind::Clone)]);
    assert!(manager.apply(draft).await.unwrap().is_whole());
    assert_eq!(world.meta.flow("booking").unwrap().json, FIRST);
    assert_eq!(world.meta.flow("booking_v2").unwrap().status, FlowStatus::Draft);
    assert!(manager.replaced_by(ACCOUNT, "booking").is_none(), "people get the one that is published");
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(manager.replaced_by(ACCOUNT, "booking").unwrap().remote.name, "booking_v2");
}

#[tokio::test(start_paused = true)]
async fn findings_of_meta_stand_at_their_line_and_keep_it_a_draft() {
    let world = World::new();
    world.meta.rules.lock().disliked = Some("TIME");
    world.want(vec![booking(SECOND)]);
    let manager = world.start().await;
    let applied = manager.apply(ApplyOrder::default()).await.unwrap();
    let outcome = &applied.outcomes[0];
    assert_eq!(outcome.findings, ["bots/slots.json:3:7: INVALID_PROPERTY_VALUE TIME is not allowed"]);
    assert_eq!(outcome.done, [Step::Create, Step::Json]);
    assert_eq!(outcome.failure.as_ref().map(|failure| (failure.step, failure.again)), Some((Step::Publish, false)));
    assert_eq!((status(&manager, "booking"), applied.put_off), (Some(FlowStatus::Draft), None));
    world.want(vec![booking(FIRST)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn what_no_bot_wants_stays_until_it_is_pruned_and_while_a_bot_cannot_be_read() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.want(vec![]);
    assert_eq!(kinds(&planned(&world).await), [("booking", ItemKind::Unwanted)]);
    let prune = ApplyOrder { prune: true, ..ApplyOrder::default() };
    world.files.0.lock().unreadable.push("bots/broken.yaml".into());
    assert_eq!(kinds(&plan_of(&world, prune).await), [("booking", ItemKind::Unwanted)]);
    world.files.0.lock().unreadable.clear();
    let applied = manager.apply(prune).await.unwrap();
    assert_eq!(
        (applied.outcomes[0].item.kind, &applied.outcomes[0].done[..]),
        (ItemKind::Remove, &[Step::Deprecate][..])
    );
    let flow = manager.find("booking").unwrap();
    assert!(flow.archived_ms.is_some() && flow.remote.status == FlowStatus::Deprecated);
    assert_eq!(kinds(&planned(&world).await), []);
}

#[tokio::test(start_paused = true)]
async fn replaced_flow_goes_when_it_is_pruned_and_the_new_one_is_in_use() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().strict = true;
    world.want(vec![booking(SECOND)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(world.meta.flow("booking").unwrap().status, FlowStatus::Published, "on request only");
    let prune = ApplyOrder { prune: true, ..ApplyOrder::default() };
    assert!(manager.apply(prune).await.unwrap().is_whole());
    assert_eq!(world.meta.flow("booking").unwrap().status, FlowStatus::Deprecated);
    assert_eq!(manager.replaced_by(ACCOUNT, "booking").unwrap().remote.name, "booking_v2");
    world.want(vec![booking(r#"{"version":"7.3","screens":[]}"#)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    assert_eq!(manager.replaced_by(ACCOUNT, "booking").unwrap().remote.name, "booking_v3");
}
