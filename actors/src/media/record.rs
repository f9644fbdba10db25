//! What the store knows of media: one item per file that came or that we keep, and the indexes over them.
//!
//! `media` holds the items by id, `media_time` their order (newest first), `media_of` which items share a file,
//! `media_wanted` what is to be fetched and when, `media_upload` the ids that Meta gave our files.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::{ConversationId, NewDocument};
use whatsapp::webhook::{Message, MessageKind};

use super::digest::Digest;
use super::upload::Claim;
use super::{types, upload};
use crate::codec;

pub(super) const ITEM: &str = "media";
pub(super) const TIME: &str = "media_time";
pub(super) const OF: &str = "media_of";
pub(super) const WANTED: &str = "media_wanted";
pub(super) const UPLOAD: &str = "media_upload";

/// Which way a file went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A person sent it.
    In,
    /// It is ours, to be sent.
    Out,
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// To be fetched from Meta.
    Wanted,
    /// In the folder.
    Stored,
    /// Not taken: its type, its size, its address or its digest.
    Refused,
    /// Could not be fetched while Meta kept it.
    Failed,
}

/// A file that a person sent, by Meta's id, or one of ours, by `m_` and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaItem {
    /// Meta's media id, or `m_` and 64 hex digits for ours, `f_` and 32 for one that came in a form.
    pub id: Box<str>,
    /// Which way it went.
    pub direction: Direction,
    /// Where it stands.
    pub state: MediaState,
    /// `image`, `video`, `audio`, `document`, `sticker`.
    pub kind: Box<str>,
    /// As it was given; not to be trusted.
    pub mime_type: Box<str>,
    /// As it was given; never part of a path.
    pub filename: Option<Box<str>>,
    /// The business number that it came to.
    pub number_id: Option<Box<str>>,
    /// The conversation that it came in.
    pub conversation: Option<Box<str>>,
    /// The digest that the webhook named, hex or base64.
    pub claimed: Option<Box<str>>,
    /// The digest of what is stored.
    pub sha256: Option<Digest>,
    /// Bytes stored.
    pub size: Option<u64>,
    /// When we first heard of it.
    pub first_seen_ms: u64,
    /// When it was last put or sent.
    pub used_ms: u64,
    /// Why it is refused, failed or still wanted.
    pub reason: Option<Box<str>>,
    /// Tries to fetch it.
    pub tries: u32,
}

/// An id that Meta gave one of our files, for one number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Upload {
    pub meta_id: Box<str>,
    pub expires_ms: u64,
    /// When it was last written down that a message used it.
    pub used_ms: u64,
}

/// The documents to commit with the turn that takes a message: they make its file wanted. None without a file.
pub(crate) fn wishes(
    message: &Message,
    number_id: &str,
    conversation: ConversationId,
    now_ms: u64,
) -> Vec<NewDocument> {
    if let MessageKind::FlowReply(reply) = &message.kind {
        let files = reply.response.as_ref().map(upload::of_reply).unwrap_or_default();
        let wish = |(id, file)| wish_of_reply(id, file, number_id, conversation, now_ms);
        return files.into_iter().filter(|(id, _)| is_meta_id(id)).map(wish).collect();
    }
    let (Some(media), Some(kind)) = (message.media(), kind_of(&message.kind)) else { return Vec::new() };
    if !is_meta_id(&media.id) {
        return Vec::new();
    }
    wish(MediaItem {
        id: media.id.as_str().into(),
        direction: Direction::In,
        state: MediaState::Wanted,
        kind: kind.into(),
        mime_type: media.mime_type.as_deref().unwrap_or_default().into(),
        filename: media.filename.as_deref().map(Into::into),
        number_id: Some(number_id.into()),
        conversation: Some(conversation.to_string().into()),
        claimed: media.sha256.as_deref().map(Into::into),
        sha256: None,
        size: None,
        first_seen_ms: now_ms,
        used_ms: now_ms,
        reason: None,
        tries: 0,
    })
}

/// The phone says these ids, not Meta.
fn wish_of_reply(
    id: &str,
    file: &Map<String, Value>,
    number_id: &str,
    conversation: ConversationId,
    now_ms: u64,
) -> NewDocument {
    let text = |name: &str| file.get(name).and_then(Value::as_str).map(Box::<str>::from);
    let mime_type = text("mime_type").unwrap_or_default();
    let item = MediaItem {
        id: id.into(),
        direction: Direction::In,
        state: MediaState::Wanted,
        kind: types::kind(&mime_type).into(),
        mime_type,
        filename: text("file_name"),
        number_id: Some(number_id.into()),
        conversation: Some(conversation.to_string().into()),
        claimed: text("sha256"),
        sha256: None,
        size: None,
        first_seen_ms: now_ms,
        used_ms: now_ms,
        reason: None,
        tries: 0,
    };
    Claim::document(item, None)
}

