//! Staff writes from the phone app: the bot is silent, and goes on where it waited when they have gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::{Clock, view};
use chatbot::{Given, Input, Snapshot, Turn};
use serde_json::json;
use storage::{Accept, Change, Model, SendId, SendState, Settlement};
use whatsapp::webhook::Received;
use whatsapp::webhook::field::{About, about_people};

use crate::support::*;

const HOUR_MS: u64 = 3_600_000;

pub(crate) async fn echo(world: &World, wamid: &str, text: &str) {
    echo_to(world, json!({ "to": phone(1) }), wamid, text).await;
}

async fn echo_to(world: &World, mut echo: serde_json::Value, wamid: &str, text: &str) {
    let at_ms = world.clock.now_ms();
    let rest = json!({ "from": "15550100100", "id": wamid, "timestamp": (at_ms / 1_000).to_string(),
        "type": "text", "text": { "body": text } });
    echo.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let raw = json!({ "message_echoes": [echo] }).to_string();
    let (element, about) = about_people("smb_message_echoes", &raw).remove(0);
    let Some(About::Echo(echo)) = about else { panic!("an echo can be read") };
    let row = actors::echo(NUMBER, &echo, &element, at_ms).unwrap();
    world.store.append(vec![Accept::Message(row)]).await.unwrap();
    world.consumed().await;
}

async fn shown(world: &World) -> view::ConversationView {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().0
}

/// A bot that answers each message and asks to be woken an hour later; a tick says `still there?`.
fn asking() -> World {
    let bot = bot("one");
    let turn = move |_: &chatbot::Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let due = before.wake_ms().is_some_and(|at_ms| at_ms <= given.now_ms);
        let (after, said) = match input {
            Input::Message(message) => (waiting(&bot, Some(given.now_ms + HOUR_MS)), format!("re: {}", message.text)),
            Input::Tick if due => (waiting(&bot, None), "still there?".to_owned()),
            Input::Tick
            | Input::HandBack(_)
            | Input::Steer(_)
            | Input::HttpDone(_)
            | Input::Api(_)
            | Input::Form(_)
            | Input::Unsent(_) => {
                return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
            }
        };
        Ok(Turn { after, effects: texts(vec![said]), trace: Vec::new(), changed: true })
    };
    World { turn: Arc::new(turn), ..World::new() }
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_silent_from_an_echo_until_nobody_was_active_for_an_hour() {
    let world = asking();
    let _engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    pause(30 * 60_000).await;
    echo(&world, "wamid.e1", "let me look").await;
    let taken = shown(&world).await;
    assert_eq!((taken.state, taken.control.unwrap().by.as_deref().unwrap()), ("human", "phone_app"));
    world.say(1, "thanks").await;
    world.quiet().await;
    pause(50 * 60_000).await;
    assert_eq!(sent(&world), ["re: hi"], "neither the message nor the timer that was due at 60 minutes");
    echo(&world, "wamid.e2", "here it is").await;
    echo(&world, "wamid.e1", "let me look").await;
    pause(59 * 60_000).await;
    assert_eq!(shown(&world).await.state, "human", "active at 80 minutes");
    pause(2 * 60_000).await;
    assert_eq!((shown(&world).await.state, shown(&world).await.control), ("waiting", None));
    pause(29 * 60_000 - 5_000).await;
    assert_eq!(sent(&world).len(), 1, "half an hour of the wait was left");
    pause(2 * 60_000).await;
    assert_eq!(sent(&world), ["re: hi", "still there?"]);
    world.say(1, "yes").await;
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "re: yes");
}

