//! Our files: put, opened, deleted.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, stream};
use storage::NewDocument;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use whatsapp::limits;

use super::digest::Digest;
use super::folder::{Part, WriteError};
use super::record::{self, Direction, MediaItem, MediaState, UPLOAD, Upload};
use super::{Media, MediaError, types};
use crate::codec;

/// Rows of an index read at once.
const PAGE: usize = 100;
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Longest name of a file that is kept.
const NAME_CHARS: usize = 240;

/// Why a file is not taken or not given up.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Meta takes no files of this type.
    #[error("files of type `{0}` cannot be sent")]
    Type(String),
    /// It is too large for its type, or cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The disk is too full; the store needs what is left.
    #[error("{0}")]
    DiskFull(String),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// A bot refers to it.
    #[error("a bot refers to file {0}")]
    Pinned(Box<str>),
    /// The books refuse.
    #[error(transparent)]
    Media(#[from] MediaError),
}

impl From<storage::StoreError> for KeepError {
    fn from(error: storage::StoreError) -> Self {
        Self::Media(error.into())
    }
}

/// One of our files on its way in.
pub struct Putting {
    part: Part,
    mime_type: Box<str>,
}

/// A file to be read.
pub struct Opened {
    /// At its start.
    pub file: File,
    /// Its length in bytes.
    pub size: u64,
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Deleted {
    /// Whether the file is gone; another item with the same content keeps it.
    pub file_removed: bool,
    /// Ids of Meta that were deleted there.
    pub deleted_at_meta: Vec<Box<str>>,
    /// Ids of Meta that were not, with the reason; they end by themselves within 30 days.
    pub left_at_meta: Vec<(Box<str>, String)>,
}

impl Opened {
    /// Its bytes, bit by bit.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(self.file, |mut file| async move {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).await?;
            chunk.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(chunk), file)))
        })
    }
}

impl Putting {
    /// Takes the next bytes. Errors: more than the type may have.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), KeepError> {
        Ok(self.part.write(bytes).await?)
    }
}

impl Media {
    /// Starts to take one of our files in.
    pub async fn start_put(&self, mime_type: &str) -> Result<Putting, KeepError> {
        let bare = types::bare(mime_type).to_ascii_lowercase();
        let max_bytes = limits::media_bytes(&bare).filter(|_| types::is_type(mime_type));
        let max_bytes = max_bytes.ok_or_else(|| KeepError::Type(mime_type.to_owned()))?;
        if let Some(why) = self.disk_full() {
            return Err(KeepError::DiskFull(why));
        }
        let part = self.folder.part(max_bytes).await.map_err(WriteError::from)?;
        Ok(Putting { part, mime_type: mime_type.into() })
    }

    /// Keeps it. The same content is the same file; its type is that of the last time.
    pub async fn finish_put(&self, putting: Putting, filename: Option<&str>) -> Result<MediaItem, KeepError> {
        let Putting { mut part, mime_type } = putting;
        let (digest, size) = part.finish().await.map_err(WriteError::from)?;
        if size == 0 {
            return Err(KeepError::Empty);
        }
        let _books = self.books.lock().await;
        let (id, now_ms) = (MediaItem::own_id(&digest), self.clock.now_ms());
        let before = self.item(&id).await?;
        let filename = filename.map(|name| name.chars().take(NAME_CHARS).collect::<String>().into());
        let item = MediaItem {
            id,
            direction: Direction::Out,
            state: MediaState::Stored,
            kind: types::kind(&mime_type).into(),
            mime_type,
            filename: filename.or_else(|| before.as_ref()?.filename.clone()),
            number_id: None,
            conversation: None,
            claimed: None,
            sha256: Some(digest),
            size: Some(size),
            first_seen_ms: before.as_ref().map_or(now_ms, |before| before.first_seen_ms),
            used_ms: now_ms,
            reason: None,
            tries: 0,
        };
        let mut documents = item.documents();
        if before.is_some_and(|before| before.mime_type != item.mime_type) {
            // Meta knows it as another type.
            documents.extend(self.uploads(&digest).await?.into_iter().map(|(key, _)| (UPLOAD.into(), key, None)));
        }
        self.folder.keep(part, &digest).await.map_err(WriteError::from)?;
        self.store.put_documents(documents).await?;
        Ok(item)
    }

