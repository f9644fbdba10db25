//! One actor per active conversation: pulls its inputs, lets the bot decide, commits, and only then lets effects out.
//!
//! It owns nothing that matters: the store is the truth, its memory a cache of the last commit. A failure (panic or
//! error) means that this memory is not trusted any more; its shard starts it anew from the store.

mod deeds;
mod draft;
mod forms;
mod letters;
mod recover;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::{ConversationId, Health, InboxSeq, StoreError};
use tokio::time::Instant;

pub(crate) use draft::Outbound;
pub use draft::TurnFunction;
use draft::{Draft, Loaded, Means};
pub(crate) use recover::{GiveUp, Recovery};

use crate::bots::Choice;
use crate::codec::CodecError;
use crate::deps::Deps;
use crate::events;
use crate::forms::Step;
use crate::queue::{HANDLING_TICK, Item, Queue, Stall};
use crate::records::{self, Control};
use crate::{router, sender, shard, timers};

/// Inputs that share one commit when they wait anyway.
const BATCH: usize = 16;
/// Batches before other messages of the mailbox get their turn.
const BATCHES_PER_WAKE: usize = 8;
/// After a failure this many commits hold one input each, so that the next failure is pinned to its input.
const CAUTIOUS_COMMITS: usize = 2 * BATCH;
/// A store that is busy is asked again this often before the actor gives its memory up.
const BUSY_RETRIES: u32 = 50;
const BUSY_DELAY_MS: u64 = 100;

pub(crate) struct Conversation;

pub(crate) enum Message {
    /// Something waits in the queue, or a timer is due.
    Wake,
    /// Leave. What waits meets the successor.
    Passivate,
}

pub(crate) struct Arguments {
    pub id: ConversationId,
    pub queue: Arc<Queue>,
    pub deps: Arc<Deps>,
    pub shard: ActorRef<shard::Message>,
    /// Set while others wait for an actor's place: say so when there is nothing to do.
    pub crowded: Arc<AtomicBool>,
    pub after_failure: Option<Recovery>,
}

pub(crate) struct State {
    id: ConversationId,
    queue: Arc<Queue>,
    deps: Arc<Deps>,
    shard: ActorRef<shard::Message>,
    crowded: Arc<AtomicBool>,
    recovery: Option<Recovery>,
    cautious: usize,
    busy: u32,
    loaded: Option<Loaded>,
}

/// Who answers an input.
enum Answering {
    Bot(Arc<chatbot::Bot>),
    /// Nobody: record it only.
    Nobody,
    /// Nobody until the bots' generation is another one.
    Wait(u64),
}

/// Why a step did not happen.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the conversation's state cannot be read: {0}")]
    State(#[from] CodecError),
    #[error("the router has ended")]
    RouterGone,
}

impl Actor for Conversation {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { id, queue, deps, shard, crowded, after_failure } = args;
        let cautious = if after_failure.is_some() { CAUTIOUS_COMMITS } else { 0 };
        Ok(State { id, queue, deps, shard, crowded, recovery: after_failure, cautious, busy: 0, loaded: None })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // In a place of its own, which is free again while the conversation waits: it takes more than all the rest.
            Message::Wake => Box::pin(state.on_wake(&myself)).await,
            Message::Passivate => {
                myself.stop(None);
                Ok(())
            }
        }
    }
}

