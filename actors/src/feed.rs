//! What happens, told live: to consoles, terminals and programs that watch.
//!
//! Nothing is written for it. Events are derived from the store's log, which has every turn, settlement and document in
//! the order of its commits, so an event's id is its place there: it outlives the process, and whoever was away reads on
//! from the log. While somebody follows, one task reads what is committed and keeps the newest events in one ring; a
//! follower is a cursor into it. One that falls out of the ring, because it reads slowly or was away, reads the log by
//! itself until it is level again; if the log does not reach back far enough it is told to fetch everything anew.
//!
//! What is no row of the log is told by [`Feed::tell`]: only to those who follow at that moment.

mod derive;
mod follower;
mod ring;
mod told;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use storage::{LogSeq, Partition, Store, StoreError, Stretch};
use tokio::sync::{Semaphore, watch};

pub use follower::{Follower, Heard, Resync};
pub use told::{Place, Told, Topic};

use crate::identity;
use ring::Ring;

/// Log rows that are read at once.
const PAGE: usize = 256;
/// What is committed within this time is told together: each telling wakes every follower.
const GATHER: Duration = Duration::from_millis(20);
/// After a failed read.
const PAUSE: Duration = Duration::from_secs(1);
/// Followers that read the log at the same time; the others wait for their turn.
const READERS: usize = 4;
/// Bytes of the data of an event that is no row of the log, at the most.
pub const MAX_TOLD_BYTES: usize = 8 * 1024;

/// Where followers get what happens. See the module.
pub struct Feed {
    store: Arc<dyn Store>,
    /// Names of the stretches of the log, oldest first: they tell places of this log from those of others, and of another
    /// copy of this one.
    stretches: Vec<(LogSeq, Box<str>)>,
    ring: Mutex<Ring>,
    /// Rung when the ring has something new; holds how many follow.
    bell: watch::Sender<()>,
    followers: watch::Sender<usize>,
    max_followers: usize,
    readers: Semaphore,
}

/// Nobody more may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} clients follow the events already")]
pub struct Full(pub usize);

impl Feed {
    /// A feed of what is committed from now on. Run it with [`Feed::run`].
    pub fn new(store: Arc<dyn Store>, max_followers: usize) -> Arc<Self> {
        let named = |stretch: &Stretch| (stretch.first, hex::encode(stretch.name).into());
        Arc::new(Self {
            stretches: store.stretches().iter().map(named).collect(),
            store,
            ring: Mutex::default(),
            bell: watch::Sender::new(()),
            followers: watch::Sender::new(0),
            max_followers,
            readers: Semaphore::new(READERS),
        })
    }

    /// Follows what passes `wants`, from now on or after the event with this id.
    ///
    /// # Errors
    /// Too many follow already.
    pub fn follow(
        self: &Arc<Self>,
        after: Option<&str>,
        wants: impl Fn(&Told) -> bool + Send + Sync + 'static,
    ) -> Result<Follower, Full> {
        let mut ring = self.ring.lock();
        let mut full = None;
        self.followers.send_if_modified(|followers| {
            full = (*followers >= self.max_followers).then_some(Full(*followers));
            *followers += usize::from(full.is_none());
            full.is_none()
        });
        if let Some(full) = full {
            return Err(full);
        }
        if !ring.is_open() {
            ring.open(*self.store.committed().borrow());
        }
        let start = after.map(|id| self.place(id));
        Ok(Follower::new(self.clone(), &ring, start, Box::new(wants)))
    }

    /// Tells those who follow now of something that is no row of the log. `number_id` says whose it is, if it is about one
    /// of our numbers; `data` is an object, and too large a one is not told.
    pub fn tell(&self, topic: Topic, kind: &'static str, number_id: Option<&str>, data: &serde_json::Value) {
        let mut ring = self.ring.lock();
        if !ring.is_open() {
            return;
        }
        let data = data.to_string();
        if data.len() > MAX_TOLD_BYTES {
            tracing::warn!(
                kind,
                bytes = data.len(),
                "something is too large to be told to those who follow the events"
            );
            return;
        }
        let number = number_id.map(|number_id| identity::partition_tag(&Partition(number_id.into())));
        ring.push(Told { place: None, topic, kind, conversation: None, number, data: data.into() });
        drop(ring);
        self.bell.send_replace(());
    }

