//! Bot files on disk and bot versions in the store.
//!
//! A version is the hash of a bot's canonical form, has a number in its bot, and never changes. Versions are kept while
//! runs are on them, so that a conversation goes on with the version it began with; a broken file leaves the last good
//! one in place.
//!
//! A file goes live when it changed since it last went live. At a start a file that somebody published or replaced by
//! hand meanwhile does not: a publish or rollback over the API stands until the file is edited.

mod disk;
mod files;
mod flow_files;
mod library;
mod record;
mod upkeep;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chatbot::bot::{self, Bot, Format, Loaded};
use storage::StoreError;

pub use disk::Report;
pub use flow_files::FlowFiles;
pub use library::{Counted, Expected, KEPT_NUMBERS, Library, MAX_BOTS, MAX_COUNTED, Order, PublishError, Published};
pub use record::{Live, Record, Source};
pub(crate) use upkeep::upkeep;
pub use watch::Tell;
pub(crate) use watch::{Beside, watch};

/// A bot file that was read.
pub struct BotFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its text, for showing diagnostics.
    pub source: String,
    /// What came of it.
    pub loaded: Loaded,
    /// The Flow JSON files that it names, as they were read; none where one could not be.
    pub flows: BTreeMap<PathBuf, Option<String>>,
}

/// A bot file that was read, as the watch knows it.
pub(crate) struct Known {
    path: PathBuf,
    source: String,
    flows: BTreeMap<PathBuf, Option<String>>,
    id: Option<String>,
}

impl BotFile {
    /// What the watch needs to see that it changed.
    pub(crate) fn known(&self) -> Known {
        let Self { path, source, flows, .. } = self;
        let id = self.bot().map(|bot| bot.id().to_owned());
        Known { path: path.clone(), source: source.clone(), flows: flows.clone(), id }
    }

    fn bot(&self) -> Option<&Bot> {
        self.loaded.bot.as_ref()
    }
}

/// Why bots could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder or a file cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two files with the same bot.
    #[error("the bot {id} is in both {} and {}: ids must differ", .first.display(), .second.display())]
    Twice {
        /// The id.
        id: String,
        /// The first file by name.
        first: PathBuf,
        /// The second file by name.
        second: PathBuf,
    },
    /// A bot that is to answer is neither in a file nor in the store.
    #[error("{problems}no bot with the id {id} ({key}) could be loaded")]
    NoBot {
        /// The id.
        id: String,
        /// The setting that names it.
        key: String,
        /// What is wrong with the files, rendered.
        problems: String,
    },
    /// A bot could not be put live.
    #[error("{}: {source}", .path.display())]
    Publish {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PublishError,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads one bot file, and the Flow JSON files that it names.
pub fn read_file(path: &Path) -> Result<BotFile, LoadError> {
    let source = std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
    let format = Format::by_extension(path).unwrap_or(Format::Json);
    let opened = FlowFiles::beside(path);
    let loaded = bot::load_with(&source, &path.display().to_string(), format, &|name| opened.read(name));
    Ok(BotFile { path: path.into(), source, loaded, flows: opened.into_read() })
}

/// Whether a file is a bot by its name. What begins with a dot is an editor's.
fn is_bot_file(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    Format::by_extension(path).is_some() && !hidden
}

/// Reads every bot file of a folder, by name.
pub fn read_dir(dir: &Path) -> Result<Vec<BotFile>, LoadError> {
    let failed = |source| LoadError::Read { path: dir.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_bot_file(&path) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}
