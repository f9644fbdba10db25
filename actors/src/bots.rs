//! Which bot answers: the live version of each bot, the versions that running conversations are pinned to, what their
//! runs do when another version goes live, and the trip wire that stops a version which fails for many people at once.

mod version;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use chatbot::{Bot, How, Running};
use parking_lot::Mutex;
use storage::ConversationId;

pub use version::StoredVersion;
use version::Version;

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
    live: Option<Live>,
    versions: BTreeMap<Box<str>, Version>,
}

struct Live {
    version: Box<str>,
    at_ms: u64,
    running: Running,
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
    /// The run is to move first.
    Move(Box<Move>),
    /// The version is tripped: leave the input where it is until the generation is another one.
    Wait(u64),
    /// There is no bot: record the message, say nothing.
    Nobody,
}

/// A run that is to go on with another version.
pub(crate) struct Move {
    /// The version that it is on; `None` if nobody knows it any more.
    pub from: Option<Arc<Bot>>,
    pub to: Arc<Bot>,
    pub how: How,
}

/// What was found while the lock was held; versions are compiled without it.
enum Found {
    Keep(Version),
    Move { from: Option<Version>, to: Version, how: How },
    Wait(u64),
    Nobody,
}

impl Bots {
    /// No bots, and the id of the one that answers people who are in no conversation.
    pub fn new(default: &str) -> Self {
        let inner = Inner { default: Some(default.into()), ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    /// On this business number the bot with this id answers people who are in no conversation; `None`: as on all others.
    pub fn answer_on(&self, number: &str, id: Option<&str>) {
        let by_number = &mut self.inner.lock().by_number;
        match id {
            Some(id) => by_number.insert(number.into(), id.into()),
            None => by_number.remove(number),
        };
    }

    /// Makes a version known, so that conversations pinned to it go on. It is compiled when it is needed.
    pub fn add_stored(&self, stored: StoredVersion) {
        let (id, name) = (stored.id.clone(), stored.version.clone());
        self.inner.lock().add(id, name, Version::stored(stored));
    }

    /// Puts a version live, with nothing said about running conversations: see [`Bots::publish`].
    pub fn put_live(&self, bot: Arc<Bot>) -> bool {
        self.publish(bot, 0, Running::default())
    }

    /// Puts a version live: new runs use it, and a version that was stopped may run again. `running` says what runs of
    /// other versions do from `at_ms` on. Answers whether it replaced another version. Tell the engine
    /// ([`crate::Engine::bots_changed`]).
    pub fn publish(&self, bot: Arc<Bot>, at_ms: u64, running: Running) -> bool {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        let (id, name): (Box<str>, Box<str>) = (bot.id().into(), bot.version().into());
        let known = inner.bots.entry(id).or_default();
        known.versions.insert(name.clone(), Version::compiled(bot));
        let before = known.live.replace(Live { version: name.clone(), at_ms, running });
        before.is_some_and(|before| before.version != name)
    }

    /// Forgets a version, unless it is live. Conversations that are pinned to it all the same go on with the live one.
    pub fn remove(&self, id: &str, version: &str) {
        let mut inner = self.inner.lock();
        let Some(known) = inner.bots.get_mut(id) else { return };
        if known.live.as_ref().is_none_or(|live| *live.version != *version) {
            known.versions.remove(version);
        }
    }

    /// The live version of each bot, by id.
    pub fn live(&self) -> Vec<Arc<Bot>> {
        let live: Vec<Version> = {
            let inner = self.inner.lock();
            inner.bots.values().filter_map(|known| Some(known.live()?.1.clone())).collect()
        };
        live.iter().filter_map(Version::bot).collect()
    }

    /// The live version of a bot.
    pub fn live_of(&self, id: &str) -> Option<Arc<Bot>> {
        let version = self.inner.lock().bots.get(id)?.live()?.1.clone();
        version.bot()
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
        let version = self.inner.lock().bots.get(id)?.versions.get(version)?.clone();
        version.bot()
    }

    /// When runs of a conversation that is pinned to this version must have moved or ended; `None` if they may stay.
    pub fn leaves_at_ms(&self, id: &str, version: &str) -> Option<u64> {
        let inner = self.inner.lock();
        let live = inner.bots.get(id)?.live.as_ref().filter(|live| *live.version != *version)?;
        live.running.drain_after_ms.map(|after_ms| live.at_ms.saturating_add(after_ms))
    }

    /// The next time after `now_ms` at which runs of old versions must have moved or ended.
    pub fn next_drain_ms(&self, now_ms: u64) -> Option<u64> {
        let inner = self.inner.lock();
        let live = inner.bots.values().filter_map(|known| known.live.as_ref());
        let due = live.filter_map(|live| Some(live.at_ms.saturating_add(live.running.drain_after_ms?)));
        due.filter(|due_ms| *due_ms > now_ms).min()
    }

    /// When a conversation that is pinned to this version last had an input in this process.
    pub fn last_used_ms(&self, id: &str, version: &str) -> Option<u64> {
        self.inner.lock().bots.get(id)?.versions.get(version)?.used_ms
    }

    /// The live version of the bot that answers on a number whoever is in no conversation.
    pub fn answering(&self, number: &str) -> Option<Arc<Bot>> {
        let inner = self.inner.lock();
        let id = inner.by_number.get(number).or(inner.default.as_ref())?;
        inner.bots.get(id)?.live()?.1.bot()
    }

    /// Changes whenever a conversation that was told to wait may get another answer.
    pub(crate) fn generation(&self) -> u64 {
        self.inner.lock().generation
    }

    /// `number` is the business number of the conversation; `pinned` is the bot and version of the conversation's run,
    /// if one is under way.
    pub(crate) fn choose(&self, number: &str, pinned: Option<(&str, &str)>, now_ms: u64) -> Choice {
        loop {
            let found = self.inner.lock().find(number, pinned, now_ms);
            return match found {
                Found::Keep(version) => match (version.bot(), pinned) {
                    (Some(bot), _) => Choice::Run(bot),
                    // It is known no more from now on, so this comes to an end.
                    (None, Some((id, name))) if self.lose(id, name) => continue,
                    (None, _) => Choice::Nobody,
                },
                // What it was is not known: the run goes on by force, or ends.
                Found::Move { from: Some(from), .. }
                    if from.bot().is_none() && pinned.is_some_and(|(id, name)| self.lose(id, name)) =>
                {
                    continue;
                }
                Found::Move { from, to, how } => match to.bot() {
                    Some(to) => Choice::Move(Box::new(Move { from: from.and_then(|from| from.bot()), to, how })),
                    None => Choice::Nobody,
                },
                Found::Wait(generation) => Choice::Wait(generation),
                Found::Nobody => Choice::Nobody,
            };
        }
    }

    /// A version that can no longer be compiled. Answers whether it was known until now.
    fn lose(&self, id: &str, version: &str) -> bool {
        tracing::warn!(
            bot = id,
            version,
            "a stored bot version can no longer be loaded: its runs go on with the live one"
        );
        let mut inner = self.inner.lock();
        inner.bots.get_mut(id).is_some_and(|known| known.versions.remove(version).is_some())
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
    fn add(&mut self, id: Box<str>, name: Box<str>, version: Version) {
        self.generation += 1;
        self.bots.entry(id).or_default().versions.entry(name).or_insert(version);
    }

    fn find(&mut self, number: &str, pinned: Option<(&str, &str)>, now_ms: u64) -> Found {
        let generation = self.generation;
        if let Some((id, name)) = pinned
            && let Some(known) = self.bots.get_mut(id)
        {
            if let Some(own) = known.versions.get_mut(name) {
                own.used_ms = Some(now_ms);
            }
            if let Some(found) = known.for_run(name, now_ms, generation) {
                return found;
            }
        }
        let default = || self.bots.get(self.by_number.get(number).or(self.default.as_ref())?)?.live();
        match default() {
            Some((_, version)) if version.tripped => Found::Wait(generation),
            // The bot of the run is gone, so the run ends.
            Some((_, to)) if pinned.is_some() => Found::Move { from: None, to: to.clone(), how: How::forced() },
            Some((_, version)) => Found::Keep(version.clone()),
            None => Found::Nobody,
        }
    }

    fn forget_failures(&mut self, now_ms: u64) {
        let old = |failure: &Failure| failure.at_ms + TRIP_WINDOW_MS < now_ms;
        while self.failures.len() >= REMEMBERED_FAILURES || self.failures.front().is_some_and(old) {
            self.failures.pop_front();
        }
    }
}

impl Known {
    fn live(&self) -> Option<(&Live, &Version)> {
        let live = self.live.as_ref()?;
        Some((live, self.versions.get(&live.version)?))
    }

    /// What answers a run of this bot; `None` if nothing of it can.
    fn for_run(&self, pinned: &str, now_ms: u64, generation: u64) -> Option<Found> {
        let own = self.versions.get(pinned);
        let runs = own.filter(|own| !own.tripped);
        let live = self.live().filter(|(live, _)| *live.version != *pinned);
        match (runs, live) {
            (Some(own), Some((live, to))) if !to.tripped => {
                let how = live.running.how(now_ms.saturating_sub(live.at_ms));
                Some(how.map_or(Found::Keep(own.clone()), |how| Found::Move {
                    from: Some(own.clone()),
                    to: to.clone(),
                    how,
                }))
            }
            (Some(own), _) => Some(Found::Keep(own.clone())),
            (None, Some((_, to))) if to.tripped => Some(Found::Wait(generation)),
            (None, Some((_, to))) => Some(Found::Move { from: own.cloned(), to: to.clone(), how: How::forced() }),
            (None, None) => own.map(|_| Found::Wait(generation)),
        }
    }
}

#[cfg(test)]
mod tests;
