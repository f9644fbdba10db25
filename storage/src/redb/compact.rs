//! Writing a store's file anew, so that nothing is in it but what a reader can find.
//!
//! redb gives pages free without clearing them, so what was erased can be read in the file until its page is used again.
//! The new file is written beside the old one, which stays locked, and takes its name at the end: whatever goes wrong
//! before, the old one is still there.

use std::collections::HashSet;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use rustix::fs::CWD;

use super::RedbStore;
use super::log;
use super::open::{OpenError, database_error, leads_to, open_or_make, redb_error};
use super::options::Options;
use super::tables::{INBOX, LOG, META, META_FOLDED, STATE};
use crate::Store;

/// Rows of one transaction.
const CHUNK: usize = 10_000;
/// How long what was not folded may take until it is.
const FOLDING: Duration = Duration::from_secs(600);
/// Why it cannot be written anew now.
const UNFOLDED: &str = "what was written last is still not folded; try again";
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Its size before, bytes.
    pub before: u64,
    /// Its size now.
    pub after: u64,
    /// Rows in it.
    pub rows: u64,
}

/// Why a file was not written anew. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// It does not open; a running server has it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read, or the new one cannot be written.
    #[error("cannot write {name} anew: {why}")]
    Failed {
        /// The file.
        name: Box<str>,
        /// Why.
        why: Box<str>,
    },
}

/// Writes the file anew, with the owner and the mode that it has; a link stays one. Errors: [`OpenError::Locked`] while a
/// process has it open.
pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
    let name: Box<str> = path.display().to_string().into();
    let path = &std::fs::canonicalize(path).map_err(|source| OpenError::Io { name: name.clone(), source })?;
    let failed = |why: String| CompactError::Failed { name: name.clone(), why: why.into() };
    let fault = |error: io::Error| failed(error.to_string());
    let before = std::fs::metadata(path).map_err(fault)?.len();
    fold_all(path).map_err(|why| match why {
        Ok(error) => CompactError::Open(error),
        Err(why) => failed(why),
    })?;
    let (old, was) = open_old(path, &name)?;
    let consumed = match consumed(&old).map_err(|error| CompactError::Open(redb_error(&name, error)))? {
        Some(consumed) => consumed,
        None => return Err(failed(UNFOLDED.to_owned())),
    };
    let (draft, file) = Draft::beside(path, &was).map_err(fault)?;
    let new = FileBackend::new(file)
        .and_then(|backend| builder().create_with_backend(backend))
        .map_err(|error| failed(error.to_string()))?;
    let rows = copy(&old, &new, &consumed).map_err(|error| CompactError::Open(redb_error(&name, error)))?;
    // Both are still open, and so locked: nobody can write into the old one before it has lost its name.
    draft.take_the_place_of(path).map_err(fault)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    drop((old, new));
    let after = std::fs::metadata(path).map_err(fault)?.len();
    Ok(Compacted { before, after, rows })
}

/// Without bounds redb would take a gigabyte for its cache.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(Options::default().cache_bytes);
    builder
}

/// Opens the old file again, and so locks it. Nobody may have put another one into its place meanwhile.
fn open_old(path: &Path, name: &str) -> Result<(Database, Metadata), OpenError> {
    let fault = |source| OpenError::Io { name: name.into(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(fault)?;
    let was = file.metadata().map_err(fault)?;
    let backend = FileBackend::new(file).map_err(|error| database_error(name, error))?;
    let old = builder().create_with_backend(backend).map_err(|error| database_error(name, error))?;
    match leads_to(path, &was).map_err(fault)? {
        true => Ok((old, was)),
        false => Err(OpenError::Locked { name: name.into(), pid: None }),
    }
}

/// The new file while it is written. It goes when that does not come to its end.
struct Draft(Option<PathBuf>);

impl Draft {
    /// An empty file, for the same people as the old one.
    fn beside(path: &Path, old: &Metadata) -> io::Result<(Self, File)> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".compact");
        let draft = PathBuf::from(draft);
        let file = open_or_make(&draft)?;
        let this = Self(Some(draft));
        file.set_len(0)?;
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        // After the owner: a change of that may take bits away.
        file.set_permissions(old.permissions())?;
        Ok((this, file))
    }

    fn take_the_place_of(mut self, path: &Path) -> io::Result<()> {
        let Some(draft) = &self.0 else { return Ok(()) };
        rustix::fs::renameat(CWD, draft, CWD, path)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(draft) = &self.0
            && let Err(error) = std::fs::remove_file(draft)
        {
            tracing::warn!(file = %draft.display(), %error, "what was not finished could not be removed");
        }
    }
}

