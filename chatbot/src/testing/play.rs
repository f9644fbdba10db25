//! Plays the steps of a test, one after the other, on a clock of its own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bubble::Bubble;
use super::forms::Phone;
use super::report::{Line, Shown};
use super::setting::Setting;
use super::stub::{self, Stub, WantedCall};
use super::wanted::{Wanted, diff};
use super::{Action, WantedEvent, fits, outside, sent};
use crate::bot::Bot;
use crate::event::Event;
use crate::form::FormAction;
use crate::http::{HttpCall, HttpDone, HttpOutcome};
use crate::input::{ContactView, Given, HandBack, Incoming, Input, NumberView};
use crate::snapshot::Snapshot;
use crate::trace::Trace;
use crate::turn::{Effect, Turn, turn};

/// What the tokens of forms begin with.
const ADDRESS: &str = "SCRIPT";
/// How often a bot may wake up in one `advance`.
const MAX_WAKES: u32 = 10_000;
/// How many calls may be answered in one step without time passing.
const MAX_ANSWERS: u32 = 1_000;

/// Why a step does not hold.
pub(super) struct Failed {
    pub(super) what: String,
    pub(super) diff: Vec<Line>,
    pub(super) shown: Vec<Shown>,
}

impl From<String> for Failed {
    fn from(what: String) -> Self {
        Self { what, diff: Vec::new(), shown: Vec::new() }
    }
}

/// A conversation under way.
pub(super) struct Play<'b> {
    pub(super) bot: &'b Bot,
    contact: ContactView,
    number: NumberView,
    pub(super) state: Snapshot,
    pub(super) now_ms: u64,
    inputs: u64,
    /// What the next turn draws from, if the test says so.
    seed: Option<u64>,
    /// All that the bot said, ever.
    pub(super) said: Vec<Bubble>,
    /// How much of it was said before the last thing that was done.
    before: usize,
    /// How much of it was looked at.
    seen: usize,
    /// The reasons with which runs ended since the last thing that was done.
    ended: Vec<String>,
    /// Who answers calls, and how often each has.
    stubs: Vec<(Stub, u32)>,
    /// All calls that were ever made.
    pub(super) asked: Vec<HttpCall>,
    /// How many of them were looked at.
    asked_seen: usize,
    /// The events that the bot decided, and how many of them were looked at.
    events: Vec<Event>,
    events_seen: usize,
    /// Results that are under way, and when they arrive.
    coming: Vec<(u64, HttpDone)>,
    /// Variables of the run, the last one if none goes on, and of the contact.
    vars: BTreeMap<String, Value>,
    /// What the phone shows of forms.
    pub(super) phone: Phone,
}

impl<'b> Play<'b> {
    pub(super) fn new(bot: &'b Bot, setting: &Setting) -> Self {
        let number = NumberView { id: "1055501000".into(), display: Some("+1 555 010 0000".into()) };
        let mut play = Self {
            bot,
            contact: setting.contact.clone(),
            number,
            state: setting.state.clone(),
            now_ms: setting.at_ms,
            inputs: 0,
            seed: None,
            said: Vec::new(),
            before: 0,
            seen: 0,
            ended: Vec::new(),
            stubs: Vec::new(),
            asked: Vec::new(),
            asked_seen: 0,
            events: Vec::new(),
            events_seen: 0,
            coming: Vec::new(),
            vars: BTreeMap::new(),
            phone: Phone::default(),
        };
        play.note_variables();
        play
    }

    pub(super) fn node(&self) -> Option<&str> {
        self.state.node()
    }

    pub(super) fn step(&mut self, action: &Action) -> Result<(), Failed> {
        match action {
            Action::User(text) => self.message(sent::text(text)),
            Action::Tap(what) => self.tap(what),
            Action::Send(message) => self.message(message.as_ref().clone()),
            Action::Submit(data) => self.message(outside::form(&self.said, data)?),
            Action::Open(flow) => self.open_form(flow),
            Action::Exchange(FormAction::Submit, _, data) if !self.has_endpoint() => {
                self.message(outside::form(&self.said, data)?)
            }
            Action::Exchange(action, screen, data) => self.ask_form(*action, Some(screen.clone()), data.clone()),
            Action::Screen(wanted) => self.screen(wanted),
            Action::Api(call) => {
                self.begin();
                self.input(&Input::Api(call.clone()))
            }
            Action::AdvanceMs(ms) => self.advance(*ms),
            Action::HandBack(how) => self.hand_back(*how),
            Action::Staff => self.staff(),
            Action::Seed(seed) => {
                self.seed = Some(*seed);
                Ok(())
            }
            Action::Stub(stub) => {
                self.stubs.push((stub.as_ref().clone(), 0));
                Ok(())
            }
            Action::Http(wanted) => self.http(wanted.as_deref()),
            Action::Event(wanted) => self.event(wanted.as_ref()),
            Action::Next(wanted) => self.next(wanted),
            Action::All(wanted) => self.all(wanted),
            Action::End(reason) => self.end(reason),
            Action::Node(id) => self.at(id),
            Action::Vars(wanted) => wanted.iter().try_for_each(|(name, value)| self.var(name, value)),
            Action::Contact(wanted) => wanted.iter().try_for_each(|(name, value)| self.about(name, value)),
        }
    }

