//! The bounded queue before the writer, and the jobs in it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::erase::Doomed;
use super::forget::Old;
use super::memtable::Op;
use crate::{Change, Committed, Fence, Inbound, InboxSeq, Promise, Resolved, Settled, Settlement, StoreError, Turn};

/// How much more than an `append` the other writes may pile up: they come from a bounded number of actors.
const RESERVE: usize = 8;

/// Whether somebody waits for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    Now,
    /// It may wait a moment for company.
    Unhurried,
}

/// For how long what nobody waits for stays, and how many items of it are company enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linger {
    pub(super) longest: Duration,
    pub(super) items: usize,
}

/// One row of an `append`, already encoded.
#[derive(Debug)]
pub(super) enum Accepted {
    Message(Inbound, Bytes),
    Quarantine(Bytes),
    Notice(Bytes),
}

/// One call that writes.
pub(super) enum Job {
    Append(Vec<Accepted>, Promise<Vec<InboxSeq>>),
    Turn(Fence, Box<Turn>, Promise<Committed>),
    Settle(Fence, Vec<Settlement>, Promise<Vec<Settled>>),
    Documents(Vec<Op>, Promise<()>),
    Forget(Vec<Old>, Promise<usize>),
    Resolve(Vec<Resolved>, Promise<Vec<bool>>),
    Erase(Vec<Doomed>, Promise<usize>),
    CutLog(Promise<()>),
    Close(Promise<()>),
}

impl Job {
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Job::Append(_, promise) => promise.fulfil(Err(error)),
            Job::Turn(_, _, promise) => promise.fulfil(Err(error)),
            Job::Settle(_, _, promise) => promise.fulfil(Err(error)),
            Job::Documents(_, promise) | Job::CutLog(promise) => promise.fulfil(Err(error)),
            Job::Forget(_, promise) | Job::Erase(_, promise) => promise.fulfil(Err(error)),
            Job::Resolve(_, promise) => promise.fulfil(Err(error)),
            Job::Close(promise) => promise.fulfil(Ok(())),
        }
    }

    fn items(&self) -> usize {
        match self {
            Job::Append(rows, _) => rows.len(),
            Job::Turn(_, turn, _) => 1 + turn.append.len() + turn.documents.len() + turn.resolved.len(),
            Job::Settle(_, settlements, _) => settlements.len(),
            Job::Documents(ops, _) => ops.len(),
            Job::Forget(old, _) => old.len(),
            Job::Resolve(resolved, _) => resolved.len(),
            Job::Erase(doomed, _) => doomed.len(),
            Job::CutLog(_) | Job::Close(_) => 1,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Job::Append(rows, _) => rows.iter().map(Accepted::bytes).sum(),
            Job::Turn(_, turn, _) => {
                let entries: usize = turn.entries.iter().map(Bytes::len).sum();
                let sends: usize = turn.sends.iter().map(|send| send.payload.len()).sum();
                let append: usize = turn.append.iter().map(|row| row.payload.len()).sum();
                let documents: usize =
                    turn.documents.iter().filter_map(|(_, _, value)| Some(value.as_ref()?.len())).sum();
                128 + turn.snapshot.len() + entries + sends + append + documents
            }
            Job::Settle(_, settlements, _) => settlements.iter().map(settlement_bytes).sum(),
            Job::Documents(ops, _) => ops.iter().map(Op::bytes).sum(),
            Job::Forget(old, _) => 128 * old.len(),
            // The rows move as they are.
            Job::Resolve(resolved, _) => resolved.iter().map(|(_, resolution)| 1_024 + resolution.len()).sum(),
            Job::Erase(doomed, _) => 128 * doomed.len(),
            Job::CutLog(_) | Job::Close(_) => 0,
        }
    }
}

fn settlement_bytes(settlement: &Settlement) -> usize {
    match &settlement.change {
        Change::Rewrite { payload, .. } => 128 + payload.len(),
        _ => 128,
    }
}

impl Accepted {
    fn bytes(&self) -> usize {
        match self {
            Accepted::Message(_, row) | Accepted::Quarantine(row) | Accepted::Notice(row) => row.len(),
        }
    }
}

