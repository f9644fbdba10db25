//! Reads the lists of Flows from Meta, and takes up again what could not be applied.

use std::sync::Arc;

use serde::Serialize;
use storage::StoreError;
use whatsapp::graph::{CallError, FlowStatus};
use whatsapp::webhook::FieldEvent;
use whatsapp::webhook::field::FlowEvent;

use super::book::Change;
use super::record::{Alert, Flow};
use super::{FlowManager, events};
use crate::numbers::Account;

/// Webhooks come in bursts: the list is read this long after the first.
const SOON_MS: u64 = 2_000;
/// After a failure it is tried again after this long, doubled each time up to the interval.
const FIRST_PAUSE_MS: u64 = 10_000;
/// Clocks of Meta and ours, and seconds in its webhooks, differ by no more.
const TOLERANCE_MS: u64 = 60_000;
/// Documents of one commit.
const BATCH: usize = 500;

/// How the reading of an account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FlowSyncState {
    /// When it last worked.
    pub synced_ms: Option<u64>,
    /// Why it did not work since.
    pub error: Option<String>,
}

/// What reading an account's list did, or would do.
#[derive(Debug)]
pub struct FlowSynced {
    /// The account.
    pub account: Box<str>,
    /// What came of it.
    pub outcome: Result<FlowCounts, FlowSyncError>,
    /// Flows that are new, changed or gone.
    pub differing: Vec<Flow>,
}

/// What a list changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FlowCounts {
    /// Flows that Meta has.
    pub flows: usize,
    /// New or changed ones among them.
    pub changed: usize,
    /// Flows that Meta no longer has.
    pub removed: usize,
}

