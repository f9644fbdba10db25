//! Files that grew old go, and files that no row knows.

use super::record::{self, ITEM, MediaItem, MediaState, TIME};
use super::{Media, MediaError};
use crate::events;

const CHUNK: usize = 100;

/// What was pruned, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Items.
    pub items: usize,
    /// Files; fewer than items when some share theirs.
    pub files: usize,
    /// Bytes of those files.
    pub bytes: u64,
    /// Whether there may be more.
    pub more: bool,
}

impl Media {
    /// Removes what was first seen, put and sent before a time, up to `limit` items. Files that bots refer to stay, and so
    /// do those still wanted. With `only_count` it says what it would do.
    pub async fn prune(&self, before_ms: u64, limit: usize, only_count: bool) -> Result<Pruned, MediaError> {
        let mut pruned = Pruned::default();
        let mut after = record::time_key(before_ms, "");
        loop {
            let rows = self.store.documents_page(TIME, Some(&after), CHUNK).await?;
            let Some((last, _)) = rows.last() else { return Ok(pruned) };
            after = last.clone();
            for (key, _) in rows {
                let item = match self.listed(&key).await {
                    Ok(Some(item)) => item,
                    Ok(None) => {
                        self.store.put_document(TIME, &key, None).await?;
                        continue;
                    }
                    // It stays, and so does its file; those behind it go.
                    Err(MediaError::Damaged(_)) => {
                        events::unreadable(ITEM, 1);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                if !self.is_old(&item, before_ms) {
                    continue;
                }
                if pruned.items == limit {
                    return Ok(Pruned { more: true, ..pruned });
                }
                let removed = match (only_count, &item.sha256) {
                    (false, _) => self.forget(&item).await?,
                    (true, Some(digest)) => !self.is_shared(digest, Some(&item.id)).await?,
                    (true, None) => false,
                };
                pruned.items += 1;
                pruned.files += usize::from(removed && item.sha256.is_some());
                pruned.bytes += if removed { item.size.unwrap_or(0) } else { 0 };
            }
        }
    }

    fn is_old(&self, item: &MediaItem, before_ms: u64) -> bool {
        let pinned = item.sha256.is_some_and(|digest| self.pinned.lock().contains(&digest));
        item.state != MediaState::Wanted && !pinned && item.first_seen_ms.max(item.used_ms) < before_ms
    }

    /// Removes files that no row knows: a crash between a file's name and its row left them. Answers how many.
    pub async fn sweep(&self) -> Result<usize, MediaError> {
        let mut removed = 0;
        for start in 0..=u8::MAX {
            for digest in self.folder.names(start).await? {
                let _books = self.books.lock().await;
                if !self.is_shared(&digest, None).await? {
                    self.folder.remove(&digest).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}
