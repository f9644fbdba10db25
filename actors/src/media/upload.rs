//! Files that people upload inside an open form. They lie encrypted at Meta's CDN; what they are decrypted with comes once,
//! in what the form asks. Bots, states and histories never see it: they see a reference to the file, as of any other.
//!
//! The reference is made of what the phone claims and of the conversation, with the store's secret: nobody comes by a
//! file of somebody else by naming it. `media_keys` holds what is needed to fetch one, until it is here or given up.
//!
//! Whatever a form names lies in `media_claims` first. The keeper of files takes it up: a claim makes a file known, and
//! changes nothing of one that is known already, whoever has it and whatever became of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use storage::{ConversationId, NewDocument};
use whatsapp::flow::{EncryptionMetadata, UploadedFile};
use whatsapp::limits;

use super::record::{self, Direction, MediaItem, MediaState};
use super::types;
use crate::codec;

pub(super) const KEYS: &str = "media_keys";
pub(super) const CLAIMS: &str = "media_claims";
/// Files of one request; a component takes 30, and a screen has one.
const MAX_FILES: usize = 30;
/// Longest name of a file that is kept.
const NAME_CHARS: usize = 240;
/// What such ids begin with.
pub(super) const PREFIX: &str = "f_";
/// The member that says what a file is decrypted with.
const METADATA: &str = "encryption_metadata";

/// Where a file is and what it is decrypted with.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    pub cdn_url: String,
    encryption_key: String,
    hmac_key: String,
    iv: String,
    plaintext_hash: String,
    encrypted_hash: String,
}

/// A file that a form names.
#[derive(Serialize, Deserialize)]
pub(super) struct Claim {
    item: MediaItem,
    /// Of one that lies encrypted.
    sealed: Option<Sealed>,
}

impl Claim {
    /// The document to commit with the turn.
    pub(super) fn document(item: MediaItem, sealed: Option<Sealed>) -> NewDocument {
        let key = format!("{}/{}", item.id, item.conversation.as_deref().unwrap_or_default());
        (CLAIMS.into(), key.into(), Some(codec::encode(&Self { item, sealed })))
    }

    /// What makes a file wanted that nobody knew.
    pub(super) fn documents(self) -> Vec<NewDocument> {
        let sealed = self.sealed.map(|sealed| (KEYS.into(), self.item.id.clone(), Some(codec::encode(&sealed))));
        record::wish(self.item).into_iter().chain(sealed).collect()
    }
}

/// Whose files they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub secret: &'a [u8; 16],
    pub number_id: &'a str,
    pub conversation: ConversationId,
    pub now_ms: u64,
}

/// Whether this is the id of a file that came in a form.
pub(super) fn is_upload(id: &str) -> bool {
    let digits = id.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Puts references in the place of the files that the data names, and answers what makes them wanted. A file too many,
/// or one of which something is missing, becomes nothing.
pub(crate) fn take(data: &mut Value, whose: Whose<'_>) -> Vec<NewDocument> {
    let (mut files, mut documents) = (0, Vec::new());
    visit(data, &mut |file| {
        let Some(upload) = UploadedFile::deserialize(&file).ok().filter(|_| files < MAX_FILES) else {
            return Value::Null;
        };
        files += 1;
        let (reference, wish) = wish(upload, whose);
        documents.push(wish);
        reference
    });
    documents
}

/// Changes each object that says what it is decrypted with.
fn visit(value: &mut Value, change: &mut dyn FnMut(Value) -> Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        Value::Object(members) if members.contains_key(METADATA) => {
            *value = change(Value::Object(std::mem::take(members)));
        }
        Value::Object(members) => members.values_mut().for_each(|member| visit(member, change)),
        _ => {}
    }
}

fn wish(upload: UploadedFile, whose: Whose<'_>) -> (Value, NewDocument) {
    let UploadedFile { media_id, cdn_url, file_name, encryption_metadata } = upload;
    let EncryptionMetadata { encryption_key, hmac_key, iv, plaintext_hash, encrypted_hash } = encryption_metadata;
    let id = id_of(media_id.as_deref().unwrap_or(&cdn_url), &plaintext_hash, whose);
    let mime_type = file_name.as_deref().and_then(limits::mime_type).unwrap_or("application/octet-stream");
    let kind = types::kind(mime_type);
    let filename = file_name.map(|name| name.chars().take(NAME_CHARS).collect::<String>());
    let reference =
        json!({ "type": kind, "id": id, "mime_type": mime_type, "sha256": plaintext_hash, "filename": filename });
    let item = MediaItem {
        id,
        direction: Direction::In,
        state: MediaState::Wanted,
        kind: kind.into(),
        mime_type: mime_type.into(),
        filename: filename.map(Into::into),
        number_id: Some(whose.number_id.into()),
        conversation: Some(whose.conversation.to_string().into()),
        claimed: Some(plaintext_hash.as_str().into()),
        sha256: None,
        size: None,
        first_seen_ms: whose.now_ms,
        used_ms: whose.now_ms,
        reason: None,
        tries: 0,
    };
    let sealed = Sealed { cdn_url, encryption_key, hmac_key, iv, plaintext_hash, encrypted_hash };
    (reference, Claim::document(item, Some(sealed)))
}

