//! Which bot answers: the live version of each bot, the versions that running conversations are pinned to, and the trip
//! wire that stops a version which fails for many people at once.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use chatbot::Bot;
use parking_lot::Mutex;
use storage::ConversationId;

/// This many different conversations failing at one node within [`TRIP_WINDOW_MS`] trip the version.
pub const TRIP_CONVERSATIONS: usize = 20;
/// See [`TRIP_CONVERSATIONS`].
pub const TRIP_WINDOW_MS: u64 = 60_000;
const REMEMBERED_FAILURES: usize = 1_000;

/// All loaded bots. Cheap to ask, rarely changed.
#[derive(Default)]
pub struct Bots {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    default: Option<Box<str>>,
    /// Bots that answer in the default's place, by business number.
    by_number: BTreeMap<Box<str>, Box<str>>,
    bots: BTreeMap<Box<str>, Known>,
    failures: VecDeque<Failure>,
    /// Counts what may end a wait: new versions and new live ones.
    generation: u64,
}

#[derive(Default)]
struct Known {
    live: Option<Box<str>>,
    versions: BTreeMap<Box<str>, Version>,
}

struct Version {
    bot: Arc<Bot>,
    tripped: bool,
}

struct Failure {
    at_ms: u64,
    bot: Box<str>,
    version: Box<str>,
    node: Box<str>,
    conversation: ConversationId,
}

/// What answers a conversation.
pub(crate) enum Choice {
    /// This version.
    Run(Arc<Bot>),
    /// The version is tripped: leave the input where it is until the generation is another one.
    Wait(u64),
    /// There is no bot: record the message, say nothing.
    Nobody,
}

impl Bots {
    /// No bots, and the id of the one that answers people who are in no conversation.
    pub fn new(default: &str) -> Self {
        let inner = Inner { default: Some(default.into()), ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    /// On this business number the bot with this id answers people who are in no conversation.
    pub fn answer_on(&self, number: &str, id: &str) {
        self.inner.lock().by_number.insert(number.into(), id.into());
    }

    /// Makes a version known, so that conversations pinned to it go on.
    pub fn add_version(&self, bot: Arc<Bot>) {
        self.inner.lock().add(bot);
    }

    /// Puts a version live: new runs use it. Answers whether it replaced another version. Tell the engine
    /// ([`crate::Engine::bots_changed`]).
    pub fn put_live(&self, bot: Arc<Bot>) -> bool {
        let mut inner = self.inner.lock();
        inner.add(bot.clone());
        let known = inner.bots.entry(bot.id().into()).or_default();
        let before = known.live.replace(bot.version().into());
        before.is_some_and(|before| *before != *bot.version())
    }

    /// The live version of each bot, by id.
    pub fn live(&self) -> Vec<Arc<Bot>> {
        self.inner.lock().bots.values().filter_map(|known| Some(known.live()?.bot.clone())).collect()
    }

    /// Versions that are stopped because they failed for many: (bot, version).
    pub fn tripped(&self) -> Vec<(Box<str>, Box<str>)> {
        let inner = self.inner.lock();
        let versions =
            inner.bots.iter().flat_map(|(id, known)| known.versions.iter().map(move |(name, of)| (id, name, of)));
        versions.filter(|(_, _, of)| of.tripped).map(|(id, name, _)| (id.clone(), name.clone())).collect()
    }

    /// A known version of a bot.
    pub fn version(&self, id: &str, version: &str) -> Option<Arc<Bot>> {
        Some(self.inner.lock().bots.get(id)?.versions.get(version)?.bot.clone())
    }

    /// Changes whenever a conversation that was told to wait may get another answer.
    pub(crate) fn generation(&self) -> u64 {
        self.inner.lock().generation
    }

    /// `number` is the business number of the conversation; `pinned` is the bot and version of the conversation's run, if one is under way.
    pub(crate) fn choose(&self, number: &str, pinned: Option<(&str, &str)>) -> Choice {
        let inner = self.inner.lock();
        let known = pinned.and_then(|(id, _)| inner.bots.get(id));
        let version = known.zip(pinned).and_then(|(known, (_, version))| known.versions.get(version));
        if let Some(version) = version.filter(|version| !version.tripped) {
            return Choice::Run(version.bot.clone());
        }
        let default = || inner.bots.get(inner.by_number.get(number).or(inner.default.as_ref())?)?.live();
        match known.and_then(Known::live).or_else(default) {
            Some(version) if version.tripped => Choice::Wait(inner.generation),
            Some(version) => Choice::Run(version.bot.clone()),
            None => Choice::Nobody,
        }
    }

    /// Notes that a conversation failed for good at a node. Answers whether that tripped the version just now.
    pub(crate) fn failed(&self, bot: (&str, &str), node: &str, conversation: ConversationId, now_ms: u64) -> bool {
        let mut inner = self.inner.lock();
        inner.forget_failures(now_ms);
        let (id, version) = bot;
        let failure =
            Failure { at_ms: now_ms, bot: id.into(), version: version.into(), node: node.into(), conversation };
        inner.failures.push_back(failure);
        let here = |failure: &&Failure| *failure.bot == *id && *failure.version == *version && *failure.node == *node;
        let conversations: HashSet<_> =
            inner.failures.iter().filter(here).map(|failure| failure.conversation).collect();
        if conversations.len() < TRIP_CONVERSATIONS {
            return false;
        }
        let version = inner.bots.get_mut(id).and_then(|known| known.versions.get_mut(version));
        version.is_some_and(|version| !std::mem::replace(&mut version.tripped, true))
    }
}

impl Inner {
    fn add(&mut self, bot: Arc<Bot>) {
        self.generation += 1;
        let known = self.bots.entry(bot.id().into()).or_default();
        let name = bot.version().into();
        known.versions.entry(name).or_insert(Version { bot, tripped: false });
    }

    fn forget_failures(&mut self, now_ms: u64) {
        let old = |failure: &Failure| failure.at_ms + TRIP_WINDOW_MS < now_ms;
        while self.failures.len() >= REMEMBERED_FAILURES || self.failures.front().is_some_and(old) {
            self.failures.pop_front();
        }
    }
}

impl Known {
    fn live(&self) -> Option<&Version> {
        self.versions.get(self.live.as_deref()?)
    }
}

#[cfg(test)]
mod tests;
