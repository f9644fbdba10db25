//! Fetches what people sent, a few files at a time, soonest first. A wish is gone only when the file is there, refused,
//! or no longer kept by Meta.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use storage::{NewDocument, StoreError};
use whatsapp::graph::{CallError, DownloadRules, Outcome};

use super::folder::{Part, WriteError};
use super::record::{self, WANTED};
use super::upload::{self, CLAIMS, Claim, Sealed};
use super::{Media, MediaError, MediaItem, MediaState};
use crate::codec;
use crate::events;

/// Files that forms name, read at once.
const PAGE: usize = 100;
/// Files fetched at once.
const PARALLEL: usize = 4;
/// Meta keeps a file of a person this long.
const KEPT_MS: u64 = 7 * 86_400_000;
/// Of a file that comes in a form: Meta's own limit, and what encryption adds.
const MAX_UPLOAD_BYTES: u64 = 100 << 20;
const SEAL_BYTES: u64 = 64;
const FIRST_PAUSE_MS: u64 = 2_000;
const LONGEST_PAUSE_MS: u64 = 3_600_000;
/// A store that refused is asked again after this long.
const STORE_AGAIN_MS: u64 = 1_000;

/// Why a file is not here.
enum Miss {
    /// It never will be.
    Refused(String),
    /// It never will be: Meta does not have it.
    Gone(String),
    /// It may be, later.
    Later { why: String, after_ms: Option<u64> },
    /// The books could not be read or written.
    Books(MediaError),
}

impl Media {
    /// Removes what an ended process left half-written; to be called before anything is put or fetched.
    pub async fn clear_parts(&self) {
        if let Err(error) = self.folder.clear_parts().await {
            events::media_folder_failed(&error);
        }
    }

    /// Fetches wanted files until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let (mut under_way, mut keys) = (FuturesUnordered::new(), HashSet::new());
        loop {
            let due = match self.take_up().await {
                Ok(()) => self.due(&keys, PARALLEL - under_way.len()).await,
                Err(error) => Err(error),
            };
            let (due, again_ms) = match due {
                Ok(due) => due,
                Err(error) => {
                    events::store_failed("reading which files are wanted", &error);
                    (Vec::new(), Some(self.clock.now_ms() + STORE_AGAIN_MS))
                }
            };
            for key in due {
                keys.insert(key.clone());
                under_way.push(self.fetch(key));
            }
            let later = async {
                match again_ms {
                    Some(again_ms) => self.clock.wait_until(again_ms).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(key) = under_way.next(), if !under_way.is_empty() => {
                    keys.remove(&key);
                }
                () = self.wanted.notified() => {}
                () = later => {}
            }
        }
    }

    /// Makes the files wanted that forms name, unless they are known: a phone may name any file, and the same one again.
    async fn take_up(&self) -> Result<(), StoreError> {
        loop {
            let claims = self.store.documents_page(CLAIMS, None, PAGE).await?;
            if claims.is_empty() {
                return Ok(());
            }
            for (key, claim) in claims {
                let id = key.split('/').next().unwrap_or_default();
                let _books = self.books.lock().await;
                let mut documents: Vec<NewDocument> = vec![(CLAIMS.into(), key.clone(), None)];
                let stands = self.store.document(CLAIMS, &key).await?.is_some();
                if stands && self.store.document(record::ITEM, id).await?.is_none() {
                    match codec::decode::<Claim>(&claim) {
                        Ok(claim) => documents.extend(claim.documents()),
                        Err(error) => events::media_claim_damaged(id, &error),
                    }
                }
                self.store.put_documents(documents).await?;
            }
        }
    }

    /// Up to `room` keys that are due and not under way, and when the next one is, if there is room for it.
    async fn due(
        &self,
        under_way: &HashSet<Box<str>>,
        room: usize,
    ) -> Result<(Vec<Box<str>>, Option<u64>), StoreError> {
        let mut due = Vec::new();
        if room == 0 {
            return Ok((due, None));
        }
        let now_ms = self.clock.now_ms();
        for (key, _) in self.store.documents_page(WANTED, None, under_way.len() + room).await? {
            if under_way.contains(&key) {
                continue;
            }
            match record::read_wanted(&key) {
                Some((due_ms, _)) if due_ms > now_ms => return Ok((due, Some(due_ms))),
                _ => due.push(key),
            }
        }
        Ok((due, None))
    }

    /// Fetches one file and writes down what came of it. Answers with the key it was given.
    async fn fetch(&self, key: Box<str>) -> Box<str> {
        let id = record::read_wanted(&key).map(|(_, id)| id).unwrap_or_default();
        if let Err(error) = self.try_fetch(&key, id).await {
            events::media_not_noted(id, &error);
            self.clock.wait_until(self.clock.now_ms() + STORE_AGAIN_MS).await;
        }
        key
    }

