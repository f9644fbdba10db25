//! Panics, poison, loops and floods: each ends where it began, and nobody else notices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actors::TRIP_CONVERSATIONS;
use chatbot::Input;
use serde_json::Value;

use crate::support::{ADA, BEN, Setup, World, body, bots, person, text, until};

const PANIC: &str = "__panic__";

/// When each person's poison was run.
type Runs = Arc<Mutex<HashMap<String, Vec<u64>>>>;

/// A bot function that panics on a text, and notes when.
fn panicking(runs: &Runs) -> Arc<actors::TurnFunction> {
    let runs = runs.clone();
    Arc::new(move |bot, before, input, given| {
        if let Input::Message(message) = input
            && message.text == PANIC
        {
            let who = given.contact.wa_id.clone().unwrap_or_default();
            runs.lock().unwrap().entry(who).or_default().push(given.now_ms);
            panic!("asked for");
        }
        chatbot::turn(bot, before, input, given)
    })
}

async fn post_texts(world: &World, people: impl Iterator<Item = usize>, words: &str) {
    let now_ms = world.now_ms();
    let batch: Vec<_> = people.map(|at| text(&person(at), &world.wamid(), now_ms, words)).collect();
    assert_eq!(world.post(body(&batch)).await, 200);
}

/// Moves the clock until there are so many dead letters.
async fn advance_until_letters(world: &World, count: usize) -> Vec<Value> {
    until(&format!("{count} dead letters"), async || {
        let letters = world.items("/api/v1/dead-letters?limit=200").await;
        if letters.len() < count {
            world.clock.advance(500);
        }
        Some(letters).filter(|letters| letters.len() >= count)
    })
    .await
}

#[tokio::test]
async fn f50_a_hundred_panics_are_a_hundred_dead_letters_and_nobody_else_notices() {
    let runs = Runs::default();
    let world = Setup::default().turn(panicking(&runs)).start().await;
    // Fewer at a time than stop the bot.
    let at_once = 15;
    assert!(at_once < TRIP_CONVERSATIONS);
    let mut done = 0;
    while done < 100 {
        let these = done..(done + at_once).min(100);
        post_texts(&world, these.clone(), "before").await;
        for at in these.clone() {
            world.wait_replies(&person(at), 1).await;
        }
        post_texts(&world, these.clone(), PANIC).await;
        world.write(BEN, "hello").await;
        world.wait_replies(BEN, done / at_once + 1).await;
        advance_until_letters(&world, these.end).await;
        post_texts(&world, these.clone(), "after").await;
        for at in these.clone() {
            assert_eq!(world.wait_replies(&person(at), 2).await, ["1: before", "2: after"]);
        }
        done = these.end;
        world.clock.advance(61_000);
    }
    let letters = world.items("/api/v1/dead-letters?limit=200").await;
    assert_eq!(letters.len(), 100, "exactly one each");
    let conversations: std::collections::HashSet<_> =
        letters.iter().map(|letter| letter["conversation"].as_str().unwrap()).collect();
    assert_eq!(conversations.len(), 100);
    for letter in &letters {
        assert_eq!((&letter["kind"], &letter["reason"]), (&"inbound".into(), &"panic".into()));
        assert_eq!((&letter["tries"], &letter["raw"]["text"]["body"]), (&3.into(), &PANIC.into()));
        assert!(letter["detail"].as_str().unwrap().contains("asked for"), "{letter}");
    }
    for (who, runs) in &*runs.lock().unwrap() {
        assert_eq!(runs.len(), 3, "{who}");
        assert!(runs[2] - runs[1] >= 2_000, "at once, after 2 s, and after 30 s it is given up: {runs:?}");
    }
    assert_eq!(world.items("/api/v1/bots").await[0]["stopped"], false);
    assert!(!world.messages(&person(0)).await.iter().any(|message| message["status"] == "waiting"));
    world.end().await;
}

