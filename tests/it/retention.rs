//! F121: what is older than the policy is readable nowhere, and no run is cut in the middle.

use serde_json::{Value, json};

use crate::broadcasts;
use crate::people::field;
use crate::support::sse::{Event, Events};
use crate::support::{ADA, BEN, Setup, World, until};

const DAY_MS: u64 = 86_400_000;
/// Words of the first day.
const OLD: &str = "said on the first day";

/// Whether a reader finds the words anywhere.
async fn readable(world: &World, words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for conversation in world.items("/api/v1/conversations?limit=200").await {
        let id = conversation["id"].as_str().unwrap().to_owned();
        for what in ["messages", "journal"] {
            for item in world.items(&format!("/api/v1/conversations/{id}/{what}?limit=200")).await {
                if item.to_string().contains(words) {
                    found.push(format!("{what} of {id}: {item}"));
                }
            }
        }
    }
    for list in ["outbox", "dead-letters", "quarantine"] {
        let items = world.items(&format!("/api/v1/{list}?limit=200")).await;
        found.extend(items.iter().map(Value::to_string).filter(|item| item.contains(words)));
    }
    found
}

async fn has_no_conversation(world: &World, who: &str) -> bool {
    world.items(&format!("/api/v1/conversations?phone={who}")).await.is_empty()
}

/// Lets hours pass until it is so.
async fn hours_until(world: &World, what: &str, is_so: impl AsyncFn() -> bool) {
    until(what, async || {
        let is_so = is_so().await;
        if !is_so {
            world.clock.advance(3_600_000);
        }
        is_so.then_some(())
    })
    .await;
}

#[tokio::test]
async fn f121_after_ninety_days_nothing_older_is_readable_and_who_goes_on_goes_on() {
    let world = Setup::default().start().await;
    world.write(ADA, OLD).await;
    world.write(BEN, OLD).await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    assert!(!readable(&world, OLD).await.is_empty());
    // Ada writes every ten days, Ben never again.
    for round in 1..=9 {
        world.clock.advance(10 * DAY_MS);
        world.write(ADA, &format!("round {round}")).await;
        world.wait_replies(ADA, 1 + round).await;
    }
    world.clock.advance(DAY_MS);
    hours_until(&world, "Ben's conversation went", async || has_no_conversation(&world, BEN).await).await;
    hours_until(&world, "what is old went", async || readable(&world, OLD).await.is_empty()).await;
    assert!(!readable(&world, "round 9").await.is_empty());
    // What her bot remembers of her is still there: it counts on.
    world.write(ADA, "and on").await;
    assert_eq!(world.wait_replies(ADA, 11).await[10], "11: and on");
    world.write(BEN, "back").await;
    assert_eq!(world.wait_replies(BEN, 2).await[1], "1: back");
    world.end().await;
}

#[tokio::test]
async fn f121_a_run_that_waits_for_longer_than_the_policy_goes_on_where_it_was() {
    let world = Setup::default().bot(WAITS).start().await;
    world.write(ADA, OLD).await;
    world.wait_replies(ADA, 1).await;
    world.clock.advance(100 * DAY_MS);
    hours_until(&world, "the history went", async || readable(&world, OLD).await.is_empty()).await;
    assert_eq!(world.conversation(ADA).await["state"], "waiting");
    world.write(ADA, "blue").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "you like blue");
    world.end().await;
}

#[tokio::test]
async fn whoever_comes_back_is_answered_once_also_by_an_actor_that_outlived_their_conversation() {
    let world = Setup::default().set("conversation.idle_passivate", "300d").start().await;
    world.write(ADA, OLD).await;
    world.wait_replies(ADA, 1).await;
    world.wait_consumed().await;
    world.clock.advance(91 * DAY_MS);
    hours_until(&world, "the conversation went", async || has_no_conversation(&world, ADA).await).await;
    assert_eq!(world.metric("parlance_actors").await, 1.0, "it remembers what is not there any more");
    world.write(ADA, "back").await;
    assert_eq!(world.advance_until_replies(1_000, ADA, 2).await[1], "1: back");
    world.write(ADA, "again").await;
    world.advance_until_replies(1_000, ADA, 3).await;
    world.wait_consumed().await;
    assert_eq!(world.replies(ADA)[1..], ["1: back", "2: again"]);
    world.end().await;
}