    async fn try_fetch(&self, key: &str, id: &str) -> Result<(), MediaError> {
        let item = match self.item(id).await {
            Ok(item) => item.filter(|item| item.state == MediaState::Wanted),
            Err(MediaError::Damaged(_)) => None,
            Err(error) => return Err(error),
        };
        let Some(mut item) = item else {
            self.store.put_documents(vec![done(key)]).await?;
            return Ok(());
        };
        let taken = match upload::is_upload(id) {
            true => self.open_upload(key, &item).await,
            false => self.download(key, &item).await,
        };
        match taken {
            Ok(size) => events::media_stored(&self.metrics, id, size),
            Err(Miss::Books(error)) => return Err(error),
            Err(Miss::Refused(why)) => self.close(key, item, MediaState::Refused, why).await?,
            Err(Miss::Gone(why)) => self.close(key, item, MediaState::Failed, why).await?,
            Err(Miss::Later { why, after_ms }) => {
                let now_ms = self.clock.now_ms();
                if now_ms >= item.first_seen_ms + KEPT_MS {
                    let why = format!("Meta keeps files for 7 days; the last try: {why}");
                    return self.close(key, item, MediaState::Failed, why).await;
                }
                let due_ms = now_ms + after_ms.unwrap_or_else(|| pause_ms(item.tries));
                events::media_put_off(&self.metrics, id, &why);
                item.tries = item.tries.saturating_add(1);
                item.reason = Some(why.into());
                let wish: NewDocument = (WANTED.into(), record::wanted_key(due_ms, id), Some(Bytes::new()));
                let mut documents = item.documents();
                documents.extend([done(key), wish]);
                self.note(key, &item, documents).await?;
            }
        }
        Ok(())
    }

    async fn close(&self, key: &str, mut item: MediaItem, state: MediaState, why: String) -> Result<(), MediaError> {
        events::media_not_taken(&self.metrics, &item.id, state, &why);
        item.state = state;
        item.reason = Some(why.into());
        let mut documents = item.documents();
        documents.push(done(key));
        documents.extend(keys_of(&item));
        self.note(key, &item, documents).await
    }

    /// Writes down what became of an item, unless it was deleted meanwhile: then only the wish goes.
    async fn note(&self, key: &str, item: &MediaItem, documents: Vec<NewDocument>) -> Result<(), MediaError> {
        let _books = self.books.lock().await;
        let documents = if self.item(&item.id).await?.is_some() { documents } else { vec![done(key)] };
        Ok(self.store.put_documents(documents).await?)
    }

    /// Takes the file in; its length.
    async fn download(&self, key: &str, item: &MediaItem) -> Result<u64, Miss> {
        let now_ms = self.clock.now_ms();
        self.refuse_type(&item.mime_type)?;
        if now_ms >= item.first_seen_ms + KEPT_MS {
            let last = item.reason.as_deref().unwrap_or("it was not tried");
            return Err(Miss::Gone(format!("Meta keeps files for 7 days; the last try: {last}")));
        }
        if let Some(why) = self.disk_full() {
            return Err(Miss::Later { why, after_ms: None });
        }
        let number = item.number_id.as_deref().and_then(|id| self.number(id));
        let number = number.ok_or_else(|| Miss::Later {
            why: "the number that it came to is not configured".into(),
            after_ms: Some(LONGEST_PAUSE_MS),
        })?;
        let token = number.token.get();
        let info = self.client.media_info(&item.id, &number.id, &token).await.map_err(miss)?;
        match info.mime_type.as_deref().unwrap_or(&item.mime_type) {
            "" => return Err(Miss::Refused("nobody says what type the file has".into())),
            mime_type => self.refuse_type(mime_type)?,
        }
        let max_bytes = self.settings.max_bytes;
        if let Some(size) = info.file_size.filter(|size| *size > max_bytes) {
            return Err(Miss::Refused(format!("the file has {size} bytes, media.max_bytes is {max_bytes}")));
        }
        // The webhook is signed, so its digest counts more.
        let sha256 = item.claimed.as_deref().map(String::from).or(info.sha256);
        let rules = DownloadRules { max_bytes, sha256 };
        let mut download = self.client.download_media(&info.url, &token, &rules).await.map_err(miss)?;
        let mut part = self.folder.part(max_bytes).await.map_err(folder_failed)?;
        while let Some(chunk) = download.chunk().await.map_err(miss)? {
            part.write(&chunk).await.map_err(|error| match error {
                WriteError::TooLong(_) => Miss::Refused(error.to_string()),
                WriteError::Io(error) => folder_failed(error),
            })?;
        }
        let mut item = item.clone();
        if let Some(mime_type) = info.mime_type.filter(|_| item.mime_type.is_empty()) {
            item.mime_type = mime_type.into();
        }
        self.take_in(key, item, part).await
    }

