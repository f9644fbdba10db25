//! [`Model`]: the store in plain maps, nothing durable, nothing clever.
//!
//! It is the oracle that the redb engine is compared with, so it shares no code with it beyond the records, and the
//! store of choice for tests of other crates. [`Model::reopen`] plays the part of a restart.

mod erase;
mod follow;
mod forget;
mod lists;
mod settle;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    Accept, Alias, Committed, ContactId, ConversationId, DeadLetter, Entry, Erase, Fence, Head, Health, Horizons,
    Inbound, InboxSeq, Listed, LogPage, LogSeq, Logged, LoggedValue, NewDeadLetter, NewDocument, Notice, Page,
    Partition, Pending, Quarantined, Resolved, Revision, Send, SendId, SendState, Settled, Settlement, Store,
    StoreError, StoreStats, Stretch, Turn,
};

/// The in-memory store.
pub struct Model {
    world: Arc<Mutex<World>>,
    epoch: u64,
    appended: watch::Sender<InboxSeq>,
    committed: watch::Sender<LogSeq>,
    health: watch::Sender<Health>,
}

/// What outlives a restart.
#[derive(Default)]
struct World {
    epoch: u64,
    last_inbox: u64,
    inbox: BTreeMap<InboxSeq, Inbound>,
    heads: BTreeMap<ConversationId, Head>,
    history: BTreeMap<ConversationId, BTreeMap<u64, Bytes>>,
    sends: BTreeMap<SendId, Row>,
    aliases: HashMap<Alias, ContactId>,
    letters: Numbered<DeadLetter>,
    /// Under the numbers that they had in `letters`.
    resolved: BTreeMap<u64, DeadLetter>,
    quarantine: Numbered<Quarantined>,
    notices: Numbered<Notice>,
    documents: BTreeMap<(String, String), Bytes>,
    last_log: u64,
    stretches: Vec<Stretch>,
    log: VecDeque<Logged>,
    /// What the call under way has changed, in order.
    changes: Vec<LoggedValue>,
    commits: u64,
    rows: u64,
}

/// Rows under numbers that are given out once.
struct Numbered<T> {
    last: u64,
    rows: BTreeMap<u64, T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { last: 0, rows: BTreeMap::new() }
    }
}

impl<T> Numbered<T> {
    fn add(&mut self, row: T) {
        self.last += 1;
        self.rows.insert(self.last, row);
    }
}

/// An outbox row, and whether it has its dead letter.
struct Row {
    send: Send,
    lettered: bool,
}

impl Model {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Self::over(Arc::new(Mutex::new(World::default())))
    }

    /// The same content as a new process would find it; writers that hold an earlier fence are refused from now on.
    pub fn reopen(&self) -> Arc<Self> {
        Self::over(self.world.clone())
    }

    /// Behaves from now on as if a write had failed for this reason.
    pub fn fail(&self, reason: &str) {
        self.health.send_replace(Health::Failed(reason.into()));
    }

    fn over(world: Arc<Mutex<World>>) -> Arc<Self> {
        let (epoch, last, last_log) = {
            let mut world = world.lock();
            world.epoch += 1;
            let last = world.last_log;
            world.stretches.retain(|stretch| stretch.first.0 <= last);
            let first = LogSeq(if world.stretches.is_empty() { last } else { last + 1 });
            let name = world.epoch.to_be_bytes();
            world.stretches.push(Stretch { first, name });
            (world.epoch, world.last_inbox, world.last_log)
        };
        let (appended, committed) = (watch::Sender::new(InboxSeq(last)), watch::Sender::new(LogSeq(last_log)));
        Arc::new(Self { world, epoch, appended, committed, health: watch::Sender::new(Health::Good) })
    }

    fn read<T>(&self, answer: impl FnOnce(&World) -> T) -> Pending<T> {
        match &*self.health.borrow() {
            Health::Closed => Pending::ready(Err(StoreError::Unavailable("it was closed".into()))),
            _ => Pending::ready(Ok(answer(&self.world.lock()))),
        }
    }

    fn write<T>(&self, change: impl FnOnce(&mut World) -> Result<T, StoreError>) -> Pending<T> {
        match &*self.health.borrow() {
            Health::Good => {
                let mut world = self.world.lock();
                let answer = change(&mut world);
                world.commits += u64::from(answer.is_ok());
                let last = world.write_down();
                self.committed.send_if_modified(|committed| std::mem::replace(committed, last) != last);
                Pending::ready(answer)
            }
            Health::Failed(reason) => Pending::ready(Err(StoreError::Unavailable(reason.clone()))),
            Health::Closed => Pending::ready(Err(StoreError::Unavailable("it was closed".into()))),
        }
    }
}

