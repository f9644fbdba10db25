//! What no message begins, with the real bot function: calls of other programs, and schedules, also over a restart.

use std::sync::Arc;

use actors::{Call, Called, Clock as _, Order, Ordered, view};
use chatbot::{ApiCall, Format};
use serde_json::{Value, json};
use whatsapp::message::{Outgoing, Text};

use crate::support::*;

const HOUR_MS: u64 = 3_600_000;

fn world(head: &str) -> World {
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    put(&world, head);
    world
}

fn put(world: &World, head: &str) {
    let source = format!(
        "parlance: 1\nid: test\n{head}\nnodes:\n  ask: {{ type: ask, prompt: What?, next: {{ ok: end }} }}\n  \
         pay: {{ type: wait, until_event: order.paid, next: {{ event: paid }} }}\n  \
         paid: {{ type: say, messages: [ {{ text: \"Paid {{{{ input.data.amount }}}}.\" }} ], next: {{ next: end }} }}\n  \
         news: {{ type: say, messages: [ {{ text: News. }} ], next: {{ next: end }} }}\n  end: {{ type: end }}\n"
    );
    let loaded = chatbot::load(&source, "one.yaml", Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

fn call(name: &str, data: Value, key: Option<&str>) -> Call {
    let call = ApiCall::new(name, data).unwrap();
    Call { conversation: conversation(1), call, key: key.map(str::to_owned) }
}

const PAYING: &str = "triggers: [ { api: { name: order.lost }, to: news }, { default: {}, to: pay } ]";

#[tokio::test(start_paused = true)]
async fn a_call_lets_a_wait_go_on_and_counts_once_for_a_key_also_after_a_restart() {
    let world = world(PAYING);
    let engine = world.start().await;
    let paid = call("order.paid", json!({ "amount": 5 }), Some("k1"));
    assert_eq!(engine.call(paid.clone()).await.unwrap(), Called::Unknown);
    world.say(1, "hi").await;
    world.quiet().await;
    let Called::Accepted(seq) = engine.call(paid.clone()).await.unwrap() else { panic!("not accepted") };
    world.quiet().await;
    assert_eq!(sent(&world), ["Paid 5."]);
    engine.drain(std::time::Duration::from_secs(5)).await;
    let engine = world.start().await;
    world.say(1, "again").await;
    world.quiet().await;
    assert_eq!(engine.call(paid).await.unwrap(), Called::Accepted(seq));
    let other = call("order.paid", json!({ "amount": 6 }), Some("k1"));
    assert_eq!(engine.call(other).await.unwrap(), Called::KeyReused);
    assert_eq!(engine.call(call("order.eaten", Value::Null, None)).await.unwrap(), Called::Unheard("test".into()));
    world.quiet().await;
    assert_eq!(sent(&world), ["Paid 5."]);
}

#[tokio::test(start_paused = true)]
async fn two_calls_with_one_key_that_come_at_once_count_once() {
    let world = world(PAYING);
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let paid = call("order.paid", json!({ "amount": 5 }), Some("k1"));
    let (one, two) = tokio::join!(engine.call(paid.clone()), engine.call(paid));
    assert!(matches!((one.unwrap(), two.unwrap()), (Called::Accepted(_), Called::Accepted(_))));
    world.say(1, "again").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["Paid 5."]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_fires_by_the_clock_and_once_for_what_was_missed() {
    // The world begins on 17 March 2030 at 17:46:40 UTC.
    let world = world("triggers: [ { schedule: { cron: \"0 * * * *\" }, to: news }, { default: {}, to: end } ]");
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(HOUR_MS).await;
    assert_eq!(sent(&world), ["News."]);
    engine.drain(std::time::Duration::from_secs(5)).await;
    pause(5 * HOUR_MS).await;
    assert_eq!(sent(&world).len(), 1);
    let engine = world.start().await;
    pause(60_000).await;
    assert_eq!(sent(&world).len(), 2);
    pause(HOUR_MS).await;
    assert_eq!(sent(&world).len(), 3);
    // A version without a schedule clears it when it is next woken.
    put(&world, "triggers: [ { default: {}, to: end } ]");
    engine.bots_changed();
    pause(3 * HOUR_MS).await;
    assert_eq!(sent(&world).len(), 3);
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    assert_eq!(head.wake_ms, None);
}

#[tokio::test(start_paused = true)]
async fn a_bot_says_for_how_long_the_bot_is_quiet_when_staff_writes() {
    let world = world(
        "policies: { handoff: { pause_on_reply: true, return_after: 3h } }\ntriggers: [ { default: {}, to: ask } ]",
    );
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let message = Outgoing::Text(Text::new("I look.").unwrap());
    let ordered = engine
        .order(Order { conversation: conversation(1), message, key: None, who: "user:elif".into(), force: false })
        .await
        .unwrap();
    assert!(matches!(ordered, Ordered::Queued(_)), "{ordered:?}");
    world.quiet().await;
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    let (view, _) = view::conversation(conversation(1), &head).unwrap();
    assert_eq!((view.state, view.control.unwrap().by.as_deref().unwrap()), ("human", "user:elif"));
    let left_ms = head.wake_ms.unwrap() - world.clock.now_ms();
    assert!((3 * HOUR_MS - 1_000..=3 * HOUR_MS).contains(&left_ms), "{left_ms}");
    assert_eq!(engine.call(call("order.paid", Value::Null, None)).await.unwrap(), Called::WithHuman);
    world.say(1, "thanks").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["What?", "I look."]);
    pause(3 * HOUR_MS + 1_000).await;
    world.say(1, "bye").await;
    world.quiet().await;
    world.say(1, "hello").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["What?", "I look.", "What?"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_word_of_the_bot_a_message_through_the_api_takes_nothing_over() {
    let world = world("triggers: [ { default: {}, to: ask } ]");
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let message = Outgoing::Text(Text::new("I look.").unwrap());
    engine
        .order(Order { conversation: conversation(1), message, key: None, who: "user:elif".into(), force: false })
        .await
        .unwrap();
    world.quiet().await;
    world.say(1, "thanks").await;
    world.quiet().await;
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    assert_eq!(view::conversation(conversation(1), &head).unwrap().0.state, "idle");
}
