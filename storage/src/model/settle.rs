//! The model's outbox rules, written as plainly as they can be said.

use bytes::Bytes;

use super::World;
use crate::{Change, NewDeadLetter, Send, SendState, Settled, Settlement};

impl World {
    pub(super) fn settle(&mut self, settlement: Settlement) -> Settled {
        self.rows += 1;
        let Some(row) = self.sends.get_mut(&settlement.send) else { return Settled::Unknown };
        let repeated = matches!(settlement.change, Change::Rewrite { nonce, .. } if nonce == row.send.nonce);
        if !repeated && settlement.nonce.is_some_and(|nonce| nonce != row.send.nonce) {
            return Settled::Unknown;
        }
        let before = row.send.clone();
        let open =
            matches!(row.send.state, SendState::Queued | SendState::Sending | SendState::Uncertain | SendState::Held);
        let mut letter = None;
        let send = &mut row.send;
        match settlement.change {
            Change::Sending { attempt } if open && attempt > send.attempts => {
                send.attempts = attempt;
                send.state = SendState::Sending;
                send.due_ms = 0;
            }
            Change::Retry { due_ms, error } if open => {
                send.state = SendState::Queued;
                send.due_ms = due_ms;
                send.error = error;
            }
            Change::Uncertain { until_ms, error } if open => {
                send.state = SendState::Uncertain;
                send.due_ms = until_ms;
                send.error = error;
            }
            Change::Held { error } if open => {
                send.state = SendState::Held;
                send.due_ms = 0;
                send.error = error;
            }
            Change::Dead { letter: new, error } if open => {
                send.state = SendState::Dead;
                send.due_ms = 0;
                send.error = error;
                letter = Some(NewDeadLetter { send: new.send.or(Some(send.id)), ..new });
            }
            Change::Accepted { wamid } => {
                send.wamid.get_or_insert(wamid);
                if open || send.state == SendState::Dead {
                    send.state = SendState::Accepted;
                    send.due_ms = 0;
                    send.error = None;
                }
            }
            Change::Status { state, wamid, error, price } if place(state) > 0 => {
                send.wamid.get_or_insert(wamid);
                send.price = price.or(send.price.take());
                if place(state) > place(send.state) {
                    send.state = state;
                    send.due_ms = 0;
                    send.error = if state == SendState::Failed { error } else { None };
                }
                if state == SendState::Failed && before.state != state && send.state == state {
                    letter = Some(NewDeadLetter {
                        inbox: None,
                        send: Some(send.id),
                        reason: "failed".into(),
                        payload: send.error.clone().unwrap_or(Bytes::new()),
                    });
                }
            }
            Change::Rewrite { nonce, payload } if !repeated && may_be_rewritten(send.state) => {
                row.lettered = false;
                *send = Send {
                    id: send.id,
                    nonce,
                    state: SendState::Queued,
                    attempts: 0,
                    created_ms: send.created_ms,
                    updated_ms: settlement.at_ms,
                    due_ms: settlement.at_ms,
                    wamid: None,
                    payload,
                    error: None,
                    price: None,
                };
            }
            _ => {}
        }
        if *send != before {
            send.updated_ms = settlement.at_ms;
            self.changes.push(super::follow::standing(send));
            if send.nonce != before.nonce {
                self.changes.push(super::follow::message(send));
            }
        }
        let now = Settled::Now(send.state);
        if let Some(letter) = letter.filter(|_| !row.lettered) {
            row.lettered = true;
            self.bury(settlement.send.conversation, settlement.at_ms, letter);
        }
        now
    }
}

fn may_be_rewritten(state: SendState) -> bool {
    !matches!(state, SendState::Dead | SendState::Delivered | SendState::Read)
}

/// Place in the order of statuses; 0 is what a status always overtakes.
fn place(state: SendState) -> u8 {
    match state {
        SendState::Sent => 1,
        SendState::Failed => 2,
        SendState::Delivered => 3,
        SendState::Read => 4,
        _ => 0,
    }
}
