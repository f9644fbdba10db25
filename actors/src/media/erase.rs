//! Files of people who are erased: those that came in their conversations, whatever became of them.

use std::collections::BTreeSet;

use super::record::ITEM;
use super::upload::CLAIMS;
use super::{Media, MediaError, MediaItem};
use crate::codec;

/// Rows looked at in one step.
const CHUNK: usize = 500;

impl Media {
    /// Removes the files that came in these conversations, and what is known of them; with `only_count` it removes nothing.
    /// Answers how many.
    pub(crate) async fn erase(&self, conversations: &BTreeSet<String>, only_count: bool) -> Result<usize, MediaError> {
        let mut count = 0;
        let items = self.of(conversations).await?;
        count += items.len();
        if !only_count {
            for item in &items {
                self.forget(item).await?;
            }
        }
        Ok(count + self.claims(conversations, only_count).await?)
    }

    /// The files that came in these conversations.
    pub(crate) async fn of(&self, conversations: &BTreeSet<String>) -> Result<Vec<MediaItem>, MediaError> {
        let (mut items, mut after) = (Vec::new(), None::<Box<str>>);
        loop {
            let page = self.store.documents_page(ITEM, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { return Ok(items) };
            after = Some(last.clone());
            for (_, bytes) in page {
                let item: MediaItem = codec::decode(&bytes)?;
                let theirs = item.conversation.as_deref().is_some_and(|id| conversations.contains(id));
                items.extend(theirs.then_some(item));
            }
        }
    }

    /// What forms named and nobody has looked at yet.
    async fn claims(&self, conversations: &BTreeSet<String>, only_count: bool) -> Result<usize, MediaError> {
        let (mut count, mut after) = (0, None::<Box<str>>);
        loop {
            let page = self.store.documents_page(CLAIMS, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(last.clone());
            let theirs = |key: &str| key.split_once('/').is_some_and(|(_, of)| conversations.contains(of));
            let gone: Vec<_> = page.into_iter().filter(|(key, _)| theirs(key)).collect();
            count += gone.len();
            if !only_count && !gone.is_empty() {
                // Not while the keeper makes one of them wanted.
                let _books = self.books.lock().await;
                let removal = gone.into_iter().map(|(key, _)| (CLAIMS.into(), key, None));
                self.store.put_documents(removal.collect()).await?;
            }
        }
    }
}
