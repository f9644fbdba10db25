//! [`RedbStore`]: the store in one redb file.
//!
//! One thread writes: it commits what waits as sequential rows of `inbox` and `log`, applies the
//! changes to the view in memory, and folds older ones into the `state` table bit by bit. A few threads read what
//! memory does not hold. `FORMAT.md` tells the layout and the protocol.

mod backend;
mod batch;
mod check;
mod compact;
mod erase;
mod fold;
mod follow;
mod forget;
mod inbox;
mod kept;
mod log;
mod memtable;
mod open;
mod ops;
mod options;
mod queries;
mod queue;
mod read;
mod settle;
mod shared;
mod space;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;
use redb::StorageBackend;
use tokio::sync::watch;

pub use self::check::{Checked, check, check_on};
pub use self::compact::{CompactError, Compacted, compact};
pub use self::open::OpenError;
pub use self::options::{CommitReport, Entropy, FreeSpace, Observe, Options};
use self::queue::{Accepted, Haste, Job};
use self::read::Readers;
use self::shared::Shared;
use crate::{
    Accept, Alias, Committed, ContactId, ConversationId, DeadLetter, Entry, Erase, Fence, Head, Health, Horizons,
    Inbound, InboxSeq, Listed, LogPage, LogSeq, NewDocument, Notice, Page, Partition, Pending, Quarantined, Resolved,
    Send, SendId, SendState, Settled, Settlement, Store, StoreError, StoreStats, Stretch, Turn, keys, rows,
};

/// The redb engine. Dropping it writes what was handed over and closes the file.
pub struct RedbStore {
    running: Arc<Running>,
    haste: Haste,
}

/// An open file with its threads, for every handle to it.
struct Running {
    shared: Arc<Shared>,
    readers: Readers,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl RedbStore {
    /// Opens the file, or makes it (0600, missing directories 0700). Only one process can have it open.
    pub fn open(path: &Path, options: Options) -> Result<Arc<Self>, OpenError> {
        open::open_file(path, options).and_then(Self::start)
    }

    /// Opens over a backend of one's own, which must hand locks on; `name` stands for it in messages.
    pub fn open_on(backend: Box<dyn StorageBackend>, name: &str, options: Options) -> Result<Arc<Self>, OpenError> {
        open::open_backend(backend, name, options).and_then(Self::start)
    }

    fn start(opened: open::Opened) -> Result<Arc<Self>, OpenError> {
        let open::Opened { shared, writer } = opened;
        let thread = std::thread::Builder::new().name("store-writer".into());
        let fault = |source| OpenError::Io { name: shared.name.clone(), source };
        let readers = Readers::start(shared.clone()).map_err(fault)?;
        let writer = thread.spawn(move || writer.run()).map_err(fault)?;
        let running = Arc::new(Running { shared, readers, writer: Mutex::new(Some(writer)) });
        Ok(Arc::new(Self { running, haste: Haste::Now }))
    }

    /// Whether anything is left to fold, or in the log.
    fn has_unfolded(&self) -> bool {
        let view = self.running.shared.view.read();
        let unfolded = view.frozen.is_some() || !view.active.is_untouched();
        let read = |figure: &std::sync::atomic::AtomicU64| figure.load(std::sync::atomic::Ordering::Relaxed);
        unfolded || read(&self.running.shared.figures.unfolded) > 0 || read(&self.running.shared.figures.logged) > 0
    }

    fn hand_over<T>(&self, job: impl FnOnce(crate::Promise<T>) -> Job) -> Pending<T> {
        let (promise, pending) = Pending::promised();
        self.running.shared.queue.push(job(promise), self.haste);
        pending
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.queue.shut("it was closed");
        if let Some(writer) = self.writer.lock().take() {
            let _panicked = writer.join();
        }
        self.readers.stop();
        self.shared.close_database();
    }
}

fn encode(item: Accept) -> Accepted {
    match item {
        Accept::Message(message) => {
            let row = rows::inbound(&message);
            Accepted::Message(message, row)
        }
        Accept::Quarantine(row) => Accepted::Quarantine(rows::quarantined(&row)),
        Accept::Notice(row) => Accepted::Notice(rows::notice(&row)),
    }
}

impl Store for RedbStore {
    fn unhurried(self: Arc<Self>) -> Arc<dyn Store> {
        Arc::new(Self { running: self.running.clone(), haste: Haste::Unhurried })
    }

