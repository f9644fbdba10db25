//! What was given up and goes again: a message of ours as a new send, a message of the person as a new input. The dead
//! letter is resolved in the same commit, which does not happen if it was resolved before.

use std::sync::Arc;

use chatbot::{Bot, Input, OnDoubt, Sending};
use storage::{Inbound, InboxSeq, SendId};
use whatsapp::message::Outgoing;
use whatsapp::webhook::Message;

use super::{Beside, Draft};
use crate::codec;
use crate::letters::{How, Resolution};
use crate::marketing;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::inbox::{LetterAgain, MessageAgain};
use crate::records::{Control, HistoryInput, InputKind};

impl Draft<'_> {
    /// Whether a letter may go again: neither did it before, nor was it dropped.
    pub(super) fn is_open(&self, letter: u64) -> bool {
        !self.settled.contains(&letter) && self.resolved.iter().all(|(known, _)| *known != letter)
    }

    /// A message of ours goes again, as it was decided, if it may be sent now. What a bot had decided does not leave while
    /// staff answer.
    pub(super) fn letter_again(
        &mut self,
        input: HistoryInput,
        (message, on_doubt): (Outgoing, OnDoubt),
        letter: &LetterAgain,
    ) -> OrderOutcome {
        if !self.is_open(letter.id) {
            return OrderOutcome::Refused(Refusal::Resolved);
        }
        if letter.node.is_some() && matches!(self.after.state.control, Control::Human { .. }) {
            return OrderOutcome::Refused(Refusal::WithHuman);
        }
        if let Some(refusal) = self.refuses_again(&message, letter) {
            return OrderOutcome::Refused(refusal);
        }
        let node = letter.node.as_deref().unwrap_or_default().to_owned();
        let beside = Beside { broadcast: None, retry_of: letter.of };
        let sending = Sending { node, message, on_doubt, closed: letter.closed.clone() };
        let sent = self.as_one_of_many(letter.many, |draft| draft.send_beside(sending, letter.order, beside));
        let Some(n) = sent else {
            return OrderOutcome::Refused(Refusal::NobodyToSendTo);
        };
        let send = SendId { conversation: self.id, n };
        self.record_sends(0, Some(input), vec![n], Vec::new());
        let how = if letter.edited { How::Edited } else { How::Retried };
        self.resolve(letter.id, how, &letter.by, Some(send));
        OrderOutcome::Queued(send)
    }

    fn refuses_again(&self, message: &Outgoing, letter: &LetterAgain) -> Option<Refusal> {
        let (categories, numbers, state) = (self.means.categories, self.means.numbers.all(), &self.after.state);
        let could_be = |what: &Outgoing| marketing::could_be_marketing(categories, &numbers, &state.number_id, what);
        state.refuses_again(message, &letter.closed, could_be, self.means.now_ms)
    }

    /// A message of the person runs again. While staff answer in the bot's place nothing happens: its letter stays open.
    pub(super) fn message_again(&mut self, seq: InboxSeq, row: &Inbound, again: MessageAgain, bot: Option<&Arc<Bot>>) {
        let MessageAgain { letter, by, many, message: payload } = again;
        let Some(bot) = bot.filter(|_| self.is_open(letter)) else { return };
        self.resolve(letter, How::Retried, &by, None);
        let message = Message::parse(&payload.message);
        let at_ms = payload.sent_ms.unwrap_or(row.received_ms);
        let input = HistoryInput {
            seq,
            received_ms: row.received_ms,
            sent_ms: payload.sent_ms,
            raw: payload.message,
            kind: InputKind::Again,
        };
        let incoming = self.incoming(seq, &message, at_ms);
        self.as_one_of_many(many, |draft| draft.run(bot, &Input::Message(incoming), Some(input)));
    }

    fn as_one_of_many<T>(&mut self, many: bool, act: impl FnOnce(&mut Self) -> T) -> T {
        self.many = many;
        let acted = act(self);
        self.many = false;
        acted
    }

    pub(super) fn resolve(&mut self, letter: u64, how: How, by: &str, send: Option<SendId>) {
        let resolution = Resolution { how, by: by.into(), at_ms: self.means.now_ms, why: None, send };
        self.resolved.push((letter, codec::encode(&resolution)));
    }
}
