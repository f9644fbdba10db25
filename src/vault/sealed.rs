//! The form of a sealed secret: `01`, key id (8), time in ms (8, big-endian), nonce (24), ciphertext with its tag (16).

use bytes::Bytes;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use storage::Store;

use super::{KIND, KeyId, MasterKey, VaultError};

const VERSION: u8 = 1;
const NONCE: usize = 24;
/// Version, key and time: what is read before anything is opened, and authenticated with it.
const HEADER: usize = 17;
/// Documents read at once.
const PAGE: usize = 500;

/// A secret as it lies in the store.
pub(super) struct Sealed {
    pub(super) key_id: KeyId,
    pub(super) since_ms: u64,
    nonce: [u8; NONCE],
    text: Vec<u8>,
}

impl Sealed {
    pub(super) fn seal(key: &MasterKey, name: &str, value: &SecretString, since_ms: u64) -> Self {
        let nonce: [u8; NONCE] = rand::random();
        let mut sealed = Self { key_id: key.id(), since_ms, nonce, text: Vec::new() };
        let aad = sealed.authenticated(name);
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &aad };
        let text = cipher(key).encrypt(&XNonce::from(nonce), payload);
        sealed.text = text.expect("a text in memory is shorter than the cipher's limit of 256 GB");
        sealed
    }

    /// The secret, if it was sealed with this key and under this name.
    pub(super) fn open(&self, key: &MasterKey, name: &str) -> Option<SecretString> {
        let aad = self.authenticated(name);
        let payload = Payload { msg: &self.text, aad: &aad };
        let opened = cipher(key).decrypt(&XNonce::from(self.nonce), payload).ok()?;
        Some(String::from_utf8(opened).ok()?.into())
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = self.header().to_vec();
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.text);
        bytes.into()
    }

    fn decode(name: &str, bytes: &[u8]) -> Result<Self, VaultError> {
        let damaged = || VaultError::Damaged(name.into());
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(VaultError::Version { name: name.into(), version }),
            None => return Err(damaged()),
        }
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        let [_, id @ .., _, _, _, _, _, _, _, _] = header;
        let [.., a, b, c, d, e, f, g, h] = header;
        let since_ms = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
        Ok(Self { key_id: KeyId(*id), since_ms, nonce: *nonce, text: text.to_vec() })
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[0] = VERSION;
        header[1..9].copy_from_slice(&self.key_id.0);
        header[9..].copy_from_slice(&self.since_ms.to_be_bytes());
        header
    }

    /// Kind, name and header; neither of the first two holds a zero.
    fn authenticated(&self, name: &str) -> Vec<u8> {
        [KIND.as_bytes(), &[0], name.as_bytes(), &[0], &self.header()].concat()
    }
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// All of a store, by name.
pub(super) async fn all(store: &dyn Store) -> Result<Vec<(Box<str>, Sealed)>, VaultError> {
    let (mut all, mut after) = (Vec::new(), None::<Box<str>>);
    loop {
        let page = store.documents_page(KIND, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some(last.clone());
        for (name, bytes) in page {
            let sealed = Sealed::decode(&name, &bytes)?;
            all.push((name, sealed));
        }
    }
}
