//! Opening: the lock, the checks, the epoch, and the replay of what was not folded.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use parking_lot::RwLock;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableError, TableHandle, WriteTransaction,
};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use tokio::sync::watch;

use super::backend::Watched;
use super::batch::{Ledger, Numbers};
use super::inbox::Inbox;
use super::kept::Kept;
use super::log;
use super::memtable::{Memtable, View};
use super::options::{Entropy, Options};
use super::queue::{Linger, Queue};
use super::read;
use super::shared::{Figures, Shared};
use super::space::{self, Guard};
use super::tables::{
    INBOX, LOG, META, META_EPOCH, META_FOLDED, META_FREED, META_INBOX, META_KEPT, META_PRODUCT, META_SCHEMA,
    META_SECRET, META_STRETCHES, META_UNWANTED, PRODUCT, SCHEMA, STATE,
};
use super::writer::{Bounds, Writer};
use crate::{Health, InboxSeq, LogSeq, StoreError, Stretch, keys, rows};

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{name} is in use by another process{}", .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The file.
        name: Box<str>,
        /// Who, if it can be told.
        pid: Option<u32>,
    },
    /// It is some other file.
    #[error("{name} is not a Parlance store: {detail}")]
    Foreign {
        /// The file.
        name: Box<str>,
        /// What was found.
        detail: Box<str>,
    },
    /// It cannot be read any more.
    #[error("{name} is damaged: {detail}; restore it from a backup")]
    Damaged {
        /// The file.
        name: Box<str>,
        /// What was found.
        detail: Box<str>,
    },
    /// A later version wrote it.
    #[error("{name} has format {found}, and this version of Parlance knows {SCHEMA}: use a newer one")]
    Newer {
        /// The file.
        name: Box<str>,
        /// The format of the file.
        found: u64,
    },
    /// It was written before the first release.
    #[error(
        "{name} has format {found} of before the first release, and this version of Parlance knows {SCHEMA}: begin with a new one"
    )]
    Older {
        /// The file.
        name: Box<str>,
        /// The format of the file.
        found: u64,
    },
    /// The operating system refused.
    #[error("cannot open {name}: {source}")]
    Io {
        /// The file.
        name: Box<str>,
        /// How.
        source: io::Error,
    },
}

/// A store that was read and whose threads are not started yet.
pub(super) struct Opened {
    pub(super) shared: Arc<Shared>,
    pub(super) writer: Writer,
}

/// What is said of a file over which redb panics.
pub(super) const MISSHAPEN: &str = "its structure does not hold together";
/// redb's first bytes.
const MAGIC: [u8; 4] = *b"redb";
/// How often a file may be replaced while it is being opened.
const REPLACED: usize = 8;
/// Stretches of the log that are kept: places in earlier ones are not known any more.
const STRETCHES: usize = 64;

pub(super) fn open_file(path: &Path, mut options: Options) -> Result<Opened, OpenError> {
    let name: Box<str> = path.display().to_string().into();
    let fault = |source| OpenError::Io { name: name.clone(), source };
    if options.free_space.is_none() {
        options.free_space = Some(space::of_filesystem(path));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
    }
    if !path.exists() {
        create(path, &name)?;
    }
    for _ in 0..REPLACED {
        let file = open_or_make(path).map_err(fault)?;
        if let Some(locked) = lock_file(path, file, &name, &options)? {
            return Ok(assemble(&name, options, locked));
        }
    }
    Err(OpenError::Locked { name, pid: None })
}

