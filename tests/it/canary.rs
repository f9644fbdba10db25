//! What befalls conversations leaves nothing of people and of secrets in the log: panics, errors of bots, refusals of Meta.
//! tests/crash has the same for the whole program.

use std::sync::Arc;

use chatbot::{Input, TurnError};
use parking_lot::Mutex;
use parlance::config::Redact;
use parlance::telemetry::{Lines, Scrubber, Style};
use serde_json::Value;
use simulator::{Operation, Rule};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use crate::support::{ACCESS_TOKEN, ADMIN_TOKEN, SECRET, Setup, World, until};

const PERSON: &str = "447700900463";
const WORDS: &str = "planted-words-of-a-person";

type Log = Arc<Mutex<String>>;

/// Lines of this thread, as a server writes them at its default level. No secret is known to them: the lines must not need
/// that.
fn listen(log: &Log) -> tracing::subscriber::DefaultGuard {
    let heard = log.clone();
    let write = move |line: &str| heard.lock().push_str(line);
    let lines = Lines::new(Style::Json, Scrubber::new(&[], Redact::Numbers), || 1_900_000_000_000, write);
    tracing::subscriber::set_default(registry().with(LevelFilter::INFO).with(lines))
}

/// A bot function that panics, or fails, over what was said.
fn failing() -> Arc<actors::TurnFunction> {
    Arc::new(|bot, before, input, given| match input {
        Input::Message(message) if message.text.ends_with("panic") => panic!("{} said {}", PERSON, message.text),
        Input::Message(message) if message.text.ends_with("error") => {
            Err(TurnError::Failed { node: "say".to_owned(), message: format!("{PERSON} said {}", message.text) })
        }
        _ => chatbot::turn(bot, before, input, given),
    })
}

async fn letters(world: &World, count: usize) -> Vec<Value> {
    until(&format!("{count} dead letters"), async || {
        world.clock.advance(1_000);
        Some(world.items("/api/v1/dead-letters").await).filter(|letters| letters.len() >= count)
    })
    .await
}

#[tokio::test]
async fn f115_panics_and_errors_over_a_message_leave_nothing_of_it_in_the_log() {
    let log = Log::default();
    let _listening = listen(&log);
    let world = Setup::default().turn(failing()).set("outbox.max_attempts", "1").start().await;
    world.write(PERSON, &format!("{WORDS} panic")).await;
    letters(&world, 1).await;
    world.write(PERSON, &format!("{WORDS} error")).await;
    letters(&world, 2).await;
    world.trouble(vec![Rule { code: Some(131_026), count: Some(1), ..Rule::on(Operation::Send) }]);
    world.write(PERSON, &format!("{WORDS} refused")).await;
    letters(&world, 3).await;
    let metrics = world.admin_raw("/metrics").await.text().await.unwrap();
    world.end().await;
    let log = log.lock().clone();
    let troubles = log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).count();
    assert!(troubles >= 3 && log.contains("ERROR"), "one for each of the three: {log}");
    for planted in [PERSON, WORDS, SECRET, ACCESS_TOKEN, ADMIN_TOKEN] {
        assert!(!log.contains(planted), "{planted} is in the log:\n{log}");
        assert!(!metrics.contains(planted), "{planted} is in the metrics");
    }
}
