//! Statuses of messages, and what a failed one leads to: Meta refuses some messages only after it took them, with the
//! same numbers.

use std::collections::{HashMap, HashSet};

use chatbot::Closed;
use serde::Serialize;
use storage::{Accept, Change, ConversationId, Partition, Send, SendId, SendState, Settled, Settlement, StoreError};
use whatsapp::graph::{ErrorRecord, Outcome};
use whatsapp::webhook::{StatusKind, StatusUpdate};

use super::{Message, flow, transport, verdict, window};
use crate::codec;
use crate::deps::Deps;
use crate::events;
use crate::identity;
use crate::metrics::Status;
use crate::records::inbox::InboxPayload;
use crate::records::{self, Held, Price, SendError, SendPayload};

/// A message that Meta took and then failed is put back this often.
const PUT_BACK: u8 = 3;
/// It waits this long, four times longer each time (ms).
const PUT_BACK_MS: u64 = 4_000;

/// T3: commits all of them, then tells the senders. Answers those that belong to nothing that is known here.
pub(crate) async fn apply<'a>(deps: &Deps, updates: &'a [StatusUpdate]) -> Result<Vec<&'a StatusUpdate>, StoreError> {
    let mut failed = rows_of_failed(deps, updates).await?;
    let mut by_number: HashMap<&str, Verdicts> = HashMap::new();
    for update in updates {
        deps.metrics.statuses.get_or_create(&Status { status: label_of(&update.status) }).inc();
        let Some((send, nonce)) = ours(update) else { continue };
        // Its row goes, or is gone; nothing may be written behind whoever removes it.
        if deps.is_dead(send.conversation) {
            continue;
        }
        let verdicts = by_number.entry(&update.phone_number_id).or_default();
        let at_ms = update.at_ms.unwrap_or_else(|| deps.clock.now_ms());
        match failed.get_mut(&send).filter(|row| update.status == StatusKind::Failed && row.nonce == nonce) {
            Some(row) => verdicts.failed(deps, row, update, at_ms),
            None => verdicts.plain(send, nonce, update, at_ms, None),
        }
    }
    let mut strange = HashSet::new();
    for (number, verdicts) in by_number {
        strange.extend(verdicts.commit(deps, number).await?);
    }
    let is_strange = |update: &&StatusUpdate| ours(update).is_none_or(|ours| strange.contains(&ours));
    Ok(updates.iter().filter(is_strange).collect())
}

async fn rows_of_failed(deps: &Deps, updates: &[StatusUpdate]) -> Result<HashMap<SendId, Send>, StoreError> {
    let failed = updates.iter().filter(|update| update.status == StatusKind::Failed);
    let ids: Vec<SendId> = failed.filter_map(|update| Some(ours(update)?.0)).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = deps.store.sends(ids).await?;
    Ok(rows.into_iter().flatten().map(|row| (row.id, row)).collect())
}

/// Whether a status is of a message to somebody who was erased.
pub(crate) fn is_of_erased(deps: &Deps, update: &StatusUpdate) -> bool {
    ours(update).is_some_and(|(send, _)| deps.is_dead(send.conversation))
}

fn ours(update: &StatusUpdate) -> Option<(SendId, u32)> {
    update.callback_data.as_deref().and_then(records::parse_callback_data)
}

/// What the statuses of one number lead to.
#[derive(Default)]
struct Verdicts {
    settlements: Vec<Settlement>,
    /// Rows that changed otherwise than by their status: the sender takes them up as they stand.
    put_back: Vec<SendId>,
    holding: Vec<ConversationId>,
    /// What conversations are told whose form did not arrive.
    unsent: Vec<(ConversationId, InboxPayload)>,
    brakes: Vec<(Outcome, SendError)>,
}

impl Verdicts {
    fn plain(&mut self, send: SendId, nonce: u32, update: &StatusUpdate, at_ms: u64, error: Option<bytes::Bytes>) {
        let Some(state) = state_of(&update.status) else { return };
        let price = update.details().pricing.map(|pricing| codec::encode(&Price::from(pricing)));
        let change = Change::Status { state, wamid: update.wamid.as_str().into(), error, price };
        self.settlements.push(Settlement { send, nonce: Some(nonce), at_ms, change });
    }

