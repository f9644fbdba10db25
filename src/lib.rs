//! The parts of the `parlance` binary.

pub mod admin;
pub mod bench;
pub mod bots;
pub mod cli;
pub mod config;
pub mod flow_keys;
mod flows;
pub mod front;
pub mod inspector;
pub mod metrics;
pub mod net;
pub mod numbers;
pub mod quick_replies;
pub mod secrets;
pub mod server;
pub mod services;
pub mod sheet;
pub mod telemetry;
pub mod vault;
