//! Bot files that are saved go live at once: the folder is looked at twice a second.
//!
//! A change counts once it is still there at the next look, so that editors may truncate, rename and write as they
//! like. The Flow JSON files that a bot file names count as parts of it. What a file says counts, not its time: saving it
//! unchanged does nothing. A broken file leaves what is live in
//! place and shows what is wrong; a new file is a new bot; the bot of a file that is removed stays live.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::Clock;
use actors::flow_manager::FlowManager;
use chatbot::Bot;

use super::library::Library;
use super::{BotFile, Known, is_bot_file, read_file};
use crate::services::Supplies;

/// Looks are so far apart.
const POLL_MS: u64 = 500;
/// A file that is not there at so many looks in a row is gone.
const GONE_LOOKS: u32 = 2;
/// Files of a folder that are watched.
const MAX_FILES: usize = 2_000;

/// Where the lines go that people should see.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What tells a file that changed from one that did not, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified_ns: i128,
    bytes: u64,
    inode: u64,
    /// Of the Flow JSON files that it names; none for one that is not there.
    flows: Vec<Option<Stamp>>,
}

/// A file that was seen.
#[derive(Default)]
struct Seen {
    /// As it was when it was read.
    read: Option<Stamp>,
    /// As it was at the last look, if that differs.
    changing: Option<Stamp>,
    source: String,
    /// The Flow JSON files that it names, as they were read.
    flows: BTreeMap<PathBuf, Option<String>>,
    /// The bot that it holds, as far as it could be read.
    id: Option<String>,
    missed: u32,
}

/// What the watch works with beside the versions.
pub(crate) struct Beside {
    /// What bots are held against.
    pub supplies: Supplies,
    /// Where the lines go that people should see.
    pub tell: Tell,
    /// Whose Flows are applied at once.
    pub flows: Option<Arc<FlowManager>>,
}

struct Watch {
    library: Arc<Library>,
    supplies: Supplies,
    flows: Option<Arc<FlowManager>>,
    dir: PathBuf,
    tell: Tell,
    files: BTreeMap<PathBuf, Seen>,
    /// The folder cannot be read, and that was said.
    unreadable: bool,
}

/// Goes on until it is dropped. `known` are the files that were read at the start.
pub(crate) async fn watch(library: Arc<Library>, beside: Beside, dir: PathBuf, known: Vec<Known>) {
    let Beside { supplies, tell, flows: applied } = beside;
    let clock: Arc<dyn Clock> = library.clock.clone();
    let seen = |known: Known| {
        let Known { path, source, flows, id } = known;
        (path, Seen { source, flows, id, ..Seen::default() })
    };
    let files = known.into_iter().map(seen).filter(|(path, _)| path.parent() == Some(&dir)).collect();
    let mut watch = Watch { library, supplies, flows: applied, dir, tell, files, unreadable: false };
    loop {
        Box::pin(watch.look()).await;
        clock.wait_until(clock.now_ms() + POLL_MS).await;
    }
}

impl Watch {
    async fn look(&mut self) {
        let dir = self.dir.clone();
        let flows =
            self.files.iter().map(|(path, seen)| (path.clone(), seen.flows.keys().cloned().collect())).collect();
        let found = match tokio::task::spawn_blocking(move || stamps(&dir, &flows)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return self.say_unreadable(&error),
            Err(_) => return,
        };
        self.unreadable = false;
        self.miss(&found);
        for (path, stamp) in found {
            let seen = self.files.entry(path.clone()).or_default();
            seen.missed = 0;
            if seen.read.as_ref() == Some(&stamp) {
                seen.changing = None;
            } else if seen.changing.as_ref() == Some(&stamp) {
                Box::pin(self.read(path, stamp)).await;
            } else {
                seen.changing = Some(stamp);
            }
        }
    }

