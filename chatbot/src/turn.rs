//! The turn: one input advances one conversation. Pure; the shell commits what it decides, then
//! performs the effects.
//!
//! A message goes to the run that waits, after restart words and triggers that interrupt; without a
//! run the triggers are consulted in order. Stop words come before everything; with `debounce_ms` texts wait
//! until nothing follows them, and are one message. A tick takes the port `timeout` of the node that waits,
//! or `policies.on_idle`, or fires a trigger of time, whichever was due first; a message that comes before a late tick
//! wins. The result of a call goes to the node that waits for this very call, or nowhere; what another program tells goes
//! to the `wait` for it, else to its trigger. What a phone asks on behalf of a form, the handlers of its Flow answer.
//!
//! Where nothing else is said, an error takes the error port of its node, then `policies.on_error`
//! (once a turn). Without either a message fails with [`TurnError`] and leaves the state as it was;
//! a tick, which would be due again at once, ends the run instead.

mod call;
pub(crate) mod compose;
mod fault;
mod start;
pub(crate) mod timed;
mod walk;

use serde::{Deserialize, Serialize};

use crate::bot::Bot;
use crate::event::Event;
use crate::form::{self, FormStep};
use crate::http::HttpCall;
use crate::input::{Class, Given, Incoming, Input};
use crate::sending::Sending;
use crate::snapshot::{Snapshot, Wait};
use crate::trace::Trace;

pub(crate) use fault::Fault;
pub use fault::TurnError;
pub(crate) use walk::{Walk, hash, run_id, shown};

/// What a turn decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The state after the turn.
    pub after: Snapshot,
    /// What the shell shall do, in this order, after the commit.
    pub effects: Vec<Effect>,
    /// Why.
    pub trace: Vec<Trace>,
    /// Whether the state differs or something shall be done.
    pub changed: bool,
}

/// Something that the shell shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Queue the message for the person, after all messages decided before.
    Send(Box<Sending>),
    /// Tell the endpoints that want to know of it.
    Emit(Box<Event>),
    /// Make this call and bring the result as [`Input::HttpDone`]; one that is under way already is not made twice.
    CallHttp(Box<HttpCall>),
    /// Tell the phone whose request the input was; at most one in a turn, and nothing to be kept.
    Form(Box<FormStep>),
}

impl Effect {
    /// The message, if it is one.
    pub fn message(&self) -> Option<&Sending> {
        match self {
            Effect::Send(sending) => Some(sending),
            Effect::Emit(_) | Effect::CallHttp(_) | Effect::Form(_) => None,
        }
    }

    /// The call, if it is one.
    pub fn call(&self) -> Option<&HttpCall> {
        match self {
            Effect::CallHttp(call) => Some(call),
            Effect::Send(_) | Effect::Emit(_) | Effect::Form(_) => None,
        }
    }

    /// The step of a request of a form, if it is one.
    pub fn form(&self) -> Option<&FormStep> {
        match self {
            Effect::Form(step) => Some(step),
            Effect::Send(_) | Effect::Emit(_) | Effect::CallHttp(_) => None,
        }
    }
}

/// Advances one conversation by one input. Never sends, waits or reads a clock: the same arguments
/// give the same turn, byte for byte. Hand it the bot version that [`Snapshot::bot`] names.
///
/// # Errors
/// A failure of the bot that no error path takes; the conversation stays as it was.
pub fn turn(bot: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>) -> Result<Turn, TurnError> {
    let mut walk = Walk::new(bot, before, input, given);
    let goes_on = match input {
        Input::Message(_) | Input::Api(_) | Input::Unsent(_) | Input::Tick => walk.take_up_form(),
        Input::HandBack(_) | Input::Steer(_) | Input::HttpDone(_) | Input::Form(_) => false,
    };
    match input {
        Input::Message(message) => on_arrival(&mut walk, message)?,
        Input::HandBack(how) => walk.hand_back(how.port())?,
        Input::Steer(how) => walk.steer(how)?,
        Input::HttpDone(done) => walk.http_done(done)?,
        Input::Api(call) => {
            walk.set_input(call.as_json());
            call::on_call(&mut walk, call)?;
        }
        Input::Form(request) => return Ok(form::on_request(walk, before, request)),
        Input::Unsent(unsent) => walk.unsent(unsent)?,
        // What else is due is due with the next one.
        Input::Tick if goes_on => {}
        Input::Tick => on_tick(&mut walk)?,
    }
    Ok(walk.finish(before))
}