/// Locks and reads a file that was opened; `None` if the path leads to another one by now. Then it was written anew before
/// it could be locked, and what was written to it would be lost.
fn lock_file(path: &Path, mut file: File, name: &str, options: &Options) -> Result<Option<Locked>, OpenError> {
    let fault = |source| OpenError::Io { name: name.into(), source };
    let identity = file.metadata().map_err(fault)?;
    check_magic(&mut file, name)?;
    let length = Arc::new(AtomicU64::new(identity.len()));
    let backend = FileBackend::new(file).map_err(|error| database_error(name, error))?;
    let backend = Watched::over(Box::new(backend), length.clone());
    let locked = lock(backend, name, length, options).map_err(|error| match error {
        OpenError::Locked { name, .. } => OpenError::Locked { name, pid: holder(identity.ino()) },
        other => other,
    })?;
    Ok(leads_to(path, &identity).map_err(fault)?.then_some(locked))
}

/// Whether a path leads to this file.
pub(super) fn leads_to(path: &Path, file: &Metadata) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn open_or_make(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes an empty store beside the place where it belongs and moves it there whole: redb writes its first bytes last, so
/// a start that dies in between would leave a file that looks like somebody else's. The folder is synced, or the store
/// could vanish with its name in a power cut.
fn create(path: &Path, name: &str) -> Result<(), OpenError> {
    let fault = |source| OpenError::Io { name: name.into(), source };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let backend =
        FileBackend::new(open_or_make(&draft).map_err(fault)?).map_err(|error| database_error(name, error))?;
    backend.set_len(0).map_err(fault)?;
    let database = Builder::new().create_with_backend(backend).map_err(|error| database_error(name, error))?;
    found(&database, name, None)?;
    // While the draft is still open, and so locked: another first start must not take it over now.
    match rustix::fs::renameat_with(CWD, &draft, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => std::fs::remove_file(&draft).map_err(fault)?,
        // Not every file system knows the flag.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(&draft, path).map_err(fault)?,
        Err(error) => return Err(fault(error.into())),
    }
    drop(database);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)
}

pub(super) fn open_backend(
    backend: Box<dyn StorageBackend>,
    name: &str,
    options: Options,
) -> Result<Opened, OpenError> {
    let length = Arc::new(AtomicU64::new(0));
    let locked = lock(Watched::over(backend, length.clone()), name, length, &options)?;
    Ok(assemble(name, options, locked))
}

/// redb would say "invalid data" for any other file; this says it before anything is touched.
pub(super) fn check_magic(file: &mut File, name: &str) -> Result<(), OpenError> {
    let mut start = Vec::new();
    let read = file.take(MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|source| OpenError::Io { name: name.into(), source })?;
    if start.is_empty() || start == MAGIC {
        return Ok(());
    }
    Err(OpenError::Foreign { name: name.into(), detail: "it does not begin like a redb file".into() })
}

/// The process that holds a lock on the file, from the kernel's list of locks.
fn holder(inode: u64) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let holds = |line: &str| {
        let mut words = line.split_whitespace().skip(4);
        let pid = words.next()?.parse().ok()?;
        let of = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
        (of == inode).then_some(pid)
    };
    locks.lines().find_map(holds)
}

/// A file that is locked and was read.
struct Locked {
    database: Database,
    length: Arc<AtomicU64>,
    founded: Founded,
    tail: Tail,
}

fn lock(backend: Watched, name: &str, length: Arc<AtomicU64>, options: &Options) -> Result<Locked, OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    // redb trusts a file that was closed cleanly and may panic over one that was damaged since.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = builder.create_with_backend(backend).map_err(|error| database_error(name, error))?;
        let founded = found(&database, name, options.entropy.as_ref())?;
        let tail = replay(&database, name, options.inbox_bytes)?;
        Ok(Locked { database, length, founded, tail })
    }));
    let damaged = |_| OpenError::Damaged { name: name.into(), detail: MISSHAPEN.into() };
    opened.map_err(damaged)?
}