    /// Fetches a file that came in a form, and decrypts it; its length.
    async fn open_upload(&self, key: &str, item: &MediaItem) -> Result<u64, Miss> {
        self.refuse_type(&item.mime_type)?;
        if let Some(why) = self.disk_full() {
            return Err(Miss::Later { why, after_ms: None });
        }
        let keys = self.store.document(upload::KEYS, &item.id).await.map_err(|error| Miss::Books(error.into()))?;
        let sealed = keys.and_then(|keys| codec::decode::<Sealed>(&keys).ok());
        let sealed = sealed.ok_or_else(|| Miss::Gone("nobody knows what it is decrypted with".into()))?;
        let max_bytes = self.settings.max_bytes.min(MAX_UPLOAD_BYTES);
        let _one_at_a_time = self.opening.lock().await;
        let mut download = self.client.download_upload(&sealed.cdn_url, max_bytes + SEAL_BYTES).await.map_err(miss)?;
        let mut fetched = Vec::new();
        while let Some(chunk) = download.chunk().await.map_err(miss)? {
            fetched.extend_from_slice(&chunk);
        }
        let opened = tokio::task::spawn_blocking(move || sealed.metadata().decrypt(&fetched)).await;
        let opened = opened.map_err(|_| Miss::Refused("decrypting it ended in a panic".into()))?;
        let opened = opened.map_err(|error| Miss::Refused(error.to_string()))?;
        let mut part = self.folder.part(max_bytes).await.map_err(folder_failed)?;
        part.write(&opened).await.map_err(|error| match error {
            WriteError::TooLong(_) => Miss::Refused(error.to_string()),
            WriteError::Io(error) => folder_failed(error),
        })?;
        self.take_in(key, item.clone(), part).await
    }

    /// Keeps a file that is whole, unless it was deleted meanwhile; its length.
    async fn take_in(&self, key: &str, mut item: MediaItem, mut part: Part) -> Result<u64, Miss> {
        let (digest, size) = part.finish().await.map_err(folder_failed)?;
        (item.state, item.sha256, item.size, item.reason) = (MediaState::Stored, Some(digest), Some(size), None);
        let mut documents = item.documents();
        documents.push(done(key));
        documents.extend(keys_of(&item));
        let _books = self.books.lock().await;
        let stands = self.item(&item.id).await.map_err(Miss::Books)?;
        if stands.is_none_or(|now| now.state != MediaState::Wanted || now.conversation != item.conversation) {
            // Deleted meanwhile, or it came in a message of somebody else.
            return Ok(size);
        }
        self.folder.keep(part, &digest).await.map_err(folder_failed)?;
        self.store.put_documents(documents).await.map_err(|error| Miss::Books(error.into()))?;
        Ok(size)
    }

    fn refuse_type(&self, mime_type: &str) -> Result<(), Miss> {
        // Without a type it is asked for first; the answer names one.
        match mime_type.is_empty() || self.settings.allow.has(mime_type) {
            true => Ok(()),
            false => Err(Miss::Refused(format!("files of type `{mime_type}` are not taken (media.allow)"))),
        }
    }

    /// Why no file is taken in, if the disk is too full.
    pub(super) fn disk_full(&self) -> Option<String> {
        let least = self.settings.min_free_bytes;
        let free = self.folder.free_bytes().filter(|free| least > 0 && *free < least)?;
        Some(format!("the disk has {} MB free, media.min_free_bytes is {} MB", free >> 20, least >> 20))
    }
}

/// What a file was to be decrypted with goes when nothing more is to be fetched.
fn keys_of(item: &MediaItem) -> Option<NewDocument> {
    upload::is_upload(&item.id).then(|| (upload::KEYS.into(), item.id.clone(), None))
}

fn done(key: &str) -> NewDocument {
    (WANTED.into(), key.into(), None)
}

fn folder_failed(error: std::io::Error) -> Miss {
    Miss::Later { why: format!("the media folder: {error}"), after_ms: None }
}

fn miss(error: CallError) -> Miss {
    let why = error.to_string();
    match (&error, error.outcome()) {
        (CallError::Unusable(_), _) => Miss::Refused(why),
        (_, Outcome::Permanent | Outcome::WindowClosed) => Miss::Gone(why),
        _ => Miss::Later { after_ms: error.retry_after_ms(), why },
    }
}

fn pause_ms(tries: u32) -> u64 {
    FIRST_PAUSE_MS.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE_MS)
}
