//! Forms while staff answer in the bot's place, and forms of conversations that became parts of others.

use storage::{Accept, Partition};
use whatsapp::webhook::Received;

use super::*;
use crate::takeover::echo;

const HOUR_MS: u64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn a_form_is_answered_while_staff_have_the_conversation_and_counts_when_the_bot_is_back() {
    let (world, engine) = with_form().await;
    echo(&world, "wamid.e1", "let me look").await;
    assert_eq!(ask(&engine, 1, "COUNT", "a").await, answer("COUNT", json!({ "said": 1, "n": 1 })));
    for digest in ["b", "c"] {
        let finished = ask(&engine, 1, "FINISH", digest).await;
        assert_eq!(finished, FormOutcome::Finish { params: json!({ "booked": true }) });
    }
    pause(HOUR_MS / 2).await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi"], "the bot is silent");
    pause(HOUR_MS).await;
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi", "done"], "once");
    assert_eq!(ask(&engine, 1, "COUNT", "d").await, answer("COUNT", json!({ "said": 1, "n": 3 })));
}

#[tokio::test(start_paused = true)]
async fn a_form_that_was_finished_under_staff_outlasts_a_restart() {
    let (world, engine) = with_form().await;
    echo(&world, "wamid.e1", "let me look").await;
    assert!(matches!(ask(&engine, 1, "FINISH", "a").await, FormOutcome::Finish { .. }));
    engine.drain(Duration::from_secs(5)).await;
    let engine = world.start().await;
    let back = engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap();
    assert_eq!(back, Some(true));
    world.quiet().await;
    assert_eq!(by_person(&world.graph.requests())[&phone(1)], ["re: hi", "done"]);
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
