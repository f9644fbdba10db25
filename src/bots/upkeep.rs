//! Background work about versions: runs that must leave an old one get a turn, and versions that nobody needs go.
//!
//! Both look through all conversations, a page at a time, and only when there is something to find. Nothing that is
//! missed is lost: a run that was not woken moves with its next input, a version that stayed is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actors::census::{self, Census};
use storage::{ConversationId, StoreError};

use super::library::{KEPT_NUMBERS, Library};

/// At the latest after this long it is looked again.
const INTERVAL_MS: u64 = 3_600_000;
/// Two looks for versions that nobody needs are so far apart at the least.
const COLLECT_MS: u64 = 60_000;
/// A version that was live or used so lately may get a run by a turn that is under way.
const SETTLED_MS: u64 = 60_000;
/// Runs that could not leave, because a human has them, are tried again after this long, then twice that, and so on.
const AGAIN_MS: u64 = 60_000;
/// Conversations woken at once, and in one round.
const WAKE_BATCH: usize = 500;
const WAKE_MOST: usize = 10_000;
const WAKE_PAUSE_MS: u64 = 1_000;
/// Versions of one bot forgotten at once.
const FORGET_MOST: usize = 100;

/// What is remembered from round to round.
#[derive(Default)]
struct Upkeep {
    /// Bots whose runs have all left, by the time of the publish that said so.
    drained: BTreeMap<String, u64>,
    again_ms: u64,
    collected_ms: Option<u64>,
}

/// Goes on until it is dropped.
pub(crate) async fn upkeep(library: Arc<Library>) {
    let mut upkeep = Upkeep::default();
    loop {
        let now_ms = library.clock.now_ms();
        let left = match upkeep.round(&library, now_ms).await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(%error, "bot versions could not be looked after; it is tried again");
                true
            }
        };
        upkeep.again_ms = if left { (upkeep.again_ms * 2).clamp(AGAIN_MS, INTERVAL_MS) } else { 0 };
        let waits_ms = if left { upkeep.again_ms } else { INTERVAL_MS };
        let collect_ms = upkeep.next_collection_ms(&library, now_ms);
        let drain_ms = library.registry.next_drain_ms(now_ms).unwrap_or(u64::MAX);
        tokio::select! {
            () = library.clock.wait_until((now_ms + waits_ms).min(drain_ms).min(collect_ms)) => {}
            () = library.changed.notified() => {}
        }
    }
}

impl Upkeep {
    /// Answers whether runs are left that should have gone.
    async fn round(&mut self, library: &Library, now_ms: u64) -> Result<bool, StoreError> {
        let due = self.due(library, now_ms);
        let collects = self.may_collect(now_ms) && library.ids().iter().any(|id| !library.old_numbers(id).is_empty());
        if due.is_empty() && !collects {
            return Ok(false);
        }
        let mut leaving = Vec::new();
        let census = census::count(&*library.store, u64::MAX, |conversation, bot, version| {
            let must = due.contains_key(bot) && library.registry.leaves_at_ms(bot, version).is_some();
            if must && leaving.len() < WAKE_MOST {
                leaving.push((conversation, bot.to_owned()));
            }
        })
        .await?;
        let left: BTreeSet<String> = leaving.iter().map(|(_, bot)| bot.clone()).collect();
        self.drained.extend(due.into_iter().filter(|(bot, _)| !left.contains(bot)));
        wake(library, leaving.into_iter().map(|(conversation, _)| conversation).collect()).await;
        if collects {
            self.collected_ms = Some(now_ms);
            collect(library, &census, now_ms).await?;
        }
        Ok(!left.is_empty())
    }

    /// Bots whose old runs must have left by now, with the time of the publish that said so.
    fn due(&self, library: &Library, now_ms: u64) -> BTreeMap<String, u64> {
        let publish = |id: String| {
            let live = library.live(&id)?;
            let due_ms = live.at_ms.saturating_add(live.running.drain_after_ms?);
            (due_ms <= now_ms && self.drained.get(&id) != Some(&live.at_ms)).then_some((id, live.at_ms))
        };
        library.ids().into_iter().filter_map(publish).collect()
    }

    fn may_collect(&self, now_ms: u64) -> bool {
        self.collected_ms.is_none_or(|at_ms| at_ms + COLLECT_MS <= now_ms)
    }

    /// When versions that grew old since the last look are to be looked at.
    fn next_collection_ms(&self, library: &Library, now_ms: u64) -> u64 {
        let waits = !self.may_collect(now_ms) && library.ids().iter().any(|id| !library.old_numbers(id).is_empty());
        let fresh = self.collected_ms.is_some_and(|at_ms| at_ms < now_ms);
        if waits && fresh { self.collected_ms.unwrap_or(now_ms) + COLLECT_MS } else { u64::MAX }
    }
}

impl Library {
    /// Numbers of a bot that are neither live nor among the last ones.
    fn old_numbers(&self, id: &str) -> Vec<u32> {
        let shelf = self.shelf(id);
        let Some(last) = shelf.records.keys().next_back() else { return Vec::new() };
        let live = shelf.live.as_ref().map(|live| live.number);
        let old = shelf.records.range(..=last.saturating_sub(KEPT_NUMBERS)).map(|(number, _)| *number);
        old.filter(|number| Some(*number) != live).collect()
    }
}

async fn wake(library: &Library, conversations: Vec<ConversationId>) {
    let Some(engine) = library.engine() else { return };
    for (place, batch) in conversations.chunks(WAKE_BATCH).enumerate() {
        if place > 0 {
            library.clock.wait_until(library.clock.now_ms() + WAKE_PAUSE_MS).await;
        }
        engine.wake(batch.to_vec());
    }
}

/// Forgets old versions without runs, with the files that only they had.
async fn collect(library: &Library, census: &Census, started_ms: u64) -> Result<(), StoreError> {
    if !census.complete {
        return Ok(());
    }
    for id in library.ids() {
        let _alone = library.writing.lock().await;
        let shelf = library.shelf(&id);
        let settled = shelf.live.as_ref().is_none_or(|live| live.at_ms + SETTLED_MS <= started_ms);
        if !settled {
            continue;
        }
        let unused = |number: &u32| {
            let Some(record) = shelf.records.get(number) else { return false };
            // A conversation that was active while the others were read may have been missed.
            let used_ms = library.registry.last_used_ms(&id, &record.version).unwrap_or(0);
            !census.runs.contains_key(&(id.clone(), record.version.clone())) && used_ms + SETTLED_MS <= started_ms
        };
        let numbers: Vec<u32> = library.old_numbers(&id).into_iter().filter(unused).take(FORGET_MOST).collect();
        if !numbers.is_empty() {
            library.forget(&id, &numbers).await?;
            tracing::info!(bot = %id, versions = numbers.len(), "old bot versions without runs are forgotten");
        }
    }
    Ok(())
}
