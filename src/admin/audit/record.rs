//! A row of the audit trail, and how rows hold each other: each has the hash of the one before.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use storage::StoreError;

use crate::admin::role::Role;

/// `n` in 20 digits: a hash in hex, a line break, and a [`Row`] in JSON.
pub(super) const ROWS: &str = "audit";
/// `last`: the [`Place`] of the last row. `n` in 20 digits: that of a row after which the older ones were removed.
pub(super) const PLACES: &str = "audit_place";
pub(super) const LAST: &str = "last";
/// Bytes of a value before or after at the most; of a longer one the digest is kept.
const MAX_VALUE: usize = 4_096;
/// Characters of a reason, an id and the like at the most.
const MAX_TEXT: usize = 500;
/// Ids of one row at the most.
const MAX_TARGETS: usize = 20;

/// The hash before the first row.
pub(super) const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What happened, before it has its place in the chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Entry {
    /// `user:elif`, `token:ci`, `admin-token`, `loopback`; nobody who is known: `unknown`.
    pub(in super::super) who: Box<str>,
    /// Their role then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) role: Option<Role>,
    /// Method and path, with names in the places of ids.
    pub(in super::super) action: Box<str>,
    /// The ids of what it was done to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) targets: Vec<Box<str>>,
    /// The status of the answer.
    pub(in super::super) status: u16,
    /// Whether nothing was to happen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in super::super) dry_run: bool,
    /// Why, in the words of whoever did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) reason: Option<Box<str>>,
    /// How it was.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(in super::super) before: Value,
    /// How it became.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(in super::super) after: Value,
    /// Where they called from.
    pub(in super::super) address: Box<str>,
    /// The id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) request_id: Option<Box<str>>,
    /// Refused calls of the same caller that were left out since their last row, because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(in super::super) left_out: u64,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Row {
    /// 1, 2, 3, …
    pub(in super::super) n: u64,
    pub(in super::super) at_ms: u64,
    #[serde(flatten)]
    pub(in super::super) entry: Entry,
    /// The hash of the row before.
    pub(in super::super) previous: Box<str>,
}

/// A place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Place {
    /// The number of a row; 0 is before the first one.
    pub(in super::super) n: u64,
    /// Its hash.
    pub(in super::super) hash: Box<str>,
    /// When it was written down.
    pub(in super::super) at_ms: u64,
}

impl Place {
    pub(super) fn beginning() -> Self {
        Self { n: 0, hash: NONE.into(), at_ms: 0 }
    }
}

impl Entry {
    /// With everything that has no bound cut to one.
    pub(super) fn bounded(mut self) -> Self {
        self.targets.truncate(MAX_TARGETS);
        self.targets.iter_mut().for_each(|target| *target = cut(target));
        self.reason = self.reason.map(|reason| cut(&reason));
        self.request_id = self.request_id.map(|id| cut(&id));
        self.before = bounded(self.before);
        self.after = bounded(self.after);
        self
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn cut(text: &str) -> Box<str> {
    text.chars().take(MAX_TEXT).collect::<String>().into()
}

fn bounded(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_VALUE {
        return value;
    }
    json!({ "sha256": hex::encode(Sha256::digest(text.as_bytes())), "bytes": text.len() })
}

pub(super) fn key(n: u64) -> Box<str> {
    format!("{n:020}").into()
}

/// The row as it is stored, and its hash.
pub(super) fn encode(row: &Row) -> (Bytes, Box<str>) {
    let text = serde_json::to_string(row).expect("own types always encode into memory");
    let hash = hash(&text);
    (format!("{hash}\n{text}").into(), hash)
}

/// A stored row, its hash as it is stored, and the one that it has. Errors: it is no row.
pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<(Row, Box<str>, Box<str>), StoreError> {
    let damaged = |what: &str| StoreError::Corrupt(format!("audit row {key}: {what}").into());
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
    let (stored, text) = text.split_once('\n').ok_or_else(|| damaged("no hash"))?;
    let row = serde_json::from_str(text).map_err(|error| damaged(&error.to_string()))?;
    Ok((row, stored.into(), hash(text)))
}

fn hash(text: &str) -> Box<str> {
    hex::encode(Sha256::digest(text.as_bytes())).into()
}
