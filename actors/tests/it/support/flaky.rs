//! A store that refuses, forgets to answer, or answers late.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use storage::*;
use tokio::sync::watch;

use super::shadow::Shadow;

/// A store with trouble in front of it.
pub(crate) struct Flaky {
    pub inner: Arc<dyn Store>,
    /// Turns and settlements are refused as unavailable.
    pub refuses: AtomicBool,
    /// Settlements alone are refused as unavailable.
    pub refuses_settlements: AtomicBool,
    /// After this many turns everything is refused.
    pub last_turns: AtomicUsize,
    /// This many of the next turns are committed, but the answer is lost.
    pub unknown: AtomicUsize,
    /// This many of the next turns are refused as conflicts.
    pub conflicts: AtomicUsize,
    /// The answer to a settlement as uncertain comes this much later than the commit (ms).
    pub late_ms: AtomicU64,
    /// How often new inputs were asked for.
    pub asked: AtomicUsize,
    /// How often a state was read.
    pub loads: AtomicUsize,
    /// How often inbox rows were looked up.
    pub looked_up: AtomicUsize,
    /// What somebody else does just before the next turn is committed.
    pub just_before: Mutex<Option<Box<JustBefore>>>,
    /// Documents are written this much later than asked (ms).
    pub documents_late_ms: AtomicU64,
    /// Beside a store on a simulated disk.
    shadow: Option<Arc<Shadow>>,
    fuse: Mutex<Fuse>,
    is_cut: watch::Sender<bool>,
}

/// How a process ends within a call of its store: nothing is answered from then on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuse {
    /// Calls that write, this one included, until then.
    pub writes: u64,
    /// Whether the last one is written, although nobody hears of it.
    pub last_is_kept: bool,
}

pub(crate) type JustBefore = dyn FnOnce(&dyn Store) + std::marker::Send;

impl Flaky {
    pub(crate) fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        Self::with_fuse(inner, Fuse { writes: u64::MAX, last_is_kept: false })
    }

    pub(crate) fn with_fuse(inner: Arc<dyn Store>, fuse: Fuse) -> Arc<Self> {
        Self::new(inner, fuse, None)
    }

    /// Over a store on a simulated disk: the process ends when a call of the disk fails.
    pub(crate) fn beside(shadow: Arc<Shadow>, inner: Arc<dyn Store>) -> Arc<Self> {
        Self::new(inner, Fuse { writes: u64::MAX, last_is_kept: false }, Some(shadow))
    }

    fn new(inner: Arc<dyn Store>, fuse: Fuse, shadow: Option<Arc<Shadow>>) -> Arc<Self> {
        let none = || AtomicUsize::new(0);
        Arc::new(Self {
            shadow,
            fuse: Mutex::new(fuse),
            is_cut: watch::Sender::new(false),
            inner,
            refuses: AtomicBool::new(false),
            refuses_settlements: AtomicBool::new(false),
            last_turns: AtomicUsize::new(usize::MAX),
            unknown: none(),
            conflicts: none(),
            late_ms: AtomicU64::new(0),
            asked: none(),
            loads: none(),
            looked_up: none(),
            just_before: Mutex::default(),
            documents_late_ms: AtomicU64::new(0),
        })
    }

    /// Returns when the fuse has blown.
    pub(crate) async fn cut(&self) {
        let mut is_cut = self.is_cut.subscribe();
        let _there = is_cut.wait_for(|cut| *cut).await;
    }

    pub(crate) fn is_cut(&self) -> bool {
        *self.is_cut.borrow()
    }

    /// Writes, unless the process ends here. The call gets the fence to use, if it is another than the caller's.
    fn write<T: Debug + PartialEq>(
        &self,
        call: impl Fn(&dyn Store, Option<Fence>) -> Pending<T> + std::marker::Send + 'static,
    ) -> Pending<T> {
        if let Some(shadow) = &self.shadow {
            let answer = if self.is_cut() { None } else { shadow.write(&*self.inner, call) };
            return answer.unwrap_or_else(|| self.blow());
        }
        let mut fuse = self.fuse.lock();
        if fuse.writes > 1 {
            fuse.writes -= 1;
            return call(&*self.inner, None);
        }
        if fuse.writes == 1 && fuse.last_is_kept {
            drop(call(&*self.inner, None));
        }
        fuse.writes = 0;
        self.blow()
    }

    /// Hands an answer on, unless the process has ended.
    fn read<T>(&self, answer: Pending<T>) -> Pending<T> {
        let Some(shadow) = &self.shadow else { return answer };
        let answer = if self.is_cut() { None } else { shadow.read(answer) };
        answer.unwrap_or_else(|| self.blow())
    }

    /// The process has ended.
    fn blow<T>(&self) -> Pending<T> {
        self.is_cut.send_replace(true);
        never()
    }

    fn refuses<T>(&self) -> Option<Pending<T>> {
        let refused = || Pending::ready(Err(StoreError::Unavailable("the test says so".into())));
        self.refuses.load(Ordering::SeqCst).then(refused)
    }
}

