//! Writing a store's file anew, so that nothing is in it but what a reader can find.
//!
//! redb gives pages free without clearing them, so what was erased can be read in the file until its page is used again.
//! The new file is written beside the old one, which stays locked, and takes its name at the end: whatever goes wrong
//! before, the old one is still there.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use rustix::fs::CWD;

use super::RedbStore;
use super::log;
use super::open::{OpenError, open_or_make, redb_error};
use super::options::Options;
use super::tables::{INBOX, LOG, META, META_FOLDED, STATE};
use crate::Store;

/// Rows of one transaction.
const CHUNK: usize = 10_000;
/// How long what was not folded may take until it is.
const FOLDING: Duration = Duration::from_secs(600);
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

/// Writes the file anew. Errors: [`OpenError::Locked`] while a process has it open.
pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
    let name: Box<str> = path.display().to_string().into();
    let failed = |why: String| CompactError::Failed { name: name.clone(), why: why.into() };
    let fault = |error: io::Error| failed(error.to_string());
    let before = std::fs::metadata(path).map_err(|source| OpenError::Io { name: name.clone(), source })?.len();
    fold_all(path).map_err(|why| match why {
        Ok(error) => CompactError::Open(error),
        Err(why) => failed(why),
    })?;
    let old = Builder::new()
        .open(path)
        .map_err(|error| OpenError::Damaged { name: name.clone(), detail: error.to_string().into() })?;
    let consumed = match consumed(&old).map_err(|error| CompactError::Open(redb_error(&name, error)))? {
        Some(consumed) => consumed,
        None => return Err(failed("what was written last is still not folded; try again".to_owned())),
    };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".compact");
    let draft = PathBuf::from(draft);
    let file = open_or_make(&draft).map_err(fault)?;
    file.set_len(0).map_err(fault)?;
    let new = FileBackend::new(file)
        .and_then(|backend| Builder::new().create_with_backend(backend))
        .map_err(|error| failed(error.to_string()))?;
    let rows = copy(&old, &new, &consumed).map_err(|error| CompactError::Open(redb_error(&name, error)))?;
    // Both are still open, and so locked: nobody can write into the old one before it has lost its name.
    rustix::fs::renameat(CWD, &draft, CWD, path).map_err(|error| fault(error.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
    drop((old, new));
    let after = std::fs::metadata(path).map_err(fault)?.len();
    Ok(Compacted { before, after, rows })
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
    Err(Err("what was written last is still not folded; try again".to_owned()))
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