    fn say_unreadable(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.unreadable, true) {
            (self.tell)(&format!("{} cannot be read: {error}; what is live stays live", self.dir.display()));
        }
    }

    /// Files that are gone. Their bots stay.
    fn miss(&mut self, found: &BTreeMap<PathBuf, Stamp>) {
        let mut gone = Vec::new();
        for (path, seen) in self.files.iter_mut().filter(|(path, _)| !found.contains_key(*path)) {
            seen.missed += 1;
            if seen.missed >= GONE_LOOKS {
                gone.push(path.clone());
            }
        }
        for path in gone {
            let id = self.files.remove(&path).and_then(|seen| seen.id);
            let live = id.and_then(|id| Some((self.library.live(&id)?.number, id)));
            let stays = live.map(|(number, id)| format!("; {id} v{number} stays live")).unwrap_or_default();
            (self.tell)(&format!("{} is gone{stays}", path.display()));
        }
    }

    async fn read(&mut self, path: PathBuf, stamp: Stamp) {
        let from = path.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || read_file(&from)).await else { return };
        let file = match read {
            Ok(file) => file,
            // It may be gone again by now: the next look says.
            Err(error) => return tracing::debug!(%error, "a bot file that was saved cannot be read yet"),
        };
        let known = self.files.entry(path).or_default();
        // Other Flow JSON files are others to look at: the stamp of the next look says.
        let same_files = known.flows.keys().eq(file.flows.keys());
        (known.read, known.changing) = (Some(stamp).filter(|_| same_files), None);
        if known.source == file.source && known.flows == file.flows {
            return;
        }
        known.source.clone_from(&file.source);
        known.flows.clone_from(&file.flows);
        if let Some(bot) = &file.loaded.bot {
            known.id = Some(bot.id().to_owned());
        }
        let id = known.id.clone();
        Box::pin(self.put_live(file, id)).await;
    }

    async fn apply_flows(&self, bot: &Bot) -> Vec<String> {
        match &self.flows {
            Some(flows) if bot.flows().next().is_some() => crate::flows::apply(flows).await,
            _ => Vec::new(),
        }
    }

    async fn put_live(&self, file: BotFile, known_id: Option<String>) {
        let BotFile { path, source, loaded, .. } = file;
        loaded.diagnostics.iter().for_each(|diagnostic| (self.tell)(&diagnostic.render(&source)));
        let Some(bot) = loaded.bot else {
            let errors = loaded.diagnostics.iter().filter(|found| found.is_error()).count();
            let live = known_id.and_then(|id| Some((self.library.live(&id)?.number, id)));
            let stays = live.map(|(number, id)| format!("; {id} v{number} stays live")).unwrap_or_default();
            return (self.tell)(&format!("{} has {}{stays}", path.display(), count(errors, "error")));
        };
        let twin = self.files.iter().find(|(other, seen)| **other != path && seen.id.as_deref() == Some(bot.id()));
        if let Some((twin, _)) = twin {
            let (id, twin) = (bot.id(), twin.display());
            return (self.tell)(&format!("the bot {id} is in both {twin} and {}: ids must differ", path.display()));
        }
        let id = bot.id().to_owned();
        match Box::pin(self.library.put_saved(bot, &path)).await {
            Ok(saved) => {
                saved.problems.iter().for_each(|problem| (self.tell)(problem));
                // First, so that what they lacked until now is no finding.
                let unapplied = self.apply_flows(&saved.published.bot).await;
                unapplied.iter().for_each(|problem| (self.tell)(problem));
                let lacking = saved.published.bot.check_against(&self.supplies.now());
                lacking.iter().for_each(|found| (self.tell)(&found.render(&source)));
                let problems = loaded.diagnostics.len() + saved.problems.len() + unapplied.len() + lacking.len();
                (self.tell)(&saved.published.line(problems));
            }
            Err(error) => (self.tell)(&format!("{id} cannot go live: {error}")),
        }
    }
}

impl super::Published {
    /// What people see when a version goes live: `welcome v2 live: +1 node, 0 problems`.
    pub(super) fn line(&self, problems: usize) -> String {
        let (id, number) = (self.bot.id(), self.record.number);
        let what = match &self.before {
            Some(before) if before.version() == self.bot.version() => "nothing changed that counts".to_owned(),
            Some(before) => chatbot::diff(before, &self.bot).summary(),
            None => format!("new, {}", count(self.bot.node_count(), "node")),
        };
        format!("{id} v{number} live: {what}, {}", count(problems, "problem"))
    }
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The bot files of a folder; none if there is no folder.
fn stamps(dir: &Path, flows: &BTreeMap<PathBuf, Vec<PathBuf>>) -> io::Result<BTreeMap<PathBuf, Stamp>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        // What vanishes between two calls is not there.
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if !is_bot_file(&path) || !meta.is_file() || found.len() >= MAX_FILES {
            continue;
        }
        let of_file = |file: &PathBuf| std::fs::metadata(file).ok().map(|meta| stamp(&meta));
        let flows = flows.get(&path).into_iter().flatten().map(of_file).collect();
        found.insert(path, Stamp { flows, ..stamp(&meta) });
    }
    Ok(found)
}

fn stamp(meta: &std::fs::Metadata) -> Stamp {
    let modified_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Stamp { modified_ns, bytes: meta.len(), inode: meta.ino(), flows: Vec::new() }
}
