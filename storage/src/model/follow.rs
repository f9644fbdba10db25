//! The model's log: what each call changed, as it would be read back.

use super::World;
use crate::{LogPage, LogSeq, Logged, LoggedMessage, LoggedValue, Send, Standing};

/// Rows that are kept.
const KEPT: usize = 32_768;

impl World {
    /// What the call that ends now has changed becomes a row; answers the newest one.
    pub(super) fn write_down(&mut self) -> LogSeq {
        if !self.changes.is_empty() {
            self.enter();
        }
        LogSeq(self.last_log)
    }

    /// A row with the changes so far, none included.
    pub(super) fn enter(&mut self) {
        self.last_log += 1;
        self.log.push_back(Logged { seq: LogSeq(self.last_log), values: std::mem::take(&mut self.changes) });
        if self.log.len() > KEPT {
            self.log.pop_front();
        }
    }

    pub(super) fn log_after(&self, after: LogSeq, limit: usize) -> LogPage {
        let newest = LogSeq(self.last_log);
        let oldest = self.log.front().map_or(LogSeq(self.last_log + 1), |row| row.seq);
        let later = self.log.iter().filter(|row| row.seq > after);
        LogPage { oldest, newest, rows: later.take(limit.clamp(1, 1_000)).cloned().collect() }
    }
}

pub(super) fn message(send: &Send) -> LoggedValue {
    let (nonce, created_ms, payload) = (send.nonce, send.created_ms, send.payload.clone());
    LoggedValue::Message(send.id, LoggedMessage { nonce, created_ms, payload })
}

pub(super) fn standing(send: &Send) -> LoggedValue {
    let Send { id, nonce, state, attempts, created_ms, updated_ms, due_ms, wamid, payload: _, error, price } =
        send.clone();
    LoggedValue::Standing(id, Standing { nonce, state, attempts, created_ms, updated_ms, due_ms, wamid, error, price })
}
