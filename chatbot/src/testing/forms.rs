//! Forms in tests: a phone that opens the newest form, fills in screen after screen and goes back, and what it shows.
//!
//! Where the bot has handlers for the Flow, they answer, with `http_stub` for the programs that they call; an answer that
//! comes after the Flow's budget is too late, as it is at a phone. The end of a form comes as a message, too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bubble::Bubble;
use super::fits;
use super::play::{Failed, Play};
use crate::bot::read::{At, Fields, Reader};
use crate::form::{FormAction, FormRequest, FormStep};
use crate::http::{HttpDone, HttpOutcome};
use crate::input::Input;
use crate::turn::Effect;

/// How often one request may be taken again.
const MAX_TAKES: usize = 40;

/// What a phone shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Screen {
    /// No form was opened.
    #[default]
    None,
    /// A screen and its data.
    Open { screen: String, data: Value },
    /// The form came to its end.
    Closed,
    /// The form cannot be opened any more; the person reads this.
    Dead(String),
    /// There was no usable answer.
    Refused(String),
}

/// What happened so far to forms.
#[derive(Default)]
pub(super) struct Phone {
    pub(super) shows: Screen,
    requests: u64,
    /// Answers that are kept, and until when.
    kept: BTreeMap<String, (u64, HttpOutcome)>,
}

/// What the phone must show; all of it must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WantedScreen {
    screen: Option<String>,
    data: Option<Value>,
    error_message: Option<String>,
    form: Option<&'static str>,
}

/// Keys of an expectation that looks at the form and not at a message.
pub(super) const KEYS: &[&str] = &["screen", "data", "error_message", "form"];
const STATES: &[&str] = &["open", "closed", "dead", "refused"];

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> WantedScreen {
    WantedScreen {
        screen: fields.get("screen").and_then(|at| reader.text(&at)),
        data: fields.get("data").map(|at| at.node.to_json()),
        error_message: fields.get("error_message").and_then(|at| reader.text(&at)),
        form: fields.get("form").and_then(|at| reader.word(&at, STATES)),
    }
}

/// What a person fills in: a map.
pub(super) fn data(reader: &mut Reader<'_>, at: Option<&At<'_>>) -> Map<String, Value> {
    let Some(at) = at else { return Map::new() };
    reader.entries(at).into_iter().map(|(entry, at)| (entry.key.clone(), at.node.to_json())).collect()
}

impl WantedScreen {
    /// What does not hold, if anything. A message on the screen is wanted or there is none.
    fn differs(&self, shows: &Screen) -> Option<String> {
        let state = match shows {
            Screen::None => return Some("no form is open".to_owned()),
            Screen::Open { .. } => "open",
            Screen::Closed => "closed",
            Screen::Dead(_) => "dead",
            Screen::Refused(_) => "refused",
        };
        if state != self.form.unwrap_or("open") {
            return Some(format!("the form is {state}, not {}", self.form.unwrap_or("open")));
        }
        let message = match shows {
            Screen::Open { screen, data } => {
                if let Some(wanted) = self.screen.as_ref().filter(|wanted| *wanted != screen) {
                    return Some(format!("the phone shows the screen {screen}, not {wanted}"));
                }
                if let Some(wanted) = self.data.as_ref().filter(|wanted| !fits(wanted, data)) {
                    return Some(format!("the data of the screen is {data}, not {wanted}"));
                }
                data["error_message"].as_str()
            }
            Screen::Dead(message) => Some(message.as_str()).filter(|_| self.error_message.is_some()),
            _ => None,
        };
        match (message, self.error_message.as_deref()) {
            (got, wanted) if got == wanted => None,
            (Some(got), Some(wanted)) => Some(format!("the phone shows the message {got:?}, not {wanted:?}")),
            (Some(got), None) => Some(format!("the phone shows the message {got:?}")),
            (None, Some(wanted)) => Some(format!("the phone shows no message, not {wanted:?}")),
            (None, None) => None,
        }
    }
}

/// The newest message that opens a form.
fn newest(said: &[Bubble]) -> Result<&Bubble, String> {
    let found = said.iter().rev().find(|bubble| bubble.kind() == "flow");
    found.ok_or_else(|| "the bot has sent no form that could be opened".to_owned())
}

fn token(bubble: &Bubble) -> &str {
    bubble.content()["action"]["parameters"]["flow_token"].as_str().unwrap_or_default()
}

