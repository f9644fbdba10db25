//! Reading: point reads and scans through the layers in memory and the folded table, and the threads that do it.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;
use redb::ReadOnlyTable;

use super::io_text;
use super::memtable::Memtable;
use super::shared::Shared;
use super::tables::{INBOX, STATE};
use crate::keys::{self, Key};
use crate::{Inbound, InboxSeq, Pending, Promise, StoreError, rows};

/// Two: the pages are mostly in memory, and more threads would only take the processor from the others.
const THREADS: usize = 2;
/// Reads that may wait for them.
const WAITING: usize = 8192;
/// How many changes in memory a scan looks at in one step beyond what it was asked for.
const STEP: usize = 64;

type Work = Box<dyn FnOnce(&Reader) + Send>;

/// The reading threads.
pub(super) struct Readers {
    shared: Arc<Shared>,
    work: Mutex<Option<SyncSender<Work>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Work>(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let reader = Reader { shared: shared.clone() };
            let receiver = receiver.clone();
            let thread = std::thread::Builder::new().name("store-reader".into());
            threads.push(thread.spawn(move || reader.run(&receiver))?);
        }
        Ok(Self { shared, work: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    pub(super) fn stop(&self) {
        self.work.lock().take();
        for thread in self.threads.lock().drain(..) {
            let _panicked = thread.join();
        }
    }

    /// Runs a read on one of the threads.
    pub(super) fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        self.run_then(read, |_, answer, promise| promise.fulfil(answer))
    }

    /// Runs a read on one of the threads and hands what it found on.
    pub(super) fn run_then<T: Send + 'static, U: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(&Shared, Result<T, StoreError>, Promise<U>) + Send + 'static,
    ) -> Pending<U> {
        let (promise, pending) = Pending::promised();
        let work: Work = Box::new(move |reader| {
            let answer = catch_unwind(AssertUnwindSafe(|| read(reader)));
            let panicked = |_| Err(StoreError::Corrupt("reading it ended in a panic".into()));
            then(&reader.shared, answer.unwrap_or_else(panicked), promise);
        });
        let sent = match &*self.work.lock() {
            Some(sender) => sender.try_send(work).map_err(|error| match error {
                TrySendError::Full(_) => "too many reads are waiting",
                TrySendError::Disconnected(_) => "it was closed",
            }),
            None => Err("it was closed"),
        };
        match sent {
            Ok(()) => pending,
            Err(why) => Pending::ready(Err(StoreError::Unavailable(why.into()))),
        }
    }

    /// Reads keys: at once if memory has them all, else on one of the threads.
    pub(super) fn values<T: Send + 'static>(
        &self,
        keys: Vec<Key>,
        answer: impl FnOnce(Vec<Option<Bytes>>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        if let Some(refusal) = self.refusal() {
            return Pending::ready(Err(refusal));
        }
        let known: Option<Vec<_>> = {
            let view = self.shared.view.read();
            keys.iter().map(|key| view.get(key)).collect()
        };
        match known {
            Some(values) => Pending::ready(answer(values)),
            None => self.run(move |reader| answer(reader.get(&keys)?)),
        }
    }

    /// Completes inbox rows whose content memory does not hold.
    pub(super) fn inbox(&self, known: Vec<(InboxSeq, Option<Inbound>)>) -> Pending<Vec<(InboxSeq, Inbound)>> {
        if let Some(refusal) = self.refusal() {
            return Pending::ready(Err(refusal));
        }
        if known.iter().any(|(_, row)| row.is_none()) {
            return self.run(move |reader| reader.complete(known));
        }
        Pending::ready(Ok(known.into_iter().filter_map(|(seq, row)| Some((seq, row?))).collect()))
    }

    fn refusal(&self) -> Option<StoreError> {
        let closed = *self.shared.health.borrow() == crate::Health::Closed;
        closed.then(|| StoreError::Unavailable("it was closed".into()))
    }
}

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Rising,
    Falling,
}

/// A range of keys.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) from: Bound<Key>,
    pub(super) to: Bound<Key>,
}

impl Span {
    /// Everything that starts with `prefix`.
    pub(super) fn prefix(prefix: &[u8]) -> Self {
        Self { from: Bound::Included(prefix.into()), to: Bound::Excluded(keys::after_prefix(prefix)) }
    }

    /// The part below a key.
    pub(super) fn below(self, end: Key) -> Self {
        Self { to: Bound::Excluded(end), ..self }
    }

    /// The part above a key.
    pub(super) fn above(self, start: Key) -> Self {
        Self { from: Bound::Excluded(start), ..self }
    }

    fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.from.as_ref().map(|key| &**key), self.to.as_ref().map(|key| &**key))
    }

    /// The trees refuse such ranges with a panic.
    fn is_empty(&self) -> bool {
        match self.bounds() {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
            _ => false,
        }
    }

    fn cut_at(&mut self, order: Order, key: &Key) {
        match order {
            Order::Rising => self.to = Bound::Included(key.clone()),
            Order::Falling => self.from = Bound::Included(key.clone()),
        }
    }

    fn go_on_after(&mut self, order: Order, key: Key) {
        match order {
            Order::Rising => self.from = Bound::Excluded(key),
            Order::Falling => self.to = Bound::Excluded(key),
        }
    }
}

type Change = (Key, Option<Bytes>);
type State = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// What a reading thread works with.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
}

impl Reader {
    fn run(&self, work: &Mutex<Receiver<Work>>) {
        loop {
            let next = work.lock().recv();
            match next {
                Ok(work) => work(self),
                Err(_all_senders_gone) => return,
            }
        }
    }