#[tokio::test]
async fn the_ladder_is_climbed_at_its_times_and_the_next_message_waits_for_its_end() {
    let runs = Runs::default();
    let world = Setup::default().turn(panicking(&runs)).start().await;
    world.write(ADA, PANIC).await;
    world.write(ADA, "next").await;
    let runs_so_far = || runs.lock().unwrap().get(ADA).map_or(0, Vec::len);
    until("the start at once", async || (runs_so_far() == 2).then_some(())).await;
    world.clock.advance(1_500);
    world.write(BEN, "hello").await;
    world.wait_replies(BEN, 1).await;
    assert_eq!(runs_so_far(), 2, "2 s are not over");
    until("the start after 2 s", async || {
        world.clock.advance(100);
        (runs_so_far() == 3).then_some(())
    })
    .await;
    let third_ms = runs.lock().unwrap()[ADA][2];
    world.clock.advance(25_000);
    world.write(BEN, "hello").await;
    world.wait_replies(BEN, 2).await;
    assert!(world.items("/api/v1/dead-letters").await.is_empty(), "30 s are not over");
    assert_eq!(world.advance_until_replies(200, ADA, 1).await, ["1: next"]);
    assert!(world.now_ms() >= third_ms + 30_000);
    assert_eq!(runs_so_far(), 3);
    assert_eq!(world.items("/api/v1/dead-letters").await.len(), 1);
    let messages = world.messages(ADA).await;
    let poison = messages.iter().find(|message| message["text"] == PANIC).unwrap();
    assert_eq!((&poison["status"], poison["error"].is_null()), (&"received".into(), false), "{poison}");
    world.end().await;
}

