//! What Parlance keeps: records, the [`Store`] seam, the redb engine and the in-memory model it is tested against.
//!
//! This crate knows neither bots nor WhatsApp: snapshots, history entries and payloads are versioned bytes beside the
//! few fields that are indexed here. No redb type leaves it. File format and commit protocol: `FORMAT.md`.

mod keys;
mod model;
mod pending;
mod records;
mod redb;
mod rows;
mod store;

pub use self::redb::{
    Checked, CommitReport, CompactError, Compacted, Entropy, FreeSpace, Observe, OpenError, Options, RedbStore, check,
    check_on, compact,
};
pub use model::Model;
pub use pending::{Pending, Promise};
pub use records::*;
pub use store::*;
