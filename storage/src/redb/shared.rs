//! What the writer, the readers and the callers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use tokio::sync::watch;

use super::inbox::Inbox;
use super::memtable::View;
use super::queue::Queue;
use crate::{Health, InboxSeq, LogSeq, StoreError, StoreStats, Stretch};

/// Locks are taken in this order: `view`, `database`.
pub(super) struct Shared {
    pub(super) name: Box<str>,
    pub(super) epoch: u64,
    pub(super) secret: [u8; 16],
    pub(super) stretches: Arc<[Stretch]>,
    /// Nobody reads a log row up to this one.
    pub(super) cut: AtomicU64,
    /// `None` once it was closed.
    pub(super) database: RwLock<Option<Database>>,
    pub(super) view: RwLock<View>,
    pub(super) inbox: RwLock<Inbox>,
    pub(super) queue: Queue,
    pub(super) appended: watch::Sender<InboxSeq>,
    pub(super) committed: watch::Sender<LogSeq>,
    pub(super) health: watch::Sender<Health>,
    pub(super) figures: Figures,
}

/// Counters behind [`StoreStats`].
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) length: Arc<AtomicU64>,
    pub(super) commits: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) commit_micros: AtomicU64,
    pub(super) unfolded: AtomicU64,
    /// Log rows that are there, folded ones included.
    pub(super) logged: AtomicU64,
}

impl Shared {
    /// A table as it was last committed.
    pub(super) fn table<K: redb::Key + 'static>(
        &self,
        table: TableDefinition<'_, K, &'static [u8]>,
    ) -> Result<ReadOnlyTable<K, &'static [u8]>, StoreError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or_else(|| StoreError::Unavailable("it was closed".into()))?;
        let failed = |error: redb::Error| StoreError::Unavailable(format!("cannot read: {error}").into());
        let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
        transaction.open_table(table).map_err(|error| failed(error.into()))
    }

    /// Says that nothing more can be written, once.
    pub(super) fn fail(&self, why: &str) {
        self.health.send_if_modified(|health| {
            let news = *health == Health::Good;
            if news {
                *health = Health::Failed(why.into());
            }
            news
        });
    }

    /// Closes the file, if that was not done.
    pub(super) fn close_database(&self) {
        let Some(database) = self.database.write().take() else { return };
        if let Err(error) = database.close() {
            tracing::warn!(store = %self.name, %error, "the store did not close cleanly; it will be repaired when opened");
        }
    }

    pub(super) fn stats(&self) -> StoreStats {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        StoreStats {
            file_bytes: read(&self.figures.length),
            commits: read(&self.figures.commits),
            rows: read(&self.figures.rows),
            commit_seconds: read(&self.figures.commit_micros) as f64 / 1e6,
            unfolded: read(&self.figures.unfolded),
            inbox: self.inbox.read().len() as u64,
        }
    }
}
