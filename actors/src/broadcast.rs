//! Broadcasts: one template to many people, released at a rate in small steps.
//!
//! 1. What a broadcast is lies in documents: itself (`broadcast`), its people in chunks (`broadcast_people`), and what
//!    became of them in chunks of the same size (`broadcast_result`).
//! 2. A step hands the next few people's messages to their conversations as inbox rows (`Engine::release`), waits for
//!    their turns, and writes what became of them together with how far the broadcast is.
//! 3. A step that was cut off is done again. The conversation knows which place of which broadcast it had, in the state
//!    that its own turn committed: so nobody gets it twice.
//! 4. The messages leave as bulk: the sender lets replies go first. A step begins only while few of them wait.

mod erase;
mod pace;
mod plan;
mod record;
mod run;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use storage::{NewDocument, Store, StoreError};
use tokio::sync::watch;

pub use erase::{BroadcastLists, BroadcastResults};
pub use plan::{Draft, MAX_PEOPLE, NewPerson, Plan, PlanError, Wrong, variables_of};
pub use record::{Broadcast, News, Phase};
pub use tally::{Counts, PersonResult, ResultPage, Standing};

use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::engine::{Engine, OrderError};
use crate::events;
use record::{Person, chunk_key, id_of};

pub(crate) const KIND: &str = "broadcast";
const PEOPLE: &str = "broadcast_people";
const RESULT: &str = "broadcast_result";
/// People of one chunk.
const CHUNK: usize = 200;
/// Chunks written at once.
const CHUNKS_AT_ONCE: usize = 20;
/// Broadcasts that are kept; the oldest that ended goes when there are more.
const MAX_KEPT: usize = 500;
/// Rows of a kind removed at once.
const REMOVED_AT_ONCE: usize = 500;

/// Why a broadcast did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BroadcastError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
    /// A conversation could not be asked.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// There is none.
    #[error("there is no broadcast {0:?}")]
    Unknown(Box<str>),
    /// It stands otherwise.
    #[error("the broadcast is {is}: it cannot be {asked}")]
    State {
        /// How it stands.
        is: &'static str,
        /// What was asked, as a participle.
        asked: &'static str,
    },
    /// There are too many that have not ended.
    #[error("{MAX_KEPT} broadcasts have not ended: end some of them first")]
    TooMany,
}

/// All broadcasts of a process.
pub struct Broadcasts {
    engine: Arc<Engine>,
    /// Replies do not wait for what is written here.
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    all: Mutex<BTreeMap<Box<str>, Broadcast>>,
    /// Ids of those that cannot be read: their chunks stay.
    unreadable: BTreeSet<Box<str>>,
    /// Held while one is made: its id is not among them yet, and nobody knows whose its chunks are.
    making: tokio::sync::Mutex<()>,
    /// Held while one is read, changed and written.
    writing: tokio::sync::Mutex<()>,
    changes: watch::Sender<u64>,
    tallied: Mutex<BTreeMap<Box<str>, tally::Tallied>>,
}

impl Broadcasts {
    /// Those that the store has. Chunks of one that was never finished being made are removed.
    pub async fn load(engine: Arc<Engine>) -> Result<Arc<Self>, BroadcastError> {
        let (store, clock) = (engine.deps().unhurried.clone(), engine.deps().clock.clone());
        let (mut all, mut unreadable) = (BTreeMap::new(), BTreeSet::new());
        for (id, bytes) in store.documents(KIND).await? {
            match codec::decode(&bytes) {
                Ok(broadcast) => drop(all.insert(id, broadcast)),
                Err(_) => drop(unreadable.insert(id)),
            }
        }
        events::unreadable(KIND, unreadable.len());
        let broadcasts = Self {
            engine,
            store,
            clock,
            all: Mutex::new(all),
            unreadable,
            making: tokio::sync::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            changes: watch::Sender::new(0),
            tallied: Mutex::default(),
        };
        broadcasts.remove_orphans().await?;
        Ok(Arc::new(broadcasts))
    }

