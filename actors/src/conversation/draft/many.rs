//! A message that is one of many. It neither takes the conversation over nor disturbs its bot, and comes at most once
//! of each broadcast, however often it is released.

use chatbot::{Closed, OnDoubt, Order, Sending};
use storage::{Inbound, InboxSeq, SendId};
use whatsapp::message::{Outgoing, Recipient};

use super::message::Ids;
use super::{Beside, Draft};
use crate::marketing;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::{HistoryInput, InputKind};
use crate::seen;

impl Draft<'_> {
    pub(super) fn one_of_many(
        &mut self,
        seq: InboxSeq,
        row: &Inbound,
        (message, on_doubt): (Outgoing, OnDoubt),
        (broadcast, place): (Box<str>, u32),
    ) -> OrderOutcome {
        let mark = seen::hash(&self.means.secret, &format!("broadcast:{broadcast}"));
        match self.after.state.broadcast(mark) {
            Some(had) if had.place == place => return OrderOutcome::Queued(had.send),
            Some(_) => return OrderOutcome::Refused(Refusal::Duplicate),
            None => {}
        }
        if self.after.state.opted_out() && self.may_be_marketing(&message) {
            return OrderOutcome::Refused(Refusal::OptedOut);
        }
        let sending = Sending { node: String::new(), message, on_doubt, closed: Closed::Drop };
        let beside = Beside { broadcast: Some(broadcast.clone()), retry_of: None };
        let Some(n) = self.send_beside(sending, Order::Accepted, beside) else {
            return OrderOutcome::Refused(Refusal::NobodyToSendTo);
        };
        let send = SendId { conversation: self.id, n };
        self.after.state.had_broadcast(mark, place, send);
        let raw = serde_json::json!({ "broadcast": broadcast, "place": place }).to_string().into();
        let kind = InputKind::Broadcast;
        let input = HistoryInput { seq, received_ms: row.received_ms, sent_ms: None, raw, kind };
        self.record_sends(0, Some(input), vec![n], Vec::new());
        OrderOutcome::Queued(send)
    }

    /// Whether it is marketing as far as anybody knows: a template of an unknown category could be.
    fn may_be_marketing(&self, message: &Outgoing) -> bool {
        marketing::may_be_marketing(
            self.means.categories,
            &self.means.numbers.all(),
            &self.after.state.number_id,
            message,
        )
    }

    /// Takes over how an order names the person.
    pub(super) fn named(&mut self, row: &Inbound, named: Option<&Recipient>) {
        let ids = match named {
            Some(Recipient::Phone(number)) => Ids { wa_id: Some(number), ..Ids::default() },
            Some(Recipient::UserId(id)) => Ids { user_id: Some(id), ..Ids::default() },
            None => return,
        };
        self.learn(row, ids);
    }
}