    /// The values of keys, all as of one moment.
    pub(super) fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let (known, state) = {
            let view = self.shared.view.read();
            let known: Vec<_> = keys.iter().map(|key| view.get(key)).collect();
            // Begun under the lock: a fold that ends later took nothing away from this snapshot.
            (known, self.shared.table(STATE)?)
        };
        let fill = |(key, known): (&Key, Option<Option<Bytes>>)| match known {
            Some(value) => Ok(value),
            None => folded(&state, key),
        };
        keys.iter().zip(known).map(fill).collect()
    }

    /// Whether no turn has consumed an inbox row.
    pub(super) fn is_pending(&self, seq: u64) -> bool {
        self.shared.inbox.read().contains(seq)
    }

    /// Up to `limit` rows of a range.
    pub(super) fn scan(&self, mut span: Span, order: Order, limit: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let mut found = Vec::new();
        while found.len() < limit && !span.is_empty() {
            let Some(end) = self.step(&span, order, limit, &mut found)? else { break };
            span.go_on_after(order, end);
        }
        Ok(found)
    }

    /// One step of a scan, consistent in itself. Answers how far memory was looked at, if there is more.
    fn step(
        &self,
        span: &Span,
        order: Order,
        limit: usize,
        found: &mut Vec<(Key, Bytes)>,
    ) -> Result<Option<Key>, StoreError> {
        let most = (limit - found.len()).saturating_add(STEP);
        let (changes, end, state) = {
            let view = self.shared.view.read();
            let newer = slice(&view.active, span, order, most);
            let older = view.frozen.as_ref().map(|frozen| slice(frozen, span, order, most)).unwrap_or_default();
            let end = nearest(order, full_end(&newer, most), full_end(&older, most));
            (overlay(newer, older, order), end, self.shared.table(STATE)?)
        };
        let mut part = span.clone();
        if let Some(end) = &end {
            part.cut_at(order, end);
        }
        let changes = changes
            .into_iter()
            .take_while(|(key, _)| end.as_ref().is_none_or(|end| compare(order, key, end) != Ordering::Greater));
        merge(changes.peekable(), &state, &part, order, limit, found)?;
        Ok(end)
    }

    fn complete(&self, known: Vec<(InboxSeq, Option<Inbound>)>) -> Result<Vec<(InboxSeq, Inbound)>, StoreError> {
        let table = self.shared.table(INBOX)?;
        let mut complete = Vec::with_capacity(known.len());
        for (seq, row) in known {
            if let Some(row) = row {
                complete.push((seq, row));
            } else if let Some(bytes) = table.get(seq.0).map_err(|error| io_text(&error))? {
                complete.push((seq, rows::read_inbound(&Bytes::copy_from_slice(bytes.value()))?));
            }
        }
        Ok(complete)
    }
}

/// A value of the folded table.
pub(super) fn folded(state: &State, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
    let value = state.get(key).map_err(|error| io_text(&error))?;
    Ok(value.map(|value| Bytes::copy_from_slice(value.value())))
}

fn slice(table: &Memtable, span: &Span, order: Order, most: usize) -> Vec<Change> {
    let (from, to) = span.bounds();
    let own = |(key, value): (&Key, Option<&Bytes>)| (key.clone(), value.cloned());
    match order {
        Order::Rising => table.range(from, to).take(most).map(own).collect(),
        Order::Falling => table.range(from, to).rev().take(most).map(own).collect(),
    }
}

/// The last key of a slice that may go on behind it.
fn full_end(slice: &[Change], most: usize) -> Option<Key> {
    slice.last().filter(|_| slice.len() >= most).map(|(key, _)| key.clone())
}

fn nearest(order: Order, one: Option<Key>, other: Option<Key>) -> Option<Key> {
    match (one, other) {
        (Some(one), Some(other)) if compare(order, &one, &other) == Ordering::Greater => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

fn compare(order: Order, one: &[u8], other: &[u8]) -> Ordering {
    match order {
        Order::Rising => one.cmp(other),
        Order::Falling => other.cmp(one),
    }
}

/// Both slices in order; where both have a key, the newer one's.
fn overlay(newer: Vec<Change>, older: Vec<Change>, order: Order) -> Vec<Change> {
    let mut all = newer;
    all.extend(older);
    // Stable, so that the newer change of a key stays first.
    all.sort_by(|(one, _), (other, _)| compare(order, one, other));
    all.dedup_by(|(later, _), (first, _)| later == first);
    all
}

fn merge(
    mut changes: Peekable<impl Iterator<Item = Change>>,
    state: &State,
    span: &Span,
    order: Order,
    limit: usize,
    found: &mut Vec<(Key, Bytes)>,
) -> Result<(), StoreError> {
    let mut range = state.range::<&[u8]>(span.bounds()).map_err(|error| io_text(&error))?;
    let mut next_folded = || match order {
        Order::Rising => range.next(),
        Order::Falling => range.next_back(),
    };
    let mut below = next_folded().transpose().map_err(|error| io_text(&error))?;
    while found.len() < limit {
        let order_of_heads = match (changes.peek(), &below) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((key, _)), Some((folded, _))) => compare(order, key, folded.value()),
        };
        if order_of_heads == Ordering::Greater {
            let (key, value) = below.as_ref().expect("greater means that there is a folded row");
            found.push((key.value().into(), Bytes::copy_from_slice(value.value())));
        } else if let Some((key, Some(value))) = changes.next() {
            found.push((key, value));
        }
        if order_of_heads != Ordering::Less {
            below = next_folded().transpose().map_err(|error| io_text(&error))?;
        }
    }
    Ok(())
}
