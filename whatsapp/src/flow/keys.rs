//! Private keys of Flow endpoints: read in the forms that operators have, made, published and told apart.
//!
//! Every private-key operation is done by aws-lc-rs, in constant time.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::pem::{LineEnding, encode_string};
use pkcs8::der::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::envelope::KEY_BYTES;

/// Meta takes keys of this size and no other.
pub const KEY_BITS: usize = 2_048;
const MODULUS_BYTES: usize = KEY_BITS / 8;

/// Turns every form that OpenSSL reads into one that we read; it asks for the passphrase by itself.
const CONVERT: &str = "openssl pkcs8 -topk8 -nocrypt -in private.pem -out plain.pem";

const PKCS8: &str = "PRIVATE KEY";
const PKCS8_ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// Why a text is no usable key. Nothing of the text is repeated, except what its PEM lines call it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// There is no PEM block in it.
    #[error("it is no PEM text: it must begin with -----BEGIN PRIVATE KEY-----")]
    NotPem,
    /// There is a PEM block of something else.
    #[error("it holds {article} {label}, not a private key of RSA", article = article(label))]
    OtherThing {
        /// What the PEM lines call it.
        label: String,
    },
    /// It is encrypted in a way that is not read here.
    #[error("it is encrypted in an old way that is not read; convert it once: {CONVERT}")]
    OldEncryption,
    /// It is encrypted and no passphrase is set.
    #[error(
        "it is encrypted and no passphrase is set (whatsapp.flow_private_key_passphrase), or remove the encryption: {CONVERT}"
    )]
    NoPassphrase,
    /// The passphrase is wrong, or the text damaged.
    #[error("it does not open with the passphrase; check it with: {CONVERT}")]
    WrongPassphrase,
    /// It is not what its PEM lines say.
    #[error("it is damaged or not a key of RSA; check it with: {CONVERT}")]
    Damaged,
    /// It is too short or too long for Meta.
    #[error("it does not have 2048 bits, the only size that Meta takes; make a new one: parlance flow key new")]
    Size,
    /// The operating system gave no randomness.
    #[error("no key could be made")]
    NotMade,
}

/// A private key of 2048 bits, and its public half.
pub struct FlowKey {
    private: OaepPrivateDecryptingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    fingerprint: String,
}

/// The key that is published, and the one before it while phones may still have that.
#[derive(Debug, Clone)]
pub struct FlowKeys {
    /// The one that is published.
    pub current: Arc<FlowKey>,
    /// The one before.
    pub previous: Option<Arc<FlowKey>>,
}

impl FlowKeys {
    /// Both, the current one first.
    pub fn each(&self) -> impl Iterator<Item = &FlowKey> {
        std::iter::once(&*self.current).chain(self.previous.as_deref())
    }
}

impl From<FlowKey> for FlowKeys {
    fn from(key: FlowKey) -> Self {
        Self { current: Arc::new(key), previous: None }
    }
}

