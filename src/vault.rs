//! Secrets at rest: what is given over the API lies in the store encrypted, under a key that is never in it.
//!
//! XChaCha20-Poly1305 with a random nonce for each value. What is authenticated beside it is what it is (kind and name), the
//! version of the form, the key and the time: no value can stand in for another, and none for an older one. docs/secrets.md has
//! the form.

mod key;
mod rekey;
mod sealed;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use secrecy::SecretString;
use storage::{NewDocument, Store, StoreError};

use crate::telemetry;
pub use key::{KeyError, KeyId, MasterKey};
pub use rekey::{Rekeyed, rekey};
use sealed::Sealed;

/// Documents of this kind are sealed secrets.
const KIND: &str = "secret";
/// Characters of a secret at the most: a private key in PEM has some 3,000.
pub const MAX_SECRET_CHARS: usize = 20_000;
/// Secrets at the most.
pub const MAX_SECRETS: usize = 10_000;

/// What to do when there is no key.
pub const NO_KEY_HINT: &str = "make one: (umask 077; openssl rand -base64 32 > secrets.key), set secrets.key_file = \"secrets.key\" \
                               or PARLANCE_SECRETS_KEY_FILE, and start again; keep a copy apart from the store";

/// Why a secret cannot be kept, or those that are kept cannot be opened. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No key is configured, and there are secrets.
    #[error(
        "the store has {count} encrypted secrets under the key {id}, and no key is configured; set secrets.key_file or PARLANCE_SECRETS_KEY_FILE to the file of that key"
    )]
    KeyMissing {
        /// So many.
        count: usize,
        /// The key of the first.
        id: KeyId,
    },
    /// Another key is configured.
    #[error(
        "the store has {count} secrets under the key {theirs}, and the configured key is {ours}; configure the key that they were encrypted with, or move them to this one: parlance secret rekey --old-key-file FILE"
    )]
    OtherKey {
        /// So many.
        count: usize,
        /// Their key.
        theirs: KeyId,
        /// The one that is configured.
        ours: KeyId,
    },
    /// A value is not what it was sealed as.
    #[error("the secret {0} in the store cannot be opened with its key: it was damaged or put in the place of another")]
    Damaged(Box<str>),
    /// A value has a form that this program does not know.
    #[error("the secret {name} in the store has version {version}, and this program reads version 1")]
    Version {
        /// Which one.
        name: Box<str>,
        /// As it stands there.
        version: u8,
    },
    /// No key is configured, so nothing can be kept.
    #[error("no key for secrets is configured, so none can be kept in the store")]
    NoKey,
    /// There are too many.
    #[error("the store has {MAX_SECRETS} secrets, which is the most")]
    Full,
}

/// A secret that the store keeps.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The secret.
    pub value: SecretString,
    /// Since when it is this one (ms).
    pub since_ms: u64,
}

/// The secrets of the store, open in memory.
pub struct Vault {
    key: Option<MasterKey>,
    open: RwLock<BTreeMap<Box<str>, Kept>>,
}

impl Vault {
    /// Opens all secrets of a store. Errors: see [`VaultError`]; it is never half open.
    pub async fn open(store: &Arc<dyn Store>, key: Option<MasterKey>) -> Result<Self, VaultError> {
        let sealed = sealed::all(&**store).await?;
        let open = match &key {
            Some(key) => opened(&sealed, key)?,
            None => match sealed.first() {
                Some((_, first)) => return Err(VaultError::KeyMissing { count: sealed.len(), id: first.key_id }),
                None => BTreeMap::new(),
            },
        };
        open.values().for_each(|kept: &Kept| telemetry::hide(&kept.value));
        Ok(Self { key, open: RwLock::new(open) })
    }

    /// Names the key, if there is one.
    pub fn key_id(&self) -> Option<KeyId> {
        self.key.as_ref().map(MasterKey::id)
    }

    /// A secret by its name.
    pub fn get(&self, name: &str) -> Option<Kept> {
        self.open.read().get(name).cloned()
    }

    /// Names of the secrets whose names begin so.
    pub fn names(&self, prefix: &str) -> Vec<Box<str>> {
        self.open.read().keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// What is to be committed for this secret, sealed. Tell [`Vault::note`] after the commit.
    pub fn seal(&self, name: &str, value: &SecretString, since_ms: u64) -> Result<NewDocument, VaultError> {
        let key = self.key.as_ref().ok_or(VaultError::NoKey)?;
        let open = self.open.read();
        if open.len() >= MAX_SECRETS && !open.contains_key(name) {
            return Err(VaultError::Full);
        }
        telemetry::hide(value);
        Ok((KIND.into(), name.into(), Some(Sealed::seal(key, name, value, since_ms).encode())))
    }

    /// What is to be committed to forget this secret.
    pub fn unseal(&self, name: &str) -> NewDocument {
        (KIND.into(), name.into(), None)
    }

    /// It is committed: the secret is this one, or none.
    pub fn note(&self, name: &str, value: Option<Kept>) {
        let mut open = self.open.write();
        match value {
            Some(kept) => open.insert(name.into(), kept),
            None => open.remove(name),
        };
    }
}

fn opened(sealed: &[(Box<str>, Sealed)], key: &MasterKey) -> Result<BTreeMap<Box<str>, Kept>, VaultError> {
    let foreign = || sealed.iter().filter(move |(_, sealed)| sealed.key_id != key.id());
    if let Some((_, first)) = foreign().next() {
        return Err(VaultError::OtherKey { count: foreign().count(), theirs: first.key_id, ours: key.id() });
    }
    let open = |(name, sealed): &(Box<str>, Sealed)| {
        let value = sealed.open(key, name).ok_or_else(|| VaultError::Damaged(name.clone()))?;
        Ok((name.clone(), Kept { value, since_ms: sealed.since_ms }))
    };
    sealed.iter().map(open).collect()
}

#[cfg(test)]
mod tests;
