//! What the store knows of users, tokens and sessions. Documents in JSON, by id; no secret is among them.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use storage::StoreError;

use crate::admin::role::Role;

/// `id`: a [`User`].
pub(super) const USERS: &str = "user";
/// `id`: a [`Token`].
pub(super) const TOKENS: &str = "api_token";
/// Digest of the secret in hex: a [`Session`].
pub(super) const SESSIONS: &str = "session";

/// Our numbers that somebody sees; `None` is all of them.
pub(super) type Numbers = Option<Arc<[Box<str>]>>;

/// Somebody who logs in with a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// `u_…`.
    pub(crate) id: Box<str>,
    /// What they log in with; small letters.
    pub(crate) name: Box<str>,
    /// What they may do.
    pub(crate) role: Role,
    /// What they see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) numbers: Numbers,
    /// Argon2id in PHC form.
    pub(crate) password: Box<str>,
    /// Locked out until an admin says otherwise.
    #[serde(default)]
    pub(crate) disabled: bool,
    pub(crate) created_ms: u64,
    /// Since when the password counts.
    pub(crate) password_ms: u64,
    /// The last time they logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_login_ms: Option<u64>,
}

/// A credential of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// `t_…`.
    pub(crate) id: Box<str>,
    /// What it is for; no other token has the same name.
    pub(crate) name: Box<str>,
    /// The first characters of its secret.
    pub(crate) prefix: Box<str>,
    /// SHA-256 of its secret, in hex.
    pub(crate) digest: Box<str>,
    /// What it may do.
    pub(crate) role: Role,
    /// What it sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) numbers: Numbers,
    /// The user whose it is: it may do nothing that they may not. Tokens that the admin token made have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Box<str>>,
    /// Who made it.
    pub(crate) created_by: Box<str>,
    /// The id of the token that made it: it is revoked with that one, and does not outlast it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) maker: Option<Box<str>>,
    pub(crate) created_ms: u64,
    /// From when on it is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_ms: Option<u64>,
    /// When it was last used, to the minute; the store hears of it once an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_ms: Option<u64>,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) user: Box<str>,
    pub(super) created_ms: u64,
    pub(super) expires_ms: u64,
    /// Where they logged in from.
    pub(super) address: Box<str>,
}

pub(super) fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("own types always encode into memory").into()
}

pub(super) fn decode<T: DeserializeOwned>(kind: &str, key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("{kind} {key}: {error}").into()))
}
