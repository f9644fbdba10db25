//! The writing thread: takes what waits, commits it with a share of folding, publishes it, answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redb::{Durability, WriteTransaction};

use super::batch::{Batch, Ledger};
use super::fold::Fold;
use super::kept::Kept;
use super::memtable::Memtable;
use super::options::{CommitReport, Observe};
use super::queue::{Job, Taken};
use super::shared::Shared;
use super::tables::{INBOX, LOG};
use crate::{Health, InboxSeq, LogSeq, Promise, StoreError};

/// Rows that are folded with a commit even if there is no hurry.
const LEAST_SLICE: usize = 16;
/// Records that are published under one hold of the view's lock.
const PUBLISHED_AT_ONCE: usize = 16;
/// Rows left to fold at which closing still does it.
const CHEAP: usize = 20_000;

/// Bounds that only the writer needs.
pub(super) struct Bounds {
    pub(super) batch_items: usize,
    pub(super) batch_bytes: usize,
    pub(super) fold_bytes: usize,
    pub(super) fold_rows: usize,
    pub(super) fold_log_bytes: u64,
    pub(super) fold_after: Duration,
    pub(super) fold_pause: Duration,
    pub(super) fold_slice: usize,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) ledger: Ledger,
    pub(super) bounds: Bounds,
    pub(super) observe: Option<Observe>,
    pub(super) fold: Option<Fold>,
    /// The oldest log row that no fold has taken on.
    pub(super) first_log: u64,
    /// The log rows that stay behind the fold.
    pub(super) kept: Kept,
}

/// Why the writer ends.
enum End {
    Closed(Vec<Promise<()>>),
    Failed(Box<str>),
}

