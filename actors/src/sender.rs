//! The sender of one business number: takes committed outbox rows to the Graph API, within Meta's rates, and settles
//! what came of it.
//!
//! A request leaves only after `Sending` is committed: that write is what makes a crash in between visible. What nobody
//! can know (the request left, no decided answer came) waits for the status that echoes our callback data.

mod lanes;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use rand::RngExt;
use storage::{Change, SendId, SendState, Settled, Settlement};
use tokio::time::Instant;
use whatsapp::graph::{self, Outcome};


pub(crate) use transport::send_payload_body;
pub use transport::Transport;

use crate::alarm::Alarm;
use crate::codec;
use crate::conversation::Outbound;
use crate::deps::Deps;
use crate::events;
use crate::metrics::{GraphError, Outcome as OutcomeLabel};
use crate::records::{self, DeadLetterPayload, OnDoubt, SendPayload};
use crate::settings::{Number, SenderSettings};
use lanes::Lanes;

/// When Meta limits the number, the account or the app without saying for how long (ms).
const SLOW_NUMBER_MS: u64 = 1_000;
const SLOW_ACCOUNT_MS: u64 = 60_000;
/// Meta lets a throttled Flow out ten times an hour.
const SLOW_FLOW_MS: u64 = 3_600_000;
/// The person's limit at Meta: 4^n seconds, this many times at the most.
const MAX_SLOWED: u32 = 6;
/// A store that refused a settlement is asked again after this long (ms).
const STORE_AGAIN_MS: u64 = 200;

/// An outbox row in the sender's hands.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub id: SendId,
    pub nonce: u32,
    pub attempts: u32,
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
            created_ms: out.decided_ms,
            due_ms: 0,
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

    /// Rows of one conversation, in order.
    pub(crate) fn hand_over(&self, rows: Vec<Row>) {
        let number = rows.first().and_then(|row| row.payload.as_ref()).map(|payload| payload.number_id.clone());
        let Some(sender) = number.and_then(|number| self.get(&number)) else { return };
        // An error means that the engine is shutting down: the rows are in the store.
        let _gone = sender.cast(Message::Queued(rows));
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
    /// Rows that were open when the process started.
    Recovered(Vec<storage::Send>),
    /// Something may leave now.
    Look,
    /// A request came to an end, and that is settled.
    Done { send: SendId, next: Next },
    /// A status webhook was committed for this row.
    Status { send: SendId, state: SendState },
    /// What stands, for operators.
    Describe(RpcReplyPort<SenderStatus>),
    /// Start nothing more; answer when nothing is under way.
    Drain(RpcReplyPort<()>),
}

/// What the sender does with a row after a request.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    Settled,
    Again { due_ms: u64, attempts: u32, slow: Slow },
    Doubt { until_ms: u64, attempts: u32 },
}

/// What else an outcome slows down.
#[derive(Clone, Debug)]
pub(crate) enum Slow {
    Nothing,
    Until(u64),
    /// Only this message waits, and that is no try.
    ThisRow,
    Person,
    Pause(Box<str>),
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

/// What a request needs; shared by all requests of the number.
struct Job {
    deps: Arc<Deps>,
    number: Number,
    settings: SenderSettings,
    transport: Arc<dyn Transport>,
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

