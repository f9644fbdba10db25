//! What forms ask: handed to the conversation's actor beside its inputs, if it can be answered soon.

use ractor::ActorProcessingErr;
use storage::ConversationId;

use super::{Stage, State};
use crate::forms::{Ask, FormOutcome, Step};
use crate::queue::Stall;

impl State {
    pub(super) async fn ask(&mut self, ask: Ask) -> Result<(), ActorProcessingErr> {
        let id = ask.conversation;
        if self.draining || ask.is_abandoned() {
            return Ok(());
        }
        if self.deps.is_dead(id) {
            ask.answer(Step::NotHere);
            return Ok(());
        }
        if !ask.known && !self.entries.contains_key(&id) {
            ask.answer(Step::NotHere);
            return Ok(());
        }
        let queue = self.entry(id).queue.clone();
        if let Err(ask) = queue.push_ask(ask) {
            ask.answer(Step::Done(FormOutcome::Busy.into()));
            return Ok(());
        }
        self.answer_stalled(id);
        self.wake(id).await
    }

    /// Asleep because its inputs must stay where they are: what comes after them must not wait for that.
    pub(super) fn answer_stalled(&self, id: ConversationId) {
        let Some(entry) = self.entries.get(&id).filter(|entry| matches!(entry.stage, Stage::Asleep)) else { return };
        if let Some(stall) = entry.queue.stalled().filter(|_| !self.may_go(id)) {
            entry.queue.answer_asks(|| Step::Done(outcome(stall).into()));
        }
    }
}

/// What a form gets while the inputs before it must stay where they are.
pub(crate) fn outcome(stall: Stall) -> FormOutcome {
    match stall {
        Stall::Version(_) => FormOutcome::Refused,
        Stall::Outbox => FormOutcome::Busy,
    }
}
