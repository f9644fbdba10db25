//! A bot hands a conversation to a human, with the real bot function: silence until it comes back, also over a restart.

use std::sync::Arc;

use actors::{Order, Ordered, view};
use chatbot::{Format, HandBack};
use whatsapp::message::{Outgoing, Text};

use crate::support::*;

const BOT: &str = "parlance: 1\nid: test\npolicies: { stop_words: { words: [stop], reply: No more. } }\n\
    triggers: [ { default: {}, to: ask } ]\nnodes:\n  ask: { type: ask, prompt: What?, save: topic, next: { ok: desk } }\n  \
    desk:\n    type: handoff\n    queue: front\n    note: \"About {{ topic }}\"\n    message: One moment.\n    \
    return_after: 1h\n    next: { returned: ask, closed: bye, timeout: late }\n  \
    bye: { type: say, messages: [ { text: Bye. } ], next: { next: end } }\n  \
    late: { type: say, messages: [ { text: Nobody is free. } ], next: { next: end } }\n  end: { type: end }\n";

fn world() -> World {
    let world = World { turn: Arc::new(chatbot::turn), ..World::new() };
    let loaded = chatbot::load(BOT, "one.yaml", Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
    world
}

async fn shown(world: &World) -> view::ConversationView {
    let head = world.store.load(conversation(1)).await.unwrap().unwrap();
    view::conversation(conversation(1), &head).unwrap().0
}

fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

async fn handed_over(world: &World) {
    for text in ["hi", "my parcel"] {
        world.say(1, text).await;
        world.quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f62_the_bot_says_nothing_until_a_human_hands_back() {
    let world = world();
    let engine = world.start().await;
    assert_eq!(engine.hand_back(conversation(1), HandBack::Closed).await.unwrap(), None);
    handed_over(&world).await;
    let view::ConversationView { state, handoff, .. } = shown(&world).await;
    let handoff = handoff.unwrap();
    assert_eq!(
        (state, handoff.queue.as_deref(), handoff.note.as_deref()),
        ("human", Some("front"), Some("About my parcel"))
    );
    engine.drain(std::time::Duration::from_secs(5)).await;
    let engine = world.start().await;
    world.say(1, "hello?").await;
    world.quiet().await;
    assert_eq!(sent(&world), ["What?", "One moment."]);
    assert_eq!(engine.hand_back(conversation(1), HandBack::Closed).await.unwrap(), Some(true));
    world.quiet().await;
    assert_eq!(sent(&world).last().unwrap(), "Bye.");
    assert_eq!(shown(&world).await.state, "idle");
    assert_eq!(engine.hand_back(conversation(1), HandBack::Closed).await.unwrap(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_word_of_the_human_begins_the_time_anew_and_then_the_bot_goes_on() {
    let world = world();
    let engine = world.start().await;
    handed_over(&world).await;
    pause(50 * 60_000).await;
    let message = Outgoing::Text(Text::new("I look.").unwrap());
    let ordered = engine
        .order(Order { conversation: conversation(1), message, key: None, who: "user:elif".into(), force: false })
        .await
        .unwrap();
    assert!(matches!(ordered, Ordered::Queued(_)), "{ordered:?}");
    pause(50 * 60_000).await;
    assert_eq!((sent(&world).last().unwrap().as_str(), shown(&world).await.state), ("I look.", "human"));
    pause(20 * 60_000).await;
    assert_eq!(sent(&world).last().unwrap(), "Nobody is free.");
}

#[tokio::test(start_paused = true)]
async fn a_stop_word_opts_out_of_marketing_with_and_without_a_human() {
    let world = world();
    let _engine = world.start().await;
    world.say(1, "stop").await;
    world.quiet().await;
    assert_eq!((sent(&world), shown(&world).await.marketing), (vec!["No more.".to_owned()], Some("opted_out")));
}
