//! Phones with forms on them: they ask the endpoint for screens, ask again what got no answer, and bring the form back by
//! webhook, after its end or before it, once or twice.

use std::sync::Arc;
use std::time::Duration;

use actors::FormOutcome;
use chatbot::{FormAction, FormRequest};
use parking_lot::Mutex;
use serde_json::json;
use whatsapp::webhook::Received;

use super::meta::Sent;
use crate::support::{SplitMix, received};

/// Numbers of messages that bring a form back begin here.
const FORMS: u32 = 1 << 16;
/// What was not answered is asked again after this, which is longer than an answer may take.
const AGAIN_MS: u64 = 10_000;
/// Of one form.
const MOST_REFUSED: u32 = 3;
pub(super) const WITHIN: Duration = Duration::from_secs(8);

pub(super) struct Phones(Mutex<State>);

struct State {
    random: SplitMix,
    /// From now on nobody waits long or does anything odd.
    is_calm: bool,
    requests: u64,
    forms: Vec<Form>,
}

struct Form {
    sent: Sent,
    /// The screen that it shows.
    shows: Option<&'static str>,
    /// Of the request that was not answered yet.
    digest: Option<String>,
    asks_ms: Option<u64>,
    returns_ms: Option<u64>,
    refused: u32,
}

/// A request of a form, by its place among them.
pub(super) struct Asked {
    at: usize,
    pub request: FormRequest,
}

/// A form that comes back.
pub(super) struct Returned {
    pub person: u32,
    pub message: u32,
    pub row: String,
}

impl Phones {
    pub(super) fn new(random: SplitMix) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { random, is_calm: false, requests: 0, forms: Vec::new() })))
    }

    pub(super) fn calm_down(&self) {
        self.0.lock().is_calm = true;
    }

    pub(super) fn next_ms(&self) -> Option<u64> {
        let state = self.0.lock();
        state.forms.iter().flat_map(|form| [form.asks_ms, form.returns_ms]).flatten().min()
    }

    /// These have come. Most are opened, some never; some come back by themselves.
    pub(super) fn get(&self, forms: Vec<Sent>, now_ms: u64) {
        let mut state = self.0.lock();
        for sent in forms {
            if state.forms.iter().any(|form| form.sent.token == sent.token) {
                continue;
            }
            let asks_ms = state.chance(90).then(|| now_ms + state.after(20_000));
            let returns_ms = state.chance(15).then(|| now_ms + state.after(40_000));
            state.forms.push(Form { sent, shows: None, digest: None, asks_ms, returns_ms, refused: 0 });
        }
    }

    /// What is due to be asked. It is asked again later, as it was or encrypted anew, unless there is an answer.
    pub(super) fn asks(&self, now_ms: u64) -> Vec<Asked> {
        let mut state = self.0.lock();
        let due = |form: &Form| form.asks_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let due: Vec<_> = (0..state.forms.len()).filter(|at| due(&state.forms[*at])).collect();
        due.into_iter().map(|at| state.ask(at, now_ms)).collect()
    }

    /// What comes back now.
    pub(super) fn returns(&self, now_ms: u64) -> Vec<Returned> {
        let mut state = self.0.lock();
        let mut returned = Vec::new();
        for at in 0..state.forms.len() {
            if state.forms[at].returns_ms.is_some_and(|at_ms| at_ms <= now_ms) {
                let is_copied = !state.is_calm && state.chance(20);
                state.forms[at].returns_ms = is_copied.then(|| now_ms + state.after(60_000));
                let Sent { person, row, .. } = &state.forms[at].sent;
                returned.push(Returned { person: *person, message: FORMS + at as u32, row: row.clone() });
            }
        }
        returned
    }

    /// The message that brings a form back, if it is one.
    pub(super) fn message(&self, wamid: &str, message: u32) -> Option<Received> {
        let state = self.0.lock();
        let Sent { person, token, row } = &state.forms[message.checked_sub(FORMS)? as usize].sent;
        let response = json!({ "form": row, "flow_token": token }).to_string();
        let reply = json!({ "name": "flow", "body": "Sent", "response_json": response });
        let mut plain = received(wamid, *person, "");
        let message = json!({
            "from": plain.from, "id": wamid, "timestamp": "1900000000", "type": "interactive",
            "interactive": { "type": "nfm_reply", "nfm_reply": reply },
        });
        plain.message = serde_json::value::to_raw_value(&message).unwrap();
        Some(plain)
    }

    /// A phone hears this. Answers the row of its form if it is done now.
    pub(super) fn hears(&self, asked: &Asked, outcome: &FormOutcome, now_ms: u64) -> Result<Option<String>, String> {
        let mut state = self.0.lock();
        let (think_ms, lag_ms, is_quiet) = (state.after(20_000), state.after(5_000), state.chance(15));
        let form = &mut state.forms[asked.at];
        let is_late = form.digest.as_ref() != Some(&asked.request.digest);
        match outcome {
            FormOutcome::Finish { .. } => {
                form.asks_ms = None;
                form.returns_ms = form.returns_ms.or((!is_quiet).then_some(now_ms + lag_ms));
                return Ok(Some(form.sent.row.clone()));
            }
            FormOutcome::Late | FormOutcome::Busy => {}
            _ if is_late => {}
            FormOutcome::Answer { screen, .. } => {
                let next = if form.shows.is_none() { "A" } else { "B" };
                if screen != next || form.shows == Some("B") {
                    return Err(format!("{} shows {screen} after {:?}", form.sent.row, form.shows));
                }
                (form.shows, form.digest, form.asks_ms) = (Some(next), None, Some(now_ms + think_ms));
            }
            FormOutcome::Dead { .. } => form.asks_ms = None,
            // While a conversation moves to another version nobody answers.
            FormOutcome::Refused if form.refused < MOST_REFUSED => {
                (form.refused, form.digest) = (form.refused + 1, None)
            }
            FormOutcome::Acknowledged | FormOutcome::Refused => {
                return Err(format!("{} is answered {outcome:?}", form.sent.row));
            }
        }
        Ok(None)
    }
}

impl State {
    fn chance(&mut self, percent: u64) -> bool {
        self.random.chance(percent)
    }

    fn after(&mut self, most_ms: u64) -> u64 {
        let after_ms = 1 + self.random.below(most_ms);
        if self.is_calm { after_ms.min(100) } else { after_ms }
    }

    fn ask(&mut self, at: usize, now_ms: u64) -> Asked {
        let is_anew = self.random.chance(50);
        self.requests += 1;
        let form = &mut self.forms[at];
        form.asks_ms = Some(now_ms + AGAIN_MS);
        let new = || format!("digest {}", self.requests);
        let digest = form.digest.take().filter(|_| !is_anew).unwrap_or_else(new);
        form.digest = Some(digest.clone());
        let request = FormRequest {
            token: form.sent.token.clone(),
            action: if form.shows.is_none() { FormAction::Init } else { FormAction::Submit },
            screen: form.shows.map(str::to_owned),
            data: json!({ "form": form.sent.row }),
            digest,
            results: Vec::new(),
            late: false,
        };
        Asked { at, request }
    }
}