fn assemble(name: &str, options: Options, locked: Locked) -> Opened {
    let Locked { database, length, founded, tail } = locked;
    let shared = Arc::new(Shared {
        name: name.into(),
        epoch: founded.epoch,
        secret: founded.secret,
        stretches: founded.stretches,
        cut: AtomicU64::new(tail.unwanted),
        database: RwLock::new(Some(database)),
        view: RwLock::new(View { active: tail.table, frozen: None }),
        inbox: RwLock::new(tail.inbox),
        queue: Queue::new(
            options.queue_items,
            options.queue_bytes,
            Linger { longest: options.linger, items: options.linger_items },
        ),
        appended: watch::Sender::new(InboxSeq(tail.next.inbox - 1)),
        committed: watch::Sender::new(LogSeq(tail.next.log - 1)),
        health: watch::Sender::new(Health::Good),
        figures: Figures { length, ..Figures::default() },
    });
    let space = Guard::new(options.free_space, options.min_free_bytes, options.free_space_every);
    let ledger = Ledger::new(shared.clone(), tail.next, space);
    let bounds = Bounds {
        batch_items: options.batch_items,
        batch_bytes: options.batch_bytes,
        fold_bytes: options.fold_bytes,
        fold_rows: options.fold_rows,
        fold_log_bytes: options.fold_log_bytes,
        fold_after: options.fold_after,
        fold_pause: options.fold_pause,
        fold_slice: options.fold_slice,
    };
    let observe = options.observe;
    let kept = Kept {
        oldest: tail.oldest_log,
        bytes: tail.kept_bytes,
        max_rows: options.log_rows,
        max_bytes: options.log_bytes,
        unwanted: tail.unwanted,
        asked: false,
    };
    let mut writer =
        Writer { shared: shared.clone(), ledger, bounds, observe, fold: None, first_log: tail.first_log, kept };
    writer.count_unfolded();
    writer.freeze_if_full();
    Opened { shared, writer }
}

pub(super) fn database_error(name: &str, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Locked { name: name.into(), pid: None },
        DatabaseError::Storage(error) => storage_error(name, error),
        other => OpenError::Damaged { name: name.into(), detail: other.to_string().into() },
    }
}

fn storage_error(name: &str, error: StorageError) -> OpenError {
    let name = name.into();
    match error {
        StorageError::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
            OpenError::Damaged { name, detail: "it ends too early".into() }
        }
        StorageError::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            OpenError::Foreign { name, detail: source.to_string().into() }
        }
        StorageError::Io(source) => OpenError::Io { name, source },
        other => OpenError::Damaged { name, detail: other.to_string().into() },
    }
}

pub(super) fn redb_error(name: &str, error: redb::Error) -> OpenError {
    match error {
        redb::Error::Io(source) => storage_error(name, StorageError::Io(source)),
        redb::Error::TableTypeMismatch { .. } => {
            OpenError::Foreign { name: name.into(), detail: error.to_string().into() }
        }
        other => OpenError::Damaged { name: name.into(), detail: other.to_string().into() },
    }
}

/// What `meta` says.
struct Founded {
    epoch: u64,
    secret: [u8; 16],
    stretches: Arc<[Stretch]>,
}

/// Checks whose file it is, or makes it ours if it is empty, and opens a new epoch.
fn found(database: &Database, name: &str, entropy: Option<&Entropy>) -> Result<Founded, OpenError> {
    let fault = |error: redb::Error| redb_error(name, error);
    let mut transaction = database.begin_write().map_err(|error| fault(error.into()))?;
    transaction.set_quick_repair(true);
    let founded = identify(&transaction, name, entropy)?;
    transaction.commit().map_err(|error| fault(error.into()))?;
    Ok(founded)
}

