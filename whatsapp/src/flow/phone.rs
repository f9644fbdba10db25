//! What a phone does, for one purpose: asking our own endpoint whether it opens what is encrypted for its published key.

use aes_gcm::KeyInit;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::envelope::{Gcm, IV_BYTES, KEY_BYTES, decrypt, encrypt};
use super::keys::{FlowKey, KEY_BITS};

/// An encrypted request, and what opens its answer.
pub struct SealedRequest {
    /// The body to post.
    pub body: Vec<u8>,
    cipher: Gcm,
    iv: [u8; IV_BYTES],
}

/// An AES key, wrapped for the owner of a key. Each request has an IV of its own.
pub struct Session {
    cipher: Gcm,
    wrapped: String,
}

/// Encrypts a request for the owner of `key`, under an AES key and an IV of its own. `None` without randomness.
pub fn seal_request(key: &FlowKey, plaintext: &[u8]) -> Option<SealedRequest> {
    Session::new(key)?.seal(plaintext)
}

impl Session {
    /// Draws an AES key. `None` without randomness.
    pub fn new(key: &FlowKey) -> Option<Self> {
        let (mut aes_key, mut wrapped) = ([0; KEY_BYTES], [0; KEY_BITS / 8]);
        rand::fill(&mut aes_key).ok()?;
        let public = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(key.spki()).ok()?).ok()?;
        let wrapped = public.encrypt(&OAEP_SHA256_MGF1SHA256, &aes_key, &mut wrapped, None).ok()?;
        Some(Self { cipher: Gcm::new(&aes_key.into()), wrapped: STANDARD.encode(&*wrapped) })
    }

    /// Encrypts a request. `None` without randomness, or for a text that GCM does not take.
    pub fn seal(&self, plaintext: &[u8]) -> Option<SealedRequest> {
        let mut iv = [0; IV_BYTES];
        rand::fill(&mut iv).ok()?;
        let body = json!({
            "encrypted_flow_data": STANDARD.encode(encrypt(&self.cipher, &iv, plaintext)?),
            "encrypted_aes_key": self.wrapped,
            "initial_vector": STANDARD.encode(iv),
        });
        let body = body.to_string().into_bytes();
        Some(SealedRequest { body, cipher: self.cipher.clone(), iv: iv.map(|byte| !byte) })
    }
}

impl SealedRequest {
    /// Opens the answer; `None` if it is not one to this request.
    pub fn open(&self, answer: &[u8]) -> Option<Vec<u8>> {
        decrypt(&self.cipher, &self.iv, &STANDARD.decode(answer).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{FlowKeys, open};

    #[test]
    fn request_of_our_own_is_opened_and_its_answer_read() {
        let keys = FlowKeys::from(FlowKey::generate().unwrap());
        let request = seal_request(&keys.current, br#"{"version":"3.0","action":"ping"}"#).unwrap();
        let opened = open(&keys, &request.body).unwrap();
        assert_eq!(opened.plaintext, br#"{"version":"3.0","action":"ping"}"#);
        let answer = opened.seal.answer(br#"{"data":{"status":"active"}}"#).unwrap();
        assert_eq!(request.open(answer.as_bytes()).unwrap(), br#"{"data":{"status":"active"}}"#);
        let other = seal_request(&keys.current, b"{}").unwrap();
        assert_eq!(other.open(answer.as_bytes()), None);
        assert_eq!(request.open(b"no base64"), None);
    }
}
