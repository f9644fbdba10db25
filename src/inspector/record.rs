//! What is noted of a request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// Characters of a header that are kept.
const MAX_HEADER: usize = 256;
/// Headers that are kept.
const MAX_HEADERS: usize = 64;
/// Of a signature this much is kept: enough to tell two apart, too little to use it.
const SIGNATURE: usize = 15;

/// Where a request is kept: text form `w_`, and 16 hexadecimal digits. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub(super) segment: u32,
    pub(super) offset: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "w_{:08x}{:08x}", self.segment, self.offset)
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("w_").filter(|digits| digits.len() == 16).ok_or(())?;
        let number = u64::from_str_radix(digits, 16).map_err(|_| ())?;
        Ok(Self { segment: (number >> 32) as u32, offset: number as u32 })
    }
}

/// What became of the items of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Taken {
    /// Messages and other inputs that were stored. Whether one is known already its conversation finds out.
    pub accepted: u32,
    /// Statuses that were applied.
    pub statuses: u32,
    /// What was put aside.
    pub quarantined: u32,
    /// What was kept as a notice.
    pub notices: u32,
    /// Whether the body was no webhook that can be read; it is in quarantine then.
    pub unreadable: bool,
    /// Our numbers that it is about.
    pub numbers: Vec<Box<str>>,
    /// What was dropped because it is of somebody who was erased. The bytes are not kept then.
    #[serde(default)]
    pub erased: u32,
}

/// A request as the front door answered it.
#[derive(Clone, Debug)]
pub struct Note {
    /// When it was answered.
    pub at_ms: u64,
    /// `webhook` or `flow`.
    pub path: &'static str,
    /// `valid`, `previous` (a secret before a rotation), `missing`, `malformed`, `mismatch`, or `unread`.
    pub signature: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// From the head to the answer.
    pub took: Duration,
    /// What became of it, if it was read.
    pub taken: Option<Taken>,
    /// As they came.
    pub headers: HeaderMap,
    /// As it came, if it was read, and if nothing in it is of somebody who was erased.
    pub body: Bytes,
    /// How long it was before it was cut.
    pub body_bytes: usize,
    /// The record that it repeats, if somebody replayed one.
    pub replay_of: Option<Id>,
}

impl Note {
    /// Notes the bytes as well, unless something in them is of somebody who was erased.
    pub(crate) fn of(mut self, body: Bytes) -> Self {
        self.body_bytes = body.len();
        if self.taken.as_ref().is_none_or(|taken| taken.erased == 0) {
            self.body = body;
        }
        self
    }

    /// Whether it comes from Meta, or whoever has the secret.
    pub fn is_signed(&self) -> bool {
        matches!(self.signature, "valid" | "previous")
    }
}

/// What is kept beside the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was answered.
    pub at_ms: u64,
    /// See [`Note::path`].
    pub path: Box<str>,
    /// See [`Note::signature`].
    pub signature: Box<str>,
    /// The status of the answer.
    pub status: u16,
    /// From the head to the answer, in microseconds.
    pub took_us: u64,
    /// See [`Note::taken`].
    pub taken: Option<Taken>,
    /// Without what proves anything.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Bytes of the body as it came.
    pub body_bytes: usize,
    /// See [`Note::replay_of`].
    pub replay_of: Option<Box<str>>,
}

impl Record {
    pub(super) fn of(note: &Note) -> Self {
        let headers = note.headers.iter().take(MAX_HEADERS);
        Self {
            at_ms: note.at_ms,
            path: note.path.into(),
            signature: note.signature.into(),
            status: note.status,
            took_us: u64::try_from(note.took.as_micros()).unwrap_or(u64::MAX),
            taken: note.taken.clone(),
            headers: headers.map(|(name, value)| (name.as_str().into(), shown(name.as_str(), value))).collect(),
            body_bytes: note.body_bytes.max(note.body.len()),
            replay_of: note.replay_of.map(|id| id.to_string().into()),
        }
    }
}

fn shown(name: &str, value: &http::HeaderValue) -> Box<str> {
    if matches!(name, "authorization" | "cookie" | "proxy-authorization") {
        return "(hidden)".into();
    }
    let most = if name == "x-hub-signature-256" { SIGNATURE } else { MAX_HEADER };
    let text = String::from_utf8_lossy(value.as_bytes());
    if text.len() <= most {
        return text.into();
    }
    let cut: String = text.chars().take(most).collect();
    if cut.len() == text.len() { cut.into() } else { format!("{cut}…").into() }
}

/// A request as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where.
    pub id: Id,
    /// What is known of it.
    pub record: Record,
    /// Its bytes; shorter than [`Record::body_bytes`] if they were cut.
    pub body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_sort_by_time() {
        let id = Id { segment: 7, offset: 0xABC };
        assert_eq!(id.to_string(), "w_0000000700000abc");
        assert_eq!("w_0000000700000abc".parse(), Ok(id));
        assert!(Id { segment: 8, offset: 0 } > id);
        for bad in ["", "w_", "w_7", "w_00000007000000000", "w_000000070000zabc", "o_0000000700000abc"] {
            assert_eq!(bad.parse::<Id>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn headers_that_prove_something_are_not_kept_whole() {
        let secret = "sha256=0123456789abcdef0123456789abcdef";
        assert_eq!(&*shown("x-hub-signature-256", &secret.parse().unwrap()), "sha256=01234567…");
        assert_eq!(&*shown("authorization", &"Bearer x".parse().unwrap()), "(hidden)");
        assert_eq!(shown("x", &"y".repeat(1_000).parse().unwrap()).chars().count(), MAX_HEADER + 1);
    }
}
