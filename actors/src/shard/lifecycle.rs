//! From the first wake of a conversation's actor to its end, and what follows a failure.

use std::sync::atomic::Ordering;

use ractor::{Actor, ActorId, ActorProcessingErr, RpcReplyPort};
use storage::ConversationId;

use super::{Entry, Message, Stage, State, Trouble, in_order};
use crate::conversation::{self, Conversation, GiveUp, Recovery};
use crate::events;
use crate::queue::{HANDLING_TICK, Stall};

/// Waiting times before the second and the third start after a failure; after the third the input is given up.
const RESTART_DELAYS_MS: [u64; 3] = [0, 2_000, 30_000];

impl State {
    /// Spawns an actor for a conversation that is asleep and has work, now or when there is room.
    pub(super) async fn spawn_or_wait(&mut self, id: ConversationId) -> Result<(), ActorProcessingErr> {
        if self.draining || !self.may_go(id) {
            return Ok(());
        }
        if self.room.has_place(self.by_actor.len()) {
            return self.spawn(id).await;
        }
        if let Some(entry) = self.entries.get_mut(&id).filter(|entry| !entry.waits_for_room) {
            entry.waits_for_room = true;
            self.room.waits(id);
            self.make_room();
        }
        Ok(())
    }

    /// Whether an actor would find something that it may do.
    pub(super) fn may_go(&self, id: ConversationId) -> bool {
        let Some(entry) = self.entries.get(&id).filter(|entry| !entry.queue.is_idle()) else { return false };
        match entry.queue.stalled() {
            None => true,
            Some(_) if entry.queue.has_deed() => true,
            Some(Stall::Version(generation)) => self.deps.bots.generation() != generation,
            Some(Stall::Outbox) => !self.deps.backlog.is_full(id),
        }
    }

