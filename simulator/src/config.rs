//! What the simulator is started with, and the checks before it binds.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::flows::SeededFlow;
use crate::trouble::Trouble;

/// The most scripted phones: their numbers come from a range reserved for fiction.
pub const MAX_PHONES: usize = 500;

/// Everything a simulator needs. Take [`Config::new`] and change what differs.
#[derive(Clone)]
pub struct Config {
    /// Where to listen. Only loopback, unless `allow_remote` is set; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Lets it listen on other than loopback addresses. It has no login.
    pub allow_remote: bool,
    /// Where webhooks are posted; empty until [`crate::Handle::set_webhook_url`] if not known yet.
    pub webhook_url: String,
    /// Key of `X-Hub-Signature-256`.
    pub app_secret: SecretString,
    /// The bearer token that Graph calls must carry.
    pub access_token: SecretString,
    /// The business numbers.
    pub numbers: Vec<Number>,
    /// Scripted phones at the start, at most [`MAX_PHONES`].
    pub phones: usize,
    /// Seed of everything that is drawn. Message ids also depend on the clock at the start.
    pub seed: u64,
    /// Which statuses come by themselves after a send was accepted.
    pub auto_status: AutoStatus,
    /// Pause before each automatic status, in real milliseconds, so that a person sees the ticks move.
    pub status_delay_ms: u64,
    /// Refuses free-form messages outside the 24 hour window (131047).
    pub enforce_window: bool,
    /// Templates that count as approved by their name, with any parameters. Those with their whole
    /// definition come through the Graph API or [`crate::Handle::put_template`]; others are refused with 132001.
    pub templates: Vec<Template>,
    /// Approves created and edited templates at once, with a webhook; else they stay pending.
    pub approve_templates: bool,
    /// Flows that are there from the start, published, in the account of the first number.
    pub flows: Vec<SeededFlow>,
    /// An edit of a published Flow returns it to DRAFT; else it is refused with 139001. Meta's pages say both.
    pub edit_returns_to_draft: bool,
    /// How long a phone waits for a Flow's endpoint, in real milliseconds.
    pub flow_patience_ms: u64,
    /// Calls endpoints of Flows on other machines too.
    pub remote_endpoints: bool,
    /// How refused webhooks are repeated.
    pub retry: Retry,
    /// Trouble from the start.
    pub trouble: Trouble,
    /// Keeps the last 10,000 Graph calls and webhooks. Costs a copy of each body.
    pub log_requests: bool,
    /// Keeps a row for each accepted send (up to 1,000,000) and counts per callback data.
    pub ledger: bool,
    /// The clock of the stand-in.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// One fictional number, three phones, all statuses, nothing troubled, a free port on loopback.
    pub fn new(
        webhook_url: impl Into<String>,
        app_secret: SecretString,
        access_token: SecretString,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            webhook_url: webhook_url.into(),
            app_secret,
            access_token,
            numbers: vec![Number::default()],
            phones: 3,
            seed: 1,
            auto_status: AutoStatus::ALL,
            status_delay_ms: 0,
            enforce_window: true,
            templates: Vec::new(),
            approve_templates: true,
            flows: Vec::new(),
            edit_returns_to_draft: false,
            flow_patience_ms: 10_000,
            remote_endpoints: false,
            retry: Retry::default(),
            trouble: Trouble::default(),
            log_requests: true,
            ledger: false,
            clock,
        }
    }

    pub(crate) fn check(&self) -> Result<(), StartError> {
        if !self.allow_remote && !self.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(self.listen));
        }
        if self.app_secret.expose_secret().is_empty() {
            return Err(StartError::Empty("app secret"));
        }
        if self.access_token.expose_secret().is_empty() {
            return Err(StartError::Empty("access token"));
        }
        if self.numbers.is_empty() {
            return Err(StartError::Empty("list of business numbers"));
        }
        for (i, number) in self.numbers.iter().enumerate() {
            if self.numbers.iter().take(i).any(|other| other.phone_number_id == number.phone_number_id) {
                return Err(StartError::DuplicateNumber(number.phone_number_id.clone()));
            }
        }
        if self.phones > MAX_PHONES {
            return Err(StartError::TooManyPhones(self.phones));
        }
        self.trouble.check().map_err(StartError::Trouble)
    }
}

/// A business number that the stand-in knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// Graph's id of the number, part of the path of a send.
    pub phone_number_id: String,
    /// The number itself, digits only, as webhooks show it.
    pub display_phone_number: String,
    /// The WhatsApp Business Account it belongs to.
    pub waba_id: String,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            phone_number_id: "700800900100200".into(),
            display_phone_number: "15550100100".into(),
            waba_id: "300100200300400".into(),
        }
    }
}

/// A template that counts as approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language code, such as `en_US`.
    pub language: String,
}

/// Which statuses come by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoStatus {
    /// `sent`
    pub sent: bool,
    /// `delivered`
    pub delivered: bool,
    /// `read`
    pub read: bool,
}

impl AutoStatus {
    /// sent, delivered and read.
    pub const ALL: Self = Self { sent: true, delivered: true, read: true };
    /// None: statuses come only when asked for.
    pub const NONE: Self = Self { sent: false, delivered: false, read: false };
}

impl Default for AutoStatus {
    fn default() -> Self {
        Self::ALL
    }
}

/// How often and how fast a webhook that was not answered with 200 is posted again.
/// Meta's growing intervals over days, in small. Real milliseconds, not the stand-in's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Wait before the second try; doubles after each.
    pub first_ms: u64,
    /// The longest wait.
    pub max_ms: u64,
    /// Tries in all, the first one included.
    pub tries: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_ms: 100, max_ms: 5_000, tries: 15 }
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It would be reachable from other machines.
    #[error("the simulator has no login and listens on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// A setting that must not be empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// Two business numbers with one id.
    #[error("the phone number id {0} is listed twice")]
    DuplicateNumber(String),
    /// More phones than there are fictional numbers.
    #[error("{0} phones are too many, at most {MAX_PHONES}")]
    TooManyPhones(usize),
    /// A rule of trouble that cannot be kept.
    #[error("trouble: {0}")]
    Trouble(String),
    /// The address cannot be bound.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The HTTP client for webhooks cannot be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(String),
}
