//! Meta's ids for our files: uploaded once for each number, used until shortly before they end, uploaded anew when Meta
//! no longer knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use storage::NewDocument;
use whatsapp::graph::{self, Accepted, CallError, Client, Load};

use super::digest::Digest;
use super::record::{self, MediaItem, UPLOAD, Upload};
use super::upload::{self, CLAIMS};
use super::{Media, MediaError, MediaState, walk};
use crate::codec;
use crate::events;
use crate::sender::Transport;
use crate::settings::Number;

const DAY_MS: u64 = 86_400_000;
/// Meta keeps an upload this long.
const KEPT_MS: u64 = 30 * DAY_MS;
/// An id is not used any more this long before its end.
const MARGIN_MS: u64 = DAY_MS;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, graph::Error>> + Send + 'a>>;

/// Carries messages to Graph, with Meta's ids in the place of ours.
pub struct Carrier {
    media: Arc<Media>,
    client: Client,
}

impl Carrier {
    /// A carrier over the files of `media`.
    pub fn new(media: Arc<Media>, client: Client) -> Self {
        Self { media, client }
    }
}

impl Transport for Carrier {
    fn prepare<'a>(&'a self, number: &'a Number, body: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            if walk::may_name_files(body) {
                self.media.exchange(number, body).await?;
            }
            Ok(())
        })
    }

    fn send<'a>(&'a self, number: &'a Number, body: Vec<u8>) -> Answer<'a, Accepted> {
        Box::pin(async move {
            let token = number.token.get();
            if !walk::may_name_files(&body) {
                return self.client.send_message(&number.id, &token, body).await;
            }
            let (exchanged, files) = self.media.exchange(number, &body).await?;
            match self.client.send_message(&number.id, &token, exchanged).await {
                Err(graph::Error::Graph(error)) if !files.is_empty() && error.is_about_media_id() => {
                    self.media.forget_uploads(number, &files).await?;
                    let (exchanged, _) = self.media.exchange(number, &body).await?;
                    self.client.send_message(&number.id, &token, exchanged).await
                }
                answer => answer,
            }
        })
    }

    fn mark_read<'a>(
        &'a self,
        number: &'a Number,
        wamid: &'a str,
        typing: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Transport::mark_read(&self.client, number, wamid, typing)
    }

    fn load(&self, number: &Number) -> Load {
        Transport::load(&self.client, number)
    }
}

