//! The simulator from outside: over HTTP, with a receiver in the place of the engine.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

mod control;
mod graph;
mod phones;
mod support;
mod trouble;
mod webhooks;
