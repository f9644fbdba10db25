//! Building a commit: each waiting call is checked against what is committed and against the calls before it in the
//! same batch, and becomes rows. Nothing here writes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use redb::ReadOnlyTable;

use super::forget::Old;
use super::log::{self, Record};
use super::memtable::Op;
use super::ops::{document_op, forget_ops, head_ops, message_op, send_ops, standing_ops};
use super::queue::{Accepted, Job};
use super::settle::{Outcome, concerns, settle};
use super::shared::Shared;
use super::space::Guard;
use super::tables::STATE;
use super::{read, rows};
use crate::keys::{self, Key};
use crate::rows::{HeadRow, StandingRow};
use crate::{
    Committed, ConversationId, Fence, Inbound, InboxSeq, NewDeadLetter, Promise, Resolved, Revision, Settled,
    Settlement, StoreError, Turn,
};

/// Heads that the writer remembers, in two generations of this many.
const HEADS: usize = 32_768;

/// What a commit will write, and what it will tell whom.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) inbox: Vec<(u64, Bytes)>,
    pub(super) log: Vec<(u64, Vec<u8>)>,
    pub(super) messages: Vec<(u64, Inbound)>,
    pub(super) records: Vec<(u64, Record)>,
    pub(super) items: usize,
    /// Whether the log is cut in it.
    cuts: bool,
    replies: Vec<Reply>,
    /// Rows of this batch that later calls of it must see: of conversations and of lists that are aged.
    overlay: HashMap<Key, Option<Bytes>, foldhash::fast::RandomState>,
    consumed: HashSet<u64, foldhash::fast::RandomState>,
    state: Option<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

/// Tells a caller the outcome; the argument is why the commit failed, if it did.
type Reply = Box<dyn FnOnce(Option<&StoreError>)>;

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.log.is_empty() && !self.cuts
    }

    pub(super) fn bytes(&self) -> usize {
        let inbox: usize = self.inbox.iter().map(|(_, row)| row.len()).sum();
        inbox + self.log_bytes()
    }

    pub(super) fn log_bytes(&self) -> usize {
        self.log.iter().map(|(_, row)| row.len()).sum()
    }

    pub(super) fn ops(&self) -> usize {
        self.records.iter().map(|(_, record)| record.ops.len()).sum()
    }

    /// Takes an inbox row for this commit. Answers `false` if another call of it has it already.
    pub(super) fn consume(&mut self, seq: u64) -> bool {
        self.consumed.insert(seq)
    }

    /// Tells everybody.
    pub(super) fn answer(&mut self, failure: Option<&StoreError>) {
        self.state = None;
        self.replies.drain(..).for_each(|reply| reply(failure));
    }

    fn reply<T: 'static>(&mut self, promise: Promise<T>, answer: Result<T, StoreError>) {
        self.replies.push(Box::new(move |failure| {
            // A refusal holds whatever becomes of the commit.
            let answer = answer.and_then(|answer| failure.map_or(Ok(answer), |failure| Err(failure.clone())));
            promise.fulfil(answer);
        }));
    }
}

/// The next numbers to give out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) inbox: u64,
    pub(super) log: u64,
    pub(super) letter: u64,
    pub(super) quarantine: u64,
    pub(super) notice: u64,
}

/// What the writer knows in order to judge calls.
pub(super) struct Ledger {
    pub(super) shared: Arc<Shared>,
    pub(super) next: Numbers,
    pub(super) space: Guard,
    heads: HashMap<ConversationId, HeadRow, foldhash::fast::RandomState>,
    older_heads: HashMap<ConversationId, HeadRow, foldhash::fast::RandomState>,
}

impl Ledger {
    pub(super) fn new(shared: Arc<Shared>, next: Numbers, space: Guard) -> Self {
        Self { shared, next, space, heads: HashMap::default(), older_heads: HashMap::default() }
    }