    fn failed(&mut self, deps: &Deps, row: &mut Send, update: &StatusUpdate, at_ms: u64) {
        let outcome = update.errors.first().map_or(Outcome::Permanent, |error| error.outcome());
        let record = update.errors.first().map(ErrorRecord::from).unwrap_or_default();
        let error = SendError { tries: row.attempts, ..SendError::from(record) };
        let payload: Option<SendPayload> = codec::decode(&row.payload).ok();
        let is_news =
            !matches!(row.state, SendState::Failed | SendState::Dead | SendState::Delivered | SendState::Read);
        if is_news && slows_number(outcome) {
            self.brakes.push((outcome, error.clone()));
        }
        let now_ms = deps.clock.now_ms();
        let instead =
            payload.as_ref().filter(|_| is_news).map(|payload| instead(row, payload, outcome, &error, now_ms));
        let changes = instead.unwrap_or_default();
        if changes.is_empty() {
            let letter = letter(update, row, payload.as_ref(), &error);
            if is_news {
                events::send_failed(&deps.metrics, row.id, &letter.detail);
                let unsent = payload.as_ref().and_then(|payload| flow::unsent(payload, &letter.detail));
                self.unsent.extend(unsent.map(|unsent| (row.id.conversation, unsent)));
            }
            self.plain(row.id, row.nonce, update, at_ms, Some(codec::encode(&letter)));
            return;
        }
        if outcome == Outcome::WindowClosed && changes.iter().all(|change| !matches!(change, Change::Held { .. })) {
            // A template takes its place.
            let unsent = payload.as_ref().and_then(|payload| flow::unsent(payload, &error.title));
            self.unsent.extend(unsent.map(|unsent| (row.id.conversation, unsent)));
        }
        events::send_put_back(row.id, &error.title);
        for change in changes {
            if matches!(change, Change::Held { .. }) {
                self.holding.push(row.id.conversation);
            }
            let nonce = Some(row.nonce);
            if let Change::Rewrite { nonce, .. } = change {
                // What follows, and a repetition of this status, finds the message that is there then.
                row.nonce = nonce;
            }
            self.settlements.push(Settlement { send: row.id, nonce, at_ms: now_ms, change });
        }
        self.put_back.push(row.id);
    }

    /// Answers the rows that the store does not know.
    async fn commit(self, deps: &Deps, number: &str) -> Result<Vec<(SendId, u32)>, StoreError> {
        let rows = self.settlements.iter().map(|settlement| (settlement.send, settlement.nonce.unwrap_or_default()));
        let told: Vec<_> = rows.collect();
        self.holding.into_iter().for_each(|conversation| deps.senders.holds(conversation));
        // Before the failure is written down: a repetition of its status is no news, and would not tell it.
        let (partition, now_ms) = (Partition(number.into()), deps.clock.now_ms());
        let tell = |(conversation, unsent): &(ConversationId, InboxPayload)| {
            Accept::Message(unsent.to(identity::contact_of(*conversation), &partition, now_ms))
        };
        if !self.unsent.is_empty() {
            deps.store.append(self.unsent.iter().map(tell).collect()).await?;
        }
        let settled = deps.store.settle(deps.fence(number), self.settlements).await?;
        if settled.contains(&Settled::Now(SendState::Failed)) {
            deps.outlet.given_up();
        }
        for (outcome, error) in self.brakes {
            let (brake, scope) = verdict::brake(outcome, error.code, &error.title, deps.clock.now_ms(), None);
            deps.senders.brake(number, scope, &brake);
        }
        if !self.put_back.is_empty() {
            let rows = deps.store.sends(self.put_back).await?;
            deps.senders.hand_over_again(number, rows.into_iter().flatten().collect());
        }
        let (mut reached, mut strange) = (Vec::new(), Vec::new());
        for ((send, nonce), settled) in told.into_iter().zip(settled) {
            match settled {
                Settled::Now(state) if state.is_settled() => reached.push((send, state)),
                Settled::Now(_) => {}
                Settled::Unknown => strange.push((send, nonce)),
            }
        }
        deps.senders.tell(number, Message::Statuses(reached));
        Ok(strange)
    }
}