    /// Puts a file that is in memory.
    pub async fn put(&self, mime_type: &str, filename: Option<&str>, bytes: &Bytes) -> Result<MediaItem, KeepError> {
        let mut putting = self.start_put(mime_type).await?;
        putting.write(bytes).await?;
        self.finish_put(putting, filename).await
    }

    /// Opens the file of an item; `None` when it is not here.
    pub async fn open(&self, item: &MediaItem) -> Result<Option<Opened>, MediaError> {
        let Some(digest) = &item.sha256 else { return Ok(None) };
        let Some(size) = self.folder.size(digest).await? else { return Ok(None) };
        Ok(Some(Opened { file: self.folder.open(digest).await?, size }))
    }

    /// Deletes an item, its file unless another item shares it, and what was uploaded of it. `None`: there is none.
    pub async fn delete(&self, id: &str) -> Result<Option<Deleted>, KeepError> {
        let Some(item) = self.item(id).await? else { return Ok(None) };
        if let Some(digest) = item.sha256.filter(|digest| self.pinned.lock().contains(digest)) {
            return Err(KeepError::Pinned(MediaItem::own_id(&digest)));
        }
        let mut deleted = Deleted::default();
        if let (Direction::Out, Some(digest)) = (item.direction, &item.sha256) {
            for (key, upload) in self.uploads(digest).await? {
                let number = key.split_once('/').and_then(|(_, number)| self.number(number));
                let token = number.map(|number| number.token.get());
                let answer = match &token {
                    Some(token) => self.client.delete_media(&upload.meta_id, token).await.map_err(|e| e.to_string()),
                    None => Err("its number is not configured".to_owned()),
                };
                match answer {
                    Ok(()) => deleted.deleted_at_meta.push(upload.meta_id),
                    Err(why) => deleted.left_at_meta.push((upload.meta_id, why)),
                }
            }
        }
        deleted.file_removed = self.forget(&item).await?;
        Ok(Some(deleted))
    }

    /// Removes an item and, if nothing shares it, its file. The file goes first: without the rows nobody would find it.
    pub(super) async fn forget(&self, item: &MediaItem) -> Result<bool, MediaError> {
        let _books = self.books.lock().await;
        let mut documents = item.removal();
        let mut removed = false;
        if let Some(digest) = &item.sha256 {
            if item.direction == Direction::Out {
                documents.extend(self.uploads(digest).await?.into_iter().map(|(key, _)| (UPLOAD.into(), key, None)));
            }
            if !self.is_shared(digest, Some(&item.id)).await? {
                self.folder.remove(digest).await?;
                removed = true;
            }
        }
        self.store.put_documents(documents).await?;
        Ok(removed)
    }

    /// Whether any item but this one has the content.
    pub(super) async fn is_shared(&self, digest: &Digest, but: Option<&str>) -> Result<bool, MediaError> {
        let prefix = format!("{digest}/");
        let rows = self.store.documents_page(record::OF, Some(&prefix), 2).await?;
        Ok(rows.iter().filter_map(|(key, _)| key.strip_prefix(&*prefix)).any(|id| Some(id) != but))
    }

    /// What Meta was given of a file: the row's key and the upload.
    pub(super) async fn uploads(&self, digest: &Digest) -> Result<Vec<(Box<str>, Upload)>, MediaError> {
        let prefix = format!("{digest}/");
        let (mut found, mut after) = (Vec::new(), Box::<str>::from(&*prefix));
        loop {
            let page = self.store.documents_page(UPLOAD, Some(&after), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = last.clone();
            for (key, bytes) in page {
                if !key.starts_with(&prefix) {
                    return Ok(found);
                }
                found.push((key, codec::decode(&bytes)?));
            }
        }
    }

    /// Notes that an own file was used just now.
    pub(super) fn used(&self, item: &MediaItem) -> NewDocument {
        let item = MediaItem { used_ms: self.clock.now_ms(), ..item.clone() };
        (record::ITEM.into(), item.id.clone(), Some(codec::encode(&item)))
    }
}
