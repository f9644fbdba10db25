//! A shard keeps the map from conversation to actor: it spawns and supervises them, lets idle ones leave, and starts
//! failed ones anew, step by step more patiently.
//!
//! 1. Deliveries go into the conversation's queue, which outlives its actor; at most one wake token is under way.
//! 2. A leaving actor gets no token any more. When it has ended, a queue that filled meanwhile spawns its successor:
//!    nothing is lost, and two never live at once.
//! 3. After a failure: started anew at once, then after 2 s, and after 30 s the input that it always fails at is given
//!    up. A panic pins its input through [`Queue::handling`].
//! 4. An actor whose inputs must stay where they are ([`Queue::stalled`]) may leave like an idle one; it comes back when
//!    that has ended.

mod asks;
mod let_go;
mod lifecycle;
mod room;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::{HashMap, HashMapExt};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use storage::{ConversationId, InboxSeq};

use crate::conversation::{self, Recovery};
use crate::deps::Deps;
use crate::events;
use crate::forms::Ask;
use crate::queue::{Item, Queue};
pub(crate) use asks::outcome;
use room::Room;

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
    Refill {
        conversation: ConversationId,
        items: Vec<Item>,
        held_from: Option<InboxSeq>,
    },
    /// A form asks something.
    Ask(Box<Ask>),
    /// A wake time is due.
    Tick(ConversationId),
    /// The pause after a failure is over.
    Restart(ConversationId),
    /// An actor has nothing to do, and others wait for its place.
    Idle(ConversationId),
    /// A conversation had too many messages that had not left; now it may go on.
    Resume(ConversationId),
    /// A bot version went live: conversations that waited for one go on.
    Retry,
    Sweep,
    /// Forget these conversations, whose people were erased; answer when none of them has an actor.
    LetGo(Vec<ConversationId>, RpcReplyPort<()>),
    /// Take nothing more, let every actor finish what it has in hand, answer when all have ended.
    Drain(RpcReplyPort<()>),
}

/// Which of so many shards keeps a conversation.
pub(crate) fn place_of(id: ConversationId, shards: usize) -> usize {
    usize::from(id.0[15]) % shards
}

/// The shard that keeps a conversation.
pub(crate) fn of(shards: &[ActorRef<Message>], id: ConversationId) -> &ActorRef<Message> {
    &shards[place_of(id, shards.len())]
}

pub(crate) struct State {
    me: ActorRef<Message>,
    deps: Arc<Deps>,
    live_everywhere: Arc<AtomicUsize>,
    entries: HashMap<ConversationId, Entry>,
    by_actor: HashMap<ActorId, ConversationId>,
    room: Room,
    longest_queue: i64,
    draining: bool,
    drained: Option<RpcReplyPort<()>>,
    /// Who waits until which conversations have no actor.
    letting_go: Vec<(Vec<ConversationId>, RpcReplyPort<()>)>,
}

struct Entry {
    queue: Arc<Queue>,
    stage: Stage,
    active_ms: u64,
    trouble: Option<Trouble>,
    recovery: Option<Recovery>,
    waits_for_room: bool,
}

enum Stage {
    Asleep,
    Live(ActorRef<conversation::Message>),
    Leaving,
    /// Waits for the pause after a failure.
    Resting,
}

/// What its actor failed at last, and how often.
struct Trouble {
    input: u64,
    commits: u64,
    runs: u32,
}

