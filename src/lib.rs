//! The parts of the `parlance` binary.

pub mod config;
pub mod telemetry;
