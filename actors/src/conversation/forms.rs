//! What forms ask, in the actor: one turn for each, answered once what it changed is committed.
//!
//! An ask comes after the inputs that waited when it came, as if it had been one of them: what the person did before they
//! went on in the form counts first. It is no input, though: nothing of it is in the store, so one that fails is answered
//! with a refusal and harms nothing else. Its turn is a pure function, so a panic in it leaves this actor as it was.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chatbot::FormStep;
use storage::StoreError;
use tokio::time::Instant;

use super::draft::{Draft, Loaded};
use super::{Answering, State, Trouble};
use crate::bots::Choice;
use crate::events;
use crate::forms::{Ask, FormAnswered, FormOutcome, Step, gone};

impl State {
    pub(super) async fn answer(&mut self, ask: Ask) -> Result<(), Trouble> {
        let loaded = match self.load().await {
            Ok(loaded) => loaded,
            Err(trouble) => return self.leave(ask, trouble),
        };
        if let Some(step) = elsewhere(&loaded, &ask) {
            self.loaded = Some(loaded);
            ask.answer(step);
            return Ok(());
        }
        let deps = self.deps.clone();
        let mut draft = self.draft(&deps, loaded);
        let started = Instant::now();
        let computed = catch_unwind(AssertUnwindSafe(|| self.compute_ask(&mut draft, &ask)));
        deps.metrics.turn_seconds.observe(started.elapsed().as_secs_f64());
        let Ok(step) = computed else {
            events::form_panicked(self.id);
            ask.answer(Step::Done(FormOutcome::Refused.into()));
            return Ok(());
        };
        if draft.is_empty() {
            self.loaded = Some(draft.after);
        } else if let Err(trouble) = self.commit(draft).await {
            return self.leave(ask, trouble);
        }
        ask.answer(step);
        Ok(())
    }

    /// A store that is busy did nothing: the ask keeps its place. Otherwise whoever waits hears that it is gone.
    fn leave(&self, ask: Ask, trouble: Trouble) -> Result<(), Trouble> {
        if matches!(trouble, Trouble::Store(StoreError::Unavailable(_))) {
            self.queue.put_ask_back(ask);
        }
        Err(trouble)
    }

    fn compute_ask(&self, draft: &mut Draft<'_>, ask: &Ask) -> Step {
        draft.hand_back_if_due();
        let number = draft.after.state.number_id.clone();
        // While somebody answers in the bot's place a form goes on all the same: nobody else can answer it.
        let bot = match draft.is_with_bot() {
            true => match self.answering(draft, &number) {
                Answering::Bot(bot) => Some(bot),
                Answering::Nobody | Answering::Wait(_) => None,
            },
            false => match self.deps.bots.choose(&number, draft.after.state.bot.bot(), self.deps.clock.now_ms()) {
                Choice::Run(bot) => Some(bot),
                Choice::Move(plan) => plan.from,
                Choice::Nobody | Choice::Wait(_) => None,
            },
        };
        let Some(bot) = bot else { return Step::Done(FormOutcome::Refused.into()) };
        let flow = draft.after.state.bot.form_flow(&ask.request.token).map(|flow| (bot.id().into(), flow.into()));
        let outcome = match draft.ask(&bot, &ask.request) {
            FormStep::Call { call, cache, budget_ms } => return Step::Call { call, cache, budget_ms },
            FormStep::Answer { screen, data } => FormOutcome::Answer { screen, data },
            FormStep::Finish { params } => FormOutcome::Finish { params },
            FormStep::Acknowledged => FormOutcome::Acknowledged,
            FormStep::Dead { message } => FormOutcome::Dead { message },
            FormStep::Refused { .. } => {
                events::form_refused(self.id, &bot, ask.request.action.name());
                FormOutcome::Refused
            }
        };
        Step::Done(FormAnswered { outcome, flow })
    }
}

/// What becomes of an ask that is not for this conversation as it is now.
fn elsewhere(loaded: &Loaded, ask: &Ask) -> Option<Step> {
    let state = &loaded.state;
    if loaded.revision.0 == 0 {
        // What it takes over may be on its way.
        return Some(if ask.part.is_some() { Step::NotYet } else { Step::Done(gone().into()) });
    }
    if let Some(into) = state.merged_into {
        return Some(Step::Elsewhere(crate::identity::beside(ask.conversation, into)));
    }
    let arrived = ask.part.is_none_or(|part| state.absorbed.contains(&part));
    (!arrived).then_some(Step::NotYet)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::ConversationId;

    use super::*;

    #[test]
    fn a_conversation_that_is_not_there_yet_may_be_about_to_take_in_the_one_that_is_asked() {
        let request = chatbot::FormRequest {
            token: String::new(),
            action: chatbot::FormAction::Init,
            screen: None,
            data: serde_json::Value::Null,
            digest: String::new(),
            results: Vec::new(),
            late: false,
        };
        let (mut ask, _step) = Ask::new(ConversationId([1; 16]), Arc::new(request));
        assert!(matches!(elsewhere(&Loaded::default(), &ask), Some(Step::Done(_))));
        ask.part = Some(ConversationId([2; 16]));
        assert!(matches!(elsewhere(&Loaded::default(), &ask), Some(Step::NotYet)));
    }
}
