//! The seam: everything that the rest of Parlance may ask of a store.
//!
//! Owned data in, owned data out; no transaction handle, closure or iterator crosses it, so that a networked engine can
//! implement the same trait. A write's answer comes after it is durable. One conformance suite runs against every
//! engine.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::{
    Accept, Alias, Committed, ContactId, ConversationId, DeadLetter, Entry, Erase, Fence, Head, Horizons, Inbound,
    InboxSeq, LogPage, LogSeq, NewDocument, Notice, Partition, Pending, Quarantined, Resolved, Send, SendId, SendState,
    Settled, Settlement, Stretch, Turn,
};

/// Why a call failed, and whether it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Did not happen: another process opened the store since the fence was taken.
    #[error("another process has taken over the store")]
    Fenced,
    /// Did not happen: the conversation is not at the expected revision, an inbox row was consumed already, or a dead letter
    /// that the turn resolves is not open.
    #[error("conversation is at revision {}, the turn was computed from another state", .actual.0)]
    Conflict {
        /// Where the conversation stands.
        actual: crate::Revision,
    },
    /// Did not happen: the store is full, busy, failed or closed; the text says which.
    #[error("the store is unavailable: {0}")]
    Unavailable(Box<str>),
    /// May have happened: read again before retrying.
    #[error("it is unknown whether the store wrote: {0}")]
    Unknown(Box<str>),
    /// A stored row cannot be read.
    #[error("a stored row is damaged: {0}")]
    Corrupt(Box<str>),
}

/// Whether the store can be trusted to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It writes.
    Good,
    /// A write or sync failed: nothing more is acknowledged until the process is started anew. One clear sentence.
    Failed(Box<str>),
    /// It was closed in order.
    Closed,
}

