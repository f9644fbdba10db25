//! F121: what is older than the policy is readable nowhere, and no run is cut in the middle.

use serde_json::Value;

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
    until("Ben's conversation went", async || {
        let listed = world.items(&format!("/api/v1/conversations?phone={BEN}")).await;
        if !listed.is_empty() {
            world.clock.advance(3_600_000);
        }
        listed.is_empty().then_some(())
    })
    .await;
    until("what is old went", async || {
        let left = readable(&world, OLD).await;
        if !left.is_empty() {
            world.clock.advance(3_600_000);
        }
        left.is_empty().then_some(())
    })
    .await;
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
    until("the history went", async || {
        let left = readable(&world, OLD).await;
        if !left.is_empty() {
            world.clock.advance(3_600_000);
        }
        left.is_empty().then_some(())
    })
    .await;
    assert_eq!(world.conversation(ADA).await["state"], "waiting");
    world.write(ADA, "blue").await;
    assert_eq!(world.wait_replies(ADA, 2).await[1], "you like blue");
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
