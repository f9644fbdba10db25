//! The folder of files: written aside, synced, then renamed to the name that their content gives them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::digest::Digest;

/// Where files are written before they have a name.
const ASIDE: &str = "part";

/// Content-addressed files: `ab/abcdef…`.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    next: AtomicU64,
}

/// A file that is being written; removed unless it is kept.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    hasher: Sha256,
    size: u64,
    max_bytes: u64,
    kept: bool,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There are more than allowed.
    #[error("the file has more than {0} bytes")]
    TooLong(u64),
    /// The folder does not take them.
    #[error("the media folder: {0}")]
    Io(#[from] io::Error),
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, next: AtomicU64::new(rand::random()) }
    }

    /// Removes what was being written when the process ended.
    pub(super) async fn clear_parts(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.root.join(ASIDE)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts a file of at most `max_bytes`.
    pub(super) async fn part(&self, max_bytes: u64) -> io::Result<Part> {
        let aside = self.root.join(ASIDE);
        make_dir(&aside).await?;
        let path = aside.join(format!("{:016x}", self.next.fetch_add(1, Ordering::Relaxed)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await?;
        Ok(Part { file, path, hasher: Sha256::new(), size: 0, max_bytes, kept: false })
    }

    /// Gives a finished part its name, durably.
    pub(super) async fn keep(&self, mut part: Part, digest: &Digest) -> io::Result<()> {
        let path = self.path(digest);
        let dir = path.parent().unwrap_or(&self.root);
        make_dir(dir).await?;
        fs::rename(&part.path, &path).await?;
        part.kept = true;
        sync_dir(dir).await?;
        sync_dir(&self.root).await
    }

    /// Where a file lies.
    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let start: String = name.chars().take(2).collect();
        self.root.join(start).join(name)
    }

    /// Its length, if it is there.
    pub(super) async fn size(&self, digest: &Digest) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(digest)).await {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn open(&self, digest: &Digest) -> io::Result<File> {
        File::open(self.path(digest)).await
    }

    /// Removes a file; one that is gone already is no error.
    pub(super) async fn remove(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.path(digest)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The files whose name starts with this byte.
    pub(super) async fn names(&self, start: u8) -> io::Result<Vec<Digest>> {
        let mut dir = match fs::read_dir(self.root.join(format!("{start:02x}"))).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        while let Some(entry) = dir.next_entry().await? {
            names.extend(entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok()));
        }
        Ok(names)
    }

    /// Free bytes of its disk; `None` when nobody can tell.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let there = self.root.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
        let there = if there.as_os_str() == OsStr::new("") { Path::new(".") } else { there };
        let figures = rustix::fs::statvfs(there).ok()?;
        Some(figures.f_bavail.saturating_mul(figures.f_frsize))
    }
}

impl Part {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.size += bytes.len() as u64;
        if self.size > self.max_bytes {
            return Err(WriteError::TooLong(self.max_bytes));
        }
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// Makes the bytes durable; answers with what they are.
    pub(super) async fn finish(&mut self) -> io::Result<(Digest, u64)> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok((Digest::finish(self.hasher.clone()), self.size))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // What stays is removed at the next start.
            let _stays = std::fs::remove_file(&self.path);
        }
    }
}

async fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).await
}

async fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path).await?.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().join("media"));
        let mut part = folder.part(10).await.unwrap();
        part.write(b"a file").await.unwrap();
        let (digest, size) = part.finish().await.unwrap();
        assert_eq!((digest, size), (Digest::of(b"a file"), 6));
        assert_eq!(folder.size(&digest).await.unwrap(), None);
        folder.keep(part, &digest).await.unwrap();
        assert_eq!(folder.size(&digest).await.unwrap(), Some(6));
        let named = u8::from_str_radix(&digest.to_string().chars().take(2).collect::<String>(), 16).unwrap();
        assert_eq!(folder.names(named).await.unwrap(), [digest]);
        folder.remove(&digest).await.unwrap();
        folder.remove(&digest).await.unwrap();
        assert_eq!(folder.size(&digest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_part_that_is_too_long_or_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().into());
        let mut part = folder.part(3).await.unwrap();
        assert!(matches!(part.write(b"four").await, Err(WriteError::TooLong(3))));
        drop(part);
        assert_eq!(std::fs::read_dir(dir.path().join(ASIDE)).unwrap().count(), 0);
        std::mem::forget(folder.part(3).await.unwrap());
        folder.clear_parts().await.unwrap();
        assert!(!dir.path().join(ASIDE).exists());
    }
}
