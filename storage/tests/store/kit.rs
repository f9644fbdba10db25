//! What the tests share: both engines behind one face, and short ways to say things.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use storage::{
    Accept, Change, ContactId, ConversationId, Fence, Inbound, InboxSeq, LogSeq, Logged, Model, NewDocument, NewSend,
    Notice, Options, Page, Partition, Pending, Quarantined, RedbStore, Revision, SendId, Settlement, Store, StoreError,
    Turn,
};

/// A store that can be closed and opened again.
pub(crate) trait Engine {
    fn store(&self) -> Arc<dyn Store>;
    fn reopen(&mut self);
}

pub(crate) struct InMemory(Arc<Model>);

impl InMemory {
    pub(crate) fn new() -> Self {
        Self(Model::new())
    }
}

impl Engine for InMemory {
    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    fn reopen(&mut self) {
        self.0 = self.0.reopen();
    }
}

/// The redb engine in a folder of its own.
pub(crate) struct OnDisk {
    store: Option<Arc<RedbStore>>,
    options: fn() -> Options,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl OnDisk {
    pub(crate) fn new(options: fn() -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("store.redb");
        let store = Some(RedbStore::open(&path, options()).unwrap());
        Self { store, options, path, _folder: folder }
    }
}

impl Engine for OnDisk {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().unwrap()
    }

    fn reopen(&mut self) {
        // The last handle closes the file.
        self.store = None;
        self.store = Some(RedbStore::open(&self.path, (self.options)()).unwrap());
    }
}

/// Never folds while a test runs.
pub(crate) fn roomy() -> Options {
    Options { min_free_bytes: 0, fold_after: Duration::from_secs(3600), ..Options::default() }
}

/// Folds all the time, a row or two with each commit.
pub(crate) fn tiny() -> Options {
    Options {
        min_free_bytes: 0,
        fold_rows: 6,
        fold_bytes: 600,
        fold_slice: 3,
        fold_after: Duration::ZERO,
        inbox_bytes: 400,
        log_rows: 40,
        log_bytes: 12_000,
        cache_bytes: 1 << 20,
        ..Options::default()
    }
}

/// Waits for an answer, which the engines give from their own threads.
pub(crate) fn wait<T>(pending: Pending<T>) -> Result<T, StoreError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
}

pub(crate) fn get<T>(pending: Pending<T>) -> T {
    wait(pending).unwrap()
}

pub(crate) fn number() -> Partition {
    Partition("15550001111".into())
}

pub(crate) fn conversation(number: u8, contact: u8) -> ConversationId {
    let mut id = [contact; 16];
    id[..4].copy_from_slice(&[0, 0, 0, number]);
    ConversationId(id)
}

pub(crate) fn contact(of: u8) -> ContactId {
    ContactId([of; 12])
}

pub(crate) fn inbound(text: &str) -> Inbound {
    let aliases = vec![storage::Alias(format!("wa:{text}").into())];
    Inbound { partition: number(), aliases, received_ms: 1_000, payload: Bytes::copy_from_slice(text.as_bytes()) }
}

pub(crate) fn message(text: &str) -> Accept {
    Accept::Message(inbound(text))
}

pub(crate) fn quarantined(reason: &str) -> Quarantined {
    Quarantined {
        reason: reason.into(),
        detail: "why".into(),
        received_ms: 7,
        signed_by: "whoever".into(),
        made: true,
        payload: Bytes::from_static(b"{"),
    }
}

pub(crate) fn notice(field: &str) -> Notice {
    let (account, detail) = ("102290129340398".into(), "why".into());
    Notice { field: field.into(), account, detail, alarm: true, received_ms: 7, payload: Bytes::from_static(b"{}") }
}

pub(crate) fn document(kind: &str, key: &str, value: Option<&'static str>) -> NewDocument {
    (kind.into(), key.into(), value.map(|text| Bytes::from_static(text.as_bytes())))
}

/// A turn that does nothing but advance the conversation.
pub(crate) fn turn(conversation: ConversationId, expected: u64) -> Turn {
    Turn {
        conversation,
        expected: Revision(expected),
        at_ms: 1_000 + expected,
        consumed: Vec::new(),
        snapshot: format!("snapshot {}", expected + 1).into(),
        entries: Vec::new(),
        sends: Vec::new(),
        wake_ms: None,
        aliases: Vec::new(),
        dead_letters: Vec::new(),
        append: Vec::new(),
        documents: Vec::new(),
        resolved: Vec::new(),
    }
}

pub(crate) fn new_send(n: u64) -> NewSend {
    NewSend { n, nonce: 77, payload: format!("send {n}").into() }
}

/// A conversation with `count` sends.
pub(crate) fn with_sends(store: &dyn Store, conversation: ConversationId, count: u64) -> Vec<SendId> {
    let sends = (1..=count).map(new_send).collect();
    get(store.commit(fence(store), Turn { sends, ..turn(conversation, 0) }));
    (1..=count).map(|n| SendId { conversation, n }).collect()
}

pub(crate) fn fence(store: &dyn Store) -> Fence {
    store.fence(&number())
}

pub(crate) fn settlement(send: SendId, at_ms: u64, change: Change) -> Settlement {
    Settlement { send, nonce: None, at_ms, change }
}

pub(crate) fn page(limit: usize) -> Page {
    Page { cursor: None, limit }
}

/// All pages of a list, one after the other.
pub(crate) fn all<T>(limit: usize, mut list: impl FnMut(Page) -> Pending<storage::Listed<T>>) -> Vec<T> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let listed = get(list(Page { cursor, limit }));
        assert!(listed.items.len() <= limit);
        items.extend(listed.items);
        match listed.next {
            None => return items,
            next => cursor = next,
        }
    }
}

/// All that is kept of the log after a row, in pages.
pub(crate) fn log(store: &dyn Store, after: u64, limit: usize) -> Vec<Logged> {
    let mut rows: Vec<Logged> = Vec::new();
    loop {
        let after = rows.last().map_or(LogSeq(after), |row| row.seq);
        let page = get(store.log(after, limit));
        assert!(page.rows.len() <= limit);
        if page.rows.is_empty() {
            assert!(after >= page.newest);
            return rows;
        }
        rows.extend(page.rows);
    }
}

/// The name of the stretch that a row of the log is in.
pub(crate) fn stretch_of(store: &dyn Store, row: u64) -> [u8; 8] {
    store.stretches().iter().rfind(|stretch| stretch.first.0 <= row).unwrap().name
}

pub(crate) fn sequences(rows: &[(InboxSeq, Inbound)]) -> Vec<u64> {
    rows.iter().map(|(seq, _)| seq.0).collect()
}
