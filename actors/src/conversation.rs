//! One actor per active conversation: pulls its inputs, lets the bot decide, commits, and only then lets effects out.
//!
//! It owns nothing that matters: the store is the truth, its memory a cache of the last commit. A failure (panic or
//! error) means that this memory is not trusted any more; its shard starts it anew from the store.

mod draft;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::{ConversationId, Health, StoreError};
use tokio::time::Instant;

pub(crate) use draft::Outbound;
pub use draft::TurnFunction;
use draft::{Draft, Loaded, Step};

use crate::bots::Choice;
use crate::deps::Deps;
use crate::events;
use crate::queue::{HANDLING_TICK, Item, Queue};
use crate::{router, timers};

/// Inputs that share one commit when they wait anyway.
const BATCH: usize = 16;
/// Batches before other messages of the mailbox get their turn.
const BATCHES_PER_WAKE: usize = 8;
/// A store that is busy is asked again this often before the actor gives its memory up.
const BUSY_RETRIES: u32 = 50;
const BUSY_DELAY_MS: u64 = 100;

pub(crate) struct Conversation;

pub(crate) enum Message {
    /// Something waits in the queue, or a timer is due.
    Wake,
    /// Leave, unless something waits.
    Passivate,
}

pub(crate) struct Arguments {
    pub id: ConversationId,
    pub queue: Arc<Queue>,
    pub deps: Arc<Deps>,
    pub after_failure: Option<Recovery>,
}

/// How an actor starts after its predecessor failed.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    /// The input to give up, with the failure's text and the number of runs it had.
    pub give_up: Option<(u64, Box<str>, u32)>,
}

pub(crate) struct State {
    id: ConversationId,
    queue: Arc<Queue>,
    deps: Arc<Deps>,
    recovery: Option<Recovery>,
    /// One input per commit, so that a failure is pinned to its input.
    cautious: bool,
    loaded: Option<Loaded>,
}

impl Actor for Conversation {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { id, queue, deps, after_failure } = args;
        let cautious = after_failure.is_some();
        Ok(State { id, queue, deps, recovery: after_failure, cautious, loaded: None })
    }

    async fn handle(&self, myself: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Wake => state.on_wake(&myself).await,
            Message::Passivate => {
                // The shard delivers nothing to a leaving actor; what arrives meanwhile meets its successor.
                myself.stop(None);
                Ok(())
            }
        }
    }
}

impl State {
    async fn on_wake(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.queue.woken.store(false, Ordering::Release);
        if let Some(recovery) = self.recovery.take() {
            self.recover(recovery).await?;
        }
        for _ in 0..BATCHES_PER_WAKE {
            if !self.advance().await? {
                return Ok(());
            }
        }
        if !self.queue.woken.swap(true, Ordering::AcqRel) {
            myself.cast(Message::Wake)?;
        }
        Ok(())
    }

    /// Computes and commits one batch. Answers whether there may be more to do.
    async fn advance(&mut self) -> Result<bool, ActorProcessingErr> {
        let tick = self.queue.tick.swap(false, Ordering::AcqRel);
        let items = self.queue.front(if self.cautious { 1 } else { BATCH });
        if items.is_empty() && !tick {
            if let Some(from) = self.queue.refill_from() {
                self.deps.peers().router.cast(router::Message::Refill { conversation: self.id, from })?;
            }
            return Ok(false);
        }
        let loaded = self.load().await?;
        let items = self.with_rows(items).await?;
        let started = Instant::now();
        let deps = self.deps.clone();
        let mut draft = Draft::new(self.id, deps.store.secret(), deps.clock.now_ms(), &*deps.turn, loaded);
        let taken = self.compute(&mut draft, &items, tick);
        deps.metrics.turn_seconds.observe(started.elapsed().as_secs_f64());
        if taken == 0 && draft.is_empty() && !tick {
            return Ok(false); // the bot version is tripped
        }
        self.commit(draft, taken).await?;
        Ok(true)
    }

    /// Runs the inputs through the bot. Answers how many it took.
    fn compute(&self, draft: &mut Draft<'_>, items: &[Item], tick: bool) -> usize {
        if tick {
            self.handling(HANDLING_TICK);
            if let Some(bot) = self.choose(draft) {
                let step = draft.tick(bot.as_ref());
                self.note(&step, draft);
            }
        }
        let mut taken = 0;
        for item in items {
            let Some(row) = &item.row else { break };
            self.handling(item.seq.0);
            let Some(bot) = self.choose(draft) else { break };
            let step = draft.message(item.seq, row, bot.as_ref());
            self.note(&step, draft);
            taken += 1;
        }
        taken
    }

