//! One request for one row: commit that it leaves, send, commit what came of it.

use std::sync::Arc;

use futures_util::FutureExt;
use storage::{Change, SendId, SendState, Settled, Settlement, StoreError};
use tokio::time::Instant;

use super::transport::{self, Transport};
use super::window::Window;
use super::{Next, Row, Seen, Slow};
use crate::codec;
use crate::deps::Deps;
use crate::events;
use crate::metrics::{Outcome as OutcomeLabel, Result as ResultLabel};
use crate::records::{Held, SendError, SendPayload};
use crate::settings::{Number, SenderSettings};

/// A store that refused is asked again after this long (ms).
const STORE_AGAIN_MS: u64 = 200;
/// Rows of one conversation read at once.
const PAGE: usize = 256;

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
        if self.window(&row, &payload).await == Window::Closed {
            return self.closed(&row, &payload, None).await;
        }
        let body = transport::send_payload_body(&payload, row.id, row.nonce);
        // Before the row says that a request is under way: nothing of the message leaves with this.
        let token = self.number.token.replacements();
        if let Err(error) = self.transport.prepare(&self.number, &body).await {
            return self.failed(&row, &payload, &error, token).await;
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

    /// Writes down that these rows wait for something outside of the sender.
    pub(super) async fn hold(&self, rows: Vec<Row>, held: Held) {
        if rows.is_empty() {
            return;
        }
        let settlement = |row: &Row| {
            events::send_held(&self.deps.metrics, row.id, held);
            let error = SendError { tries: row.tries, ..SendError::held(held) };
            let change = Change::Held { error: Some(error.encode()) };
            Settlement { send: row.id, nonce: Some(row.nonce), at_ms: self.now_ms(), change }
        };
        self.settle_all(rows.iter().map(settlement).collect()).await;
    }

    /// Puts back what was held for this; answers the rows as they stand.
    pub(super) async fn release(&self, conversation: storage::ConversationId, held: Held) -> Vec<storage::Send> {
        let (mut after, mut released) = (SendId { conversation, n: 0 }, Vec::new());
        loop {
            let page = self.open_sends(after).await;
            let ours = page.iter().filter(|row| row.id.conversation == conversation);
            let is_held = |row: &&storage::Send| {
                row.state == SendState::Held && SendError::of(row).and_then(|error| error.held) == Some(held)
            };
            released.extend(ours.clone().filter(is_held).map(|row| (row.id, row.nonce)));
            match ours.last() {
                Some(last) if page.len() == PAGE => after = last.id,
                _ => break,
            }
        }
        let now_ms = self.now_ms();
        let settlement = |(send, nonce): &(SendId, u32)| {
            let change = Change::Retry { due_ms: now_ms, error: None };
            Settlement { send: *send, nonce: Some(*nonce), at_ms: now_ms, change }
        };
        if !released.is_empty() {
            self.settle_all(released.iter().map(settlement).collect()).await;
        }
        self.stored(released.into_iter().map(|(send, _)| send).collect()).await.into_iter().flatten().collect()
    }

    async fn open_sends(&self, after: SendId) -> Vec<storage::Send> {
        loop {
            match self.deps.store.open_sends(Some(after), PAGE).await {
                Ok(page) => return page,
                Err(error) => self.store_refused("reading the outbox", &error).await,
            }
        }
    }

    async fn stored(&self, ids: Vec<SendId>) -> Vec<Option<storage::Send>> {
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
        self.settle_all(vec![settlement]).await.first().copied().unwrap_or(Settled::Unknown)
    }

    /// Settles until the store takes it. Once the store has failed for good the process is about to end, and this waits
    /// for that: what is under way stays under way.
    pub(super) async fn settle_all(&self, settlements: Vec<Settlement>) -> Vec<Settled> {
        let fence = self.deps.fence(&self.number.id);
        loop {
            match self.deps.store.settle(fence, settlements.clone()).await {
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
