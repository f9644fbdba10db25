//! The Graph API: its errors and what they mean, and (feature `client`) the client.

#[cfg(feature = "client")]
mod client;
mod codes;
mod error;
#[cfg(feature = "client")]
mod reply;

#[cfg(feature = "client")]
pub use client::{Client, ClientConfig, ConfigError};
pub use codes::{Explanation, Outcome, explain, outcome_of_code};
pub use error::{Accepted, Error, ErrorRecord, GraphError};
