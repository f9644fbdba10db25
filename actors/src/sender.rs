//! The sender of one business number: takes committed outbox rows to the Graph API, within Meta's rates, and settles
//! what came of it.
//!
//! A request leaves only after `Sending` is committed: that write is what makes a crash in between visible. What nobody
//! can know (the request left, no decided answer came) waits for the status that echoes our callback data.

mod address;
mod flow;
mod held;
mod job;
mod lanes;
mod let_go;
mod marks;
mod quiet;
mod registry;
mod row;
mod status;
mod statuses;
mod transport;
mod verdict;
mod wanted;
mod window;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use storage::{Change, ConversationId, SendId, SendState, Settlement};

pub(crate) use lanes::{Brake, Cause};
pub(crate) use marks::Seen;
pub(crate) use registry::Senders;
pub(crate) use row::Row;
pub use status::{Paused, SenderStatus};
pub(crate) use statuses::{apply as apply_statuses, is_of_erased};
pub use transport::Transport;

use crate::alarm::Alarm;
use crate::deps::Deps;
use crate::events;
use crate::records::{Held, SendError};
use crate::router;
use crate::settings::{Number, SenderSettings};
use job::Job;
use lanes::Lanes;
use marks::Marks;

/// The person's limit at Meta: 4^n seconds, this many times at the most.
const MAX_SLOWED: u32 = 6;

pub(crate) struct Sender;

pub(crate) struct Arguments {
    pub deps: Arc<Deps>,
    pub number: Number,
    pub settings: SenderSettings,
    pub transport: Arc<dyn Transport>,
    /// Why an operator has stopped it, if so.
    pub stopped: Option<Box<str>>,
}

pub(crate) enum Message {
    /// Committed rows, in the order of their conversation.
    Queued(Vec<Row>),
    /// Rows that are open in the store, by (conversation, n).
    Recovered(Vec<storage::Send>),
    /// Something may leave now.
    Look,
    /// A request came to an end, and that is settled.
    Done {
        send: SendId,
        next: Next,
        /// [`State::flow_changes`] when it began.
        flow_changes: u64,
    },
    /// Status webhooks that were committed, for these rows.
    Statuses(Vec<(SendId, SendState)>),
    /// Another number met a limit that it shares with this one.
    Brake(Brake),
    /// A committed turn has read a message of the person: mark it.
    Seen(Seen),
    /// A mark came to an end.
    Marked,
    /// The bot's messages of this conversation that have not left wait until they are released.
    Hold(ConversationId, Held),
    /// What [`Message::Hold`] took out is written down.
    IsHeld(ConversationId),
    /// Answer once nothing that a bot said in these conversations is on its way or about to be: what has not left is
    /// held, and what was under way has come to an end.
    Quiet(Vec<ConversationId>, RpcReplyPort<()>),
    /// What this conversation's messages were held for is over.
    Release(ConversationId, Held),
    /// These are the messages that were held, put back.
    Released(ConversationId, Vec<storage::Send>),
    /// An operator decides about a message that waits. Answers nothing while a request for it is under way.
    Decide { send: SendId, nonce: u32, change: Change, reply: RpcReplyPort<Option<storage::Settled>> },
    /// An operator stops the number.
    Pause(Box<str>),
    /// An operator starts it again.
    Resume,
    /// The number has another token.
    TokenChanged,
    /// The number's own settings are others.
    Renewed(Box<Number>),
    /// The settings of all numbers are others.
    Settings(SenderSettings),
    /// Some Flow stands otherwise at Meta.
    FlowsChanged,
    /// What stands, for operators.
    Describe(RpcReplyPort<SenderStatus>),
    /// Forget the messages to these conversations, whose people were erased; answer when no request is under way for them.
    LetGo(Vec<ConversationId>, RpcReplyPort<()>),
    /// Start nothing more; answer when nothing is under way.
    Drain(RpcReplyPort<()>),
}

/// What the sender does with a row after a request.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// Meta took it.
    Accepted {
        /// Meta says that a limit is near, and when calls are taken again (ms).
        near: Option<u64>,
    },
    /// Meta judged it.
    Judged,
    /// Nothing more to do, without an answer of Meta.
    Settled,
    /// Another message takes its place.
    Replaced {
        row: Box<Row>,
    },
    Again {
        due_ms: u64,
        tries: u32,
        slow: Slow,
    },
    Doubt {
        until_ms: u64,
        tries: u32,
    },
}