/// An answer that nobody gives any more.
fn never<T>() -> Pending<T> {
    let (promise, answer) = Pending::promised();
    std::mem::forget(promise);
    answer
}

fn one_less(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Store for Flaky {
    fn unhurried(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }

    fn committed(&self) -> watch::Receiver<LogSeq> {
        self.inner.committed()
    }

    fn log(&self, after: LogSeq, limit: usize) -> Pending<LogPage> {
        self.read(self.inner.log(after, limit))
    }

    fn cut_log(&self) -> Pending<()> {
        self.write(|store, _| store.cut_log())
    }

    fn stretches(&self) -> Arc<[Stretch]> {
        self.inner.stretches()
    }

    fn fence(&self, partition: &Partition) -> Fence {
        self.inner.fence(partition)
    }

    fn append(&self, items: Vec<Accept>) -> Pending<Vec<InboxSeq>> {
        self.write(move |store, _| store.append(items.clone()))
    }

    fn commit(&self, fence: Fence, turn: Turn) -> Pending<Committed> {
        if let Some(refused) = self.refuses() {
            return refused;
        }
        if self.last_turns.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.refuses.store(true, Ordering::SeqCst);
        }
        if one_less(&self.conflicts) {
            return Pending::ready(Err(StoreError::Conflict { actual: Revision(0) }));
        }
        if let Some(act) = self.just_before.lock().take() {
            act(&*self.inner);
        }
        let answer = self.write(move |store, its| store.commit(its.unwrap_or(fence), turn.clone()));
        if one_less(&self.unknown) {
            return Pending::ready(Err(StoreError::Unknown("the test says so".into())));
        }
        answer
    }

    fn settle(&self, fence: Fence, settlements: Vec<Settlement>) -> Pending<Vec<Settled>> {
        if self.refuses_settlements.load(Ordering::SeqCst) {
            return Pending::ready(Err(StoreError::Unavailable("the test says so".into())));
        }
        let is_uncertain = |settlement: &Settlement| matches!(settlement.change, Change::Uncertain { .. });
        let late_ms = self.late_ms.load(Ordering::SeqCst);
        if late_ms == 0 || !settlements.iter().any(is_uncertain) {
            return self.refuses().unwrap_or_else(|| {
                self.write(move |store, its| store.settle(its.unwrap_or(fence), settlements.clone()))
            });
        }
        let (promise, answer) = Pending::promised();
        let settled = self.inner.settle(fence, settlements);
        tokio::spawn(async move {
            let settled = settled.await;
            super::pause(late_ms).await;
            promise.fulfil(settled);
        });
        answer
    }

    fn appended(&self) -> watch::Receiver<InboxSeq> {
        self.inner.appended()
    }

    fn pending(&self, after: InboxSeq, limit: usize) -> Pending<Vec<(InboxSeq, Inbound)>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.refuses().unwrap_or_else(|| self.read(self.inner.pending(after, limit)))
    }

    fn inbox(&self, rows: Vec<InboxSeq>) -> Pending<Vec<(InboxSeq, Inbound)>> {
        self.looked_up.fetch_add(1, Ordering::SeqCst);
        self.read(self.inner.inbox(rows))
    }

    fn resolve_each(&self, aliases: Vec<Alias>) -> Pending<Vec<Option<ContactId>>> {
        self.read(self.inner.resolve_each(aliases))
    }

    fn load(&self, conversation: ConversationId) -> Pending<Option<Head>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.refuses().unwrap_or_else(|| self.read(self.inner.load(conversation)))
    }

    fn wakes_due(
        &self,
        after: Option<(u64, ConversationId)>,
        until_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.read(self.inner.wakes_due(after, until_ms, limit))
    }

    fn open_sends(&self, after: Option<SendId>, limit: usize) -> Pending<Vec<Send>> {
        self.read(self.inner.open_sends(after, limit))
    }

    fn sends(&self, ids: Vec<SendId>) -> Pending<Vec<Option<Send>>> {
        self.read(self.inner.sends(ids))
    }

    fn conversations(&self, prefix: Option<[u8; 4]>, page: Page) -> Pending<Listed<(ConversationId, Head)>> {
        self.read(self.inner.conversations(prefix, page))
    }

    fn history(&self, conversation: ConversationId, page: Page) -> Pending<Listed<Entry>> {
        self.read(self.inner.history(conversation, page))
    }

    fn history_from(&self, conversation: ConversationId, index: u64, limit: usize) -> Pending<Vec<Entry>> {
        self.read(self.inner.history_from(conversation, index, limit))
    }

    fn outbox(&self, state: Option<SendState>, page: Page) -> Pending<Listed<Send>> {
        self.read(self.inner.outbox(state, page))
    }

    fn dead_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.read(self.inner.dead_letters(page))
    }

    fn resolved_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.read(self.inner.resolved_letters(page))
    }

    fn letters(&self, ids: Vec<u64>) -> Pending<Vec<Option<DeadLetter>>> {
        self.read(self.inner.letters(ids))
    }

    fn resolve_letters(&self, resolved: Vec<Resolved>) -> Pending<Vec<bool>> {
        self.write(move |store, _| store.resolve_letters(resolved.clone()))
    }

    fn quarantine(&self, page: Page) -> Pending<Listed<(u64, Quarantined)>> {
        self.read(self.inner.quarantine(page))
    }

    fn quarantine_from(&self, id: u64, limit: usize) -> Pending<Vec<(u64, Quarantined)>> {
        self.read(self.inner.quarantine_from(id, limit))
    }

    fn notices(&self, page: Page) -> Pending<Listed<(u64, Notice)>> {
        self.read(self.inner.notices(page))
    }

    fn forget(&self, before: Horizons, limit: usize) -> Pending<usize> {
        self.write(move |store, _| store.forget(before, limit))
    }

    fn idle_conversations(
        &self,
        after: Option<(u64, ConversationId)>,
        before_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.read(self.inner.idle_conversations(after, before_ms, limit))
    }

    fn erase(&self, what: Vec<Erase>, limit: usize) -> Pending<usize> {
        self.write(move |store, _| store.erase(what.clone(), limit))
    }

    fn put_document(&self, kind: &str, key: &str, value: Option<Bytes>) -> Pending<()> {
        let document = (Box::from(kind), Box::from(key), value);
        self.write(move |store, _| store.put_documents(vec![document.clone()]))
    }

    fn put_documents(&self, documents: Vec<NewDocument>) -> Pending<()> {
        let late_ms = self.documents_late_ms.load(Ordering::SeqCst);
        if late_ms == 0 {
            return self.write(move |store, _| store.put_documents(documents.clone()));
        }
        let (promise, answer) = Pending::promised();
        let inner = self.inner.clone();
        tokio::spawn(async move {
            super::pause(late_ms).await;
            promise.fulfil(inner.put_documents(documents).await);
        });
        answer
    }

    fn document(&self, kind: &str, key: &str) -> Pending<Option<Bytes>> {
        self.read(self.inner.document(kind, key))
    }

    fn documents(&self, kind: &str) -> Pending<Vec<(Box<str>, Bytes)>> {
        self.read(self.inner.documents(kind))
    }

    fn documents_page(&self, kind: &str, after_key: Option<&str>, limit: usize) -> Pending<Vec<(Box<str>, Bytes)>> {
        self.read(self.inner.documents_page(kind, after_key, limit))
    }

    fn secret(&self) -> [u8; 16] {
        self.inner.secret()
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }

    fn close(&self) -> Pending<()> {
        self.inner.close()
    }
}
