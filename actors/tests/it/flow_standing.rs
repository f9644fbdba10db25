//! Flows that Meta throttles or blocks: ten messages an hour, or none, and the bot goes on by `failed`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actors::{Engine, FlowStanding};
use chatbot::Format;
use parking_lot::Mutex;
use whatsapp::graph::FlowStatus;

use crate::support::*;

const BOT: &str = "parlance: 1\nid: test\nflows: { booking: { name: booking } }\n\
    triggers: [ { default: {}, to: form } ]\nnodes:\n  \
    form: { type: flow, flow: booking, prompt: Book, cta: Open, next: { done: end, failed: sorry } }\n  \
    sorry: { type: say, messages: [ { text: Sorry. } ], next: { next: end } }\n  end: { type: end }\n";

const HOUR_MS: u64 = 3_600_000;

type Standing = Arc<Mutex<FlowStatus>>;

fn world(status: FlowStatus) -> (World, Standing) {
    let standing = Arc::new(Mutex::new(status));
    let told = standing.clone();
    (world_of(BOT, move || told.lock().clone()), standing)
}

fn world_of(bot: &str, status: impl Fn() -> FlowStatus + Send + Sync + 'static) -> World {
    let flows = move |account: &str, named: &str| {
        assert_eq!(account, format!("account-of-{NUMBER}"));
        (named == "booking").then(|| FlowStanding { id: "8100200300".into(), status: status() })
    };
    let world = World { turn: Arc::new(chatbot::turn), flows: Arc::new(flows), ..World::new() };
    let loaded = chatbot::load(bot, "one.yaml", Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
    world
}

/// What people got: the texts of messages, empty for one with a form.
fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

async fn all_say(world: &World, people: std::ops::RangeInclusive<u32>) {
    for person in people {
        world.say(person, "book").await;
    }
    world.consumed().await;
    pause(1_000).await;
}

#[tokio::test(start_paused = true)]
async fn f101_of_a_throttled_flow_ten_messages_leave_in_an_hour_and_the_rest_wait_in_their_place() {
    let (world, _) = world(FlowStatus::Throttled);
    let engine = world.start().await;
    all_say(&world, 1..=12).await;
    assert_eq!(world.graph.count(), 10);
    let waiting: Vec<_> = futures_util::future::join_all((1..=12).map(|person| world.outbox(person))).await;
    let waiting: Vec<_> = waiting.into_iter().flatten().filter(|row| row.state == "queued").collect();
    assert_eq!(waiting.len(), 2);
    let why = serde_json::to_value(&waiting[0]).unwrap().to_string();
    assert!(why.contains("ten messages of it leave in an hour"), "{why}");
    pause(HOUR_MS).await;
    assert_eq!(world.graph.count(), 12);
    let times = world.graph.times(START_MS);
    assert!(times[9] < 10_000 && (HOUR_MS..HOUR_MS + 10_000).contains(&times[10]), "{times:?}");
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn f101_the_ten_of_an_hour_are_counted_over_a_restart() {
    let (world, _) = world(FlowStatus::Throttled);
    let engine = world.start().await;
    all_say(&world, 1..=10).await;
    engine.drain(Duration::from_secs(5)).await;
    let engine = world.start().await;
    all_say(&world, 11..=11).await;
    assert_eq!(world.graph.count(), 10);
    engine.drain(Duration::from_secs(5)).await;
    let engine = world.start().await;
    pause(HOUR_MS).await;
    assert_eq!(world.graph.count(), 11);
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn f101_what_waits_leaves_at_once_when_meta_lets_the_flow_go() {
    let (world, standing) = world(FlowStatus::Throttled);
    let engine = world.start().await;
    all_say(&world, 1..=15).await;
    assert_eq!(world.graph.count(), 10);
    *standing.lock() = FlowStatus::Published;
    engine.flows_changed();
    pause(1_000).await;
    assert_eq!(world.graph.count(), 15);
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn f101_of_a_blocked_flow_nothing_leaves_and_the_bot_goes_on_by_failed() {
    let (world, standing) = world(FlowStatus::Throttled);
    let engine = world.start().await;
    all_say(&world, 1..=11).await;
    *standing.lock() = FlowStatus::Blocked;
    engine.flows_changed();
    world.quiet().await;
    assert_eq!(sent(&world).iter().filter(|text| *text == "Sorry.").count(), 1, "whose form waited");
    world.say(12, "book").await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "Sorry.");
    assert_eq!(world.graph.count(), 12, "no form but the first ten");
    let letters = world.dead_letters().await;
    assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), ["flow_blocked"; 2]);
    assert!(letters[0].detail.contains("BLOCKED"), "{}", letters[0].detail);
    *standing.lock() = FlowStatus::Published;
    all_say(&world, 13..=13).await;
    assert_eq!(sent(&world).last().unwrap(), "");
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn f101_a_form_that_meta_refuses_leads_the_run_on_once() {
    let (world, _) = world(FlowStatus::Published);
    let engine = world.start().await;
    world.graph.answers(|request| if request.text.is_empty() { refusal(132_068, 400).into() } else { Ok(()).into() });
    all_say(&world, 1..=1).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["", "Sorry."]);
    assert_eq!(world.dead_letters().await.len(), 1);
    engine.drain(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn f101_a_flow_let_go_while_its_message_is_looked_at_keeps_it_no_hour() {
    let standing = Arc::new(Mutex::new(FlowStatus::Throttled));
    let engine = Arc::new(OnceLock::<Engine>::new());
    let (told, changing) = (standing.clone(), engine.clone());
    let lets_go = Arc::new(AtomicBool::new(false));
    let now = lets_go.clone();
    let world = world_of(BOT, move || {
        let was = told.lock().clone();
        if now.swap(false, Ordering::SeqCst) {
            // Just after the sender has looked.
            *told.lock() = FlowStatus::Published;
            changing.get().unwrap().flows_changed();
        }
        was
    });
    assert!(engine.set(world.start().await).is_ok());
    all_say(&world, 1..=10).await;
    lets_go.store(true, Ordering::SeqCst);
    all_say(&world, 11..=11).await;
    assert_eq!(*standing.lock(), FlowStatus::Published);
    assert_eq!(world.graph.count(), 11);
    engine.get().unwrap().drain(Duration::from_secs(5)).await;
}

/// [`BOT`], with a template in place of what the closed window keeps back.
fn world_with_template() -> World {
    let policy = "policies: { max_age: 3d, window: { closed: { template: { name: come_back, lang: en } } } }\n";
    world_of(&BOT.replace("triggers:", &format!("{policy}triggers:")), || FlowStatus::Published)
}

#[tokio::test(start_paused = true)]
async fn f101_a_form_that_meta_fails_for_the_window_leads_the_run_on_though_a_template_takes_its_place() {
    let world = world_with_template();
    let engine = world.start().await;
    all_say(&world, 1..=1).await;
    crate::window::fails(&engine, &world.graph.requests()[0], 131_047).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["", "come_back", "Sorry."]);
    engine.drain(Duration::from_secs(5)).await;
}
