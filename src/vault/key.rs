//! The key that secrets are encrypted with: 32 bytes in base64 or hexadecimal digits, from a file for its owner only or from the
//! environment.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::config::Secret;

const BYTES: usize = 32;
/// Rights that a file of a key must not give to others.
const OTHERS: u32 = 0o077;

/// Why a key cannot be used. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is no key.
    #[error(
        "the key for secrets{0} is not 32 bytes in base64 or hexadecimal digits; make one: openssl rand -base64 32"
    )]
    Shape(Place),
    /// Others may read its file.
    #[error("{} holds the key for secrets, and others may read it (mode {mode:03o}): chmod 600 {}", .file.display(), .file.display())]
    Readable {
        /// The file.
        file: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// Its file cannot be read.
    #[error("{} should hold the key for secrets, and cannot be read: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Where a key came from.
#[derive(Debug)]
pub struct Place(Option<PathBuf>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|file| write!(f, " in {}", file.display()))
    }
}

/// Names a key, and tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The key. Debug output hides it, and its memory is overwritten when it goes.
#[derive(Debug)]
pub struct MasterKey {
    bytes: SecretBox<[u8; BYTES]>,
    id: KeyId,
}

impl MasterKey {
    /// Reads a configured key, and looks at the rights of its file.
    pub fn of(secret: &Secret) -> Result<Self, KeyError> {
        if let Some(file) = &secret.file {
            check_rights(file)?;
        }
        Self::parse(&secret.value).ok_or_else(|| KeyError::Shape(Place(secret.file.clone())))
    }

    /// Reads a file, and looks at its rights.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        check_rights(file)?;
        let text = std::fs::read_to_string(file).map_err(|error| KeyError::File { file: file.to_owned(), error })?;
        Self::parse(&text.into()).ok_or_else(|| KeyError::Shape(Place(Some(file.to_owned()))))
    }

    /// A key in base64 (either alphabet, padded or not) or hexadecimal digits; spaces around it do not count.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret().trim();
        let of_base64 =
            || [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(text).ok());
        let bytes = if text.len() == 2 * BYTES { hex::decode(text).ok() } else { of_base64() };
        let bytes: [u8; BYTES] = bytes?.try_into().ok()?;
        Some(Self::new(bytes))
    }

    /// A new key, and its text for a file.
    pub fn generate() -> (Self, SecretString) {
        let bytes: [u8; BYTES] = rand::random();
        (Self::new(bytes), STANDARD.encode(bytes).into())
    }

    /// Names it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; BYTES] {
        self.bytes.expose_secret()
    }

    fn new(bytes: [u8; BYTES]) -> Self {
        let digest = Sha256::new().chain_update(b"parlance key id").chain_update(bytes).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(digest.get(..8).unwrap_or(&[0; 8]));
        Self { bytes: SecretBox::new(Box::new(bytes)), id: KeyId(id) }
    }
}

fn check_rights(file: &Path) -> Result<(), KeyError> {
    let meta = std::fs::metadata(file).map_err(|error| KeyError::File { file: file.to_owned(), error })?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & OTHERS == 0 { Ok(()) } else { Err(KeyError::Readable { file: file.to_owned(), mode }) }
}
