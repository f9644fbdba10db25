//! Forms that come back without their token.

use parking_lot::Mutex;
use storage::{Accept, SendId};
use whatsapp::message::{Flow, FlowTarget, Outgoing};
use whatsapp::webhook::Received;

use super::*;

type Seen = Arc<Mutex<Vec<Option<String>>>>;

/// Sends a form for each text, and notes which token came back.
fn sending() -> (World, Seen) {
    let seen: Seen = Arc::default();
    let noted = seen.clone();
    let turn = move |_: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let mut effects = Vec::new();
        if let Input::Message(message) = input {
            match message.form.is_some() {
                true => noted.lock().push(message.form_token().map(str::to_owned)),
                false => {
                    let flow = Flow::new("Fill in", "Open", FlowTarget::Id("1".into())).unwrap();
                    let flow = flow.with_token(format!("pl1.{}.{}", given.address, message.text)).unwrap();
                    effects.push(Effect::Send(Box::new(chatbot::Sending::new("a", Outgoing::Flow(flow)))));
                }
            }
        }
        Ok(Turn { after: before.clone(), effects, trace: Vec::new(), changed: true })
    };
    (World { turn: Arc::new(turn), ..World::new() }, seen)
}

pub(super) async fn comes_back(world: &World, wamid: &str, context: Option<&str>, response: Value) {
    let mut message = json!({
        "from": phone(1), "id": wamid, "timestamp": "1900000000", "type": "interactive",
        "interactive": { "type": "nfm_reply",
            "nfm_reply": { "name": "flow", "body": "Sent", "response_json": response.to_string() } },
    });
    if let Some(context) = context {
        message["context"] = json!({ "from": "15550100100", "id": context });
    }
    let raw = serde_json::value::to_raw_value(&message).unwrap();
    let row = actors::inbound(&Received { message: raw, ..received(wamid, 1, "") }, world.clock.now_ms());
    world.store.append(vec![Accept::Message(row)]).await.unwrap();
    world.quiet().await;
}

async fn wamid_of(world: &World, n: u64) -> String {
    let send = SendId { conversation: conversation(1), n };
    world.store.sends(vec![send]).await.unwrap()[0].as_ref().unwrap().wamid.as_deref().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_form_without_a_token_is_the_one_of_the_message_that_it_answers() {
    let (world, seen) = sending();
    let engine = world.start().await;
    for text in ["one", "two"] {
        world.say(1, text).await;
        world.quiet().await;
    }
    let (first, second) = (wamid_of(&world, 1).await, wamid_of(&world, 2).await);
    let token = |secret: &str| Some(token(1).replace("0123456789abcdef", secret));
    comes_back(&world, "wamid.r1", Some(&second), json!({ "day": "1" })).await;
    engine.drain(Duration::from_secs(5)).await;
    let _engine = world.start().await;
    comes_back(&world, "wamid.r2", Some(&first), json!({ "day": "1" })).await;
    comes_back(&world, "wamid.r3", Some(&first), json!({ "day": "1", "flow_token": "own" })).await;
    comes_back(&world, "wamid.r6", Some(&first), json!({ "day": "flow_token" })).await;
    comes_back(&world, "wamid.r4", Some("wamid.of.nobody"), json!({ "day": "1" })).await;
    comes_back(&world, "wamid.r5", None, json!({ "day": "1" })).await;
    assert_eq!(*seen.lock(), [token("two"), token("one"), Some("own".into()), token("one"), None, None]);
}