fn identify(transaction: &WriteTransaction, name: &str, entropy: Option<&Entropy>) -> Result<Founded, OpenError> {
    let fault = |error: redb::Error| redb_error(name, error);
    let names = transaction.list_tables().map_err(|error| fault(error.into()))?;
    let names: Vec<_> = names.map(|table| table.name().to_owned()).collect();
    let foreign = |detail: &str| OpenError::Foreign { name: name.into(), detail: detail.into() };
    if !names.is_empty() && !names.iter().any(|table| table == META.name()) {
        return Err(foreign("it is a redb file with other tables"));
    }
    let mut meta = transaction.open_table(META).map_err(|error| fault(error.into()))?;
    let read = |key: &str| -> Result<Option<Vec<u8>>, OpenError> {
        let value = meta.get(key).map_err(|error| storage_error(name, error))?;
        Ok(value.map(|value| value.value().to_vec()))
    };
    let product = read(META_PRODUCT)?;
    if !names.is_empty() && product.as_deref() != Some(PRODUCT) {
        return Err(foreign("its meta table names another product"));
    }
    let schema = number(name, read(META_SCHEMA)?)?;
    match schema {
        Some(found) if found > SCHEMA => return Err(OpenError::Newer { name: name.into(), found }),
        Some(found) if found < SCHEMA => return Err(OpenError::Older { name: name.into(), found }),
        _ => {}
    }
    let epoch = number(name, read(META_EPOCH)?)?.unwrap_or(0) + 1;
    let secret = match read(META_SECRET)? {
        Some(secret) => secret.try_into().map_err(|_| damaged(name, "its secret has a wrong length"))?,
        None => random(entropy)?,
    };
    let folded = number(name, read(META_FOLDED)?)?.unwrap_or(0);
    let log = transaction.open_table(LOG).map_err(|error| fault(error.into()))?;
    let last = log.last().map_err(|error| storage_error(name, error))?.map_or(0, |(seq, _)| seq.value());
    drop(log);
    let stretches = one_more(read(META_STRETCHES)?, last.max(folded), name, random(entropy)?)?;
    let stretches_row: Vec<u8> =
        stretches.iter().flat_map(|one| [one.first.0.to_be_bytes(), one.name]).flatten().collect();
    let values: [(&str, &[u8]); 5] = [
        (META_PRODUCT, PRODUCT),
        (META_SCHEMA, &SCHEMA.to_be_bytes()),
        (META_EPOCH, &epoch.to_be_bytes()),
        (META_SECRET, &secret),
        (META_STRETCHES, &stretches_row),
    ];
    for (key, value) in values {
        meta.insert(key, value).map_err(|error| storage_error(name, error))?;
    }
    transaction.open_table(INBOX).map_err(|error| fault(error.into()))?;
    transaction.open_table(STATE).map_err(|error| fault(error.into()))?;
    Ok(Founded { epoch, secret, stretches })
}

/// The stretches of the log with the one that begins now, behind its newest row. One in which nothing was written is not
/// kept; the first of all begins before the first row, where readers begin.
fn one_more(known: Option<Vec<u8>>, last: u64, name: &str, random: [u8; 8]) -> Result<Arc<[Stretch]>, OpenError> {
    let mut stretches = Vec::new();
    for row in known.unwrap_or_default().chunks(16) {
        let (first, random) = row.split_first_chunk::<8>().ok_or_else(|| damaged(name, "a stretch of its log"))?;
        let random = random.try_into().map_err(|_| damaged(name, "a stretch of its log"))?;
        stretches.push(Stretch { first: LogSeq(u64::from_be_bytes(*first)), name: random });
    }
    stretches.retain(|stretch| stretch.first.0 <= last);
    let first = LogSeq(if stretches.is_empty() { last } else { last + 1 });
    stretches.push(Stretch { first, name: random });
    Ok(stretches.split_off(stretches.len().saturating_sub(STRETCHES)).into())
}

fn damaged(name: &str, detail: &str) -> OpenError {
    OpenError::Damaged { name: name.into(), detail: detail.into() }
}

fn number(name: &str, value: Option<Vec<u8>>) -> Result<Option<u64>, OpenError> {
    let Some(value) = value else { return Ok(None) };
    let bytes = value.try_into().map_err(|_| damaged(name, "a number in its meta table has a wrong length"))?;
    Ok(Some(u64::from_be_bytes(bytes)))
}

