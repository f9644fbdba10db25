//! Handlers that call other programs: outside of the actor, within a budget, with answers that are kept for a while.

use chatbot::HttpOutcome;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_is_made_while_the_conversation_goes_on_and_its_result_answers() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "[\"a\"]")));
    let before = revision(&world, 1).await;
    let (outcome, ()) = tokio::join!(ask(&engine, 1, "CALL", "a"), async {
        until(|| !world.web.asked().is_empty(), "the call").await;
        assert_eq!(revision(&world, 1).await, before, "a call changes nothing");
        world.say(1, "meanwhile").await;
        until(|| world.graph.count() == 2, "the message is answered").await;
        world.web.release();
    });
    assert_eq!(outcome, answer("CALL", json!({ "body": "[\"a\"]", "id": "call-a-0" })));
    let asked = world.web.asked();
    assert_eq!((asked.len(), asked[0].header("idempotency-key")), (1, Some("call-a-0")));
    assert_eq!(revision(&world, 1).await, before + 2, "the message, and the answer");
}

#[tokio::test(start_paused = true)]
async fn f96_a_source_that_hangs_gets_the_fallback_at_the_end_of_the_budget() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "{}")));
    let started_ms = world.clock.now_ms();
    assert_eq!(ask(&engine, 1, "CALL", "a").await, answer("FALLBACK", json!({})));
    let took_ms = world.clock.now_ms() - started_ms;
    assert!((BUDGET_MS..BUDGET_MS + 100).contains(&took_ms), "{took_ms}");
    world.web.answers(|_, _| Reply::Now(answered(200, "[]")));
    assert!(matches!(ask(&engine, 1, "CALL", "b").await, FormOutcome::Answer { screen, .. } if screen == "CALL"));
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_before_the_time_for_an_answer_so_that_the_fallback_answers() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "{}")));
    for (within_ms, after_ms) in [(8_000, 7_500), (2_000, 1_500), (400, 300)] {
        let started_ms = world.clock.now_ms();
        let within = Duration::from_millis(within_ms);
        let outcome = engine.ask_form(request(1, "SLOW", &within_ms.to_string()), within).await.outcome;
        assert_eq!(outcome, answer("FALLBACK", json!({})));
        let took_ms = world.clock.now_ms() - started_ms;
        assert!((after_ms..after_ms + 100).contains(&took_ms), "{took_ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_an_end_comes_to_no_answer() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "{}")));
    let started_ms = world.clock.now_ms();
    assert_eq!(ask(&engine, 1, "ENDLESS", "a").await, FormOutcome::Refused, "its fallback wants a call, too");
    let took_ms = world.clock.now_ms() - started_ms;
    assert!((7_500..7_600).contains(&took_ms), "{took_ms}");
    world.web.answers(|_, _| Reply::Now(answered(200, "[]")));
    let outcome = ask(&engine, 1, "ENDLESS", "b").await;
    assert_eq!(outcome, FormOutcome::Refused, "a handler that wants one call after the other comes to no answer");
    assert_eq!(world.web.asked().len(), 1 + 16);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_told_to_the_handler_and_an_answer_is_kept() {
    let (world, engine) = with_form().await;
    world.web.answers(|_, before| match before {
        0 => Reply::Now(HttpOutcome::Unreachable { why: "composed".into() }.into()),
        1 => Reply::Now(answered(503, "busy")),
        n => Reply::Now(answered(200, &format!("[{n}]"))),
    });
    assert_eq!(ask(&engine, 1, "CACHED", "a").await, answer("FAILED", json!({})));
    let body = async |digest: &str| match ask(&engine, 1, "CACHED", digest).await {
        FormOutcome::Answer { data, .. } => (data["body"].clone(), data["id"].clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(body("b").await.0, "busy", "an answer that tells of a failure is not kept");
    assert_eq!(body("c").await, (json!("[2]"), json!("call-c-0")));
    assert_eq!(body("d").await, (json!("[2]"), json!("call-d-0")), "from the cache, under the id that is waited for");
    pause(60_001).await;
    assert_eq!(body("e").await.0, "[3]");
}

#[tokio::test(start_paused = true)]
async fn people_who_ask_the_same_at_once_share_one_call() {
    let world = forming();
    let engine = world.start().await;
    for person in 1..=20 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "[1]")));
    let asks = join_all((1..=20).map(|person| ask(&engine, person, "CACHED", "a")));
    let (all, ()) = tokio::join!(asks, async {
        pause(50).await;
        assert_eq!(world.web.asked().len(), 1);
        world.web.release();
    });
    assert!(all.iter().all(|one| matches!(one, FormOutcome::Answer { data, .. } if data["body"] == "[1]")), "{all:?}");
    assert_eq!(world.web.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_for_several_people_is_left_alone() {
    let world = forming();
    let engine = world.start().await;
    for person in 1..=6 {
        world.say(person, "hi").await;
    }
    world.quiet().await;
    world.web.answers(|_, _| Reply::Now(HttpOutcome::Timeout.into()));
    for person in 1..=5 {
        assert_eq!(ask(&engine, person, "CALL", "a").await, answer("FAILED", json!({})));
    }
    assert_eq!(ask(&engine, 6, "CALL", "a").await, answer("FAILED", json!({})));
    assert_eq!(world.web.asked().len(), 5, "the breaker is open");
}

#[tokio::test(start_paused = true)]
async fn one_person_has_only_so_many_requests_under_way_and_others_go_on() {
    let (world, engine) = with_form().await;
    world.say(2, "hi").await;
    world.quiet().await;
    world.web.answers(|_, _| Reply::Held(answered(200, "{}")));
    let digests: Vec<_> = (0..8).map(|n| n.to_string()).collect();
    let held = join_all(digests.iter().map(|digest| ask(&engine, 1, "CALL", digest)));
    let (held, ()) = tokio::join!(held, async {
        pause(50).await;
        assert_eq!(ask(&engine, 1, "COUNT", "one more").await, FormOutcome::Busy);
        assert!(matches!(ask(&engine, 2, "COUNT", "a").await, FormOutcome::Answer { .. }));
    });
    assert!(held.iter().all(|one| *one == answer("FALLBACK", json!({}))), "{held:?}");
    assert!(matches!(ask(&engine, 1, "COUNT", "later").await, FormOutcome::Answer { .. }));
}
