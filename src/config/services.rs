//! Settings of what works beside the conversations: files, templates, and how long things are kept.

use std::path::PathBuf;
use std::time::Duration;

use actors::media::Allowed;

use super::engine::path;
use super::reader::Reader;

/// Files that people send, and ours.
#[derive(Clone, Debug)]
pub struct Media {
    /// The folder.
    pub dir: PathBuf,
    /// Larger files of people are refused.
    pub max_bytes: u64,
    /// The types that are fetched.
    pub allow: Allowed,
    /// Below this much free disk space nothing is fetched; 0 switches the guard off.
    pub min_free_bytes: u64,
}

/// Message templates.
#[derive(Clone, Debug)]
pub struct Templates {
    /// The list is read from Meta this often.
    pub sync_interval: Duration,
}

/// How long things are kept; `None` is for ever.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Files.
    pub media: Option<Duration>,
    /// What was acknowledged but not run.
    pub quarantine: Option<Duration>,
    /// Messages that were given up.
    pub dead_letters: Option<Duration>,
    /// Notices about the account.
    pub notices: Option<Duration>,
    /// Outgoing messages of which nothing more is expected.
    pub outbox: Option<Duration>,
    /// Outgoing events that were delivered or given up.
    pub events: Option<Duration>,
    /// What was said in conversations, and conversations in which nothing goes on.
    pub conversations: Option<Duration>,
    /// Rows of the audit trail.
    pub audit: Option<Duration>,
}

impl Media {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let types = reader.list("media.allow");
        let allow = Allowed::parse(types.iter().map(String::as_str)).unwrap_or_else(|error| {
            reader.reject("media.allow", &error.to_string(), "types such as \"image/jpeg\", \"audio/*\" or \"*/*\"");
            Allowed::default()
        });
        Self {
            dir: path(reader, "media.dir"),
            max_bytes: reader.integer("media.max_bytes", 1..=1 << 40),
            allow,
            min_free_bytes: reader.integer("media.min_free_bytes", 0..=1 << 50),
        }
    }
}

impl Templates {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self { sync_interval: reader.duration("templates.sync_interval") }
    }
}

impl Retention {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let age = |key| Some(reader.duration_or_zero(key)).filter(|age| !age.is_zero());
        Self {
            media: age("retention.media"),
            quarantine: age("retention.quarantine"),
            dead_letters: age("retention.dead_letters"),
            notices: age("retention.notices"),
            outbox: age("retention.outbox"),
            events: age("retention.events"),
            conversations: age("retention.conversations"),
            audit: age("retention.audit"),
        }
    }
}