#[tokio::test(start_paused = true)]
async fn an_echo_to_somebody_new_begins_a_conversation_and_is_shown_as_ours() {
    let world = asking();
    let _engine = world.start().await;
    echo(&world, "wamid.e1", "hello there").await;
    let conversation = shown(&world).await;
    assert_eq!(
        (conversation.state, conversation.wa_id, conversation.window_expires_ms),
        ("human", Some(phone(1).into()), None)
    );
    let entries = world.store.history(crate::support::conversation(1), storage::Page { cursor: None, limit: 9 }).await;
    let entries = entries.unwrap().items;
    let messages: Vec<_> = entries.iter().flat_map(|entry| view::messages(entry, |_| None).unwrap()).collect();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!((message.direction, message.origin, &*message.text), ("out", Some("phone_app"), "hello there"));
    assert!(world.graph.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_bot_said_and_has_not_left_waits_for_the_bots_return() {
    let world = asking();
    world.graph.answers(|_| Answer(20_000, Ok(())));
    let _engine = world.start().await;
    world.say(1, "a").await;
    world.say(1, "b").await;
    world.consumed().await;
    echo(&world, "wamid.e1", "I take over").await;
    until_states(&world, &[SendState::Accepted, SendState::Held]).await;
    pause(61 * 60_000).await;
    until_states(&world, &[SendState::Accepted, SendState::Accepted]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_to_be_held_when_the_process_ended_is_held_at_the_next_start() {
    let world = asking();
    world.graph.answers(|_| Answer(20_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "a").await;
    world.say(1, "b").await;
    world.consumed().await;
    echo(&world, "wamid.e1", "I take over").await;
    until_states(&world, &[SendState::Accepted, SendState::Held]).await;
    engine.drain(Duration::from_secs(60)).await;
    // As if the process had ended between the takeover's commit and this one.
    let send = SendId { conversation: conversation(1), n: 2 };
    let change = Change::Retry { due_ms: 0, error: None };
    let settlement = Settlement { send, nonce: None, at_ms: world.clock.now_ms(), change };
    let fence = world.store.fence(&storage::Partition(NUMBER.into()));
    world.store.settle(fence, vec![settlement]).await.unwrap();
    let _engine = world.start().await;
    until_states(&world, &[SendState::Accepted, SendState::Held]).await;
    assert_eq!(sent(&world), ["re: a"]);
    pause(61 * 60_000).await;
    until_states(&world, &[SendState::Accepted, SendState::Accepted]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_at_a_takeover_is_not_tried_again_before_the_bots_return() {
    let world = asking();
    world.graph.answers(|request| Answer(20_000, if request.before == 0 { refusal(131_000, 500) } else { Ok(()) }));
    let _engine = world.start().await;
    world.say(1, "a").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "a request").await;
    echo(&world, "wamid.e1", "I take over").await;
    until_states(&world, &[SendState::Held]).await;
    pause(30 * 60_000).await;
    assert_eq!(sent(&world), ["re: a"]);
    pause(31 * 60_000).await;
    until_states(&world, &[SendState::Accepted]).await;
}

#[tokio::test(start_paused = true)]
async fn a_return_that_overtakes_the_holding_leaves_nothing_held() {
    let flaky = Flaky::over(Model::new());
    let mut world = World { store: flaky.clone(), ..asking() };
    world.conversations.takeover.idle_resume_ms = 10_000;
    world.graph.answers(|_| Answer(5_000, Ok(())));
    let _engine = world.start().await;
    world.say(1, "a").await;
    world.say(1, "b").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "a request").await;
    flaky.refuses_settlements.store(true, Ordering::SeqCst);
    echo(&world, "wamid.e1", "I take over").await;
    while shown(&world).await.state == "human" {
        pause(100).await;
    }
    pause(1_000).await;
    flaky.refuses_settlements.store(false, Ordering::SeqCst);
    until_states(&world, &[SendState::Accepted, SendState::Accepted]).await;
    assert_eq!(sent(&world), ["re: a", "re: b"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_before_two_conversations_became_one_leaves_at_the_bots_return() {
    const USER: &str = "GB.7781902234411";
    let world = asking();
    world.graph.answers(|_| Answer(20_000, Ok(())));
    let _engine = world.start().await;
    let by_user_id = async |from: Option<String>, text: &str| {
        let message = received(&format!("wamid.{text}"), 1, text);
        let message = Received { from, from_user_id: Some(USER.into()), ..message };
        let row = actors::inbound(&message, world.clock.now_ms());
        world.store.append(vec![Accept::Message(row)]).await.unwrap();
        world.consumed().await;
    };
    world.say(1, "before").await;
    world.consumed().await;
    by_user_id(None, "a").await;
    by_user_id(None, "b").await;
    echo_to(&world, json!({ "to_user_id": USER }), "wamid.e1", "I take over").await;
    by_user_id(Some(phone(1)), "both").await;
    pause(10 * 60_000).await;
    assert_eq!(sent(&world), ["re: before", "re: a"]);
    pause(52 * 60_000).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["re: before", "re: a", "re: b"]);
}

async fn until_states(world: &World, wanted: &[SendState]) {
    for _ in 0..2_000 {
        let states = world.states(1).await;
        if states.get(..wanted.len()) == Some(wanted) {
            return;
        }
        pause(50).await;
    }
    panic!("{:?}", world.states(1).await);
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_no_takeover_if_the_operator_says_so() {
    let mut world = asking();
    world.conversations.takeover.echo_is_takeover = false;
    let _engine = world.start().await;
    echo(&world, "wamid.e1", "hello").await;
    world.say(1, "hi").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["re: hi"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_return_time_the_bot_stays_silent() {
    let mut world = asking();
    world.conversations.takeover.idle_resume_ms = 0;
    let _engine = world.start().await;
    echo(&world, "wamid.e1", "hello").await;
    pause(48 * HOUR_MS).await;
    world.say(1, "hi").await;
    world.quiet().await;
    assert_eq!((sent(&world).len(), shown(&world).await.state), (0, "human"));
}

#[tokio::test(start_paused = true)]
async fn texts_that_waited_are_left_to_whoever_takes_over_and_the_window_counts_from_the_last_message() {
    let bot = "parlance: 1\nid: test\npolicies: { debounce_ms: 3000 }\ntriggers:\n  \
        - { window_closing: { before: 22h }, to: bye, interrupt: always }\n  - { default: {}, to: what }\nnodes:\n  \
        what: { type: ask, prompt: What?, next: { ok: thanks } }\n  \
        thanks: { type: say, messages: [ { text: Thanks. } ], next: { next: end } }\n  \
        bye: { type: say, messages: [ { text: Bye. } ], next: { next: end } }\n  end: { type: end }\n";
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    world.bots.put_live(Arc::new(chatbot::load(bot, "one.yaml", chatbot::Format::Yaml).bot.unwrap()));
    let _engine = world.start().await;
    world.say(1, "hi").await;
    pause(5_000).await;
    world.say(1, "a parcel").await;
    world.consumed().await;
    echo(&world, "wamid.e1", "let me look").await;
    pause(30 * 60_000).await;
    world.say(1, "thanks").await;
    pause(35 * 60_000).await;
    assert_eq!((shown(&world).await.state, sent(&world)), ("waiting", vec!["What?".to_owned()]));
    pause(75 * 60_000).await;
    assert_eq!(sent(&world), ["What?"], "the person wrote 110 minutes ago");
    pause(15 * 60_000).await;
    assert_eq!(sent(&world), ["What?", "Bye."]);
}
