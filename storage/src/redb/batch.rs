//! Building a commit: each waiting call is checked against what is committed and against the calls before it in the
//! same batch, and becomes rows. Nothing here writes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use redb::ReadOnlyTable;

use super::log::{self, Record};
use super::memtable::Op;
use super::queue::{Accepted, Job};
use super::settle::{Outcome, settle};
use super::shared::Shared;
use super::space::Guard;
use super::tables::STATE;
use super::{read, rows};
use crate::keys::{self, Key};
use crate::rows::{HeadRow, MessageRow, StandingRow};
use crate::{
    Committed, ConversationId, Fence, Inbound, InboxSeq, NewDeadLetter, Promise, Revision, SendId, SendState, Settled,
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
    replies: Vec<Reply>,
    /// Rows of this batch that later calls of it must see: heads and standings.
    overlay: HashMap<Key, Bytes, foldhash::fast::RandomState>,
    consumed: HashSet<u64, foldhash::fast::RandomState>,
    state: Option<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

/// Tells a caller the outcome; the argument is why the commit failed, if it did.
type Reply = Box<dyn FnOnce(Option<&StoreError>)>;

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.log.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        let inbox: usize = self.inbox.iter().map(|(_, row)| row.len()).sum();
        inbox + self.log.iter().map(|(_, row)| row.len()).sum::<usize>()
    }

    pub(super) fn ops(&self) -> usize {
        self.records.iter().map(|(_, record)| record.ops.len()).sum()
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
            Job::Document(key, value, promise) => {
                let op = match value {
                    Some(value) => Op::Put(key, value),
                    None => Op::Delete(key),
                };
                self.log(batch, Record { consumed: Vec::new(), ops: vec![op] }, 1);
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
                Accepted::Message(message, row) => {
                    let seq = self.next.inbox;
                    self.next.inbox += 1;
                    batch.items += 1;
                    batch.inbox.push((seq, row));
                    batch.messages.push((seq, message));
                    numbers.push(InboxSeq(seq));
                }
                Accepted::Quarantine(row) => {
                    record.ops.push(Op::PutNew(keys::quarantine(self.next.quarantine), row));
                    self.next.quarantine += 1;
                }
            }
        }
        let quarantined = record.ops.len();
        self.log(batch, record, quarantined);
        Ok(numbers)
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
        head_ops(&mut ops, turn.conversation, before.as_ref(), &after, &turn.snapshot);
        for (payload, index) in turn.entries.iter().zip(after.next_entry - turn.entries.len() as u64..) {
            ops.push(Op::PutNew(keys::entry(turn.conversation, index), rows::opaque(payload)));
        }
        send_ops(&mut ops, &turn);
        ops.extend(turn.aliases.iter().map(|(alias, id)| Op::Put(keys::alias(alias), rows::contact(*id))));
        for letter in &turn.dead_letters {
            self.letter(&mut ops, turn.conversation, turn.at_ms, letter);
        }
        let consumed: Vec<_> = turn.consumed.iter().map(|seq| seq.0).collect();
        batch.consumed.extend(&consumed);
        self.remember(turn.conversation, after);
        self.log(batch, Record { consumed, ops }, 1);
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
            let known = before.filter(|row| settlement.nonce.is_none_or(|nonce| nonce == row.nonce));
            let Some(before) = known else {
                answers.push(Settled::Unknown);
                continue;
            };
            let (id, at_ms) = (settlement.send, settlement.at_ms);
            let Outcome { row, letter } = settle(&before, settlement);
            answers.push(Settled::Now(row.as_ref().map_or(before.state, |row| row.state)));
            let Some(row) = row else { continue };
            standing_ops(&mut ops, id, &before, &row);
            if let Some(letter) = letter {
                self.letter(&mut ops, id.conversation, at_ms, &letter);
            }
            changed.insert(key, row);
        }
        self.log(batch, Record { consumed: Vec::new(), ops }, count);
        Ok(answers)
    }

    fn check_fence(&self, fence: Fence) -> Result<(), StoreError> {
        if fence.epoch == self.shared.epoch { Ok(()) } else { Err(StoreError::Fenced) }
    }

    fn letter(&mut self, ops: &mut Vec<Op>, conversation: ConversationId, at_ms: u64, letter: &NewDeadLetter) {
        ops.push(Op::PutNew(keys::letter(self.next.letter), rows::letter(conversation, at_ms, letter)));
        self.next.letter += 1;
    }

    /// Gives a change its place in the log.
    fn log(&mut self, batch: &mut Batch, record: Record, items: usize) {
        batch.items += items;
        if record.ops.is_empty() {
            return;
        }
        for op in &record.ops {
            if let Op::Put(key, value) | Op::PutNew(key, value) = op
                && key.first() == Some(&keys::CONVERSATION)
            {
                batch.overlay.insert(key.clone(), value.clone());
            }
        }
        let seq = self.next.log;
        self.next.log += 1;
        batch.log.push((seq, log::encode(&record)));
        batch.records.push((seq, record));
    }

    fn head(&mut self, batch: &mut Batch, id: ConversationId) -> Result<Option<HeadRow>, StoreError> {
        if let Some(head) = self.heads.get(&id).or_else(|| self.older_heads.get(&id)) {
            return Ok(Some(*head));
        }
        let head = self.value(batch, &keys::head(id))?.map(|row| rows::read_head_row(&row)).transpose()?;
        Ok(head)
    }

    /// Only the writer changes heads, so what it remembers is true; forgetting costs a read.
    fn remember(&mut self, id: ConversationId, head: HeadRow) {
        if self.heads.len() >= HEADS {
            self.older_heads = std::mem::take(&mut self.heads);
        }
        self.heads.insert(id, head);
    }

    fn value(&self, batch: &mut Batch, key: &Key) -> Result<Option<Bytes>, StoreError> {
        if let Some(value) = batch.overlay.get(key) {
            return Ok(Some(value.clone()));
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

fn head_ops(ops: &mut Vec<Op>, id: ConversationId, before: Option<&HeadRow>, after: &HeadRow, snapshot: &[u8]) {
    let (key, value) = (keys::head(id), rows::head(after, snapshot));
    ops.push(if before.is_some() { Op::Put(key, value) } else { Op::PutNew(key, value) });
    let updated = before.map(|head| head.updated_ms);
    move_mark(ops, updated.map(|at| keys::recent(at, id)), Some(keys::recent(after.updated_ms, id)));
    let wake = before.and_then(|head| head.wake_ms);
    move_mark(ops, wake.map(|at| keys::wake(at, id)), after.wake_ms.map(|at| keys::wake(at, id)));
}

fn send_ops(ops: &mut Vec<Op>, turn: &Turn) {
    for send in &turn.sends {
        let id = SendId { conversation: turn.conversation, n: send.n };
        let message = MessageRow { nonce: send.nonce, created_ms: turn.at_ms };
        let standing = StandingRow {
            nonce: send.nonce,
            created_ms: turn.at_ms,
            state: SendState::Queued,
            attempts: 0,
            updated_ms: turn.at_ms,
            due_ms: turn.at_ms,
            wamid: None,
            error: None,
            lettered: false,
        };
        ops.push(Op::PutNew(keys::message(id), rows::message(&message, &send.payload)));
        ops.push(Op::PutNew(keys::standing(id), rows::standing(&standing)));
        ops.push(Op::PutNew(keys::open(id), Bytes::new()));
        ops.push(Op::PutNew(keys::created(turn.at_ms, id), Bytes::new()));
    }
}

fn standing_ops(ops: &mut Vec<Op>, id: SendId, before: &StandingRow, after: &StandingRow) {
    ops.push(Op::Put(keys::standing(id), rows::standing(after)));
    if after.state.is_settled() && !before.state.is_settled() {
        ops.push(Op::Delete(keys::open(id)));
    }
    let mark =
        |row: &StandingRow| keys::wants_attention(row.state).then(|| keys::attention(row.state, row.created_ms, id));
    move_mark(ops, mark(before), mark(after));
}

/// Moves an index row that exists at most once for its subject.
fn move_mark(ops: &mut Vec<Op>, from: Option<Key>, to: Option<Key>) {
    if from == to {
        return;
    }
    ops.extend(from.map(Op::Delete));
    ops.extend(to.map(|key| Op::PutNew(key, Bytes::new())));
}
