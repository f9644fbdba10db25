//! What a turn or a settlement changes, as final values of keys.

use bytes::Bytes;

use super::memtable::Op;
use crate::keys::{self, Key};
use crate::rows::{self, HeadRow, MessageRow, StandingRow};
use crate::{ConversationId, NewDocument, SendId, Turn};

pub(super) fn head_ops(
    ops: &mut Vec<Op>,
    id: ConversationId,
    before: Option<&HeadRow>,
    after: &HeadRow,
    snapshot: &[u8],
) {
    let (key, value) = (keys::head(id), rows::head(after, snapshot));
    ops.push(if before.is_some() { Op::Put(key, value) } else { Op::PutNew(key, value) });
    let updated = before.map(|head| head.updated_ms);
    move_mark(ops, updated.map(|at| keys::recent(at, id)), Some(keys::recent(after.updated_ms, id)));
    let wake = before.and_then(|head| head.wake_ms);
    move_mark(ops, wake.map(|at| keys::wake(at, id)), after.wake_ms.map(|at| keys::wake(at, id)));
}

pub(super) fn send_ops(ops: &mut Vec<Op>, turn: &Turn) {
    for send in &turn.sends {
        let id = SendId { conversation: turn.conversation, n: send.n };
        let message = MessageRow { nonce: send.nonce, created_ms: turn.at_ms };
        let standing = StandingRow::queued(send.nonce, turn.at_ms);
        ops.push(Op::PutNew(keys::message(id), rows::message(&message, &send.payload)));
        ops.push(Op::PutNew(keys::standing(id), rows::standing(&standing)));
        ops.push(Op::PutNew(keys::open(id), Bytes::new()));
        ops.push(Op::PutNew(keys::created(turn.at_ms, id), Bytes::new()));
    }
}

pub(super) fn standing_ops(ops: &mut Vec<Op>, id: SendId, before: &StandingRow, after: &StandingRow) {
    ops.push(Op::Put(keys::standing(id), rows::standing(after)));
    let open = |row: &StandingRow| (!row.state.is_settled()).then(|| keys::open(id));
    move_mark(ops, open(before), open(after));
    move_mark(ops, attention(id, before), attention(id, after));
}

fn attention(id: SendId, row: &StandingRow) -> Option<Key> {
    keys::wants_attention(row.state).then(|| keys::attention(row.state, row.created_ms, id))
}

/// Another payload in the place of a row's.
pub(super) fn message_op(id: SendId, row: &StandingRow, payload: &[u8]) -> Op {
    let message = MessageRow { nonce: row.nonce, created_ms: row.created_ms };
    Op::Put(keys::message(id), rows::message(&message, payload))
}

/// Removes the state of a conversation with the times that it asked for.
pub(super) fn erase_head_ops(ops: &mut Vec<Op>, id: ConversationId, head: &HeadRow) {
    let wake = head.wake_ms.map(|at_ms| keys::wake(at_ms, id));
    ops.extend([keys::head(id), keys::recent(head.updated_ms, id)].into_iter().chain(wake).map(Op::Delete));
}

/// Removes a row, settled or not.
pub(super) fn erase_send_ops(ops: &mut Vec<Op>, id: SendId, row: &StandingRow) {
    forget_ops(ops, id, row);
    ops.extend((!row.state.is_settled()).then(|| Op::Delete(keys::open(id))));
}

/// Removes a settled row.
pub(super) fn forget_ops(ops: &mut Vec<Op>, id: SendId, row: &StandingRow) {
    let keys = [keys::message(id), keys::standing(id), keys::created(row.created_ms, id)];
    ops.extend(keys.into_iter().chain(attention(id, row)).map(Op::Delete));
}

pub(super) fn document_op((kind, key, value): &NewDocument) -> Op {
    let key = keys::document(kind, key);
    match value {
        Some(value) => Op::Put(key, rows::opaque(value)),
        None => Op::Delete(key),
    }
}

/// Moves an index row that exists at most once for its subject.
fn move_mark(ops: &mut Vec<Op>, from: Option<Key>, to: Option<Key>) {
    if from == to {
        return;
    }
    ops.extend(from.map(Op::Delete));
    ops.extend(to.map(|key| Op::PutNew(key, Bytes::new())));
}
