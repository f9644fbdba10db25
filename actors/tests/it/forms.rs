//! What forms ask while they are open: from the endpoint to the conversation's actor and back.

mod calls;
mod people;
mod replies;
mod trouble;
mod uploads;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::{Clock, Engine, FormAnswered, FormOutcome};
use chatbot::{
    Bot, Effect, FormAction, FormCache, FormRequest, FormStep, Given, HttpCall, HttpOutcome, HttpRetry, Input,
    Snapshot, Turn, TurnError,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use storage::{ConversationId, Model};

use crate::support::*;

const WITHIN: Duration = Duration::from_secs(8);
const BUDGET_MS: u64 = 800;

/// The token of this person's form.
fn token(person: u32) -> String {
    token_of(conversation(person))
}

fn token_of(conversation: ConversationId) -> String {
    format!("pl1.{}.0123456789abcdef", conversation.to_string().trim_start_matches("c_"))
}

fn request(person: u32, screen: &str, digest: &str) -> FormRequest {
    FormRequest {
        token: token(person),
        action: FormAction::Submit,
        screen: Some(screen.to_owned()),
        data: json!({}),
        digest: digest.to_owned(),
        results: Vec::new(),
        late: false,
    }
}

async fn ask(engine: &Engine, person: u32, screen: &str, digest: &str) -> FormOutcome {
    engine.ask_form(request(person, screen, digest), WITHIN).await.outcome
}

fn answer(screen: &str, data: Value) -> FormOutcome {
    FormOutcome::Answer { screen: screen.to_owned(), data }
}

/// The variables of a contact, with one form.
fn state(person: &str, vars: BTreeMap<String, Value>) -> Snapshot {
    let forms = json!([{ "token": person, "flow": "sample", "sent_ms": 0 }]);
    serde_json::from_value(json!({ "contact": vars, "forms": forms })).unwrap()
}

fn count(snapshot: &Snapshot, name: &str) -> u64 {
    snapshot.variables()[name].as_u64().unwrap_or_default()
}

fn call(request: &FormRequest) -> HttpCall {
    HttpCall {
        id: format!("call-{}-{}", request.digest, request.results.len()),
        node: "form".into(),
        method: "GET".into(),
        url: "https://shop.example/brands".into(),
        query: Vec::new(),
        headers: Vec::new(),
        auth: None,
        body: None,
        idempotency: true,
        timeout_ms: 30_000,
        retry: HttpRetry::default(),
        max_bytes: 1_000,
        follow: false,
    }
}

/// What the handler of a screen does. Each screen is named for it; all but `LOOK` and refusals count in `n`.
fn step(request: &FormRequest) -> Option<(FormStep, bool)> {
    let screen = request.screen.clone().unwrap_or_default();
    let shown = |screen: &str, data: Value| FormStep::Answer { screen: screen.to_owned(), data };
    Some(match screen.as_str() {
        "PANIC" => panic!("composed"),
        "LOOK" => (shown("LOOK", json!({})), false),
        "DEAD" => (FormStep::Dead { message: "Too late.".into() }, false),
        "REFUSED" => (FormStep::Refused { why: "composed".into() }, false),
        "NOTHING" => return None,
        "FINISH" => (FormStep::Finish { params: json!({ "booked": true }) }, true),
        "CALL" | "CACHED" | "SLOW" if request.late => (shown("FALLBACK", json!({})), true),
        "CALL" | "CACHED" if request.results.is_empty() => {
            let cache = FormCache { key: "brands".into(), ttl_ms: 60_000 };
            let cache = (screen == "CACHED").then_some(cache);
            (FormStep::Call { call: Box::new(call(request)), cache, budget_ms: BUDGET_MS }, false)
        }
        "CALL" | "CACHED" => {
            let HttpOutcome::Answer { body, .. } = &request.results[0].outcome else {
                return Some((shown("FAILED", json!({})), true));
            };
            (shown(&screen, json!({ "body": body, "id": request.results[0].id })), true)
        }
        "ENDLESS" | "SLOW" => (FormStep::Call { call: Box::new(call(request)), cache: None, budget_ms: 60_000 }, false),
        _ => (shown(&screen, json!({})), true),
    })
}

/// Counts messages in `said` and requests that change something in `n`; says `re: …` to messages, `done` to a finished
/// form. A screen `COUNT` gets both counts.
fn forming() -> World {
    let turn = |_: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let (mut said, mut n) = (count(before, "said"), count(before, "n"));
        let mut effects = Vec::new();
        let changed = match input {
            Input::Message(message) => {
                said += 1;
                effects = texts(vec![format!("re: {}", message.text)]);
                true
            }
            Input::Form(request) => match step(request) {
                Some((mut step, changed)) => {
                    n += u64::from(changed);
                    if let FormStep::Answer { screen, data } = &mut step
                        && screen == "COUNT"
                    {
                        *data = json!({ "said": said, "n": n });
                    }
                    if let FormStep::Finish { .. } = &step {
                        effects = texts(vec!["done".into()]);
                    }
                    effects.push(Effect::Form(Box::new(step)));
                    changed
                }
                None => return Err(TurnError::Failed { node: "form".into(), message: "composed".into() }),
            },
            _ => false,
        };
        let after = if changed {
            let token = format!("pl1.{}.0123456789abcdef", given.address);
            state(&token, BTreeMap::from([("said".into(), said.into()), ("n".into(), n.into())]))
        } else {
            before.clone()
        };
        Ok(Turn { after, effects, trace: Vec::new(), changed })
    };
    World { turn: Arc::new(turn), ..World::new() }
}

