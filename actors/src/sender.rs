//! The sender of one business number: takes committed outbox rows to the Graph API, within Meta's rates, and settles
//! what came of it.
//!
//! A request leaves only after `Sending` is committed: that write is what makes a crash in between visible. What nobody
//! can know (the request left, no decided answer came) waits for the status that echoes our callback data.

mod job;
mod lanes;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use storage::{Change, SendId, SendState, Settlement};

pub use transport::Transport;

use crate::alarm::Alarm;
use crate::conversation::Outbound;
use crate::deps::Deps;
use crate::events;
use crate::records::SendPayload;
use crate::router;
use crate::settings::{Number, SenderSettings};
use job::Job;
use lanes::{Brake, Lanes};

/// The person's limit at Meta: 4^n seconds, this many times at the most.
const MAX_SLOWED: u32 = 6;

/// An outbox row in the sender's hands.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub id: SendId,
    pub nonce: u32,
    /// Requests made so far.
    pub attempts: u32,
    /// Those of them (since the process started) that count towards giving up.
    pub tries: u32,
    pub created_ms: u64,
    /// Not before this time; for one in doubt, the end of the doubt window.
    pub due_ms: u64,
    pub doubt: bool,
    /// The person's rate was charged for it already.
    pub pair_paid: bool,
    /// `None`: read it from the store when its time comes.
    pub payload: Option<Arc<SendPayload>>,
}

impl Row {
    /// A row that was just committed.
    pub(crate) fn queued(out: Outbound) -> Self {
        Self {
            id: out.id,
            nonce: out.nonce,
            attempts: 0,
            tries: 0,
            created_ms: out.decided_ms,
            // Whose message was decided first goes first.
            due_ms: out.decided_ms,
            doubt: false,
            pair_paid: false,
            payload: Some(Arc::new(out.payload)),
        }
    }
}

/// All senders, by business number.
#[derive(Default)]
pub(crate) struct Senders {
    by_number: OnceLock<HashMap<Box<str>, ActorRef<Message>>>,
}

impl Senders {
    pub(crate) fn set(&self, senders: HashMap<Box<str>, ActorRef<Message>>) {
        let _set_before = self.by_number.set(senders);
    }

    pub(crate) fn get(&self, number: &str) -> Option<&ActorRef<Message>> {
        self.by_number.get()?.get(number)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&Box<str>, &ActorRef<Message>)> {
        self.by_number.get().into_iter().flatten()
    }

    /// What a turn decided, once it is committed.
    pub(crate) fn hand_over(&self, deps: &Deps, outbound: Vec<Outbound>) {
        let Some(first) = outbound.first() else { return };
        let Some(sender) = self.get(&first.payload.number_id) else { return };
        deps.backlog.add(first.id.conversation, outbound.len());
        // An error means that the engine is shutting down: the rows are in the store.
        let _gone = sender.cast(Message::Queued(outbound.into_iter().map(Row::queued).collect()));
    }

    /// Open rows that the sender may not have heard of.
    pub(crate) fn hand_over_again(&self, number: &str, rows: Vec<storage::Send>) {
        if let Some(sender) = self.get(number).filter(|_| !rows.is_empty()) {
            // As above.
            let _gone = sender.cast(Message::Recovered(rows));
        }
    }
}

pub(crate) struct Sender;

pub(crate) struct Arguments {
    pub deps: Arc<Deps>,
    pub number: Number,
    pub settings: SenderSettings,
    pub transport: Arc<dyn Transport>,
}

pub(crate) enum Message {
    /// Committed rows, in the order of their conversation.
    Queued(Vec<Row>),
    /// Rows that are open in the store, by (conversation, n).
    Recovered(Vec<storage::Send>),
    /// Something may leave now.
    Look,
    /// A request came to an end, and that is settled.
    Done { send: SendId, next: Next },
    /// Status webhooks that were committed, for these rows.
    Statuses(Vec<(SendId, SendState)>),
    /// What stands, for operators.
    Describe(RpcReplyPort<SenderStatus>),
    /// Start nothing more; answer when nothing is under way.
    Drain(RpcReplyPort<()>),
}

/// What the sender does with a row after a request.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// Meta took or judged it.
    Judged,
    /// Nothing more to do, without an answer of Meta.
    Settled,
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
    /// Only this person's messages wait.
    Person,
    /// All messages of the number wait, but for probes.
    Number {
        why: SlowNumber,
        text: Box<str>,
        until_ms: u64,
    },
}

/// Why all messages of a number wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlowNumber {
    /// Meta asks for it.
    TooFast,
    /// Nothing gets through to Meta.
    Unreachable,
    /// Meta refuses the number or its token.
    Paused,
}

/// A sender as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SenderStatus {
    /// Messages not settled yet.
    pub open: usize,
    /// Requests under way.
    pub under_way: usize,
    /// When the oldest open message was decided (Unix ms).
    pub oldest_ms: Option<u64>,
    /// Why nothing is sent, if so.
    pub paused: Option<Box<str>>,
}

pub(crate) struct State {
    me: ActorRef<Message>,
    job: Arc<Job>,
    lanes: Lanes,
    alarm: Alarm,
    draining: Option<RpcReplyPort<()>>,
    stopped: bool,
}

