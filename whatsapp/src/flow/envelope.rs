//! The envelope of a Flow request: RSA-OAEP around an AES key, AES-128-GCM with an IV of 16 bytes around the JSON, and the
//! answer under the same key and the inverted IV. Source: Meta, "Implementing Endpoints for Flows", data API 3.0.
//!
//! Whatever is wrong with an envelope is [`Undecryptable`], without a word of why: it must not become an oracle.

use std::borrow::Cow;
use std::fmt;

use aes_gcm::aead::array::{Array, typenum::U16};
use aes_gcm::aes::Aes128;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::keys::{FlowKey, FlowKeys};

/// AES-128-GCM whose IV is not the usual 12 bytes.
pub(super) type Gcm = AesGcm<Aes128, U16>;

pub(super) const KEY_BYTES: usize = 16;
pub(super) const IV_BYTES: usize = 16;
pub(super) const TAG_BYTES: usize = 16;

/// Private keys that are tried on one envelope: each costs a private-key operation.
pub const MAX_KEYS_TRIED: usize = 16;

/// The one failure of an envelope; the endpoint answers it with 421 and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the request cannot be decrypted")]
pub struct Undecryptable;

/// A body that has the shape of an envelope. No key was needed so far.
pub struct Envelope {
    wrapped_key: Vec<u8>,
    iv: [u8; IV_BYTES],
    /// The ciphertext and its tag.
    sealed: Vec<u8>,
    digest: [u8; 32],
}

/// A request in clear.
#[derive(Debug)]
pub struct Opened {
    /// JSON, if the sender wrote any.
    pub plaintext: Vec<u8>,
    /// SHA-256 of the three fields, in hexadecimal digits: what names this envelope.
    pub digest: String,
    /// Seals the answer.
    pub seal: Seal,
}

/// Seals one answer. Two different answers to one request would be under the same key and IV, which breaks GCM, so it is
/// consumed by the first one.
pub struct Seal {
    cipher: Gcm,
    iv: [u8; IV_BYTES],
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    encrypted_flow_data: Cow<'a, str>,
    #[serde(borrow)]
    encrypted_aes_key: Cow<'a, str>,
    #[serde(borrow)]
    initial_vector: Cow<'a, str>,
}

/// Opens a body with the current key, or else with the previous one.
pub fn open(keys: &FlowKeys, body: &[u8]) -> Result<Opened, Undecryptable> {
    Envelope::read(body)?.open(keys.each())
}

impl Envelope {
    /// Reads the JSON around the encrypted parts. Cheap: nothing is decrypted.
    pub fn read(body: &[u8]) -> Result<Self, Undecryptable> {
        let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| Undecryptable)?;
        // Canonical base64 only, so that one envelope has one digest.
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| Undecryptable);
        let (sealed, wrapped_key) = (decode(&fields.encrypted_flow_data)?, decode(&fields.encrypted_aes_key)?);
        let iv: [u8; IV_BYTES] = decode(&fields.initial_vector)?.try_into().map_err(|_| Undecryptable)?;
        let digest = digest([&sealed, &wrapped_key, &iv]);
        Ok(Self { wrapped_key, iv, sealed, digest })
    }

    /// SHA-256 of the three fields.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Tries the keys in their order, at most [`MAX_KEYS_TRIED`] of them: one private-key operation for each that is drawn.
    pub fn open<'k>(self, keys: impl IntoIterator<Item = &'k FlowKey>) -> Result<Opened, Undecryptable> {
        self.open_by(keys.into_iter().map(|key| |wrapped: &[u8]| key.unwrap(wrapped)))
    }

    fn open_by<U: FnOnce(&[u8]) -> Option<[u8; KEY_BYTES]>>(
        mut self,
        keys: impl Iterator<Item = U>,
    ) -> Result<Opened, Undecryptable> {
        for unwrap in keys.take(MAX_KEYS_TRIED) {
            let unwrapped = unwrap(&self.wrapped_key);
            // What does not unwrap is decrypted all the same, so that it takes as long and fails at the same place.
            let cipher = Gcm::new(&unwrapped.unwrap_or_default().into());
            let opened = decrypt(&cipher, &self.iv, &self.sealed);
            if let (Some(plaintext), true) = (opened, unwrapped.is_some()) {
                let seal = Seal { cipher, iv: std::mem::take(&mut self.iv).map(|byte| !byte) };
                return Ok(Opened { plaintext, digest: hex::encode(self.digest), seal });
            }
        }
        Err(Undecryptable)
    }
}

impl Seal {
    /// The body of the HTTP answer: base64 of ciphertext and tag, and nothing around it. `None` for a text of 64 GiB, which
    /// GCM does not take.
    pub fn answer(self, json: &[u8]) -> Option<String> {
        Some(STANDARD.encode(encrypt(&self.cipher, &self.iv, json)?))
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({})", hex::encode(self.digest))
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

pub(super) fn decrypt(cipher: &Gcm, iv: &[u8; IV_BYTES], sealed: &[u8]) -> Option<Vec<u8>> {
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
    let mut text = ciphertext.to_vec();
    cipher.decrypt_inout_detached(&Array(*iv), &[], text.as_mut_slice().into(), &Array(*tag)).ok()?;
    Some(text)
}

pub(super) fn encrypt(cipher: &Gcm, iv: &[u8; IV_BYTES], text: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = Vec::with_capacity(text.len() + TAG_BYTES);
    sealed.extend_from_slice(text);
    let tag = cipher.encrypt_inout_detached(&Array(*iv), &[], sealed.as_mut_slice().into()).ok()?;
    sealed.extend_from_slice(&tag);
    Some(sealed)
}

#[cfg(test)]
mod tests;