fn random<const N: usize>(entropy: Option<&Entropy>) -> Result<[u8; N], OpenError> {
    let mut bytes = [0; N];
    let filled = match entropy {
        Some(fill) => fill(&mut bytes),
        None => File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)),
    };
    filled.map_err(|source| OpenError::Io { name: "/dev/urandom".into(), source })?;
    Ok(bytes)
}

/// What memory starts with.
struct Tail {
    table: Memtable,
    inbox: Inbox,
    next: Numbers,
    first_log: u64,
    oldest_log: u64,
    kept_bytes: u64,
    unwanted: u64,
}

fn replay(database: &Database, name: &str, inbox_budget: usize) -> Result<Tail, OpenError> {
    let transaction = database.begin_read().map_err(|error| redb_error(name, error.into()))?;
    let meta = table(&transaction, META, name)?;
    let read = |key: &str| -> Result<u64, OpenError> {
        let value = meta.get(key).map_err(|error| storage_error(name, error))?;
        Ok(number(name, value.map(|value| value.value().to_vec()))?.unwrap_or(0))
    };
    let (folded, last_inbox) = (read(META_FOLDED)?, read(META_INBOX)?);
    let log = table(&transaction, LOG, name)?;
    let (memory, first_log) = replay_log(&log, read(META_FREED)?, folded, name)?;
    let oldest = log.first().map_err(|error| storage_error(name, error))?.map(|(seq, _)| seq.value());
    let (inbox, last_row) = read_inbox(&table(&transaction, INBOX, name)?, &memory, inbox_budget, name)?;
    let state = table(&transaction, STATE, name)?;
    let letter = |kind| last_id(&state, &memory, kind, name);
    let next = Numbers {
        inbox: last_inbox.max(last_row) + 1,
        log: folded.max(memory.last_log) + 1,
        letter: letter(keys::LETTER)?.max(letter(keys::RESOLVED)?) + 1,
        quarantine: last_id(&state, &memory, keys::QUARANTINE, name)? + 1,
        notice: last_id(&state, &memory, keys::NOTICE, name)? + 1,
    };
    let (first_log, oldest_log) = (first_log.unwrap_or(next.log), oldest.unwrap_or(next.log));
    Ok(Tail {
        table: memory,
        inbox,
        next,
        first_log,
        oldest_log,
        kept_bytes: read(META_KEPT)?,
        unwanted: read(META_UNWANTED)?,
    })
}

fn table<K: redb::Key + 'static>(
    transaction: &ReadTransaction,
    definition: redb::TableDefinition<'_, K, &'static [u8]>,
    name: &str,
) -> Result<ReadOnlyTable<K, &'static [u8]>, OpenError> {
    transaction.open_table(definition).map_err(|error: TableError| redb_error(name, error.into()))
}

type Rows = ReadOnlyTable<u64, &'static [u8]>;

/// Rows up to `freed` are kept for readers only. Those up to `folded` only tell which inbox rows they consumed; the
/// others are applied.
fn replay_log(log: &Rows, freed: u64, folded: u64, name: &str) -> Result<(Memtable, Option<u64>), OpenError> {
    let mut memory = Memtable::default();
    let mut first = None;
    for row in log.range(freed + 1..).map_err(|error| storage_error(name, error))? {
        let (seq, row) = row.map_err(|error| storage_error(name, error))?;
        let seq = seq.value();
        let record = log::decode(Bytes::copy_from_slice(row.value())).map_err(|error| row_error(name, &error))?;
        first.get_or_insert(seq);
        memory.last_log = seq;
        memory.consumed.extend(record.consumed.iter().map(|inbox| (seq, *inbox)));
        if seq > folded {
            memory.log_bytes += row.value().len() as u64;
            record.ops.into_iter().for_each(|op| memory.apply(op));
        }
    }
    Ok((memory, first))
}

