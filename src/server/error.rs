//! Why a server did not start, and why one cannot go on.

use std::net::SocketAddr;
use std::path::PathBuf;

use actors::broadcast::BroadcastError;
use actors::http_caller::WebError;
use actors::letters::BatchError;
use storage::{OpenError, StoreError};

use super::flows;
use crate::bots::LoadError;
use crate::services;
use crate::vault::VaultError;

/// Why a server did not start. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bots cannot be loaded.
    #[error(transparent)]
    Bots(#[from] LoadError),
    /// An actor did not start.
    #[error(transparent)]
    Engine(#[from] actors::StartError),
    /// What works beside the conversations did not start.
    #[error(transparent)]
    Services(#[from] services::LoadError),
    /// What the store has of broadcasts cannot be read.
    #[error("broadcasts: {0}")]
    Broadcasts(#[from] BroadcastError),
    /// What the store has of batches of dead letters cannot be read.
    #[error("batches of dead letters: {0}")]
    Batches(#[from] BatchError),
    /// The Graph client refuses its settings.
    #[error("the Graph client: {0}")]
    Graph(#[from] whatsapp::graph::ConfigError),
    /// The client for the calls of bots does not start.
    #[error(transparent)]
    Web(#[from] WebError),
    /// A port cannot be bound.
    #[error("{key} = {address}: {source}; is another process using it?")]
    Bind {
        /// The setting that named it.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The admin port would be open to the network while nobody can get in.
    #[error(
        "admin.listen = {0} is not a loopback address, and there is neither a user nor a token: whoever came first would be \
         the admin; set PARLANCE_ADMIN_PASSWORD_FILE (makes the user PARLANCE_ADMIN_USER) or PARLANCE_ADMIN_TOKEN, or listen \
         on 127.0.0.1 and make a user there first"
    )]
    AdminExposed(SocketAddr),
    /// The first admin cannot be made of what the configuration says.
    #[error("the first admin of admin.user and admin.password (PARLANCE_ADMIN_PASSWORD): {0}")]
    FirstUser(String),
    /// Secrets of the store cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A private key of Flows cannot be used.
    #[error(transparent)]
    FlowKey(#[from] Box<flows::KeyTrouble>),
    /// The folder of the webhook inspector cannot be used.
    #[error("{}: {source}; it holds what the webhook inspector keeps, which webhooks.enabled = false switches off", .dir.display())]
    Inspector {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two numbers share the four bytes that conversation keys start with.
    #[error("the phone number ids {0} and {1} cannot be served together")]
    NumbersCollide(String, String),
}

/// Why a running server cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The store cannot write: exit code 74.
    Store(Box<str>),
    /// An actor that must not fail has failed: exit code 1.
    Actor(Box<str>),
}