/// What else an outcome slows down.
#[derive(Clone, Debug)]
pub(crate) enum Slow {
    Nothing,
    /// Only this message waits.
    ThisRow,
    /// Only this message waits, until its Flow is let go at the latest. `asked`: Meta said so, and not we.
    Flow {
        asked: bool,
    },
    /// Only this person's messages wait.
    Person,
    /// All messages of the number wait, but for probes; of all numbers of the scope.
    Number {
        brake: Brake,
        scope: Scope,
        /// Which token was refused, if that is what the brake is for: see `Token::replacements`.
        token: u64,
    },
}

/// Whose limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Number,
    /// All numbers of the business account.
    Account,
    /// All numbers of this process.
    App,
}

pub(crate) struct State {
    me: ActorRef<Message>,
    job: Arc<Job>,
    lanes: Lanes,
    marks: Marks,
    alarm: Alarm,
    /// Messages that wait because of their Flow.
    flow_waits: HashSet<SendId>,
    /// How often Flows came to stand otherwise.
    flow_changes: u64,
    /// Conversations whose messages are being held, and how many times.
    being_held: HashMap<ConversationId, u32>,
    /// What is to be put back, once it is written down what is held: of which conversations, and what for.
    releases: Vec<(ConversationId, Held)>,
    /// Who waits until bots are quiet.
    quiet: Vec<(Vec<ConversationId>, RpcReplyPort<()>)>,
    draining: Option<RpcReplyPort<()>>,
    /// Who waits until no request is under way for which conversations.
    letting_go: Vec<(Vec<ConversationId>, RpcReplyPort<()>)>,
    stopped: bool,
}

impl Actor for Sender {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { deps, number, settings, transport, stopped } = args;
        let (shared, settings) = (settings.clone(), settings.of(&number));
        let lanes = Lanes::new(&settings, deps.clock.clone());
        let sender = me.clone();
        let alarm = Alarm::new(deps.clock.clone(), move || {
            // An error means that the engine is shutting down.
            let _gone = sender.cast(Message::Look);
        });
        let job = Arc::new(Job { deps, number, settings, shared, transport });
        let mut state = State {
            me,
            job,
            lanes,
            marks: Marks::default(),
            alarm,
            flow_waits: HashSet::new(),
            flow_changes: 0,
            being_held: HashMap::new(),
            releases: Vec::new(),
            quiet: Vec::new(),
            draining: None,
            letting_go: Vec::new(),
            stopped: false,
        };
        if let Some(why) = stopped {
            state.on_pause(why);
        }
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Queued(rows) => state.on_queued(rows),
            Message::Recovered(rows) => {
                let held = quiet::held_at_takeovers(&rows);
                state.on_recovered(rows).await;
                held.into_iter().for_each(|conversation| state.on_release(conversation, Held::Takeover));
            }
            Message::Look => {}
            Message::Done { send, next, flow_changes } => {
                let next = state.unless_dead(send, next);
                state.on_done(send, next);
                if flow_changes != state.flow_changes && state.flow_waits.remove(&send) {
                    // It waits for what a Flow was before it changed.
                    state.lanes.hasten(send);
                }
                if state.job.deps.senders.is_silent(send.conversation) {
                    // It may be back in its lane.
                    state.on_hold(send.conversation, Held::Takeover);
                }
            }
            Message::Statuses(reached) => state.on_statuses(&reached),
            Message::Brake(brake) => state.brake(None, brake),
            Message::Seen(seen) => state.on_seen(seen),
            Message::Marked => state.marks.ended(),
            Message::Hold(conversation, held) => state.on_hold(conversation, held),
            Message::IsHeld(conversation) => state.on_is_held(conversation),
            Message::Quiet(conversations, reply) => state.quiet.push((conversations, reply)),
            Message::Release(conversation, held) => state.on_release(conversation, held),
            Message::Released(conversation, rows) => {
                state.on_recovered(rows).await;
                state.lanes.unblock(conversation);
                if state.job.deps.senders.is_silent(conversation) {
                    // Somebody took over meanwhile.
                    state.on_hold(conversation, Held::Takeover);
                }
            }
            Message::Decide { send, nonce, change, reply } => state.on_decide(send, nonce, change, reply),
            Message::Pause(why) => state.on_pause(why),
            Message::Resume => state.on_resume(),
            Message::TokenChanged => state.on_token_changed(),
            Message::Renewed(number) => state.on_renewed(*number),
            Message::Settings(settings) => state.on_settings(settings),
            Message::FlowsChanged => state.on_flows_changed(),
            Message::Describe(reply) => {
                let _gone = reply.send(state.describe());
            }
            Message::LetGo(conversations, reply) => state.on_let_go(conversations, reply),
            Message::Drain(reply) => {
                state.stopped = true;
                state.draining = Some(reply);
            }
        }
        state.start_releases();
        state.answer_quiet();
        state.start_what_may_go();
        state.answer_let_go();
        Ok(())
    }
}

