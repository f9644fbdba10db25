//! Settings of the engine: outbox, conversations, bots, store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::http;
use super::reader::Reader;
use super::secret::Secret;

/// Messages on their way out.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// Requests under way at once, per business phone number.
    pub concurrency: usize,
    /// Attempts before a message becomes a dead letter.
    pub max_attempts: u32,
    /// First pause between attempts.
    pub backoff_base: Duration,
    /// Largest pause between attempts.
    pub backoff_max: Duration,
    /// Time to wait for a status of a message of which nobody knows whether it left; may be zero.
    pub doubt_window: Duration,
}

/// Bounds of conversations.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Conversations in memory at once.
    pub max_live: usize,
    /// Silence after which a conversation leaves memory.
    pub idle_passivate: Duration,
    /// Unprocessed messages of one conversation.
    pub mailbox_limit: usize,
    /// Messages of one conversation that have not left; with more of them it takes no input.
    pub max_unsent: usize,
}

/// When somebody answers in the bot's place.
#[derive(Clone, Copy, Debug)]
pub struct Takeover {
    /// Whoever writes from the phone app has taken over.
    pub echo_is_takeover: bool,
    /// Idle time after which whoever has taken over counts as gone; zero: never.
    pub idle_resume: Duration,
    /// What becomes of the conversation then.
    pub on_idle: actors::OnIdle,
    /// What the bot said before and has not left is held.
    pub hold_unsent: bool,
}

/// Bot files.
#[derive(Clone, Debug)]
pub struct Bots {
    /// The folder of bot files.
    pub dir: PathBuf,
    /// Id of the bot that answers.
    pub default: String,
    /// A file that is saved goes live at once.
    pub watch: bool,
    /// The values of secrets that bots name, by name in lower case.
    pub secrets: BTreeMap<String, Secret>,
}

/// The embedded store.
#[derive(Clone, Debug)]
pub struct Store {
    /// The file.
    pub path: PathBuf,
    /// Memory for its pages, in bytes.
    pub cache_bytes: usize,
    /// Below this much free disk space nothing new is accepted; 0 switches the guard off.
    pub min_free_bytes: u64,
}

impl Outbox {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let outbox = Self {
            concurrency: reader.integer("outbox.concurrency", 1..=10_000),
            max_attempts: reader.integer("outbox.max_attempts", 1..=1_000),
            backoff_base: reader.duration("outbox.backoff_base"),
            backoff_max: reader.duration("outbox.backoff_max"),
            doubt_window: reader.duration_or_zero("outbox.doubt_window"),
        };
        // A zero here stands for a value that was refused already.
        if !outbox.backoff_max.is_zero() && outbox.backoff_max < outbox.backoff_base {
            let shown = format!("{:?}", outbox.backoff_max);
            reader.reject("outbox.backoff_max", &shown, "a duration of at least outbox.backoff_base");
        }
        outbox
    }
}

impl Conversation {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            max_live: reader.integer("conversation.max_live", 1..=10_000_000),
            idle_passivate: reader.duration("conversation.idle_passivate"),
            mailbox_limit: reader.integer("conversation.mailbox_limit", 1..=1_000_000),
            max_unsent: reader.integer("conversation.max_unsent", 1..=1_000_000),
        }
    }
}

impl Takeover {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            echo_is_takeover: reader.boolean("takeover.echo_is_takeover"),
            idle_resume: reader.duration_or_zero("takeover.idle_resume"),
            on_idle: reader.choice(
                "takeover.on_idle",
                &[
                    ("requeue", actors::OnIdle::Requeue),
                    ("resume", actors::OnIdle::Resume),
                    ("keep", actors::OnIdle::Keep),
                ],
            ),
            hold_unsent: reader.boolean("takeover.hold_unsent"),
        }
    }
}

impl Bots {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            dir: path(reader, "bots.dir"),
            default: non_empty(reader, "bots.default", "the id of a bot"),
            watch: reader.boolean("bots.watch"),
            secrets: http::read_secrets(reader),
        }
    }
}

impl Store {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            path: path(reader, "store.path"),
            cache_bytes: reader.integer("store.cache_bytes", 1 << 20..=1 << 40),
            min_free_bytes: reader.integer("store.min_free_bytes", 0..=1 << 50),
        }
    }
}

pub(super) fn path(reader: &Reader<'_>, key: &str) -> PathBuf {
    non_empty(reader, key, "a path").into()
}

fn non_empty(reader: &Reader<'_>, key: &str, expected: &str) -> String {
    reader.parsed(key, String::new(), |text| if text.is_empty() { Err(expected) } else { Ok(text.to_owned()) })
}
