//! [`Options`]: the bounds of the engine.

use std::fmt;
use std::io;
use std::time::Duration;

/// What a commit cost, for histograms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommitReport {
    /// Messages, turns, settlements and documents in it.
    pub items: usize,
    /// Bytes of the rows that it wrote, before redb's own overhead.
    pub bytes: usize,
    /// How long transaction and syncs took.
    pub seconds: f64,
}

/// Called by the writer after each commit; must be quick.
pub type Observe = Box<dyn Fn(CommitReport) + Send>;

/// Tells how many bytes the disk has free; `None` if it cannot be told.
pub type FreeSpace = Box<dyn Fn() -> Option<u64> + Send>;

/// Fills with random bytes.
pub type Entropy = Box<dyn Fn(&mut [u8]) -> io::Result<()> + Send>;

/// Bounds of the engine; the defaults suit a small server.
pub struct Options {
    /// redb's page cache.
    pub cache_bytes: usize,
    /// Messages that may wait for the writer before `append` is refused; other writes may be eight times as many.
    pub queue_items: usize,
    /// The same in bytes.
    pub queue_bytes: usize,
    /// Items in a commit, unless a single call brings more.
    pub batch_items: usize,
    /// Bytes in a commit, unless a single call brings more.
    pub batch_bytes: usize,
    /// How long a write over [`crate::Store::unhurried`] waits for company.
    pub linger: Duration,
    /// And how many items are company enough.
    pub linger_items: usize,
    /// Bytes of unfolded changes at which a fold starts; memory and the replay at start hold about twice as much.
    pub fold_bytes: usize,
    /// Keys with unfolded changes at which a fold starts.
    pub fold_rows: usize,
    /// Bytes of unfolded log rows at which a fold starts, however few keys they changed; the file and the replay at start
    /// hold about twice as much.
    pub fold_log_bytes: u64,
    /// How long the writer is idle before it folds what there is.
    pub fold_after: Duration,
    /// How long nothing must come before an unfinished fold goes on by itself.
    pub fold_pause: Duration,
    /// Keys that an idle writer folds in one transaction.
    pub fold_slice: usize,
    /// Log rows that stay behind the fold, for whoever follows the log and was away for a while.
    pub log_rows: u64,
    /// And their bytes.
    pub log_bytes: u64,
    /// Bytes of accepted and not yet consumed messages that are kept in memory; further ones are read when asked for.
    pub inbox_bytes: usize,
    /// Below this much free disk space `append` is refused, while everything else goes on.
    pub min_free_bytes: u64,
    /// How often the free space is looked at.
    pub free_space_every: Duration,
    /// Where it is looked up; the file's filesystem if not given.
    pub free_space: Option<FreeSpace>,
    /// Where secrets and names come from; the system if not given.
    pub entropy: Option<Entropy>,
    /// Is told of every commit.
    pub observe: Option<Observe>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            queue_items: 8192,
            queue_bytes: 32 << 20,
            batch_items: 256,
            batch_bytes: 1 << 20,
            linger: Duration::from_millis(4),
            linger_items: 16,
            fold_bytes: 32 << 20,
            fold_rows: 131_072,
            fold_log_bytes: 64 << 20,
            fold_after: Duration::from_secs(5),
            fold_pause: Duration::from_millis(20),
            fold_slice: 512,
            log_rows: 32_768,
            log_bytes: 32 << 20,
            inbox_bytes: 64 << 20,
            min_free_bytes: 1 << 30,
            free_space_every: Duration::from_secs(1),
            free_space: None,
            entropy: None,
            observe: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Options")
            .field("cache_bytes", &self.cache_bytes)
            .field("fold_bytes", &self.fold_bytes)
            .field("fold_rows", &self.fold_rows)
            .field("min_free_bytes", &self.min_free_bytes)
            .finish_non_exhaustive()
    }
}
