//! Reads the lists of templates from Meta.

use std::sync::Arc;

use serde::Serialize;
use storage::StoreError;
use whatsapp::graph::CallError;

use super::{Account, Templates};
use crate::events;

/// Webhooks come in bursts: the list is read this long after the first.
const SOON_MS: u64 = 2_000;
/// After a failure it is tried again after this long, doubled each time up to the interval.
const FIRST_PAUSE_MS: u64 = 10_000;
/// Documents of one commit.
const BATCH: usize = 500;

/// How the reading of an account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SyncState {
    /// When it last worked.
    pub synced_ms: Option<u64>,
    /// Why it did not work since.
    pub error: Option<String>,
}

/// What reading an account's list did.
#[derive(Debug)]
pub struct Synced {
    /// The account.
    pub account: Box<str>,
    /// What came of it.
    pub outcome: Result<Counts, SyncError>,
}

/// What a list changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Templates that Meta has.
    pub templates: usize,
    /// New or changed ones among them.
    pub changed: usize,
    /// Templates that Meta no longer has.
    pub removed: usize,
}

/// Why a list could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Meta.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Templates {
    /// Keeps the catalogue up to date until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut failures = 0u32;
        loop {
            let synced = self.sync().await;
            let failed = synced.iter().any(|synced| synced.outcome.is_err());
            failures = if failed { failures.saturating_add(1) } else { 0 };
            let pause_ms = match failures {
                0 => self.parts.interval_ms,
                n => FIRST_PAUSE_MS.saturating_mul(1 << n.min(16)).min(self.parts.interval_ms),
            };
            tokio::select! {
                () = self.parts.clock.wait_until(self.parts.clock.now_ms() + pause_ms) => {}
                () = self.asked.notified() => {
                    self.parts.clock.wait_until(self.parts.clock.now_ms() + SOON_MS).await;
                }
            }
        }
    }

    /// Reads the lists of all accounts now.
    pub async fn sync(&self) -> Vec<Synced> {
        let mut all = Vec::new();
        for account in self.parts.numbers.accounts() {
            let outcome = self.sync_account(&account).await;
            all.push(Synced { account: account.id, outcome });
        }
        all
    }

    pub(super) async fn sync_account(&self, account: &Account) -> Result<Counts, SyncError> {
        let _one_at_a_time = self.syncing.lock().await;
        let outcome = self.take_over(account).await;
        let now_ms = self.parts.clock.now_ms();
        let mut states = self.states.lock();
        let state = states.entry(account.id.clone()).or_default();
        match &outcome {
            Ok(_) => *state = SyncState { synced_ms: Some(now_ms), error: None },
            Err(error) => state.error = Some(error.to_string()),
        }
        drop(states);
        events::templates_synced(&self.parts.metrics, &account.id, &outcome);
        if outcome.as_ref().is_ok_and(|counts| counts.changed + counts.removed > 0) {
            self.changed();
        }
        outcome
    }

    async fn take_over(&self, account: &Account) -> Result<Counts, SyncError> {
        let listed = self.parts.client.templates(&account.id, &account.number.token.get()).await?;
        let templates = listed.len();
        let difference = self.known.read().difference(&account.id, listed, self.parts.clock.now_ms());
        let counts = Counts { templates, changed: difference.changed, removed: difference.removed };
        for batch in difference.documents.chunks(BATCH) {
            self.parts.store.put_documents(batch.to_vec()).await?;
        }
        self.known.write().take(&difference.templates);
        Ok(counts)
    }
}
