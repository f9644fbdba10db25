//! Files: those that people send are fetched from Meta in the background, ours are kept and given to Meta when they are
//! sent. Nothing here stands in the way of a conversation: what is to be done lies in the store.

mod digest;
mod erase;
mod exchange;
mod fetch;
mod folder;
mod keep;
mod list;
mod prune;
mod record;
mod types;
mod upload;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use storage::{Store, StoreError};
use tokio::sync::Notify;
use whatsapp::graph::Client;

pub use digest::{Digest, NotADigest};
pub use exchange::Carrier;
pub use folder::WriteError;
pub use keep::{Deleted, KeepError, Opened, Putting};
pub use list::{MediaFilter, MetaId};
pub use prune::Pruned;
pub(crate) use record::wishes;
pub use record::{Direction, MediaItem, MediaState};
pub use types::Allowed;
pub(crate) use upload::{Whose, take};

use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::metrics::Metrics;
use crate::numbers::Numbers;
use crate::settings::Number;
use folder::Folder;

/// What files may be kept, and where.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The folder. Only generated names are written into it.
    pub dir: PathBuf,
    /// Larger files of people are refused.
    pub max_bytes: u64,
    /// The types that are fetched.
    pub allow: Allowed,
    /// Below this much free disk space nothing is fetched or put; 0 is off.
    pub min_free_bytes: u64,
}

/// What the keeper of files is made of.
pub struct MediaParts {
    /// Limits and the folder.
    pub settings: MediaSettings,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The way to Meta.
    pub client: Client,
    /// The business numbers.
    pub numbers: Numbers,
    /// Where conversations say that a file is wanted.
    pub wanted: Arc<Notify>,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
}

/// Why something about media could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
    /// The folder cannot be used.
    #[error("the media folder: {0}")]
    Folder(#[from] std::io::Error),
}

/// The keeper of files.
pub struct Media {
    settings: MediaSettings,
    folder: Folder,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    client: Client,
    numbers: Numbers,
    wanted: Arc<Notify>,
    metrics: Arc<Metrics>,
    /// Held while a file and the rows about it change together.
    books: tokio::sync::Mutex<()>,
    /// One upload of a file for a number at a time.
    uploading: Mutex<HashMap<Box<str>, Arc<tokio::sync::Mutex<()>>>>,
    /// One file that came in a form at a time: it is decrypted in memory.
    opening: tokio::sync::Mutex<()>,
    /// Files that bots refer to.
    pinned: Mutex<BTreeSet<Digest>>,
}

impl Media {
    /// A keeper; it fetches nothing until it [runs](Self::run).
    pub fn new(parts: MediaParts) -> Arc<Self> {
        let MediaParts { settings, store, clock, client, numbers, wanted, metrics } = parts;
        let folder = Folder::new(settings.dir.clone());
        Arc::new(Self {
            settings,
            folder,
            store,
            clock,
            client,
            numbers,
            wanted,
            metrics,
            books: tokio::sync::Mutex::default(),
            uploading: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            pinned: Mutex::default(),
        })
    }

    /// A file by its id: Meta's, or `m_` and a digest.
    pub async fn item(&self, id: &str) -> Result<Option<MediaItem>, MediaError> {
        let found = self.store.document(record::ITEM, id).await?;
        Ok(found.map(|bytes| codec::decode(&bytes)).transpose()?)
    }

    /// Says which files bots refer to: they are never pruned.
    pub fn pin(&self, files: impl IntoIterator<Item = Digest>) {
        self.pinned.lock().extend(files);
    }

    /// No bot refers to these files any more.
    pub fn unpin(&self, files: &BTreeSet<Digest>) {
        self.pinned.lock().retain(|digest| !files.contains(digest));
    }

    fn number(&self, id: &str) -> Option<Number> {
        self.numbers.get(id)
    }
}
