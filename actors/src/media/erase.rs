//! Files of people who are erased: those that came in their conversations, whatever became of them.

use std::collections::BTreeSet;

use storage::NewDocument;

use super::record::{ITEM, OF};
use super::upload::{CLAIMS, KEYS};
use super::{Media, MediaError, MediaItem};
use crate::codec;
use crate::erasure::mentions;
use crate::events;

/// Rows looked at in one step.
const CHUNK: usize = 500;

/// The files of some conversations.
#[derive(Default)]
struct Found {
    items: Vec<MediaItem>,
    /// Ids of items that name one of the conversations and cannot be read.
    unread: Vec<Box<str>>,
    /// How many cannot be read, whosever they are.
    unreadable: usize,
}

impl Media {
    /// Removes the files that came in these conversations, and what is known of them; with `only_count` it removes nothing.
    /// Answers how many.
    pub(crate) async fn erase(&self, conversations: &BTreeSet<String>, only_count: bool) -> Result<usize, MediaError> {
        let Found { items, unread, unreadable } = self.find(conversations).await?;
        events::unreadable(ITEM, unreadable);
        if !only_count {
            for item in &items {
                self.forget(item).await?;
            }
            for id in &unread {
                self.forget_unread(id).await?;
            }
        }
        Ok(items.len() + unread.len() + self.claims(conversations, only_count).await?)
    }

    /// The files that came in these conversations.
    pub(crate) async fn of(&self, conversations: &BTreeSet<String>) -> Result<Vec<MediaItem>, MediaError> {
        Ok(self.find(conversations).await?.items)
    }

    async fn find(&self, conversations: &BTreeSet<String>) -> Result<Found, MediaError> {
        let words: Vec<String> = conversations.iter().cloned().collect();
        let (mut found, mut after) = (Found::default(), None::<Box<str>>);
        loop {
            let page = self.store.documents_page(ITEM, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for (id, bytes) in page {
                let Ok(item) = codec::decode::<MediaItem>(&bytes) else {
                    found.unreadable += 1;
                    found.unread.extend(mentions(&bytes, &words).then_some(id));
                    continue;
                };
                let theirs = item.conversation.as_deref().is_some_and(|id| conversations.contains(id));
                found.items.extend(theirs.then_some(item));
            }
        }
    }

    /// Removes an item that cannot be read, and its file: which one that is only the index knows.
    async fn forget_unread(&self, id: &str) -> Result<(), MediaError> {
        let _books = self.books.lock().await;
        let mut gone: Vec<NewDocument> = [ITEM, KEYS].map(|kind| (kind.into(), id.into(), None)).into();
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(OF, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, _) in page {
                let Some((digest, of)) = key.split_once('/') else { continue };
                let Some(digest) = digest.parse().ok().filter(|_| of == id) else { continue };
                if !self.is_shared(&digest, Some(id)).await? {
                    self.folder.remove(&digest).await?;
                }
                gone.push((OF.into(), key, None));
            }
        }
        Ok(self.store.put_documents(gone).await?)
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
