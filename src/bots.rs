//! Bot files on disk and bot versions in the store: what goes live at start.
//!
//! Every valid version that was ever live is kept in the store, so that a conversation goes on with the version it began
//! with, and a broken file leaves the last good one in place.

mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::media::Media;
use bytes::Bytes;
use chatbot::Diagnostic;
use chatbot::bot::{self, Bot, Format, Loaded};
use storage::{Store, StoreError};

const VERSIONS: &str = "bot_version";
const LIVE: &str = "bot_live";

/// A bot file that was read.
pub struct BotFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its text, for showing diagnostics.
    pub source: String,
    /// What came of it.
    pub loaded: Loaded,
}

impl BotFile {
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
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads one bot file.
pub fn read_file(path: &Path) -> Result<BotFile, LoadError> {
    let source = std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.into(), source })?;
    let format = Format::by_extension(path).unwrap_or(Format::Json);
    let loaded = bot::load(&source, &path.display().to_string(), format);
    Ok(BotFile { path: path.into(), source, loaded })
}

/// Reads every bot file of a folder, by name.
pub fn read_dir(dir: &Path) -> Result<Vec<BotFile>, LoadError> {
    let failed = |source| LoadError::Read { path: dir.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("json" | "yaml" | "yml")) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}

/// What was put live, for the banner and the log.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Live bots.
    pub bots: usize,
    /// Their nodes together.
    pub nodes: usize,
    /// Errors and warnings, rendered with their place.
    pub problems: Vec<String>,
}

/// Puts the valid files live, keeps the last good version of broken ones, and makes every stored version known. The bots
/// of `answering`, each with the setting that names it, must be among them.
pub async fn put_live(
    bots: &actors::Bots,
    store: &dyn Store,
    media: &Media,
    files: Vec<BotFile>,
    answering: &[(String, &str)],
) -> Result<Report, LoadError> {
    refuse_twins(&files)?;
    let mut report = Report::default();
    restore(bots, store, media).await?;
    for file in files {
        report
            .problems
            .extend(file.loaded.diagnostics.iter().map(|diagnostic: &Diagnostic| diagnostic.render(&file.source)));
        if let Some(bot) = file.loaded.bot {
            let (stored, problems) = files::store(media, &bot, &file.path).await;
            report.problems.extend(problems);
            files::note(store, media, &version_key(&bot), &stored).await?;
            publish(bots, store, Arc::new(bot.with_files(&stored))).await?;
        }
    }
    let live = bots.live();
    if let Some((key, id)) = answering.iter().find(|(_, id)| !live.iter().any(|bot| bot.id() == *id)) {
        let problems = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
        return Err(LoadError::NoBot { id: (*id).into(), key: key.clone(), problems });
    }
    report.bots = live.len();
    report.nodes = live.iter().map(|bot| bot.node_count()).sum();
    Ok(report)
}

fn refuse_twins(files: &[BotFile]) -> Result<(), LoadError> {
    for (index, file) in files.iter().enumerate() {
        let Some(bot) = file.bot() else { continue };
        let twin = files.iter().take(index).find(|other| other.bot().is_some_and(|other| other.id() == bot.id()));
        if let Some(twin) = twin {
            return Err(LoadError::Twice { id: bot.id().into(), first: twin.path.clone(), second: file.path.clone() });
        }
    }
    Ok(())
}

async fn restore(bots: &actors::Bots, store: &dyn Store, media: &Media) -> Result<(), StoreError> {
    for (key, source) in store.documents(VERSIONS).await? {
        match compile(&key, &source) {
            Some(bot) => {
                let stored = files::of_version(store, media, &key).await?;
                bots.add_version(Arc::new(bot.with_files(&stored)));
            }
            None => tracing::warn!(version = %key, "a stored bot version can no longer be loaded"),
        }
    }
    for (id, version) in store.documents(LIVE).await? {
        let version = String::from_utf8_lossy(&version).into_owned();
        if let Some(bot) = bots.version(&id, &version) {
            bots.put_live(bot);
        }
    }
    Ok(())
}

fn compile(name: &str, source: &[u8]) -> Option<Bot> {
    bot::load(std::str::from_utf8(source).ok()?, name, Format::Json).bot
}

fn version_key(bot: &Bot) -> String {
    format!("{}/{}", bot.id(), bot.version())
}

async fn publish(bots: &actors::Bots, store: &dyn Store, bot: Arc<Bot>) -> Result<(), StoreError> {
    let key = version_key(&bot);
    if store.document(VERSIONS, &key).await?.is_none() {
        store.put_document(VERSIONS, &key, Some(Bytes::from(bot.canonical_json()))).await?;
    }
    let live = store.document(LIVE, bot.id()).await?;
    if live.as_deref() != Some(bot.version().as_bytes()) {
        store.put_document(LIVE, bot.id(), Some(Bytes::copy_from_slice(bot.version().as_bytes()))).await?;
    }
    bots.put_live(bot);
    Ok(())
}
