//! Numbers that the store keeps, beside those of the configuration: what they are, and which of their secrets the vault has.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use storage::{NewDocument, Store, StoreError};

use crate::config::{self, Secret, Source, Whatsapp};
use crate::vault::Vault;

/// Documents of this kind are numbers, by Meta's id of them.
const KIND: &str = "number";

/// A secret of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Opens the Graph API.
    AccessToken,
    /// Signs the webhooks of its app.
    AppSecret,
    /// The app secret before a rotation.
    AppSecretPrevious,
    /// Proves a subscription request of its app.
    VerifyToken,
    /// Opens Flow requests.
    FlowPrivateKey,
    /// Opens an encrypted private key.
    FlowPassphrase,
    /// The private key before a rotation.
    FlowPrivateKeyPrevious,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AccessToken,
        Self::AppSecret,
        Self::AppSecretPrevious,
        Self::VerifyToken,
        Self::FlowPrivateKey,
        Self::FlowPassphrase,
        Self::FlowPrivateKeyPrevious,
    ];

    /// As the API and the configuration call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::AppSecret => "app_secret",
            Self::AppSecretPrevious => "app_secret_previous",
            Self::VerifyToken => "verify_token",
            Self::FlowPrivateKey => "flow_private_key",
            Self::FlowPassphrase => "flow_private_key_passphrase",
            Self::FlowPrivateKeyPrevious => "flow_private_key_previous",
        }
    }

    /// What the vault calls it for a number.
    pub fn vaulted(self, number: &str) -> String {
        format!("number/{number}/{}", self.name())
    }

    /// Where the one goes that this one takes the place of.
    pub fn previous(self) -> Option<Self> {
        match self {
            Self::AppSecret => Some(Self::AppSecretPrevious),
            Self::FlowPrivateKey => Some(Self::FlowPrivateKeyPrevious),
            _ => None,
        }
    }

    /// Whether it may have line breaks.
    pub fn is_text(self) -> bool {
        matches!(self, Self::FlowPrivateKey | Self::FlowPrivateKeyPrevious)
    }

    /// This secret of a number, if it has one.
    pub fn of(self, number: &config::Number) -> Option<&Secret> {
        let secret = match self {
            Self::AccessToken => Some(&number.access_token),
            Self::AppSecret => Some(&number.app_secret),
            Self::AppSecretPrevious => number.app_secret_previous.as_ref(),
            Self::VerifyToken => number.verify_token.as_ref(),
            Self::FlowPrivateKey => number.flow_private_key.as_ref(),
            Self::FlowPassphrase => number.flow_key_passphrase.as_ref(),
            Self::FlowPrivateKeyPrevious => number.flow_private_key_previous.as_ref(),
        };
        secret.filter(|secret| !secret.value.expose_secret().is_empty())
    }

    /// Gives a number this secret, or takes it away.
    pub fn put(self, number: &mut config::Number, secret: Option<Secret>) {
        match self {
            Self::AccessToken => number.access_token = secret.unwrap_or_default(),
            Self::AppSecret => number.app_secret = secret.unwrap_or_default(),
            Self::AppSecretPrevious => number.app_secret_previous = secret,
            Self::VerifyToken => number.verify_token = secret,
            Self::FlowPrivateKey => number.flow_private_key = secret,
            Self::FlowPassphrase => number.flow_key_passphrase = secret,
            Self::FlowPrivateKeyPrevious => number.flow_private_key_previous = secret,
        }
    }
}

/// A number as the store has it. None of its secrets is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The business account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Messages per second, where it differs from all others; 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Whether it is used in the WhatsApp Business app, too.
    #[serde(default)]
    pub coexistence: bool,
    /// The bot that answers, if it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// Since when it is here (ms).
    pub since_ms: u64,
}

impl Record {
    /// What is to be committed.
    pub(super) fn document(&self, id: &str) -> NewDocument {
        let bytes = serde_json::to_vec(self).expect("plain fields always encode");
        (KIND.into(), id.into(), Some(bytes.into()))
    }

    /// What is to be committed to forget a number.
    pub(super) fn gone(id: &str) -> NewDocument {
        (KIND.into(), id.into(), None)
    }

    /// The number, with its secrets out of the vault; an app secret that it lacks is that of `[whatsapp]`.
    pub(super) fn number(&self, id: &str, shared: &Whatsapp, vault: &Vault) -> config::Number {
        let mut number = config::Number {
            business_account_id: self.account.clone(),
            label: self.label.clone(),
            messages_per_second: self.messages_per_second,
            coexistence: self.coexistence,
            bot: self.bot.clone(),
            kept: true,
            ..config::Number::bare(id)
        };
        fill(&mut number, vault);
        if Field::AppSecret.of(&number).is_none() {
            number.app_secret = shared.app_secret.clone().unwrap_or_default();
            number.app_secret_previous.clone_from(&shared.app_secret_previous);
        }
        number
    }
}

/// All numbers that a store keeps, by id. Errors: the store, and a row that cannot be read.
pub(super) async fn all(store: &dyn Store) -> Result<BTreeMap<Box<str>, Record>, StoreError> {
    let read = |(id, bytes): (Box<str>, bytes::Bytes)| match serde_json::from_slice(&bytes) {
        Ok(record) => Ok((id, record)),
        Err(error) => Err(StoreError::Corrupt(format!("the number {id}: {error}").into())),
    };
    store.documents(KIND).await?.into_iter().map(read).collect()
}

/// Gives a number the secrets of the vault that nobody configured.
pub(super) fn fill(number: &mut config::Number, vault: &Vault) {
    let id = number.phone_number_id.clone();
    for field in Field::ALL {
        // What `dev` made up is no choice.
        let chosen = field.of(number).is_some_and(|secret| secret.source != Source::Generated);
        if let Some(kept) = vault.get(&field.vaulted(&id)).filter(|_| !chosen) {
            field.put(number, Some(of_store(kept.value)));
        }
    }
}

/// A secret that the store keeps.
pub(super) fn of_store(value: SecretString) -> Secret {
    Secret { value, file: None, source: Source::Store }
}
