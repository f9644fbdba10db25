//! A version of a bot: compiled, or as it lies in the store until somebody needs it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chatbot::Bot;

/// A version as the store keeps it.
#[derive(Clone, Debug)]
pub struct StoredVersion {
    /// The bot's id.
    pub id: Box<str>,
    /// The version: the hash of the canonical form.
    pub version: Box<str>,
    /// The canonical form.
    pub source: Bytes,
    /// Its files: the path in the bot file, and the id under which it was stored.
    pub files: BTreeMap<String, String>,
}

/// Cheap to clone: clones share what was compiled.
#[derive(Clone)]
pub(super) struct Version {
    body: Arc<Body>,
    /// Stopped, because it failed for many.
    pub tripped: bool,
    /// When a conversation that is pinned to it last had an input.
    pub used_ms: Option<u64>,
}

struct Body {
    stored: Option<StoredVersion>,
    bot: OnceLock<Option<Arc<Bot>>>,
}

impl Version {
    pub(super) fn compiled(bot: Arc<Bot>) -> Self {
        Self::new(Body { stored: None, bot: OnceLock::from(Some(bot)) })
    }

    pub(super) fn stored(stored: StoredVersion) -> Self {
        Self::new(Body { stored: Some(stored), bot: OnceLock::new() })
    }

    fn new(body: Body) -> Self {
        Self { body: Arc::new(body), tripped: false, used_ms: None }
    }

    /// The bot, compiled once; `None` if this program cannot load it.
    pub(super) fn bot(&self) -> Option<Arc<Bot>> {
        self.body.bot.get_or_init(|| self.body.stored.as_ref().and_then(compile)).clone()
    }
}

fn compile(stored: &StoredVersion) -> Option<Arc<Bot>> {
    let source = std::str::from_utf8(&stored.source).ok()?;
    let name = format!("{}/{}", stored.id, stored.version);
    let bot = chatbot::load_stored(source, &name).bot?;
    Some(Arc::new(bot.with_files(&stored.files)))
}
