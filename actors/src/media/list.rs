//! The list of files, newest first.

use storage::Listed;

use super::record::{self, Direction, MediaItem, MediaState, TIME};
use super::{Media, MediaError};

/// Rows looked at for one page, whatever the filter leaves of them.
const LOOKED_AT: usize = 2_000;
const CHUNK: usize = 200;
const DAY_MS: u64 = 86_400_000;

/// Which files are asked for.
#[derive(Clone, Debug, Default)]
pub struct MediaFilter {
    /// Of this direction.
    pub direction: Option<Direction>,
    /// In this state.
    pub state: Option<MediaState>,
    /// Of this kind.
    pub kind: Option<Box<str>>,
}

/// An id by which Meta knows a file, for one number, and when it ends.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MetaId {
    /// Meta's id.
    pub id: Box<str>,
    /// The number that it belongs to.
    pub phone_number_id: Box<str>,
    /// When Meta forgets it.
    pub expires_ms: u64,
}

impl MediaFilter {
    fn takes(&self, item: &MediaItem) -> bool {
        self.direction.is_none_or(|direction| direction == item.direction)
            && self.state.is_none_or(|state| state == item.state)
            && self.kind.as_ref().is_none_or(|kind| *kind == item.kind)
    }
}

impl Media {
    /// A page of files. It may be short and still have a next one.
    pub async fn list(
        &self,
        filter: &MediaFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed<MediaItem>, MediaError> {
        let (mut items, mut after) = (Vec::new(), cursor.map(Box::<str>::from));
        for _ in 0..LOOKED_AT / CHUNK {
            let rows = self.store.documents_page(TIME, after.as_deref(), CHUNK).await?;
            let is_last = rows.len() < CHUNK;
            for (key, _) in rows {
                if items.len() == limit {
                    return Ok(Listed { items, next: after });
                }
                items.extend(self.listed(&key).await?.filter(|item| filter.takes(item)));
                after = Some(key);
            }
            if is_last {
                return Ok(Listed { items, next: None });
            }
        }
        Ok(Listed { items, next: after })
    }

    /// The item of a row of the list; a row of an item that came again later is passed over.
    pub(super) async fn listed(&self, key: &str) -> Result<Option<MediaItem>, MediaError> {
        let Some((first_seen_ms, id)) = record::read_time(key) else { return Ok(None) };
        Ok(self.item(id).await?.filter(|item| item.first_seen_ms == first_seen_ms))
    }

    /// The ids by which Meta knows a file.
    pub async fn meta_ids(&self, item: &MediaItem) -> Result<Vec<MetaId>, MediaError> {
        if item.direction == Direction::In {
            let number = item.number_id.clone().unwrap_or_default();
            let expires_ms = item.first_seen_ms + 7 * DAY_MS;
            return Ok(vec![MetaId { id: item.id.clone(), phone_number_id: number, expires_ms }]);
        }
        let Some(digest) = &item.sha256 else { return Ok(Vec::new()) };
        let uploads = self.uploads(digest).await?.into_iter();
        Ok(uploads
            .filter_map(|(key, upload)| {
                let number = key.split_once('/')?.1;
                Some(MetaId { id: upload.meta_id, phone_number_id: number.into(), expires_ms: upload.expires_ms })
            })
            .collect())
    }

    /// How many files wait to be fetched, up to `most`.
    pub async fn waiting(&self, most: usize) -> Result<usize, MediaError> {
        Ok(self.store.documents_page(record::WANTED, None, most).await?.len())
    }
}