    /// How many follow.
    pub fn followers(&self) -> usize {
        *self.followers.borrow()
    }

    /// Bytes of events in memory for all followers together, and how many.
    pub fn buffered(&self) -> (usize, usize) {
        let ring = self.ring.lock();
        (ring.bytes(), ring.len())
    }

    /// Takes in what is committed while somebody follows; ends with its store.
    pub async fn run(self: Arc<Self>) {
        let (mut followers, mut committed) = (self.followers.subscribe(), self.store.committed());
        while followers.wait_for(|followers| *followers > 0).await.is_ok() {
            match self.take_in().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be read for those who follow the events");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                changed = committed.changed() => if changed.is_err() { return },
                // The sender is ours.
                _changed = followers.changed() => {}
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    /// Reads a page into the ring. Answers whether there may be more.
    async fn take_in(&self) -> Result<bool, StoreError> {
        let after = self.ring.lock().read_to();
        let page = match self.store.log(after, PAGE).await {
            // Nobody can read it: go on behind it. Whoever must pass it is told so by its own reading.
            Err(StoreError::Corrupt(what)) => {
                tracing::error!(what, "what follows the events passes over damaged rows of the log");
                self.begin_anew(*self.store.committed().borrow());
                return Ok(false);
            }
            page => page?,
        };
        let (oldest, newest) = (page.oldest, page.newest);
        // Before the lock is taken, which all followers need.
        let rows: Vec<_> = page.rows.iter().map(|row| (row.seq, derive::told(row))).collect();
        let is_news = !rows.is_empty();
        let mut ring = self.ring.lock();
        // Everybody left in the meantime, and perhaps somebody came again.
        if !ring.is_open() || ring.read_to() != after {
            return Ok(true);
        }
        if oldest.0 > after.0 + 1 {
            drop(ring);
            self.begin_anew(newest);
            return Ok(false);
        }
        rows.into_iter().for_each(|(row, told)| ring.take(row, told));
        let more = ring.read_to() < newest;
        drop(ring);
        if is_news {
            self.bell.send_replace(());
        }
        Ok(more)
    }

    /// Followers find out by themselves what they missed.
    fn begin_anew(&self, after: LogSeq) {
        self.ring.lock().open(after);
        self.bell.send_replace(());
    }

    fn leave(&self) {
        let mut ring = self.ring.lock();
        self.followers.send_modify(|followers| *followers -= 1);
        if self.followers() == 0 {
            ring.close();
        }
    }

    /// The id of a place.
    pub fn id(&self, place: Place) -> String {
        match place.part {
            None => format!("{}-{}", self.stretch(place.seq), place.seq.0),
            Some(part) => format!("{}-{}.{part}", self.stretch(place.seq), place.seq.0),
        }
    }

    /// The name of the stretch that a row is in; empty for one before all that are known.
    fn stretch(&self, seq: LogSeq) -> &str {
        self.stretches.iter().rev().find(|(first, _)| *first <= seq).map_or("", |(_, name)| name)
    }

    /// The place of an id; `None` if this store gave it to nobody, be it that an earlier copy of it was put back since.
    fn place(&self, id: &str) -> Option<Place> {
        let (stretch, rest) = id.split_once('-')?;
        let (seq, part) = match rest.split_once('.') {
            Some((seq, part)) => (seq, Some(part.parse().ok()?)),
            None => (rest, None),
        };
        let place = Place { seq: LogSeq(seq.parse().ok()?), part };
        let is_ours = !stretch.is_empty() && self.stretch(place.seq) == stretch;
        (is_ours && place.seq <= *self.store.committed().borrow()).then_some(place)
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Feed")
            .field("stretches", &self.stretches.len())
            .field("followers", &self.followers())
            .finish_non_exhaustive()
    }
}
