//! Forms while staff answer in the bot's place, and forms of conversations that became parts of others.

use parking_lot::Mutex;
use storage::{Accept, Partition};
use whatsapp::message::Outgoing;
use whatsapp::webhook::Received;

use super::replies::comes_back;
use super::*;
use crate::takeover::echo;

const HOUR_MS: u64 = 3_600_000;

const BOOKING: &str = r#"
parlance: 1
id: test
vars: { got: { type: object } }
triggers: [ { default: {}, to: form } ]
nodes:
  form: { type: flow, flow: f, prompt: Fill in, cta: Open, entry: data_exchange, ttl: 40m, save: got, next: { done: thanks, other: left, expired: left } }
  thanks: { type: say, messages: [ "Thanks {{ got.x }}" ], next: { next: bye } }
  left: { type: say, messages: [ Left. ], next: { next: bye } }
  bye: { type: end }
flows:
  f:
    id: "1"
    on:
      init: [ { show: { screen: A, data: { a: 1 } } } ]
      submit:
        A: [ { finish: { data: { x: "{{ form.x }}" } } } ]
"#;

/// A real bot, of which person 1 has a form.
struct Booking {
    world: World,
    token: Arc<Mutex<String>>,
}

impl Booking {
    async fn new() -> (Self, Engine) {
        let token: Arc<Mutex<String>> = Arc::default();
        let noted = token.clone();
        let turn = move |bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
            let turn = chatbot::turn(bot, before, input, given)?;
            for sending in turn.effects.iter().filter_map(Effect::message) {
                if let Outgoing::Flow(flow) = &sending.message {
                    *noted.lock() = flow.token().unwrap_or_default().to_owned();
                }
            }
            Ok(turn)
        };
        let world = World { turn: Arc::new(turn), ..World::new() };
        let loaded = chatbot::load(BOOKING, "test.yaml", chatbot::Format::Yaml);
        world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
        let engine = world.start().await;
        world.say(1, "hi").await;
        world.quiet().await;
        (Self { world, token }, engine)
    }

    async fn ask(&self, engine: &Engine, action: FormAction, data: Value, digest: &str) -> FormOutcome {
        let token = self.token.lock().clone();
        let request = FormRequest { token, action, data, ..request(1, "A", digest) };
        engine.ask_form(request, WITHIN).await.outcome
    }

    async fn again(&self, engine: Engine) -> Engine {
        engine.drain(Duration::from_secs(5)).await;
        self.world.start().await
    }

    /// What was said after the form.
    fn said(&self) -> Vec<String> {
        let all = by_person(&self.world.graph.requests())[&phone(1)].clone();
        all.into_iter().skip(1).collect()
    }
}

fn finish(x: &str) -> FormOutcome {
    FormOutcome::Finish { params: json!({ "x": x }) }
}

#[tokio::test(start_paused = true)]
async fn a_form_that_ends_under_staff_after_its_time_counts_when_the_bot_is_back() {
    let (booking, engine) = Booking::new().await;
    echo(&booking.world, "wamid.e1", "let me look").await;
    pause(50 * 60_000).await;
    assert_eq!(booking.ask(&engine, FormAction::Init, json!({}), "a").await, answer("A", json!({ "a": 1 })));
    assert_eq!(booking.ask(&engine, FormAction::Submit, json!({ "x": "q" }), "b").await, finish("q"));
    let engine = booking.again(engine).await;
    assert_eq!(booking.ask(&engine, FormAction::Submit, json!({ "x": "q" }), "b").await, finish("q"), "the digest");
    assert_eq!(booking.ask(&engine, FormAction::Submit, json!({ "x": "q" }), "c").await, finish("q"), "pressed again");
    let other = booking.ask(&engine, FormAction::Submit, json!({ "x": "r" }), "d").await;
    assert!(matches!(other, FormOutcome::Dead { .. }), "{other:?}");
    assert!(booking.said().is_empty(), "the bot is silent");
    pause(2 * HOUR_MS).await;
    booking.world.quiet().await;
    assert_eq!(booking.said(), ["Thanks q"]);
    assert_eq!(booking.ask(&engine, FormAction::Submit, json!({ "x": "q" }), "c").await, finish("q"));
    assert_eq!(booking.said(), ["Thanks q"]);
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_form_under_staff_is_not_lost_and_counts_once() {
    for ends_first in [true, false] {
        let (booking, engine) = Booking::new().await;
        echo(&booking.world, "wamid.e1", "let me look").await;
        if ends_first {
            assert_eq!(booking.ask(&engine, FormAction::Submit, json!({ "x": "q" }), "a").await, finish("q"));
        }
        let response = json!({ "flow_token": *booking.token.lock(), "x": "q" });
        comes_back(&booking.world, "wamid.r1", None, response).await;
        let engine = booking.again(engine).await;
        assert!(booking.said().is_empty());
        assert_eq!(engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap(), Some(true));
        booking.world.quiet().await;
        pause(1_000).await;
        booking.world.quiet().await;
        assert_eq!(booking.said(), ["Thanks q"], "{ends_first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_answered_gets_the_same_answer_after_a_restart_and_changes_nothing() {
    let (booking, engine) = Booking::new().await;
    let first = booking.ask(&engine, FormAction::Init, json!({}), "a").await;
    let engine = booking.again(engine).await;
    let before = revision(&booking.world, 1).await;
    assert_eq!(booking.ask(&engine, FormAction::Init, json!({}), "a").await, first);
    assert_eq!(revision(&booking.world, 1).await, before);
    booking.ask(&engine, FormAction::Init, json!({}), "b").await;
    let engine = booking.again(engine).await;
    assert_eq!(booking.ask(&engine, FormAction::Init, json!({}), "a").await, FormOutcome::Refused);
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_conversation_that_became_a_part_of_another_finds_its_form() {
    const USER: &str = "GB.7781902234411";
    let world = forming();
    let engine = world.start().await;
    let by_user_id = async |from: Option<String>, text: &str| {
        let message = Received { from, from_user_id: Some(USER.into()), ..received(&format!("wamid.{text}"), 1, text) };
        let row = actors::inbound(&message, world.clock.now_ms());
        world.store.append(vec![Accept::Message(row)]).await.unwrap();
    };
    world.say(1, "by number").await;
    by_user_id(None, "by id").await;
    world.quiet().await;
    let contact =
        actors::identity::first_contact(&world.store.secret(), &storage::Alias(format!("bsuid:{USER}").into()));
    let id = actors::identity::conversation_id(&Partition(NUMBER.into()), contact);
    let part = FormRequest { token: token_of(id), ..request(1, "COUNT", "a") };
    assert!(matches!(engine.ask_form(part.clone(), WITHIN).await.outcome, FormOutcome::Answer { .. }));
    by_user_id(Some(phone(1)), "both").await;
    // While the one hands over to the other, and afterwards.
    for n in 0..20 {
        let part = FormRequest { digest: format!("d{n}"), ..part.clone() };
        let outcome = engine.ask_form(part, WITHIN).await.outcome;
        assert!(matches!(outcome, FormOutcome::Answer { .. }), "{n}: {outcome:?}");
    }
    world.quiet().await;
    let part = FormRequest { digest: "last".into(), ..part };
    assert!(matches!(engine.ask_form(part, WITHIN).await.outcome, FormOutcome::Answer { .. }));
}