fn id_of(name: &str, plaintext_hash: &str, whose: Whose<'_>) -> Box<str> {
    let told = format!("{}:{name}:{plaintext_hash}", whose.conversation);
    let digest = Sha256::new().chain_update(whose.secret).chain_update(told.as_bytes()).finalize();
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}").into()
}

impl Sealed {
    pub(super) fn metadata(self) -> EncryptionMetadata {
        let Self { cdn_url: _, encryption_key, hmac_key, iv, plaintext_hash, encrypted_hash } = self;
        EncryptionMetadata { encryption_key, hmac_key, iv, plaintext_hash, encrypted_hash }
    }
}

/// What makes the files wanted that a form names which came back in a message: files as those of any message.
pub(super) fn of_reply(response: &Map<String, Value>) -> Vec<(&str, &Map<String, Value>)> {
    let lists = response.values().filter_map(Value::as_array).flatten();
    let file = |value: &'_ Value| -> Option<()> {
        let file = value.as_object()?;
        (file.get("id")?.is_string() && file.get("mime_type")?.is_string()).then_some(())
    };
    let files = lists.filter(|value| file(value).is_some()).filter_map(Value::as_object);
    files.filter_map(|file| Some((file.get("id")?.as_str()?, file))).take(MAX_FILES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [7; 16];

    fn whose(conversation: u8) -> Whose<'static> {
        let conversation = ConversationId([conversation; 16]);
        Whose { secret: &SECRET, number_id: "100", conversation, now_ms: 5_000 }
    }

    fn file(name: &str) -> Value {
        json!({
            "media_id": "790aba14-5f4a-4dbd-b9eb-0d75401da14b", "cdn_url": "https://mmg.whatsapp.net/v/1", "file_name": name,
            "encryption_metadata": { "encryption_key": "KEY1", "hmac_key": "KEY2", "iv": "KEY3", "plaintext_hash": "p",
                "encrypted_hash": "e" },
        })
    }

    #[test]
    fn a_file_becomes_a_reference_and_what_opens_it_is_kept_apart() {
        let mut data = json!({ "photos": [file("a.jpg"), file("b.pdf")], "note": "x" });
        let documents = take(&mut data, whose(1));
        let shown = data.to_string();
        assert!(!shown.contains("KEY") && !shown.contains("cdn"), "{shown}");
        let photo = &data["photos"][0];
        assert!(is_upload(photo["id"].as_str().unwrap()), "{photo}");
        assert_eq!(
            (&photo["type"], &photo["mime_type"], &photo["filename"]),
            (&json!("image"), &json!("image/jpeg"), &json!("a.jpg"))
        );
        assert_eq!(data["photos"][1]["type"], "document");
        assert!(documents.len() == 2 && documents.iter().all(|(kind, _, _)| &**kind == CLAIMS));
        let claim: Claim = codec::decode(documents[0].2.as_ref().unwrap()).unwrap();
        assert_eq!((claim.item.state, claim.item.claimed.as_deref()), (MediaState::Wanted, Some("p")));
        let kinds: Vec<_> = claim.documents().into_iter().map(|(kind, _, _)| kind).collect();
        assert_eq!(kinds, ["media".into(), "media_time".into(), "media_wanted".into(), Box::<str>::from(KEYS)]);
    }

    #[test]
    fn the_same_file_in_another_conversation_is_another_one() {
        let id = |conversation| {
            let mut data = file("a.jpg");
            take(&mut data, whose(conversation));
            data["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }

    #[test]
    fn files_too_many_or_odd_become_nothing_and_show_no_keys() {
        let odd = json!({ "deep": [{ "er": { "encryption_metadata": { "encryption_key": "KEY1" } } }] });
        let mut data = json!({ "many": vec![file("a.jpg"); MAX_FILES + 2], "odd": odd });
        take(&mut data, whose(1));
        let many = data["many"].as_array().unwrap();
        assert_eq!(many.iter().filter(|one| one.is_null()).count(), 2);
        assert_eq!(data["odd"]["deep"][0]["er"], Value::Null);
        assert!(!data.to_string().contains("KEY"));
    }

    #[test]
    fn files_of_a_reply_are_those_with_an_id_and_a_type() {
        let response = json!({
            "photos": [{ "id": "99", "mime_type": "image/jpeg", "sha256": "s", "file_name": "a.jpg" }, { "id": 1 }, "x"],
            "day": [{ "id": "monday", "title": "Monday" }], "id": "1", "mime_type": "image/png",
        });
        let found: Vec<_> = of_reply(response.as_object().unwrap()).into_iter().map(|(id, _)| id).collect();
        assert_eq!(found, ["99"]);
    }
}
