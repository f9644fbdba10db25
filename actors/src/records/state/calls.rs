//! Calls from outside with an idempotency key that a conversation has taken.

use serde::{Deserialize, Serialize};
use storage::InboxSeq;

use super::{ORDER_KEY_MS, State};
use crate::records::inbox::OrderKey;

/// So many of them are remembered at the most.
const MAX_CALL_KEYS: usize = 1_000;

/// A call that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DoneCall {
    pub key: OrderKey,
    pub at_ms: u64,
    /// The inbox row that it was.
    pub seq: InboxSeq,
}

impl State {
    /// The call that came before with this key.
    pub(crate) fn done_call(&self, key: u64, now_ms: u64) -> Option<&DoneCall> {
        self.calls.iter().find(|done| done.key.key == key && done.at_ms + ORDER_KEY_MS > now_ms)
    }

    pub(crate) fn remember_call(&mut self, key: OrderKey, seq: InboxSeq, now_ms: u64) {
        self.calls.push(DoneCall { key, at_ms: now_ms, seq });
        self.forget_calls(now_ms);
    }

    pub(super) fn forget_calls(&mut self, now_ms: u64) {
        self.calls.retain(|done| done.at_ms + ORDER_KEY_MS > now_ms);
        let over = self.calls.len().saturating_sub(MAX_CALL_KEYS);
        self.calls.drain(..over);
    }
}
