//! An outbox row in the sender's hands.

use std::sync::Arc;

use chatbot::Order;
use storage::{SendId, SendState};

use crate::codec;
use crate::conversation::Outbound;
use crate::records::{Held, SendError, SendPayload};

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub id: SendId,
    pub nonce: u32,
    /// Requests made so far.
    pub attempts: u32,
    /// Those of them that count towards giving up.
    pub tries: u32,
    pub created_ms: u64,
    /// Not before this time; for one in doubt, the end of the doubt window.
    pub due_ms: u64,
    pub doubt: bool,
    /// The person's rate was charged for it already.
    pub pair_paid: bool,
    /// Somebody may have taken the conversation over since it was decided: look before a bot's message leaves.
    pub may_be_taken: bool,
    pub manner: Manner,
    /// `None`: read it from the store when its time comes.
    pub payload: Option<Arc<SendPayload>>,
}

/// What the order of leaving depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    pub bulk: bool,
    pub order: Order,
    /// A bot decided it.
    pub bot: bool,
}

impl From<&SendPayload> for Manner {
    fn from(payload: &SendPayload) -> Self {
        Self { bulk: payload.bulk, order: payload.order, bot: payload.node.is_some() }
    }
}

impl Row {
    /// A row that was just committed.
    pub(crate) fn queued(out: Outbound) -> Self {
        Self {
            id: out.id,
            nonce: out.nonce,
            attempts: 0,
            tries: 0,
            created_ms: out.decided_ms,
            // Whose message was decided first goes first.
            due_ms: out.decided_ms,
            doubt: false,
            pair_paid: false,
            may_be_taken: false,
            manner: Manner::from(&out.payload),
            payload: Some(Arc::new(out.payload)),
        }
    }

    /// Takes over another content of the same row.
    pub(crate) fn become_other(&mut self, other: Row) {
        let may_be_taken = self.may_be_taken || other.may_be_taken;
        *self = Self { created_ms: self.created_ms, manner: self.manner, may_be_taken, ..other };
    }

    /// A row as it stands in the store. One in `Sending` is in doubt until `doubt_until_ms`.
    pub(crate) fn stored(row: &storage::Send, doubt_until_ms: u64) -> Self {
        let error = SendError::of(row);
        // Where its Flow stands may have changed meanwhile: it looks again.
        let throttled = error.as_ref().is_some_and(|error| error.held == Some(Held::FlowThrottled));
        let due_ms = if throttled { row.created_ms } else { row.due_ms.max(row.created_ms) };
        let sending = row.state == SendState::Sending;
        let payload: Option<SendPayload> = codec::decode(&row.payload).ok();
        Self {
            id: row.id,
            nonce: row.nonce,
            attempts: row.attempts,
            tries: error.map_or(0, |error| error.tries) + u32::from(sending),
            created_ms: row.created_ms,
            due_ms: if sending { doubt_until_ms } else { due_ms },
            doubt: matches!(row.state, SendState::Sending | SendState::Uncertain),
            pair_paid: false,
            may_be_taken: true,
            manner: payload.as_ref().map(Manner::from).unwrap_or_default(),
            payload: payload.map(Arc::new),
        }
    }
}