impl Actor for Sender {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { deps, number, settings, transport } = args;
        let lanes = Lanes::new(&settings, deps.clock.clone());
        let sender = me.clone();
        let alarm = Alarm::new(deps.clock.clone(), move || {
            // An error means that the engine is shutting down.
            let _gone = sender.cast(Message::Look);
        });
        let job = Arc::new(Job { deps, number, settings, transport });
        Ok(State { me, job, lanes, alarm, draining: None, stopped: false })
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Queued(rows) => state.on_queued(rows),
            Message::Recovered(rows) => state.on_recovered(rows).await,
            Message::Look => {}
            Message::Done { send, next } => state.on_done(send, next),
            Message::Statuses(reached) => state.on_statuses(&reached),
            Message::Describe(reply) => {
                let _gone = reply.send(state.describe());
            }
            Message::Drain(reply) => {
                state.stopped = true;
                state.draining = Some(reply);
            }
        }
        state.start_what_may_go();
        Ok(())
    }
}

impl State {
    fn on_queued(&mut self, rows: Vec<Row>) {
        for row in rows {
            let conversation = row.id.conversation;
            if !self.lanes.push(row) {
                self.job.deps.backlog.settled(conversation);
            }
        }
    }

    /// Rows in `Sending` had a request under way when the process died: nobody knows what came of it.
    async fn on_recovered(&mut self, rows: Vec<storage::Send>) {
        let now_ms = self.job.deps.clock.now_ms();
        let until_ms = now_ms + self.job.settings.doubt_window_ms;
        let mut settlements = Vec::new();
        for row in rows.iter().filter(|row| row.state == SendState::Sending) {
            events::send_uncertain(row.id, "the process ended while a request was under way");
            let change = Change::Uncertain { until_ms, error: None };
            settlements.push(Settlement { send: row.id, nonce: Some(row.nonce), at_ms: now_ms, change });
        }
        if !settlements.is_empty() {
            self.job.settle_all(settlements).await;
        }
        for row in rows.into_iter().filter(|row| row.state != SendState::Held) {
            let row = Row {
                id: row.id,
                nonce: row.nonce,
                attempts: row.attempts,
                tries: 0,
                created_ms: row.created_ms,
                due_ms: if row.state == SendState::Sending { until_ms } else { row.due_ms },
                doubt: matches!(row.state, SendState::Sending | SendState::Uncertain),
                pair_paid: false,
                payload: None,
            };
            let conversation = row.id.conversation;
            if self.lanes.push(row) {
                self.job.deps.backlog.add(conversation, 1);
            }
        }
    }

    fn on_done(&mut self, send: SendId, next: Next) {
        match next {
            Next::Judged => {
                self.works(send);
                self.lanes.settled(send);
                self.left(send);
            }
            Next::Settled => {
                self.lanes.settled(send);
                self.left(send);
            }
            Next::Doubt { until_ms, tries } => self.lanes.doubt(send, until_ms, tries),
            Next::Again { due_ms, tries, slow } => {
                let due_ms = self.slow_down(send, slow).unwrap_or(due_ms);
                self.lanes.again(send, due_ms, tries);
            }
        }
    }

    /// Applies what an outcome slows down. Answers when this message may go, if that is decided here.
    fn slow_down(&mut self, send: SendId, slow: Slow) -> Option<u64> {
        match slow {
            Slow::Nothing => None,
            Slow::ThisRow => {
                self.works(send);
                None
            }
            Slow::Person => {
                self.works(send);
                let times = self.lanes.slowed(send).min(MAX_SLOWED);
                Some(self.job.deps.clock.now_ms() + 1_000 * 4u64.pow(times))
            }
            Slow::Number { why, text, until_ms } => {
                let every_ms = until_ms.saturating_sub(self.job.deps.clock.now_ms()).max(1);
                let brake = Brake { why: text, probe_ms: until_ms, every_ms, probe: None };
                if self.lanes.slow_down(brake) {
                    let text = self.lanes.brake().map_or("", |brake| &brake.why);
                    events::number_slowed(&self.job.number.id, why, text);
                }
                None
            }
        }
    }

    fn works(&mut self, send: SendId) {
        if self.lanes.works(send) {
            events::number_resumed(&self.job.number.id);
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
            if state.is_settled() && self.lanes.status(*send) {
                self.left(*send);
            }
        }
    }

    fn start_what_may_go(&mut self) {
        while !self.stopped {
            match self.lanes.next() {
                Ok(row) => {
                    let (job, sender) = (self.job.clone(), self.me.clone());
                    tokio::spawn(async move {
                        let send = row.id;
                        let next = job.run_guarded(row).await;
                        // An error means that the engine is shutting down; what came of it is in the store.
                        let _gone = sender.cast(Message::Done { send, next });
                    });
                }
                Err(again_ms) => {
                    self.alarm.set(again_ms);
                    return;
                }
            }
        }
        if self.lanes.under_way() == 0
            && let Some(reply) = self.draining.take()
        {
            let _gone = reply.send(());
        }
    }

    fn describe(&self) -> SenderStatus {
        SenderStatus {
            open: self.lanes.open(),
            under_way: self.lanes.under_way(),
            oldest_ms: self.lanes.oldest_ms(),
            paused: self.lanes.brake().map(|brake| brake.why.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
