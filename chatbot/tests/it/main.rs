//! The crate from outside: transcripts, diagnostics, imports, caps, determinism.
#![allow(clippy::unwrap_used)] // helpers of tests are tests, too

mod bless;
mod bombs;
mod bursts;
mod caps;
mod determinism;
mod diagnostics;
mod diff;
mod export;
mod expressions;
mod forms;
mod graph;
mod guide;
mod http;
mod imports;
mod imports_hostile;
mod imports_played;
mod limits;
mod migrate;
mod properties;
mod samples;
mod sending;
mod support;
mod testing;
mod timed;
mod transcripts;
mod unsent;