    /// Adds one call. A `Close` is none of its business and comes back.
    pub(super) fn add(&mut self, batch: &mut Batch, job: Job, now: Instant) -> Option<Promise<()>> {
        match job {
            Job::Append(rows, promise) => {
                let answer = self.append(batch, rows, now);
                batch.reply(promise, answer);
            }
            Job::Turn(fence, turn, promise) => {
                let answer = self.turn(batch, fence, *turn);
                batch.reply(promise, answer);
            }
            Job::Settle(fence, settlements, promise) => {
                let answer = self.settle(batch, fence, settlements);
                batch.reply(promise, answer);
            }
            Job::Documents(ops, promise) => {
                let count = ops.len();
                self.log(batch, Record { consumed: Vec::new(), ops }, count);
                batch.reply(promise, Ok(()));
            }
            Job::Forget(old, promise) => {
                let answer = self.forget(batch, old);
                batch.reply(promise, answer);
            }
            Job::Resolve(resolved, promise) => {
                let answer = self.resolve_all(batch, &resolved);
                batch.reply(promise, answer);
            }
            Job::Erase(doomed, promise) => {
                let answer = self.erase(batch, doomed);
                batch.reply(promise, answer);
            }
            // The writer keeps the log.
            Job::CutLog(promise) => {
                batch.cuts = true;
                batch.reply(promise, Ok(()));
            }
            Job::Close(promise) => return Some(promise),
        }
        None
    }

    fn append(&mut self, batch: &mut Batch, rows: Vec<Accepted>, now: Instant) -> Result<Vec<InboxSeq>, StoreError> {
        if let Some(why) = self.space.obstacle(now) {
            return Err(StoreError::Unavailable(why));
        }
        let mut numbers = Vec::new();
        let mut record = Record::default();
        for row in rows {
            match row {
                Accepted::Message(message, row) => numbers.push(self.message(batch, message, row)),
                Accepted::Quarantine(row) => {
                    record.ops.push(Op::PutNew(keys::quarantine(self.next.quarantine), row));
                    self.next.quarantine += 1;
                }
                Accepted::Notice(row) => {
                    record.ops.push(Op::PutNew(keys::notice(self.next.notice), row));
                    self.next.notice += 1;
                }
            }
        }
        let kept = record.ops.len();
        self.log(batch, record, kept);
        Ok(numbers)
    }

    fn message(&mut self, batch: &mut Batch, message: Inbound, row: Bytes) -> InboxSeq {
        let seq = self.next.inbox;
        self.next.inbox += 1;
        batch.items += 1;
        batch.inbox.push((seq, row));
        batch.messages.push((seq, message));
        InboxSeq(seq)
    }

    fn turn(&mut self, batch: &mut Batch, fence: Fence, turn: Turn) -> Result<Committed, StoreError> {
        self.check_fence(fence)?;
        let before = self.head(batch, turn.conversation)?;
        self.check(batch, before.as_ref(), &turn)?;
        let after = HeadRow {
            revision: Revision(turn.expected.0 + 1),
            next_send: before.map_or(1, |head| head.next_send) + turn.sends.len() as u64,
            next_entry: before.map_or(0, |head| head.next_entry) + turn.entries.len() as u64,
            created_ms: before.map_or(turn.at_ms, |head| head.created_ms),
            updated_ms: turn.at_ms,
            wake_ms: turn.wake_ms,
        };
        let mut ops = Vec::with_capacity(8 + turn.entries.len() + 4 * turn.sends.len());
        if self.resolve(batch, &turn.resolved, &mut ops)?.contains(&false) {
            return Err(StoreError::Conflict { actual: turn.expected });
        }
        head_ops(&mut ops, turn.conversation, before.as_ref(), &after, &turn.snapshot);
        for (payload, index) in turn.entries.iter().zip(after.next_entry - turn.entries.len() as u64..) {
            ops.push(Op::PutNew(keys::entry(turn.conversation, index), rows::opaque(payload)));
        }
        send_ops(&mut ops, &turn);
        ops.extend(turn.aliases.iter().map(|(alias, id)| Op::Put(keys::alias(alias), rows::contact(*id))));
        for letter in &turn.dead_letters {
            self.letter(&mut ops, turn.conversation, turn.at_ms, letter);
        }
        ops.extend(turn.documents.iter().map(document_op));
        for message in turn.append {
            let row = rows::inbound(&message);
            self.message(batch, message, row);
        }
        let consumed: Vec<_> = turn.consumed.iter().map(|seq| seq.0).collect();
        batch.consumed.extend(&consumed);
        self.remember(turn.conversation, after);
        self.log(batch, Record { consumed, ops }, 1 + turn.documents.len() + turn.resolved.len());
        Ok(Committed { revision: after.revision })
    }