impl Writer {
    pub(super) fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.work()));
        let ended =
            ended.unwrap_or_else(|_| End::Failed(format!("writing {} ended in a panic", self.shared.name).into()));
        match ended {
            End::Closed(promises) => {
                self.shared.health.send_replace(Health::Closed);
                self.shared.close_database();
                self.shared.queue.desert("it was closed");
                promises.into_iter().for_each(|promise| promise.fulfil(Ok(())));
            }
            End::Failed(why) => {
                tracing::error!(store = %self.shared.name, %why, "nothing more is acknowledged");
                self.shared.fail(&why);
                self.shared.queue.desert(&why);
            }
        }
    }

    fn work(&mut self) -> End {
        loop {
            let bounds = &self.bounds;
            let taken = self.shared.queue.take(bounds.batch_items, bounds.batch_bytes, self.patience());
            let step = match taken {
                Taken::Jobs(jobs) => self.commit(jobs),
                Taken::Idle => self.fold_on().map(|()| None),
                Taken::Ended => Ok(Some(Vec::new())),
            };
            match step {
                Ok(None) => {}
                Ok(Some(promises)) => return self.finish(promises),
                Err(why) => return End::Failed(why),
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        if self.fold.is_some() {
            return Some(self.bounds.fold_pause);
        }
        let surplus = self.kept.surplus(self.first_log - 1, 0) > 0;
        (surplus || !self.is_untouched()).then_some(self.bounds.fold_after)
    }

    fn is_untouched(&self) -> bool {
        self.shared.view.read().active.is_untouched()
    }

    /// Commits calls. Answers with the promises of those that asked to close.
    #[allow(clippy::disallowed_methods, reason = "measures the commit, decides nothing")]
    fn commit(&mut self, jobs: Vec<Job>) -> Result<Option<Vec<Promise<()>>>, Box<str>> {
        let start = Instant::now();
        let mut batch = Batch::default();
        let mut closing = Vec::new();
        for job in jobs {
            if matches!(job, Job::CutLog(_)) {
                self.kept.forget(self.ledger.next.log - 1);
            }
            closing.extend(self.ledger.add(&mut batch, job, start));
        }
        if !batch.is_empty() {
            let quota = self.quota(&batch);
            if let Err(error) = self.write(&batch, quota) {
                let why = self.sentence(&error);
                // Before anybody hears of it, so that whoever does finds the same everywhere.
                self.shared.fail(&why);
                batch.answer(Some(&StoreError::Unknown(why.clone())));
                return Err(why);
            }
            let report =
                CommitReport { items: batch.items, bytes: batch.bytes(), seconds: start.elapsed().as_secs_f64() };
            self.publish(&mut batch);
            self.count(report);
        }
        batch.answer(None);
        Ok((!closing.is_empty()).then_some(closing))
    }

    fn sentence(&self, error: &redb::Error) -> Box<str> {
        let detail = match error {
            redb::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        format!("cannot write {}: {detail}", self.shared.name).into()
    }

    fn write(&mut self, batch: &Batch, quota: usize) -> Result<(), redb::Error> {
        let shared = self.shared.clone();
        let database = shared.database.read();
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // On every commit: a start after a crash is quick only if the last commit had it.
        transaction.set_quick_repair(true);
        insert_rows(&transaction, batch)?;
        self.kept.write_down(&transaction)?;
        match &mut self.fold {
            Some(fold) => fold.advance(&transaction, quota, self.ledger.next.inbox - 1, &mut self.kept)?,
            None => self.kept.trim(&transaction, self.first_log - 1, quota as u64)?,
        }
        transaction.commit()?;
        Ok(())
    }

    /// How much to fold with this commit, so that the fold ends before the active memtable is full.
    fn quota(&self, batch: &Batch) -> usize {
        let Some(fold) = &self.fold else { return 0 };
        let view = self.shared.view.read();
        let share = |added: usize, has: usize, bound: usize| added as f64 / bound.saturating_sub(has).max(1) as f64;
        let bytes = share(batch.bytes(), view.active.bytes(), self.bounds.fold_bytes);
        let rows = share(batch.ops(), view.active.len(), self.bounds.fold_rows);
        let logged = share(batch.log_bytes(), view.active.log_bytes as usize, self.bounds.fold_log_bytes as usize);
        let left = fold.left(&self.kept);
        let hurried = (left as f64 * bytes.max(rows).max(logged).min(1.0) * 1.25).ceil() as usize;
        hurried.max(LEAST_SLICE).min(left)
    }

    fn publish(&mut self, batch: &mut Batch) {
        self.drop_folded();
        self.shared.cut.store(self.kept.unwanted, Ordering::Release);
        for records in batch.records.chunks_mut(PUBLISHED_AT_ONCE) {
            let mut view = self.shared.view.write();
            for (seq, record) in records {
                record.ops.drain(..).for_each(|op| view.active.apply(op));
                view.active.consumed.extend(record.consumed.iter().map(|inbox| (*seq, *inbox)));
                view.active.last_log = *seq;
            }
        }
        self.shared.view.write().active.log_bytes += batch.log_bytes() as u64;
        let mut inbox = self.shared.inbox.write();
        for (_, record) in &batch.records {
            record.consumed.iter().for_each(|seq| inbox.remove(*seq));
        }
        let last = batch.messages.last().map(|(seq, _)| InboxSeq(*seq));
        batch.messages.drain(..).for_each(|(seq, message)| inbox.insert(seq, message));
        drop(inbox);
        if let Some(last) = last {
            self.shared.appended.send_replace(last);
        }
        if let Some((last, _)) = batch.records.last() {
            self.shared.committed.send_replace(LogSeq(*last));
        }
        self.freeze_if_full();
    }

    fn count(&self, report: CommitReport) {
        let figures = &self.shared.figures;
        figures.commits.fetch_add(1, Ordering::Relaxed);
        figures.rows.fetch_add(report.items as u64, Ordering::Relaxed);
        figures.commit_micros.fetch_add((report.seconds * 1e6) as u64, Ordering::Relaxed);
        if let Some(observe) = &self.observe {
            observe(report);
        }
        self.count_unfolded();
    }

    pub(super) fn count_unfolded(&self) {
        let fold = self.fold.as_ref();
        let first = fold.filter(|fold| !fold.is_complete()).map_or(self.first_log, Fold::first_log);
        self.shared.figures.logged.store(self.ledger.next.log - self.kept.oldest, Ordering::Relaxed);
        self.shared.figures.unfolded.store(self.ledger.next.log.saturating_sub(first), Ordering::Relaxed);
    }

    /// Lets go of what the last commit finished folding.
    fn drop_folded(&mut self) {
        if self.fold.as_ref().is_some_and(Fold::is_complete) {
            self.shared.view.write().frozen = None;
        }
        if self.fold.as_ref().is_some_and(|fold| fold.left(&self.kept) == 0) {
            self.fold = None;
        }
    }

    pub(super) fn freeze_if_full(&mut self) {
        let full = {
            let (active, bounds) = (&self.shared.view.read().active, &self.bounds);
            active.bytes() >= bounds.fold_bytes
                || active.len() >= bounds.fold_rows
                // Keys that change again and again, or come and go, leave little in the memtable and much in the log.
                || active.log_bytes >= bounds.fold_log_bytes
        };
        if full && self.fold.is_none() {
            self.freeze();
        }
    }

    fn freeze(&mut self) {
        let mut view = self.shared.view.write();
        let table: Arc<Memtable> = Arc::new(std::mem::take(&mut view.active));
        view.frozen = Some(table.clone());
        drop(view);
        let next = table.last_log + 1;
        self.fold = Some(Fold::new(table, self.first_log));
        self.first_log = next;
    }

    /// A transaction that only folds, when nothing else is to do.
    fn fold_on(&mut self) -> Result<(), Box<str>> {
        if self.fold.is_none() && !self.is_untouched() {
            self.freeze();
        }
        let slice = self.bounds.fold_slice.max(1);
        self.write(&Batch::default(), slice).map_err(|error| self.sentence(&error))?;
        self.drop_folded();
        self.count_unfolded();
        Ok(())
    }

    fn finish(&mut self, promises: Vec<Promise<()>>) -> End {
        let left = {
            let view = self.shared.view.read();
            view.active.len() + view.active.consumed.len() + self.fold.as_ref().map_or(0, |fold| fold.left(&self.kept))
        };
        self.bounds.fold_slice = CHEAP;
        while left <= CHEAP && self.patience().is_some() {
            if let Err(why) = self.fold_on() {
                promises.into_iter().for_each(|promise| promise.fulfil(Err(StoreError::Unavailable(why.clone()))));
                return End::Failed(why);
            }
        }
        End::Closed(promises)
    }
}

fn insert_rows(transaction: &WriteTransaction, batch: &Batch) -> Result<(), redb::Error> {
    if !batch.inbox.is_empty() {
        let mut inbox = transaction.open_table(INBOX)?;
        for (seq, row) in &batch.inbox {
            inbox.insert(seq, row.as_ref())?;
        }
    }
    if !batch.log.is_empty() {
        let mut log = transaction.open_table(LOG)?;
        for (seq, row) in &batch.log {
            log.insert(seq, row.as_slice())?;
        }
    }
    Ok(())
}
