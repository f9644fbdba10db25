//! Staff who take conversations over while their people write, and hand them back: in between the bot says nothing.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use simulator::Filter;

use super::mixed::Part;
use crate::support::{Interruption, Message};

const AGAIN: Duration = Duration::from_millis(50);
/// Calls among which an echo is looked for: some seconds' worth of a load.
const LATEST: usize = 2_000;
/// What a process sent that was killed may be taken so long after its end: the stand-in is slow at times.
const UNDER_WAY_MS: u64 = 2_000;

/// What befell one of them.
pub(super) struct Answered {
    pub(super) person: String,
    /// From the answer to a takeover to the order to hand back.
    pub(super) spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from_ms: u64,
    until_ms: u64,
}

/// A message at the same time as the takeover, one while a person has it, and one afterwards that the bot must answer.
pub(super) async fn answer(mut part: Part) -> Answered {
    part.says("begin", 0).await;
    heard(&part, "echo begin").await;
    let id = conversation(&part).await;
    let mut spans = Vec::new();
    while part.goes_on() {
        let round = spans.len() as u32;
        part.says(&format!("{round}a"), 3 * round + 1).await;
        asks(&part, &format!("/api/v1/conversations/{id}/takeover"), &[StatusCode::OK]).await;
        let from_ms = part.world.meta.now_ms();
        part.says(&format!("{round}b"), 3 * round + 2).await;
        part.waits(100..900).await;
        spans.push(Span { from_ms, until_ms: part.world.meta.now_ms() });
        // A conflict: an order whose answer was lost was carried out.
        let done = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::CONFLICT];
        asks(&part, &format!("/api/v1/conversations/{id}/handback"), &done).await;
        part.says(&format!("{round}c"), 3 * round + 3).await;
        heard(&part, &format!("echo {round}c")).await;
    }
    Answered { person: part.person, spans }
}

async fn conversation(part: &Part) -> String {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        let place = &part.world.place;
        let url = format!("http://{}/api/v1/conversations?phone={}", place.admin, part.person);
        let Ok(answer) = part.world.http.get(url).bearer_auth(&place.admin_token).send().await else { continue };
        let Ok(page) = answer.json::<serde_json::Value>().await else { continue };
        if let Some(id) = page["items"][0]["id"].as_str() {
            return id.to_owned();
        }
    }
}

/// Asks until it is answered; anything but these is wrong.
async fn asks(part: &Part, path: &str, done: &[StatusCode]) {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        let place = &part.world.place;
        let request = part.world.http.post(format!("http://{}{path}", place.admin)).bearer_auth(&place.admin_token);
        match request.json(&json!({})).send().await {
            Ok(answer) if done.contains(&answer.status()) => return,
            // Not yet, or not now.
            Ok(answer) if [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status()) => {}
            Ok(answer) => {
                panic!("{path}: {} {:?}", answer.status(), answer.text().await)
            }
            Err(_) => {}
        }
    }
}

/// Waits until the stand-in took a message.
async fn heard(part: &Part, text: &str) {
    let (to, text) = (format!("+{}", part.person), format!("{text:?}"));
    let mut again = tokio::time::interval(AGAIN);
    loop {
        again.tick().await;
        let filter = Filter { path: Some("/messages".into()), limit: LATEST, ..Filter::default() };
        let calls = part.world.meta.requests(&filter);
        if calls.iter().any(|call| call.accepted && call.request.contains(&to) && call.request.contains(&text)) {
            return;
        }
    }
}

impl Answered {
    /// Nothing left while a person had it, nothing that was said meanwhile was answered, and everything afterwards was, once.
    /// How much was under way when a process was killed right before a takeover.
    pub(super) fn check(&self, heard: &[Message], taken: &HashMap<&str, Vec<u64>>, kills: &[Interruption]) -> usize {
        let texts: Vec<_> = heard.iter().map(|message| &*message.text).collect();
        let mut expected = vec!["echo begin".to_owned()];
        for round in 0..self.spans.len() {
            // What came at the same time as the takeover was answered before it, after the hand back, or was a person's to answer.
            let raced = format!("echo {round}a");
            expected.extend(texts.contains(&&*raced).then_some(raced));
            expected.push(format!("echo {round}c"));
        }
        assert_eq!(texts, expected, "{}", self.person);
        let times = heard.iter().flat_map(|message| taken.get(&*message.callback_data).into_iter().flatten());
        times.filter(|at_ms| self.is_under_way(**at_ms, kills)).count()
    }

    /// Whether something left while a person had it that a kill explains; what nothing explains fails.
    fn is_under_way(&self, at_ms: u64, kills: &[Interruption]) -> bool {
        let Some(span) = self.spans.iter().find(|span| span.from_ms < at_ms && at_ms < span.until_ms) else {
            return false;
        };
        let explains = |kill: &Interruption| kill.at_ms <= at_ms && at_ms <= kill.at_ms + UNDER_WAY_MS;
        assert!(
            kills.iter().any(explains),
            "{}: a message left at {at_ms}, while a person had it: {span:?}",
            self.person
        );
        true
    }
}
