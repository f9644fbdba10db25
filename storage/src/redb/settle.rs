//! What a settlement makes of an outbox row.
//!
//! States have a rank (their order in [`SendState`]). A row that is not settled takes what the sender says; a settled
//! one only rises: to `Accepted` when Graph took it after all, and along the statuses. A rewrite begins anew.

use bytes::Bytes;

use crate::rows::StandingRow;
use crate::{Change, NewDeadLetter, SendId, SendState, Settlement};

/// The row afterwards, if it changed, and the dead letter that it gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) row: Option<StandingRow>,
    pub(super) letter: Option<NewDeadLetter>,
    /// Another payload for it.
    pub(super) payload: Option<Bytes>,
}

/// Whether a settlement is about the message that the row holds now: by its nonce, or because it put it there.
pub(super) fn concerns(row: &StandingRow, settlement: &Settlement) -> bool {
    settlement.nonce.is_none_or(|nonce| nonce == row.nonce) || repeats(row, &settlement.change)
}

fn repeats(row: &StandingRow, change: &Change) -> bool {
    matches!(change, Change::Rewrite { nonce, .. } if *nonce == row.nonce)
}

pub(super) fn settle(before: &StandingRow, settlement: Settlement) -> Outcome {
    let Settlement { send, at_ms, change, .. } = settlement;
    let mut row = before.clone();
    let mut letter = None;
    match change {
        change if repeats(before, &change) => {}
        Change::Rewrite { nonce, payload } => return rewrite(before, at_ms, nonce, payload),
        Change::Accepted { wamid } => accepted(&mut row, wamid),
        Change::Status { state, wamid, error, price } => {
            letter = status(&mut row, send, state, wamid, error);
            row.price = price.filter(|_| state >= SendState::Sent).or(row.price);
        }
        tried if !row.state.is_settled() => letter = attempt(&mut row, send, tried),
        _too_late => {}
    }
    letter = letter.filter(|_| !row.lettered);
    row.lettered |= letter.is_some();
    if row == *before {
        return Outcome::default();
    }
    row.updated_ms = at_ms;
    Outcome { row: Some(row), letter, payload: None }
}

/// The row as if another message had just been decided in its place.
fn rewrite(before: &StandingRow, at_ms: u64, nonce: u32, payload: Bytes) -> Outcome {
    if matches!(before.state, SendState::Dead | SendState::Delivered | SendState::Read) {
        return Outcome::default();
    }
    let row = StandingRow { created_ms: before.created_ms, ..StandingRow::queued(nonce, at_ms) };
    Outcome { row: Some(row), letter: None, payload: Some(payload) }
}

/// The sender's own changes, for a row that is not settled.
fn attempt(row: &mut StandingRow, id: SendId, change: Change) -> Option<NewDeadLetter> {
    match change {
        Change::Sending { attempt } if attempt > row.attempts => {
            row.attempts = attempt;
            enter(row, SendState::Sending, 0);
        }
        Change::Retry { due_ms, error } => {
            enter(row, SendState::Queued, due_ms);
            row.error = error;
        }
        Change::Uncertain { until_ms, error } => {
            enter(row, SendState::Uncertain, until_ms);
            row.error = error;
        }
        Change::Held { error } => {
            enter(row, SendState::Held, 0);
            row.error = error;
        }
        Change::Dead { letter, error } => {
            enter(row, SendState::Dead, 0);
            row.error = error;
            return Some(NewDeadLetter { send: letter.send.or(Some(id)), ..letter });
        }
        // An attempt that is known already, or not the sender's.
        Change::Sending { .. } | Change::Accepted { .. } | Change::Status { .. } | Change::Rewrite { .. } => {}
    }
    None
}

fn accepted(row: &mut StandingRow, wamid: Box<str>) {
    row.wamid.get_or_insert(wamid);
    if row.state < SendState::Accepted {
        enter(row, SendState::Accepted, 0);
        row.error = None;
    }
}

fn status(
    row: &mut StandingRow,
    id: SendId,
    state: SendState,
    wamid: Box<str>,
    error: Option<Bytes>,
) -> Option<NewDeadLetter> {
    if state < SendState::Sent {
        return None;
    }
    row.wamid.get_or_insert(wamid);
    if state <= row.state {
        return None;
    }
    enter(row, state, 0);
    row.error = error.filter(|_| state == SendState::Failed);
    (state == SendState::Failed).then(|| NewDeadLetter {
        inbox: None,
        send: Some(id),
        reason: "failed".into(),
        payload: row.error.clone().unwrap_or_default(),
    })
}

fn enter(row: &mut StandingRow, state: SendState, due_ms: u64) {
    row.state = state;
    row.due_ms = due_ms;
}