impl State {
    fn now_ms(&self) -> u64 {
        self.job.deps.clock.now_ms()
    }

    fn on_queued(&mut self, rows: Vec<Row>) {
        for row in rows {
            let conversation = row.id.conversation;
            if self.job.deps.is_dead(conversation) || !self.lanes.push(row) {
                self.job.deps.backlog.settled(conversation);
            }
        }
    }

    /// Rows in `Sending` had a request under way when the process died: nobody knows what came of it.
    async fn on_recovered(&mut self, rows: Vec<storage::Send>) {
        let now_ms = self.now_ms();
        let until_ms = now_ms + self.job.settings.doubt_window_ms;
        let mut settlements = Vec::new();
        let lost = |row: &&storage::Send| row.state == SendState::Sending && !self.lanes.is_under_way(row.id);
        for row in rows.iter().filter(lost) {
            events::send_uncertain(&self.job.deps.metrics, row.id, "the process ended while a request was under way");
            let error = Some(SendError::cut_off(Row::stored(row, until_ms).tries).encode());
            let change = Change::Uncertain { until_ms, error };
            settlements.push(Settlement { send: row.id, nonce: Some(row.nonce), at_ms: now_ms, change });
        }
        if !settlements.is_empty() {
            self.job.settle_all(settlements).await;
        }
        for row in rows.iter().filter(|row| !self.job.deps.is_dead(row.id.conversation)) {
            let conversation = row.id.conversation;
            match (row.state, SendError::of(row).and_then(|error| error.held)) {
                (SendState::Held, held) => {
                    if held == Some(Held::WindowClosed) {
                        self.job.deps.senders.holds(conversation);
                    }
                    if self.lanes.status(row.id, SendState::Dead) {
                        self.left(row.id);
                    }
                }
                _ if self.lanes.push(Row::stored(row, until_ms)) => self.job.deps.backlog.add(conversation, 1),
                _ => {}
            }
        }
    }

    fn on_done(&mut self, send: SendId, next: Next) {
        self.flow_waits.remove(&send);
        match next {
            // Its status came while the request was under way: there is no doubt, and nothing to repeat.
            Next::Again { .. } | Next::Doubt { .. } if self.lanes.is_told(send) => self.settled(send),
            Next::Accepted { near } => {
                self.works(send);
                self.lanes.accepted(send);
                self.left(send);
                if let Some(regain_ms) = near {
                    self.near_limit(regain_ms);
                }
            }
            Next::Judged => {
                self.works(send);
                self.settled(send);
            }
            Next::Settled => {
                self.lanes.not_asked(send);
                self.settled(send);
            }
            Next::Replaced { row } => {
                self.lanes.not_asked(send);
                self.lanes.replace(send, *row);
            }
            Next::Doubt { until_ms, tries } => self.lanes.doubt(send, until_ms, tries),
            Next::Again { due_ms, tries, slow } => self.again(send, due_ms, tries, slow),
        }
    }

    fn settled(&mut self, send: SendId) {
        self.lanes.settled(send);
        self.left(send);
    }

    /// A message goes again, and perhaps more than it slows down.
    fn again(&mut self, send: SendId, due_ms: u64, tries: u32, slow: Slow) {
        match slow {
            Slow::Nothing => {}
            Slow::ThisRow => self.works(send),
            Slow::Flow { asked } => {
                if asked {
                    self.works(send);
                } else {
                    self.lanes.not_asked(send);
                }
                self.flow_waits.insert(send);
            }
            Slow::Person => {
                self.works(send);
                let times = self.lanes.slowed(send).min(MAX_SLOWED);
                let due_ms = self.now_ms() + 1_000 * 4u64.pow(times);
                return self.lanes.person_waits(send, due_ms, tries);
            }
            // Its token was replaced while the refusal was on its way here.
            Slow::Number { brake, token, .. }
                if brake.cause == Cause::Refused && token != self.job.number.token.replacements() => {}
            Slow::Number { brake, scope, .. } => {
                self.job.deps.senders.share(&self.job.number.id, scope, &brake);
                self.brake(Some(send), brake);
            }
        }
        self.lanes.again(send, due_ms, tries);
    }

    fn brake(&mut self, refused: Option<SendId>, brake: Brake) {
        if self.lanes.slow_down(refused, brake) {
            self.marks.clear(&self.job.deps.metrics);
            if let Some(brake) = self.lanes.brake() {
                events::number_slowed(&self.job.deps.metrics, &self.job.number.id, brake);
            }
        }
    }

