//! Users, tokens and sessions: all of them in memory, each change committed before it shows.

mod sessions;
mod tokens;
mod users;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use storage::{NewDocument, Store, StoreError};

use super::records::{self, Numbers, SESSIONS, Session, TOKENS, Token, USERS, User};
use super::secret::{Digest, digest};
use crate::admin::principal::{Principal, Via};
use crate::admin::role::Role;

pub(crate) use tokens::NewToken;
pub(crate) use users::{NewUser, UserChange};

/// Users at the most.
const MAX_USERS: usize = 1_000;
/// Tokens at the most.
const MAX_TOKENS: usize = 1_000;
/// Logins of one user at the most; the oldest one ends when one more comes.
const MAX_SESSIONS: usize = 20;
/// Uses of a token are told apart to this.
const USE_MS: u64 = 60_000;
/// Characters of a name at the most.
const MAX_NAME: usize = 64;
/// Documents of one commit.
const BATCH: usize = 500;

/// Why a user or a token was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another one has the name.
    #[error("there is a {0} with the name {1:?} already")]
    Taken(&'static str, Box<str>),
    /// Nobody has the id or name.
    #[error("there is no {0} {1:?}")]
    Unknown(&'static str, Box<str>),
    /// Nobody could let anybody in any more.
    #[error("{0:?} is the last admin who can log in")]
    LastAdmin(Box<str>),
    /// As many as there may be.
    #[error("there are {1} {0}s already, which is the most")]
    Full(&'static str, usize),
    /// A field of it.
    #[error("{0}")]
    Invalid(String),
}

/// Everybody who may call.
pub(crate) struct Directory {
    store: Arc<dyn Store>,
    held: RwLock<Held>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    users: BTreeMap<Box<str>, Arc<User>>,
    tokens: HashMap<Digest, Arc<HeldToken>>,
    sessions: HashMap<Digest, Session>,
}

struct HeldToken {
    token: Token,
    used_ms: AtomicU64,
    /// The use that the store knows of.
    written_ms: AtomicU64,
}

impl Directory {
    /// With what the store knows. Errors: the store, and a document that cannot be read: nobody is let in by half a list.
    pub(crate) async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut held = Held::default();
        for (key, bytes) in store.documents(USERS).await? {
            held.users.insert(key.clone(), Arc::new(records::decode(USERS, &key, &bytes)?));
        }
        for (key, bytes) in store.documents(TOKENS).await? {
            let token: Token = records::decode(TOKENS, &key, &bytes)?;
            held.tokens.insert(unhex(TOKENS, &key, &token.digest)?, HeldToken::new(token));
        }
        for (key, bytes) in store.documents(SESSIONS).await? {
            held.sessions.insert(unhex(SESSIONS, &key, &key)?, records::decode(SESSIONS, &key, &bytes)?);
        }
        Ok(Self { store, held: RwLock::new(held), changing: tokio::sync::Mutex::default() })
    }

    /// Whether there is nobody yet: no user.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.read().users.is_empty()
    }

    /// Whose token this is.
    pub(super) fn by_token(&self, secret: &str, now_ms: u64) -> Option<Principal> {
        let held = self.held.read();
        let found = held.tokens.get(&digest(secret))?;
        let token = &found.token;
        if token.expires_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            return None;
        }
        let numbers = match &token.owner {
            None => token.numbers.clone(),
            Some(owner) => {
                let owner = held.users.get(owner).filter(|owner| !owner.disabled && owner.role.may(token.role))?;
                both(&owner.numbers, &token.numbers)
            }
        };
        if found.used_ms.load(Ordering::Relaxed) + USE_MS <= now_ms {
            found.used_ms.store(now_ms, Ordering::Relaxed);
        }
        let who = format!("token:{}", token.name).into();
        let (user, id) = (token.owner.clone(), Some(token.id.clone()));
        Some(Principal { who, role: token.role, numbers, user, token: id, via: Via::Token })
    }

    /// Whose session this is.
    pub(super) fn by_session(&self, secret: &str, now_ms: u64) -> Option<Principal> {
        let held = self.held.read();
        let session = held.sessions.get(&digest(secret)).filter(|session| session.expires_ms > now_ms)?;
        let user = held.users.get(&session.user).filter(|user| !user.disabled)?;
        Some(Principal {
            who: format!("user:{}", user.name).into(),
            role: user.role,
            numbers: user.numbers.clone(),
            user: Some(user.id.clone()),
            token: None,
            via: Via::Session,
        })
    }

    /// Writes down when tokens were used, and removes sessions that are over.
    pub(crate) async fn tidy(&self, now_ms: u64) -> Result<(), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let (mut documents, mut over): (Vec<NewDocument>, Vec<Digest>) = Default::default();
        {
            let held = self.held.read();
            for token in held.tokens.values() {
                documents.extend(token.to_write().map(|token| token_document(&token)));
            }
            for (digest, _) in held.sessions.iter().filter(|(_, session)| session.expires_ms <= now_ms) {
                documents.push(session_gone(digest));
                over.push(*digest);
            }
        }
        for batch in documents.chunks(BATCH) {
            self.store.put_documents(batch.to_vec()).await?;
        }
        let mut held = self.held.write();
        over.iter().for_each(|digest| drop(held.sessions.remove(digest)));
        Ok(())
    }
}

