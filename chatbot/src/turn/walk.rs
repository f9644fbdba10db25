//! A turn at work: walks from node to node, collects effects and trace, keeps the caps.

mod burst;
mod called;
mod emit;
mod forms;
mod frames;
mod handed;
mod person;
mod speak;
pub(crate) mod steer;
mod unsent;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use super::fault::FaultKind;
use super::{Due, Effect, Fault, Turn, TurnError, start, timed};
use crate::bot::Bot;
use crate::bot::policies::Unexpected;
use crate::caps;
use crate::expr::scope::{Home, is_deeper, json_bytes, rfc3339};
use crate::expr::{Scope, Template};
use crate::input::{Class, Given, Incoming, Input};
use crate::locale::Locale;
use crate::node::{Here, Next, Node};
use crate::snapshot::form::{self, Form};
use crate::snapshot::{Burst, Run, Snapshot, Vars, Wait};
use crate::trace::{Trace, Why};

pub(crate) struct Walk<'a> {
    bot: &'a Bot,
    given: &'a Given<'a>,
    scope: Scope,
    /// The run; its variables are in the scope while the turn lasts.
    run: Option<Run>,
    first_contact: bool,
    /// The person's last message.
    last: Option<String>,
    /// Texts that wait for more to follow.
    burst: Option<Box<Burst>>,
    /// When the person last wrote.
    pub(super) wrote_ms: Option<u64>,
    /// See [`Snapshot::timed`].
    pub(super) timed: BTreeMap<String, Option<u64>>,
    forms: Vec<Form>,
    /// What handlers of a form have set of their own, while they are at work.
    locals: Option<Vars>,
    /// A message of the person is at work.
    reads: bool,
    effects: Vec<Effect>,
    trace: Vec<Trace>,
    /// Nodes entered, for the message of a cap.
    path: Vec<usize>,
    steps: usize,
    text_bytes: usize,
    event_bytes: usize,
    /// `policies.on_error` has been taken in this turn.
    rescued: bool,
    runs_begun: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bot: &'a Bot, before: &Snapshot, input: &'a Input, given: &'a Given<'a>) -> Self {
        let mut run = before.run.clone();
        let vars = run.as_mut().map(|run| std::mem::take(&mut run.vars)).unwrap_or_default();
        let scope = Scope::new(vars, before, input, given, bot);
        if let Some(run) = &run {
            scope.describe_run(about(run));
        }
        Self {
            bot,
            given,
            scope,
            run,
            first_contact: before.last.is_none(),
            last: last_message(before, input),
            burst: before.burst.clone(),
            wrote_ms: wrote_ms(before, input, given.now_ms),
            timed: before.timed.clone(),
            forms: before.forms.clone(),
            locals: None,
            reads: false,
            effects: Vec::new(),
            trace: Vec::new(),
            path: Vec::new(),
            steps: 0,
            text_bytes: 0,
            event_bytes: 0,
            rescued: false,
            runs_begun: 0,
        }
    }

    pub(crate) fn finish(mut self, before: &Snapshot) -> Turn {
        let (vars, contact, person) = self.scope.take();
        if let Some(run) = &mut self.run {
            run.vars = vars;
        }
        let Self { run, burst, last, wrote_ms, timed, mut forms, .. } = self;
        form::settle(&mut forms, run.as_ref().and_then(|run| run.wait.as_ref()?.form.as_deref()));
        let mut after = Snapshot { run, contact, person, burst, last, wrote_ms, timed, forms };
        after.timed = timed::settle(self.bot, before, &after, self.given.now_ms);
        // What a phone is told is nothing that has to be kept.
        let acts = self.effects.iter().any(|effect| effect.form().is_none());
        let changed = acts || after != *before;
        Turn { after, effects: self.effects, trace: self.trace, changed }
    }

    // What nodes use

    pub(crate) fn bot(&self) -> &'a Bot {
        self.bot
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.given.now_ms
    }

    /// Now, by the clock of a place.
    pub(crate) fn now_in(&self, zone: TimeZone) -> Zoned {
        let ms = i64::try_from(self.given.now_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(zone)
    }

    /// How the person writes.
    pub(crate) fn locale(&self) -> Locale {
        Locale::of(self.scope.language().as_deref(), self.bot.locale(), self.given.contact.wa_id.as_deref())
    }

    pub(crate) fn note(&mut self, trace: Trace) {
        self.trace.push(trace);
    }

    pub(crate) fn text(&self, template: &Template) -> Result<String, Fault> {
        template.text(&self.bot.templates, &self.scope).map_err(Fault::evaluation)
    }

    pub(crate) fn json(&self, template: &Template) -> Result<Value, Fault> {
        template.json(&self.bot.templates, &self.scope).map_err(Fault::evaluation)
    }

    /// Sets a variable, within its type and the caps.
    pub(crate) fn assign(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        Fault::if_deep(&format!("variable `{name}`"), &value)?;
        let declared = self.bot.vars.get(name);
        if declared.is_none() && self.locals.is_some() {
            return self.assign_local(name, value);
        }
        let value = match declared {
            Some(declared) => declared
                .fit(value)
                .map_err(|why| Fault::new(FaultKind::Variable(format!("the value for `{name}` {why}"))))?,
            None => value,
        };
        let bytes = json_bytes(&value);
        let limit = |what: &str, limit: usize| {
            Fault::new(FaultKind::Variable(format!("{what} would be larger than {limit} bytes")))
        };
        if bytes > caps::MAX_VALUE_BYTES {
            return Err(limit(&format!("variable `{name}`"), caps::MAX_VALUE_BYTES));
        }
        if self.scope.bytes_without(name) + name.len() + bytes > caps::MAX_VARIABLES_BYTES {
            return Err(limit(&format!("with `{name}` the variables"), caps::MAX_VARIABLES_BYTES));
        }
        let home = declared.map_or(Home::Run, |declared| declared.home);
        let before = self.scope.variable(home, name).filter(|value| !value.is_null()).map(shown);
        self.note(Trace::Set { name: name.to_owned(), before, after: shown(value.clone()) });
        self.scope.set(home, name, value);
        Ok(())
    }

    /// Sets a name that only the handlers of this form know.
    fn assign_local(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let locals = self.locals.get_or_insert_with(Vars::new);
        let others = locals.iter().filter(|(other, _)| other.as_str() != name);
        let bytes: usize = others.map(|(name, value)| name.len() + json_bytes(value)).sum();
        if bytes + name.len() + json_bytes(&value) > caps::MAX_FORM_LOCALS_BYTES {
            let message =
                format!("with `{name}` what a form keeps would be larger than {} bytes", caps::MAX_FORM_LOCALS_BYTES);
            return Err(Fault::new(FaultKind::Variable(message)));
        }
        let before = locals.insert(name.to_owned(), value.clone()).map(shown);
        self.note(Trace::Set { name: name.to_owned(), before, after: shown(value.clone()) });
        self.scope.see(name, Some(value));
        Ok(())
    }

    /// A fresh wait at a node.
    pub(crate) fn wait(&self, here: Here<'_>, timeout_ms: Option<u64>) -> Wait {
        let after = |ms: Option<u64>| ms.map(|ms| self.given.now_ms.saturating_add(ms));
        Wait {
            node: here.node.id.clone(),
            timeout_ms: after(timeout_ms),
            idle_ms: after(self.bot.policies.idle_ms),
            tries: 0,
            page: 0,
            offered: None,
            handed_over: None,
            call: None,
            form: None,
        }
    }

    /// What `policies.unexpected` says about a message; `None` if it counts as a wrong answer.
    pub(crate) fn unexpected(&mut self, here: Here<'_>, message: &Incoming) -> Result<Option<Next>, Fault> {
        let bot = self.bot;
        let (policy, name) = match message.class() {
            Class::Notice => {
                self.ignore(message, "messages of this type are never answers");
                return Ok(Some(Next::Stay));
            }
            Class::Welcome => {
                self.ignore(message, "the person has opened the chat and written nothing");
                return Ok(Some(Next::Stay));
            }
            Class::Reaction => (&bot.policies.reaction, "reaction"),
            Class::Media => (&bot.policies.media, "media"),
            Class::Text | Class::Tap | Class::Other => (&bot.policies.other, "other"),
        };
        match policy {
            Unexpected::Refuse => Ok(None),
            Unexpected::Ignore => {
                self.ignore(message, &format!("`unexpected.{name}` ignores it"));
                Ok(Some(Next::Stay))
            }
            Unexpected::Say(text) => {
                self.send_text(here, text)?;
                Ok(Some(Next::Stay))
            }
            Unexpected::Route(to) => Ok(Some(Next::Jump { label: format!("unexpected.{name}"), to: *to, why: None })),
        }
    }

    fn ignore(&mut self, message: &Incoming, why: &str) {
        self.note(Trace::Ignored { kind: message.kind.clone(), why: why.to_owned() });
    }

    // Runs

    pub(super) fn has_run(&self) -> bool {
        self.run.is_some()
    }

    pub(super) fn begin_run(&mut self, trigger: String, why: Option<Why>) {
        let now_ms = self.given.now_ms;
        let run = Run {
            id: run_id(self.given.seed, self.runs_begun),
            bot: self.bot.id().to_owned(),
            version: self.bot.version().to_owned(),
            started_ms: now_ms,
            turns: 1,
            vars: BTreeMap::new(),
            wait: None,
            frames: Vec::new(),
            idled: false,
            calls: 0,
            expires_ms: self.bot.policies.max_age_ms.map(|ms| now_ms.saturating_add(ms)),
        };
        self.runs_begun += 1;
        self.note(Trace::RunStarted { run: run.id.clone(), trigger, why });
        let defaults = self.bot.vars.iter().filter_map(|(name, declared)| {
            let value = declared.default.clone()?;
            (declared.home == Home::Run).then(|| (name.clone(), value))
        });
        self.scope.begin_run(defaults.collect(), about(&run));
        for (name, declared) in &self.bot.vars {
            if declared.home == Home::Contact
                && let Some(default) = &declared.default
                && self.scope.variable(Home::Contact, name).is_none()
            {
                self.scope.set(Home::Contact, name, default.clone());
            }
        }
        self.run = Some(run);
    }

    pub(super) fn end_run(&mut self, reason: &str, result: Option<Value>) {
        self.take_back("ended");
        let Some(run) = self.run.take() else { return };
        self.scope.begin_run(BTreeMap::new(), Value::Null);
        self.note(Trace::RunEnded { run: run.id, reason: reason.to_owned(), result });
    }

    /// Counts a turn of the run; ends a run that is too old or took too many, and says false.
    pub(super) fn count_turn(&mut self) -> bool {
        let limit = self.bot.policies.limits.turns_per_run;
        let now_ms = self.given.now_ms;
        let handed_over = self.is_handed_over();
        let Some(run) = &mut self.run else { return false };
        let expired = !handed_over && run.expires_ms.is_some_and(|at| at <= now_ms);
        run.turns = run.turns.saturating_add(1);
        if run.turns > limit {
            let at = run.wait.as_ref().map(|wait| wait.node.clone());
            let message = format!("the run took over {limit} turns");
            self.note(Trace::Error { node: at, message });
            self.end_run("turn_limit", None);
            return false;
        }
        if expired {
            self.end_run("max_age", None);
            return false;
        }
        if let Some(run) = &mut self.run
            && self.reads
        {
            run.idled = false;
        }
        true
    }

    /// The node that waits and its wait, if this bot has that node and it can wait.
    pub(super) fn waiting(&self) -> Option<(usize, Wait)> {
        let wait = self.run.as_ref()?.wait.clone()?;
        let index = self.bot.node(&wait.node)?;
        self.bot.nodes[index].kind.waits().then_some((index, wait))
    }

    pub(super) fn due(&self) -> Option<(u64, Due)> {
        let run = self.run.as_ref()?;
        Due::of(run.wait.as_ref()?, run.expires_ms, self.given.now_ms)
    }

    // Ways into the walk

    pub(super) fn answer(&mut self, index: usize, wait: &Wait, message: &Incoming) -> Result<(), TurnError> {
        self.path.push(index);
        let node = &self.bot.nodes[index];
        let Some(next) = node.kind.answer(Here { node }, self, wait, message) else {
            self.end_run("node_gone", None);
            return Ok(());
        };
        self.follow(index, next)
    }

    /// Something else than an answer lets a node go on.
    pub(super) fn go_on(&mut self, index: usize, port: &'static str, why: &str) -> Result<(), TurnError> {
        self.path.push(index);
        self.follow(index, Ok(Next::Port { port: port.into(), why: Some(Why::said(port, why)) }))
    }

    pub(super) fn set_input(&mut self, input: Value) {
        self.scope.set_input(input);
    }

    pub(super) fn timeout(&mut self, index: usize, wait: &Wait) -> Result<(), TurnError> {
        self.take_back("timeout");
        self.path.push(index);
        let node = &self.bot.nodes[index];
        let next = node.kind.timed_out(Here { node }, self, wait);
        self.follow(index, next)
    }

    /// Nobody wrote for `idle_timeout`: `on_idle`, once until the person writes again.
    pub(super) fn idle(&mut self, wait: &Wait) -> Result<(), TurnError> {
        let idled = self.run.as_ref().is_some_and(|run| run.idled);
        match self.bot.policies.on_idle.filter(|_| !idled) {
            Some(to) => {
                if let Some(run) = &mut self.run {
                    run.idled = true;
                }
                let node = wait.node.clone();
                self.took(node, "idle".to_owned(), Some(to), None);
                self.walk_from(to)
            }
            None => {
                self.end_run("idle", None);
                Ok(())
            }
        }
    }

    pub(super) fn walk_from(&mut self, to: usize) -> Result<(), TurnError> {
        let mut at = to;
        loop {
            let next = self.enter(at);
            match self.resolve(at, next)? {
                Some(to) => at = to,
                None => return Ok(()),
            }
        }
    }

    fn follow(&mut self, index: usize, next: Result<Next, Fault>) -> Result<(), TurnError> {
        match self.resolve(index, next)? {
            Some(to) => self.walk_from(to),
            None => Ok(()),
        }
    }

    fn enter(&mut self, at: usize) -> Result<Next, Fault> {
        let node: &'a Node = &self.bot.nodes[at];
        if self.steps >= self.bot.policies.limits.nodes_per_turn {
            return Err(Fault::new(FaultKind::Steps));
        }
        self.steps += 1;
        self.path.push(at);
        self.note(Trace::Entered { node: node.id.clone(), kind: node.kind.name().to_owned() });
        node.kind.enter(Here { node }, self)
    }

    /// Where to go from here; `None` if the turn is over.
    fn resolve(&mut self, at: usize, next: Result<Next, Fault>) -> Result<Option<usize>, TurnError> {
        let node: &'a Node = &self.bot.nodes[at];
        match next {
            Err(fault) => self.rescue(node, fault),
            Ok(Next::Port { port, why }) => {
                if let Some(to) = node.ports.get(port.as_ref()).copied() {
                    self.took(node.id.clone(), port.into_owned(), Some(to), why);
                    return Ok(Some(to));
                }
                Ok(self.open_port(node, port.as_ref(), why))
            }
            Ok(Next::Jump { label, to, why }) => {
                self.took(node.id.clone(), label, Some(to), why);
                Ok(Some(to))
            }
            Ok(Next::Wait(wait)) => {
                self.begin_wait(wait);
                Ok(None)
            }
            Ok(Next::Return(value)) => self.come_back(&node.id, value),
            Ok(Next::Stay) => {
                self.stay();
                Ok(None)
            }
            Ok(Next::End { reason, result }) => {
                self.end_run(&reason, result);
                Ok(None)
            }
            Ok(Next::Restart(to)) => {
                let to = to.or_else(|| start::default_node(self));
                self.end_run("restarted", None);
                if to.is_some() {
                    self.begin_run("restart".to_owned(), None);
                }
                Ok(to)
            }
        }
    }

    fn begin_wait(&mut self, wait: Wait) {
        let until = [wait.timeout_ms, wait.idle_ms].into_iter().flatten().min();
        self.note(Trace::Waiting { node: wait.node.clone(), until_ms: until });
        if let Some(run) = &mut self.run {
            run.wait = Some(wait);
        }
    }

    /// The person wrote, though no answer: idle time starts anew, the node's own time does not.
    fn stay(&mut self) {
        let idle_ms = self.bot.policies.idle_ms.map(|ms| self.run_ms().saturating_add(ms));
        let wait = self.run.as_mut().and_then(|run| run.wait.as_mut());
        // Where the run does not wait for the person, idle time does not run.
        if let Some(wait) = wait.filter(|wait| wait.idle_ms.is_some()) {
            wait.idle_ms = idle_ms;
        }
    }

    /// A port that leads nowhere: `on_error`, else the end of the run.
    fn open_port(&mut self, node: &Node, port: &str, why: Option<Why>) -> Option<usize> {
        if let Some(to) = self.caught() {
            return Some(to);
        }
        let rescue = self.bot.policies.on_error.filter(|_| !self.rescued);
        self.rescued |= rescue.is_some();
        self.took(node.id.clone(), port.to_owned(), rescue, why);
        if rescue.is_none() {
            self.end_run(port, None);
        }
        rescue
    }

    fn rescue(&mut self, node: &Node, fault: Fault) -> Result<Option<usize>, TurnError> {
        let limits = &self.bot.policies.limits;
        let limits = (limits.nodes_per_turn, limits.messages_per_turn);
        let path: Vec<String> = self.path.iter().map(|index| self.bot.nodes[*index].id.clone()).collect();
        let error = fault.clone().into_error(node.id.clone(), path, limits);
        self.note(Trace::Error { node: Some(node.id.clone()), message: error.to_string() });
        if let Some((port, to)) = fault.port.and_then(|port| Some((port, *node.ports.get(port)?))) {
            self.took(node.id.clone(), port.to_owned(), Some(to), None);
            return Ok(Some(to));
        }
        if let Some(to) = self.caught() {
            return Ok(Some(to));
        }
        if let Some(to) = self.bot.policies.on_error.filter(|_| !self.rescued) {
            self.rescued = true;
            self.steps = 0;
            self.took(node.id.clone(), "on_error".to_owned(), Some(to), None);
            return Ok(Some(to));
        }
        if matches!(fault.kind, FaultKind::Unsupported(_)) {
            self.end_run("error", None);
            return Ok(None);
        }
        Err(error)
    }

    pub(super) fn trigger_error(&self, fault: Fault) -> TurnError {
        fault.into_error(String::new(), Vec::new(), (0, 0))
    }

    fn took(&mut self, node: String, port: String, to: Option<usize>, why: Option<Why>) {
        let to = to.map(|index| self.bot.nodes[index].id.clone());
        self.note(Trace::Took { node, port, to, why });
    }
}

