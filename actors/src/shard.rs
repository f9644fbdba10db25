//! A shard keeps the map from conversation to actor: it spawns and supervises them, lets idle ones leave, and starts
//! failed ones anew, step by step more patiently.
//!
//! 1. Deliveries go into the conversation's queue, which outlives its actor; at most one wake token is under way.
//! 2. A leaving actor gets no token any more. When it has ended, a queue that filled meanwhile spawns its successor:
//!    nothing is lost, and two never live at once.
//! 3. After a failure: started anew at once, then after 2 s, and after 30 s the input that it always fails at is given
//!    up. A panic pins its input through [`Queue::handling`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use storage::{ConversationId, InboxSeq};

use crate::conversation::{self, Conversation, Recovery};
use crate::deps::Deps;
use crate::events;
use crate::queue::{HANDLING_TICK, Item, Queue};

/// Waiting times before the second and the third start after a failure; after the third the input is given up.
const RESTART_DELAYS_MS: [u64; 3] = [0, 2_000, 30_000];
/// How often idle actors are looked for.
const SWEEP_EVERY_MS: u64 = 5_000;

pub(crate) struct Shard;

pub(crate) struct Arguments {
    pub deps: Arc<Deps>,
    /// Live actors of this shard at most.
    pub max_live: usize,
    /// Live actors of all shards.
    pub live: Arc<AtomicUsize>,
}

pub(crate) enum Message {
    Deliver(Vec<(ConversationId, Item)>),
    /// Held inputs come back; `held_from` says where the rest begins.
    Refill { conversation: ConversationId, items: Vec<Item>, held_from: Option<InboxSeq> },
    /// A wake time is due.
    Tick(ConversationId),
    /// The pause after a failure is over.
    Restart(ConversationId),
    /// A bot version went live: conversations that waited for one go on.
    Retry,
    Sweep,
    /// Take nothing more, let every actor finish what it has in hand, answer when all have ended.
    Drain(RpcReplyPort<()>),
}

pub(crate) struct State {
    deps: Arc<Deps>,
    max_live: usize,
    live_everywhere: Arc<AtomicUsize>,
    entries: HashMap<ConversationId, Entry>,
    by_actor: HashMap<ActorId, ConversationId>,
    /// Conversations with work that found no room for an actor.
    waiting_for_room: VecDeque<ConversationId>,
    longest_queue: i64,
    draining: Option<RpcReplyPort<()>>,
}

struct Entry {
    queue: Arc<Queue>,
    stage: Stage,
    active_ms: u64,
    /// The input that its actor failed at last, and how often.
    trouble: Option<(u64, u32)>,
    recovery: Option<Recovery>,
}

enum Stage {
    Asleep,
    Live(ActorRef<conversation::Message>),
    Leaving,
    /// Waits for the pause after a failure.
    Resting,
}

impl Actor for Shard {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let clock = args.deps.clock.clone();
        let shard = myself.clone();
        tokio::spawn(async move {
            loop {
                let next_ms = clock.now_ms() + SWEEP_EVERY_MS;
                clock.wait_until(next_ms).await;
                if shard.cast(Message::Sweep).is_err() {
                    return;
                }
            }
        });
        Ok(State {
            deps: args.deps,
            max_live: args.max_live,
            live_everywhere: args.live,
            entries: HashMap::new(),
            by_actor: HashMap::new(),
            waiting_for_room: VecDeque::new(),
            longest_queue: 0,
            draining: None,
        })
    }

    async fn handle(&self, myself: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Deliver(items) => {
                for (conversation, item) in items {
                    state.deliver(&myself, conversation, item).await?;
                }
                Ok(())
            }
            Message::Refill { conversation, items, held_from } => state.refill(&myself, conversation, items, held_from).await,
            Message::Tick(conversation) => state.tick(&myself, conversation).await,
            Message::Restart(conversation) => state.restart(&myself, conversation).await,
            Message::Retry => state.retry(&myself).await,
            Message::Sweep => {
                state.sweep();
                Ok(())
            }
            Message::Drain(reply) => {
                state.drain(reply);
                Ok(())
            }
        }
    }

    // The default would stop the shard as soon as any conversation ends.
    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(actor, _, _) => state.ended(&myself, actor.get_id()).await,
            SupervisionEvent::ActorFailed(actor, error) => state.failed(&myself, actor.get_id(), &error.to_string()).await,
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => Ok(()),
        }
    }
}

