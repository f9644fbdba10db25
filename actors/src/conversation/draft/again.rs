//! What was given up and goes again: a message of ours as a new send, a message of the person as a new input. The dead
//! letter is resolved in the same commit.

use std::sync::Arc;

use chatbot::{Bot, Closed, Input, OnDoubt, Order, Sending};
use storage::{Inbound, InboxSeq, SendId};
use whatsapp::message::Outgoing;
use whatsapp::webhook::Message;

use super::{Beside, Draft};
use crate::codec;
use crate::letters::{How, Resolution};
use crate::orders::{OrderOutcome, Refusal};
use crate::records::inbox::{LetterAgain, MessageAgain};
use crate::records::{Control, HistoryInput, InputKind};

impl Draft<'_> {
    /// A message of ours goes again, if it may be sent now. What a bot had decided does not leave while staff answer.
    pub(super) fn letter_again(
        &mut self,
        input: HistoryInput,
        (message, on_doubt): (Outgoing, OnDoubt),
        letter: &LetterAgain,
    ) -> OrderOutcome {
        if letter.node.is_some() && matches!(self.after.state.control, Control::Human { .. }) {
            return OrderOutcome::Refused(Refusal::WithHuman);
        }
        if let Some(refusal) = self.after.state.refuses(&message, self.is_marketing(&message), self.means.now_ms) {
            return OrderOutcome::Refused(refusal);
        }
        let node = letter.node.as_deref().unwrap_or_default().to_owned();
        let beside = Beside { broadcast: None, retry_of: letter.of };
        let sending = Sending { node, message, on_doubt, closed: Closed::Drop };
        let Some(n) = self.send_beside(sending, Order::Accepted, beside) else {
            return OrderOutcome::Refused(Refusal::NobodyToSendTo);
        };
        let send = SendId { conversation: self.id, n };
        self.record_sends(0, Some(input), vec![n], Vec::new());
        OrderOutcome::Queued(send)
    }

    /// Writes down that a letter went again as this message.
    pub(super) fn letter_sent(&mut self, letter: &LetterAgain, send: SendId) {
        let how = if letter.edited { How::Edited } else { How::Retried };
        self.resolve(letter.id, how, &letter.by, Some(send));
    }

    /// A message of the person runs again. While staff answer in the bot's place nothing happens: its letter stays open.
    pub(super) fn message_again(&mut self, seq: InboxSeq, row: &Inbound, again: MessageAgain, bot: Option<&Arc<Bot>>) {
        let MessageAgain { letter, by, message: payload } = again;
        let Some(bot) = bot else { return };
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
        self.run(bot, &Input::Message(self.incoming(seq, &message, at_ms)), Some(input));
    }

    pub(super) fn resolve(&mut self, letter: u64, how: How, by: &str, send: Option<SendId>) {
        let resolution = Resolution { how, by: by.into(), at_ms: self.means.now_ms, why: None, send };
        self.resolved.push((letter, codec::encode(&resolution)));
    }
}
