//! The webhook inspector: what came to the front door and what became of it, kept for a while beside the store.
//!
//! It is no part of the promise: a request is noted after it was answered, over a bounded channel to one thread, which
//! writes segment files. When that cannot keep up, notes are dropped and counted. The raw bytes of a webhook are kept if
//! its signature was right; of others there is a sample, cut short. Requests of Flows are noted without their bytes: they
//! are encrypted, and nobody could tell whose they are when that person is to be erased.

mod files;
mod keeps;
mod record;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use actors::Minute;
use actors::feed::Feed;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::config::Webhooks;
pub use files::{Filter, Page};
pub use keeps::KeptRequests;
pub use record::{Id, Kept, Note, Record, Taken};

/// Notes that wait for the thread.
const QUEUE: usize = 1_024;
/// Bytes of bodies that wait for it.
const QUEUE_BYTES: usize = 16 << 20;
/// Unsigned requests that are kept in a minute.
const SAMPLE: u32 = 6;
/// Bytes of the body of one of them.
const SAMPLE_BYTES: usize = 2 * 1024;
/// An id that is shorter than this may stand in anybody's bytes.
const LEAST_ID: usize = 5;

enum Command {
    Note(Box<Note>),
    /// Ends the segment that is being written: everything noted before is in ended ones then.
    Rotate(oneshot::Sender<()>),
    Close,
}

/// How the inspector does.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Whether requests are noted (`webhooks.enabled`).
    pub enabled: bool,
    /// Requests noted since the start.
    pub noted: u64,
    /// Requests that could not be noted because the disk was too slow, or refused.
    pub dropped: u64,
    /// Requests without a right signature since the start.
    pub unsigned: u64,
}

/// See the module.
pub struct Inspector {
    settings: Webhooks,
    dir: PathBuf,
    notes: Option<SyncSender<Command>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    queued: Arc<AtomicUsize>,
    sample: Minute,
    unsigned: AtomicU64,
    noted: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
}

impl Inspector {
    /// Starts it over its folder, unless it is switched off.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn start(settings: Webhooks, dir: PathBuf, now_ms: u64, feed: Arc<Feed>) -> io::Result<Arc<Self>> {
        let (queued, noted, dropped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let mut inspector = Self {
            dir,
            notes: None,
            thread: Mutex::default(),
            queued: queued.clone(),
            sample: Minute::default(),
            unsigned: AtomicU64::default(),
            noted: noted.clone(),
            dropped: Arc::clone(&dropped),
            settings,
        };
        if inspector.settings.enabled {
            let files =
                files::Files::open(&inspector.dir, inspector.settings.keep, inspector.settings.max_bytes, now_ms)?;
            let (notes, commands) = sync_channel(QUEUE);
            let writer = writer::Writer { files, commands, queued, noted, dropped, feed };
            let thread = std::thread::Builder::new().name("webhook-inspector".into()).spawn(move || writer.run())?;
            *inspector.thread.lock() = Some(thread);
            inspector.notes = Some(notes);
        }
        Ok(Arc::new(inspector))
    }

    /// Notes a request that was answered. Never waits.
    pub fn note(&self, mut note: Note) {
        let Some(notes) = &self.notes else { return };
        if !note.is_signed() {
            self.unsigned.fetch_add(1, Ordering::Relaxed);
            if self.sample.count(note.at_ms) > SAMPLE {
                return;
            }
            note.body_bytes = note.body.len();
            // A copy, so that a small piece does not hold a large body.
            note.body = Bytes::copy_from_slice(note.body.get(..SAMPLE_BYTES).unwrap_or(&note.body));
        }
        let bytes = note.body.len();
        let waiting = self.queued.fetch_add(bytes, Ordering::AcqRel);
        if waiting + bytes > QUEUE_BYTES / 2
            && let Some(thread) = &*self.thread.lock()
        {
            thread.thread().unpark();
        }
        if waiting + bytes > QUEUE_BYTES || notes.try_send(Command::Note(Box::new(note))).is_err() {
            self.queued.fetch_sub(bytes, Ordering::AcqRel);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How it does.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            enabled: self.notes.is_some(),
            noted: read(&self.noted),
            dropped: read(&self.dropped),
            unsigned: read(&self.unsigned),
        }
    }

    /// Requests that a filter takes, newest first, before a given one.
    ///
    /// # Errors
    /// A segment cannot be read.
    pub async fn list(&self, filter: Filter, before: Option<Id>, limit: usize) -> io::Result<Page> {
        let dir = self.dir.clone();
        blocking(move || files::list(&dir, &filter, before, limit)).await
    }

    /// One request with its bytes.
    ///
    /// # Errors
    /// Its segment cannot be read.
    pub async fn find(&self, id: Id) -> io::Result<Option<Kept>> {
        let dir = self.dir.clone();
        blocking(move || files::find(&dir, id)).await
    }

    /// Overwrites every request whose bytes mention one of these ids: phone numbers in digits, user ids, ids of messages.
    /// Answers how many there were; with `only_count` they stay. Ids of fewer than five characters are passed over.
    ///
    /// # Errors
    /// A segment cannot be read or written; what was overwritten before stays so.
    pub async fn erase(&self, ids: Vec<String>, only_count: bool) -> io::Result<usize> {
        if let Some(notes) = &self.notes {
            let (done, rotated) = oneshot::channel();
            let mut command = Command::Rotate(done);
            // The queue is drained all the time; an erasure must not be dropped because it was full.
            while let Err(error) = notes.try_send(command) {
                command = match error {
                    std::sync::mpsc::TrySendError::Full(command) => command,
                    std::sync::mpsc::TrySendError::Disconnected(_) => return Err(io::ErrorKind::BrokenPipe.into()),
                };
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            rotated.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        let dir = self.dir.clone();
        let ids: Vec<_> = ids.into_iter().filter(|id| id.len() >= LEAST_ID).collect();
        blocking(move || files::erase(&dir, &ids, only_count)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl Drop for Inspector {
    fn drop(&mut self) {
        if let Some(notes) = &self.notes {
            // It ends by itself when it is gone.
            let _gone = notes.send(Command::Close);
        }
        if let Some(thread) = self.thread.lock().take() {
            let _panicked = thread.join();
        }
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inspector").field("dir", &self.dir).field("counts", &self.counts()).finish_non_exhaustive()
    }
}
