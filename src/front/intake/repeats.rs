//! Reports on Flows that Meta delivers again. They have no id: what they say and when Meta said it names them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use storage::{NewDocument, Store, StoreError};

/// Documents of this kind are the names of reports that were stored, and when (ms).
const KIND: &str = "report_seen";
/// Meta repeats for 7 days.
const KEPT_MS: u64 = 8 * 86_400_000;
/// Reports that are remembered; beyond it, the oldest are forgotten.
const MOST: usize = 10_000;

/// Which reports were stored within the last days, also before this process began.
pub struct Repeats {
    store: Arc<dyn Store>,
    known: Mutex<HashMap<Box<str>, u64>>,
}

impl Repeats {
    /// What the store knows; what is too old is removed. Errors: the store.
    pub async fn load(store: Arc<dyn Store>, now_ms: u64) -> Result<Self, StoreError> {
        let (mut known, mut old) = (HashMap::new(), Vec::new());
        for (key, bytes) in store.documents(KIND).await? {
            let at_ms = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
            if at_ms.saturating_add(KEPT_MS) > now_ms {
                known.insert(key, at_ms);
            } else {
                old.push((KIND.into(), key, None));
            }
        }
        if !old.is_empty() {
            store.put_documents(old).await?;
        }
        Ok(Self { store, known: Mutex::new(known) })
    }

    /// The name of a report.
    pub(super) fn name(field: &str, account: &str, time_ms: u64, raw: &str) -> Box<str> {
        let mut digest = Sha256::new();
        for part in [field, account, &time_ms.to_string(), raw] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        hex::encode(digest.finalize().get(..16).unwrap_or_default()).into()
    }

    /// Notes a report. Answers whether it is new.
    pub(super) fn take(&self, name: &str, now_ms: u64) -> bool {
        self.known.lock().insert(name.into(), now_ms).is_none()
    }

    /// They were not stored after all.
    pub(super) fn give_back(&self, names: &[Box<str>]) {
        let mut known = self.known.lock();
        for name in names {
            known.remove(name);
        }
    }

    /// They are stored: remembers it over a restart.
    pub(super) async fn keep(&self, names: Vec<Box<str>>, now_ms: u64) -> Result<(), StoreError> {
        let mut documents: Vec<NewDocument> = Vec::new();
        for name in names {
            documents.push((KIND.into(), name, Some(now_ms.to_string().into_bytes().into())));
        }
        for name in self.surplus() {
            documents.push((KIND.into(), name, None));
        }
        self.store.put_documents(documents).await
    }

    /// Takes the oldest out that are too many.
    fn surplus(&self) -> Vec<Box<str>> {
        let mut known = self.known.lock();
        let many = known.len().saturating_sub(MOST);
        if many == 0 {
            return Vec::new();
        }
        let mut by_age: Vec<(u64, Box<str>)> = known.iter().map(|(name, at_ms)| (*at_ms, name.clone())).collect();
        by_age.sort_unstable();
        let oldest: Vec<Box<str>> = by_age.into_iter().take(many).map(|(_, name)| name).collect();
        for name in &oldest {
            known.remove(name);
        }
        oldest
    }
}
