//! Settings of the webhook inspector.

use std::time::Duration;

use super::reader::Reader;

/// What is kept of requests to the front door.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks {
    /// Whether requests are noted at all.
    pub enabled: bool,
    /// How long they are kept.
    pub keep: Duration,
    /// Bytes of all of them; the oldest go first.
    pub max_bytes: u64,
}

impl Webhooks {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            enabled: reader.boolean("webhooks.enabled"),
            keep: reader.duration("webhooks.keep"),
            max_bytes: reader.integer("webhooks.max_bytes", 32 << 20..=1 << 40),
        }
    }
}