impl FlowKey {
    /// Reads PEM: PKCS#8, PKCS#1, or encrypted PKCS#8. Line breaks may be written as `\n`, and lines may have any length.
    ///
    /// Errors: what is wrong, and where a form is not read, the command that converts it.
    pub fn read(pem: &SecretString, passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        let text = Zeroizing::new(pem.expose_secret().replace("\\n", "\n"));
        let block = Block::find(&text)?;
        match block.label {
            PKCS8 => Self::of_pkcs8(block.der()?),
            PKCS1 if block.has_headers => Err(KeyError::OldEncryption),
            PKCS1 => Self::of_pkcs1(&block.der()?),
            PKCS8_ENCRYPTED => {
                let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
                Self::of_pkcs8(decrypted(&block.der()?, passphrase)?)
            }
            label => Err(KeyError::OtherThing { label: label.to_owned() }),
        }
    }

    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| KeyError::NotMade)?;
        let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::NotMade)?;
        Self::of_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    fn of_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = KeyPair::from_der(der).map_err(rejected)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Damaged)?;
        Self::of_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    fn of_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(rejected)?;
        if key.key_size_bits() != KEY_BITS {
            return Err(KeyError::Size);
        }
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| KeyError::Damaged)?;
        let spki = spki.as_ref().to_vec();
        let private = OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Damaged)?;
        let fingerprint = fingerprint(&spki);
        Ok(Self { private, pkcs8, spki, fingerprint })
    }

    /// The key as PKCS#8 in PEM, to be written to a file that nobody else can read.
    pub fn private_pem(&self) -> SecretString {
        encode_string(PKCS8, LineEnding::LF, &self.pkcs8).expect("a key is short and its label plain").into()
    }

    /// The public half as Meta takes it: SPKI in PEM.
    pub fn public_pem(&self) -> String {
        encode_string(PUBLIC, LineEnding::LF, &self.spki).expect("a key is short and its label plain")
    }

    /// The public half as DER.
    pub(super) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the public half's DER, in hexadecimal digits: names the pair and tells nothing of it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Unwraps an AES key: one private-key operation.
    pub(super) fn unwrap(&self, wrapped: &[u8]) -> Option<[u8; KEY_BYTES]> {
        let mut buffer = Zeroizing::new([0; MODULUS_BYTES]);
        let key = self.private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, buffer.as_mut_slice(), None).ok()?;
        <[u8; KEY_BYTES]>::try_from(&*key).ok()
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowKey({})", self.fingerprint)
    }
}

/// The fingerprint of a public key in PEM, such as Meta answers with; `None` if it is none.
pub fn fingerprint_of_public(pem: &str) -> Option<String> {
    let text = pem.replace("\\n", "\n");
    let block = Block::find(&text).ok().filter(|block| block.label == PUBLIC)?;
    Some(fingerprint(&block.der().ok()?))
}

fn fingerprint(spki: &[u8]) -> String {
    hex::encode(Sha256::digest(spki))
}

fn rejected(why: aws_lc_rs::error::KeyRejected) -> KeyError {
    match why.description_() {
        "TooSmall" | "TooLarge" => KeyError::Size,
        _ => KeyError::Damaged,
    }
}

fn decrypted(der: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::OldEncryption)?;
    match info.decrypt(passphrase.expose_secret()) {
        Ok(document) => Ok(Zeroizing::new(document.as_bytes().to_vec())),
        Err(pkcs8::Error::EncryptedPrivateKey(error)) if unsupported(&error) => Err(KeyError::OldEncryption),
        Err(_) => Err(KeyError::WrongPassphrase),
    }
}

fn unsupported(error: &pkcs8::pkcs5::Error) -> bool {
    use pkcs8::pkcs5::Error;
    matches!(error, Error::NoPbes1CryptSupport | Error::UnsupportedAlgorithm { .. })
}

fn article(label: &str) -> &'static str {
    if label.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" }
}

/// The first block of a PEM text. Read loosely: a variable may have made spaces of line breaks.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
    has_headers: bool,
}

impl<'a> Block<'a> {
    fn find(text: &'a str) -> Result<Self, KeyError> {
        let (_, rest) = text.split_once("-----BEGIN ").ok_or(KeyError::NotPem)?;
        let (label, rest) = rest.split_once("-----").ok_or(KeyError::NotPem)?;
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
        if label.len() > 40 || !label.chars().all(plain) {
            return Err(KeyError::NotPem);
        }
        let (body, _) = rest.split_once("-----END ").ok_or(KeyError::NotPem)?;
        Ok(Self { label, body, has_headers: body.contains(':') })
    }

    fn der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let digits = Zeroizing::new(self.body.split_whitespace().collect::<String>());
        Ok(Zeroizing::new(STANDARD.decode(&*digits).map_err(|_| KeyError::Damaged)?))
    }
}

#[cfg(test)]
mod tests;