impl World {
    fn accept(&mut self, items: Vec<Accept>) -> Vec<InboxSeq> {
        let mut numbers = Vec::new();
        for item in items {
            self.rows += 1;
            match item {
                Accept::Quarantine(row) => {
                    self.quarantine.add(row.clone());
                    self.changes.push(LoggedValue::Quarantined(self.quarantine.last, row));
                }
                Accept::Notice(row) => {
                    self.notices.add(row.clone());
                    self.changes.push(LoggedValue::Notice(self.notices.last, row));
                }
                Accept::Message(message) => {
                    self.last_inbox += 1;
                    self.inbox.insert(InboxSeq(self.last_inbox), message);
                    numbers.push(InboxSeq(self.last_inbox));
                }
            }
        }
        numbers
    }

    fn check(&self, fence: Fence, turn: &Turn) -> Result<(), StoreError> {
        if fence.epoch != self.epoch {
            return Err(StoreError::Fenced);
        }
        let head = self.heads.get(&turn.conversation);
        let actual = head.map_or(Revision(0), |head| head.revision);
        let mut consumed = turn.consumed.clone();
        consumed.sort();
        consumed.dedup();
        let mut fits = actual == turn.expected && consumed.len() == turn.consumed.len();
        fits &= consumed.iter().all(|row| self.inbox.contains_key(row));
        let mut resolved: Vec<u64> = turn.resolved.iter().map(|(id, _)| *id).collect();
        resolved.sort();
        resolved.dedup();
        fits &= resolved.len() == turn.resolved.len();
        fits &= resolved.iter().all(|id| self.letters.rows.contains_key(id));
        let first = head.map_or(1, |head| head.next_send);
        let numbers: Vec<u64> = turn.sends.iter().map(|send| send.n).collect();
        fits &= numbers == (first..first + numbers.len() as u64).collect::<Vec<_>>();
        if fits { Ok(()) } else { Err(StoreError::Conflict { actual }) }
    }

    fn turn(&mut self, turn: Turn) -> Committed {
        self.rows += 1;
        let id = turn.conversation;
        self.resolve(turn.resolved);
        for row in &turn.consumed {
            self.inbox.remove(row);
        }
        let before = self.heads.get(&id);
        let first_entry = before.map_or(0, |head| head.next_entry);
        self.history.entry(id).or_default().extend((first_entry..).zip(turn.entries.iter().cloned()));
        let head = Head {
            revision: Revision(turn.expected.0 + 1),
            next_send: before.map_or(1, |head| head.next_send) + turn.sends.len() as u64,
            next_entry: first_entry + turn.entries.len() as u64,
            created_ms: before.map_or(turn.at_ms, |head| head.created_ms),
            updated_ms: turn.at_ms,
            wake_ms: turn.wake_ms,
            snapshot: turn.snapshot,
        };
        self.heads.insert(id, head.clone());
        self.changes.push(LoggedValue::Head(id, head));
        self.changes.extend(
            (first_entry..).zip(turn.entries).map(|(index, payload)| LoggedValue::Entry(id, Entry { index, payload })),
        );
        for new in turn.sends {
            let send = Send {
                id: SendId { conversation: id, n: new.n },
                nonce: new.nonce,
                state: SendState::Queued,
                attempts: 0,
                created_ms: turn.at_ms,
                updated_ms: turn.at_ms,
                due_ms: turn.at_ms,
                wamid: None,
                payload: new.payload,
                error: None,
                price: None,
            };
            self.changes.extend([follow::message(&send), follow::standing(&send)]);
            self.sends.insert(send.id, Row { send, lettered: false });
        }
        self.aliases.extend(turn.aliases);
        for letter in turn.dead_letters {
            self.bury(id, turn.at_ms, letter);
        }
        self.write_documents(turn.documents);
        self.accept(turn.append.into_iter().map(Accept::Message).collect());
        Committed { revision: Revision(turn.expected.0 + 1) }
    }

    fn write_documents(&mut self, documents: Vec<NewDocument>) {
        for (kind, key, value) in documents {
            self.rows += 1;
            self.changes.push(LoggedValue::Document((kind.clone(), key.clone(), value.clone())));
            let name = (String::from(kind), String::from(key));
            match value {
                Some(value) => self.documents.insert(name, value),
                None => self.documents.remove(&name),
            };
        }
    }