/// Which page of a list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Where the page before ended ([`Listed::next`]); `None` is the newest. One that no list gave out is an empty page.
    pub cursor: Option<Box<str>>,
    /// How many rows at the most; 0 counts as 1, and more than 1,000 as 1,000.
    pub limit: usize,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` when this is the last one.
    pub next: Option<Box<str>>,
}

/// Figures for operators; cheap to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreStats {
    /// Size of the file, bytes.
    pub file_bytes: u64,
    /// Commits since the store was opened, each with one sync.
    pub commits: u64,
    /// Rows committed since then (messages, turns, settlements, documents).
    pub rows: u64,
    /// Seconds spent in commits since then.
    pub commit_seconds: f64,
    /// Log rows that are not folded yet.
    pub unfolded: u64,
    /// Messages accepted and not consumed.
    pub inbox: u64,
}

/// The store. See the module.
pub trait Store: std::marker::Send + Sync + 'static {
    /// The same store for what nobody waits for: a write over this handle may wait some milliseconds for company, and
    /// goes with the next write of anybody else, so that it costs those no commit of its own.
    fn unhurried(self: Arc<Self>) -> Arc<dyn Store>;

    /// The fence of this process for a business number.
    fn fence(&self, partition: &Partition) -> Fence;

    /// T1: appends everything in one commit, in order. Answers with the sequence numbers of the messages among it.
    /// Refuses (`Unavailable`) at once when too much is waiting.
    fn append(&self, items: Vec<Accept>) -> Pending<Vec<InboxSeq>>;

    /// T2: commits a turn as one unit.
    fn commit(&self, fence: Fence, turn: Turn) -> Pending<Committed>;

    /// T3: changes outbox rows, in order, in one commit. Answers for each, in order.
    fn settle(&self, fence: Fence, settlements: Vec<Settlement>) -> Pending<Vec<Settled>>;

    /// The last inbox row that was committed. Changes wake whoever routes them.
    fn appended(&self) -> watch::Receiver<InboxSeq>;

    /// The last log row that was committed. It changes after everybody can read what the row changed.
    fn committed(&self) -> watch::Receiver<LogSeq>;

    /// Log rows after `after`, in order: up to `limit` (1,000 at the most) or about 1 MB of them, at least one. Only the
    /// newest rows are kept, behind those that are still needed; see [`LogPage::oldest`].
    fn log(&self, after: LogSeq, limit: usize) -> Pending<LogPage>;

    /// Lets go of the log so far: from now on nobody reads a row of it, and it leaves the disk as soon as it is not needed
    /// to open the store. Whoever follows fetches everything anew.
    fn cut_log(&self) -> Pending<()>;

    /// The stretches of the log, oldest first; the last one goes on. Those of long ago are left out.
    fn stretches(&self) -> Arc<[Stretch]>;

    /// Inbox rows after `after` that no turn consumed, in order.
    fn pending(&self, after: InboxSeq, limit: usize) -> Pending<Vec<(InboxSeq, Inbound)>>;

    /// Inbox rows by number; consumed ones are left out.
    fn inbox(&self, rows: Vec<InboxSeq>) -> Pending<Vec<(InboxSeq, Inbound)>>;

    /// The contact that each of these ids was linked to, in the order asked for.
    fn resolve_each(&self, aliases: Vec<Alias>) -> Pending<Vec<Option<ContactId>>>;

    /// A conversation's state.
    fn load(&self, conversation: ConversationId) -> Pending<Option<Head>>;

    /// Conversations that asked to be woken at or before `until_ms`, earliest first, with their time: those that come
    /// after `after`, which is the last one of the page before.
    fn wakes_due(
        &self,
        after: Option<(u64, ConversationId)>,
        until_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>>;

    /// Outbox rows in `Queued`, `Sending`, `Uncertain` or `Held`, by (conversation, n), after `after`. Those of one
    /// conversation come after its row 0, which does not exist.
    fn open_sends(&self, after: Option<SendId>, limit: usize) -> Pending<Vec<Send>>;

    /// Outbox rows by id, in the order asked for; `None` where there is none.
    fn sends(&self, ids: Vec<SendId>) -> Pending<Vec<Option<Send>>>;

    /// Conversations by last activity.
    fn conversations(&self, partition_prefix: Option<[u8; 4]>, page: Page) -> Pending<Listed<(ConversationId, Head)>>;

    /// History entries of a conversation.
    fn history(&self, conversation: ConversationId, page: Page) -> Pending<Listed<Entry>>;

    /// History entries of a conversation from an index on, oldest first; 1,000 at the most.
    fn history_from(&self, conversation: ConversationId, index: u64, limit: usize) -> Pending<Vec<Entry>>;

    /// Outbox rows by time of creation, of one state or of all. A page may be short, or even empty, and still have a
    /// next one.
    fn outbox(&self, state: Option<SendState>, page: Page) -> Pending<Listed<Send>>;

    /// Open dead letters.
    fn dead_letters(&self, page: Page) -> Pending<Listed<DeadLetter>>;

    /// Dead letters that are resolved, in the order in which they were given up.
    fn resolved_letters(&self, page: Page) -> Pending<Listed<DeadLetter>>;

    /// Dead letters by number, open or resolved, in the order asked for; `None` where there is none.
    fn letters(&self, ids: Vec<u64>) -> Pending<Vec<Option<DeadLetter>>>;

    /// Resolves dead letters in one commit: from then on they are in the other list. Answers for each, in order, whether it
    /// was open.
    fn resolve_letters(&self, resolved: Vec<Resolved>) -> Pending<Vec<bool>>;

    /// What was acknowledged but must not run, with its id.
    fn quarantine(&self, page: Page) -> Pending<Listed<(u64, Quarantined)>>;

    /// The same from an id on, oldest first: `limit` rows at most (1,000 at the most).
    fn quarantine_from(&self, id: u64, limit: usize) -> Pending<Vec<(u64, Quarantined)>>;

    /// What accounts were told, with its id.
    fn notices(&self, page: Page) -> Pending<Listed<(u64, Notice)>>;

    /// Removes what is older than its horizon, oldest first and at most `limit` rows (1,000 at the most). Answers how
    /// many went: ask again until it is 0. Of a list it stops at the first row that is not old enough.
    fn forget(&self, before: Horizons, limit: usize) -> Pending<usize>;

    /// Conversations that were last active before a time, the longest idle first within each business number, after
    /// `after`, which is the last one of the page before.
    fn idle_conversations(
        &self,
        after: Option<(u64, ConversationId)>,
        before_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>>;

    /// Removes all of these for good, in this order and at most `limit` rows (1,000 at the most) in one commit. Answers how
    /// many went: ask again until it is 0. Where a turn could come in between, the caller sees to it that none does, or
    /// names the revision.
    fn erase(&self, what: Vec<Erase>, limit: usize) -> Pending<usize>;

    /// Writes a document; `None` removes it.
    fn put_document(&self, kind: &str, key: &str, value: Option<Bytes>) -> Pending<()>;

    /// Writes and removes documents in one commit, in order.
    fn put_documents(&self, documents: Vec<NewDocument>) -> Pending<()>;

    /// Reads one.
    fn document(&self, kind: &str, key: &str) -> Pending<Option<Bytes>>;

    /// Reads all of a kind, by key.
    fn documents(&self, kind: &str) -> Pending<Vec<(Box<str>, Bytes)>>;

    /// Reads up to `limit` of a kind, by key, after a key.
    fn documents_page(&self, kind: &str, after_key: Option<&str>, limit: usize) -> Pending<Vec<(Box<str>, Bytes)>>;

    /// Random bytes made when the store was created: the key for hashes that it keeps.
    fn secret(&self) -> [u8; 16];

    /// Whether it can be trusted to write; changes once, to something final.
    fn health(&self) -> watch::Receiver<Health>;

    /// Figures for operators.
    fn stats(&self) -> StoreStats;

    /// Finishes what was handed over and closes. Later calls are `Unavailable`.
    fn close(&self) -> Pending<()>;
}
