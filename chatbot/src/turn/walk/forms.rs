//! Forms of WhatsApp Flows: the token with which each is sent, which of them are out, and what their handlers see.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Walk;
use crate::form::{FormRequest, FormStep};
use crate::input::Incoming;
use crate::node::Here;
use crate::snapshot::form::{self, Form};
use crate::snapshot::{Snapshot, Vars};
use crate::trace::Trace;
use crate::turn::{Effect, Turn};

/// Names that only handlers see.
const SEEN: &[&str] = crate::bot::read::IN_FORMS;

impl Walk<'_> {
    /// A token that nobody can guess, for this entry of this node in this run.
    pub(crate) fn form_token(&self, node: &str) -> String {
        let (run, turns) = self.run.as_ref().map_or(("", 0), |run| (run.id.as_str(), run.turns));
        let told = format!("{}:{run}:{turns}:{}:{node}", self.given.seed, self.steps);
        let digest = Sha256::digest(told.as_bytes());
        format!("pl1.{}.{}", self.given.address, hex::encode(digest.get(..16).unwrap_or(&digest)))
    }

    /// A form is on its way to the person, for so long. `first` is the screen that it opens with, and its data.
    pub(crate) fn keep_form(
        &mut self,
        here: Here<'_>,
        token: String,
        flow: &str,
        ttl_ms: u64,
        first: Option<(String, Value)>,
    ) {
        let sent_ms = self.given.now_ms;
        let mut sent = Form {
            token,
            flow: flow.to_owned(),
            sent_ms,
            run: self.run.as_ref().map(|run| run.id.clone()).unwrap_or_default(),
            node: here.node.id.clone(),
            until_ms: Some(sent_ms.saturating_add(ttl_ms)),
            ..Form::default()
        };
        if let Some((screen, data)) = first {
            sent.show(&screen, data);
        }
        let awaited = sent.token.clone();
        form::keep(&mut self.forms, vec![sent], Some(&awaited));
    }

    /// A form came back, which it does once.
    pub(crate) fn use_form(&mut self, token: &str) {
        if let Some(form) = self.forms.iter_mut().find(|form| form.token == token) {
            form.done = true;
        }
    }

    /// The bot's name for the Flow of a form that came back, if it was sent here and has not come before.
    pub(in crate::turn) fn flow_of(&self, message: &Incoming) -> Option<&str> {
        let token = message.form_token()?;
        self.forms.iter().find(|form| form.token == token && !form.done).map(|form| form.flow.as_str())
    }

    /// Whether this is the form that the run waits for.
    pub(in crate::turn) fn awaits_form(&self, message: &Incoming) -> bool {
        let awaited = self.awaited_form();
        awaited.is_some() && message.form_token() == awaited
    }

    /// A form that has come back already, or ended at its endpoint: says so, and is no message.
    pub(in crate::turn) fn is_done_form(&mut self, message: &Incoming) -> bool {
        let Some(token) = message.form_token() else { return false };
        let done = self.forms.iter().any(|form| form.done && form.token == token);
        if done {
            let why = "the form is done already".to_owned();
            self.note(Trace::Ignored { kind: message.kind.clone(), why });
        }
        done
    }

    fn awaited_form(&self) -> Option<&str> {
        self.run.as_ref().and_then(|run| run.wait.as_ref()?.form.as_deref())
    }

    // Requests of forms that are open

    /// The form of a token, compared without telling how much of it was right.
    pub(crate) fn find_form(&self, token: &str) -> Option<usize> {
        self.forms.iter().position(|form| same(form.token.as_bytes(), token.as_bytes()))
    }

    pub(crate) fn form(&self, index: usize) -> &Form {
        &self.forms[index]
    }

    pub(crate) fn put_form(&mut self, index: usize, form: Form) {
        self.forms[index] = form;
    }

    /// Whether the run waits for this form, at a node that can.
    pub(crate) fn waits_for_form(&self, form: &Form) -> bool {
        let Some(run) = &self.run else { return false };
        let now_ms = self.run_ms();
        let Some((index, wait)) = self.waiting() else { return false };
        let in_time = [wait.timeout_ms, run.expires_ms].into_iter().flatten().all(|until_ms| until_ms > now_ms);
        in_time
            && wait.form.as_ref() == Some(&form.token)
            && (form.run.is_empty() || form.run == run.id)
            && self.bot.nodes[index].kind.sends_flow(&form.flow)
    }

    /// What handlers see and set of their own.
    pub(crate) fn begin_form(&mut self, locals: Vars, request: &FormRequest) {
        for (name, value) in &locals {
            self.scope.see(name, Some(value.clone()));
        }
        self.locals = Some(locals);
        let sent = if request.data.is_object() { request.data.clone() } else { json!({}) };
        self.scope.see("form", Some(sent));
        self.scope.see("screen", Some(request.screen.clone().into()));
        self.scope.see("error", Some(Value::Null));
    }

    pub(crate) fn see_in_form(&mut self, name: &'static str, value: Value) {
        self.scope.see(name, Some(value));
    }

    /// What they have set of their own.
    pub(crate) fn end_form(&mut self) -> Vars {
        let locals = self.locals.take().unwrap_or_default();
        locals.keys().map(String::as_str).chain(SEEN.iter().copied()).for_each(|name| self.scope.see(name, None));
        locals
    }

    pub(crate) fn tell_form(&mut self, step: FormStep) {
        self.effects.push(Effect::Form(Box::new(step)));
    }

    /// A step of a request that leaves everything as it was.
    pub(crate) fn unchanged(self, before: &Snapshot, step: FormStep) -> Turn {
        let trace = if matches!(step, FormStep::Call { .. }) { Vec::new() } else { self.trace };
        Turn { after: before.clone(), effects: vec![Effect::Form(Box::new(step))], trace, changed: false }
    }

    /// Somebody fills in the form: idle time begins anew.
    pub(crate) fn person_is_there(&mut self) {
        if let Some(run) = &mut self.run {
            run.idled = false;
        }
        self.stay();
    }

    /// What the run waits for goes by this time, which stands still while somebody answers in the bot's place.
    pub(crate) fn run_ms(&self) -> u64 {
        self.given.staff_since_ms.map_or(self.given.now_ms, |since_ms| since_ms.min(self.given.now_ms))
    }

    /// The node that waits waits no longer: a tick is due.
    pub(crate) fn run_out(&mut self) {
        let now_ms = self.run_ms();
        if let Some(wait) = self.run.as_mut().and_then(|run| run.wait.as_mut()) {
            wait.timeout_ms = Some(now_ms);
        }
    }

    /// The form that is waited for ended while somebody answered in the bot's place: the run goes on now. Answers
    /// whether that was so.
    pub(in crate::turn) fn take_up_form(&mut self) -> bool {
        let ended = form::ended(&self.forms, self.awaited_form()).map(|(_, params)| params.clone());
        let Some(params) = ended else { return false };
        self.complete_form(params);
        true
    }

    /// The form is done at its endpoint: the run goes on by `done`. A failure behind it ends the run, for the phone has
    /// been told that it is done. While somebody answers in the bot's place it goes on only when they are gone.
    pub(crate) fn complete_form(&mut self, params: Value) {
        if self.given.staff_since_ms.is_some() || !self.count_turn() {
            return;
        }
        let Some((index, _)) = self.waiting() else {
            self.end_run("node_gone", None);
            return;
        };
        self.scope.set_input(json!({ "type": "form", "data": params }));
        self.path.push(index);
        let node = &self.bot.nodes[index];
        let next = node.kind.form_done(self, params);
        if let Err(error) = self.follow(index, next) {
            self.note(Trace::Error { node: Some(error.node().to_owned()), message: error.to_string() });
            self.end_run("error", None);
        }
    }
}

/// Whether two texts are the same, in a time that depends on their lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
