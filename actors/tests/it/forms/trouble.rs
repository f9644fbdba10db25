//! Panics, stores that refuse, versions that are stopped, an engine that ends: what whoever asked hears, and that nothing
//! else comes to harm.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_poison_form_is_refused_and_harms_nothing_else() {
    let (world, engine) = with_form().await;
    for n in 0..10 {
        assert_eq!(ask(&engine, 1, "PANIC", &n.to_string()).await, FormOutcome::Refused);
    }
    assert_eq!(ask(&engine, 1, "NOTHING", "a").await, FormOutcome::Refused, "a bot that fails");
    let before_ms = world.clock.now_ms();
    world.say(1, "still there").await;
    world.quiet().await;
    assert!(world.clock.now_ms() - before_ms < 500, "no actor had to be started anew");
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, answer("COUNT", json!({ "said": 2, "n": 1 })));
    assert!(world.dead_letters().await.is_empty());
    assert!(engine.failed().borrow().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_busy_delays_an_answer_and_loses_nothing() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..forming() };
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    flaky.refuses.store(true, Ordering::SeqCst);
    let (outcome, ()) = tokio::join!(ask(&engine, 1, "COUNT", "a"), async {
        pause(350).await;
        flaky.refuses.store(false, Ordering::SeqCst);
    });
    assert_eq!(outcome, answer("COUNT", json!({ "said": 1, "n": 1 })));
}

#[tokio::test(start_paused = true)]
async fn who_asks_an_actor_that_fails_hears_it_and_may_ask_again() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..forming() };
    let engine = world.start().await;
    world.say(1, "hi").await;
    world.quiet().await;
    flaky.unknown.store(1, Ordering::SeqCst);
    let before_ms = world.clock.now_ms();
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, FormOutcome::Late);
    assert!(world.clock.now_ms() - before_ms < 500, "at once");
    let FormOutcome::Answer { data, .. } = ask(&engine, 1, "COUNT", "b").await else { panic!("an answer") };
    assert_eq!(data, json!({ "said": 1, "n": 2 }), "the first one was committed, though nobody knew it");
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_stopped_refuses_forms_and_loses_nothing() {
    let mut world = forming();
    let (first, turn) = (bot("one"), world.turn.clone());
    let version = first.version().to_owned();
    world.turn = Arc::new(move |bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| match input {
        Input::Message(message) if message.text == "bad" && bot.version() == version => {
            Err(TurnError::Failed { node: "a".into(), message: "composed".into() })
        }
        _ => turn(bot, before, input, given),
    });
    let engine = world.start().await;
    for person in 1..=actors::TRIP_CONVERSATIONS as u32 {
        world.say(person, "hi").await;
        world.say(person, "bad").await;
    }
    world.quiet().await;
    assert_eq!(engine.status().await.tripped.len(), 1);
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, FormOutcome::Refused);
    world.say(1, "waits").await;
    pause(100).await;
    let before_ms = world.clock.now_ms();
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, FormOutcome::Refused, "also behind inputs that wait");
    pause(1_000_000).await;
    assert_eq!(ask(&engine, 1, "COUNT", "c").await, FormOutcome::Refused, "also when its actor has left");
    assert!(world.clock.now_ms() - before_ms < 1_001_000);
    world.bots.put_live(bot("two"));
    engine.bots_changed();
    world.quiet().await;
    assert_eq!(ask(&engine, 1, "COUNT", "d").await, answer("COUNT", json!({ "said": 2, "n": 1 })));
}

#[tokio::test(start_paused = true)]
async fn a_form_behind_inputs_that_must_wait_for_the_outbox_hears_that_it_is_busy() {
    let mut world = forming();
    world.conversations.max_unsent = 2;
    world.graph.answers(|_| Answer(60_000, Ok(())));
    let engine = world.start().await;
    for n in 0..3 {
        world.say(1, &n.to_string()).await;
        pause(1_000).await;
    }
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, FormOutcome::Busy);
    world.quiet().await;
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, answer("COUNT", json!({ "said": 3, "n": 1 })));
}

#[tokio::test(start_paused = true)]
async fn a_form_adds_nothing_to_an_outbox_that_is_full() {
    let mut world = forming();
    world.conversations.max_unsent = 2;
    world.graph.answers(|_| Answer(60_000, Ok(())));
    let engine = world.start().await;
    for n in 0..2 {
        world.say(1, &n.to_string()).await;
        world.consumed().await;
    }
    assert_eq!(ask(&engine, 1, "FINISH", "a").await, FormOutcome::Busy);
    world.quiet().await;
    assert!(matches!(ask(&engine, 1, "FINISH", "a").await, FormOutcome::Finish { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_ends_lets_nobody_wait() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "{}")));
    let engine = Arc::new(engine);
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { ask(&engine, 1, "ENDLESS", "a").await }
    });
    until(|| !world.web.asked().is_empty(), "the call").await;
    engine.drain(Duration::from_secs(5)).await;
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, FormOutcome::Busy);
    assert_eq!(waiting.await.unwrap(), FormOutcome::Late);
}

#[tokio::test(start_paused = true)]
async fn a_form_goes_on_after_a_restart() {
    let (world, engine) = with_form().await;
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, answer("COUNT", json!({ "said": 1, "n": 1 })));
    engine.drain(Duration::from_secs(5)).await;
    let engine = world.start().await;
    assert_eq!(ask(&engine, 1, "COUNT", "b").await, answer("COUNT", json!({ "said": 1, "n": 2 })));
}
