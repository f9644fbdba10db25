//! What may be said of a number over the API, and what is wrong with it.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::kept::{Field, Record};
use crate::config::COEXISTENCE_RATE;
use crate::vault::{MAX_SECRET_CHARS, VaultError};

/// Numbers that are served at the most.
pub const MAX_NUMBERS: usize = 1_000;
const MAX_ID_CHARS: usize = 64;
const MAX_LABEL_CHARS: usize = 100;
const MAX_RATE: u32 = 1_000_000;

/// What becomes of the secrets of a number: set, or taken away.
pub type Secrets = BTreeMap<Field, Option<SecretString>>;

/// Other values of a number that the store keeps; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The business account; empty: not known.
    pub account: Option<String>,
    /// What people call it; empty: nothing.
    pub label: Option<String>,
    /// Messages per second: `Some(None)` as all others, 0 without a limit.
    pub messages_per_second: Option<Option<u32>>,
    /// Whether it is used in the WhatsApp Business app, too.
    pub coexistence: Option<bool>,
    /// The bot that answers; empty: the default.
    pub bot: Option<String>,
}

/// Why a number stays as it is. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is none.
    #[error("there is no number {0:?}")]
    Unknown(String),
    /// It is served already.
    #[error("the number {0} is served already")]
    There(String),
    /// It is in the configuration.
    #[error("the number {0} comes from the configuration, so it is changed there")]
    Configured(String),
    /// A secret is in the configuration.
    #[error("{field} of the number {number} comes from {place}, so it is changed there")]
    SetElsewhere {
        /// Whose.
        number: String,
        /// Which.
        field: &'static str,
        /// Where it is set.
        place: String,
    },
    /// A value cannot be used.
    #[error("{field}: {what}")]
    Value {
        /// Which member.
        field: &'static str,
        /// What is wrong, without the value of a secret.
        what: String,
    },
    /// Something of it is not finished.
    #[error("the number {number} has {what}")]
    Busy {
        /// Which.
        number: String,
        /// What is open.
        what: String,
    },
    /// There are too many.
    #[error("{MAX_NUMBERS} numbers are served, which is the most")]
    Full,
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store.
    #[error(transparent)]
    Store(#[from] storage::StoreError),
    /// Its sender did not start.
    #[error(transparent)]
    Engine(#[from] actors::StartError),
}

impl Changes {
    /// The record with these values. Errors: one that cannot be used.
    pub(super) fn of(&self, record: &Record) -> Result<Record, DeskError> {
        let mut record = record.clone();
        if let Some(account) = &self.account {
            record.account = given(account);
        }
        if let Some(label) = &self.label {
            record.label = given(label);
        }
        if let Some(rate) = self.messages_per_second {
            record.messages_per_second = rate;
        }
        if let Some(coexistence) = self.coexistence {
            record.coexistence = coexistence;
        }
        if let Some(bot) = &self.bot {
            record.bot = given(bot);
        }
        check(&record)?;
        Ok(record)
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn check(record: &Record) -> Result<(), DeskError> {
    if let Some(account) = &record.account {
        check_id("business_account_id", account)?;
    }
    let label = record.label.as_deref().unwrap_or_default();
    if label.chars().count() > MAX_LABEL_CHARS || label.chars().any(char::is_control) {
        return Err(value("label", format!("it may have {MAX_LABEL_CHARS} characters on one line")));
    }
    let most = if record.coexistence { COEXISTENCE_RATE } else { MAX_RATE };
    if record.messages_per_second.is_some_and(|rate| rate > most) {
        let why = if record.coexistence { ", which is what Meta allows where coexistence is true" } else { "" };
        return Err(value("messages_per_second", format!("it may be {most} at the most{why}")));
    }
    Ok(())
}

/// An id of Meta's; it becomes part of a URL's path, where the client takes nothing but these.
pub(super) fn check_id(field: &'static str, id: &str) -> Result<(), DeskError> {
    let shaped = !id.is_empty() && id.len() <= MAX_ID_CHARS && id.chars().all(|c| c.is_ascii_alphanumeric());
    if shaped { Ok(()) } else { Err(value(field, "write the id as Meta shows it: digits, no + and no spaces".into())) }
}

/// A secret that can be used as it stands.
pub(super) fn check_secret(field: Field, secret: &SecretString) -> Result<(), DeskError> {
    let text = secret.expose_secret();
    let what = match field.is_text() {
        _ if text.trim().is_empty() => "it is empty; send null to take it away",
        _ if text.len() > MAX_SECRET_CHARS => "it is too long",
        false if text.trim() != text || text.chars().any(char::is_control) => {
            "it begins or ends with a space, or holds a line break or control character"
        }
        _ => return Ok(()),
    };
    Err(value(field.name(), what.into()))
}

pub(super) fn value(field: &'static str, what: String) -> DeskError {
    DeskError::Value { field, what }
}
