//! The WhatsApp platform: webhooks, outgoing messages, limits, errors, and (feature `client`) the Graph client.
//!
//! Everything here is pure except [`graph::Client`]. Field names and error numbers of Meta appear in
//! this crate only; everyone else uses its types.

pub mod flow;
pub mod graph;
pub mod limits;
pub mod message;
pub mod signature;
pub mod webhook;