    fn bury(&mut self, conversation: ConversationId, at_ms: u64, new: NewDeadLetter) {
        let id = self.letters.last + 1;
        let NewDeadLetter { inbox, send, reason, payload } = new;
        let letter = DeadLetter { id, conversation, at_ms, inbox, send, reason, payload, resolution: None };
        self.changes.push(LoggedValue::DeadLetter(letter.clone()));
        self.letters.add(letter);
    }

    fn resolve(&mut self, resolved: Vec<Resolved>) -> Vec<bool> {
        let mut were_open = Vec::new();
        for (id, resolution) in resolved {
            self.rows += 1;
            let letter = self.letters.rows.remove(&id);
            were_open.push(letter.is_some());
            if let Some(letter) = letter {
                let letter = DeadLetter { resolution: Some(resolution), ..letter };
                self.changes.push(LoggedValue::DeadLetter(letter.clone()));
                self.resolved.insert(id, letter);
            }
        }
        were_open
    }
}

impl Store for Model {
    fn unhurried(self: Arc<Self>) -> Arc<dyn Store> {
        self
    }

    fn fence(&self, _partition: &Partition) -> Fence {
        Fence { epoch: self.epoch }
    }

    fn append(&self, items: Vec<Accept>) -> Pending<Vec<InboxSeq>> {
        self.write(|world| {
            let numbers = world.accept(items);
            if !numbers.is_empty() {
                self.appended.send_replace(InboxSeq(world.last_inbox));
            }
            Ok(numbers)
        })
    }

    fn commit(&self, fence: Fence, turn: Turn) -> Pending<Committed> {
        self.write(|world| {
            world.check(fence, &turn)?;
            let appends = !turn.append.is_empty();
            let committed = world.turn(turn);
            if appends {
                self.appended.send_replace(InboxSeq(world.last_inbox));
            }
            Ok(committed)
        })
    }

    fn settle(&self, fence: Fence, settlements: Vec<Settlement>) -> Pending<Vec<Settled>> {
        self.write(|world| {
            if fence.epoch != world.epoch {
                return Err(StoreError::Fenced);
            }
            Ok(settlements.into_iter().map(|settlement| world.settle(settlement)).collect())
        })
    }

    fn appended(&self) -> watch::Receiver<InboxSeq> {
        self.appended.subscribe()
    }

    fn committed(&self) -> watch::Receiver<LogSeq> {
        self.committed.subscribe()
    }

    fn log(&self, after: LogSeq, limit: usize) -> Pending<LogPage> {
        self.read(|world| world.log_after(after, limit))
    }

    fn cut_log(&self) -> Pending<()> {
        self.write(|world| {
            world.log.clear();
            Ok(())
        })
    }

    fn stretches(&self) -> Arc<[Stretch]> {
        self.world.lock().stretches.as_slice().into()
    }

    fn pending(&self, after: InboxSeq, limit: usize) -> Pending<Vec<(InboxSeq, Inbound)>> {
        self.read(|world| {
            let later = world.inbox.iter().filter(|(seq, _)| **seq > after);
            later.take(limit).map(|(seq, row)| (*seq, row.clone())).collect()
        })
    }

    fn inbox(&self, rows: Vec<InboxSeq>) -> Pending<Vec<(InboxSeq, Inbound)>> {
        self.read(|world| rows.iter().filter_map(|seq| Some((*seq, world.inbox.get(seq)?.clone()))).collect())
    }

    fn resolve_each(&self, aliases: Vec<Alias>) -> Pending<Vec<Option<ContactId>>> {
        self.read(|world| aliases.iter().map(|alias| world.aliases.get(alias).copied()).collect())
    }

    fn load(&self, conversation: ConversationId) -> Pending<Option<Head>> {
        self.read(|world| world.heads.get(&conversation).cloned())
    }

    fn wakes_due(
        &self,
        after: Option<(u64, ConversationId)>,
        until_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.read(|world| {
            let wakes = world.heads.iter().filter_map(|(id, head)| Some((head.wake_ms?, *id)));
            let mut due: Vec<_> = wakes.filter(|wake| wake.0 <= until_ms && Some(*wake) > after).collect();
            due.sort();
            due.truncate(limit);
            due
        })
    }

    fn open_sends(&self, after: Option<SendId>, limit: usize) -> Pending<Vec<Send>> {
        self.read(|world| {
            let later = world.sends.values().map(|row| &row.send).filter(|send| Some(send.id) > after);
            later.filter(|send| !send.state.is_settled()).take(limit).cloned().collect()
        })
    }

    fn sends(&self, ids: Vec<SendId>) -> Pending<Vec<Option<Send>>> {
        self.read(|world| ids.iter().map(|id| world.sends.get(id).map(|row| row.send.clone())).collect())
    }