    async fn spawn(&mut self, id: ConversationId) -> Result<(), ActorProcessingErr> {
        let entry = self.entry(id);
        let (queue, after_failure) = (entry.queue.clone(), entry.recovery.take());
        queue.woken.store(true, Ordering::Release);
        let (deps, shard, crowded) = (self.deps.clone(), self.me.clone(), self.room.crowded());
        let arguments = conversation::Arguments { id, queue, deps, shard, crowded, after_failure };
        let (actor, _) = Actor::spawn_linked(None, Conversation, arguments, self.me.get_cell()).await?;
        actor.cast(conversation::Message::Wake)?;
        self.by_actor.insert(actor.get_id(), id);
        self.room.came(id);
        self.entry(id).stage = Stage::Live(actor);
        self.deps.metrics.live_actors.inc();
        self.live_everywhere.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn make_room(&mut self) {
        let entries = &self.entries;
        let idle = |id| entries.get(&id).filter(|entry| may_leave(entry)).map(|entry| entry.active_ms);
        for id in self.room.whom(idle) {
            self.passivate(id);
        }
    }

    /// An actor says that it has nothing to do.
    pub(super) fn give_place(&mut self, id: ConversationId) {
        if self.room.is_crowded() && self.entries.get(&id).is_some_and(may_leave) {
            self.passivate(id);
        }
    }

    pub(super) fn passivate(&mut self, id: ConversationId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Stage::Live(actor) = &entry.stage {
            // An error means that it has ended already, which is what was wanted.
            let _ended = actor.cast(conversation::Message::Passivate);
            entry.stage = Stage::Leaving;
            self.room.leaves();
        }
    }

    pub(super) fn sweep(&mut self) {
        let before_ms = self.deps.clock.now_ms().saturating_sub(self.deps.settings.idle_passivate_ms);
        let idle = |id: &&ConversationId| {
            let entry = self.entries.get(*id);
            entry.is_some_and(|entry| entry.active_ms <= before_ms && may_leave(entry))
        };
        for id in in_order(self.by_actor.values().filter(idle).copied()) {
            self.passivate(id);
        }
        self.room.set_live(self.by_actor.values().copied());
        self.make_room();
    }

    /// An actor left.
    pub(super) async fn ended(&mut self, actor: ActorId) -> Result<(), ActorProcessingErr> {
        let Some(id) = self.forget(actor) else { return Ok(()) };
        if self.bury(id) {
            self.answer_let_go();
        } else if let Some(entry) = self.entries.get_mut(&id) {
            entry.stage = Stage::Asleep;
            if entry.queue.is_idle() {
                self.entries.remove(&id);
            } else {
                self.answer_stalled(id);
                self.spawn_or_wait(id).await?;
            }
        }
        self.after_one_left().await
    }

    /// An actor panicked, or ended with an error.
    pub(super) async fn failed(&mut self, actor: ActorId, error: &str) -> Result<(), ActorProcessingErr> {
        let Some(id) = self.forget(actor) else { return Ok(()) };
        if self.bury(id) {
            self.answer_let_go();
            return self.after_one_left().await;
        }
        let now_ms = self.deps.clock.now_ms();
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        let (input, runs) = entry.note_failure();
        entry.stage = Stage::Resting;
        entry.queue.put_tick_back();
        events::actor_failed(&self.deps.metrics, id, error, runs);
        let step = usize::try_from(runs).unwrap_or(usize::MAX).min(RESTART_DELAYS_MS.len());
        let last = step == RESTART_DELAYS_MS.len();
        let unread = runs as usize > RESTART_DELAYS_MS.len();
        let give_up = (last && input != 0).then(|| GiveUp { input, detail: error.into(), runs, unread });
        entry.recovery = Some(Recovery { give_up });
        self.restart_at(id, now_ms + RESTART_DELAYS_MS[step - 1]);
        self.after_one_left().await
    }

    fn forget(&mut self, actor: ActorId) -> Option<ConversationId> {
        let id = self.by_actor.remove(&actor)?;
        self.deps.metrics.live_actors.dec();
        self.live_everywhere.fetch_sub(1, Ordering::Relaxed);
        if self.entries.get(&id).is_some_and(|entry| matches!(entry.stage, Stage::Leaving)) {
            self.room.left();
        }
        Some(id)
    }

    async fn after_one_left(&mut self) -> Result<(), ActorProcessingErr> {
        if self.draining {
            self.answer_drain();
            return Ok(());
        }
        while let Some(next) = self.room.next(self.by_actor.len()) {
            let Some(entry) = self.entries.get_mut(&next) else { continue };
            entry.waits_for_room = false;
            if matches!(entry.stage, Stage::Asleep) && self.may_go(next) {
                self.spawn(next).await?;
            }
        }
        self.make_room();
        Ok(())
    }

    fn restart_at(&self, id: ConversationId, at_ms: u64) {
        let (clock, shard) = (self.deps.clock.clone(), self.me.clone());
        tokio::spawn(async move {
            clock.wait_until(at_ms).await;
            // An error means that the engine is shutting down.
            let _gone = shard.cast(Message::Restart(id));
        });
    }

    pub(super) async fn restart(&mut self, id: ConversationId) -> Result<(), ActorProcessingErr> {
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        if !matches!(entry.stage, Stage::Resting) {
            return Ok(());
        }
        entry.stage = Stage::Asleep;
        if entry.queue.is_idle() {
            self.entries.remove(&id);
            return Ok(());
        }
        self.spawn_or_wait(id).await
    }

    pub(super) fn drain(&mut self, reply: RpcReplyPort<()>) {
        self.draining = true;
        self.drained = Some(reply);
        let live: Vec<_> = self.by_actor.values().copied().collect();
        self.entries.values().for_each(|entry| entry.queue.drop_asks());
        for id in live {
            self.passivate(id);
        }
        self.answer_drain();
    }

    fn answer_drain(&mut self) {
        if self.by_actor.is_empty()
            && let Some(reply) = self.drained.take()
        {
            // The caller may have stopped waiting.
            let _gone = reply.send(());
        }
    }
}

impl Entry {
    /// Answers the input that it failed at, and how often it has failed at it. A timer, or a failure that is no input's
    /// fault, has no number of its own: it is the same one as long as nothing was committed in between.
    fn note_failure(&mut self) -> (u64, u32) {
        let input = self.queue.handling.load(Ordering::Acquire);
        let commits = self.queue.commits.load(Ordering::Acquire);
        let unnumbered = input == 0 || input == HANDLING_TICK;
        let same = |before: &&Trouble| before.input == input && (before.commits == commits || !unnumbered);
        let runs = self.trouble.as_ref().filter(same).map_or(0, |before| before.runs) + 1;
        self.trouble = Some(Trouble { input, commits, runs });
        (input, runs)
    }
}

/// Whether its actor has nothing to do, or nothing that it may do.
fn may_leave(entry: &Entry) -> bool {
    matches!(entry.stage, Stage::Live(_)) && (entry.queue.is_idle() || entry.queue.stalled().is_some())
}
