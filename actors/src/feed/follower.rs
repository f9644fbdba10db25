//! One who follows: a cursor, and a handful of events on their way.

use std::collections::VecDeque;
use std::sync::Arc;

use storage::StoreError;
use tokio::sync::watch;

use super::ring::{BATCH, Found, Ring};
use super::told::{Place, Told};
use super::{Feed, derive};

/// Log rows that one reading takes: a batch of events is seldom more.
const ROWS: usize = 16;

/// What a follower hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something happened.
    Told(Arc<Told>),
    /// What happened before cannot be told: fetch everything anew. What happens from this place on will be told.
    Resync(Resync, Place),
}

/// Why somebody must fetch everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// The log does not reach back so far.
    TooOld,
    /// The id is of another store, or of a later state of this one.
    Foreign,
    /// A row in between cannot be read.
    Damaged,
}

impl Resync {
    /// A stable word.
    pub fn name(self) -> &'static str {
        match self {
            Resync::TooOld => "too_old",
            Resync::Foreign => "unknown_id",
            Resync::Damaged => "damaged",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Reads the ring from this index on.
    Ring(u64),
    /// Reads the log after `done`.
    Log,
}

/// See the module. Whoever drops it follows no more.
pub struct Follower {
    feed: Arc<Feed>,
    bell: watch::Receiver<()>,
    at: At,
    /// Everything up to here was handed out or is in `ready`.
    done: Place,
    ready: VecDeque<Heard>,
    wants: Box<dyn Fn(&Told) -> bool + Send + Sync>,
}

impl Follower {
    /// `start` is where to go on; its inner `None` is a place that is not known.
    pub(super) fn new(
        feed: Arc<Feed>,
        ring: &Ring,
        start: Option<Option<Place>>,
        wants: Box<dyn Fn(&Told) -> bool + Send + Sync>,
    ) -> Self {
        let (bell, now) = (feed.bell.subscribe(), Place::after(ring.read_to()));
        let mut follower = Self { feed, bell, at: At::Ring(ring.end()), done: now, ready: VecDeque::new(), wants };
        match start {
            None => {}
            Some(None) => follower.ready.push_back(Heard::Resync(Resync::Foreign, now)),
            Some(Some(place)) => (follower.at, follower.done) = (At::Log, place),
        }
        follower
    }

    /// Where it stands: whoever comes back with the id of this place misses nothing. Of use while nothing is ready.
    pub fn place(&self) -> Place {
        self.done
    }

    /// Events on their way to it alone.
    pub fn waiting(&self) -> usize {
        self.ready.len()
    }

    /// The next thing, if it is here already.
    pub fn ready(&mut self) -> Option<Heard> {
        self.ready.pop_front()
    }

    /// The next thing. A call that is given up takes nothing away.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn next(&mut self) -> Result<Heard, StoreError> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Ok(heard);
            }
            match self.at {
                At::Ring(index) => self.read_ring(index).await?,
                At::Log => self.read_log().await?,
            }
        }
    }

    async fn read_ring(&mut self, index: u64) -> Result<(), StoreError> {
        // Before looking, so that what comes meanwhile rings again.
        self.bell.borrow_and_update();
        let found = self.feed.ring.lock().from(index, &self.wants);
        let Found::Events { wanted, next, level } = found else {
            self.at = At::Log;
            return Ok(());
        };
        self.at = At::Ring(next);
        if let Some(place) = wanted.iter().rev().find_map(|told| told.place) {
            self.done = place;
        }
        if let Some(read) = level {
            self.done = Place::after(read);
        }
        self.ready.extend(wanted.into_iter().map(Heard::Told));
        if self.ready.is_empty() && level.is_some() {
            self.wait().await?;
        }
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), StoreError> {
        self.bell.changed().await.map_err(|_| StoreError::Unavailable("it was closed".into()))
    }

    /// Enters the ring, or reads a part of the log.
    async fn read_log(&mut self) -> Result<(), StoreError> {
        self.bell.borrow_and_update();
        if let Some(index) = self.feed.ring.lock().index_after(self.done) {
            self.at = At::Ring(index);
            return Ok(());
        }
        let after = self.done.whole();
        let page = {
            // It is never closed.
            let _turn = self.feed.readers.acquire().await;
            self.feed.store.log(after, ROWS).await
        };
        let page = match page {
            Err(StoreError::Corrupt(_)) => {
                self.give_up(Resync::Damaged);
                return Ok(());
            }
            page => page?,
        };
        if page.oldest.0 > after.0 + 1 {
            self.give_up(Resync::TooOld);
            return Ok(());
        }
        // It is ahead of the ring, which is about to read the same rows.
        if page.rows.is_empty() {
            return self.wait().await;
        }
        let had = self.done;
        for row in &page.rows {
            let skipped = had.part.filter(|_| row.seq == had.seq).unwrap_or(0);
            for told in derive::told(row).into_iter().skip(skipped as usize) {
                if self.ready.len() == BATCH {
                    return Ok(());
                }
                self.done = told.place.unwrap_or(self.done);
                if (self.wants)(&told) {
                    self.ready.push_back(Heard::Told(Arc::new(told)));
                }
            }
            self.done = Place::after(row.seq);
        }
        Ok(())
    }

    /// Goes on from now.
    fn give_up(&mut self, why: Resync) {
        let ring = self.feed.ring.lock();
        self.done = Place::after(ring.read_to());
        self.at = At::Ring(ring.end());
        drop(ring);
        self.ready.push_back(Heard::Resync(why, self.done));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.feed.leave();
    }
}
