//! What is old enough goes: rows of the store and files, in small batches, once an hour, or as often as the shortest age if
//! that is less.

mod conversations;

use std::sync::Arc;

use storage::{Horizons, Store};

use crate::clock::Clock;
use crate::contacts::Contacts;
use crate::events;
use crate::media::Media;
use crate::metrics::Metrics;
use crate::outlet::Outlet;
use conversations::Old;

const INTERVAL_MS: u64 = 3_600_000;
/// However short the ages are.
const LEAST_INTERVAL_MS: u64 = 10_000;
/// Conversations are looked through this often, or as often as their age: each is read.
const CONVERSATIONS_MS: u64 = 24 * INTERVAL_MS;
/// Rows or files of one batch.
const BATCH: usize = 500;

/// How old things may grow (ms); `None` keeps them for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// Files.
    pub media_ms: Option<u64>,
    /// What was acknowledged but not run.
    pub quarantine_ms: Option<u64>,
    /// Messages that were given up.
    pub dead_letters_ms: Option<u64>,
    /// Notices about the account.
    pub notices_ms: Option<u64>,
    /// Outgoing messages of which nothing more is expected.
    pub outbox_ms: Option<u64>,
    /// Events that were delivered or given up.
    pub events_ms: Option<u64>,
    /// What was said in conversations, and conversations in which nothing goes on.
    pub conversations_ms: Option<u64>,
}

impl Ages {
    /// Between two looks (ms).
    fn interval_ms(&self) -> u64 {
        let Self { media_ms, quarantine_ms, dead_letters_ms, notices_ms, outbox_ms, events_ms, conversations_ms } =
            *self;
        let ages = [media_ms, quarantine_ms, dead_letters_ms, notices_ms, outbox_ms, events_ms, conversations_ms];
        let shortest = ages.into_iter().flatten().min().unwrap_or(INTERVAL_MS);
        shortest.clamp(LEAST_INTERVAL_MS, INTERVAL_MS)
    }
}

/// What has old things.
pub struct Keepers {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Files.
    pub media: Arc<Media>,
    /// Outgoing events.
    pub outlet: Arc<Outlet>,
    /// What is kept of people.
    pub contacts: Arc<Contacts>,
}

/// Removes what is old, at once and again and again, until it is dropped.
pub async fn run(keepers: Keepers, clock: Arc<dyn Clock>, ages: Ages, metrics: Arc<Metrics>) {
    let Keepers { store, media, outlet, contacts } = keepers;
    match media.sweep().await {
        Ok(files) => events::forgotten(&metrics, "stray_file", files),
        Err(error) => events::not_forgotten("stray files", &error.to_string()),
    }
    let mut conversations_due_ms = 0;
    loop {
        let now_ms = clock.now_ms();
        if let Some(age_ms) = ages.conversations_ms.filter(|_| conversations_due_ms <= now_ms) {
            conversations_due_ms = now_ms + age_ms.clamp(LEAST_INTERVAL_MS, CONVERSATIONS_MS);
            let before_ms = now_ms.saturating_sub(age_ms);
            let old = Old { store: &*store, contacts: &contacts, metrics: &metrics, before_ms };
            if let Err(error) = old.remove().await {
                events::not_forgotten("conversation", &error.to_string());
                conversations_due_ms = now_ms;
            }
        }
        for (kind, horizons) in horizons(&ages, now_ms) {
            if let Err(error) = rows(&*store, kind, horizons, &metrics).await {
                events::not_forgotten(kind, &error.to_string());
            }
        }
        if let Some(before_ms) = ages.media_ms.map(|age_ms| now_ms.saturating_sub(age_ms))
            && let Err(error) = files(&media, before_ms, &metrics).await
        {
            events::not_forgotten("media", &error.to_string());
        }
        if let Some(before_ms) = ages.events_ms.map(|age_ms| now_ms.saturating_sub(age_ms))
            && let Err(error) = old_events(&outlet, before_ms, &metrics).await
        {
            events::not_forgotten("event", &error.to_string());
        }
        clock.wait_until(now_ms + ages.interval_ms()).await;
    }
}

/// One at a time, so that each has a count of its own.
fn horizons(ages: &Ages, now_ms: u64) -> [(&'static str, Horizons); 4] {
    let before = |age_ms: Option<u64>| age_ms.map(|age_ms| now_ms.saturating_sub(age_ms));
    let none = Horizons::default();
    [
        ("quarantine", Horizons { quarantine_ms: before(ages.quarantine_ms), ..none }),
        ("dead_letter", Horizons { dead_letters_ms: before(ages.dead_letters_ms), ..none }),
        ("notice", Horizons { notices_ms: before(ages.notices_ms), ..none }),
        ("outbox", Horizons { outbox_ms: before(ages.outbox_ms), ..none }),
    ]
}

async fn rows(
    store: &dyn Store,
    kind: &'static str,
    horizons: Horizons,
    metrics: &Metrics,
) -> Result<(), storage::StoreError> {
    if horizons == Horizons::default() {
        return Ok(());
    }
    loop {
        let gone = store.forget(horizons, BATCH).await?;
        events::forgotten(metrics, kind, gone);
        if gone == 0 {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

async fn old_events(outlet: &Outlet, before_ms: u64, metrics: &Metrics) -> Result<(), crate::outlet::OutletError> {
    loop {
        let (gone, more) = outlet.prune(before_ms, BATCH).await?;
        events::forgotten(metrics, "event", gone);
        if !more {
            return Ok(());
        }
    }
}

async fn files(media: &Media, before_ms: u64, metrics: &Metrics) -> Result<(), crate::media::MediaError> {
    loop {
        let pruned = media.prune(before_ms, BATCH, false).await?;
        events::forgotten(metrics, "media", pruned.items);
        if !pruned.more {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_less_than_an_hour_is_looked_for_as_often_as_that() {
        let ages = |outbox_ms| Ages { outbox_ms, events_ms: Some(90 * CONVERSATIONS_MS), ..Ages::default() };
        assert_eq!(Ages::default().interval_ms(), INTERVAL_MS);
        assert_eq!(ages(Some(CONVERSATIONS_MS)).interval_ms(), INTERVAL_MS);
        assert_eq!(ages(Some(120_000)).interval_ms(), 120_000);
        assert_eq!(ages(Some(1)).interval_ms(), LEAST_INTERVAL_MS);
    }
}
