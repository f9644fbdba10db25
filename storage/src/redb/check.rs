//! Looking through a whole file for bytes that are not as they were written.
//!
//! redb keeps a checksum of every page and looks at none of them when it reads, so a byte that changed inside of a value
//! would be read as it is. This reads every page once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, ReadableDatabase, ReadableTableMetadata, StorageBackend};

use super::open::{MISSHAPEN, OpenError, check_magic, database_error, redb_error};
use super::options::Options;
use super::tables::{INBOX, LOG, STATE};

/// What a file holds that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its size, bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

/// Reads every page of a store's file and compares it with its checksum. Errors: [`OpenError::Damaged`] if one differs,
/// [`OpenError::Locked`] while a process has the file open.
pub fn check(path: &Path) -> Result<Checked, OpenError> {
    let name = path.display().to_string();
    let fault = |source| OpenError::Io { name: name.as_str().into(), source };
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).map_err(fault)?;
    check_magic(&mut file, &name)?;
    let backend = FileBackend::new(file).map_err(|error| database_error(&name, error))?;
    check_on(backend, &name)
}

/// The same over any backend.
pub fn check_on(backend: impl StorageBackend, name: &str) -> Result<Checked, OpenError> {
    let bytes = backend.len().map_err(|source| OpenError::Io { name: name.into(), source })?;
    if bytes == 0 {
        return Err(OpenError::Damaged { name: name.into(), detail: "it is empty".into() });
    }
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Builder::new();
        builder.set_cache_size(Options::default().cache_bytes).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(backend);
        rows(&database.map_err(|error| database_error(name, error))?).map_err(|error| redb_error(name, error))
    }));
    let misshapen = |_| OpenError::Damaged { name: name.into(), detail: MISSHAPEN.into() };
    Ok(Checked { bytes, rows: read.map_err(misshapen)?? })
}

fn rows(database: &redb::Database) -> Result<u64, redb::Error> {
    let read = database.begin_read()?;
    Ok(read.open_table(INBOX)?.len()? + read.open_table(LOG)?.len()? + read.open_table(STATE)?.len()?)
}
