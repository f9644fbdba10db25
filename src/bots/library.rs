//! The versions of all bots: numbered, noted, put live one at a time. The store's documents are the truth; what is here
//! in memory is changed after their commit only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use actors::census::{self, Census};
use actors::media::{Digest, Media};
use actors::{Bots, Clock, Engine, StoredVersion};
use bytes::Bytes;
use chatbot::{Bot, Running};
use parking_lot::Mutex;
use storage::{NewDocument, Store, StoreError};
use tokio::sync::Notify;

use super::files::{self, Files};
use super::record::{LIVE, Live, NUMBERS, Record, Shelf, Source, VERSIONS, document, number_key, version_key};

/// Bots at the most.
pub const MAX_BOTS: usize = 1_000;
/// The last so many numbers of a bot are kept whether they have runs or not.
pub const KEPT_NUMBERS: u32 = 20;
/// Conversations that are looked at to say how many runs a version has.
pub const MAX_COUNTED: u64 = 20_000;
/// A count is good for so long.
const COUNT_MS: u64 = 1_000;

/// See the module.
pub struct Library {
    pub(super) store: Arc<dyn Store>,
    pub(super) media: Arc<Media>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Arc<Bots>,
    pub(super) shelves: Mutex<BTreeMap<String, Shelf>>,
    /// Held while something is written: publishes come one after the other.
    pub(super) writing: tokio::sync::Mutex<()>,
    counted: tokio::sync::Mutex<Option<Counted>>,
    engine: OnceLock<Arc<Engine>>,
    /// Rung after each change.
    pub(super) changed: Notify,
}

/// How many runs there are, and when that was so.
#[derive(Clone, Debug)]
pub struct Counted {
    /// When.
    pub at_ms: u64,
    /// The runs.
    pub census: Arc<Census>,
}

/// Who publishes, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who.
    pub source: Source,
    /// What for.
    pub note: Option<String>,
    /// Who says so.
    pub author: Option<String>,
    /// What runs of other versions do; `None`: as the version itself says.
    pub running: Option<Running>,
    /// Which version must be live for this to happen.
    pub expected: Expected,
}

/// What must be so before a publish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    #[default]
    Anything,
    /// There must be no such bot.
    Nothing,
    /// There must be one.
    Something,
    /// One of these versions must be live.
    OneOf(Vec<String>),
}