    fn fence(&self, _partition: &Partition) -> Fence {
        Fence { epoch: self.running.shared.epoch }
    }

    fn append(&self, items: Vec<Accept>) -> Pending<Vec<InboxSeq>> {
        let rows = items.into_iter().map(encode).collect();
        self.hand_over(|promise| Job::Append(rows, promise))
    }

    fn commit(&self, fence: Fence, turn: Turn) -> Pending<Committed> {
        self.hand_over(|promise| Job::Turn(fence, Box::new(turn), promise))
    }

    fn settle(&self, fence: Fence, settlements: Vec<Settlement>) -> Pending<Vec<Settled>> {
        self.hand_over(|promise| Job::Settle(fence, settlements, promise))
    }

    fn appended(&self) -> watch::Receiver<InboxSeq> {
        self.running.shared.appended.subscribe()
    }

    fn committed(&self) -> watch::Receiver<LogSeq> {
        self.running.shared.committed.subscribe()
    }

    fn log(&self, after: LogSeq, limit: usize) -> Pending<LogPage> {
        self.running.readers.run(move |reader| follow::page(reader, after, limit))
    }

    fn cut_log(&self) -> Pending<()> {
        self.hand_over(Job::CutLog)
    }

    fn stretches(&self) -> Arc<[Stretch]> {
        self.running.shared.stretches.clone()
    }

    fn pending(&self, after: InboxSeq, limit: usize) -> Pending<Vec<(InboxSeq, Inbound)>> {
        let known = self.running.shared.inbox.read().after(after, limit);
        self.running.readers.inbox(known)
    }

    fn inbox(&self, rows: Vec<InboxSeq>) -> Pending<Vec<(InboxSeq, Inbound)>> {
        let known = self.running.shared.inbox.read().select(&rows);
        self.running.readers.inbox(known)
    }

    fn resolve_each(&self, aliases: Vec<Alias>) -> Pending<Vec<Option<ContactId>>> {
        let keys = aliases.iter().map(keys::alias).collect();
        self.running.readers.values(keys, |values| {
            values.iter().map(|value| value.as_ref().map(rows::read_contact).transpose()).collect()
        })
    }

    fn load(&self, conversation: ConversationId) -> Pending<Option<Head>> {
        self.running.readers.values(vec![keys::head(conversation)], |values| {
            values.iter().flatten().next().map(rows::read_head).transpose()
        })
    }

    fn wakes_due(
        &self,
        after: Option<(u64, ConversationId)>,
        until_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.running.readers.run(move |reader| queries::wakes_due(reader, after, until_ms, limit))
    }

    fn open_sends(&self, after: Option<SendId>, limit: usize) -> Pending<Vec<Send>> {
        self.running.readers.run(move |reader| queries::open_sends(reader, after, limit))
    }

    fn sends(&self, ids: Vec<SendId>) -> Pending<Vec<Option<Send>>> {
        let keys = queries::send_keys(&ids);
        self.running.readers.values(keys, move |values| queries::read_sends(&ids, &values))
    }

    fn conversations(&self, partition_prefix: Option<[u8; 4]>, page: Page) -> Pending<Listed<(ConversationId, Head)>> {
        self.running.readers.run(move |reader| queries::conversations(reader, partition_prefix, &page))
    }

    fn history(&self, conversation: ConversationId, page: Page) -> Pending<Listed<Entry>> {
        self.running.readers.run(move |reader| queries::history(reader, conversation, &page))
    }

    fn history_from(&self, conversation: ConversationId, index: u64, limit: usize) -> Pending<Vec<Entry>> {
        self.running.readers.run(move |reader| queries::history_from(reader, conversation, index, limit))
    }

    fn outbox(&self, state: Option<SendState>, page: Page) -> Pending<Listed<Send>> {
        self.running.readers.run(move |reader| queries::outbox(reader, state, &page))
    }

    fn dead_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.running.readers.run(move |reader| queries::dead_letters(reader, &page))
    }