#[tokio::test]
async fn whoever_said_stop_gets_no_marketing_also_after_their_words_went() {
    let world = broadcasts::world().await;
    world.write(ADA, OLD).await;
    world.write(BEN, OLD).await;
    world.wait_replies(ADA, 1).await;
    world.wait_replies(BEN, 1).await;
    let stop = json!({ "wa_id": BEN, "category": "marketing_messages", "value": "stop",
        "timestamp": world.now_ms() / 1_000 });
    assert_eq!(world.post(field("user_preferences", json!({ "user_preferences": [stop] }))).await, 200);
    world.wait_consumed().await;
    let ids: Vec<Value> =
        [world.conversation(ADA).await, world.conversation(BEN).await].map(|it| it["id"].clone()).into();
    world.clock.advance(91 * DAY_MS);
    hours_until(&world, "what is old went", async || {
        has_no_conversation(&world, ADA).await && readable(&world, OLD).await.is_empty()
    })
    .await;
    assert_eq!(world.conversation(BEN).await["id"], ids[1]);
    let order = broadcasts::broadcast(&json!([broadcasts::named(BEN), broadcasts::named(ADA)]));
    let (status, made) = world.admin_post("/api/v1/broadcasts", &order).await;
    assert_eq!(status, 201, "{made}");
    let shown = broadcasts::done(&world, made["id"].as_str().unwrap()).await;
    assert_eq!(shown["counts"]["skipped_why"], json!({ "opted_out": 1 }), "{shown}");
    assert_eq!((world.replies(ADA).len(), world.replies(BEN).len()), (2, 1));
    world.end().await;
}

async fn next_after(world: &World, id: &str) -> Event {
    let request = world.admin_call(reqwest::Method::GET, "/api/v1/events?topics=messages");
    let mut events = Events::open(request, Some(id)).await.unwrap();
    loop {
        let event = events.next().await.unwrap();
        if event.kind != "hello" {
            return event;
        }
    }
}

#[tokio::test]
async fn whoever_follows_the_events_keeps_their_place_while_what_is_old_goes_and_not_when_a_person_is_erased() {
    let mut world = Setup::default().start().await;
    let request = world.admin_call(reqwest::Method::GET, "/api/v1/events?topics=messages");
    let mut events = Events::open(request, None).await.unwrap();
    let place = events.next().await.unwrap().id.unwrap();
    drop(events);
    world.write(ADA, OLD).await;
    world.wait_replies(ADA, 1).await;
    world.clock.advance(91 * DAY_MS);
    world.write(BEN, "and now").await;
    hours_until(&world, "what is old went", async || has_no_conversation(&world, ADA).await).await;
    world.restart().await;
    assert_eq!(next_after(&world, &place).await.kind, "message.in");
    let erase = format!("/api/v1/contacts/{BEN}/erase");
    assert_eq!(world.admin_post(&erase, &json!({ "confirm": BEN })).await.0, 200);
    for _ in 0..2 {
        let event = next_after(&world, &place).await;
        assert_eq!((&*event.kind, &event.data["reason"]), ("resync", &json!("too_old")));
        world.restart().await;
    }
    world.end().await;
}

/// Asks and waits for as long as it takes.
const WAITS: &str = r#"
parlance: 1
id: waits
vars: { colour: { type: text } }
triggers: [ { default: {}, to: ask } ]
nodes:
  ask:
    type: ask
    prompt: which colour?
    expect: { type: text }
    save: colour
    next: { ok: answer }
  answer: { type: say, messages: [ { text: "you like {{ colour }}" } ], next: { next: fin } }
  fin: { type: end, reason: done }
"#;
