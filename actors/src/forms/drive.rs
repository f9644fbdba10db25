//! One request from its arrival to its answer.

use std::sync::Arc;
use std::time::Duration;

use chatbot::{FormCache, FormRequest, HttpCall};
use ractor::ActorRef;
use storage::{ConversationId, StoreError};
use tokio::time::Instant;

use super::lookup::Lookups;
use super::open::Ticket;
use super::{Ask, FormAnswered, FormOutcome, Step, gone};
use crate::deps::Deps;
use crate::events;
use crate::shard;

/// Calls of other programs that one request may lead to; then its time counts as over.
const MAX_CALLS: usize = 16;
/// What the turn of the fallback has left of the time for an answer, whatever the budget; at most a quarter of it.
const FALLBACK_MS: u64 = 500;
/// A conversation that became a part of one that became a part of another is followed this far.
const MAX_MERGES: usize = 16;
/// What two conversations hand each other when they become one is waited for in steps of this.
const MERGE_PAUSE_MS: u64 = 20;

/// See the module.
pub(super) struct Drive {
    deps: Arc<Deps>,
    shards: Vec<ActorRef<shard::Message>>,
    lookups: Arc<Lookups>,
    conversation: ConversationId,
    request: Arc<FormRequest>,
    asked_ms: u64,
    /// Calls come to their end before this.
    until_ms: u64,
    part: Option<ConversationId>,
    known: bool,
    calls: usize,
    merges: usize,
}

impl Drive {
    pub(super) fn new(
        deps: Arc<Deps>,
        shards: Vec<ActorRef<shard::Message>>,
        lookups: Arc<Lookups>,
        conversation: ConversationId,
        request: FormRequest,
        within: Duration,
    ) -> Self {
        let asked_ms = deps.clock.now_ms();
        let request = Arc::new(request);
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let until_ms = asked_ms.saturating_add(within_ms - FALLBACK_MS.min(within_ms / 4));
        let (part, known, calls, merges) = (None, false, 0, 0);
        Self { deps, shards, lookups, conversation, request, asked_ms, until_ms, part, known, calls, merges }
    }

    /// Answers within the time, whatever happens.
    pub(super) async fn run(mut self, ticket: Ticket, within: Duration) {
        let started = Instant::now();
        let answered = tokio::time::timeout(within, self.steps()).await;
        let answered = answered.unwrap_or_else(|_| FormOutcome::Late.into());
        events::form_answered(&self.deps.metrics, self.conversation, &answered, started.elapsed());
        ticket.answer(answered);
    }

    async fn steps(&mut self) -> FormAnswered {
        loop {
            match self.next().await {
                Some(Step::Done(answered)) => return answered,
                // A fallback that wants a call as well is none.
                Some(Step::Call { .. }) if self.request.late => return FormOutcome::Refused.into(),
                Some(Step::Call { call, cache, budget_ms }) => self.look_up(*call, cache, budget_ms).await,
                Some(Step::NotHere) => match self.is_known().await {
                    Ok(true) => self.known = true,
                    Ok(false) => return gone().into(),
                    Err(error) => {
                        events::store_failed("looking for the conversation of a form", &error);
                        return FormOutcome::Late.into();
                    }
                },
                Some(Step::Elsewhere(into)) if self.merges < MAX_MERGES => self.follow(into).await,
                Some(Step::NotYet) => self.pause().await,
                Some(Step::Elsewhere(_)) | None => return FormOutcome::Late.into(),
            }
        }
    }

    /// What the actor makes of the request; `None` if nobody has it any more.
    async fn next(&self) -> Option<Step> {
        let (mut ask, next) = Ask::new(self.conversation, self.request.clone());
        (ask.part, ask.known) = (self.part, self.known);
        shard::of(&self.shards, self.conversation).cast(shard::Message::Ask(Box::new(ask))).ok()?;
        next.await.ok()
    }

    async fn is_known(&self) -> Result<bool, StoreError> {
        Ok(self.deps.store.load(self.conversation).await?.is_some())
    }

    /// Goes on at the conversation that this one became a part of. Two that became parts of each other for a moment
    /// are given time.
    async fn follow(&mut self, into: ConversationId) {
        if self.merges > 0 {
            self.pause().await;
        }
        self.merges += 1;
        self.part.get_or_insert(self.conversation);
        self.part = self.part.filter(|part| *part != into);
        (self.conversation, self.known) = (into, true);
    }

    async fn pause(&self) {
        let again_ms = self.deps.clock.now_ms() + MERGE_PAUSE_MS;
        self.deps.clock.wait_until(again_ms).await;
    }

    /// Brings the result of a call, or the notice that the time for it is over: whichever comes first.
    async fn look_up(&mut self, call: HttpCall, cache: Option<FormCache>, budget_ms: u64) {
        self.calls += 1;
        let until_ms = self.asked_ms.saturating_add(budget_ms).min(self.until_ms);
        let done = match self.calls > MAX_CALLS {
            true => None,
            false => self.lookups.get(self.conversation, call, cache, until_ms).await,
        };
        let request = Arc::make_mut(&mut self.request);
        match done {
            Some(done) => request.results.push(done),
            None => request.late = true,
        }
    }
}