/// What a publish did.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version.
    pub record: Record,
    /// The bot.
    pub bot: Arc<Bot>,
    /// The version that was live before.
    pub before: Option<Arc<Bot>>,
    /// The bot is new.
    pub created: bool,
    /// Whether anything was written.
    pub changed: bool,
    /// Files that the version names and that are not here.
    pub missing_files: Vec<String>,
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no such bot.
    #[error("there is no bot {0:?}")]
    NoBot(String),
    /// It has no such version.
    #[error("the bot {id} has no version {version:?}")]
    NoVersion {
        /// The bot.
        id: String,
        /// What was asked for.
        version: String,
    },
    /// Several versions begin so.
    #[error("several versions of {id} begin with {version:?}")]
    Ambiguous {
        /// The bot.
        id: String,
        /// What was asked for.
        version: String,
    },
    /// There is nothing to go back to.
    #[error("the bot {0} has no version before the one that is live")]
    NothingOlder(String),
    /// Another version is live than the one that was expected.
    #[error("{}", .live.as_ref().map_or("there is no such bot".to_owned(), |live| format!("another version is live: {live}")))]
    NotExpected {
        /// The version that is live.
        live: Option<String>,
    },
    /// The policy does not fit the version.
    #[error("{}", .0.join("; "))]
    Policy(Vec<String>),
    /// This program cannot load a version that another one stored.
    #[error("this program cannot load version {0}")]
    Unloadable(u32),
    /// There are too many bots.
    #[error("there are {MAX_BOTS} bots, and there may be no more")]
    TooMany,
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Library {
    /// Everything that the store knows, in the registry. Versions are compiled when they are needed, live ones now.
    pub async fn load(
        store: Arc<dyn Store>,
        media: Arc<Media>,
        clock: Arc<dyn Clock>,
        registry: Arc<Bots>,
    ) -> Result<Arc<Self>, StoreError> {
        let library = Self {
            store,
            media,
            clock,
            registry,
            shelves: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            counted: tokio::sync::Mutex::default(),
            engine: OnceLock::new(),
            changed: Notify::new(),
        };
        library.restore().await?;
        Ok(Arc::new(library))
    }

    /// From now on the engine hears of what goes live.
    pub fn attach(&self, engine: Arc<Engine>) {
        let _set_once = self.engine.set(engine);
    }

    pub(super) fn engine(&self) -> Option<&Arc<Engine>> {
        self.engine.get()
    }

    async fn restore(&self) -> Result<(), StoreError> {
        let mut shelves: BTreeMap<String, Shelf> = BTreeMap::new();
        for (key, bytes) in self.store.documents(NUMBERS).await? {
            let Some((id, record)) = key.split_once('/').zip(serde_json::from_slice::<Record>(&bytes).ok()) else {
                tracing::warn!(key = %key, "the number of a bot version cannot be read");
                continue;
            };
            shelves.entry(id.0.to_owned()).or_default().records.insert(record.number, record);
        }
        let mut files = files::all(&*self.store).await?;
        for (key, source) in self.store.documents(VERSIONS).await? {
            let Some((id, version)) = key.split_once('/') else { continue };
            let files = files.remove(&*key).unwrap_or_default();
            files::pin(&self.media, &files);
            self.registry.add_stored(StoredVersion { id: id.into(), version: version.into(), source, files });
        }
        for (id, bytes) in self.store.documents(LIVE).await? {
            let Ok(live) = serde_json::from_slice::<Live>(&bytes) else {
                tracing::warn!(bot = %id, "which version is live cannot be read");
                continue;
            };
            match self.registry.version(&id, &live.version) {
                Some(bot) => drop(self.registry.publish(bot, live.at_ms, live.running.clone())),
                None => tracing::warn!(bot = %id, version = live.number, "the live version can no longer be loaded"),
            }
            shelves.entry(id.into()).or_default().live = Some(live);
        }
        *self.shelves.lock() = shelves;
        Ok(())
    }

    /// Ids of all bots that have a version.
    pub fn ids(&self) -> Vec<String> {
        self.shelves.lock().keys().cloned().collect()
    }

    /// Which version of a bot is live.
    pub fn live(&self, id: &str) -> Option<Live> {
        self.shelves.lock().get(id)?.live.clone()
    }

    /// The versions of a bot, newest first; `None` if there is no such bot.
    pub fn records(&self, id: &str) -> Option<Vec<Record>> {
        Some(self.shelves.lock().get(id)?.records.values().rev().cloned().collect())
    }

    /// A version by its number, its hash, the beginning of its hash, or `live`.
    pub fn resolve(&self, id: &str, wanted: &str) -> Result<Record, PublishError> {
        let shelves = self.shelves.lock();
        let shelf = shelves.get(id).ok_or_else(|| PublishError::NoBot(id.to_owned()))?;
        let by_number = wanted.parse().ok().and_then(|number: u32| shelf.records.get(&number));
        let live = shelf.live.as_ref().filter(|_| wanted == "live").and_then(|live| shelf.records.get(&live.number));
        if let Some(record) = by_number.or(live) {
            return Ok(record.clone());
        }
        let mut fitting =
            shelf.records.values().filter(|record| !wanted.is_empty() && record.version.starts_with(wanted));
        match (fitting.next(), fitting.next()) {
            (Some(record), None) => Ok(record.clone()),
            (None, _) => Err(PublishError::NoVersion { id: id.to_owned(), version: wanted.to_owned() }),
            (Some(_), Some(_)) => Err(PublishError::Ambiguous { id: id.to_owned(), version: wanted.to_owned() }),
        }
    }

    /// A version, compiled.
    pub fn bot(&self, id: &str, record: &Record) -> Result<Arc<Bot>, PublishError> {
        self.registry.version(id, &record.version).ok_or(PublishError::Unloadable(record.number))
    }

    /// How many runs each version has, as of a moment ago.
    pub async fn count(&self) -> Result<Counted, StoreError> {
        let (mut last, now_ms) = (self.counted.lock().await, self.clock.now_ms());
        if let Some(counted) = last.as_ref().filter(|counted| counted.at_ms + COUNT_MS > now_ms) {
            return Ok(counted.clone());
        }
        let census = census::count(&*self.store, MAX_COUNTED, |_, _, _| ()).await?;
        Ok(last.insert(Counted { at_ms: now_ms, census: Arc::new(census) }).clone())
    }

    /// Puts a bot live as a new version, or as the one that it is already. Its files are those of the versions before.
    pub async fn put(&self, bot: Bot, order: Order) -> Result<Published, PublishError> {
        let _alone = self.writing.lock().await;
        let files = self.known_files(&bot).await?;
        let bot = Arc::new(bot.with_files(&files));
        self.commit(bot, Some(files), order, false).await
    }

    /// Puts a version that is here live; `None` is the newest one.
    pub async fn publish(&self, id: &str, version: Option<&str>, order: Order) -> Result<Published, PublishError> {
        let _alone = self.writing.lock().await;
        let record = match version {
            Some(version) => self.resolve(id, version)?,
            None => {
                let newest = self.records(id).and_then(|records| records.into_iter().next());
                newest.ok_or_else(|| PublishError::NoBot(id.to_owned()))?
            }
        };
        self.commit_known(id, record, order, false).await
    }

    /// Puts an older version live; `None` is the one before the one that is live.
    pub async fn roll_back(&self, id: &str, to: Option<&str>, order: Order) -> Result<Published, PublishError> {
        let _alone = self.writing.lock().await;
        let record = match to {
            Some(version) => self.resolve(id, version)?,
            None => self.older(id)?,
        };
        // What the older version says of runs was meant for those before it.
        let running = Some(order.running.clone().unwrap_or_default());
        self.commit_known(id, record, Order { running, ..order }, true).await
    }

    /// The version that a rollback leads to.
    pub fn older(&self, id: &str) -> Result<Record, PublishError> {
        let shelves = self.shelves.lock();
        let shelf = shelves.get(id).ok_or_else(|| PublishError::NoBot(id.to_owned()))?;
        let live = shelf.live.as_ref().map_or(u32::MAX, |live| live.number);
        let older = shelf.records.range(..live).next_back().map(|(_, record)| record.clone());
        older.ok_or_else(|| PublishError::NothingOlder(id.to_owned()))
    }

    async fn commit_known(
        &self,
        id: &str,
        record: Record,
        order: Order,
        back: bool,
    ) -> Result<Published, PublishError> {
        // Loaded before anything is written.
        let bot = self.bot(id, &record)?;
        self.commit(bot, None, order, back).await
    }

    /// Everything that a publish writes, in one commit; then memory. `files` are those of a bot that was just loaded. The
    /// caller holds `writing`.
    pub(super) async fn commit(
        &self,
        bot: Arc<Bot>,
        files: Option<Files>,
        order: Order,
        rolled_back: bool,
    ) -> Result<Published, PublishError> {
        let (mut published, before, running) = self.rehearse(bot, &order)?;
        let live = self.live_as(&published, &order, running, rolled_back).after(before.live.as_ref(), order.source);
        let documents = self.documents(&published, &before, files.as_ref(), &live).await?;
        if let Some(files) = &files {
            files::pin(&self.media, files);
            published.missing_files = missing(&published.bot, files);
        }
        if documents.is_empty() {
            return Ok(published);
        }
        self.store.put_documents(documents).await?;
        published.changed = true;
        self.went_live(&published, live);
        Ok(published)
    }

    /// What a publish would do, and the policy that would hold; or why it would not happen.
    pub fn try_out(&self, bot: Arc<Bot>, order: &Order) -> Result<(Published, Running), PublishError> {
        self.rehearse(bot, order).map(|(published, _, running)| (published, running))
    }

    fn rehearse(&self, bot: Arc<Bot>, order: &Order) -> Result<(Published, Shelf, Running), PublishError> {
        let before = self.shelf(bot.id());
        order.expected.hold(before.live.as_ref())?;
        let same = before.live.as_ref().filter(|live| live.version == bot.version());
        let running = order.running.clone().or_else(|| same.map(|live| live.running.clone()));
        let running = running.unwrap_or_else(|| bot.running().clone());
        let problems = running.problems(&bot);
        if !problems.is_empty() {
            return Err(PublishError::Policy(problems));
        }
        if before.live.is_none() && self.shelves.lock().len() >= MAX_BOTS {
            return Err(PublishError::TooMany);
        }
        let known = before.by_hash(bot.version()).cloned();
        let published = Published {
            record: known.unwrap_or_else(|| record(&bot, &before, order, self.clock.now_ms())),
            before: before.live.as_ref().and_then(|live| self.registry.version(bot.id(), &live.version)),
            created: before.records.is_empty(),
            changed: false,
            missing_files: Vec::new(),
            bot,
        };
        Ok((published, before, running))
    }

    fn live_as(&self, published: &Published, order: &Order, running: Running, rolled_back: bool) -> Live {
        let (record, at_ms) = (&published.record, self.clock.now_ms());
        Live {
            version: record.version.clone(),
            number: record.number,
            at_ms,
            source: order.source,
            rolled_back,
            note: order.note.clone(),
            author: order.author.clone(),
            running,
            file: None,
            over: Vec::new(),
        }
    }

    /// What is not in the store yet.
    async fn documents(
        &self,
        published: &Published,
        before: &Shelf,
        files: Option<&Files>,
        live: &Live,
    ) -> Result<Vec<NewDocument>, StoreError> {
        let (bot, record) = (&published.bot, &published.record);
        let key = version_key(bot.id(), &record.version);
        let mut documents = Vec::new();
        if before.by_hash(&record.version).is_none() {
            documents.push((VERSIONS.into(), key.as_str().into(), Some(Bytes::from(bot.canonical_json()))));
            documents.push(document(NUMBERS, &number_key(bot.id(), record.number), record));
        }
        if let Some(files) = files {
            documents.extend(files::document(&*self.store, &key, files).await?);
        }
        if before.live.as_ref() != Some(live) {
            documents.push(document(LIVE, bot.id(), live));
        }
        Ok(documents)
    }

    /// The commit is acknowledged.
    fn went_live(&self, published: &Published, live: Live) {
        let (id, record) = (published.bot.id().to_owned(), published.record.clone());
        self.registry.publish(published.bot.clone(), live.at_ms, live.running.clone());
        let mut shelves = self.shelves.lock();
        let shelf = shelves.entry(id).or_default();
        shelf.records.insert(record.number, record);
        shelf.live = Some(live);
        drop(shelves);
        if let Some(engine) = self.engine.get() {
            engine.bots_changed();
        }
        self.changed.notify_one();
    }

    pub(super) fn shelf(&self, id: &str) -> Shelf {
        self.shelves.lock().get(id).cloned().unwrap_or_default()
    }

    /// The files that versions of the bot had before, under the names that this one uses.
    async fn known_files(&self, bot: &Bot) -> Result<Files, StoreError> {
        let mut known = Files::new();
        if bot.files().next().is_none() {
            return Ok(known);
        }
        for record in self.records(bot.id()).unwrap_or_default().iter().rev() {
            known.extend(files::of_version(&*self.store, &version_key(bot.id(), &record.version)).await?);
        }
        known.retain(|name, _| bot.files().any(|file| file == name));
        Ok(known)
    }

    /// Forgets versions, by their numbers, with the files that only they had. The caller holds `writing`.
    pub(super) async fn forget(&self, id: &str, numbers: &[u32]) -> Result<(), StoreError> {
        let shelf = self.shelf(id);
        let gone: Vec<&Record> = numbers.iter().filter_map(|number| shelf.records.get(number)).collect();
        let mut freed = BTreeSet::new();
        let mut documents: Vec<NewDocument> = Vec::new();
        for record in &gone {
            let key = version_key(id, &record.version);
            freed.extend(files::digests(&files::of_version(&*self.store, &key).await?));
            documents.push((VERSIONS.into(), key.as_str().into(), None));
            documents.push((files::FILES.into(), key.as_str().into(), None));
            documents.push((NUMBERS.into(), number_key(id, record.number).into(), None));
        }
        self.store.put_documents(documents).await?;
        for record in &gone {
            self.registry.remove(id, &record.version);
        }
        if let Some(shelf) = self.shelves.lock().get_mut(id) {
            shelf.records.retain(|number, _| !numbers.contains(number));
        }
        let used: BTreeSet<Digest> = files::all(&*self.store).await?.values().flat_map(files::digests).collect();
        freed.retain(|digest| !used.contains(digest));
        self.media.unpin(&freed);
        Ok(())
    }
}

impl Expected {
    fn hold(&self, live: Option<&Live>) -> Result<(), PublishError> {
        let holds = match (self, live) {
            (Expected::Anything, _) => true,
            (Expected::Nothing, live) => live.is_none(),
            (Expected::Something, live) => live.is_some(),
            (Expected::OneOf(tags), Some(live)) => tags.contains(&live.version),
            (Expected::OneOf(_), None) => false,
        };
        let live = live.map(|live| live.version.clone());
        if holds { Ok(()) } else { Err(PublishError::NotExpected { live }) }
    }
}

fn record(bot: &Bot, shelf: &Shelf, order: &Order, at_ms: u64) -> Record {
    Record {
        number: shelf.next_number(),
        version: bot.version().to_owned(),
        at_ms,
        source: order.source,
        note: order.note.clone(),
        author: order.author.clone(),
        nodes: bot.node_count(),
    }
}

fn missing(bot: &Bot, files: &Files) -> Vec<String> {
    bot.files().filter(|name| !files.contains_key(*name)).map(str::to_owned).collect()
}
