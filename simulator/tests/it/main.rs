//! The simulator from outside: over HTTP, with a receiver in the place of the engine.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

mod control;
mod drafts;
mod flows;
mod forms;
mod graph;
mod late;
mod media;
mod parity;
mod people;
mod phones;
mod standing;
mod support;
mod templates;
mod trouble;
mod webhooks;