    /// Meta says that a limit is near: better to slow down before it is met.
    fn near_limit(&mut self, regain_ms: u64) {
        self.lanes.ease();
        if regain_ms > 0 {
            let why = "Meta takes no more calls for a while".into();
            self.brake(None, Brake::new(Cause::TooFast, why, None, self.now_ms(), regain_ms));
        }
    }

    fn works(&mut self, send: SendId) {
        if self.lanes.works(send) {
            events::number_resumed(&self.job.deps.metrics, &self.job.number.id);
        }
    }

    fn on_pause(&mut self, why: Box<str>) {
        let now_ms = self.now_ms();
        self.brake(None, Brake::stopped(why, now_ms));
    }

    fn on_resume(&mut self) {
        if self.lanes.resume() {
            events::number_resumed(&self.job.deps.metrics, &self.job.number.id);
        }
    }

    fn on_token_changed(&mut self) {
        if self.lanes.brake().is_some_and(|brake| brake.cause == Cause::Refused) {
            self.on_resume();
        }
    }

    fn on_renewed(&mut self, number: Number) {
        self.renew(number, self.job.shared.clone());
    }

    fn on_settings(&mut self, shared: SenderSettings) {
        self.renew(self.job.number.clone(), shared);
    }

    /// Requests under way keep what they began with.
    fn renew(&mut self, number: Number, shared: SenderSettings) {
        let settings = shared.of(&number);
        self.lanes.retune(&self.job.settings, &settings);
        let (deps, transport) = (self.job.deps.clone(), self.job.transport.clone());
        self.job = Arc::new(Job { deps, number, settings, shared, transport });
    }

    /// What waits because of its Flow looks again.
    fn on_flows_changed(&mut self) {
        self.flow_changes = self.flow_changes.wrapping_add(1);
        for send in std::mem::take(&mut self.flow_waits) {
            self.lanes.hasten(send);
        }
    }

    /// A message is settled: lets a conversation go on that had too many.
    fn left(&self, send: SendId) {
        let deps = &self.job.deps;
        if deps.backlog.settled(send.conversation)
            && let Some(peers) = deps.peers.get()
        {
            // An error means that the engine is shutting down.
            let _gone = peers.router.cast(router::Message::Resume(send.conversation));
        }
    }

    fn on_statuses(&mut self, reached: &[(SendId, SendState)]) {
        for (send, state) in reached {
            if self.lanes.status(*send, *state) {
                self.left(*send);
            }
        }
    }

    fn on_seen(&mut self, seen: Seen) {
        self.marks.add(seen, self.lanes.is_calm() && !self.stopped, &self.job.deps.metrics);
    }

    fn start_what_may_go(&mut self) {
        while !self.stopped {
            match self.lanes.next() {
                Ok(row) => {
                    let (job, sender) = (self.job.clone(), self.me.clone());
                    let flow_changes = self.flow_changes;
                    tokio::spawn(async move {
                        let send = row.id;
                        let next = job.run_guarded(row).await;
                        // An error means that the engine is shutting down; what came of it is in the store.
                        let _gone = sender.cast(Message::Done { send, next, flow_changes });
                    });
                }
                Err(again_ms) => {
                    self.alarm.set(again_ms);
                    break;
                }
            }
        }
        while let Some(seen) = self.marks.next(!self.stopped) {
            let (job, sender) = (self.job.clone(), self.me.clone());
            tokio::spawn(async move {
                job.mark(&seen).await;
                // An error means that the engine is shutting down.
                let _gone = sender.cast(Message::Marked);
            });
        }
        if self.stopped
            && self.lanes.under_way() == 0
            && let Some(reply) = self.draining.take()
        {
            let _gone = reply.send(());
        }
    }

    fn describe(&self) -> SenderStatus {
        let (oldest_reply_ms, oldest_bulk_ms) = self.lanes.oldest_ms();
        let status = SenderStatus {
            open: self.lanes.open(),
            open_bulk: self.lanes.open_bulk(),
            ready_bulk: self.lanes.ready_bulk(),
            under_way: self.lanes.under_way(),
            oldest_ms: oldest_reply_ms.into_iter().chain(oldest_bulk_ms).min(),
            oldest_reply_ms,
            oldest_bulk_ms,
            per_second: self.lanes.per_second(),
            paused: self.lanes.brake().map(Paused::from),
        };
        self.job.deps.metrics.sender(&self.job.number.id, &status, self.now_ms());
        status
    }
}

#[cfg(test)]
mod tests;