/// What a message becomes that Meta failed; nothing, if it ends.
fn instead(row: &Send, payload: &SendPayload, outcome: Outcome, error: &SendError, now_ms: u64) -> Vec<Change> {
    let nonce = window::next_nonce(row.nonce);
    let rewrite = |payload: &SendPayload| Change::Rewrite { nonce, payload: codec::encode(payload) };
    let again = SendPayload { put_back: payload.put_back.saturating_add(1), ..payload.clone() };
    match (outcome, &payload.closed) {
        (Outcome::WindowClosed, Closed::Template(template)) => vec![rewrite(&window::as_template(payload, template))],
        (Outcome::WindowClosed, Closed::Hold) => {
            let error = Some(SendError::held(Held::WindowClosed).encode());
            vec![rewrite(&again), Change::Held { error }]
        }
        (outcome, _) if passes(outcome) && payload.put_back < PUT_BACK => {
            let due_ms = now_ms + PUT_BACK_MS * 4u64.pow(u32::from(payload.put_back));
            vec![rewrite(&again), Change::Retry { due_ms, error: Some(error.encode()) }]
        }
        _ => Vec::new(),
    }
}

/// Whether the number must slow down, and not this message alone.
fn slows_number(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::SlowNumber | Outcome::SlowAccount | Outcome::SlowApp | Outcome::PauseNumber)
}

/// Whether the message did nothing wrong and may go again later.
fn passes(outcome: Outcome) -> bool {
    let slow = slows_number(outcome) || matches!(outcome, Outcome::SlowPerson | Outcome::SlowFlow);
    slow || matches!(outcome, Outcome::Retry | Outcome::RetryAtMost(_))
}

/// Read as the row's [`SendError`] and as the dead letter's [`records::DeadLetterPayload`], which the store makes of it.
#[derive(Serialize)]
struct FailedLetter {
    #[serde(flatten)]
    error: SendError,
    detail: Box<str>,
    hint: Option<Box<str>>,
    bot: Option<Box<str>>,
    version: Option<Box<str>>,
    node: Option<Box<str>>,
    raw: Option<Box<str>>,
}

fn letter(update: &StatusUpdate, row: &Send, payload: Option<&SendPayload>, error: &SendError) -> FailedLetter {
    let code = error.code.map(|code| format!("{code} ")).unwrap_or_default();
    let details = error.details.as_ref().map(|details| format!(" ({details})")).unwrap_or_default();
    let wamid = &update.wamid;
    FailedLetter {
        error: error.clone(),
        detail: format!("Meta took it and then failed it: {code}{}{details}; its id is {wamid}", error.title).into(),
        hint: Some(error.advice.clone()),
        bot: None,
        version: None,
        node: payload.and_then(|payload| payload.node.clone()),
        raw: payload.map(|payload| {
            transport::message_body(payload, &records::callback_data(row.id, row.nonce)).to_string().into()
        }),
    }
}

fn state_of(status: &StatusKind) -> Option<SendState> {
    match status {
        StatusKind::Sent => Some(SendState::Sent),
        StatusKind::Delivered => Some(SendState::Delivered),
        StatusKind::Read | StatusKind::Played => Some(SendState::Read),
        StatusKind::Failed => Some(SendState::Failed),
        StatusKind::Other(_) => None,
    }
}

fn label_of(status: &StatusKind) -> &'static str {
    match status {
        StatusKind::Sent => "sent",
        StatusKind::Delivered => "delivered",
        StatusKind::Read => "read",
        StatusKind::Played => "played",
        StatusKind::Failed => "failed",
        StatusKind::Other(_) => "other",
    }
}
