//! Files that people upload inside a form (PhotoPicker, DocumentPicker): fetched from Meta's CDN encrypted, then checked and
//! decrypted with what came beside them. Source: Meta, "Media upload components of Flows", 2026.

use std::fmt;

use aes_gcm::aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Bytes of the code behind the ciphertext: the first of HMAC-SHA256.
const MAC_BYTES: usize = 10;

/// A file as a form's data names it.
#[derive(Debug, Clone, Deserialize)]
pub struct UploadedFile {
    /// Meta's id.
    #[serde(default)]
    pub media_id: Option<String>,
    /// Where the encrypted file is; the link ends after a while.
    pub cdn_url: String,
    /// What the person's phone called it.
    #[serde(default)]
    pub file_name: Option<String>,
    /// What it is checked and decrypted with.
    pub encryption_metadata: EncryptionMetadata,
}

/// What a file is checked and decrypted with; all base64. Debug output hides it.
#[derive(Clone, Deserialize)]
pub struct EncryptionMetadata {
    /// Key of AES-CBC, of 32 bytes (or 16).
    pub encryption_key: String,
    /// Key of HMAC-SHA256.
    pub hmac_key: String,
    /// 16 bytes.
    pub iv: String,
    /// SHA-256 of the file.
    pub plaintext_hash: String,
    /// SHA-256 of all that the CDN gives.
    pub encrypted_hash: String,
}

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UploadError {
    /// The metadata is not what Meta describes.
    #[error("its {0} is not base64 of the right length")]
    Metadata(&'static str),
    /// The bytes are not those that were uploaded.
    #[error("what was fetched is not what was uploaded (encrypted_hash differs)")]
    Fetched,
    /// The code behind the ciphertext is wrong.
    #[error("its authentication code is wrong")]
    Forged,
    /// It does not decrypt.
    #[error("it does not decrypt")]
    Padding,
    /// What came out is not what was uploaded.
    #[error("what was decrypted is not what was uploaded (plaintext_hash differs)")]
    Plaintext,
}

impl fmt::Debug for EncryptionMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionMetadata")
    }
}

impl EncryptionMetadata {
    /// Checks what the CDN gave, in Meta's order, and decrypts it.
    pub fn decrypt(&self, fetched: &[u8]) -> Result<Vec<u8>, UploadError> {
        let key = decoded("encryption_key", &self.encryption_key)?;
        let hmac_key = decoded("hmac_key", &self.hmac_key)?;
        let iv: [u8; 16] = sized("iv", &self.iv)?;
        let encrypted_hash: [u8; 32] = sized("encrypted_hash", &self.encrypted_hash)?;
        let plaintext_hash: [u8; 32] = sized("plaintext_hash", &self.plaintext_hash)?;
        if !same(&Sha256::digest(fetched), &encrypted_hash) {
            return Err(UploadError::Fetched);
        }
        let (ciphertext, mac) = fetched.split_last_chunk::<MAC_BYTES>().ok_or(UploadError::Forged)?;
        if !same(mac, &code(&hmac_key, &iv, ciphertext)) {
            return Err(UploadError::Forged);
        }
        let plaintext = decrypt(&key, &iv, ciphertext)?;
        if !same(&Sha256::digest(&plaintext), &plaintext_hash) {
            return Err(UploadError::Plaintext);
        }
        Ok(plaintext)
    }
}

fn code(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> [u8; MAC_BYTES] {
    let mac: Hmac<Sha256> = KeyInit::new_from_slice(key).expect("HMAC takes keys of any length");
    let full: [u8; 32] = mac.chain_update(iv).chain_update(ciphertext).finalize().into_bytes().into();
    *full.first_chunk().expect("32 is more than 10")
}

fn decrypt(key: &[u8], iv: &[u8; 16], ciphertext: &[u8]) -> Result<Vec<u8>, UploadError> {
    let wrong = |_| UploadError::Padding;
    match key.len() {
        32 => {
            let cipher = Decryptor::<Aes256>::new_from_slices(key, iv);
            cipher.map_err(|_| UploadError::Padding)?.decrypt_padded_vec::<Pkcs7>(ciphertext).map_err(wrong)
        }
        16 => {
            let cipher = Decryptor::<Aes128>::new_from_slices(key, iv);
            cipher.map_err(|_| UploadError::Padding)?.decrypt_padded_vec::<Pkcs7>(ciphertext).map_err(wrong)
        }
        _ => Err(UploadError::Metadata("encryption_key")),
    }
}

fn decoded(name: &'static str, text: &str) -> Result<Vec<u8>, UploadError> {
    STANDARD.decode(text).map_err(|_| UploadError::Metadata(name))
}

fn sized<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], UploadError> {
    decoded(name, text)?.try_into().map_err(|_| UploadError::Metadata(name))
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests;