/// Notices and reactions are no messages that one could answer.
fn last_message(before: &Snapshot, input: &Input) -> Option<String> {
    match input {
        Input::Message(message) if message.may_start() && !message.wamid.is_empty() => Some(message.wamid.clone()),
        _ => before.last.clone(),
    }
}

/// When the person last wrote, this message included.
fn wrote_ms(before: &Snapshot, input: &Input, now_ms: u64) -> Option<u64> {
    let Input::Message(message) = input else { return before.wrote_ms };
    let at_ms = if message.at_ms == 0 { now_ms } else { message.at_ms.min(now_ms) };
    if message.opens_window() { before.wrote_ms.max(Some(at_ms)) } else { before.wrote_ms }
}

fn about(run: &Run) -> Value {
    json!({ "id": run.id, "bot": run.bot, "version": run.version, "started_at": rfc3339(run.started_ms) })
}

/// A value as a trace keeps it: long ones are cut, large and deep ones left out.
pub(crate) fn shown(value: Value) -> Value {
    const LARGEST: usize = 1_024;
    match value {
        Value::String(text) => Value::String(crate::expr::clip(&text)),
        other if is_deeper(&other, caps::MAX_VALUE_DEPTH) => {
            Value::String(format!("(over {} levels)", caps::MAX_VALUE_DEPTH))
        }
        other if json_bytes(&other) > LARGEST => Value::String(format!("({} bytes)", json_bytes(&other))),
        other => other,
    }
}

/// Sixteen bytes from the seed, in hex; each run of a turn its own.
pub(crate) fn run_id(seed: u64, nth: u64) -> String {
    let first = mix(seed.wrapping_add(nth.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    format!("{first:016x}{:016x}", mix(first ^ seed))
}

/// A number by a text, the same on every machine: FNV-1a, mixed.
pub(crate) fn hash(seed: u64, text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold) ^ seed)
}

/// The finaliser of splitmix64.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
