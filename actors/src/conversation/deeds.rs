//! Deeds: each a commit of its own, before everything else that waits.

use std::sync::Arc;

use chatbot::Bot;

use super::draft::Draft;
use super::{State, Trouble};
use crate::bots::Choice;
use crate::queue::Item;

impl State {
    /// Does it. Neither an outbox that is full nor a version that is stopped keeps it back. Answers whether there may be
    /// more to do.
    pub(super) async fn take_deed(&mut self, item: Item) -> Result<bool, Trouble> {
        let loaded = self.load().await?;
        let deps = self.deps.clone();
        let items = self.with_rows(vec![item]).await?;
        let mut draft = self.draft(&deps, loaded);
        for item in &items {
            let Some(row) = &item.row else { continue };
            self.handling(item.seq.0);
            draft.hand_back_if_due();
            let bot = if draft.needs_bot(row) { self.bot_of(&mut draft, &row.partition.0) } else { None };
            draft.take(item, row, bot.as_ref());
        }
        if draft.is_empty() {
            // It was done before.
            self.handling(0);
            self.loaded = Some(draft.after);
            return Ok(true);
        }
        self.commit(draft).await?;
        self.moved_on();
        Ok(true)
    }

    /// The bot that would answer if nobody had the conversation; `None` if there is none, or it is stopped.
    fn bot_of(&self, draft: &mut Draft<'_>, number: &str) -> Option<Arc<Bot>> {
        loop {
            let now_ms = self.deps.clock.now_ms();
            match self.deps.bots.choose(number, draft.after.state.bot.bot(), now_ms) {
                Choice::Run(bot) => return Some(bot),
                Choice::Wait(_) | Choice::Nobody => return None,
                Choice::Move(plan) => {
                    if let Some(bot) = draft.migrate(&plan) {
                        return Some(bot);
                    }
                }
            }
        }
    }
}