    fn check(&self, batch: &Batch, before: Option<&HeadRow>, turn: &Turn) -> Result<(), StoreError> {
        let actual = before.map_or(Revision(0), |head| head.revision);
        let first = before.map_or(1, |head| head.next_send);
        let in_order = turn.sends.iter().zip(first..).all(|(send, n)| send.n == n);
        let mut seen = HashSet::with_capacity_and_hasher(turn.consumed.len(), foldhash::fast::RandomState::default());
        let inbox = self.shared.inbox.read();
        let pending = |seq: &InboxSeq| seen.insert(seq.0) && inbox.contains(seq.0) && !batch.consumed.contains(&seq.0);
        if actual == turn.expected && in_order && turn.consumed.iter().all(pending) {
            return Ok(());
        }
        Err(StoreError::Conflict { actual })
    }

    fn settle(
        &mut self,
        batch: &mut Batch,
        fence: Fence,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, StoreError> {
        self.check_fence(fence)?;
        let count = settlements.len();
        let mut answers = Vec::with_capacity(count);
        let mut changed: HashMap<Key, StandingRow> = HashMap::new();
        let mut ops = Vec::new();
        for settlement in settlements {
            let key = keys::standing(settlement.send);
            let before = match changed.get(&key) {
                Some(row) => Some(row.clone()),
                None => self.value(batch, &key)?.map(|row| rows::read_standing(&row)).transpose()?,
            };
            let Some(before) = before.filter(|row| concerns(row, &settlement)) else {
                answers.push(Settled::Unknown);
                continue;
            };
            let (id, at_ms) = (settlement.send, settlement.at_ms);
            let Outcome { row, letter, payload } = settle(&before, settlement);
            answers.push(Settled::Now(row.as_ref().map_or(before.state, |row| row.state)));
            let Some(row) = row else { continue };
            standing_ops(&mut ops, id, &before, &row);
            ops.extend(payload.map(|payload| message_op(id, &row, &payload)));
            if let Some(letter) = letter {
                self.letter(&mut ops, id.conversation, at_ms, &letter);
            }
            changed.insert(key, row);
        }
        self.log(batch, Record { consumed: Vec::new(), ops }, count);
        Ok(answers)
    }

    fn resolve_all(&mut self, batch: &mut Batch, resolved: &[Resolved]) -> Result<Vec<bool>, StoreError> {
        let mut ops = Vec::with_capacity(2 * resolved.len());
        let were_open = self.resolve(batch, resolved, &mut ops)?;
        self.log(batch, Record { consumed: Vec::new(), ops }, resolved.len());
        Ok(were_open)
    }

    /// Moves letters that are open to the list of those that are resolved. Answers for each whether it was open.
    fn resolve(&self, batch: &mut Batch, resolved: &[Resolved], ops: &mut Vec<Op>) -> Result<Vec<bool>, StoreError> {
        let (mut were_open, mut moved) = (Vec::with_capacity(resolved.len()), HashSet::new());
        for (id, resolution) in resolved {
            let key = keys::letter(*id);
            let letter = if moved.contains(id) { None } else { self.value(batch, &key)? };
            were_open.push(letter.is_some());
            if let Some(letter) = letter {
                ops.push(Op::Delete(key));
                ops.push(Op::PutNew(keys::resolved(*id), rows::resolved(&letter, resolution)?));
                moved.insert(*id);
            }
        }
        Ok(were_open)
    }

    /// Removes what is still there and still old. Answers how many.
    fn forget(&mut self, batch: &mut Batch, old: Vec<Old>) -> Result<usize, StoreError> {
        let mut ops = Vec::with_capacity(4 * old.len());
        let mut count = 0;
        let mut newest = BTreeMap::new();
        for old in old {
            match old {
                Old::Row { kind, number, key } => {
                    if self.value(batch, &key)?.is_none() {
                        continue;
                    }
                    ops.push(Op::Delete(key));
                    newest.insert(kind, number);
                }
                Old::Send { id, before_ms } => {
                    let row =
                        self.value(batch, &keys::standing(id))?.map(|row| rows::read_standing(&row)).transpose()?;
                    let Some(row) = row.filter(|row| row.is_older(before_ms)) else { continue };
                    forget_ops(&mut ops, id, &row);
                }
            }
            count += 1;
        }
        for (kind, last) in newest {
            let mark = keys::forgotten(kind);
            // One that was erased out of its turn may have been newer.
            let known = self.value(batch, &mark)?.map(|row| rows::read_number(&row)).transpose()?;
            ops.push(Op::Put(mark, rows::number(known.unwrap_or(0).max(last))));
        }
        self.log(batch, Record { consumed: Vec::new(), ops }, count);
        Ok(count)
    }

    fn check_fence(&self, fence: Fence) -> Result<(), StoreError> {
        if fence.epoch == self.shared.epoch { Ok(()) } else { Err(StoreError::Fenced) }
    }

    fn letter(&mut self, ops: &mut Vec<Op>, conversation: ConversationId, at_ms: u64, letter: &NewDeadLetter) {
        ops.push(Op::PutNew(keys::letter(self.next.letter), rows::letter(conversation, at_ms, letter)));
        self.next.letter += 1;
    }

    /// Gives a change its place in the log.
    pub(super) fn log(&mut self, batch: &mut Batch, record: Record, items: usize) {
        batch.items += items;
        if record.ops.is_empty() && record.consumed.is_empty() {
            return;
        }
        for op in &record.ops {
            let (key, value) = match op {
                Op::Put(key, value) | Op::PutNew(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
            };
            if let Some(
                &(keys::CONVERSATION
                | keys::ALIAS
                | keys::LETTER
                | keys::RESOLVED
                | keys::QUARANTINE
                | keys::NOTICE
                | keys::FORGOTTEN),
            ) = key.first()
            {
                batch.overlay.insert(key.clone(), value.cloned());
            }
        }
        let seq = self.next.log;
        self.next.log += 1;
        batch.log.push((seq, log::encode(&record)));
        batch.records.push((seq, record));
    }

    pub(super) fn head(&mut self, batch: &mut Batch, id: ConversationId) -> Result<Option<HeadRow>, StoreError> {
        if let Some(head) = self.heads.get(&id).or_else(|| self.older_heads.get(&id)) {
            return Ok(Some(*head));
        }
        let head = self.value(batch, &keys::head(id))?.map(|row| rows::read_head_row(&row)).transpose()?;
        Ok(head)
    }

    /// There is no such conversation any more.
    pub(super) fn forget_head(&mut self, id: ConversationId) {
        self.heads.remove(&id);
        self.older_heads.remove(&id);
    }

    /// Only the writer changes heads, so what it remembers is true; forgetting costs a read.
    fn remember(&mut self, id: ConversationId, head: HeadRow) {
        if self.heads.len() >= HEADS {
            self.older_heads = std::mem::take(&mut self.heads);
        }
        self.heads.insert(id, head);
    }

    pub(super) fn value(&self, batch: &mut Batch, key: &Key) -> Result<Option<Bytes>, StoreError> {
        if let Some(value) = batch.overlay.get(key) {
            return Ok(value.clone());
        }
        if let Some(value) = self.shared.view.read().get(key) {
            return Ok(value);
        }
        // Only this thread commits, so one snapshot serves the whole batch.
        let state = match batch.state.take() {
            Some(state) => state,
            None => self.shared.table(STATE)?,
        };
        let value = read::folded(&state, key);
        batch.state = Some(state);
        value
    }
}