/// Why a list could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum FlowSyncError {
    /// Meta.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FlowManager {
    /// Keeps what is known up to date until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut failures = 0u32;
        loop {
            let synced = self.sync().await;
            let reached = synced.iter().all(|synced| synced.outcome.is_ok());
            let settled = if reached { self.resume().await } else { false };
            failures = if settled { 0 } else { failures.saturating_add(1) };
            let pause_ms = match failures {
                0 => self.parts.interval_ms,
                n => FIRST_PAUSE_MS.saturating_mul(1 << n.min(16)).min(self.parts.interval_ms),
            };
            tokio::select! {
                () = self.parts.clock.wait_until(self.now_ms() + pause_ms) => {}
                () = self.asked.notified() => self.parts.clock.wait_until(self.now_ms() + SOON_MS).await,
            }
        }
    }

    /// Takes up what could not be applied. Answers whether nothing is left.
    pub(super) async fn resume(&self) -> bool {
        let order = match self.order().await {
            Ok(Some(order)) => order,
            Ok(None) => return true,
            Err(error) => {
                tracing::warn!(%error, "whether Flows are still to be applied cannot be read");
                return false;
            }
        };
        match self.apply(order).await {
            Ok(applied) => applied.put_off.is_none(),
            Err(error) => {
                tracing::warn!(%error, "Flows could not be applied");
                false
            }
        }
    }

    /// Reads the lists of all accounts now.
    pub async fn sync(&self) -> Vec<FlowSynced> {
        let mut all = Vec::new();
        for account in self.parts.numbers.accounts() {
            let _alone = self.working.lock().await;
            all.push(self.read_list(&account).await);
        }
        all
    }

    /// What reading the lists would change.
    pub async fn try_sync(&self) -> Vec<FlowSynced> {
        let mut all = Vec::new();
        for account in self.parts.numbers.accounts() {
            let outcome = self.look(&account).await;
            let (outcome, differing) = match outcome {
                Ok((counts, change)) => (Ok(counts), change.flows),
                Err(error) => (Err(error), Vec::new()),
            };
            all.push(FlowSynced { account: account.id, outcome, differing });
        }
        all
    }

    /// Reads one list, and keeps what it says. The caller works alone.
    pub(super) async fn read_list(&self, account: &Account) -> FlowSynced {
        let (outcome, differing) = match self.take_over(account).await {
            Ok((counts, differing)) => (Ok(counts), differing),
            Err(error) => (Err(error), Vec::new()),
        };
        let now_ms = self.now_ms();
        let first = {
            let mut states = self.states.lock();
            let state = states.entry(account.id.clone()).or_default();
            let first = state.synced_ms.is_none();
            match &outcome {
                Ok(_) => *state = FlowSyncState { synced_ms: Some(now_ms), error: None },
                Err(error) => state.error = Some(error.to_string()),
            }
            first
        };
        events::synced(&self.parts.metrics, &account.id, &outcome);
        if outcome.as_ref().is_ok_and(|counts| first || counts.changed + counts.removed > 0) {
            self.changed();
        }
        FlowSynced { account: account.id.clone(), outcome, differing }
    }

    async fn take_over(&self, account: &Account) -> Result<(FlowCounts, Vec<Flow>), FlowSyncError> {
        let (counts, change) = self.look(account).await?;
        let differing = change.flows.clone();
        self.write(change).await?;
        Ok((counts, differing))
    }

    async fn look(&self, account: &Account) -> Result<(FlowCounts, Change), FlowSyncError> {
        let listed = self.parts.meta.list(account).await?;
        let flows = listed.len();
        let (change, changed, removed) = self.book.read().difference(&account.id, listed, self.now_ms());
        Ok((FlowCounts { flows, changed, removed }, change))
    }

    /// Writes a change, then knows it.
    pub(super) async fn write(&self, change: Change) -> Result<(), StoreError> {
        for batch in change.documents().chunks(BATCH) {
            self.parts.store.put_documents(batch.to_vec()).await?;
        }
        self.book.write().take(change);
        Ok(())
    }

    /// Takes over what Meta reported of a Flow at `at_ms`.
    pub async fn event(&self, account: &str, event: &FieldEvent, at_ms: u64) {
        let FieldEvent::Flow(event) = event else { return };
        events::heard(account, event);
        let Some(id) = event.flow_id.as_deref() else { return };
        let heard = match event.new_status.as_deref() {
            Some(status) => self.status_changed(account, id, status.into(), at_ms).await,
            None => self.alerted(account, id, alert(event, at_ms)).await,
        };
        match heard {
            // A list says for certain, and knows also what was made in Meta's manager.
            Ok(known) if !known || event.new_status.is_some() => self.look_again(),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what Meta reports on a Flow could not be kept"),
        }
    }

    /// Notes where a Flow stands since `at_ms`, as Meta reports it; what is older than the last list is passed over. Answers
    /// whether the Flow is known.
    pub async fn status_changed(
        &self,
        account: &str,
        id: &str,
        status: FlowStatus,
        at_ms: u64,
    ) -> Result<bool, StoreError> {
        self.edit(account, id, |flow| {
            if at_ms.saturating_add(TOLERANCE_MS) >= flow.status_ms && flow.remote.status != status {
                (flow.remote.status, flow.status_ms) = (status, flow.status_ms.max(at_ms));
            }
        })
        .await
    }

    /// Notes an alert of Meta. Answers whether the Flow is known.
    pub async fn alerted(&self, account: &str, id: &str, alert: Alert) -> Result<bool, StoreError> {
        self.edit(account, id, |flow| flow.note(alert)).await
    }

    /// Waits for no change that is under way: a Flow that Meta stops must not be sent meanwhile.
    async fn edit(&self, account: &str, id: &str, edit: impl FnOnce(&mut Flow)) -> Result<bool, StoreError> {
        let known = self.book.read().flow(account, id).cloned();
        let Some(known) = known else { return Ok(false) };
        let mut flow = (*known).clone();
        edit(&mut flow);
        if flow != *known {
            self.write(Change { flows: vec![flow], ..Change::default() }).await?;
            self.changed();
        }
        Ok(true)
    }
}

fn alert(event: &FlowEvent, at_ms: u64) -> Alert {
    Alert {
        kind: event.kind.to_string(),
        at_ms,
        active: event.active,
        measured: event.measured,
        threshold: event.threshold,
        message: event.message.clone().or_else(|| event.warning.clone()),
    }
}
