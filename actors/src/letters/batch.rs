//! Many letters at once, spread over a time. A batch is a document, so it goes on after a restart; each letter of it is
//! resolved with the commit that lets it go again, so none goes twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use storage::{Store, StoreError};
use tokio::sync::watch;

use super::LetterFilter;
use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::engine::{Again, Engine, OrderError};
use crate::events;

/// Letters of one batch at the most.
pub const MAX_BATCH: usize = 10_000;
const KIND: &str = "letter_batch";
/// Batches that are kept.
const MAX_KEPT: usize = 100;
/// What went wrong with letters one by one is told of so many.
const MAX_TOLD: usize = 20;
/// How far a batch is, is written down after so many letters.
const WRITE_EVERY: usize = 20;
/// A store that refused is asked again after this long (ms).
const AGAIN_MS: u64 = 1_000;
/// Why a letter is skipped that, or whose conversation, cannot be read.
const DAMAGED: &str = "damaged";
/// Messages per second when the number has no limit, for the estimate.
const UNLIMITED: f64 = 80.0;

/// Why a batch could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
    /// A conversation could not be asked.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Too many batches have not ended.
    #[error("{MAX_KEPT} batches have not ended: wait for some of them")]
    TooMany,
}

/// What a batch would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchPlan {
    /// Letters that are taken.
    pub letters: usize,
    /// Those that could go now.
    pub retryable: usize,
    /// Those that could not, by why: `window_closed`, `opted_out`, `with_human`, `resolved`, `not_retryable`, `damaged`.
    pub skipped: BTreeMap<Box<str>, usize>,
    /// How long it takes at least (s).
    pub estimated_seconds: u64,
    /// Whether the filter takes more letters than one batch has.
    pub more: bool,
    #[serde(skip)]
    ids: Vec<u64>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// `rb_…`; sorts by when it was made.
    pub id: Box<str>,
    /// Its letters, in the order in which they go.
    pub ids: Vec<u64>,
    /// The next one.
    pub next: usize,
    /// How long it is spread over (ms).
    pub spread_ms: u64,
    /// Who asked for it, and when.
    pub by: Box<str>,
    /// See `by`.
    pub created_ms: u64,
    /// When the last one went.
    pub ended_ms: Option<u64>,
    /// How many went again.
    pub retried: usize,
    /// How many did not, by why.
    pub skipped: BTreeMap<Box<str>, usize>,
    /// The first of them.
    pub told: Vec<(u64, Box<str>)>,
}

impl Batch {
    /// Whether all its letters were tried.
    pub fn is_done(&self) -> bool {
        self.ended_ms.is_some()
    }

    fn skip(&mut self, letter: u64, why: &str) {
        *self.skipped.entry(why.into()).or_default() += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push((letter, why.into()));
        }
    }

    fn due_ms(&self) -> u64 {
        let last = self.ids.len().saturating_sub(1).max(1) as u64;
        self.created_ms + self.spread_ms.saturating_mul(self.next as u64) / last
    }
}

/// All batches of a process.
pub struct Batches {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    all: Mutex<BTreeMap<Box<str>, Batch>>,
    /// Held while one is made: its id is not among them yet.
    making: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Batches {
    /// Those that the store has.
    pub async fn load(engine: Arc<Engine>) -> Result<Arc<Self>, BatchError> {
        let (store, clock) = (engine.deps().store.clone(), engine.deps().clock.clone());
        let documents = store.documents(KIND).await?;
        let count = documents.len();
        let readable = |(id, bytes): (Box<str>, bytes::Bytes)| Some((id, codec::decode::<Batch>(&bytes).ok()?));
        let all: BTreeMap<_, _> = documents.into_iter().filter_map(readable).collect();
        events::unreadable(KIND, count - all.len());
        let (all, making) = (Mutex::new(all), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { engine, store, clock, all, making, changes: watch::Sender::new(0) }))
    }

