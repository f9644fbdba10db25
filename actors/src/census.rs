//! Which versions of bots the runs are on, and where they wait: counted by reading conversations, newest first, a page at a time.

use std::collections::BTreeMap;

use chatbot::Snapshot;
use serde::Deserialize;
use storage::{ConversationId, Page, Store, StoreError};

use crate::codec;

const PAGE: usize = 500;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Runs by bot and version.
    pub runs: BTreeMap<(String, String), u64>,
    /// Runs that wait, by bot, version and node.
    pub waits: BTreeMap<(String, String, String), Waits>,
    /// Conversations that were looked at.
    pub conversations: u64,
    /// Whether that was all of them.
    pub complete: bool,
}

/// Runs that wait at a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// All of them.
    pub runs: u64,
    /// Those that wait for a person of staff.
    pub handed_over: u64,
}

/// The part of a conversation that counts.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    bot: Snapshot,
}

/// Looks at up to `limit` conversations, those that were last active first, and hands each one that has a run to `each`
/// (conversation, bot, version). Conversations that move while this goes on may be counted twice or not at all.
pub async fn count(
    store: &dyn Store,
    limit: u64,
    mut each: impl FnMut(ConversationId, &str, &str),
) -> Result<Census, StoreError> {
    let (mut census, mut cursor) = (Census::default(), None);
    loop {
        let left = usize::try_from(limit.saturating_sub(census.conversations)).unwrap_or(PAGE);
        if left == 0 {
            return Ok(census);
        }
        let page = store.conversations(None, Page { cursor, limit: left.min(PAGE) }).await?;
        census.conversations += page.items.len() as u64;
        for (id, head) in page.items {
            // What cannot be read runs nothing.
            let Ok(Part { bot }) = codec::decode(&head.snapshot) else { continue };
            if let Some((name, version)) = bot.bot() {
                each(id, name, version);
                *census.runs.entry((name.to_owned(), version.to_owned())).or_default() += 1;
                if let Some(node) = bot.node() {
                    let waits = census.waits.entry((name.to_owned(), version.to_owned(), node.to_owned())).or_default();
                    waits.runs += 1;
                    waits.handed_over += u64::from(bot.handed_over().is_some());
                }
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(Census { complete: true, ..census });
        }
        tokio::task::yield_now().await;
    }
}