/// What makes a file wanted.
pub(super) fn wish(item: MediaItem) -> Vec<NewDocument> {
    let mut documents = item.documents();
    documents.push((WANTED.into(), wanted_key(item.first_seen_ms, &item.id), Some(Bytes::new())));
    documents
}

fn kind_of(kind: &MessageKind) -> Option<&'static str> {
    Some(match kind {
        MessageKind::Image(_) => "image",
        MessageKind::Video(_) => "video",
        MessageKind::Audio(_) => "audio",
        MessageKind::Document(_) => "document",
        MessageKind::Sticker(_) => "sticker",
        _ => return None,
    })
}

/// What Meta calls its files by; nothing else becomes part of an address.
fn is_meta_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// In the order in which they are due.
pub(super) fn wanted_key(due_ms: u64, id: &str) -> Box<str> {
    format!("{due_ms:016x}/{id}").into()
}

/// The time and the id of a key of [`WANTED`].
pub(super) fn read_wanted(key: &str) -> Option<(u64, &str)> {
    let (due, id) = key.split_once('/')?;
    Some((u64::from_str_radix(due, 16).ok()?, id))
}

/// The newest comes first.
pub(super) fn time_key(first_seen_ms: u64, id: &str) -> Box<str> {
    format!("{:016x}/{id}", u64::MAX - first_seen_ms).into()
}

/// The time and the id of a key of [`TIME`].
pub(super) fn read_time(key: &str) -> Option<(u64, &str)> {
    let (time, id) = key.split_once('/')?;
    Some((u64::MAX - u64::from_str_radix(time, 16).ok()?, id))
}

pub(super) fn of_key(digest: &Digest, id: &str) -> Box<str> {
    format!("{digest}/{id}").into()
}

pub(super) fn upload_key(digest: &Digest, number_id: &str) -> Box<str> {
    format!("{digest}/{number_id}").into()
}

impl MediaItem {
    /// The id of one of our files.
    pub(super) fn own_id(digest: &Digest) -> Box<str> {
        format!("m_{digest}").into()
    }

    /// The documents of the item as it is now.
    pub(super) fn documents(&self) -> Vec<NewDocument> {
        let mut documents: Vec<NewDocument> = vec![
            (ITEM.into(), self.id.clone(), Some(codec::encode(self))),
            (TIME.into(), time_key(self.first_seen_ms, &self.id), Some(Bytes::new())),
        ];
        if let Some(digest) = &self.sha256 {
            documents.push((OF.into(), of_key(digest, &self.id), Some(Bytes::new())));
        }
        documents
    }

    /// What removes it.
    pub(super) fn removal(&self) -> Vec<NewDocument> {
        let keys = upload::is_upload(&self.id).then(|| (upload::KEYS.into(), self.id.clone(), None));
        self.documents().into_iter().map(|(kind, key, _)| (kind, key, None)).chain(keys).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(raw: &str) -> Message {
        Message::parse(raw)
    }

    #[test]
    fn a_message_with_a_file_wants_it_and_others_want_nothing() {
        let raw = r#"{"id":"wamid.1","from":"447700900123","timestamp":"1","type":"document",
            "document":{"id":"990011","mime_type":"application/pdf","sha256":"x","filename":"../../etc/passwd"}}"#;
        let conversation = ConversationId([7; 16]);
        let documents = wishes(&message(raw), "100", conversation, 5_000);
        let kinds: Vec<&str> = documents.iter().map(|(kind, _, _)| &**kind).collect();
        assert_eq!(kinds, [ITEM, TIME, WANTED]);
        let item: MediaItem = codec::decode(documents[0].2.as_ref().unwrap()).unwrap();
        assert_eq!((&*item.id, item.state, &*item.kind), ("990011", MediaState::Wanted, "document"));
        assert_eq!(item.filename.as_deref(), Some("../../etc/passwd"));
        assert!(
            wishes(&message(r#"{"id":"w","type":"text","text":{"body":"hi"}}"#), "100", conversation, 1).is_empty()
        );
        let odd = raw.replace("990011", "../990011");
        assert!(wishes(&message(&odd), "100", conversation, 1).is_empty());
    }

    #[test]
    fn keys_sort_by_when_they_are_due_and_by_newest() {
        assert!(wanted_key(9, "b") < wanted_key(10, "a"));
        assert_eq!(read_wanted(&wanted_key(10, "a")), Some((10, "a")));
        assert!(time_key(10, "a") < time_key(9, "b"));
        assert_eq!(read_time(&time_key(10, "a")), Some((10, "a")));
    }
}