    /// The bot that answers now; `None` when its version is tripped, `Some(None)` when there is nobody to answer.
    fn choose(&self, draft: &Draft<'_>) -> Option<Option<Arc<chatbot::Bot>>> {
        match self.deps.bots.choose(draft.after.state.bot.bot()) {
            Choice::Run(bot) => Some(Some(bot)),
            Choice::Nobody => Some(None),
            Choice::Wait => None,
        }
    }

    fn handling(&self, input: u64) {
        self.queue.handling.store(input, Ordering::Release);
    }

    fn note(&self, step: &Step, draft: &Draft<'_>) {
        let metrics = &self.deps.metrics;
        match step {
            Step::Done => {}
            Step::Duplicate => {
                metrics.duplicates.inc();
            }
            Step::Failed { bot, version, node } => {
                events::input_given_up(metrics, self.id, bot, version, node);
                let now_ms = self.deps.clock.now_ms();
                if self.deps.bots.failed((bot, version), node, self.id, now_ms) {
                    events::version_tripped(bot, version, node);
                }
            }
        }
        if draft.trimmed_memory {
            events::forgot_a_day_early(self.id);
        }
    }

    /// Commits, then lets the effects out. The inputs leave the queue only now.
    async fn commit(&mut self, draft: Draft<'_>, taken: usize) -> Result<(), ActorProcessingErr> {
        let (turn, outbound, after) = draft.finish();
        let fence = self.deps.fence(&after.state.number_id);
        let mut busy = 0;
        loop {
            match self.deps.store.commit(fence, turn.clone()).await {
                Ok(_) => break,
                Err(StoreError::Unavailable(reason)) if busy < BUSY_RETRIES => {
                    if *self.deps.store.health().borrow() != Health::Good {
                        return Err(StoreError::Unavailable(reason).into());
                    }
                    busy += 1;
                    let again_ms = self.deps.clock.now_ms() + BUSY_DELAY_MS;
                    self.deps.clock.wait_until(again_ms).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.handling(0);
        self.queue.consumed(taken, &self.deps.load);
        if let Some(wake_ms) = after.wake_ms {
            self.deps.peers().timers.cast(timers::Message::Asked { wake_ms })?;
        }
        self.loaded = Some(after);
        self.deps.send(outbound);
        Ok(())
    }

    async fn load(&mut self) -> Result<Loaded, ActorProcessingErr> {
        if let Some(loaded) = self.loaded.take() {
            return Ok(loaded);
        }
        let head = self.deps.store.load(self.id).await?;
        Ok(Loaded::from_head(head.as_ref())?)
    }

    /// Fetches the rows that did not ride along.
    async fn with_rows(&self, mut items: Vec<Item>) -> Result<Vec<Item>, ActorProcessingErr> {
        let missing: Vec<_> = items.iter().filter(|item| item.row.is_none()).map(|item| item.seq).collect();
        if missing.is_empty() {
            return Ok(items);
        }
        let mut rows: std::collections::HashMap<_, _> = self.deps.store.inbox(missing).await?.into_iter().collect();
        for item in items.iter_mut().filter(|item| item.row.is_none()) {
            item.row = rows.remove(&item.seq);
        }
        // A row that the store no longer has was consumed already.
        let gone: Vec<_> = items.iter().filter(|item| item.row.is_none()).map(|item| item.seq).collect();
        if !gone.is_empty() {
            self.queue.retain(|seq| !gone.contains(&seq), &self.deps.load);
            items.retain(|item| item.row.is_some());
        }
        Ok(items)
    }

    /// After a failure: drops inputs that were committed before it, and gives up the one that keeps failing.
    async fn recover(&mut self, recovery: Recovery) -> Result<(), ActorProcessingErr> {
        let queued = self.queue.sequences();
        let open = self.deps.store.inbox(queued).await?;
        self.queue.retain(|seq| open.iter().any(|(open, _)| *open == seq), &self.deps.load);
        let Some((input, detail, tries)) = recovery.give_up else { return Ok(()) };
        let loaded = self.load().await?;
        let deps = self.deps.clone();
        let mut draft = Draft::new(self.id, deps.store.secret(), deps.clock.now_ms(), &*deps.turn, loaded);
        let item = open.iter().find(|(seq, _)| seq.0 == input);
        let step = match item {
            Some((seq, row)) => draft.give_up(Some(*seq), Some(row), &detail, tries),
            None if input == HANDLING_TICK => draft.give_up(None, None, &detail, tries),
            None => return Ok(()),
        };
        self.note(&step, &draft);
        self.commit(draft, usize::from(item.is_some())).await
    }
}