impl Media {
    /// The body with Meta's ids in the place of ours, and which files those are. Uploads what Meta does not have.
    async fn exchange(&self, number: &Number, body: &[u8]) -> Result<(Vec<u8>, BTreeSet<Digest>), graph::Error> {
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return Ok((body.to_vec(), BTreeSet::new())) };
        let mut uploads = BTreeMap::new();
        for id in walk::uploads(&value) {
            let digest = self.digest_of(&id).await?;
            uploads.insert(id, digest);
        }
        walk::replace_uploads(&mut value, &uploads);
        let files = walk::named(&value);
        let mut ids = BTreeMap::new();
        for digest in &files {
            ids.insert(*digest, self.meta_id(number, digest).await?);
        }
        walk::replace(&mut value, &ids);
        Ok((value.to_string().into_bytes(), files))
    }

    /// What is in a file that came in a form. One that is still on its way is waited for.
    async fn digest_of(&self, id: &str) -> Result<Digest, graph::Error> {
        // Asked first: what is no claim any more is an item.
        let claimed = self.is_claimed(id).await.map_err(|error| passing(&error))?;
        let item = self.item(id).await.map_err(|error| passing(&error))?;
        match item.as_ref().map(|item| (item.state, item.sha256)) {
            Some((MediaState::Stored, Some(digest))) => Ok(digest),
            Some((MediaState::Wanted, _)) => {
                Err(graph::Error::File { why: format!("file {id} was not fetched yet"), passes: true })
            }
            None if claimed => {
                Err(graph::Error::File { why: format!("file {id} was not looked at yet"), passes: true })
            }
            _ => Err(lost(format!("file {id} is not here"))),
        }
    }

    /// Whether a form names it and nobody took it up yet.
    async fn is_claimed(&self, id: &str) -> Result<bool, MediaError> {
        let prefix = format!("{id}/");
        let rows = self.store.documents_page(CLAIMS, Some(&prefix), 1).await?;
        Ok(rows.first().is_some_and(|(key, _)| key.starts_with(&prefix)))
    }

    async fn meta_id(&self, number: &Number, digest: &Digest) -> Result<Box<str>, graph::Error> {
        let key = record::upload_key(digest, &number.id);
        if let Some(upload) = self.valid(&key).await? {
            return self.used_again(digest, key, upload).await;
        }
        let turn = self.uploading.lock().entry(key.clone()).or_default().clone();
        let answer = {
            let _one_at_a_time = turn.lock().await;
            match self.valid(&key).await {
                Ok(None) => self.upload(number, digest, &key).await,
                Ok(Some(upload)) => Ok(upload.meta_id),
                Err(error) => Err(error),
            }
        };
        drop(turn);
        self.uploading.lock().retain(|_, turn| Arc::strong_count(turn) > 1);
        answer
    }

    /// Notes once a day that a file is in use, so that its retention counts from its last message.
    async fn used_again(&self, digest: &Digest, key: Box<str>, upload: Upload) -> Result<Box<str>, graph::Error> {
        let now_ms = self.clock.now_ms();
        let id = upload.meta_id.clone();
        if now_ms < upload.used_ms + DAY_MS {
            return Ok(id);
        }
        let item = self.item(&MediaItem::own_id(digest)).await.map_err(|error| passing(&error))?;
        let upload = Upload { used_ms: now_ms, ..upload };
        let note: NewDocument = (UPLOAD.into(), key, Some(codec::encode(&upload)));
        let documents = item.iter().map(|item| self.used(item)).chain([note]).collect();
        if let Err(error) = self.store.put_documents(documents).await {
            // The next message tries again.
            events::store_failed("noting that a file was used", &error);
        }
        Ok(id)
    }

    async fn valid(&self, key: &str) -> Result<Option<Upload>, graph::Error> {
        let found = self.store.document(UPLOAD, key).await.map_err(|error| passing(&error.into()))?;
        let Some(upload) = found.and_then(|bytes| codec::decode::<Upload>(&bytes).ok()) else { return Ok(None) };
        Ok((self.clock.now_ms() + MARGIN_MS < upload.expires_ms).then_some(upload))
    }

    async fn upload(&self, number: &Number, digest: &Digest, key: &str) -> Result<Box<str>, graph::Error> {
        let id = MediaItem::own_id(digest);
        let item = match self.item(&id).await.map_err(|error| passing(&error))? {
            Some(item) => Some(item),
            None => self.upload_with(digest).await.map_err(|error| passing(&error))?,
        };
        let Some(item) = item else { return Err(lost(format!("there is no file {id}"))) };
        let opened = self.open(&item).await.map_err(|error| passing(&error))?;
        let Some(opened) = opened else { return Err(lost(format!("file {id} is not in the media folder any more"))) };
        let file = graph::Upload::stream(&*item.mime_type, &*id, opened.size, opened.into_stream());
        let uploaded_ms = self.clock.now_ms();
        let answer = self.client.upload_media(&number.id, &number.token.get(), file).await;
        events::media_uploaded(&self.metrics, &id, answer.as_ref().err());
        let meta_id: Box<str> = answer.map_err(graph::CallError::of_a_file)?.into();
        let upload = Upload { meta_id: meta_id.clone(), expires_ms: uploaded_ms + KEPT_MS, used_ms: uploaded_ms };
        let documents: Vec<NewDocument> =
            vec![(UPLOAD.into(), key.into(), Some(codec::encode(&upload))), self.used(&item)];
        if let Err(error) = self.store.put_documents(documents).await {
            // Meta has it: the message can go, and the next one uploads again.
            events::store_failed("noting an upload", &error);
        }
        Ok(meta_id)
    }

    /// A file that came in a form and has this content.
    async fn upload_with(&self, digest: &Digest) -> Result<Option<MediaItem>, MediaError> {
        let first = record::of_key(digest, upload::PREFIX);
        let rows = self.store.documents_page(record::OF, Some(&first), 1).await?;
        let prefix = format!("{digest}/");
        match rows.first().and_then(|(key, _)| key.strip_prefix(&*prefix)).filter(|id| upload::is_upload(id)) {
            Some(id) => self.item(id).await,
            None => Ok(None),
        }
    }

    async fn forget_uploads(&self, number: &Number, files: &BTreeSet<Digest>) -> Result<(), graph::Error> {
        let gone = |digest| (UPLOAD.into(), record::upload_key(digest, &number.id), None);
        self.store.put_documents(files.iter().map(gone).collect()).await.map_err(|error| passing(&error.into()))
    }
}

fn passing(error: &MediaError) -> graph::Error {
    graph::Error::File { why: error.to_string(), passes: true }
}

fn lost(why: String) -> graph::Error {
    graph::Error::File { why, passes: false }
}