    // What is done

    fn message(&mut self, message: Incoming) -> Result<(), Failed> {
        self.begin();
        self.deliver(message)
    }

    pub(super) fn deliver(&mut self, message: Incoming) -> Result<(), Failed> {
        let mut message = Incoming { wamid: format!("wamid.in.{}", self.inputs + 1), at_ms: self.now_ms, ..message };
        if let (Some(bubble), Some(id)) =
            (self.said.last(), message.data.as_mut().and_then(|d| d.get_mut("message_id")))
            && id == sent::LAST
        {
            *id = Value::from(bubble.wamid.as_str());
        }
        self.input(&Input::Message(message))
    }

    /// Taps the newest thing of this id or title that was ever offered: old messages stay on the phone.
    fn tap(&mut self, what: &str) -> Result<(), Failed> {
        let offered =
            || self.said.iter().rev().flat_map(|bubble| bubble.choices().into_iter().map(move |c| (bubble, c)));
        let found = offered().find(|(_, choice)| choice.id == what || choice.title.as_deref() == Some(what));
        let Some((bubble, choice)) = found else {
            let last = self.said.iter().rev().find(|bubble| !bubble.choices().is_empty());
            let had = last.map_or_else(
                || "the bot has offered nothing to tap".to_owned(),
                |bubble| format!("the last message that could be tapped is {}", bubble.written()),
            );
            return Err(format!("there is no `{what}` to tap: {had}").into());
        };
        let message = sent::tap(&choice, &bubble.wamid);
        self.message(message)
    }

    /// Lets time pass; what is due on the way happens at its time, in order.
    fn advance(&mut self, ms: u64) -> Result<(), Failed> {
        self.begin();
        let until_ms = self.now_ms.saturating_add(ms);
        for _ in 0..MAX_WAKES {
            let arrives_ms = self.coming.iter().map(|(at_ms, _)| *at_ms).min();
            let wake_ms = self.state.wake_ms().filter(|wake_ms| arrives_ms.is_none_or(|at_ms| *wake_ms < at_ms));
            let Some(due_ms) = wake_ms.or(arrives_ms).filter(|due_ms| *due_ms <= until_ms) else {
                self.now_ms = until_ms;
                return Ok(());
            };
            self.now_ms = self.now_ms.max(due_ms);
            match wake_ms {
                Some(_) => self.input(&Input::Tick)?,
                None => self.take_answers()?,
            }
        }
        Err(format!("the bot woke up {MAX_WAKES} times in this time").into())
    }

    fn hand_back(&mut self, how: HandBack) -> Result<(), Failed> {
        if self.state.handed_over().is_none() {
            return Err("no human has the conversation: there is nothing to hand back".to_owned().into());
        }
        self.begin();
        self.input(&Input::HandBack(how))
    }

    /// Somebody of the staff writes; the time after which the bot goes on begins anew.
    fn staff(&mut self) -> Result<(), Failed> {
        if self.state.handed_over().is_none() {
            return Err("no human has the conversation: the bot would not notice".to_owned().into());
        }
        self.begin();
        self.state.human_wrote(self.now_ms);
        Ok(())
    }

    pub(super) fn begin(&mut self) {
        self.before = self.said.len();
        self.seen = self.before;
        self.asked_seen = self.asked.len();
        self.events_seen = self.events.len();
        self.ended.clear();
    }

    fn input(&mut self, input: &Input) -> Result<(), Failed> {
        self.turn(input)?;
        self.take_answers()
    }

    /// Takes the results that are there.
    fn take_answers(&mut self) -> Result<(), Failed> {
        for _ in 0..MAX_ANSWERS {
            let Some(at) = self.coming.iter().position(|(at_ms, _)| *at_ms <= self.now_ms) else { return Ok(()) };
            let (_, done) = self.coming.remove(at);
            self.turn(&Input::HttpDone(done))?;
        }
        Err(format!("the bot made {MAX_ANSWERS} calls in one step").into())
    }