impl HeldToken {
    fn new(token: Token) -> Arc<Self> {
        let used_ms = token.last_used_ms.unwrap_or_default();
        Arc::new(Self { used_ms: AtomicU64::new(used_ms), written_ms: AtomicU64::new(used_ms), token })
    }

    fn now(&self) -> Token {
        let used_ms = self.used_ms.load(Ordering::Relaxed);
        Token { last_used_ms: Some(used_ms).filter(|used_ms| *used_ms > 0), ..self.token.clone() }
    }

    /// The token with a time of use that the store does not know. If the write fails, the next use is the next try.
    fn to_write(&self) -> Option<Token> {
        let used_ms = self.used_ms.load(Ordering::Relaxed);
        (self.written_ms.swap(used_ms, Ordering::Relaxed) != used_ms).then(|| self.now())
    }
}

fn token_document(token: &Token) -> NewDocument {
    (TOKENS.into(), token.id.clone(), Some(records::encode(token)))
}

fn user_document(user: &User) -> NewDocument {
    (USERS.into(), user.id.clone(), Some(records::encode(user)))
}

fn session_gone(digest: &Digest) -> NewDocument {
    (SESSIONS.into(), hex::encode(digest).into(), None)
}

fn unhex(kind: &str, key: &str, text: &str) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let damaged = |_| StoreError::Corrupt(format!("{kind} {key} has no digest").into());
    hex::decode_to_slice(text, &mut digest).map_err(damaged)?;
    Ok(digest)
}

/// What both see.
fn both(one: &Numbers, other: &Numbers) -> Numbers {
    match (one, other) {
        (None, numbers) | (numbers, None) => numbers.clone(),
        (Some(one), Some(other)) => Some(one.iter().filter(|number| other.contains(number)).cloned().collect()),
    }
}

/// A name of a user or a token, as it is kept.
fn name_of(text: &str) -> Result<Box<str>, DirectoryError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@');
    if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(fits) {
        return Err(DirectoryError::Invalid(format!(
            "a name has 1 to {MAX_NAME} of the letters a to z, digits, and . _ - @"
        )));
    }
    Ok(text.to_ascii_lowercase().into())
}

/// Numbers that go with a role. An admin gives rights away, so it makes no sense to keep numbers from one.
fn numbers_of(role: Role, numbers: Option<Vec<Box<str>>>) -> Result<Numbers, DirectoryError> {
    match numbers {
        None => Ok(None),
        Some(_) if role == Role::Admin => {
            Err(DirectoryError::Invalid("an admin sees all numbers; leave numbers away, or choose another role".into()))
        }
        Some(numbers) if numbers.is_empty() => {
            Err(DirectoryError::Invalid("numbers is empty; leave it away for all of them, or name some".into()))
        }
        Some(numbers) => Ok(Some(numbers.into())),
    }
}