/// A world in which person 1 has a form.
async fn with_form() -> (World, Engine) {
    let world = forming();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    (world, engine)
}

async fn revision(world: &World, person: u32) -> u64 {
    world.store.load(conversation(person)).await.unwrap().map_or(0, |head| head.revision.0)
}

#[tokio::test(start_paused = true)]
async fn an_answer_comes_after_the_commit_of_what_it_changed() {
    let (world, engine) = with_form().await;
    let before = revision(&world, 1).await;
    let FormAnswered { outcome, flow } = engine.ask_form(request(1, "COUNT", "a"), WITHIN).await;
    assert_eq!(outcome, answer("COUNT", json!({ "said": 1, "n": 1 })));
    assert_eq!(flow, Some(("test".into(), "sample".into())));
    assert_eq!(revision(&world, 1).await, before + 1);
    let page = storage::Page { cursor: None, limit: 1 };
    let entry = world.store.history(conversation(1), page).await.unwrap().items.remove(0);
    let shown = serde_json::to_value(actors::journal::entry(&entry).unwrap()).unwrap();
    assert_eq!((&shown["input"]["kind"], &shown["input"]["type"]), (&json!("form"), &json!("submit")));
    assert!(!shown.to_string().contains(&token(1)), "the token stays where it must be: {shown}");
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_is_answered_without_a_commit() {
    let (world, engine) = with_form().await;
    let before = revision(&world, 1).await;
    assert_eq!(ask(&engine, 1, "LOOK", "a").await, answer("LOOK", json!({})));
    assert_eq!(ask(&engine, 1, "DEAD", "b").await, FormOutcome::Dead { message: "Too late.".into() });
    assert_eq!(ask(&engine, 1, "REFUSED", "c").await, FormOutcome::Refused);
    assert_eq!(revision(&world, 1).await, before);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_nobody_is_dead_and_makes_no_conversation_and_no_actor() {
    let world = forming();
    let engine = world.start().await;
    for token in [token(1), token(2), "unused".into(), String::new(), "pl1.x.y".into()] {
        let outcome = engine.ask_form(FormRequest { token, ..request(1, "COUNT", "a") }, WITHIN).await;
        assert!(matches!(outcome.outcome, FormOutcome::Dead { .. }), "{outcome:?}");
        assert_eq!(outcome.flow, None);
    }
    let page = storage::Page { cursor: None, limit: 9 };
    assert!(world.store.conversations(None, page).await.unwrap().items.is_empty());
    assert_eq!(engine.status().await.live_actors, 0);
}

#[tokio::test(start_paused = true)]
async fn fifty_copies_of_a_request_run_once_and_get_one_answer() {
    let (_world, engine) = with_form().await;
    let all = join_all((0..50).map(|_| ask(&engine, 1, "COUNT", "same"))).await;
    assert!(all.iter().all(|one| *one == answer("COUNT", json!({ "said": 1, "n": 1 }))), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_finished_lets_the_run_go_on() {
    let (world, engine) = with_form().await;
    assert_eq!(ask(&engine, 1, "FINISH", "a").await, FormOutcome::Finish { params: json!({ "booked": true }) });
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi", "done"]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_sleeps_is_woken_for_a_form() {
    let flaky = Flaky::over(Model::new());
    let mut world = World { store: flaky.clone(), ..forming() };
    world.conversations.idle_passivate_ms = 1_000;
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(20_000).await;
    assert_eq!(engine.status().await.live_actors, 0);
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, answer("COUNT", json!({ "said": 1, "n": 1 })));
    flaky.loads.store(0, Ordering::SeqCst);
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, answer("COUNT", json!({ "said": 1, "n": 2 })));
    assert_eq!(flaky.loads.load(Ordering::SeqCst), 0, "one that is awake is not looked for in the store");
    pause(20_000).await;
    assert_eq!(engine.status().await.live_actors, 0);
}

#[tokio::test(start_paused = true)]
async fn messages_and_what_forms_ask_at_once_count_once_each() {
    let (world, engine) = with_form().await;
    let (engine, world) = (&engine, &world);
    let asks = join_all((0..8).map(|n| async move {
        world.say(1, &format!("m{n}")).await;
        ask(engine, 1, "COUNT", &format!("d{n}")).await
    }));
    let all = asks.await;
    let counted = |outcome: &FormOutcome| match outcome {
        FormOutcome::Answer { data, .. } => data["n"].as_u64(),
        _ => None,
    };
    let mut counts: Vec<_> = all.iter().filter_map(counted).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=8).collect::<Vec<_>>(), "{all:?}");
    world.quiet().await;
    assert_eq!(ask(engine, 1, "COUNT", "last").await, answer("COUNT", json!({ "said": 9, "n": 9 })));
}
