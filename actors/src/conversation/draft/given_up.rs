//! What is given up: an input or a timer at which the actor failed again and again, the dead letter that is left of it, and
//! what the trip wire counts.

use std::sync::Arc;

use chatbot::{Bot, GivenUp};
use storage::{Inbound, InboxSeq};

use super::events::Lost;
use super::{Draft, Failure, GiveUp};
use crate::codec;
use crate::letters::How;
use crate::records::{self, DeadLetterPayload, InboxPayload};

/// What a dead letter keeps of what was given up.
pub(super) enum Raw {
    Nothing,
    /// A message of the person, as Meta delivered it: it can run again.
    Message(Box<str>),
    Other(Box<str>),
}

impl Draft<'_> {
    /// Gives up a row that made the actor fail again and again, without running it. `bot` is what would answer.
    pub(crate) fn give_up_message(&mut self, seq: InboxSeq, row: &Inbound, bot: Option<&Arc<Bot>>, why: &GiveUp) {
        self.consumed.push(seq);
        self.belongs_to(row);
        let payload = if why.unread { None } else { codec::decode::<InboxPayload>(&row.payload).ok() };
        if let Some(InboxPayload::Again(again)) = &payload
            && !self.is_open(again.letter)
        {
            return;
        }
        let (message, raw) = match payload {
            Some(InboxPayload::Message(message)) => {
                let raw = Raw::Message(message.message.clone());
                (Some(message), raw)
            }
            Some(InboxPayload::Again(again)) => {
                // The letter that it was is this one's now.
                self.resolve(again.letter, How::Retried, &again.by, None);
                (None, Raw::Message(again.message.message))
            }
            _ => (None, Raw::Nothing),
        };
        self.bury(Some(seq), "panic", &why.detail, None, raw, why.runs);
        if let Some(message) = message {
            self.message_unrun(seq, row, message, why);
        }
        self.failed(bot, None);
    }

    /// Gives up a timer that made the actor fail again and again: it would be due again at once.
    pub(crate) fn give_up_timer(&mut self, bot: Option<&Arc<Bot>>, why: &GiveUp) {
        let given_up = self.after.state.bot.give_up_tick(bot.map(Arc::as_ref), self.means.now_ms);
        let raw = given_up.texts.as_deref().map_or(Raw::Nothing, |texts| Raw::Other(texts.into()));
        self.bury(None, "panic", &why.detail, None, raw, why.runs);
        self.failed(bot, None);
        self.go_on_after(given_up, "panic");
        self.record_error(0, None, Vec::new(), why.detail.clone());
    }

    /// Goes on with what a tick left that was given up.
    pub(super) fn go_on_after(&mut self, given_up: GivenUp, reason: &str) {
        if given_up.texts.is_none() {
            self.tell_lost(Lost::of(&self.after.state.bot), reason);
        }
        self.after.state.bot = given_up.after;
    }

    /// Writes a dead letter.
    pub(super) fn bury(
        &mut self,
        seq: Option<InboxSeq>,
        reason: &str,
        detail: &str,
        node: Option<&str>,
        raw: Raw,
        tries: u32,
    ) {
        let is_message = matches!(raw, Raw::Message(_));
        let snapshot = &self.after.state.bot;
        let pinned = snapshot.bot();
        let payload = DeadLetterPayload {
            detail: detail.into(),
            hint: None,
            bot: pinned.map(|(id, _)| id.into()),
            version: pinned.map(|(_, version)| version.into()),
            node: node.or(snapshot.node()).map(Box::from),
            raw: match raw {
                Raw::Message(raw) | Raw::Other(raw) => Some(raw),
                Raw::Nothing => None,
            },
            tries,
            code: None,
            is_message,
        };
        self.dead_letters.push(records::dead_letter(seq, None, reason, &payload));
    }

    /// Notes which version failed, and at which node: what the trip wire counts.
    pub(super) fn failed(&mut self, bot: Option<&Arc<Bot>>, node: Option<&str>) {
        let pinned = self.after.state.bot.bot();
        let (id, version) = bot.map(|bot| (bot.id(), bot.version())).or(pinned).unwrap_or_default();
        let node = node.or(self.after.state.bot.node()).unwrap_or_default();
        let failure = Failure { bot: id.into(), version: version.into(), node: node.into() };
        self.noted.failures.push(failure);
    }
}
