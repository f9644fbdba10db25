//! The business numbers as everything but the engine sees them: one list, which can change while the process runs.
//!
//! No secret is in it. Tokens are with the engine's numbers, app secrets with the signers, keys with the keyring; here stands
//! where each came from.

mod change;
mod desk;
mod kept;
mod test;

use std::sync::Arc;

use parking_lot::RwLock;

use storage::{Store, StoreError};

use crate::config::{self, Config, Limits};
use crate::vault::Vault;
pub use change::{Changes, DeskError, MAX_NUMBERS, Secrets};
pub use desk::{Desk, DeskParts, SecretStanding};
pub use kept::Field;
pub use test::{Tested, Trouble};

/// A number that is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Meta's `phone_number_id`.
    pub id: Box<str>,
    /// The business account, if it is known.
    pub account: Option<Box<str>>,
    /// Whether it is used in the WhatsApp Business app, too.
    pub coexistence: bool,
    /// Messages per second; `None` is no limit.
    pub messages_per_second: Option<u32>,
    /// The id of the bot that answers.
    pub bot: Box<str>,
    /// What people call it.
    pub label: Option<Box<str>>,
    /// Whether the store keeps it; else the configuration has it.
    pub kept: bool,
}

/// The configuration with the numbers that the store keeps, and with the secrets of the vault where nobody configured one.
/// A number that both have is the configuration's.
pub async fn served(config: &Config, store: &dyn Store, vault: &Vault) -> Result<Config, StoreError> {
    let mut all = config.clone();
    all.whatsapp.numbers.iter_mut().for_each(|number| kept::fill(number, vault));
    for (id, record) in kept::all(store).await? {
        if config.whatsapp.numbers.iter().any(|number| number.phone_number_id == *id) {
            tracing::warn!(
                number = &*id,
                "the number is in the configuration and in the store: the configuration counts"
            );
            continue;
        }
        all.whatsapp.numbers.push(record.number(&id, &config.whatsapp, vault));
    }
    Ok(all)
}

/// All numbers that are served, in the order in which they came.
#[derive(Debug, Default)]
pub struct Book {
    current: RwLock<Arc<[Served]>>,
}

impl Book {
    /// The numbers of the configuration.
    pub fn of(config: &Config) -> Self {
        let served = |number| Served::of(number, &config.limits, &config.bots.default);
        Self { current: RwLock::new(config.whatsapp.numbers.iter().map(served).collect()) }
    }

    /// All numbers, as they are now.
    pub fn all(&self) -> Arc<[Served]> {
        self.current.read().clone()
    }

    /// A number by Meta's id.
    pub fn get(&self, id: &str) -> Option<Served> {
        self.current.read().iter().find(|number| *number.id == *id).cloned()
    }

    /// Adds a number, or puts it in the place of the one with its id.
    pub fn put(&self, number: Served) {
        let mut current = self.current.write();
        let mut numbers = current.to_vec();
        match numbers.iter_mut().find(|known| known.id == number.id) {
            Some(known) => *known = number,
            None => numbers.push(number),
        }
        *current = numbers.into();
    }

    /// Takes a number off the list.
    pub fn remove(&self, id: &str) {
        let mut current = self.current.write();
        *current = current.iter().filter(|number| *number.id != *id).cloned().collect();
    }
}

impl Served {
    /// A number as it is configured.
    pub fn of(number: &config::Number, limits: &Limits, default_bot: &str) -> Self {
        let rate = number.own_rate(limits).or(limits.messages_per_second.map(std::num::NonZero::get));
        Self {
            id: number.phone_number_id.as_str().into(),
            account: number.business_account_id.as_deref().map(Into::into),
            coexistence: number.coexistence,
            messages_per_second: rate.filter(|rate| *rate > 0),
            bot: number.bot.as_deref().unwrap_or(default_bot).into(),
            label: number.label.as_deref().map(Into::into),
            kept: number.kept,
        }
    }
}