impl Actor for Shard {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let clock = args.deps.clock.clone();
        let shard = me.clone();
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
            me,
            deps: args.deps,
            live_everywhere: args.live,
            entries: HashMap::new(),
            by_actor: HashMap::new(),
            room: Room::new(args.max_live),
            longest_queue: 0,
            draining: false,
            drained: None,
            letting_go: Vec::new(),
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Deliver(items) => {
                for (conversation, item) in items {
                    state.deliver(conversation, item).await?;
                }
                Ok(())
            }
            Message::Refill { conversation, items, held_from } => state.refill(conversation, items, held_from).await,
            Message::Ask(ask) => state.ask(*ask).await,
            Message::Tick(conversation) if state.deps.is_dead(conversation) => Ok(()),
            Message::Tick(conversation) => {
                state.entry(conversation).queue.set_tick();
                state.wake(conversation).await
            }
            Message::Restart(conversation) => state.restart(conversation).await,
            Message::Idle(conversation) => {
                state.give_place(conversation);
                Ok(())
            }
            Message::Resume(conversation) => state.resume(conversation).await,
            Message::Retry => state.retry().await,
            Message::Sweep => {
                state.sweep();
                Ok(())
            }
            Message::LetGo(ids, reply) => {
                state.let_go(ids, reply);
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
        _: ActorRef<Message>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(actor, _, _) => state.ended(actor.get_id()).await,
            SupervisionEvent::ActorFailed(actor, error) => state.failed(actor.get_id(), &error.to_string()).await,
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => Ok(()),
        }
    }
}

impl State {
    async fn deliver(&mut self, id: ConversationId, item: Item) -> Result<(), ActorProcessingErr> {
        if self.deps.is_dead(id) {
            return Ok(());
        }
        let deps = self.deps.clone();
        let pushed = self.entry(id).queue.push(item, deps.settings.mailbox_limit, &deps.load);
        match pushed {
            Some(length) => self.note_length(length),
            None => events::input_held(&deps.metrics, id),
        }
        self.wake(id).await
    }

    fn note_length(&mut self, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if length > self.longest_queue {
            self.longest_queue = length;
            self.deps.metrics.mailbox_depth_max.set(self.deps.metrics.mailbox_depth_max.get().max(length));
        }
    }

    async fn refill(
        &mut self,
        id: ConversationId,
        items: Vec<Item>,
        held_from: Option<InboxSeq>,
    ) -> Result<(), ActorProcessingErr> {
        // A conversation with held inputs has an entry: it is not idle.
        let Some(entry) = self.entries.get(&id) else { return Ok(()) };
        entry.queue.refill(items, held_from, &self.deps.load);
        self.resume(id).await
    }

    fn entry(&mut self, id: ConversationId) -> &mut Entry {
        self.entries.entry(id).or_insert_with(|| Entry {
            queue: Arc::default(),
            stage: Stage::Asleep,
            active_ms: 0,
            trouble: None,
            recovery: None,
            waits_for_room: false,
        })
    }

    /// Sees to it that an actor looks at the queue.
    async fn wake(&mut self, id: ConversationId) -> Result<(), ActorProcessingErr> {
        let now_ms = self.deps.clock.now_ms();
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        entry.active_ms = now_ms;
        match &entry.stage {
            Stage::Live(actor) => {
                if !entry.queue.woken.swap(true, Ordering::AcqRel) && actor.cast(conversation::Message::Wake).is_err() {
                    // It ended a moment ago; its termination event respawns it.
                    entry.stage = Stage::Leaving;
                    self.room.leaves();
                }
                Ok(())
            }
            Stage::Asleep => self.spawn_or_wait(id).await,
            Stage::Leaving | Stage::Resting => Ok(()),
        }
    }

    async fn resume(&mut self, id: ConversationId) -> Result<(), ActorProcessingErr> {
        let idle = self.entries.get(&id).is_none_or(|entry| entry.queue.is_idle());
        if idle { Ok(()) } else { self.wake(id).await }
    }

    async fn retry(&mut self) -> Result<(), ActorProcessingErr> {
        let busy = self.entries.iter().filter(|(_, entry)| !entry.queue.is_idle());
        for id in in_order(busy.map(|(id, _)| *id)) {
            self.wake(id).await?;
        }
        Ok(())
    }
}

/// Maps have another order each time; what is done in order can be done again.
fn in_order(ids: impl Iterator<Item = ConversationId>) -> Vec<ConversationId> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids
}