    fn turn(&mut self, input: &Input) -> Result<(), Failed> {
        self.turn_of(input).map(drop)
    }

    /// What a turn decided; calls of nodes are under way then.
    pub(super) fn turn_of(&mut self, input: &Input) -> Result<Vec<Effect>, Failed> {
        self.inputs += 1;
        let seed = self.seed.take().unwrap_or(self.inputs);
        let given = Given {
            now_ms: self.now_ms,
            seed,
            staff_since_ms: None,
            address: ADDRESS,
            contact: &self.contact,
            number: &self.number,
        };
        let done = turn(self.bot, &self.state, input, &given)
            .map_err(|error| Failed::from(format!("the bot fails: {error}")))?;
        let effects = done.effects.clone();
        self.take(done);
        effects.iter().filter_map(Effect::call).try_for_each(|call| self.call(call.clone()))?;
        Ok(effects)
    }

    /// Has the stubs answer a call, as often as the node tries it.
    fn call(&mut self, call: HttpCall) -> Result<(), Failed> {
        if self.coming.iter().any(|(_, done)| done.id == call.id) {
            return Ok(());
        }
        let mut at_ms = self.now_ms;
        let (mut tries, mut again) = (0, true);
        let mut outcome = HttpOutcome::Timeout;
        while again {
            tries += 1;
            let (answer, delay_ms) = self.answer(&call)?;
            let late = delay_ms >= call.timeout_ms || answer == HttpOutcome::Timeout;
            at_ms += if late { call.timeout_ms } else { delay_ms };
            outcome = if late { HttpOutcome::Timeout } else { answer };
            again = call.tries_again(tries, &outcome);
            at_ms += if again { call.pause_ms(tries) } else { 0 };
        }
        self.coming.push((at_ms, HttpDone { id: call.id.clone(), outcome, tries }));
        self.asked.push(call);
        Ok(())
    }

    pub(super) fn answer(&mut self, call: &HttpCall) -> Result<(HttpOutcome, u64), Failed> {
        let left = |(stub, used): &&mut (Stub, u32)| stub.times.is_none_or(|times| *used < times);
        let found = self.stubs.iter_mut().filter(left).find(|(stub, _)| stub.answers(call));
        let Some((stub, used)) = found else {
            return Err(format!("no `http_stub` answers this call of the bot\n{}", stub::shown(call)).into());
        };
        *used += 1;
        Ok((stub.outcome.clone(), stub.delay_ms))
    }

    fn take(&mut self, done: Turn) {
        self.events.extend(done.effects.iter().filter_map(|effect| match effect {
            Effect::Emit(event) => Some(event.as_ref().clone()),
            _ => None,
        }));
        for sending in done.effects.iter().filter_map(Effect::message) {
            self.said.push(Bubble::new(format!("wamid.out.{}", self.said.len() + 1), &sending.message));
        }
        for trace in done.trace {
            match trace {
                Trace::RunStarted { .. } => {
                    let defaults = self.bot.vars.iter();
                    self.vars = defaults.filter_map(|(name, var)| Some((name.clone(), var.default.clone()?))).collect();
                }
                Trace::Set { name, after, .. } => drop(self.vars.insert(name, after)),
                Trace::RunEnded { reason, .. } => self.ended.push(reason),
                _ => {}
            }
        }
        self.state = done.after;
        self.note_variables();
    }

    fn note_variables(&mut self) {
        if let Value::Object(now) = self.state.variables() {
            self.vars.extend(now);
        }
    }

    // What must hold

    fn next(&mut self, wanted: &Wanted) -> Result<(), Failed> {
        let got: Vec<&Bubble> = self.said.iter().skip(self.seen).take(1).collect();
        if got.first().is_some_and(|bubble| wanted.is(bubble)) {
            self.seen += 1;
            return Ok(());
        }
        Err(self.differs(std::slice::from_ref(wanted), &got))
    }

    fn http(&mut self, wanted: Option<&WantedCall>) -> Result<(), Failed> {
        match (wanted, self.asked.get(self.asked_seen)) {
            (None, None) => Ok(()),
            (None, Some(call)) => Err(format!("the bot makes a call\n{}", stub::shown(call)).into()),
            (Some(_), None) => Err("the bot makes no call, or none that was not looked at".to_owned().into()),
            (Some(wanted), Some(call)) => {
                if let Some(differs) = wanted.differs(call) {
                    return Err(format!("{differs}; the call is\n{}", stub::shown(call)).into());
                }
                self.asked_seen += 1;
                Ok(())
            }
        }
    }

