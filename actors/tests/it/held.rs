//! What a bot said before somebody took over and that has not left: whenever the process ends, and whatever overtakes
//! what, it leaves in its place when the bot goes on, or never when it was led elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::{Engine, How};
use storage::{Model, SendState};

use crate::deeds::{asking, back, did, sent, take};
use crate::support::*;

/// A bot that has asked for a city; its greeting is under way, the question waits.
async fn greeting() -> (Arc<Flaky>, World, Engine) {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..asking() };
    world.graph.answers(|_| Answer(1_000, Ok(())));
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.consumed().await;
    until(|| world.graph.count() == 1, "the first message is under way").await;
    (flaky, world, engine)
}

fn to_bye() -> How {
    How::Node("bye".to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_held_when_the_process_ends_right_after_a_hand_back_leaves_or_is_given_up_at_the_next_start() {
    let fates = [
        (How::Continue, vec![SendState::Accepted, SendState::Accepted], ["Hello.", "Which city?"]),
        (to_bye(), vec![SendState::Accepted, SendState::Dead, SendState::Accepted], ["Hello.", "Bye."]),
    ];
    for (how, states, texts) in fates {
        let (flaky, world, engine) = greeting().await;
        did(&engine, "user:elif", take(false)).await;
        flaky.refuses_settlements.store(true, Ordering::SeqCst);
        did(&engine, "user:elif", back(how)).await;
        // From here on that process writes nothing.
        flaky.refuses.store(true, Ordering::SeqCst);
        let world = World { store: flaky.inner.clone(), ..world };
        let _next = world.start().await;
        world.quiet().await;
        assert_eq!(sent(&world), texts);
        assert_eq!(world.states(1).await, states);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hand_back_that_overtakes_the_holding_keeps_the_order_and_sends_nothing_that_the_bot_left_behind() {
    let texts = [vec!["Hello.", "Which city?", "How many to Bath?"], vec!["Hello.", "Bye."]];
    for (how, texts) in [How::Continue, to_bye()].into_iter().zip(texts) {
        let (flaky, world, engine) = greeting().await;
        flaky.refuses_settlements.store(true, Ordering::SeqCst);
        did(&engine, "user:elif", take(false)).await;
        did(&engine, "user:elif", back(how.clone())).await;
        if how == How::Continue {
            world.say(1, "Bath").await;
            world.consumed().await;
        }
        pause(1_000).await;
        flaky.refuses_settlements.store(false, Ordering::SeqCst);
        world.quiet().await;
        assert_eq!(sent(&world), texts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_takeover_right_after_the_bot_was_led_elsewhere_holds_what_it_said_there() {
    let (flaky, world, engine) = greeting().await;
    did(&engine, "user:elif", take(false)).await;
    flaky.refuses_settlements.store(true, Ordering::SeqCst);
    did(&engine, "user:elif", back(to_bye())).await;
    did(&engine, "user:elif", take(false)).await;
    flaky.refuses_settlements.store(false, Ordering::SeqCst);
    let held = [SendState::Accepted, SendState::Dead, SendState::Held];
    let mut looks = 0;
    while world.states(1).await != held {
        assert!(looks < 1_000, "{:?}", world.states(1).await);
        looks += 1;
        pause(10).await;
    }
    did(&engine, "user:elif", back(How::Continue)).await;
    world.quiet().await;
    assert_eq!(sent(&world), ["Hello.", "Bye."]);
}
