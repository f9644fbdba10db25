//! What a phone asks while a form is open, on its way to the conversation's actor and back.
//!
//! * A task drives each request: it hands it to the conversation's shard, gets the actor's step, makes the call of
//!   another program that the step may want, and hands the request on again with the result. So no actor waits for
//!   anything, and in between the conversation goes on with other inputs.
//! * Nothing of it lies in the store before the turn that answers: who gets no answer asks again.
//! * Copies of a request that is under way get the answer of the first one.
//! * Each of them ends: by its answer, when its time is over, or when the actor that had it has gone.

mod ask;
mod cache;
mod drive;
mod lookup;
mod open;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatbot::FormRequest;
use ractor::ActorRef;
use serde_json::Value;
use storage::ConversationId;

pub(crate) use ask::{Ask, Step};

use crate::deps::Deps;
use crate::shard;
use drive::Drive;
use lookup::Lookups;
use open::{Entered, Open};

/// What a phone gets for what it asked.
#[derive(Clone, Debug, PartialEq)]
pub enum FormOutcome {
    /// It shows this screen.
    Answer {
        /// The screen.
        screen: String,
        /// What the screen gets.
        data: Value,
    },
    /// The form is done.
    Finish {
        /// What comes with it, without the token.
        params: Value,
    },
    /// Its notice of an error was taken.
    Acknowledged,
    /// The token opens nothing, for good.
    Dead {
        /// What the person reads.
        message: String,
    },
    /// The bot has no usable answer.
    Refused,
    /// There was no answer in time, or whoever had the request has gone.
    Late,
    /// Too much is asked at once; nothing was done.
    Busy,
}

impl FormOutcome {
    /// Its word in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            FormOutcome::Answer { .. } => "answer",
            FormOutcome::Finish { .. } => "finish",
            FormOutcome::Acknowledged => "acknowledged",
            FormOutcome::Dead { .. } => "dead",
            FormOutcome::Refused => "refused",
            FormOutcome::Late => "late",
            FormOutcome::Busy => "busy",
        }
    }
}

/// What a phone gets, and who answered.
#[derive(Clone, Debug, PartialEq)]
pub struct FormAnswered {
    /// What it gets.
    pub outcome: FormOutcome,
    /// The bot's id and its name for the Flow; `None` where nobody knows the form.
    pub flow: Option<(Box<str>, Box<str>)>,
}

impl From<FormOutcome> for FormAnswered {
    fn from(outcome: FormOutcome) -> Self {
        Self { outcome, flow: None }
    }
}

/// What the person reads where nobody knows the form, and so no bot says it.
const GONE: &str = "This form is no longer open.";

pub(crate) fn gone() -> FormOutcome {
    FormOutcome::Dead { message: GONE.to_owned() }
}

/// The conversation that a token names: `pl1`, 26 characters and a secret, with dots between.
fn conversation_of(token: &str) -> Option<ConversationId> {
    let (address, secret) = token.strip_prefix("pl1.")?.split_once('.')?;
    if secret.is_empty() {
        return None;
    }
    format!("c_{address}").parse().ok()
}

/// The requests under way. See the module.
pub(crate) struct Asks {
    deps: Arc<Deps>,
    shards: Vec<ActorRef<shard::Message>>,
    open: Arc<Open>,
    lookups: Arc<Lookups>,
    stopped: AtomicBool,
}

impl Asks {
    pub(crate) fn new(deps: Arc<Deps>, shards: Vec<ActorRef<shard::Message>>) -> Self {
        let lookups = Lookups::new(deps.http.clone(), deps.clock.clone(), deps.metrics.clone());
        Self { deps, shards, open: Arc::default(), lookups, stopped: AtomicBool::new(false) }
    }

    /// Takes nothing more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// The answer to a request, within the time.
    pub(crate) async fn ask(&self, request: FormRequest, within: Duration) -> FormAnswered {
        let metrics = &self.deps.metrics.forms;
        let Some(conversation) = conversation_of(&request.token) else {
            metrics.answered(&gone());
            return gone().into();
        };
        let entered = match self.stopped.load(Ordering::Acquire) {
            true => Entered::Full,
            false => self.open.enter(conversation, &request.digest),
        };
        let mut told = match entered {
            Entered::First(ticket) => {
                let told = ticket.subscribe();
                let (deps, shards) = (self.deps.clone(), self.shards.clone());
                let drive = Drive::new(deps, shards, self.lookups.clone(), conversation, request, within);
                tokio::spawn(drive.run(ticket, within));
                told
            }
            Entered::Copy(told) => {
                metrics.copies.inc();
                told
            }
            Entered::Full => {
                metrics.answered(&FormOutcome::Busy);
                return FormOutcome::Busy.into();
            }
        };
        let answered = tokio::time::timeout(within, told.wait_for(Option::is_some)).await;
        let answered = answered.ok().and_then(Result::ok).and_then(|answered| answered.clone());
        answered.unwrap_or_else(|| FormOutcome::Late.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_conversation_and_anything_else_names_none() {
        let id = ConversationId([7; 16]);
        let address = id.to_string().trim_start_matches("c_").to_owned();
        assert_eq!(conversation_of(&format!("pl1.{address}.0123")), Some(id));
        let odd = [
            String::new(),
            "unused".into(),
            "pl1".into(),
            format!("pl1.{address}"),
            format!("pl1.{address}."),
            format!("pl2.{address}.0123"),
            format!("pl1.c_{address}.0123"),
            format!("pl1.{}.0123", address.to_lowercase()),
            format!("pl1.{}.0123", address.trim_start_matches(|_| true)),
            format!("pl1.{address}0.0123"),
            "pl1.ZZZZZZZZZZZZZZZZZZZZZZZZZZ.0123".into(),
            "pl1.\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}.0123".into(),
        ];
        for token in odd {
            assert_eq!(conversation_of(&token), None, "{token}");
        }
    }
}