    async fn handle(&self, _: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Queued(rows) => state.on_queued(rows),
            Message::Recovered(rows) => state.on_recovered(rows).await,
            Message::Look => {}
            Message::Done { send, next } => state.on_done(send, next),
            Message::Status { send, state: reached } => state.on_status(send, reached),
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
        self.job.deps.metrics.open_sends.inc_by(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        for row in rows {
            self.lanes.push(row);
        }
    }

    /// Rows in `Sending` had a request under way when the process died: nobody knows what came of it.
    async fn on_recovered(&mut self, rows: Vec<storage::Send>) {
        let now_ms = self.job.deps.clock.now_ms();
        let until_ms = now_ms + self.job.settings.doubt_window_ms;
        let doubtful: Vec<_> = rows.iter().filter(|row| row.state == SendState::Sending).collect();
        let settlements = doubtful.iter().map(|row| Settlement {
            send: row.id,
            nonce: Some(row.nonce),
            at_ms: now_ms,
            change: Change::Uncertain { until_ms, error: None },
        });
        let settlements: Vec<_> = settlements.collect();
        for row in &doubtful {
            events::send_uncertain(row.id, "the process ended while a request was under way");
        }
        if !settlements.is_empty() {
            self.job.settle_all(settlements).await;
        }
        let open = rows.into_iter().filter(|row| row.state != SendState::Held);
        let rows = open.map(|row| Row {
            id: row.id,
            nonce: row.nonce,
            attempts: row.attempts,
            created_ms: row.created_ms,
            due_ms: if row.state == SendState::Sending { until_ms } else { row.due_ms },
            doubt: matches!(row.state, SendState::Sending | SendState::Uncertain),
            pair_paid: false,
            payload: None,
        });
        self.on_queued(rows.collect());
    }

    fn on_done(&mut self, send: SendId, next: Next) {
        match next {
            Next::Settled => {
                self.job.deps.metrics.open_sends.dec();
                self.lanes.settled(send);
                if self.lanes.works() {
                    events::number_resumed(&self.job.number.id);
                }
            }
            Next::Doubt { until_ms, attempts } => self.lanes.doubt(send, until_ms, attempts),
            Next::Again { due_ms, attempts, slow } => {
                let due_ms = match slow {
                    Slow::Person => {
                        let times = self.lanes.slowed(send).min(MAX_SLOWED);
                        self.job.deps.clock.now_ms() + 1_000 * 4u64.pow(times)
                    }
                    Slow::Nothing | Slow::ThisRow => due_ms,
                    Slow::Until(until_ms) => {
                        self.lanes.slow_down(until_ms);
                        due_ms
                    }
                    Slow::Pause(why) => {
                        if self.lanes.paused().is_none() {
                            events::number_paused(&self.job.number.id, &why);
                        }
                        self.lanes.pause(&why);
                        due_ms
                    }
                };
                self.lanes.again(send, due_ms, attempts);
            }
        }
    }

    fn on_status(&mut self, send: SendId, state: SendState) {
        if state.is_settled() && self.lanes.status(send) {
            self.job.deps.metrics.open_sends.dec();
        }
    }

    fn start_what_may_go(&mut self) {
        while !self.stopped {
            match self.lanes.next() {
                Ok(row) => {
                    let (job, sender) = (self.job.clone(), self.me.clone());
                    tokio::spawn(async move {
                        let send = row.id;
                        let next = job.run(row).await;
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
        if self.lanes.under_way() == 0 && let Some(reply) = self.draining.take() {
            let _gone = reply.send(());
        }
    }

    fn describe(&self) -> SenderStatus {
        SenderStatus {
            open: self.lanes.open(),
            under_way: self.lanes.under_way(),
            oldest_ms: self.lanes.oldest_ms(),
            paused: self.lanes.paused().map(Into::into),
        }
    }
}

impl Job {
    /// One request for one row: commit that it leaves, send, commit what came of it.
    async fn run(&self, row: Row) -> Next {
        let payload = match self.payload(&row).await {
            Ok(payload) => payload,
            Err(detail) => return self.bury(&row, None, "damaged", &detail, None).await,
        };
        if row.doubt {
            if payload.on_doubt == OnDoubt::Hold {
                self.settle(&row, Change::Held { error: None }).await;
                return Next::Settled;
            }
            self.deps.metrics.resends.inc();
        }
        let attempt = row.attempts + 1;
        match self.settle(&row, Change::Sending { attempt }).await {
            Some(Settled::Now(SendState::Sending)) => {}
            // A status came in the meantime: it was sent already.
            Some(_) => return Next::Settled,
            None => return Next::Again { due_ms: self.deps.clock.now_ms(), attempts: row.attempts, slow: Slow::Nothing },
        }
        let body = send_payload_body(&payload, row.id, row.nonce);
        let started = Instant::now();
        let answer = self.transport.send(&self.number, body).await;
        self.deps.metrics.graph_seconds.observe(started.elapsed().as_secs_f64());
        match answer {
            Ok(accepted) => {
                self.count("accepted", "none");
                self.settle(&row, Change::Accepted { wamid: accepted.wamid.into() }).await;
                Next::Settled
            }
            Err(error) => self.failed(&row, attempt, &payload, &error).await,
        }
    }

    async fn failed(&self, row: &Row, attempt: u32, payload: &SendPayload, error: &graph::Error) -> Next {
        let record = codec::encode(&error.to_record());
        let outcome = error.outcome();
        let now_ms = self.deps.clock.now_ms();
        if let graph::Error::Graph(error) = error {
            let label = GraphError { operation: "messages.send", code: i64::from(error.code) };
            self.deps.metrics.graph_errors.get_or_create(&label).inc();
        }
        self.count(label(&outcome), "graph");
        let retry_after_ms = error.retry_after_ms();
        let (due_ms, slow) = match outcome {
            Outcome::Uncertain => {
                events::send_uncertain(row.id, &error.to_string());
                let until_ms = now_ms + self.settings.doubt_window_ms;
                self.settle(row, Change::Uncertain { until_ms, error: Some(record) }).await;
                return Next::Doubt { until_ms, attempts: attempt };
            }
            Outcome::Permanent | Outcome::WindowClosed | Outcome::StopFlow | Outcome::Restricted => {
                return self.bury(row, Some(payload), label(&outcome), &error.to_string(), Some(record)).await;
            }
            Outcome::RetryAtMost(tries) if attempt > u32::from(tries) => {
                return self.bury(row, Some(payload), "permanent", &error.to_string(), Some(record)).await;
            }
            Outcome::SlowFlow => (now_ms + SLOW_FLOW_MS, Slow::ThisRow),
            Outcome::Retry | Outcome::RetryAtMost(_) => (now_ms + retry_after_ms.unwrap_or_else(|| self.backoff_ms(attempt)), Slow::Nothing),
            Outcome::SlowNumber => {
                let until_ms = now_ms + retry_after_ms.unwrap_or(SLOW_NUMBER_MS);
                (until_ms, Slow::Until(until_ms))
            }
            Outcome::SlowAccount | Outcome::SlowApp => {
                let until_ms = now_ms + retry_after_ms.unwrap_or(SLOW_ACCOUNT_MS);
                (until_ms, Slow::Until(until_ms))
            }
            Outcome::SlowPerson => (now_ms, Slow::Person),
            Outcome::PauseNumber => (now_ms, Slow::Pause(error.to_string().into())),
        };
        // Being slowed down is no try: the message did nothing wrong.
        let attempts = if matches!(slow, Slow::Nothing) { attempt } else { row.attempts };
        if attempts >= self.settings.max_attempts {
            return self.bury(row, Some(payload), "too_many_tries", &error.to_string(), Some(record)).await;
        }
        self.settle(row, Change::Retry { due_ms, error: Some(record) }).await;
        Next::Again { due_ms, attempts, slow }
    }

    /// Exponential with full jitter: base, doubled each time, up to the maximum; a random part of it.
    fn backoff_ms(&self, attempt: u32) -> u64 {
        let ceiling = self.settings.backoff_base_ms.saturating_mul(1 << (attempt - 1).min(16));
        let ceiling = ceiling.clamp(1, self.settings.backoff_max_ms.max(1));
        rand::rng().random_range(ceiling / 2..=ceiling)
    }

    async fn bury(
        &self,
        row: &Row,
        payload: Option<&SendPayload>,
        reason: &'static str,
        detail: &str,
        error: Option<bytes::Bytes>,
    ) -> Next {
        events::send_given_up(&self.deps.metrics, row.id, reason, detail);
        let payload = DeadLetterPayload {
            detail: detail.into(),
            hint: None,
            bot: None,
            version: None,
            node: payload.and_then(|payload| payload.node.clone()),
            raw: payload.map(|payload| transport::message_body(payload, "").to_string().into()),
            tries: row.attempts + 1,
        };
        let letter = records::dead_letter(None, Some(row.id), reason, &payload);
        self.settle(row, Change::Dead { letter, error }).await;
        Next::Settled
    }

    async fn payload(&self, row: &Row) -> Result<Arc<SendPayload>, String> {
        if let Some(payload) = &row.payload {
            return Ok(payload.clone());
        }
        loop {
            match self.deps.store.sends(vec![row.id]).await {
                Ok(rows) => {
                    let stored = rows.into_iter().next().flatten().ok_or("the outbox row is gone")?;
                    return codec::decode(&stored.payload).map(Arc::new).map_err(|error| error.to_string());
                }
                Err(error) => self.store_refused("reading an outbox row", &error).await,
            }
        }
    }

    fn settlement(&self, row: &Row, change: Change) -> Settlement {
        Settlement { send: row.id, nonce: Some(row.nonce), at_ms: self.deps.clock.now_ms(), change }
    }

    async fn settle(&self, row: &Row, change: Change) -> Option<Settled> {
        self.settle_all(vec![self.settlement(row, change)]).await.and_then(|settled| settled.first().copied())
    }

    /// Settles until the store takes it; `None` once the store has failed for good (the process is about to end).
    async fn settle_all(&self, settlements: Vec<Settlement>) -> Option<Vec<Settled>> {
        let fence = self.deps.fence(&self.number.id);
        loop {
            match self.deps.store.settle(fence, settlements.clone()).await {
                Ok(settled) => return Some(settled),
                Err(error) => {
                    if *self.deps.store.health().borrow() != storage::Health::Good {
                        // Never settles again in this process: what is under way stays under way until it ends.
                        std::future::pending::<()>().await;
                    }
                    self.store_refused("settling an outbox row", &error).await;
                }
            }
        }
    }

    async fn store_refused(&self, doing: &'static str, error: &storage::StoreError) {
        events::store_failed(doing, error);
        let again_ms = self.deps.clock.now_ms() + STORE_AGAIN_MS;
        self.deps.clock.wait_until(again_ms).await;
    }

    fn count(&self, outcome: &'static str, code_class: &'static str) {
        self.deps.metrics.attempts.get_or_create(&OutcomeLabel { outcome, code_class }).inc();
    }
}

fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Retry | Outcome::RetryAtMost(_) => "retry",
        Outcome::SlowFlow => "slow_flow",
        Outcome::StopFlow => "flow_blocked",
        Outcome::Restricted => "restricted",
        Outcome::SlowNumber => "slow_number",
        Outcome::SlowAccount => "slow_account",
        Outcome::SlowApp => "slow_app",
        Outcome::SlowPerson => "slow_person",
        Outcome::WindowClosed => "window_closed",
        Outcome::Permanent => "permanent",
        Outcome::PauseNumber => "pause_number",
        Outcome::Uncertain => "uncertain",
    }
}
