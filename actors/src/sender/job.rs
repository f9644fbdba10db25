//! One request for one row: commit that it leaves, send, commit what came of it.

use std::sync::Arc;

use futures_util::FutureExt;
use rand::RngExt;
use storage::{Change, Settled, Settlement, StoreError};
use tokio::time::Instant;
use whatsapp::graph::{self, Outcome};

use super::transport::{self, Transport};
use super::{Next, Row, Slow, SlowNumber};
use crate::codec;
use crate::deps::Deps;
use crate::events;
use crate::metrics::{GraphError, Outcome as OutcomeLabel};
use crate::records::{self, DeadLetterPayload, OnDoubt, SendPayload};
use crate::settings::{Number, SenderSettings};

/// When Meta limits the number, the account or the app without saying for how long (ms).
const SLOW_NUMBER_MS: u64 = 1_000;
const SLOW_ACCOUNT_MS: u64 = 60_000;
/// Meta lets a throttled Flow out ten times an hour.
const SLOW_FLOW_MS: u64 = 3_600_000;
/// When nothing gets through, one message tries again after this long (ms).
const UNREACHABLE_MS: u64 = 4_000;
/// When Meta refuses the number, one message tries again after this long (ms).
const PAUSED_MS: u64 = 60_000;
/// A store that refused is asked again after this long (ms).
const STORE_AGAIN_MS: u64 = 200;

/// What requests need; shared by all of the number.
pub(super) struct Job {
    pub deps: Arc<Deps>,
    pub number: Number,
    pub settings: SenderSettings,
    pub transport: Arc<dyn Transport>,
}

impl Job {
    /// As [`Job::run`]; a panic leaves open whether it was sent, so that the message is in doubt.
    pub(super) async fn run_guarded(&self, row: Row) -> Next {
        let (send, tries) = (row.id, row.tries + 1);
        let run = std::panic::AssertUnwindSafe(self.run(row)).catch_unwind();
        run.await.unwrap_or_else(|_| {
            events::send_uncertain(send, "sending it ended in a panic");
            Next::Doubt { until_ms: self.deps.clock.now_ms() + self.settings.doubt_window_ms, tries }
        })
    }

    async fn run(&self, row: Row) -> Next {
        let payload = match self.payload(&row).await {
            Ok(payload) => payload,
            Err(detail) => {
                self.bury(&row, "damaged", self.letter(&row, None, &detail, None), None).await;
                return Next::Settled;
            }
        };
        if row.doubt {
            if payload.on_doubt == OnDoubt::Hold || row.tries >= self.settings.max_attempts {
                events::send_held(row.id);
                self.settle(&row, Change::Held { error: None }).await;
                return Next::Settled;
            }
            self.deps.metrics.resends.inc();
        }
        let attempt = row.attempts + 1;
        match self.settle(&row, Change::Sending { attempt }).await {
            Settled::Now(storage::SendState::Sending) => {}
            Settled::Now(state) if !state.is_settled() => {
                // The store counts more attempts than we do: catch up with it.
                return Next::Again { due_ms: row.due_ms, tries: row.tries, slow: Slow::Nothing };
            }
            // A status came in the meantime, so it was sent already; or the row is gone.
            Settled::Now(_) | Settled::Unknown => return Next::Settled,
        }
        let body = transport::send_payload_body(&payload, row.id, row.nonce);
        let started = Instant::now();
        let answer = self.transport.send(&self.number, body).await;
        self.deps.metrics.graph_seconds.observe(started.elapsed().as_secs_f64());
        match answer {
            Ok(accepted) => {
                self.count("accepted", "none");
                self.settle(&row, Change::Accepted { wamid: accepted.wamid.into() }).await;
                Next::Judged
            }
            Err(error) => self.failed(&row, &payload, &error).await,
        }
    }

    async fn failed(&self, row: &Row, payload: &SendPayload, error: &graph::Error) -> Next {
        let outcome = error.outcome();
        if let graph::Error::Graph(error) = error {
            let label = GraphError { operation: "messages.send", code: i64::from(error.code) };
            self.deps.metrics.graph_errors.get_or_create(&label).inc();
        }
        self.count(label(&outcome), class(error));
        let tries = row.tries + 1;
        match outcome {
            Outcome::Uncertain => self.doubt(row, error).await,
            Outcome::Permanent | Outcome::WindowClosed | Outcome::StopFlow | Outcome::Restricted => {
                self.refused(row, payload, label(&outcome), error).await
            }
            Outcome::RetryAtMost(more) if tries > u32::from(more) => {
                self.refused(row, payload, "permanent", error).await
            }
            Outcome::Retry | Outcome::RetryAtMost(_) if !matches!(error, graph::Error::NotSent(_)) => {
                if tries >= self.settings.max_attempts {
                    return self.refused(row, payload, "too_many_tries", error).await;
                }
                let wait_ms = error.retry_after_ms().unwrap_or_else(|| self.backoff_ms(tries));
                self.again(row, wait_ms, tries, Slow::Nothing, error).await
            }
            // Being slowed down is no try: the message did nothing wrong.
            _ => {
                let (wait_ms, slow) = self.slow(&outcome, error);
                self.again(row, wait_ms, row.tries, slow, error).await
            }
        }
    }

