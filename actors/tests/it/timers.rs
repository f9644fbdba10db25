//! Wake times: each fires once, in time, also after a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actors::{Clock, TurnFunction};
use chatbot::{Bot, Given, Input, Snapshot, Turn};
use parking_lot::Mutex;
use storage::Model;

use crate::support::*;

/// It is 17:46 when a test begins.
const FAILING: &str = "
parlance: 1
id: test
policies: { debounce_ms: 3000, missing: error }
triggers:
  - { schedule: { cron: \"0 18 * * *\" }, to: news, interrupt: always }
  - { default: {}, to: what }
nodes:
  what: { type: ask, prompt: What?, next: { ok: bad } }
  bad: { type: say, messages: [ { text: \"{{ 1 / 0 }}\" } ], next: { next: end } }
  news: { type: say, messages: [ { text: News. } ], next: { next: end } }
  end: { type: end }
";

#[tokio::test(start_paused = true)]
async fn texts_that_waited_and_on_which_the_bot_fails_are_a_dead_letter_and_the_run_and_its_timers_stay() {
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    world.bots.put_live(Arc::new(chatbot::load(FAILING, "one.yaml", chatbot::Format::Yaml).bot.unwrap()));
    let _engine = world.start().await;
    for text in ["hi", "boom"] {
        world.say(1, text).await;
        pause(5_000).await;
    }
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].raw.as_ref().unwrap()["text"]["body"], "boom");
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    let (shown, _) = actors::view::conversation(conversation(1), &head).unwrap();
    assert_eq!((shown.state, shown.node.as_deref()), ("waiting", Some("what")));
    pause(15 * 60_000).await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["What?", "News."]);
}

type Fired = Arc<Mutex<HashMap<String, Vec<u64>>>>;

/// "wake N": asks to be woken in N seconds; anything else clears that. Notes the times of ticks that were due.
fn alarm_bot() -> (Arc<TurnFunction>, Fired) {
    let fired = Fired::default();
    let noted = fired.clone();
    let function = move |bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let (after, changed) = match input {
            Input::Tick if before.wake_ms().is_some_and(|wake_ms| wake_ms <= given.now_ms) => {
                let person = given.contact.wa_id.clone().unwrap();
                noted.lock().entry(person).or_default().push(given.now_ms - START_MS);
                (before.without_run(), true)
            }
            Input::Tick
            | Input::HandBack(_)
            | Input::Steer(_)
            | Input::HttpDone(_)
            | Input::Api(_)
            | Input::Form(_)
            | Input::Unsent(_) => (before.clone(), false),
            Input::Message(message) => {
                let seconds = message.text.strip_prefix("wake ").map(|text| text.parse::<u64>().unwrap());
                (seconds.map_or(before.without_run(), |s| waiting(bot, Some(given.now_ms + s * 1_000))), true)
            }
        };
        Ok(Turn { after, effects: Vec::new(), trace: Vec::new(), changed })
    };
    (Arc::new(function), fired)
}

#[tokio::test(start_paused = true)]
async fn a_wake_time_fires_once_and_in_time_near_and_far() {
    let (turn, fired) = alarm_bot();
    let world = World { turn, ..World::new() };
    let _engine = world.start().await;
    for (person, seconds) in [(1, 3), (2, 59), (3, 61), (4, 300)] {
        world.say(person, &format!("wake {seconds}")).await;
    }
    pause(900_000).await;
    let fired = fired.lock().clone();
    for (person, seconds) in [(1, 3), (2, 59), (3, 61), (4, 300)] {
        let times = &fired[&phone(person)];
        assert_eq!(times.len(), 1, "{person}: {times:?}");
        assert!((seconds * 1_000..seconds * 1_000 + 1_500).contains(&times[0]), "{person}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_time_makes_the_timer_a_no_op() {
    let (turn, fired) = alarm_bot();
    let world = World { turn, ..World::new() };
    let _engine = world.start().await;
    world.say(1, "wake 30").await;
    pause(29_000).await;
    world.say(1, "hello").await;
    world.consumed().await;
    let commits = world.store.stats().commits;
    pause(300_000).await;
    assert!(fired.lock().is_empty());
    assert_eq!(world.store.stats().commits, commits);
}

#[tokio::test(start_paused = true)]
async fn a_moved_clock_fires_what_became_due() {
    let (turn, fired) = alarm_bot();
    let world = World { turn, ..World::new() };
    let _engine = world.start().await;
    world.say(1, "wake 86400").await;
    world.consumed().await;
    world.clock.advance(86_400_000);
    pause(2_000).await;
    assert_eq!(fired.lock()[&phone(1)].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn overdue_timers_fire_once_after_a_restart_and_spread_out() {
    let (turn, fired) = alarm_bot();
    let model = Model::new();
    let world = World { turn: turn.clone(), ..World::over(model.clone()) };
    let engine = world.start().await;
    for person in 1..=3_000 {
        world.say(person, "wake 10").await;
    }
    world.consumed().await;
    engine.drain(Duration::from_secs(1)).await;
    world.clock.advance(3_600_000);

    let next = World { turn, clock: world.clock.clone(), ..World::over(model.reopen()) };
    let start_ms = next.clock.now_ms() - START_MS;
    let _engine = next.start().await;
    pause(60_000).await;
    let fired = fired.lock().clone();
    assert_eq!(fired.len(), 3_000);
    assert!(fired.values().all(|times| times.len() == 1));
    let in_first_second = fired.values().filter(|times| times[0] < start_ms + 900).count();
    assert!(in_first_second <= 500, "{in_first_second}");
    assert!(fired.values().all(|times| times[0] < start_ms + 10_000));
}