/// Nothing is said while a human answers. Stop words come first; then texts wait for more that may follow, where the bot says so.
fn on_arrival(walk: &mut Walk<'_>, message: &Incoming) -> Result<(), TurnError> {
    let policies = &walk.bot().policies;
    let stop = policies.stops(&message.text).filter(|_| message.is_words());
    if walk.is_handed_over() {
        walk.leave_to_human(message, stop.is_some());
        return Ok(());
    }
    if let Some(reply) = stop {
        walk.stop(reply);
        return Ok(());
    }
    if walk.is_done_form(message) {
        return Ok(());
    }
    let commands = policies.is_restart(&message.text) || policies.asks_for_human(&message.text).is_some();
    if message.class() == Class::Text
        && !commands
        && let Some(ms) = policies.debounce_ms
    {
        if walk.keep(message, ms) {
            return Ok(());
        }
        return on_burst(walk);
    }
    if message.may_start() && walk.burst_due_ms().is_some() {
        on_burst(walk)?;
    }
    walk.read(message.as_json());
    on_message(walk, message)
}

fn on_burst(walk: &mut Walk<'_>) -> Result<(), TurnError> {
    match walk.take_burst() {
        Some(message) => on_message(walk, &message),
        None => Ok(()),
    }
}

fn on_message(walk: &mut Walk<'_>, message: &Incoming) -> Result<(), TurnError> {
    // Texts that waited, or the result of a call while they did, may have led to a human.
    if walk.is_handed_over() {
        walk.leave_to_human(message, false);
        return Ok(());
    }
    if walk.has_run() && !walk.count_turn() {
        return start::by_trigger(walk, message);
    }
    if !walk.has_run() {
        return start::by_trigger(walk, message);
    }
    // The form that is waited for is an answer, whatever else it may start.
    if message.may_start() && !walk.awaits_form(message) {
        if walk.bot().policies.is_restart(&message.text) {
            return start::over(walk, message);
        }
        if let Some(to) = walk.bot().policies.asks_for_human(&message.text) {
            return walk.ask_human(to);
        }
        if let Some(hit) = start::interrupting(walk, message)? {
            walk.end_run("interrupted", None);
            return start::at(walk, hit);
        }
    }
    let Some((index, wait)) = walk.waiting() else {
        walk.end_run("node_gone", None);
        return start::by_trigger(walk, message);
    };
    walk.answer(index, &wait, message)
}

fn on_tick(walk: &mut Walk<'_>) -> Result<(), TurnError> {
    if let Some(due_ms) = walk.burst_due_ms() {
        return if due_ms <= walk.now_ms() { on_burst(walk) } else { Ok(()) };
    }
    let (run, timed) = (walk.due(), walk.timed_due());
    let result = match (run, timed) {
        (Some((run_ms, due)), timed) if timed.is_none_or(|(timed_ms, _)| run_ms <= timed_ms) => on_due(walk, due),
        (_, Some((_, trigger))) => walk.fire(trigger),
        _ => return Ok(()),
    };
    result.or_else(|error| {
        walk.note(Trace::Error { node: Some(error.node().to_owned()), message: error.to_string() });
        walk.end_run("error", None);
        Ok(())
    })
}

fn on_due(walk: &mut Walk<'_>, due: Due) -> Result<(), TurnError> {
    if !walk.count_turn() {
        return Ok(());
    }
    let Some((index, wait)) = walk.waiting() else {
        walk.end_run("node_gone", None);
        return Ok(());
    };
    match due {
        Due::Timeout => walk.timeout(index, &wait),
        Due::Idle => walk.idle(&wait),
        Due::MaxAge => {
            walk.end_run("max_age", None);
            Ok(())
        }
    }
}

/// Which wake time has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Due {
    Timeout,
    Idle,
    MaxAge,
}

impl Due {
    /// The earliest of those that are due, and since when.
    fn of(wait: &Wait, expires_ms: Option<u64>, now_ms: u64) -> Option<(u64, Self)> {
        [(expires_ms, Due::MaxAge), (wait.timeout_ms, Due::Timeout), (wait.idle_ms, Due::Idle)]
            .into_iter()
            .filter(|(_, due)| *due != Due::MaxAge || wait.handed_over.is_none())
            .filter_map(|(at, due)| at.filter(|at| *at <= now_ms).map(|at| (at, due)))
            .min_by_key(|(at, _)| *at)
    }
}
