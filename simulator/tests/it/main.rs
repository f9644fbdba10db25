//! The simulator from outside: over HTTP, with a receiver in the place of the engine.

mod control;
mod graph;
mod phones;
mod support;
mod trouble;
mod webhooks;