impl State {
    async fn deliver(&mut self, myself: &ActorRef<Message>, id: ConversationId, item: Item) -> Result<(), ActorProcessingErr> {
        let limit = self.deps.settings.mailbox_limit;
        let entry = self.entry(id);
        let queue = entry.queue.clone();
        match queue.push(item, limit, &self.deps.load) {
            Some(length) => self.note_length(length),
            None => events::input_held(&self.deps.metrics, id, false),
        }
        self.wake(myself, id).await
    }

    fn note_length(&mut self, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if length > self.longest_queue {
            self.longest_queue = length;
            self.deps.metrics.mailbox_depth_max.set(length);
        }
    }

    async fn refill(
        &mut self,
        myself: &ActorRef<Message>,
        id: ConversationId,
        items: Vec<Item>,
        held_from: Option<InboxSeq>,
    ) -> Result<(), ActorProcessingErr> {
        let queue = self.entry(id).queue.clone();
        queue.refill(items, held_from, &self.deps.load);
        if queue.is_idle() { Ok(()) } else { self.wake(myself, id).await }
    }

    async fn tick(&mut self, myself: &ActorRef<Message>, id: ConversationId) -> Result<(), ActorProcessingErr> {
        self.entry(id).queue.tick.store(true, Ordering::Release);
        self.wake(myself, id).await
    }

    fn entry(&mut self, id: ConversationId) -> &mut Entry {
        self.entries.entry(id).or_insert_with(|| Entry {
            queue: Arc::default(),
            stage: Stage::Asleep,
            active_ms: 0,
            trouble: None,
            recovery: None,
        })
    }

    /// Sees to it that an actor looks at the queue.
    async fn wake(&mut self, myself: &ActorRef<Message>, id: ConversationId) -> Result<(), ActorProcessingErr> {
        let now_ms = self.deps.clock.now_ms();
        let entry = self.entry(id);
        entry.active_ms = now_ms;
        match &entry.stage {
            Stage::Live(actor) => {
                if !entry.queue.woken.swap(true, Ordering::AcqRel) && actor.cast(conversation::Message::Wake).is_err() {
                    // It ended a moment ago; its termination event respawns it.
                    entry.stage = Stage::Leaving;
                }
                Ok(())
            }
            Stage::Asleep => self.spawn(myself, id).await,
            Stage::Leaving | Stage::Resting => Ok(()),
        }
    }

    async fn spawn(&mut self, myself: &ActorRef<Message>, id: ConversationId) -> Result<(), ActorProcessingErr> {
        if self.draining.is_some() {
            return Ok(());
        }
        if self.by_actor.len() >= self.max_live {
            self.make_room();
            if !self.waiting_for_room.contains(&id) {
                self.waiting_for_room.push_back(id);
            }
            return Ok(());
        }
        let deps = self.deps.clone();
        let entry = self.entry(id);
        let queue = entry.queue.clone();
        queue.woken.store(true, Ordering::Release);
        let arguments = conversation::Arguments { id, queue, deps, after_failure: entry.recovery.take() };
        let (actor, _) = Actor::spawn_linked(None, Conversation, arguments, myself.get_cell()).await?;
        actor.cast(conversation::Message::Wake)?;
        self.by_actor.insert(actor.get_id(), id);
        self.entry(id).stage = Stage::Live(actor);
        self.count(1);
        Ok(())
    }

