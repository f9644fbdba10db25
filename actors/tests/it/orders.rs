//! Messages that somebody outside wants to have sent.

use actors::{Clock, Done, How, Order, Ordered, Refusal, view};
use serde_json::json;
use storage::SendState;
use whatsapp::message::Outgoing;

use crate::deeds::{back, did, does, take};
use crate::support::*;

const DAY_MS: u64 = 24 * 3_600_000;

fn order(text: &str, key: Option<&str>) -> Order {
    let message = Outgoing::parse(&json!({ "type": "text", "text": { "body": text } })).unwrap();
    Order { conversation: conversation(1), message, key: key.map(Into::into), who: "user:elif".into(), force: false }
}

#[tokio::test(start_paused = true)]
async fn an_order_is_sent_after_what_the_bot_said_and_answers_with_its_outbox_id() {
    let world = World::new();
    let engine = world.start().await;
    assert_eq!(engine.order(order("hello", None)).await.unwrap(), Ordered::Unknown);
    world.say(1, "hi").await;
    world.quiet().await;
    let Ordered::Queued(send) = engine.order(order("hello", None)).await.unwrap() else { panic!("not queued") };
    assert_eq!((send.conversation, send.n), (conversation(1), 2));
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi", "hello"]);
    assert_eq!(world.states(1).await, [SendState::Accepted, SendState::Accepted]);
    let entry = world.store.history(conversation(1), storage::Page { cursor: None, limit: 1 }).await.unwrap();
    let row = world.store.sends(vec![send]).await.unwrap().remove(0);
    let messages = view::messages(&entry.items[0], |_| row.clone()).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].origin, &*messages[0].text), (Some("operator"), "hello"));
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_refuses_everything_but_templates_without_a_request() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let until_ms = START_MS + DAY_MS;
    world.clock.advance(DAY_MS);
    let refused = engine.order(order("hello", None)).await.unwrap();
    let Ordered::Refused(Refusal::WindowClosed(Some(ended_ms))) = refused else { panic!("{refused:?}") };
    assert!(ended_ms.abs_diff(until_ms) < 60_000, "{ended_ms}");
    assert_eq!(world.graph.count(), 1);
    let template = json!({ "type": "template", "template": { "name": "hello", "language": { "code": "en" } } });
    let order = Order { message: Outgoing::parse(&template).unwrap(), ..order("x", None) };
    assert!(matches!(engine.order(order).await.unwrap(), Ordered::Queued(_)));
    world.quiet().await;
    assert_eq!(world.graph.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_order_for_a_day_also_after_a_restart() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let first = engine.order(order("hello", Some("k1"))).await.unwrap();
    assert_eq!(engine.order(order("hello", Some("k1"))).await.unwrap(), first);
    assert_eq!(engine.order(order("other", Some("k1"))).await.unwrap(), Ordered::Refused(Refusal::KeyReused));
    world.quiet().await;
    engine.drain(std::time::Duration::from_secs(5)).await;
    let engine = world.start().await;
    assert_eq!(engine.order(order("hello", Some("k1"))).await.unwrap(), first);
    world.quiet().await;
    assert_eq!(world.graph.count(), 2);
    world.clock.advance(DAY_MS);
    world.say(1, "again").await;
    world.quiet().await;
    assert_ne!(engine.order(order("hello", Some("k1"))).await.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn two_orders_with_one_key_at_once_are_one() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let orders = (0..10).map(|_| engine.order(order("hello", Some("k"))));
    let outcomes = futures_util::future::join_all(orders).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap() == outcomes[0].as_ref().unwrap()));
    world.quiet().await;
    assert_eq!(world.graph.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_too_many_unsent_messages_takes_no_order() {
    let mut world = World::new();
    world.conversations.max_unsent = 2;
    world.graph.answers(|_| Answer(60_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "a").await;
    world.say(1, "b").await;
    world.consumed().await;
    assert_eq!(engine.order(order("hello", None)).await.unwrap(), Ordered::Full);
    assert!(world.clock.now_ms() < START_MS + 60_000);
}

#[tokio::test(start_paused = true)]
async fn marketing_to_somebody_who_does_not_want_it_is_refused_and_other_templates_are_not() {
    let mut world = World::new();
    world.categories =
        std::sync::Arc::new(|_, name, _| Some(if name == "sale" { "MARKETING" } else { "UTILITY" }.into()));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    let template = |name: &str| {
        let body = json!({ "type": "template", "template": { "name": name, "language": { "code": "en" } } });
        Order { message: Outgoing::parse(&body).unwrap(), ..order("x", None) }
    };
    assert!(matches!(engine.order(template("sale")).await.unwrap(), Ordered::Queued(_)));
    world.quiet().await;
    // Meta knows it before we do.
    world.graph.answers(|_| refusal(131_050, 400).into());
    assert!(matches!(engine.order(template("sale")).await.unwrap(), Ordered::Queued(_)));
    world.quiet().await;
    world.consumed().await;
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    assert_eq!(view::conversation(conversation(1), &head).unwrap().0.marketing, Some("opted_out"));
    let posts = world.graph.count();
    assert_eq!(engine.order(template("sale")).await.unwrap(), Ordered::Refused(Refusal::OptedOut));
    assert!(matches!(engine.order(template("receipt")).await.unwrap(), Ordered::Queued(_)));
    world.quiet().await;
    assert_eq!(world.graph.count(), posts + 1);
}

#[tokio::test(start_paused = true)]
async fn somebody_of_staff_does_not_write_where_another_one_answers_unless_they_say_so_and_a_program_does() {
    let world = World::new();
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    did(&engine, "user:elif", take(false)).await;
    let by = |who: &str, force| Order { who: who.into(), force, ..order("hello", None) };
    let refused = engine.order(by("user:noor", false)).await.unwrap();
    let Ordered::Refused(Refusal::Owned { who, .. }) = &refused else { panic!("{refused:?}") };
    assert_eq!(&**who, "user:elif");
    for (who, force) in [("user:elif", false), ("user:noor", true), ("token:shop", false)] {
        assert!(matches!(engine.order(by(who, force)).await.unwrap(), Ordered::Queued(_)), "{who}");
    }
    // Elif takes it while what Noor wrote waits for its turn.
    did(&engine, "user:elif", back(How::Continue)).await;
    let (taken, written) = tokio::join!(does(&engine, "user:elif", take(false)), engine.order(by("user:noor", false)));
    assert!(matches!(taken, Done::Done(_)), "{taken:?}");
    assert!(matches!(written.unwrap(), Ordered::Refused(Refusal::Owned { .. })));
    world.quiet().await;
    assert_eq!(world.graph.count(), 1 + 3);
}