    fn event(&mut self, wanted: Option<&WantedEvent>) -> Result<(), Failed> {
        let what = match (wanted, self.next_event()) {
            (None, None) => return Ok(()),
            (None, Some(event)) => format!("the bot tells of `{}` {}", event.name, event.data),
            (Some(_), None) => "the bot tells of no event, or of none that was not looked at".to_owned(),
            (Some(wanted), Some(event)) => match wanted.differs(event) {
                Some(differs) => differs,
                None => {
                    self.look_at_event();
                    return Ok(());
                }
            },
        };
        Err(what.into())
    }

    fn all(&mut self, wanted: &[Wanted]) -> Result<(), Failed> {
        // `nothing` is an empty list, and leaves out what was looked at.
        let from = if wanted.is_empty() { self.seen } else { self.before };
        let got: Vec<&Bubble> = self.said.iter().skip(from).collect();
        if got.len() == wanted.len() && wanted.iter().zip(&got).all(|(wanted, bubble)| wanted.is(bubble)) {
            self.seen = self.said.len();
            return Ok(());
        }
        Err(self.differs(wanted, &got))
    }

    fn differs(&self, wanted: &[Wanted], got: &[&Bubble]) -> Failed {
        let what = match (got.is_empty(), &self.state.burst) {
            (true, Some(_)) => "the bot says nothing: it waits for more texts first (`debounce_ms`)",
            (true, None) => "the bot says nothing more",
            _ => "the bot says something else",
        };
        let (diff, shown) = diff(wanted, got);
        Failed { what: what.to_owned(), diff, shown }
    }

    fn end(&self, reason: &str) -> Result<(), Failed> {
        if self.ended.iter().any(|ended| ended == reason) {
            return Ok(());
        }
        Err(match self.ended.as_slice() {
            [] => "no run has ended here".to_owned(),
            ended => format!("the run ended with `{}`, not with `{reason}`", ended.join("`, `")),
        }
        .into())
    }

    fn at(&self, id: &str) -> Result<(), Failed> {
        match self.node() {
            Some(node) if node == id => Ok(()),
            Some(node) => Err(format!("the run waits at `{node}`, not at `{id}`").into()),
            None => Err(format!("no run waits at `{id}` or anywhere else").into()),
        }
    }

    fn var(&self, name: &str, wanted: &Value) -> Result<(), Failed> {
        held(name, wanted, &self.variable(name))
    }

    fn about(&self, name: &str, wanted: &Value) -> Result<(), Failed> {
        held(&format!("contact.{name}"), wanted, &self.contact(name))
    }

    // What was found, for blessing

    /// The value of a variable, or of what stands in it behind dots.
    pub(super) fn variable(&self, name: &str) -> Value {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        inside(self.vars.get(first), rest)
    }

    /// A field of the person.
    pub(super) fn contact(&self, name: &str) -> Value {
        let mut all = self.contact.as_json();
        let noted = self.state.person.as_json();
        if let (Value::Object(all), Value::Object(noted)) = (&mut all, noted) {
            all.extend(noted);
        }
        inside(Some(&all), name)
    }

    /// The next event that nothing has looked at.
    pub(super) fn next_event(&self) -> Option<&Event> {
        self.events.get(self.events_seen)
    }

    pub(super) fn look_at_event(&mut self) {
        self.events_seen = (self.events_seen + 1).min(self.events.len());
    }

    /// What the last run that ended since the last thing that was done ended with.
    pub(super) fn end_reason(&self) -> Option<&str> {
        self.ended.last().map(String::as_str)
    }

    /// What was said since the last thing that was done.
    pub(super) fn said_since(&self) -> &[Bubble] {
        self.said.get(self.before..).unwrap_or_default()
    }

    /// How much of it was looked at.
    pub(super) fn looked_at(&self) -> usize {
        self.seen - self.before
    }

    /// From now on so much of it was looked at.
    pub(super) fn look_at(&mut self, count: usize) {
        self.seen = (self.before + count).min(self.said.len());
    }
}

fn inside(whole: Option<&Value>, dotted: &str) -> Value {
    let mut parts = dotted.split('.').filter(|part| !part.is_empty());
    let found = whole.and_then(|whole| parts.try_fold(whole, |value, part| value.get(part)));
    found.cloned().unwrap_or_default()
}

fn held(name: &str, wanted: &Value, got: &Value) -> Result<(), Failed> {
    match fits(wanted, got) {
        true => Ok(()),
        false if got.is_null() => Err(format!("`{name}` has no value, {wanted} is expected").into()),
        false => Err(format!("`{name}` is {got}, not {wanted}").into()),
    }
}
