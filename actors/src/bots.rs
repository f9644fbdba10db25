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
    live: BTreeMap<Box<str>, Arc<Bot>>,
    versions: BTreeMap<(Box<str>, Box<str>), Arc<Bot>>,
    tripped: HashSet<(Box<str>, Box<str>)>,
    failures: VecDeque<Failure>,
}

struct Failure {
    at_ms: u64,
    bot: (Box<str>, Box<str>),
    node: Box<str>,
    conversation: ConversationId,
}

/// What answers a conversation.
pub(crate) enum Choice {
    /// This version.
    Run(Arc<Bot>),
    /// The version is tripped: leave the input where it is.
    Wait,
    /// There is no bot: record the message, say nothing.
    Nobody,
}

impl Bots {
    /// No bots, and the id of the one that answers people who are in no conversation.
    pub fn new(default: &str) -> Self {
        let inner = Inner { default: Some(default.into()), ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    /// Makes a version known, so that conversations pinned to it go on.
    pub fn add_version(&self, bot: Arc<Bot>) {
        self.inner.lock().versions.insert(key(&bot), bot);
    }

    /// Puts a version live: new runs use it. Answers whether it replaced another version.
    pub fn put_live(&self, bot: Arc<Bot>) -> bool {
        let mut inner = self.inner.lock();
        inner.versions.insert(key(&bot), bot.clone());
        let before = inner.live.insert(bot.id().into(), bot.clone());
        before.is_some_and(|before| before.version() != bot.version())
    }

    /// The live version of each bot, by id.
    pub fn live(&self) -> Vec<Arc<Bot>> {
        self.inner.lock().live.values().cloned().collect()
    }

    /// Versions that are stopped because they failed for many: (bot, version).
    pub fn tripped(&self) -> Vec<(Box<str>, Box<str>)> {
        self.inner.lock().tripped.iter().cloned().collect()
    }

    /// A known version of a bot.
    pub fn version(&self, id: &str, version: &str) -> Option<Arc<Bot>> {
        self.inner.lock().versions.get(&(id.into(), version.into())).cloned()
    }

    /// `pinned` is the bot and version of the conversation's run, if one is under way.
    pub(crate) fn choose(&self, pinned: Option<(&str, &str)>) -> Choice {
        let inner = self.inner.lock();
        if let Some((id, version)) = pinned {
            let key = (Box::from(id), Box::from(version));
            let usable = inner.versions.get(&key).filter(|_| !inner.tripped.contains(&key));
            if let Some(bot) = usable {
                return Choice::Run(bot.clone());
            }
        }
        let id = pinned.map(|(id, _)| id).filter(|id| inner.live.contains_key(*id)).or(inner.default.as_deref());
        match id.and_then(|id| inner.live.get(id)) {
            Some(bot) if inner.tripped.contains(&key(bot)) => Choice::Wait,
            Some(bot) => Choice::Run(bot.clone()),
            None => Choice::Nobody,
        }
    }

    /// Notes that a conversation failed for good at a node. Answers whether that tripped the version just now.
    pub(crate) fn failed(&self, bot: (&str, &str), node: &str, conversation: ConversationId, now_ms: u64) -> bool {
        let mut inner = self.inner.lock();
        let bot = (Box::from(bot.0), Box::from(bot.1));
        while inner.failures.len() >= REMEMBERED_FAILURES
            || inner.failures.front().is_some_and(|failure| failure.at_ms + TRIP_WINDOW_MS < now_ms)
        {
            inner.failures.pop_front();
        }
        inner.failures.push_back(Failure { at_ms: now_ms, bot: bot.clone(), node: node.into(), conversation });
        let at_this_node = inner.failures.iter().filter(|failure| failure.bot == bot && *failure.node == *node);
        let conversations: HashSet<_> = at_this_node.map(|failure| failure.conversation).collect();
        conversations.len() >= TRIP_CONVERSATIONS && inner.tripped.insert(bot)
    }
}

fn key(bot: &Bot) -> (Box<str>, Box<str>) {
    (bot.id().into(), bot.version().into())
}
