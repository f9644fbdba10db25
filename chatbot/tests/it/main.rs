//! The crate from outside: transcripts, diagnostics, imports, caps, determinism.

mod caps;
mod diagnostics;
mod imports;
mod properties;
mod samples;
mod support;
mod transcripts;