/// What waits, and whether more may come.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    max_items: usize,
    max_bytes: usize,
    linger: Linger,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Since when nothing waits but what nobody waits for; absent where somebody does, or nothing waits.
    unhurried_since: Option<Instant>,
    items: usize,
    bytes: usize,
    /// Why nothing more is taken.
    shut: Option<Box<str>>,
    /// The writer is gone: a job would wait for ever.
    deserted: bool,
}

/// What the writer gets.
pub(super) enum Taken {
    Jobs(Vec<Job>),
    Idle,
    Ended,
}

impl Queue {
    pub(super) fn new(max_items: usize, max_bytes: usize, linger: Linger) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), max_items, max_bytes, linger }
    }

    /// Hands a job to the writer, or refuses it at once.
    #[allow(clippy::disallowed_methods, reason = "how long a write lingers; decides nothing else")]
    pub(super) fn push(&self, job: Job, haste: Haste) {
        let mut waiting = self.waiting.lock();
        if let Some(why) = self.obstacle(&waiting, &job) {
            drop(waiting);
            return job.refuse(StoreError::Unavailable(why));
        }
        match haste {
            Haste::Now => waiting.unhurried_since = None,
            Haste::Unhurried if waiting.jobs.is_empty() => waiting.unhurried_since = Some(Instant::now()),
            Haste::Unhurried => {}
        }
        waiting.items += job.items();
        waiting.bytes += job.bytes();
        if matches!(job, Job::Close(_)) {
            waiting.shut.get_or_insert("it was closed".into());
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
    }

    fn obstacle(&self, waiting: &Waiting, job: &Job) -> Option<Box<str>> {
        if matches!(job, Job::Close(_)) {
            return waiting.deserted.then(|| "it was closed".into());
        }
        if let Some(why) = &waiting.shut {
            return Some(why.clone());
        }
        let factor = if matches!(job, Job::Append(..)) { 1 } else { RESERVE };
        let full = waiting.items >= self.max_items * factor || waiting.bytes >= self.max_bytes * factor;
        full.then(|| "too much is waiting to be written".into())
    }

    /// Takes what waits, up to a batch; waits for the first job for as long as `patience` says.
    pub(super) fn take(&self, max_items: usize, max_bytes: usize, patience: Option<Duration>) -> Taken {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(rest) = self.lingers(&waiting) {
                self.changed.wait_for(&mut waiting, rest);
            } else if !waiting.jobs.is_empty() {
                break;
            } else if waiting.shut.is_some() {
                return Taken::Ended;
            } else if let Some(patience) = patience {
                if self.changed.wait_for(&mut waiting, patience).timed_out() && waiting.jobs.is_empty() {
                    return Taken::Idle;
                }
            } else {
                self.changed.wait(&mut waiting);
            }
        }
        let (mut items, mut bytes) = (0, 0);
        let mut jobs = Vec::new();
        while let Some(job) = waiting.jobs.pop_front() {
            if !jobs.is_empty() && (items + job.items() > max_items || bytes + job.bytes() > max_bytes) {
                waiting.jobs.push_front(job);
                break;
            }
            items += job.items();
            bytes += job.bytes();
            jobs.push(job);
        }
        waiting.items -= items;
        waiting.bytes -= bytes;
        // What is left over is more than a batch: it waits no longer.
        waiting.unhurried_since = None;
        Taken::Jobs(jobs)
    }

    /// How long what waits may go on waiting for company.
    #[allow(clippy::disallowed_methods, reason = "how long a write lingers; decides nothing else")]
    fn lingers(&self, waiting: &Waiting) -> Option<Duration> {
        let since = waiting.unhurried_since.filter(|_| waiting.shut.is_none() && waiting.items < self.linger.items)?;
        self.linger.longest.checked_sub(since.elapsed()).filter(|rest| !rest.is_zero())
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn shut(&self, why: &str) {
        self.waiting.lock().shut.get_or_insert(why.into());
        self.changed.notify_one();
    }

    /// The writer ends: refuses what waits and whatever comes.
    pub(super) fn desert(&self, why: &str) {
        let jobs = {
            let mut waiting = self.waiting.lock();
            waiting.shut = Some(why.into());
            waiting.deserted = true;
            (waiting.items, waiting.bytes) = (0, 0);
            std::mem::take(&mut waiting.jobs)
        };
        jobs.into_iter().for_each(|job| job.refuse(StoreError::Unavailable(why.into())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pending;

    /// Nothing waits for time in these tests: what lingers does so for an hour.
    fn queue(max_items: usize, max_bytes: usize) -> Queue {
        Queue::new(max_items, max_bytes, Linger { longest: Duration::from_secs(3_600), items: 3 })
    }

    fn append(bytes: usize) -> Job {
        let (promise, _) = Pending::promised();
        Job::Append(vec![Accepted::Quarantine(vec![0; bytes].into())], promise)
    }

    fn taken(queue: &Queue, items: usize, bytes: usize) -> usize {
        match queue.take(items, bytes, Some(Duration::ZERO)) {
            Taken::Jobs(jobs) => jobs.len(),
            Taken::Idle | Taken::Ended => 0,
        }
    }

    #[test]
    fn batch_is_cut_at_its_items_and_at_its_bytes() {
        let queue = queue(100, 10_000);
        (0..6).for_each(|_| queue.push(append(10), Haste::Now));
        assert_eq!(taken(&queue, 2, 1000), 2);
        assert_eq!(taken(&queue, 100, 35), 3);
        assert_eq!(taken(&queue, 100, 1), 1);
        assert_eq!(taken(&queue, 100, 1), 0);
    }

    #[test]
    fn appends_are_refused_when_too_much_waits_and_others_are_not() {
        let queue = queue(1, 10_000);
        queue.push(append(1), Haste::Now);
        let (promise, refused) = Pending::promised();
        queue.push(Job::Append(Vec::new(), promise), Haste::Now);
        let (promise, _waiting) = Pending::promised();
        queue.push(Job::Documents(vec![Op::Delete(Box::default())], promise), Haste::Now);
        assert_eq!(taken(&queue, 10, 1000), 2);
        let answer = futures_block(refused);
        assert_eq!(answer, Err(StoreError::Unavailable("too much is waiting to be written".into())));
    }

    #[test]
    fn what_nobody_waits_for_goes_with_the_first_that_somebody_waits_for() {
        let queue = queue(100, 10_000);
        queue.push(append(1), Haste::Unhurried);
        queue.push(append(1), Haste::Unhurried);
        assert!(queue.lingers(&queue.waiting.lock()).is_some());
        queue.push(append(1), Haste::Now);
        queue.push(append(1), Haste::Unhurried);
        assert_eq!(taken(&queue, 100, 1000), 4);
        assert!(queue.lingers(&queue.waiting.lock()).is_none(), "nothing waits");
    }

    #[test]
    fn company_enough_a_time_that_is_over_and_an_end_are_not_waited_for() {
        let enough = queue(100, 10_000);
        (0..3).for_each(|_| enough.push(append(1), Haste::Unhurried));
        assert_eq!(taken(&enough, 2, 1000), 2);
        assert_eq!(taken(&enough, 100, 1000), 1, "what a batch left over");
        let over = Queue::new(100, 10_000, Linger { longest: Duration::ZERO, items: 3 });
        over.push(append(1), Haste::Unhurried);
        assert_eq!(taken(&over, 100, 1000), 1);
        let ended = queue(100, 10_000);
        ended.push(append(1), Haste::Unhurried);
        ended.shut("it was closed");
        assert_eq!(taken(&ended, 100, 1000), 1);
    }

    #[test]
    fn deserted_queue_refuses_everything_but_close() {
        let queue = queue(1, 1);
        queue.desert("the disk is gone");
        let (promise, refused) = Pending::promised();
        queue.push(Job::Documents(vec![Op::Delete(Box::default())], promise), Haste::Now);
        assert_eq!(futures_block(refused), Err(StoreError::Unavailable("the disk is gone".into())));
        let (promise, closed) = Pending::promised();
        queue.push(Job::Close(promise), Haste::Now);
        assert_eq!(futures_block(closed), Ok(()));
    }

    fn futures_block<T>(pending: Pending<T>) -> Result<T, StoreError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
    }
}
