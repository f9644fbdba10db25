//! How our numbers and our token stand with Meta: registered or not, restricted, shared with a phone, still in test;
//! the token right, expired, renewed.

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::config::Config;

/// What Meta allows a number that is on a phone too.
pub(crate) const PHONE_APP_PER_SECOND: u32 = 20;
/// As many recipients as a test number has.
const MAX_RECIPIENTS: usize = 5;

/// How a business number stands with Meta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberStanding {
    /// False: it is not registered, and every send is refused with 133010.
    #[serde(default = "yes")]
    pub registered: bool,
    /// Every send is refused with this code: 368, 131031, 131037, 131042, 131048, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuses: Option<u32>,
    /// The number is on a phone, too: 20 messages a second and no more (130429).
    #[serde(default)]
    pub on_phone_app: bool,
    /// A test number, which reaches these people only (131030).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaches: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

impl Default for NumberStanding {
    fn default() -> Self {
        Self { registered: true, refuses: None, on_phone_app: false, reaches: None }
    }
}

impl NumberStanding {
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.reaches.as_ref().map(Vec::len) {
            Some(many) if many > MAX_RECIPIENTS => {
                Err(format!("a test number reaches {MAX_RECIPIENTS} people, not {many}"))
            }
            _ => Ok(()),
        }
    }

    /// What Meta calls it.
    pub(crate) fn word(&self) -> &'static str {
        match (self.registered, self.refuses) {
            (false, _) => "DISCONNECTED",
            (true, Some(_)) => "RESTRICTED",
            (true, None) => "CONNECTED",
        }
    }
}

/// Whether a token is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenCheck {
    Right,
    Expired,
    Wrong,
}

struct Token {
    secret: SecretString,
    expired: bool,
}

/// The standing of all numbers, and the token.
pub(crate) struct Standing {
    numbers: RwLock<Vec<NumberStanding>>,
    token: RwLock<Token>,
}

impl Standing {
    pub(crate) fn new(config: &Config) -> Self {
        let token = Token { secret: config.access_token.clone(), expired: false };
        Self { numbers: RwLock::new(vec![NumberStanding::default(); config.numbers.len()]), token: RwLock::new(token) }
    }

    /// As at the start.
    pub(crate) fn reset(&self, config: &Config) {
        self.numbers.write().fill(NumberStanding::default());
        *self.token.write() = Token { secret: config.access_token.clone(), expired: false };
    }

    pub(crate) fn of(&self, number: usize) -> NumberStanding {
        self.numbers.read().get(number).cloned().unwrap_or_default()
    }

    pub(crate) fn set(&self, number: usize, standing: NumberStanding) {
        if let Some(place) = self.numbers.write().get_mut(number) {
            *place = standing;
        }
    }

    pub(crate) fn expire_token(&self) {
        self.token.write().expired = true;
    }

    pub(crate) fn renew_token(&self, secret: SecretString) {
        *self.token.write() = Token { secret, expired: false };
    }

    pub(crate) fn check_token(&self, given: &str) -> TokenCheck {
        let token = self.token.read();
        match bool::from(given.as_bytes().ct_eq(token.secret.expose_secret().as_bytes())) {
            true if token.expired => TokenCheck::Expired,
            true => TokenCheck::Right,
            false => TokenCheck::Wrong,
        }
    }
}