    /// How long this message waits (ms), and what else does.
    fn slow(&self, outcome: &Outcome, error: &graph::Error) -> (u64, Slow) {
        let (why, wait_ms) = match outcome {
            Outcome::SlowFlow => return (SLOW_FLOW_MS, Slow::ThisRow),
            Outcome::SlowPerson => return (0, Slow::Person),
            Outcome::SlowAccount | Outcome::SlowApp => (SlowNumber::TooFast, SLOW_ACCOUNT_MS),
            Outcome::PauseNumber => (SlowNumber::Paused, PAUSED_MS),
            Outcome::Retry | Outcome::RetryAtMost(_) => (SlowNumber::Unreachable, UNREACHABLE_MS),
            _ => (SlowNumber::TooFast, SLOW_NUMBER_MS),
        };
        let until_ms = self.deps.clock.now_ms() + error.retry_after_ms().unwrap_or(wait_ms);
        (0, Slow::Number { why, text: error.to_string().into(), until_ms })
    }

    async fn doubt(&self, row: &Row, error: &graph::Error) -> Next {
        events::send_uncertain(row.id, &error.to_string());
        let until_ms = self.deps.clock.now_ms() + self.settings.doubt_window_ms;
        let change = Change::Uncertain { until_ms, error: Some(codec::encode(&error.to_record())) };
        match self.settle(row, change).await {
            Settled::Now(state) if !state.is_settled() => Next::Doubt { until_ms, tries: row.tries + 1 },
            // Its status was faster than the answer.
            Settled::Now(_) | Settled::Unknown => Next::Judged,
        }
    }

    async fn again(&self, row: &Row, wait_ms: u64, tries: u32, slow: Slow, error: &graph::Error) -> Next {
        let due_ms = self.deps.clock.now_ms() + wait_ms;
        let change = Change::Retry { due_ms, error: Some(codec::encode(&error.to_record())) };
        match self.settle(row, change).await {
            Settled::Now(state) if !state.is_settled() => Next::Again { due_ms, tries, slow },
            // A status of an earlier request settled it.
            Settled::Now(_) | Settled::Unknown => Next::Judged,
        }
    }

    async fn refused(&self, row: &Row, payload: &SendPayload, reason: &'static str, error: &graph::Error) -> Next {
        let record = error.to_record();
        let trace = record.fbtrace_id.as_ref().map(|trace| format!(" (trace {trace})")).unwrap_or_default();
        let advice = Some(record.advice.as_str().into());
        let letter = self.letter(row, Some(payload), &format!("{error}{trace}"), advice);
        self.bury(row, reason, letter, Some(codec::encode(&record))).await;
        Next::Judged
    }

    /// Exponential with jitter: base, doubled each time, up to the maximum; the upper half of it is random.
    fn backoff_ms(&self, tries: u32) -> u64 {
        let ceiling = self.settings.backoff_base_ms.saturating_mul(1 << (tries - 1).min(16));
        let ceiling = ceiling.clamp(1, self.settings.backoff_max_ms.max(1));
        rand::rng().random_range(ceiling / 2..=ceiling)
    }

    fn letter(
        &self,
        row: &Row,
        payload: Option<&SendPayload>,
        detail: &str,
        hint: Option<Box<str>>,
    ) -> DeadLetterPayload {
        DeadLetterPayload {
            detail: detail.into(),
            hint,
            bot: None,
            version: None,
            node: payload.and_then(|payload| payload.node.clone()),
            raw: payload.map(|payload| transport::message_body(payload, "").to_string().into()),
            tries: row.attempts + 1,
        }
    }

    async fn bury(&self, row: &Row, reason: &'static str, letter: DeadLetterPayload, error: Option<bytes::Bytes>) {
        events::send_given_up(&self.deps.metrics, row.id, reason, &letter.detail);
        let letter = records::dead_letter(None, Some(row.id), reason, &letter);
        self.settle(row, Change::Dead { letter, error }).await;
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

    async fn settle(&self, row: &Row, change: Change) -> Settled {
        let at_ms = self.deps.clock.now_ms();
        let settlement = Settlement { send: row.id, nonce: Some(row.nonce), at_ms, change };
        self.settle_all(vec![settlement]).await.first().copied().unwrap_or(Settled::Unknown)
    }

    /// Settles until the store takes it. Once the store has failed for good the process is about to end, and this waits
    /// for that: what is under way stays under way.
    pub(super) async fn settle_all(&self, settlements: Vec<Settlement>) -> Vec<Settled> {
        let fence = self.deps.fence(&self.number.id);
        loop {
            match self.deps.store.settle(fence, settlements.clone()).await {
                Ok(settled) => return settled,
                Err(error) => {
                    if *self.deps.store.health().borrow() != storage::Health::Good {
                        std::future::pending::<()>().await;
                    }
                    self.store_refused("settling an outbox row", &error).await;
                }
            }
        }
    }

    async fn store_refused(&self, doing: &'static str, error: &StoreError) {
        events::store_failed(doing, error);
        let again_ms = self.deps.clock.now_ms() + STORE_AGAIN_MS;
        self.deps.clock.wait_until(again_ms).await;
    }

    fn count(&self, outcome: &'static str, code_class: &'static str) {
        self.deps.metrics.attempts.get_or_create(&OutcomeLabel { outcome, code_class }).inc();
    }
}

fn class(error: &graph::Error) -> &'static str {
    match error {
        graph::Error::NotSent(_) => "not_sent",
        graph::Error::Ambiguous(_) => "ambiguous",
        graph::Error::Graph(_) => "graph",
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
