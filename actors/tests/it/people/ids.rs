//! A person's ids lead to one conversation, in whatever order they become known.

use super::*;

const ADA: Option<&str> = Some("447700900123");
const USER: Option<&str> = Some("GB.7781902234411");

#[tokio::test(start_paused = true)]
async fn number_then_both_then_user_id_and_the_reverse_are_one_conversation() {
    for order in [[(ADA, None), (ADA, USER), (None, USER)], [(None, USER), (ADA, USER), (ADA, None)]] {
        let world = counting(World::new());
        let _engine = world.start().await;
        for (at, (wa_id, user_id)) in order.into_iter().enumerate() {
            accept(&world, &[said(&format!("wamid.{at}"), wa_id, user_id, "hi")]).await;
            world.quiet().await;
        }
        let all = conversations(&*world.store).await;
        assert_eq!(all.len(), 1, "{order:?}");
        assert_eq!((all[0].wa_id.as_deref(), all[0].user_id.as_deref()), (ADA, USER));
        assert_eq!(taken(&*world.store, &all[0].id).await, ["wamid.0", "wamid.1", "wamid.2"]);
        assert_eq!(sent(&world).iter().filter_map(|text| text.chars().next()).collect::<String>(), "123", "one run");
    }
}

#[tokio::test(start_paused = true)]
async fn two_conversations_become_one_when_a_message_carries_both_ids() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.n1", ADA, None, "a"), said("wamid.n2", ADA, None, "b")]).await;
    world.quiet().await;
    world.clock.advance(60_000);
    accept(&world, &[said("wamid.u1", None, USER, "c")]).await;
    world.quiet().await;
    assert_eq!(conversations(&*world.store).await.len(), 2);

    accept(&world, &[said("wamid.both", ADA, USER, "d"), said("wamid.after", ADA, None, "e")]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].wa_id.as_deref(), all[0].user_id.as_deref()), (ADA, USER));
    assert_eq!(all[0].merged.len(), 1);
    let mut taken = taken(&*world.store, &all[0].id).await;
    taken.sort();
    assert_eq!(taken, ["wamid.after", "wamid.both", "wamid.n1", "wamid.n2", "wamid.u1"]);
    assert_eq!(found(&*world.store, "447700900123").await, [all[0].id.clone()]);

    // From here on each id alone leads there, also after a restart.
    accept(&world, &[said("wamid.last", None, USER, "f")]).await;
    world.quiet().await;
    assert_eq!(conversations(&*world.store).await[0].revision, all[0].revision + 1);
}

#[tokio::test(start_paused = true)]
async fn the_run_of_the_conversation_in_which_the_person_wrote_last_goes_on() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.n1", ADA, None, "old")]).await;
    world.quiet().await;
    let later = |wamid: &str, wa_id, text: &str| {
        let timestamp = (START_MS / 1_000 + 3_600).to_string();
        let mut message =
            by(wamid, wa_id, USER, &json!({ "timestamp": timestamp, "type": "text", "text": { "body": text } }));
        message.sent_ms = Some(START_MS + 3_600_000);
        message
    };
    world.clock.advance(3_600_000);
    accept(&world, &[later("wamid.u1", None, "x"), later("wamid.u2", None, "y")]).await;
    world.quiet().await;
    accept(&world, &[later("wamid.both", ADA, "answer")]).await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "3 answer true", "the answer goes to the run that asked");
}

#[tokio::test(start_paused = true)]
async fn what_one_part_has_run_the_other_does_not_run_again() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.n1", ADA, None, "a"), said("wamid.u1", None, USER, "b")]).await;
    world.quiet().await;
    let both = said("wamid.both", ADA, USER, "c");
    let copies = [
        both.clone(),
        said("wamid.u1", None, USER, "b"),
        both.clone(),
        said("wamid.n1", ADA, None, "a"),
        both,
        said("wamid.u1", ADA, USER, "b"),
    ];
    accept(&world, &copies).await;
    world.quiet().await;
    assert_eq!(sent(&world).len(), 3, "{:?}", sent(&world));
    assert_eq!(conversations(&*world.store).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_parent_id_leads_to_the_person_too_and_three_conversations_become_one() {
    let world = counting(World::new());
    let _engine = world.start().await;
    let with_parent = |wamid: &str, wa_id, user_id| {
        let mut message = said(wamid, wa_id, user_id, "hi");
        message.from_parent_user_id = Some("GB.ENT.1".into());
        message
    };
    accept(&world, &[said("wamid.1", ADA, None, "a"), said("wamid.2", None, USER, "b")]).await;
    accept(&world, &[with_parent("wamid.3", None, None)]).await;
    world.quiet().await;
    assert_eq!(conversations(&*world.store).await.len(), 3);
    accept(&world, &[with_parent("wamid.4", ADA, USER)]).await;
    world.quiet().await;
    accept(&world, &[with_parent("wamid.5", ADA, USER)]).await;
    world.quiet().await;
    let all = conversations(&*world.store).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(taken(&*world.store, &all[0].id).await.len(), 5);
}