impl State {
    async fn on_wake(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.queue.woken.store(false, Ordering::Release);
        self.queue.set_stalled(None, &self.deps.load);
        for _ in 0..BATCHES_PER_WAKE {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    if self.crowded.load(Ordering::Acquire) {
                        self.shard.cast(shard::Message::Idle(self.id))?;
                    }
                    return Ok(());
                }
                Err(trouble) => self.wait_if_busy(trouble).await?,
            }
        }
        if !self.queue.woken.swap(true, Ordering::AcqRel) {
            myself.cast(Message::Wake)?;
        }
        Ok(())
    }

    /// A store that is busy did nothing: the step is computed again from its state. Anything else ends this actor.
    async fn wait_if_busy(&mut self, trouble: Trouble) -> Result<(), ActorProcessingErr> {
        let busy = matches!(trouble, Trouble::Store(StoreError::Unavailable(_))) && self.busy < BUSY_RETRIES;
        if !busy || *self.deps.store.health().borrow() != Health::Good {
            return Err(trouble.into());
        }
        self.busy += 1;
        self.queue.put_tick_back();
        let again_ms = self.deps.clock.now_ms() + BUSY_DELAY_MS;
        self.deps.clock.wait_until(again_ms).await;
        Ok(())
    }

    /// Computes and commits one batch. Answers whether there may be more to do.
    async fn step(&mut self) -> Result<bool, Trouble> {
        if self.recovery.is_some() {
            self.recover().await?;
        }
        if let Some(deed) = self.queue.take_deed(&self.deps.load) {
            return self.take_deed(deed).await;
        }
        if self.deps.backlog.is_full(self.id) && !self.queue.is_idle() {
            self.stall(Stall::Outbox);
            return Ok(false);
        }
        if let Some(ask) = self.queue.take_ask() {
            self.answer(ask).await?;
            return Ok(true);
        }
        if !self.queue.has_work() {
            if let Some(from) = self.queue.ask_for_held() {
                let refill = router::Message::Refill { conversation: self.id, from };
                self.deps.peers().router.cast(refill).map_err(|_| Trouble::RouterGone)?;
            }
            return Ok(false);
        }
        let loaded = self.load().await?;
        let tick = self.queue.take_tick();
        let count = match (self.cautious, tick) {
            (0, _) => BATCH,
            (_, true) => 0,
            (_, false) => 1,
        };
        let items = self.with_rows(self.queue.take(count, &self.deps.load)).await?;
        self.advance(loaded, &items, tick).await
    }

    async fn advance(&mut self, loaded: Loaded, items: &[Item], tick: bool) -> Result<bool, Trouble> {
        let deps = self.deps.clone();
        let tokens = self.missing_tokens(&loaded, items).await?;
        let settled = self.settled_letters(items.iter().filter_map(|item| item.row.as_ref())).await?;
        let mut draft = self.draft(&deps, loaded).with_tokens(tokens).with_settled(settled);
        let started = Instant::now();
        let waits = self.compute(&mut draft, items, tick);
        deps.metrics.turn_seconds.observe(started.elapsed().as_secs_f64());
        if !draft.is_empty() {
            self.commit(draft).await?;
            self.moved_on();
            return Ok(true);
        }
        // A timer that came too late, or a bot version that is tripped: nothing to write down.
        self.handling(0);
        self.loaded = Some(draft.after);
        let Some(generation) = waits else {
            self.queue.tick_done();
            return Ok(true);
        };
        self.queue.put_tick_back();
        self.stall(Stall::Version(generation));
        Ok(false)
    }

    /// The inputs stay where they are; what forms ask does not wait for that.
    fn stall(&self, stall: Stall) {
        self.queue.set_stalled(Some(stall), &self.deps.load);
        self.queue.answer_asks(|| Step::Done(shard::outcome(stall).into()));
    }

    fn draft<'a>(&self, deps: &'a Deps, loaded: Loaded) -> Draft<'a> {
        let means = Means {
            secret: deps.store.secret(),
            now_ms: deps.clock.now_ms(),
            turn: &*deps.turn,
            takeover: deps.settings.takeover,
            numbers: &deps.numbers,
            categories: &*deps.categories,
            outlet: &deps.outlet,
            bots: &deps.bots,
            holds: self.queue.holds(),
        };
        Draft::new(self.id, means, loaded)
    }

    /// Runs the inputs through the bot, as many as it takes now. Answers the bots' generation if it must wait for
    /// another version.
    fn compute(&self, draft: &mut Draft<'_>, items: &[Item], tick: bool) -> Option<u64> {
        // A result that came in time and was not read in time: its call is not lost.
        let tick_last = tick && draft.is_answered_by(items);
        let waits = if tick && !tick_last { self.compute_tick(draft) } else { None };
        let waits = waits.or_else(|| self.compute_items(draft, items));
        if tick_last && waits.is_none() { self.compute_tick(draft) } else { waits }
    }

    fn compute_tick(&self, draft: &mut Draft<'_>) -> Option<u64> {
        self.handling(HANDLING_TICK);
        draft.hand_back_if_due();
        let number = draft.after.state.number_id.clone();
        match self.answering(draft, &number) {
            Answering::Bot(bot) => draft.tick(&bot),
            Answering::Nobody => {}
            Answering::Wait(generation) => return Some(generation),
        }
        None
    }

    fn compute_items(&self, draft: &mut Draft<'_>, items: &[Item]) -> Option<u64> {
        for item in items {
            let Some(row) = &item.row else { continue };
            self.handling(item.seq.0);
            draft.hand_back_if_due();
            match self.answering(draft, &row.partition.0) {
                Answering::Bot(bot) => draft.take(item, row, Some(&bot)),
                Answering::Nobody => draft.take(item, row, None),
                Answering::Wait(generation) => return Some(generation),
            }
        }
        None
    }

    fn choose(&self, draft: &Draft<'_>, number: &str) -> Choice {
        if !draft.is_with_bot() {
            return Choice::Nobody;
        }
        self.deps.bots.choose(number, draft.after.state.bot.bot(), self.deps.clock.now_ms())
    }

    /// Who answers now. A run that is to go on with another version has moved there afterwards, or ended.
    fn answering(&self, draft: &mut Draft<'_>, number: &str) -> Answering {
        loop {
            match self.choose(draft, number) {
                Choice::Run(bot) => return Answering::Bot(bot),
                Choice::Wait(generation) => return Answering::Wait(generation),
                Choice::Nobody => return Answering::Nobody,
                Choice::Move(plan) => match draft.migrate(&plan) {
                    Some(bot) => return Answering::Bot(bot),
                    // The run is over: whoever answers people without one is next.
                    None => continue,
                },
            }
        }
    }

    fn handling(&self, input: u64) {
        self.queue.handling.store(input, Ordering::Release);
    }

    /// Commits, then lets the effects out. The inputs leave the queue only now.
    async fn commit(&mut self, draft: Draft<'_>) -> Result<(), Trouble> {
        let (turn, done) = draft.finish();
        let (consumed, given_up) = (turn.consumed.clone(), !turn.dead_letters.is_empty());
        let fence = self.deps.fence(&done.after.state.number_id);
        // From here on a failure is not the input's: a store that refuses must not make a dead letter of it.
        self.handling(0);
        // Before the other conversation can have them: it lets them go, or holds them itself.
        let silenced: Vec<_> =
            done.noted.moving.iter().copied().filter(|part| self.deps.senders.silence(*part)).collect();
        let bulk = !done.outbound.is_empty() && done.outbound.iter().all(|message| message.payload.bulk);
        if let Err(error) = self.deps.store_of(bulk).commit(fence, turn).await {
            self.stay(&done.after.state, silenced, &error);
            return Err(error.into());
        }
        self.queue.consumed(&consumed, &self.deps.load);
        self.queue.tick_done();
        self.busy = 0;
        // First: what was held until the person writes leaves before what is newer.
        self.tell_sender(&done.after.state, &done.noted);
        self.deps.send(done.outbound);
        // Last: what the same turn had said before the bot fell silent stays here, too.
        self.hold_unsent(&done.after.state, &done.noted);
        for id in &done.unused {
            self.deps.http.forget(id);
        }
        for call in done.calls {
            self.deps.http.order(self.id, &done.after.state.number_id, call);
        }
        if done.noted.wants_file {
            self.deps.media_wanted.notify_one();
        }
        self.deps.outlet.committed(&done.noted.told);
        if given_up {
            self.deps.outlet.given_up();
        }
        self.deps.tickets.answer(done.answers);
        self.deps.deeds.answer(done.deeds);
        self.note(&done.noted);
        if let Some(wake_ms) = done.after.wake_ms.filter(|wake_ms| *wake_ms < done.now_ms + timers::HORIZON_MS) {
            // An error means that the engine is shutting down; the store has it.
            let _gone = self.deps.peers().timers.cast(timers::Message::Asked { wake_ms });
        }
        self.loaded = Some(done.after);
        Ok(())
    }

    /// Inputs are done. What forms ask does not count: it must not make a failure look new.
    fn moved_on(&mut self) {
        self.queue.commits.fetch_add(1, Ordering::AcqRel);
        self.cautious = self.cautious.saturating_sub(1);
    }

    fn tell_sender(&self, state: &records::State, noted: &draft::Noted) {
        let (senders, number_id) = (&self.deps.senders, &state.number_id);
        if let Some((wamid, typing)) = &noted.seen {
            senders.seen(number_id, sender::Seen { conversation: self.id, wamid: wamid.clone(), typing: *typing });
        }
        // What was decided for the same person before two conversations became one stands under the other's id.
        for conversation in state.absorbed.iter().copied().chain([self.id]) {
            if noted.person_wrote {
                senders.person_wrote(number_id, conversation);
            }
            // One that became a part of another is the other's to let go.
            if noted.release_held && state.control == Control::Bot && state.merged_into.is_none() {
                senders.unsilence(conversation);
                senders.release(number_id, conversation);
            }
        }
    }

    /// What was to move did not: the bot is heard again, unless it moved and only the answer is lost.
    fn stay(&self, state: &records::State, silenced: Vec<ConversationId>, error: &StoreError) {
        if matches!(error, StoreError::Unknown(_)) {
            return;
        }
        for part in silenced {
            self.deps.senders.unsilence(part);
            self.deps.senders.release(&state.number_id, part);
        }
    }

    fn hold_unsent(&self, state: &records::State, noted: &draft::Noted) {
        for part in &noted.moving {
            self.deps.senders.hold_silenced(&state.number_id, *part);
        }
        if !noted.hold_unsent || state.control == Control::Bot {
            return;
        }
        for conversation in state.absorbed.iter().copied().chain([self.id]) {
            self.deps.senders.hold(&state.number_id, conversation);
        }
    }

    fn note(&self, noted: &draft::Noted) {
        let metrics = &self.deps.metrics;
        metrics.duplicates.inc_by(noted.duplicates);
        for failure in &noted.failures {
            let draft::Failure { bot, version, node } = failure;
            events::input_given_up(metrics, self.id, bot, version, node);
            if self.deps.bots.failed((bot, version), node, self.id, self.deps.clock.now_ms()) {
                events::version_tripped(bot, version, node);
            }
        }
        if noted.trimmed_memory {
            events::forgot_a_day_early(self.id);
        }
    }

    async fn load(&mut self) -> Result<Loaded, Trouble> {
        if let Some(loaded) = self.loaded.take() {
            return Ok(loaded);
        }
        let head = self.deps.store.load(self.id).await?;
        Ok(Loaded::from_head(head.as_ref())?)
    }

    /// Fetches the rows that did not ride along. One that the store no longer has was consumed already.
    async fn with_rows(&self, mut items: Vec<Item>) -> Result<Vec<Item>, Trouble> {
        let missing: Vec<_> = items.iter().filter(|item| item.row.is_none()).map(|item| item.seq).collect();
        if missing.is_empty() {
            return Ok(items);
        }
        let mut rows: HashMap<_, _> = self.deps.store.inbox(missing.clone()).await?.into_iter().collect();
        let gone: Vec<InboxSeq> = missing.into_iter().filter(|seq| !rows.contains_key(seq)).collect();
        self.queue.consumed(&gone, &self.deps.load);
        for item in items.iter_mut().filter(|item| item.row.is_none()) {
            item.row = rows.remove(&item.seq);
        }
        items.retain(|item| item.row.is_some());
        Ok(items)
    }
}
