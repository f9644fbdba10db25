//! Numbers and user ids change, and a number that somebody gave up is somebody else's later.

use super::*;

const OLD: &str = "447700900123";
const NEW: &str = "447700900999";
const USER: Option<&str> = Some("GB.7781902234411");

/// The number that the last message went to.
fn last_to(world: &World) -> String {
    world.graph.requests().last().unwrap().to.clone()
}

fn at(mut message: Received, after_ms: u64) -> Received {
    message.sent_ms = Some(START_MS + after_ms);
    message
}

#[tokio::test(start_paused = true)]
async fn a_new_number_is_the_same_conversation_and_is_sent_to_from_then_on() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[at(said("wamid.1", Some(OLD), USER, "hi"), 0)]).await;
    world.quiet().await;
    accept(&world, &[at(changed_number("wamid.2", OLD, NEW), 1_000)]).await;
    world.quiet().await;
    accept(&world, &[at(said("wamid.3", Some(NEW), None, "again"), 2_000)]).await;
    world.quiet().await;
    assert_eq!((last_to(&world).as_str(), sent(&world).last().unwrap().as_str()), (NEW, "2 again true"));
    // A late message from before the change.
    accept(&world, &[at(said("wamid.0", Some(OLD), USER, "late"), 500)]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].wa_id.as_deref(), &*all[0].former_numbers), (Some(NEW), &[OLD.into()][..]));
    assert_eq!(last_to(&world), NEW);
    for phone in [OLD, NEW] {
        assert_eq!(found(&*world.store, phone).await, [all[0].id.clone()], "{phone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_number_that_wrote_before_the_change_was_told_is_merged() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[at(said("wamid.1", Some(OLD), None, "hi"), 0), at(said("wamid.2", Some(NEW), None, "me"), 500)])
        .await;
    world.quiet().await;
    let change = at(changed_number("wamid.3", OLD, NEW), 1_000);
    accept(&world, &[change.clone(), change]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].wa_id.as_deref(), &*all[0].former_numbers), (Some(NEW), &[OLD.into()][..]));
    assert_eq!(found(&*world.store, OLD).await, [all[0].id.clone()]);
    assert_eq!(taken(&*world.store, &all[0].id).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_gets_a_given_up_number_is_a_new_person() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[at(said("wamid.1", Some(OLD), USER, "hi"), 0)]).await;
    accept(&world, &[at(changed_number("wamid.2", OLD, NEW), 1_000)]).await;
    world.quiet().await;
    for (wamid, text) in [("wamid.x1", "who"), ("wamid.x2", "me"), ("wamid.x1", "who")] {
        accept(&world, &[at(said(wamid, Some(OLD), Some("GB.2"), text), 9_000_000)]).await;
    }
    world.quiet().await;
    accept(&world, &[at(said("wamid.x3", None, Some("GB.2"), "still me"), 9_000_000)]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let of = |number: &str| all.iter().find(|view| view.wa_id.as_deref() == Some(number)).unwrap();
    assert_eq!(taken(&*world.store, &of(OLD).id).await, ["wamid.x1", "wamid.x2", "wamid.x3"]);
    assert_eq!(taken(&*world.store, &of(NEW).id).await, ["wamid.1", "wamid.2"]);
    assert_eq!(found(&*world.store, OLD).await, [of(OLD).id.clone(), of(NEW).id.clone()]);
    assert_eq!(&sent(&world)[1..], ["1 who true", "2 me true", "3 still me true"]);
}

#[tokio::test(start_paused = true)]
async fn what_waited_while_the_number_changed_goes_to_the_new_one() {
    let world = counting(World::new());
    let engine = world.start().await;
    assert!(engine.pause(NUMBER, "quality").await.unwrap());
    accept(&world, &[at(said("wamid.1", Some(OLD), USER, "hi"), 0)]).await;
    accept(&world, &[at(changed_number("wamid.2", OLD, NEW), 1_000)]).await;
    pause(120_000).await;
    assert!(engine.resume(NUMBER).await.unwrap());
    world.quiet().await;
    let sent = world.graph.requests();
    assert_eq!(sent.iter().map(|request| request.to.as_str()).collect::<Vec<_>>(), [NEW]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_from_the_number_of_another_user_is_a_new_person() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[at(said("wamid.1", Some(OLD), USER, "hi"), 0)]).await;
    world.quiet().await;
    for (wamid, text) in [("wamid.x1", "who"), ("wamid.x2", "me"), ("wamid.x1", "who")] {
        accept(&world, &[at(said(wamid, Some(OLD), Some("GB.2"), text), 9_000_000)]).await;
    }
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "2 me true", "the second message of somebody new");
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let by_user = |user: &str| all.iter().find(|view| view.user_id.as_deref() == Some(user)).unwrap();
    let (before, now) = (by_user("GB.7781902234411"), by_user("GB.2"));
    assert_eq!((before.wa_id.as_deref(), &*before.former_numbers), (None, &[OLD.into()][..]));
    assert_eq!((now.wa_id.as_deref(), &*now.former_numbers), (Some(OLD), &[][..]));
    assert_eq!(taken(&*world.store, &now.id).await, ["wamid.x1", "wamid.x2"]);

    accept(&world, &[at(said("wamid.2", None, USER, "I am still here"), 9_500_000)]).await;
    world.quiet().await;
    assert_eq!(taken(&*world.store, &before.id).await, ["wamid.1", "wamid.2"]);
    assert_eq!(conversations(&*world.store).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_user_id_is_the_same_person() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.1", None, USER, "hi")]).await;
    world.quiet().await;
    let system = json!({ "type": "user_changed_user_id", "user_id": "GB.2", "body": "a new id" });
    accept(&world, &[by("wamid.2", None, USER, &json!({ "type": "system", "system": system }))]).await;
    world.quiet().await;
    accept(&world, &[said("wamid.3", None, Some("GB.2"), "again")]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!((all.len(), all[0].user_id.as_deref()), (1, Some("GB.2")));
    assert_eq!(sent(&world).last().unwrap(), "2 again false");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_has_a_former_number_again_is_sent_to_there() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[at(said("wamid.1", Some(OLD), USER, "hi"), 0)]).await;
    accept(&world, &[at(changed_number("wamid.2", OLD, NEW), 1_000)]).await;
    accept(&world, &[at(said("wamid.3", Some(NEW), USER, "new"), 2_000)]).await;
    world.quiet().await;
    assert_eq!(last_to(&world), NEW);
    accept(&world, &[at(said("wamid.4", Some(OLD), USER, "back"), 9_000)]).await;
    world.quiet().await;
    assert_eq!((last_to(&world).as_str(), conversations(&*world.store).await.len()), (OLD, 1));
}
