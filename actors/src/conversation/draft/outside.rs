//! What another program tells a conversation: it goes to the bot in journal order, like a message, but is none.

use std::sync::Arc;

use chatbot::{Bot, Input};
use storage::{Inbound, InboxSeq};

use super::Draft;
use crate::records::inbox::OutsideCall;
use crate::records::{HistoryInput, InputKind};

impl Draft<'_> {
    /// A call with a key counts once. While somebody answers in the bot's place it is written down only.
    pub(super) fn called(&mut self, seq: InboxSeq, row: &Inbound, outside: OutsideCall, bot: Option<&Arc<Bot>>) {
        let OutsideCall { call, key, bot: wanted, named } = outside;
        self.named(row, named.as_ref());
        if let Some(key) = key {
            if self.after.state.done_call(key.key, self.means.now_ms).is_some() {
                self.noted.duplicates += 1;
                return;
            }
            self.after.state.remember_call(key, seq, self.means.now_ms);
        }
        let raw = serde_json::to_string(&call).unwrap_or_default().into();
        let input = HistoryInput { seq, received_ms: row.received_ms, sent_ms: None, raw, kind: InputKind::Call };
        let running = self.after.state.bot.bot().map(|(id, _)| Box::<str>::from(id));
        let named_bot = wanted.as_deref().filter(|_| running.is_none() && self.is_with_bot());
        let other = named_bot.and_then(|id| self.means.bots.live_of(id));
        // A run of another bot began meanwhile: what was meant for this one is written down only.
        let taken = wanted.as_deref().is_some_and(|wanted| running.as_deref().is_some_and(|running| running != wanted));
        match other.as_ref().or(bot).filter(|_| !taken) {
            Some(bot) => self.run(bot, &Input::Api(call), Some(input)),
            None => self.record(Some(input)),
        }
    }
}
