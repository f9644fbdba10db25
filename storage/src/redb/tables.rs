//! The tables of the file and the names in `meta`.

use redb::TableDefinition;

/// Name → value; see the constants below.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Number → accepted message.
pub(super) const INBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("inbox");
/// Number → committed change.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Key → last value, as far as the log was folded.
pub(super) const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");

/// What the file is: [`PRODUCT`].
pub(super) const META_PRODUCT: &str = "product";
/// The layout's number, 8 bytes big-endian as every number here.
pub(super) const META_SCHEMA: &str = "schema";
/// How often the file was opened.
pub(super) const META_EPOCH: &str = "epoch";
/// 16 random bytes.
pub(super) const META_SECRET: &str = "secret";
/// The newest log row that is folded wholly.
pub(super) const META_FOLDED: &str = "folded";
/// The newest log row that no opening needs any more: it is folded, and what it consumed is gone from the inbox.
pub(super) const META_FREED: &str = "freed";
/// Bytes of the log rows up to `folded` that are there.
pub(super) const META_KEPT: &str = "kept";
/// No log row up to this one may stay once it is folded.
pub(super) const META_UNWANTED: &str = "unwanted";
/// The stretches of the log: for each its first row, and 8 random bytes.
pub(super) const META_STRETCHES: &str = "stretches";
/// No inbox number up to this one is given out again.
pub(super) const META_INBOX: &str = "inbox";

pub(super) const PRODUCT: &[u8] = b"parlance";
/// The layout that this program writes.
pub(super) const SCHEMA: u64 = 2;