impl Play<'_> {
    /// Whether the endpoint of the newest form is described in the bot.
    pub(super) fn has_endpoint(&self) -> bool {
        self.flow_of_newest().is_some_and(|flow| self.bot.handlers.contains_key(flow))
    }

    fn flow_of_newest(&self) -> Option<&str> {
        let token = token(newest(&self.said).ok()?);
        self.state.forms.iter().find(|form| form.token == token).map(|form| form.flow.as_str())
    }

    /// The button of the newest form is tapped: where the endpoint says what comes first, it is asked.
    pub(super) fn open_form(&mut self, flow: &str) -> Result<(), Failed> {
        let parameters = newest(&self.said)?.content()["action"]["parameters"].clone();
        if self.flow_of_newest().is_some_and(|newest| newest != flow) {
            return Err(format!("the newest form is not one of `{flow}`").into());
        }
        if parameters["flow_action"] == "data_exchange" {
            return self.ask_form(FormAction::Init, None, Map::new());
        }
        let payload = &parameters["flow_action_payload"];
        let data = payload.get("data").cloned().unwrap_or_else(|| json!({}));
        let screen = payload["screen"].as_str().unwrap_or_default().to_owned();
        self.begin();
        self.phone.shows = Screen::Open { screen, data };
        Ok(())
    }

    /// One request to the endpoint, with the calls that its handler wants.
    pub(super) fn ask_form(
        &mut self,
        action: FormAction,
        screen: Option<String>,
        data: Map<String, Value>,
    ) -> Result<(), Failed> {
        self.begin();
        let token = token(newest(&self.said)?).to_owned();
        self.phone.requests += 1;
        let digest = format!("request {}", self.phone.requests);
        let data = if action == FormAction::Init { Value::Null } else { Value::Object(data) };
        let mut request = FormRequest { token, action, screen, data, digest, results: Vec::new(), late: false };
        let mut passed_ms = 0;
        for _ in 0..MAX_TAKES {
            match self.take_form(&request)? {
                FormStep::Call { call, cache, budget_ms } => {
                    let cached = cache.as_ref().and_then(|cache| self.phone.kept.get(&cache.key));
                    let cached = cached.filter(|(until_ms, _)| *until_ms > self.now_ms).map(|(_, kept)| kept.clone());
                    let (outcome, delay_ms) = match cached {
                        Some(outcome) => (outcome, 0),
                        None => {
                            let answered = self.answer(&call)?;
                            self.asked.push(call.as_ref().clone());
                            answered
                        }
                    };
                    passed_ms += delay_ms;
                    request.late = passed_ms >= budget_ms;
                    let good = matches!(outcome, HttpOutcome::Answer { status: 200..=299, .. });
                    if let Some(cache) = cache.filter(|_| good && !request.late) {
                        let until_ms = self.now_ms.saturating_add(cache.ttl_ms);
                        self.phone.kept.insert(cache.key, (until_ms, outcome.clone()));
                    }
                    request.results.push(HttpDone { id: call.id.clone(), outcome, tries: 1 });
                }
                step => return self.shown(step),
            }
        }
        Err(format!("the handler wanted {MAX_TAKES} calls for one request").into())
    }

    fn take_form(&mut self, request: &FormRequest) -> Result<FormStep, Failed> {
        let effects = self.turn_of(&Input::Form(request.clone()))?;
        let step = effects.iter().find_map(Effect::form).cloned();
        step.ok_or_else(|| Failed::from("the bot gives the form no answer".to_owned()))
    }

    fn shown(&mut self, step: FormStep) -> Result<(), Failed> {
        self.phone.shows = match step {
            FormStep::Answer { screen, data } => Screen::Open { screen, data },
            FormStep::Finish { params } => {
                self.phone.shows = Screen::Closed;
                let data = params.as_object().cloned().unwrap_or_default();
                // The phone tells the chat, too, which changes nothing.
                let message = super::outside::form(&self.said, &data)?;
                return self.deliver(message);
            }
            FormStep::Dead { message } => Screen::Dead(message),
            FormStep::Refused { why } => Screen::Refused(why),
            FormStep::Acknowledged | FormStep::Call { .. } => return Ok(()),
        };
        Ok(())
    }

    pub(super) fn screen(&self, wanted: &WantedScreen) -> Result<(), Failed> {
        match (wanted.differs(&self.phone.shows), &self.phone.shows) {
            (None, _) => Ok(()),
            (Some(why), Screen::Refused(reason)) => Err(format!("{why}: {reason}").into()),
            (Some(why), _) => Err(why.into()),
        }
    }
}