    fn resolved_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.running.readers.run(move |reader| queries::resolved_letters(reader, &page))
    }

    fn letters(&self, ids: Vec<u64>) -> Pending<Vec<Option<DeadLetter>>> {
        let keys = queries::letter_keys(&ids);
        self.running.readers.values(keys, move |values| queries::read_letters(&ids, &values))
    }

    fn resolve_letters(&self, resolved: Vec<Resolved>) -> Pending<Vec<bool>> {
        self.hand_over(|promise| Job::Resolve(resolved, promise))
    }

    fn quarantine(&self, page: Page) -> Pending<Listed<(u64, Quarantined)>> {
        self.running.readers.run(move |reader| queries::quarantine(reader, &page))
    }

    fn quarantine_from(&self, id: u64, limit: usize) -> Pending<Vec<(u64, Quarantined)>> {
        self.running.readers.run(move |reader| queries::quarantine_from(reader, id, limit))
    }

    fn notices(&self, page: Page) -> Pending<Listed<(u64, Notice)>> {
        self.running.readers.run(move |reader| queries::notices(reader, &page))
    }

    fn forget(&self, before: Horizons, limit: usize) -> Pending<usize> {
        let (limit, haste) = (limit.min(forget::MOST), self.haste);
        self.running.readers.run_then(
            move |reader| forget::find(reader, &before, limit),
            move |shared, found, promise| match found {
                Ok(old) if old.is_empty() => promise.fulfil(Ok(0)),
                Ok(old) => shared.queue.push(Job::Forget(old, promise), haste),
                Err(error) => promise.fulfil(Err(error)),
            },
        )
    }

    fn idle_conversations(
        &self,
        after: Option<(u64, ConversationId)>,
        before_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.running.readers.run(move |reader| queries::idle_conversations(reader, after, before_ms, limit))
    }

    fn erase(&self, what: Vec<Erase>, limit: usize) -> Pending<usize> {
        let (limit, haste) = (limit.min(forget::MOST), self.haste);
        self.running.readers.run_then(
            move |reader| erase::find(reader, what, limit),
            move |shared, found, promise| match found {
                Ok(doomed) if doomed.is_empty() => promise.fulfil(Ok(0)),
                Ok(doomed) => shared.queue.push(Job::Erase(doomed, promise), haste),
                Err(error) => promise.fulfil(Err(error)),
            },
        )
    }

    fn put_document(&self, kind: &str, key: &str, value: Option<Bytes>) -> Pending<()> {
        self.put_documents(vec![(kind.into(), key.into(), value)])
    }

    fn put_documents(&self, documents: Vec<NewDocument>) -> Pending<()> {
        let ops = documents.iter().map(ops::document_op).collect();
        self.hand_over(|promise| Job::Documents(ops, promise))
    }

    fn document(&self, kind: &str, key: &str) -> Pending<Option<Bytes>> {
        self.running.readers.values(vec![keys::document(kind, key)], |values| {
            values.iter().flatten().next().map(rows::read_opaque).transpose()
        })
    }

    fn documents(&self, kind: &str) -> Pending<Vec<(Box<str>, Bytes)>> {
        self.documents_page(kind, None, usize::MAX)
    }

    fn documents_page(&self, kind: &str, after_key: Option<&str>, limit: usize) -> Pending<Vec<(Box<str>, Bytes)>> {
        let (kind, after_key) = (Box::<str>::from(kind), after_key.map(Box::<str>::from));
        self.running.readers.run(move |reader| queries::documents(reader, &kind, after_key.as_deref(), limit))
    }

    fn secret(&self) -> [u8; 16] {
        self.running.shared.secret
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.running.shared.health.subscribe()
    }

    fn stats(&self) -> StoreStats {
        self.running.shared.stats()
    }

    fn close(&self) -> Pending<()> {
        self.hand_over(Job::Close)
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RedbStore").field("name", &self.running.shared.name).finish_non_exhaustive()
    }
}

fn io_text(error: &redb::StorageError) -> StoreError {
    match error {
        redb::StorageError::Corrupted(detail) => StoreError::Corrupt(detail.as_str().into()),
        redb::StorageError::DatabaseClosed => StoreError::Unavailable("it was closed".into()),
        other => StoreError::Unavailable(format!("cannot read: {other}").into()),
    }
}