#[tokio::test]
async fn poison_among_good_messages_costs_only_itself() {
    let runs = Runs::default();
    let world = Setup::default().turn(panicking(&runs)).start().await;
    let now_ms = world.now_ms();
    let words = ["one", "two", PANIC, "three", PANIC, "four"];
    let batch: Vec<_> = words.iter().map(|words| text(ADA, &world.wamid(), now_ms, words)).collect();
    assert_eq!(world.post(body(&batch)).await, 200);
    assert_eq!(world.advance_until_replies(500, ADA, 4).await, ["1: one", "2: two", "3: three", "4: four"]);
    assert_eq!(world.items("/api/v1/dead-letters").await.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn an_endless_loop_of_a_bot_is_a_dead_letter_with_the_path() {
    let world = Setup::default().bot(bots::SPIN).start().await;
    world.write(ADA, "spin").await;
    let letter = world.wait_items("/api/v1/dead-letters", 1).await.remove(0);
    assert_eq!((&letter["kind"], &letter["reason"]), (&"inbound".into(), &"bot_error".into()));
    let detail = letter["detail"].as_str().unwrap();
    assert!(detail.contains("100 nodes") && detail.contains("round → and_round → round"), "{detail}");
    assert_eq!(letter["raw"]["text"]["body"], "spin");
    assert!(["round", "and_round"].contains(&letter["node"].as_str().unwrap()), "{letter}");
    world.write(ADA, "hello").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["fine: hello"]);
    world.end().await;
}

#[tokio::test]
async fn a_version_that_fails_for_twenty_people_is_stopped_and_their_messages_wait() {
    let mut world = Setup::default().bot(bots::SPIN).start().await;
    post_texts(&world, 0..TRIP_CONVERSATIONS - 1, "spin").await;
    world.wait_items("/api/v1/dead-letters?limit=200", TRIP_CONVERSATIONS - 1).await;
    world.write(&person(0), "spin").await;
    world.wait_items("/api/v1/dead-letters?limit=200", TRIP_CONVERSATIONS).await;
    assert_eq!(world.items("/api/v1/bots").await[0]["stopped"], false, "twenty different people, not twenty failures");
    world.write(ADA, "fine?").await;
    world.wait_replies(ADA, 1).await;

    world.write(BEN, "spin").await;
    until("the stop", async || (world.items("/api/v1/bots").await[0]["stopped"] == true).then_some(())).await;
    let letters = world.items("/api/v1/dead-letters?limit=200").await.len();
    for words in ["spin", "hello", "again"] {
        world.write(ADA, words).await;
    }
    world.clock.advance(1_000);
    until("three messages that wait", async || {
        let messages = world.messages(ADA).await;
        (messages.iter().filter(|message| message["status"] == "waiting").count() == 3).then_some(())
    })
    .await;
    assert_eq!(world.items("/api/v1/dead-letters?limit=200").await.len(), letters, "the backlog is spared");

    // A mended version takes them, in order.
    world.stop_server().await;
    world.use_bot(&bots::SPIN.replace("else: round", "else: answer"));
    world.start_server().await;
    assert_eq!(world.items("/api/v1/bots").await[0]["stopped"], false);
    assert_eq!(world.wait_replies(ADA, 4).await, ["fine: fine?", "fine: spin", "fine: hello", "fine: again"]);
    world.end().await;
}

#[tokio::test]
async fn a_version_that_panics_for_twenty_people_is_stopped() {
    let world = Setup::default().turn(panicking(&Runs::default())).start().await;
    post_texts(&world, 0..TRIP_CONVERSATIONS, PANIC).await;
    advance_until_letters(&world, TRIP_CONVERSATIONS).await;
    until("the stop", async || (world.items("/api/v1/bots").await[0]["stopped"] == true).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn failures_spread_over_more_than_a_minute_stop_nothing() {
    let world = Setup::default().bot(bots::SPIN).start().await;
    for (round, people) in [(1, 0..15), (2, 15..30)] {
        post_texts(&world, people, "spin").await;
        world.wait_items("/api/v1/dead-letters?limit=200", 15 * round).await;
        world.clock.advance(61_000);
    }
    assert_eq!(world.items("/api/v1/bots").await[0]["stopped"], false);
    world.end().await;
}

/// Counts, and speaks up at every hundredth.
const QUIET: &str = r#"
parlance: 1
id: quiet
vars: { n: { type: int, default: 0, scope: contact } }
triggers: [ { default: {}, to: count } ]
nodes:
  count: { type: set, assign: { n: n + 1 }, next: { next: hundredth } }
  hundredth: { type: branch, cases: [ { when: n % 100 == 0 or input.text == 'hello', to: answer } ], else: fin }
  answer: { type: say, messages: [ { text: "{{ n }}: {{ input.text }}" } ], next: { next: fin } }
  fin: { type: end, reason: done }
"#;

#[tokio::test]
async fn f42_a_flood_of_one_person_is_worked_off_in_order_while_the_others_are_answered() {
    const FLOOD: usize = 10_000;
    let world = Setup::default().bot(QUIET).set("conversation.mailbox_limit", "100").start().await;
    let now_ms = world.now_ms();
    for part in 0..FLOOD / 1_000 {
        let numbers = part * 1_000 + 1..=(part + 1) * 1_000;
        let batch: Vec<_> = numbers.map(|at| text(ADA, &format!("wamid.f{at}"), now_ms, &at.to_string())).collect();
        assert_eq!(world.post(body(&batch)).await, 200);
    }
    for at in 0..20 {
        world.write(&person(at), "hello").await;
        assert_eq!(world.wait_replies(&person(at), 1).await, ["1: hello"]);
    }
    let expected: Vec<_> = (1..=FLOOD / 100).map(|at| format!("{0}: {0}", at * 100)).collect();
    assert_eq!(world.wait_replies(ADA, FLOOD / 100).await, expected);
    world.wait_consumed().await;
    assert!(world.metric("parlance_inbound_held_total").await > 0.0, "more came than the mailbox takes");
    assert!(world.metric("parlance_mailbox_depth_max").await <= 100.0);
    assert!(world.items("/api/v1/dead-letters").await.is_empty());
    world.write(ADA, "hello").await;
    assert_eq!(world.wait_replies(ADA, FLOOD / 100 + 1).await[FLOOD / 100], format!("{}: hello", FLOOD + 1));
    world.end().await;
}
