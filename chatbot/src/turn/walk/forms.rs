//! Forms of WhatsApp Flows: the token with which each is sent, and which of them are out.

use sha2::{Digest, Sha256};

use super::Walk;
use crate::form::{FormRequest, FormStep};
use crate::input::Incoming;
use crate::snapshot::{Form, form};
use crate::turn::Effect;

impl Walk<'_> {
    /// A token that nobody can guess, for this entry of this node in this run.
    pub(crate) fn form_token(&self, node: &str) -> String {
        let (run, turns) = self.run.as_ref().map_or(("", 0), |run| (run.id.as_str(), run.turns));
        let told = format!("{}:{run}:{turns}:{}:{node}", self.given.seed, self.steps);
        let digest = Sha256::digest(told.as_bytes());
        format!("pl1.{}.{}", self.given.address, hex::encode(digest.get(..16).unwrap_or(&digest)))
    }

    /// What a phone asks: no handler runs yet.
    pub(in crate::turn) fn ask_form(&mut self, request: &FormRequest) {
        let why = format!("the Flow has no handler for `{}`", request.action.name());
        self.effects.push(Effect::Form(Box::new(FormStep::Refused { why })));
    }

    /// A form is on its way to the person.
    pub(crate) fn keep_form(&mut self, token: String, flow: &str) {
        let sent_ms = self.given.now_ms;
        form::keep(&mut self.forms, Form { token, flow: flow.to_owned(), sent_ms });
    }

    /// A form came back, which it does once.
    pub(crate) fn use_form(&mut self, token: &str) {
        self.forms.retain(|form| form.token != token);
    }

    /// The bot's name for the Flow of a form that came back, if it was sent here.
    pub(in crate::turn) fn flow_of(&self, message: &Incoming) -> Option<&str> {
        let token = message.form_token()?;
        self.forms.iter().find(|form| form.token == token).map(|form| form.flow.as_str())
    }

    /// Whether this is the form that the run waits for.
    pub(in crate::turn) fn awaits_form(&self, message: &Incoming) -> bool {
        let awaited = self.run.as_ref().and_then(|run| run.wait.as_ref()?.form.as_deref());
        awaited.is_some() && message.form_token() == awaited
    }
}