/// Folds what is not folded, so that no row of the log holds what was erased since.
fn fold_all(path: &Path) -> Result<(), Result<OpenError, String>> {
    let options =
        Options { fold_after: Duration::ZERO, fold_slice: CHUNK, log_rows: 0, log_bytes: 0, ..Options::default() };
    let store = RedbStore::open(path, options).map_err(Ok)?;
    let most = FOLDING.as_millis() / LOOK.as_millis();
    for _ in 0..most {
        if !store.has_unfolded() {
            return Ok(());
        }
        if let crate::Health::Failed(why) = &*store.health().borrow() {
            return Err(Err(why.to_string()));
        }
        std::thread::sleep(LOOK);
    }
    Err(Err(UNFOLDED.to_owned()))
}

/// The inbox rows that folded rows of the log consumed and that may still be there; `None` if a row is not folded. The log
/// itself is not copied: it holds what was erased since.
fn consumed(database: &Database) -> Result<Option<HashSet<u64>>, redb::Error> {
    let snapshot = database.begin_read()?;
    let folded = snapshot.open_table(META)?.get(META_FOLDED)?;
    let folded = folded.and_then(|number| Some(u64::from_be_bytes(number.value().try_into().ok()?))).unwrap_or(0);
    let mut consumed = HashSet::new();
    for row in snapshot.open_table(LOG)?.iter()? {
        let (seq, row) = row?;
        let record = log::decode(Bytes::copy_from_slice(row.value())).ok();
        match record.filter(|_| seq.value() <= folded) {
            Some(record) => consumed.extend(record.consumed),
            None => return Ok(None),
        }
    }
    Ok(Some(consumed))
}

fn copy(old: &Database, new: &Database, consumed: &HashSet<u64>) -> Result<u64, redb::Error> {
    let rows = copy_table(old, new, META, |_| true)?
        + copy_table(old, new, INBOX, |seq| !consumed.contains(&seq))?
        + copy_table(old, new, STATE, |_| true)?;
    let transaction = new.begin_write()?;
    transaction.open_table(LOG)?;
    transaction.commit()?;
    Ok(rows)
}

fn copy_table<K: redb::Key + 'static>(
    old: &Database,
    new: &Database,
    table: TableDefinition<'_, K, &'static [u8]>,
    wanted: impl Fn(K::SelfType<'_>) -> bool,
) -> Result<u64, redb::Error> {
    let snapshot = old.begin_read()?;
    let from = snapshot.open_table(table)?;
    let mut rows = from.iter()?;
    let (mut count, mut more) = (0, true);
    while more {
        let mut transaction = new.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(true);
        {
            let mut to = transaction.open_table(table)?;
            let mut left = CHUNK;
            while left > 0 {
                let Some(row) = rows.next() else { break };
                let (key, value) = row?;
                if !wanted(key.value()) {
                    continue;
                }
                to.insert(key.value(), value.value())?;
                left -= 1;
                count += 1;
            }
            more = left == 0;
        }
        transaction.commit()?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_for_the_same_people_and_goes_when_it_is_not_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let old = File::create(&path).unwrap();
        old.set_permissions(PermissionsExt::from_mode(0o640)).unwrap();
        let (draft, file) = Draft::beside(&path, &old.metadata().unwrap()).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(there(), 2);
        drop(draft);
        assert_eq!(there(), 1);
        let (draft, file) = Draft::beside(&path, &old.metadata().unwrap()).unwrap();
        draft.take_the_place_of(&path).unwrap();
        assert_eq!((there(), leads_to(&path, &file.metadata().unwrap()).unwrap()), (1, true));
    }
}