fn row_error(name: &str, error: &StoreError) -> OpenError {
    damaged(name, &error.to_string())
}

fn read_inbox(table: &Rows, memory: &Memtable, budget: usize, name: &str) -> Result<(Inbox, u64), OpenError> {
    let consumed: std::collections::HashSet<u64> = memory.consumed.iter().map(|(_, inbox)| *inbox).collect();
    let mut inbox = Inbox::new(budget);
    let mut last = 0;
    for row in table.iter().map_err(|error| storage_error(name, error))? {
        let (seq, row) = row.map_err(|error| storage_error(name, error))?;
        last = seq.value();
        if consumed.contains(&last) {
            continue;
        }
        if !inbox.has_room() {
            inbox.insert_number(last);
            continue;
        }
        let row = rows::read_inbound(&Bytes::copy_from_slice(row.value())).map_err(|error| row_error(name, &error))?;
        inbox.insert(last, row);
    }
    Ok((inbox, last))
}

/// The largest id that was given out under a prefix, folded or not, still there or not.
fn last_id(
    state: &ReadOnlyTable<&'static [u8], &'static [u8]>,
    memory: &Memtable,
    prefix: u8,
    name: &str,
) -> Result<u64, OpenError> {
    let (from, to) = ([prefix], [prefix + 1]);
    let range = state.range::<&[u8]>(from.as_slice()..to.as_slice());
    let last = range.map_err(|error| storage_error(name, error))?.next_back();
    let last = last.transpose().map_err(|error| storage_error(name, error))?;
    let folded = last.and_then(|(key, _)| keys::last_number(key.value()));
    let bounds = (std::ops::Bound::Included(from.as_slice()), std::ops::Bound::Excluded(to.as_slice()));
    let unfolded = memory.range(bounds.0, bounds.1).next_back().and_then(|(key, _)| keys::last_number(key));
    let mark = keys::forgotten(prefix);
    let forgotten = match memory.get(&mark) {
        Some(mark) => mark.cloned(),
        None => read::folded(state, &mark).map_err(|error| row_error(name, &error))?,
    };
    let forgotten =
        forgotten.map(|mark| rows::read_number(&mark)).transpose().map_err(|error| row_error(name, &error))?;
    Ok(folded.max(unfolded).max(forgotten).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_anew_before_it_was_locked_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        drop(open_file(&path, Options::default()).unwrap());
        let waited = open_or_make(&path).unwrap();
        super::super::compact(&path).unwrap();
        assert!(lock_file(&path, waited, "store", &Options::default()).unwrap().is_none());
        let found = open_or_make(&path).unwrap();
        assert!(lock_file(&path, found, "store", &Options::default()).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
        assert!(!leads_to(&path, &std::fs::metadata(folder.path()).unwrap()).unwrap());
    }

    #[test]
    fn a_stretch_without_a_row_is_not_kept_and_only_the_newest_are() {
        let row = |stretches: &[Stretch]| -> Vec<u8> {
            stretches.iter().flat_map(|one| [one.first.0.to_be_bytes(), one.name]).flatten().collect()
        };
        let mut known = one_more(None, 0, "store", [0; 8]).unwrap();
        assert_eq!((known.len(), known[0].first), (1, LogSeq(0)));
        for last in [7, 7, 9] {
            known = one_more(Some(row(&known)), last, "store", [1; 8]).unwrap();
        }
        assert_eq!(known.iter().map(|one| one.first.0).collect::<Vec<_>>(), [0, 8, 10]);
        for last in 10..200 {
            known = one_more(Some(row(&known)), last, "store", [1; 8]).unwrap();
        }
        assert_eq!((known.len(), known[0].first), (STRETCHES, LogSeq(200 - STRETCHES as u64 + 1)));
        assert!(one_more(Some(vec![0; 9]), 1, "store", [0; 8]).is_err());
    }
}