    fn count(&self, by: i64) {
        self.deps.metrics.live_actors.inc_by(by);
        if by > 0 {
            self.live_everywhere.fetch_add(1, Ordering::Relaxed);
        } else {
            self.live_everywhere.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Asks the longest idle tenth to leave.
    fn make_room(&mut self) {
        if self.entries.values().any(|entry| matches!(entry.stage, Stage::Leaving)) {
            return; // room is on its way
        }
        let live = self.entries.iter().filter(|(_, entry)| matches!(entry.stage, Stage::Live(_)) && entry.queue.is_idle());
        let mut idle: Vec<_> = live.map(|(id, entry)| (entry.active_ms, *id)).collect();
        idle.sort_unstable();
        for (_, id) in idle.into_iter().take((self.max_live / 10).max(1)) {
            self.passivate(id);
        }
    }

    fn passivate(&mut self, id: ConversationId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Stage::Live(actor) = &entry.stage {
            // An error means that it has ended already, which is what was wanted.
            let _ended = actor.cast(conversation::Message::Passivate);
            entry.stage = Stage::Leaving;
        }
    }

    fn sweep(&mut self) {
        let before_ms = self.deps.clock.now_ms().saturating_sub(self.deps.settings.idle_passivate_ms);
        let idle = |entry: &Entry| {
            matches!(entry.stage, Stage::Live(_)) && entry.active_ms <= before_ms && entry.queue.is_idle()
        };
        let leaving: Vec<_> = self.entries.iter().filter(|(_, entry)| idle(entry)).map(|(id, _)| *id).collect();
        for id in leaving {
            self.passivate(id);
        }
        if self.by_actor.len() >= self.max_live && !self.waiting_for_room.is_empty() {
            self.make_room();
        }
    }

    async fn ended(&mut self, myself: &ActorRef<Message>, actor: ActorId) -> Result<(), ActorProcessingErr> {
        let Some(id) = self.by_actor.remove(&actor) else { return Ok(()) };
        self.count(-1);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.stage = Stage::Asleep;
            if entry.queue.is_idle() {
                self.entries.remove(&id);
            } else {
                self.spawn(myself, id).await?;
            }
        }
        self.after_one_left(myself).await
    }

    async fn after_one_left(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        if self.by_actor.is_empty() && let Some(reply) = self.draining.take_if(|reply| !reply.is_closed()) {
            reply.send(())?;
            return Ok(());
        }
        if self.by_actor.len() < self.max_live && let Some(next) = self.waiting_for_room.pop_front() {
            let asleep = self.entries.get(&next).is_some_and(|entry| matches!(entry.stage, Stage::Asleep));
            if asleep {
                self.spawn(myself, next).await?;
            }
        }
        Ok(())
    }

    async fn failed(&mut self, myself: &ActorRef<Message>, actor: ActorId, error: &str) -> Result<(), ActorProcessingErr> {
        let Some(id) = self.by_actor.remove(&actor) else { return Ok(()) };
        self.count(-1);
        let now_ms = self.deps.clock.now_ms();
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        let input = entry.queue.handling.load(Ordering::Acquire);
        let runs = match entry.trouble {
            Some((before, runs)) if before == input => runs + 1,
            _ => 1,
        };
        entry.trouble = Some((input, runs));
        entry.stage = Stage::Resting;
        events::actor_failed(&self.deps.metrics, id, error, runs);
        let step = usize::try_from(runs).unwrap_or(usize::MAX).min(RESTART_DELAYS_MS.len());
        let last = step == RESTART_DELAYS_MS.len();
        let give_up = (last && input != 0).then(|| (input, Box::from(error), runs));
        if input == HANDLING_TICK {
            entry.queue.tick.store(true, Ordering::Release);
        }
        entry.recovery = Some(Recovery { give_up });
        self.restart_at(myself, id, now_ms + RESTART_DELAYS_MS[step - 1]);
        self.after_one_left(myself).await
    }

    fn restart_at(&self, myself: &ActorRef<Message>, id: ConversationId, at_ms: u64) {
        let (clock, shard) = (self.deps.clock.clone(), myself.clone());
        tokio::spawn(async move {
            clock.wait_until(at_ms).await;
            // An error means that the engine is shutting down.
            let _gone = shard.cast(Message::Restart(id));
        });
    }

    async fn restart(&mut self, myself: &ActorRef<Message>, id: ConversationId) -> Result<(), ActorProcessingErr> {
        match self.entries.get_mut(&id) {
            Some(entry) if matches!(entry.stage, Stage::Resting) => {
                entry.stage = Stage::Asleep;
                self.spawn(myself, id).await
            }
            _ => Ok(()),
        }
    }

    async fn retry(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        let busy: Vec<_> =
            self.entries.iter().filter(|(_, entry)| !entry.queue.is_idle()).map(|(id, _)| *id).collect();
        for id in busy {
            self.wake(myself, id).await?;
        }
        Ok(())
    }

    fn drain(&mut self, reply: RpcReplyPort<()>) {
        let live: Vec<_> = self.entries.keys().copied().collect();
        for id in live {
            self.passivate(id);
        }
        if self.by_actor.is_empty() {
            // The caller may have stopped waiting.
            let _gone = reply.send(());
        } else {
            self.draining = Some(reply);
        }
    }
}
