//! Files that are uploaded in a form: encrypted on Meta's CDN for the endpoint, media objects in the reply.

use std::collections::VecDeque;

use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::block_padding::Pkcs7;
use aes_gcm::aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Form;
use super::resolve::field_of;
use crate::core::Core;
use crate::links;
use crate::media::Item;
use crate::phone::PhoneError;

/// Encrypted files kept; the oldest go first.
const MAX_FILES: usize = 200;
const MAX_BYTES: usize = 256 * 1_048_576;
/// The check that follows the ciphertext.
const CHECK_BYTES: usize = 10;

/// The encrypted files.
#[derive(Default)]
pub(crate) struct Files(Mutex<VecDeque<(String, Bytes)>>);

impl Files {
    fn put(&self, id: String, bytes: Bytes) {
        let mut files = self.0.lock();
        files.retain(|(kept, _)| *kept != id);
        files.push_back((id, bytes));
        while files.len() > MAX_FILES
            || files.len() > 1 && files.iter().map(|(_, b)| b.len()).sum::<usize>() > MAX_BYTES
        {
            files.pop_front();
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Bytes> {
        self.0.lock().iter().find(|(kept, _)| kept == id).map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// Who reads the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Endpoint,
    /// The business, in the `nfm_reply`.
    Reply,
}

/// True if a member of this action's payload comes from a picker.
pub(crate) fn is_file(form: &Form, action: &str, key: &str) -> bool {
    let Some(json) = form.sent.json() else { return false };
    let Some(screen) = json.screen(&form.screen) else { return false };
    let templates = screen.actions.iter().filter(|a| a.name == action).filter_map(|a| a.payload.get(key));
    templates.filter_map(|value| field_of(json, screen, value)).any(|field| field.is_picker())
}

/// Puts what the reader gets in place of the media ids that a page names.
pub(crate) fn attach(
    core: &Core,
    form: &Form,
    action: &str,
    payload: Map<String, Value>,
    reader: Reader,
) -> Result<Map<String, Value>, PhoneError> {
    let replace = |(key, value): (String, Value)| {
        if !is_file(form, action, &key) {
            return Ok((key, value));
        }
        let ids = match value {
            Value::Array(ids) => ids,
            one => vec![one],
        };
        let files: Result<Vec<_>, _> = ids.iter().map(|id| file(core, id, reader)).collect();
        Ok((key, Value::Array(files?)))
    };
    payload.into_iter().map(replace).collect()
}

fn file(core: &Core, id: &Value, reader: Reader) -> Result<Value, PhoneError> {
    let item = id.as_str().and_then(|id| core.media.get(id, core.now_ms()));
    let item = item.ok_or_else(|| PhoneError::Invalid(format!("there is no media {id}")))?;
    Ok(match reader {
        Reader::Endpoint => encrypted(core, &item),
        Reader::Reply => json!({
            "id": item.id,
            "mime_type": item.mime,
            "sha256": item.sha256_base64(),
            "file_name": file_name(&item),
        }),
    })
}

fn file_name(item: &Item) -> String {
    let extension = match item.essence() {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    };
    format!("{}.{extension}", item.id)
}

/// Encrypts a file, keeps it for its link, and describes it as an endpoint gets it.
fn encrypted(core: &Core, item: &Item) -> Value {
    let secrets = Secrets { key: rand::random(), hmac_key: rand::random(), iv: rand::random() };
    let bytes = secrets.seal(&item.bytes);
    let text = |bytes: &[u8]| STANDARD.encode(bytes);
    let metadata = json!({
        "encryption_key": text(&secrets.key),
        "hmac_key": text(&secrets.hmac_key),
        "iv": text(&secrets.iv),
        "plaintext_hash": item.sha256_base64(),
        "encrypted_hash": text(&Sha256::digest(&bytes)),
    });
    // A file that is sent twice is encrypted twice, and each link leads to its own bytes.
    let place = format!("{}-{}", item.id, hex::encode(&secrets.iv[..4]));
    core.forms.files.put(place.clone(), bytes.into());
    json!({
        "file_name": file_name(item),
        "media_id": item.id,
        "cdn_url": links::file(core, &place),
        "encryption_metadata": metadata,
    })
}

struct Secrets {
    key: [u8; 32],
    hmac_key: [u8; 32],
    iv: [u8; 16],
}

impl Secrets {
    /// AES-256-CBC with PKCS#7, then the first bytes of an HMAC over IV and ciphertext.
    fn seal(&self, plaintext: &[u8]) -> Vec<u8> {
        let cipher = cbc::Encryptor::<Aes256>::new(&self.key.into(), &self.iv.into());
        let mut sealed = vec![0; plaintext.len() + 16];
        let length = cipher.encrypt_padded_b2b::<Pkcs7>(plaintext, &mut sealed).map_or(0, <[u8]>::len);
        sealed.truncate(length);
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.hmac_key).expect("hmac takes keys of any length");
        mac.update(&self.iv);
        mac.update(&sealed);
        sealed.extend(mac.finalize().into_bytes().iter().take(CHECK_BYTES));
        sealed
    }
}
