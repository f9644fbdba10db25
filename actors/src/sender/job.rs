//! One request for one row: commit that it leaves, send, commit what came of it.

use std::sync::Arc;

use futures_util::FutureExt;
use storage::{Change, SendId, SendState, Settled, Settlement, Store, StoreError};
use tokio::time::Instant;

use super::transport::{self, Transport};
use super::window::Window;
use super::{Next, Row, Seen, Slow};
use crate::codec;
use crate::deps::Deps;
use crate::events;
use crate::metrics::{Outcome as OutcomeLabel, Result as ResultLabel};
use crate::records::{Held, SendPayload};
use crate::settings::{Number, SenderSettings};

/// A store that refused is asked again after this long (ms).
const STORE_AGAIN_MS: u64 = 200;

/// What requests need; shared by all of the number.
pub(super) struct Job {
    pub deps: Arc<Deps>,
    pub number: Number,
    /// Of this number.
    pub settings: SenderSettings,
    /// Of all numbers: what is this number's own is not in them.
    pub shared: SenderSettings,
    pub transport: Arc<dyn Transport>,
}

impl Job {
    /// As [`Job::run`]; a panic leaves open whether it was sent, so that the message is in doubt.
    pub(super) async fn run_guarded(&self, row: Row) -> Next {
        let (send, tries) = (row.id, row.tries + 1);
        let run = std::panic::AssertUnwindSafe(self.run(row)).catch_unwind();
        run.await.unwrap_or_else(|_| {
            events::send_uncertain(&self.deps.metrics, send, "sending it ended in a panic");
            Next::Doubt { until_ms: self.now_ms() + self.settings.doubt_window_ms, tries }
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
        if row.doubt && self.must_hold(&row, &payload) {
            return self.hold_in_doubt(&row).await;
        }
        if row.may_be_taken && row.manner.bot && self.stays(&row).await {
            return Next::Settled;
        }
        if let Some(next) = self.unwanted(&row, &payload).await {
            return next;
        }
        if let Some(next) = self.readdress(&row, &payload).await {
            return next;
        }
        if self.window(&row, &payload).await == Window::Closed {
            return self.closed(&row, &payload, None).await;
        }
        if let Some(next) = self.hindered(&row, &payload).await {
            return next;
        }
        let body = transport::send_payload_body(&payload, row.id, row.nonce);
        // Before the row says that a request is under way: nothing of the message leaves with this.
        let token = self.number.token.replacements();
        if let Err(error) = self.transport.prepare(&self.number, &body).await {
            return self.failed(&row, &payload, &error, token).await;
        }
        // The last moment: from here on it counts as being with Meta.
        if row.manner.bot && self.deps.senders.is_silent(row.id.conversation) {
            self.hold(vec![row], Held::Takeover).await;
            return Next::Settled;
        }
        let attempt = row.attempts + 1;
        match self.settle(&row, Change::Sending { attempt }).await {
            Settled::Now(SendState::Sending) => {}
            Settled::Now(state) if !state.is_settled() && state != SendState::Held => {
                // The store counts more attempts than we do: catch up with it.
                return Next::Again { due_ms: row.due_ms, tries: row.tries, slow: Slow::Nothing };
            }
            // A status came in the meantime, so it was sent already; or it is held; or the row is gone.
            Settled::Now(_) | Settled::Unknown => return Next::Settled,
        }
        if row.doubt {
            self.deps.metrics.resends.inc();
        }
        let (started, token) = (Instant::now(), self.number.token.replacements());
        let answer = self.transport.send(&self.number, body).await;
        self.deps.metrics.graph_seconds.observe(started.elapsed().as_secs_f64());
        match answer {
            Ok(accepted) => {
                self.count("accepted", "none");
                self.settle(&row, Change::Accepted { wamid: accepted.wamid.into() }).await;
                let load = self.transport.load(&self.number);
                Next::Accepted { near: load.is_near_limit().then_some(load.regain_ms) }
            }
            Err(error) => self.failed(&row, &payload, &error, token).await,
        }
    }

    /// Marks a message of the person as read.
    pub(super) async fn mark(&self, seen: &Seen) {
        let mark = self.transport.mark_read(&self.number, &seen.wamid, seen.typing);
        let marked = std::panic::AssertUnwindSafe(mark).catch_unwind().await;
        let label = if matches!(marked, Ok(Ok(()))) { ResultLabel::DONE } else { ResultLabel::FAILED };
        self.deps.metrics.read_marks.get_or_create(&label).inc();
        if let Ok(Err(error)) = marked {
            tracing::debug!(conversation = %seen.conversation, %error, "a message could not be marked as read");
        }
    }

    pub(super) async fn stored(&self, ids: Vec<SendId>) -> Vec<Option<storage::Send>> {
        if ids.is_empty() {
            return Vec::new();
        }
        loop {
            match self.deps.store.sends(ids.clone()).await {
                Ok(rows) => return rows,
                Err(error) => self.store_refused("reading an outbox row", &error).await,
            }
        }
    }

    async fn payload(&self, row: &Row) -> Result<Arc<SendPayload>, String> {
        if let Some(payload) = &row.payload {
            return Ok(payload.clone());
        }
        let stored = self.stored(vec![row.id]).await.into_iter().next().flatten().ok_or("the outbox row is gone")?;
        codec::decode(&stored.payload).map(Arc::new).map_err(|error| error.to_string())
    }

    pub(super) async fn settle(&self, row: &Row, change: Change) -> Settled {
        let settlement = Settlement { send: row.id, nonce: Some(row.nonce), at_ms: self.now_ms(), change };
        self.settle_over(self.deps.store_of(row.manner.bulk), vec![settlement])
            .await
            .first()
            .copied()
            .unwrap_or(Settled::Unknown)
    }

    /// Settles until the store takes it. Once the store has failed for good the process is about to end, and this waits
    /// for that: what is under way stays under way.
    pub(super) async fn settle_all(&self, settlements: Vec<Settlement>) -> Vec<Settled> {
        self.settle_over(&self.deps.store, settlements).await
    }

    async fn settle_over(&self, store: &Arc<dyn Store>, settlements: Vec<Settlement>) -> Vec<Settled> {
        let fence = self.deps.fence(&self.number.id);
        loop {
            match store.settle(fence, settlements.clone()).await {
                Ok(settled) => return settled,
                Err(error) => self.store_refused("settling an outbox row", &error).await,
            }
        }
    }

    pub(super) async fn store_refused(&self, doing: &'static str, error: &StoreError) {
        if *self.deps.store.health().borrow() != storage::Health::Good {
            std::future::pending::<()>().await;
        }
        events::store_failed(doing, error);
        let again_ms = self.now_ms() + STORE_AGAIN_MS;
        self.deps.clock.wait_until(again_ms).await;
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.deps.clock.now_ms()
    }

    pub(super) fn count(&self, outcome: &'static str, code_class: &'static str) {
        self.deps.metrics.attempts.get_or_create(&OutcomeLabel { outcome, code_class }).inc();
    }
}
