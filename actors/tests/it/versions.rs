//! Runs under versions that come and go, with the real bot function.

use std::sync::Arc;
use std::time::Duration;

use actors::{Clock as _, StoredVersion, census, view};
use chatbot::{Bot, Format, Migrate, Running};

use crate::support::*;

/// Two questions; the prompts tell the versions apart.
fn version(name: &str) -> Arc<Bot> {
    load(&format!(
        "parlance: 1\nid: test\ntriggers: [ {{ default: {{}}, to: one }} ]\nnodes:\n  \
         one: {{ type: ask, prompt: \"{name} one\", next: {{ ok: two }} }}\n  \
         two: {{ type: ask, prompt: \"{name} two\", next: {{ ok: end }} }}\n  end: {{ type: end }}\n"
    ))
}

/// A version without the first question.
fn without_one() -> Arc<Bot> {
    load(
        "parlance: 1\nid: test\ntriggers: [ { default: {}, to: two } ]\nnodes:\n  \
         two: { type: ask, prompt: short two, next: { ok: end } }\n  end: { type: end }\n",
    )
}

fn load(source: &str) -> Arc<Bot> {
    let loaded = chatbot::load(source, "test.yaml", Format::Yaml);
    Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)))
}

fn world(first: &Arc<Bot>) -> World {
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    world.bots.publish(first.clone(), 0, Running::default());
    world
}

async fn shown(world: &World) -> view::ConversationView {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().0
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

async fn say(world: &World, text: &str) {
    world.say(1, text).await;
    world.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn f56_a_run_ends_on_its_version_and_the_next_one_begins_on_the_live_one() {
    let (old, new) = (version("old"), version("new"));
    let world = world(&old);
    let engine = world.start().await;
    say(&world, "hi").await;
    world.bots.publish(new.clone(), START_MS, Running::default());
    engine.bots_changed();
    say(&world, "a").await;
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(old.version()));
    say(&world, "b").await;
    say(&world, "again").await;
    assert_eq!(sent(&world), ["old one", "old two", "new one"]);
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(new.version()));
}

#[tokio::test(start_paused = true)]
async fn f56_a_run_moves_with_its_next_message_in_the_same_commit() {
    let (old, new) = (version("old"), version("new"));
    let world = world(&old);
    let engine = world.start().await;
    say(&world, "hi").await;
    let before = world.store.load(conversation(1)).await.unwrap().unwrap().revision;
    let same = Running { migrate: Migrate::SameNode, ..Running::default() };
    world.bots.publish(new.clone(), START_MS, same);
    engine.bots_changed();
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(old.version()), "nothing moves by itself");
    say(&world, "a").await;
    assert_eq!(sent(&world), ["old one", "new two"], "the answer is the new version's to take");
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    assert_eq!(head.revision.0, before.0 + 1);
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(new.version()));
}

#[tokio::test(start_paused = true)]
async fn f56_a_run_whose_node_is_gone_stays_until_it_is_drained_by_wake() {
    let (old, new) = (version("old"), without_one());
    let world = world(&old);
    let engine = world.start().await;
    say(&world, "hi").await;
    let policy = Running { migrate: Migrate::SameNode, drain_after_ms: Some(3_600_000) };
    world.bots.publish(new.clone(), world.clock.now_ms(), policy);
    engine.bots_changed();
    engine.wake(vec![conversation(1)]);
    pause(1_000).await;
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(old.version()), "its node is gone");
    pause(3_600_000).await;
    engine.wake(vec![conversation(1)]);
    until_idle(&world).await;
    assert_eq!(sent(&world), ["old one"], "it ends without a word");
    say(&world, "hello").await;
    assert_eq!(sent(&world), ["old one", "short two"]);
    assert_eq!(shown(&world).await.bot_version.as_deref(), Some(new.version()));
}

async fn until_idle(world: &World) {
    for _ in 0..10_000 {
        if shown(world).await.state == "idle" {
            return;
        }
        pause(5).await;
    }
    panic!("the run never ended");
}

#[tokio::test(start_paused = true)]
async fn f56_runs_of_a_version_that_is_lost_go_on_with_the_live_one_or_begin_anew() {
    let (old, new) = (version("old"), version("new"));
    let first = world(&old);
    let engine = first.start().await;
    say(&first, "hi").await;
    engine.drain(Duration::from_secs(5)).await;
    // A process that never heard of the old version.
    let bots = Arc::new(actors::Bots::new("test"));
    bots.publish(new.clone(), 0, Running::default());
    let second = World { bots, ..first };
    let _engine = second.start().await;
    say(&second, "a").await;
    assert_eq!(sent(&second), ["old one", "new two"]);
    assert_eq!(shown(&second).await.bot_version.as_deref(), Some(new.version()));
}

#[tokio::test(start_paused = true)]
async fn runs_are_counted_by_version_as_far_as_it_is_allowed_to_look() {
    let (old, new) = (version("old"), version("new"));
    let world = world(&old);
    let _engine = world.start().await;
    for person in 1..=3 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    world.bots.publish(new.clone(), START_MS, Running::default());
    world.say(4, "hi").await;
    world.quiet().await;
    let mut found = 0;
    let counted = census::count(&*world.store, 100, |_, _, _| found += 1).await.unwrap();
    let runs = |bot: &Bot| counted.runs.get(&("test".to_owned(), bot.version().to_owned())).copied();
    assert_eq!((runs(&old), runs(&new), counted.conversations, counted.complete), (Some(3), Some(1), 4, true));
    assert_eq!(found, 4);
    let some = census::count(&*world.store, 2, |_, _, _| ()).await.unwrap();
    assert_eq!((some.conversations, some.complete), (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_stored_version_is_compiled_when_its_run_goes_on() {
    let (old, new) = (version("old"), version("new"));
    let first = world(&old);
    let engine = first.start().await;
    say(&first, "hi").await;
    engine.drain(Duration::from_secs(5)).await;
    let bots = Arc::new(actors::Bots::new("test"));
    bots.publish(new, 0, Running::default());
    bots.add_stored(StoredVersion {
        id: "test".into(),
        version: old.version().into(),
        source: old.canonical_json().into(),
        files: Default::default(),
    });
    let second = World { bots, ..first };
    let _engine = second.start().await;
    say(&second, "a").await;
    assert_eq!(sent(&second), ["old one", "old two"]);
}
