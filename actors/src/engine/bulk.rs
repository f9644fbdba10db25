//! Many messages at once, each an input of its own conversation: what a broadcast releases in one step.

use std::collections::BTreeMap;
use std::time::Duration;

use chatbot::OnDoubt;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use storage::{Accept, Inbound, InboxSeq, Partition, SendId, StoreError};
use tokio::sync::oneshot::Receiver;
use whatsapp::message::Outgoing;

use super::Engine;
use super::reach::{Target, alias};
use crate::codec;
use crate::identity;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::inbox::{InboxPayload, Origin, SendOrder};

/// A step waits for the turns of its messages as long as none is later than the one before by this: a conversation that has
/// to wait does not keep those after it.
const PATIENCE: Duration = Duration::from_millis(250);

/// One message of many.
#[derive(Clone, Debug)]
pub(crate) struct One {
    /// Its place in the broadcast.
    pub place: u32,
    pub to: Target,
    pub message: Outgoing,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// It is in the outbox, now or since an earlier release of the same place.
    Queued(SendId),
    /// It will not be sent.
    Refused(Refusal),
    /// Its conversation has not taken it yet.
    Waiting(InboxSeq),
}

/// Inbox rows read at once.
const PAGE: usize = 500;

impl Engine {
    /// Messages of a broadcast that still are in the inbox, by place: also those that a conversation passed on to the one
    /// that it became a part of.
    pub(crate) async fn orders_of(&self, broadcast: &str) -> Result<BTreeMap<u32, InboxSeq>, StoreError> {
        let (mut found, mut after) = (BTreeMap::new(), InboxSeq::default());
        loop {
            let page = self.deps.store.pending(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = *last;
            for (seq, row) in page {
                let Ok(InboxPayload::Order(order)) = codec::decode(&row.payload) else { continue };
                match order.origin {
                    Origin::Broadcast { id, place } if *id == *broadcast => drop(found.insert(place, seq)),
                    _ => {}
                }
            }
        }
    }

    /// Hands messages of a broadcast to their conversations, all in one commit, and answers what became of each, in
    /// order. A conversation takes a place of a broadcast once, however often it is released.
    pub(crate) async fn release(
        &self,
        broadcast: &str,
        number_id: &str,
        many: Vec<One>,
    ) -> Result<Vec<Released>, StoreError> {
        let now_ms = self.deps.clock.now_ms();
        let partition = Partition(number_id.into());
        let (mut rows, mut tickets) = (Vec::with_capacity(many.len()), Vec::with_capacity(many.len()));
        for One { place, to, message } in many {
            let (ticket, answer) = self.deps.tickets.draw(now_ms);
            tickets.push((ticket, answer));
            let (aliases, named) = match to {
                Target::Conversation(id) => (vec![identity::to(identity::contact_of(id))], None),
                Target::Person(person) => (vec![alias(&person)], Some(person)),
            };
            let origin = Origin::Broadcast { id: broadcast.into(), place };
            let on_doubt = OnDoubt::of(&message);
            let order = SendOrder { message, on_doubt, ticket, key: None, origin, named };
            let payload = codec::encode(&InboxPayload::Order(Box::new(order)));
            let row = Inbound { partition: partition.clone(), aliases, received_ms: now_ms, payload };
            rows.push(Accept::Message(row));
        }
        let appended = self.deps.unhurried.append(rows).await;
        let (numbers, answers): (Vec<_>, Vec<_>) = tickets.into_iter().unzip();
        let outcomes = match &appended {
            Ok(_) => hear(answers).await,
            Err(_) => Vec::new(),
        };
        numbers.into_iter().for_each(|ticket| self.deps.tickets.give_back(ticket));
        let released = |(seq, outcome): (InboxSeq, Option<OrderOutcome>)| match outcome {
            Some(OrderOutcome::Queued(send)) => Released::Queued(send),
            Some(OrderOutcome::Refused(refusal)) => Released::Refused(refusal),
            None => Released::Waiting(seq),
        };
        Ok(appended?.into_iter().zip(outcomes).map(released).collect())
    }
}

/// What became of each, in order, as far as it comes while others do.
async fn hear(answers: Vec<Receiver<OrderOutcome>>) -> Vec<Option<OrderOutcome>> {
    let mut outcomes: Vec<Option<OrderOutcome>> = answers.iter().map(|_| None).collect();
    let heard = |(at, answer): (usize, Receiver<OrderOutcome>)| async move { (at, answer.await) };
    let mut answers: FuturesUnordered<_> = answers.into_iter().enumerate().map(heard).collect();
    while let Ok(Some((at, answer))) = tokio::time::timeout(PATIENCE, answers.next()).await {
        if let (Some(outcome), Ok(answer)) = (outcomes.get_mut(at), answer) {
            *outcome = Some(answer);
        }
    }
    outcomes
}