    fn conversations(&self, partition_prefix: Option<[u8; 4]>, page: Page) -> Pending<Listed<(ConversationId, Head)>> {
        self.read(|world| world.list_conversations(partition_prefix, &page))
    }

    fn history(&self, conversation: ConversationId, page: Page) -> Pending<Listed<Entry>> {
        self.read(|world| world.list_history(conversation, &page))
    }

    fn history_from(&self, conversation: ConversationId, index: u64, limit: usize) -> Pending<Vec<Entry>> {
        self.read(|world| world.history_from(conversation, index, limit))
    }

    fn outbox(&self, state: Option<SendState>, page: Page) -> Pending<Listed<Send>> {
        self.read(|world| world.list_outbox(state, &page))
    }

    fn dead_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.read(|world| world.list_letters(&page))
    }

    fn resolved_letters(&self, page: Page) -> Pending<Listed<DeadLetter>> {
        self.read(|world| world.list_resolved(&page))
    }

    fn letters(&self, ids: Vec<u64>) -> Pending<Vec<Option<DeadLetter>>> {
        self.read(|world| {
            let find = |id| world.letters.rows.get(id).or_else(|| world.resolved.get(id)).cloned();
            ids.iter().map(find).collect()
        })
    }

    fn resolve_letters(&self, resolved: Vec<Resolved>) -> Pending<Vec<bool>> {
        self.write(|world| Ok(world.resolve(resolved)))
    }

    fn quarantine(&self, page: Page) -> Pending<Listed<(u64, Quarantined)>> {
        self.read(|world| world.list_quarantine(&page))
    }

    fn quarantine_from(&self, id: u64, limit: usize) -> Pending<Vec<(u64, Quarantined)>> {
        self.read(|world| world.quarantine_from(id, limit))
    }

    fn notices(&self, page: Page) -> Pending<Listed<(u64, Notice)>> {
        self.read(|world| world.list_notices(&page))
    }

    fn forget(&self, before: Horizons, limit: usize) -> Pending<usize> {
        self.write(|world| {
            let gone = world.forget(&before, limit.min(1_000));
            if gone > 0 {
                world.enter();
            }
            Ok(gone)
        })
    }

    fn idle_conversations(
        &self,
        after: Option<(u64, ConversationId)>,
        before_ms: u64,
        limit: usize,
    ) -> Pending<Vec<(u64, ConversationId)>> {
        self.read(|world| world.idle_conversations(after, before_ms, limit))
    }

    fn erase(&self, what: Vec<Erase>, limit: usize) -> Pending<usize> {
        self.write(|world| {
            let gone = world.erase(what, limit.min(1_000));
            if gone > 0 {
                world.enter();
            }
            Ok(gone)
        })
    }

    fn put_document(&self, kind: &str, key: &str, value: Option<Bytes>) -> Pending<()> {
        self.put_documents(vec![(kind.into(), key.into(), value)])
    }

    fn put_documents(&self, documents: Vec<NewDocument>) -> Pending<()> {
        self.write(|world| {
            world.write_documents(documents);
            Ok(())
        })
    }

    fn document(&self, kind: &str, key: &str) -> Pending<Option<Bytes>> {
        self.read(|world| world.documents.get(&(kind.to_owned(), key.to_owned())).cloned())
    }

    fn documents(&self, kind: &str) -> Pending<Vec<(Box<str>, Bytes)>> {
        self.read(|world| {
            let found = world.documents.iter().filter(|((of, _), _)| of == kind);
            found.map(|((_, key), value)| (key.as_str().into(), value.clone())).collect()
        })
    }

    fn documents_page(&self, kind: &str, after_key: Option<&str>, limit: usize) -> Pending<Vec<(Box<str>, Bytes)>> {
        self.read(|world| {
            let found = world.documents.iter().filter(|((of, key), _)| of == kind && Some(key.as_str()) > after_key);
            found.take(limit).map(|((_, key), value)| (key.as_str().into(), value.clone())).collect()
        })
    }

    fn secret(&self) -> [u8; 16] {
        *b"model secret key"
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn stats(&self) -> StoreStats {
        let world = self.world.lock();
        let inbox = world.inbox.len() as u64;
        StoreStats { commits: world.commits, rows: world.rows, inbox, ..StoreStats::default() }
    }

    fn close(&self) -> Pending<()> {
        self.health.send_if_modified(|health| {
            let open = *health == Health::Good;
            if open {
                *health = Health::Closed;
            }
            open
        });
        Pending::ready(Ok(()))
    }
}
