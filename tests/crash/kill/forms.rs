//! People who fill one form after the other; each leads on exactly once, however often its end comes.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::mixed::Part;
use crate::support::{FormAsk, Message};

const AGAIN: Duration = Duration::from_millis(50);
const BOOKED: &str = "booked s1";

/// What one of them did.
pub(super) struct Filled {
    pub(super) person: String,
    rounds: u32,
}

/// What the forms of the bot answer.
pub(super) fn handlers() -> Value {
    let show = |screen: &str, data: Value| json!({ "show": { "screen": screen, "data": data } });
    let day = json!({ "day": "{{ department }} {{ day }}", "slots": [{ "id": "s1", "title": "One" }] });
    json!({
        "init": [show("DEPARTMENT", json!({ "departments": [{ "id": "eye", "title": "Eyes" }] }))],
        "submit": {
            "DEPARTMENT": [{ "set": { "department": "form.department" } },
                show("DAY", json!({ "days": [{ "id": "d1", "title": "One" }] }))],
            "DAY": [{ "set": { "day": "form.day" } }, show("SLOT", day)],
            "SLOT": [{ "finish": { "data": { "slot": "{{ form.slot }}", "day": "{{ day }}" } } }],
            "DETAILS": [{ "finish": { "data": { "day": "{{ day }}" } } }],
        },
    })
}

pub(super) async fn fill(mut part: Part) -> Filled {
    let (mut known, mut rounds) = (HashSet::new(), 0);
    while part.goes_on() {
        rounds += 1;
        part.says("form", rounds).await;
        let token = token(&part, &known).await;
        known.insert(token.clone());
        for (action, screen, data, next) in [
            ("INIT", "", json!({}), "DEPARTMENT"),
            ("data_exchange", "DEPARTMENT", json!({ "department": "eye" }), "DAY"),
            ("data_exchange", "DAY", json!({ "day": "d1" }), "SLOT"),
        ] {
            part.waits(20..200).await;
            let (status, answer) = ask(&part, &FormAsk { token: &token, action, screen, data }).await;
            assert_eq!((status, &answer["screen"]), (200, &json!(next)), "{}: {answer}", part.person);
            if next == "SLOT" {
                assert_eq!(answer["data"]["day"], "eye d1", "what was set on the way");
            }
        }
        let last = FormAsk { token: &token, action: "data_exchange", screen: "SLOT", data: json!({ "slot": "s1" }) };
        let reply = part.world.form_reply(&part.person, format!("wamid.{}.done.{rounds}", part.person), &token);
        // By the endpoint and by the chat at once; whichever comes later finds it done.
        let ((status, answer), ()) = tokio::join!(ask(&part, &last), part.world.deliver(&reply));
        let done = status == 427 || (status == 200 && answer["screen"] == "SUCCESS");
        assert!(done, "{}: {status} {answer}", part.person);
    }
    Filled { person: part.person, rounds }
}

/// The token of the next form.
async fn token(part: &Part, known: &HashSet<String>) -> String {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        if let Some(token) = part.world.token_of(&part.person, known) {
            return token;
        }
    }
}

/// Asks until there is an answer, as a phone does whose person taps again.
async fn ask(part: &Part, asked: &FormAsk<'_>) -> (u16, Value) {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        match part.world.ask_form(&part.key, asked).await {
            None | Some((503, _)) => {}
            Some(answer) => return answer,
        }
    }
}

impl Filled {
    /// Each form came, and led on once.
    pub(super) fn check(&self, heard: &[Message]) -> u32 {
        let texts: Vec<_> = heard.iter().map(|message| &*message.text).collect();
        let booked = texts.iter().skip(1).step_by(2).all(|text| *text == BOOKED);
        let forms = texts.iter().step_by(2).all(|text| *text != BOOKED);
        assert!(
            booked && forms && texts.len() == 2 * self.rounds as usize,
            "{} of {}: {texts:?}",
            self.rounds,
            self.person
        );
        self.rounds
    }
}
