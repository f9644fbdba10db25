//! The backend between redb and the file: knows its length, and takes the space that it grows by at once.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// Hands everything on, locks included.
pub(super) struct Watched {
    inner: Box<dyn StorageBackend>,
    file: Option<File>,
    length: Arc<AtomicU64>,
}

impl Watched {
    /// Over a file. `length` always tells its size.
    pub(super) fn over_file(file: File, length: Arc<AtomicU64>) -> io::Result<Self> {
        let second = file.try_clone()?;
        let inner = FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self { inner: Box::new(inner), file: Some(second), length })
    }

    pub(super) fn over(inner: Box<dyn StorageBackend>, length: Arc<AtomicU64>) -> Self {
        Self { inner, file: None, length }
    }

    /// Without this, a full disk would show up in the middle of a commit instead of here.
    fn allocate(&self, length: u64) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let now = file.metadata()?.len();
        if length <= now {
            return Ok(());
        }
        match rustix::fs::fallocate(file, FallocateFlags::empty(), now, length - now) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(out)
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        let length = self.inner.len()?;
        self.length.store(length, Ordering::Relaxed);
        Ok(length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.allocate(length)?;
        self.inner.set_len(length)?;
        self.length.store(length, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