    /// All of them, newest first.
    pub fn all(&self) -> Vec<Batch> {
        self.all.lock().values().rev().cloned().collect()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<Batch> {
        self.all.lock().get(id).cloned()
    }

    /// What a retry of these letters would do.
    pub async fn plan(&self, filter: &LetterFilter, spread_ms: u64) -> Result<BatchPlan, BatchError> {
        let (mut letters, more) = filter.find(&*self.store, MAX_BATCH).await?;
        letters.reverse();
        let mut plan = BatchPlan { letters: letters.len(), more, ..BatchPlan::default() };
        for letter in &letters {
            plan.ids.push(letter.id);
            let why = match self.engine.hinders(letter).await {
                Ok(None) => {
                    plan.retryable += 1;
                    continue;
                }
                Ok(Some(why)) => why,
                Err(error) if is_damaged(&error) => DAMAGED,
                Err(error) => return Err(error.into()),
            };
            *plan.skipped.entry(why.into()).or_default() += 1;
        }
        let rate = self.engine.slowest_rate().await.unwrap_or(UNLIMITED).max(0.001);
        plan.estimated_seconds = ((plan.retryable as f64 / rate).ceil() as u64).max(spread_ms / 1_000);
        Ok(plan)
    }

    /// Keeps a planned batch: its letters go from now on.
    pub async fn start(&self, plan: BatchPlan, spread_ms: u64, by: &str) -> Result<Batch, BatchError> {
        let _making = self.making.lock().await;
        let now_ms = self.clock.now_ms();
        let gone = {
            let all = self.all.lock();
            let oldest = all.values().find(|batch| batch.is_done()).map(|batch| batch.id.clone());
            if all.len() < MAX_KEPT { None } else { Some(oldest.ok_or(BatchError::TooMany)?) }
        };
        let batch = {
            let all = self.all.lock();
            let mut at_ms = now_ms;
            while all.contains_key(&*id_of(at_ms)) {
                at_ms += 1;
            }
            Batch {
                id: id_of(at_ms),
                ended_ms: plan.ids.is_empty().then_some(now_ms),
                ids: plan.ids,
                next: 0,
                spread_ms,
                by: by.into(),
                created_ms: now_ms,
                retried: 0,
                skipped: BTreeMap::new(),
                told: Vec::new(),
            }
        };
        let kept = (KIND.into(), batch.id.clone(), Some(codec::encode(&batch)));
        let removed = gone.iter().map(|gone| (KIND.into(), gone.clone(), None));
        self.store.put_documents(removed.chain([kept]).collect()).await?;
        let mut all = self.all.lock();
        gone.iter().for_each(|gone| drop(all.remove(gone)));
        all.insert(batch.id.clone(), batch.clone());
        drop(all);
        self.changes.send_modify(|count| *count += 1);
        Ok(batch)
    }

    /// Lets letters go when their time has come, until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let open: Vec<Box<str>> =
                self.all.lock().values().filter(|batch| !batch.is_done()).map(|batch| batch.id.clone()).collect();
            let mut again_ms = None;
            for id in open {
                let next_ms = match self.go_on(&id).await {
                    Ok(next_ms) => next_ms,
                    Err(error) => {
                        tracing::warn!(batch = &*id, %error, "a batch of dead letters could not go on; it tries again");
                        Some(self.clock.now_ms() + AGAIN_MS)
                    }
                };
                again_ms = again_ms.into_iter().chain(next_ms).min();
            }
            tokio::select! {
                _changed = changes.changed() => {}
                () = self.clock.wait_until(again_ms.unwrap_or(u64::MAX)), if again_ms.is_some() => {}
            }
        }
    }

    /// Lets those go that are due. Answers when the next one is.
    async fn go_on(&self, id: &str) -> Result<Option<u64>, BatchError> {
        let Some(mut batch) = self.get(id) else { return Ok(None) };
        let mut failed = None;
        for _ in 0..WRITE_EVERY {
            let Some(letter) = batch.ids.get(batch.next).copied() else { break };
            if batch.due_ms() > self.clock.now_ms() {
                break;
            }
            match self.engine.retry_one_of_many(letter, &batch.by).await {
                Ok(Again::Queued(_) | Again::Waiting(_)) => batch.retried += 1,
                Ok(not) => batch.skip(letter, not.word()),
                // It would be so at every try, and those behind it would never go.
                Err(error) if is_damaged(&error) => batch.skip(letter, DAMAGED),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            batch.next += 1;
        }
        if batch.next >= batch.ids.len() {
            batch.ended_ms = Some(self.clock.now_ms());
        }
        self.store.put_document(KIND, id, Some(codec::encode(&batch))).await?;
        let next_ms = (!batch.is_done()).then(|| batch.due_ms());
        self.all.lock().insert(id.into(), batch);
        // Not before how far it is: those that went do not go to their conversations again.
        failed.map_or(Ok(next_ms), |error| Err(error.into()))
    }
}

/// Whether it is this letter's fault, and will be the next time.
fn is_damaged(error: &OrderError) -> bool {
    matches!(error, OrderError::State(_) | OrderError::Store(StoreError::Corrupt(_)))
}

fn id_of(at_ms: u64) -> Box<str> {
    format!("rb_{at_ms:013}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_spread_evenly_over_the_time() {
        let batch = |next, count, spread_ms| Batch {
            id: "rb_1".into(),
            ids: (0..count).collect(),
            next,
            spread_ms,
            by: "x".into(),
            created_ms: 1_000,
            ended_ms: None,
            retried: 0,
            skipped: BTreeMap::new(),
            told: Vec::new(),
        };
        let due: Vec<u64> = (0..3).map(|next| batch(next, 3, 600).due_ms()).collect();
        assert_eq!(due, [1_000, 1_300, 1_600]);
        assert_eq!(batch(0, 1, 600).due_ms(), 1_000);
        assert_eq!(batch(7, 9, 0).due_ms(), 1_000);
    }
}