    /// All of them, newest first.
    pub fn all(&self) -> Vec<Broadcast> {
        self.all.lock().values().rev().cloned().collect()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Result<Broadcast, BroadcastError> {
        self.all.lock().get(id).cloned().ok_or_else(|| BroadcastError::Unknown(id.into()))
    }

    /// A number that rises whenever one of them was changed or got on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Keeps a planned broadcast: as a draft, or to be released from now on (or from its time on).
    pub async fn create(&self, mut plan: Plan, by: &str, start: bool) -> Result<Broadcast, BroadcastError> {
        let _making = self.making.lock().await;
        let now_ms = self.clock.now_ms();
        self.make_room().await?;
        let phase = if start { Phase::Running } else { Phase::Draft };
        let broadcast = {
            let all = self.all.lock();
            let mut at_ms = now_ms;
            // Ids sort by time, and two of one millisecond get two of them.
            while all.contains_key(&*id_of(at_ms)) || self.unreadable.contains(&*id_of(at_ms)) {
                at_ms += 1;
            }
            plan.broadcast(id_of(at_ms), by, phase, now_ms)
        };
        for (at, people) in plan.people.chunks_mut(CHUNK * CHUNKS_AT_ONCE).enumerate() {
            self.leave_out(people, broadcast.named_ms);
            self.put_people(&broadcast.id, at * CHUNKS_AT_ONCE, people).await?;
            // An erasing from now on finds them there; one of before may have looked too early.
            while self.leave_out(people, broadcast.named_ms) > 0 {
                self.put_people(&broadcast.id, at * CHUNKS_AT_ONCE, people).await?;
            }
        }
        // Last: from here on it exists.
        let _writing = self.writing.lock().await;
        self.store.put_document(KIND, &broadcast.id, Some(codec::encode(&broadcast))).await?;
        self.all.lock().insert(broadcast.id.clone(), broadcast.clone());
        self.told();
        Ok(broadcast)
    }

    /// Writes chunks of people, from this one on.
    async fn put_people(&self, id: &str, from: usize, people: &[record::Person]) -> Result<(), BroadcastError> {
        let document = |(n, chunk): (usize, &[record::Person])| {
            (PEOPLE.into(), chunk_key(id, from + n), Some(codec::encode(&chunk.to_vec())))
        };
        let documents = people.chunks(CHUNK).enumerate().map(document).collect();
        Ok(self.store.put_documents(documents).await?)
    }

    /// Lets a draft go, or one that was paused.
    pub async fn start(&self, id: &str, asked: &'static str) -> Result<Broadcast, BroadcastError> {
        let now_ms = self.clock.now_ms();
        self.write(id, Vec::new(), |broadcast| match broadcast.phase {
            Phase::Draft | Phase::Paused { .. } => {
                broadcast.phase = Phase::Running;
                broadcast.updated_ms = now_ms;
                Ok(())
            }
            _ => Err(broadcast.refuses(asked)),
        })
        .await
    }

    /// Releases nothing more until it is started again. What is in the outbox already leaves.
    pub async fn pause(&self, id: &str, by: &str, why: Option<&str>) -> Result<Broadcast, BroadcastError> {
        let now_ms = self.clock.now_ms();
        self.write(id, Vec::new(), |broadcast| match broadcast.phase {
            Phase::Running => {
                broadcast.phase = Phase::Paused { by: by.into(), why: why.map(Into::into) };
                broadcast.updated_ms = now_ms;
                Ok(())
            }
            _ => Err(broadcast.refuses("paused")),
        })
        .await
    }

    /// Releases nothing more, ever.
    pub async fn cancel(&self, id: &str, by: &str) -> Result<Broadcast, BroadcastError> {
        let now_ms = self.clock.now_ms();
        self.write(id, Vec::new(), |broadcast| match broadcast.phase {
            Phase::Done | Phase::Cancelled { .. } => Err(broadcast.refuses("cancelled")),
            _ => {
                broadcast.phase = Phase::Cancelled { by: by.into() };
                (broadcast.updated_ms, broadcast.ended_ms) = (now_ms, Some(now_ms));
                Ok(())
            }
        })
        .await
    }

    /// Changes one, in one commit with what else belongs to the change.
    async fn write(
        &self,
        id: &str,
        documents: Vec<NewDocument>,
        change: impl FnOnce(&mut Broadcast) -> Result<(), BroadcastError>,
    ) -> Result<Broadcast, BroadcastError> {
        let _writing = self.writing.lock().await;
        self.write_now(id, documents, change).await
    }

    /// As [`Broadcasts::write`], for whoever has `writing` already.
    async fn write_now(
        &self,
        id: &str,
        mut documents: Vec<NewDocument>,
        change: impl FnOnce(&mut Broadcast) -> Result<(), BroadcastError>,
    ) -> Result<Broadcast, BroadcastError> {
        let before = self.get(id)?;
        let mut broadcast = before.clone();
        change(&mut broadcast)?;
        broadcast.tell(&before);
        documents.push((KIND.into(), id.into(), Some(codec::encode(&broadcast))));
        self.store.put_documents(documents).await?;
        self.all.lock().insert(id.into(), broadcast.clone());
        self.told();
        Ok(broadcast)
    }

    fn told(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    async fn people(&self, id: &str, chunk: usize) -> Result<Vec<Person>, BroadcastError> {
        let found = self.store.document(PEOPLE, &chunk_key(id, chunk)).await?;
        Ok(found.map(|bytes| codec::decode(&bytes)).transpose()?.unwrap_or_default())
    }

    async fn outcomes(&self, id: &str, chunk: usize) -> Result<Vec<record::Outcome>, BroadcastError> {
        let found = self.store.document(RESULT, &chunk_key(id, chunk)).await?;
        Ok(found.map(|bytes| codec::decode(&bytes)).transpose()?.unwrap_or_default())
    }

    /// The oldest that ended goes where there are too many.
    async fn make_room(&self) -> Result<(), BroadcastError> {
        let oldest = {
            let all = self.all.lock();
            if all.len() < MAX_KEPT {
                return Ok(());
            }
            all.values().find(|broadcast| broadcast.ended_ms.is_some()).map(|broadcast| broadcast.id.clone())
        };
        let oldest = oldest.ok_or(BroadcastError::TooMany)?;
        self.store.put_document(KIND, &oldest, None).await?;
        self.all.lock().remove(&oldest);
        self.tallied.lock().remove(&oldest);
        self.remove_orphans().await
    }

    /// Removes chunks of broadcasts that are not there.
    async fn remove_orphans(&self) -> Result<(), BroadcastError> {
        for kind in [PEOPLE, RESULT] {
            let mut after: Option<Box<str>> = None;
            loop {
                let page = self.store.documents_page(kind, after.as_deref(), REMOVED_AT_ONCE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                let of_none = |key: &str| {
                    let id = key.split_once('/').map_or(key, |(id, _)| id);
                    !self.all.lock().contains_key(id) && !self.unreadable.contains(id)
                };
                let gone: Vec<NewDocument> = page
                    .iter()
                    .filter(|(key, _)| of_none(key))
                    .map(|(key, _)| (kind.into(), key.clone(), None))
                    .collect();
                if !gone.is_empty() {
                    self.store.put_documents(gone).await?;
                }
            }
        }
        Ok(())
    }
}
