//! Media that was uploaded or that a phone sent: bytes, digests, and how long each is kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

const DAY_MS: u64 = 86_400_000;
const MAX_ITEMS: usize = 10_000;
const MAX_BYTES: usize = 512 * 1_048_576;
/// Ids look like Meta's: 15 digits.
const FIRST_ID: u64 = 990_000_000_000_001;

const MB: usize = 1_048_576;
pub(crate) const MAX_DOCUMENT: usize = 100 * MB;

/// Where media came from, which decides how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Uploaded through the Graph API: 30 days.
    Uploaded,
    /// Named by a webhook: 7 days.
    Inbound,
}

/// One piece of media.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) waba_id: String,
    pub(crate) phone_number_id: String,
    /// As it was given, parameters included.
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    digest: [u8; 32],
    created_ms: u64,
    source: Source,
}

impl Item {
    pub(crate) fn sha256_hex(&self) -> String {
        hex::encode(self.digest)
    }

    pub(crate) fn sha256_base64(&self) -> String {
        STANDARD.encode(self.digest)
    }

    /// The MIME type without parameters.
    pub(crate) fn essence(&self) -> &str {
        essence(&self.mime)
    }

    fn lives(&self, now_ms: u64) -> bool {
        let days = match self.source {
            Source::Uploaded => 30,
            Source::Inbound => 7,
        };
        now_ms < self.created_ms.saturating_add(days * DAY_MS)
    }
}

pub(crate) fn essence(mime: &str) -> &str {
    mime.split(';').next().unwrap_or_default().trim()
}

/// The kind of message that a MIME type belongs to, and the most bytes it may have.
pub(crate) fn limit_of(mime: &str, bytes: &[u8]) -> Option<(&'static str, usize)> {
    match essence(mime).to_ascii_lowercase().as_str() {
        "image/jpeg" | "image/png" => Some(("image", 5 * MB)),
        "image/webp" if is_animated(bytes) => Some(("sticker", 500 * 1_024)),
        "image/webp" => Some(("sticker", 100 * 1_024)),
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" => Some(("audio", 16 * MB)),
        "video/mp4" | "video/3gpp" => Some(("video", 16 * MB)),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        | "application/vnd.openxmlformats-officedocument.presentationml.presentation" => {
            Some(("document", MAX_DOCUMENT))
        }
        _ => None,
    }
}

/// The animation flag of an extended WebP file.
fn is_animated(bytes: &[u8]) -> bool {
    bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 0b10 != 0)
}

/// All media, the oldest dropped first when it grows too large.
pub(crate) struct Media {
    state: Mutex<State>,
    next: AtomicU64,
}

#[derive(Default)]
struct State {
    items: HashMap<String, Arc<Item>, RandomState>,
    order: VecDeque<String>,
    bytes: usize,
}

impl State {
    fn remove(&mut self, id: &str) -> bool {
        let Some(item) = self.items.remove(id) else { return false };
        self.bytes -= item.bytes.len();
        true
    }
}

/// Media on its way into the store.
pub(crate) struct New<'a> {
    pub(crate) waba_id: &'a str,
    pub(crate) phone_number_id: &'a str,
    pub(crate) mime: &'a str,
    pub(crate) bytes: Bytes,
    pub(crate) source: Source,
}

impl Media {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), next: AtomicU64::new(FIRST_ID) }
    }

    pub(crate) fn add(&self, new: New<'_>, now_ms: u64) -> Arc<Item> {
        let item = Arc::new(Item {
            id: self.next.fetch_add(1, Ordering::Relaxed).to_string(),
            waba_id: new.waba_id.to_owned(),
            phone_number_id: new.phone_number_id.to_owned(),
            mime: new.mime.to_owned(),
            digest: Sha256::digest(&new.bytes).into(),
            bytes: new.bytes,
            created_ms: now_ms,
            source: new.source,
        });
        let mut state = self.state.lock();
        state.bytes += item.bytes.len();
        state.order.push_back(item.id.clone());
        state.items.insert(item.id.clone(), item.clone());
        while state.order.len() > 1 && (state.order.len() > MAX_ITEMS || state.bytes > MAX_BYTES) {
            if let Some(oldest) = state.order.pop_front() {
                state.remove(&oldest);
            }
        }
        item
    }

    /// Media that is still kept.
    pub(crate) fn get(&self, id: &str, now_ms: u64) -> Option<Arc<Item>> {
        self.state.lock().items.get(id).filter(|item| item.lives(now_ms)).cloned()
    }

    pub(crate) fn delete(&self, id: &str) -> bool {
        let mut state = self.state.lock();
        state.order.retain(|kept| kept != id);
        state.remove(id)
    }

    pub(crate) fn clear(&self) {
        *self.state.lock() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(media: &Media, bytes: usize, source: Source) -> Arc<Item> {
        let new =
            New { waba_id: "w", phone_number_id: "n", mime: "image/png; x=y", bytes: vec![0; bytes].into(), source };
        media.add(new, 1_000)
    }

    #[test]
    fn uploads_live_thirty_days_and_inbound_media_seven() {
        let media = Media::new();
        for (source, days) in [(Source::Uploaded, 30), (Source::Inbound, 7)] {
            let item = add(&media, 3, source);
            assert!(media.get(&item.id, 999 + days * DAY_MS).is_some());
            assert!(media.get(&item.id, 1_000 + days * DAY_MS).is_none());
        }
    }

    #[test]
    fn the_oldest_goes_when_there_is_too_much() {
        let media = Media::new();
        let first = add(&media, MAX_BYTES / 2, Source::Uploaded);
        let second = add(&media, MAX_BYTES / 2, Source::Uploaded);
        let third = add(&media, 1, Source::Uploaded);
        assert!(media.get(&first.id, 1_000).is_none());
        assert!(media.get(&second.id, 1_000).is_some() && media.get(&third.id, 1_000).is_some());
        assert!(media.delete(&third.id) && !media.delete(&third.id));
    }

    #[test]
    fn a_type_has_its_kind_and_its_limit() {
        let mut animated = b"RIFF0000WEBPVP8X0000".to_vec();
        animated.push(0b10);
        for (mime, bytes, expected) in [
            ("image/jpeg", &b""[..], Some(("image", 5 * MB))),
            ("AUDIO/OGG; codecs=opus", b"", Some(("audio", 16 * MB))),
            ("image/webp", b"RIFF", Some(("sticker", 100 * 1_024))),
            ("image/webp", &animated, Some(("sticker", 500 * 1_024))),
            ("application/zip", b"", None),
        ] {
            assert_eq!(limit_of(mime, bytes), expected, "{mime}");
        }
    }
}
