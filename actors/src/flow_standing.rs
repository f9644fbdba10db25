//! Where Flows stand at Meta, as the senders obey it: a throttled one is sent ten times an hour, a blocked or deprecated
//! one not at all.

use std::collections::HashMap;
use std::sync::Arc;

use storage::{SendId, Store, StoreError};
use whatsapp::graph::FlowStatus;

use crate::clock::Clock;
use crate::codec;

/// Documents of this kind say which messages of a throttled Flow left within the last hour.
const KIND: &str = "flow_quota";
/// Messages of a throttled Flow in [`HOUR_MS`]. Source: Meta's page on the life of Flows.
const MESSAGES_AN_HOUR: usize = 10;
const HOUR_MS: u64 = 3_600_000;

/// A Flow that a message names.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowStanding {
    /// Meta's id: messages may name it by this or by its name.
    pub id: Box<str>,
    /// Where it stands.
    pub status: FlowStatus,
}

/// Where a Flow stands, by business account and by Meta's id or name; `None` where nobody knows.
pub type FlowStandings = dyn Fn(&str, &str) -> Option<FlowStanding> + Send + Sync;

/// A share that a message took, and when (ms).
type Share = (SendId, u64);

/// Counts what leaves of throttled Flows. What it counted is in the store, so a restart changes nothing.
pub(crate) struct FlowQuota {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    taken: tokio::sync::Mutex<HashMap<Box<str>, Vec<Share>>>,
}

impl FlowQuota {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, taken: tokio::sync::Mutex::default() }
    }

    /// Takes a share of the hour for a message, which keeps it however often it is tried. Answers when the next share is
    /// free (ms) if there is none.
    pub(crate) async fn take(&self, account: &str, flow: &str, send: SendId) -> Result<Option<u64>, StoreError> {
        let key: Box<str> = format!("{account}/{flow}").into();
        // One at a time, over the write: two would take the same share.
        let mut all = self.taken.lock().await;
        let mut shares = match all.get(&key) {
            Some(shares) => shares.clone(),
            None => self.stored(&key).await?,
        };
        let now_ms = self.clock.now_ms();
        shares.retain(|(_, at_ms)| at_ms.saturating_add(HOUR_MS) > now_ms);
        if shares.iter().any(|(taken, _)| *taken == send) {
            return Ok(None);
        }
        if let Some((_, at_ms)) = shares.first().filter(|_| shares.len() >= MESSAGES_AN_HOUR) {
            return Ok(Some(at_ms + HOUR_MS));
        }
        shares.push((send, now_ms));
        self.store.put_document(KIND, &key, Some(codec::encode(&shares))).await?;
        all.insert(key, shares);
        Ok(None)
    }

    async fn stored(&self, key: &str) -> Result<Vec<Share>, StoreError> {
        let bytes = self.store.document(KIND, key).await?;
        Ok(bytes.and_then(|bytes| codec::decode(&bytes).ok()).unwrap_or_default())
    }
}
