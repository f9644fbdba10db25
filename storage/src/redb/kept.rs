//! The log rows that stay behind the fold: who follows the log and was away for a while reads them.

use redb::WriteTransaction;

use super::tables::{LOG, META, META_KEPT, META_UNWANTED};

/// What is kept of the folded log, and how much of it may be.
pub(super) struct Kept {
    /// The oldest log row that is there.
    pub(super) oldest: u64,
    /// Bytes of the folded rows that are there.
    pub(super) bytes: u64,
    pub(super) max_rows: u64,
    pub(super) max_bytes: u64,
    /// No row up to this one may stay.
    pub(super) unwanted: u64,
    /// Whether that is to be written down.
    pub(super) asked: bool,
}

impl Kept {
    /// How many of the rows up to `folded` are too many, `coming` bytes included: exact in rows, by their mean in bytes.
    pub(super) fn surplus(&self, folded: u64, coming: u64) -> u64 {
        let rows = (folded + 1).saturating_sub(self.oldest);
        let bytes = self.bytes + coming;
        let over = bytes.saturating_sub(self.max_bytes);
        let by_bytes = if over == 0 { 0 } else { over.saturating_mul(rows).div_ceil(bytes) };
        let unwanted = (self.unwanted + 1).saturating_sub(self.oldest);
        by_bytes.max(rows.saturating_sub(self.max_rows)).max(unwanted).min(rows)
    }

    /// From now on no row up to this one may stay.
    pub(super) fn forget(&mut self, last: u64) {
        self.unwanted = last;
        self.asked = true;
    }

    /// Writes down what was asked for since the last commit.
    pub(super) fn write_down(&mut self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        if std::mem::take(&mut self.asked) {
            transaction.open_table(META)?.insert(META_UNWANTED, self.unwanted.to_be_bytes().as_slice())?;
        }
        Ok(())
    }

    /// Counts the rows of a memtable that was folded wholly.
    pub(super) fn take(&mut self, transaction: &WriteTransaction, bytes: u64) -> Result<(), redb::Error> {
        self.bytes += bytes;
        self.write(transaction)
    }

    /// Deletes the oldest rows up to `freed` that are too many, `quota` at the most.
    pub(super) fn trim(&mut self, transaction: &WriteTransaction, freed: u64, quota: u64) -> Result<(), redb::Error> {
        let count = self.surplus(freed, 0).min(quota);
        if count == 0 {
            return Ok(());
        }
        let end = self.oldest + count;
        let mut log = transaction.open_table(LOG)?;
        let mut gone = 0;
        log.retain_in(self.oldest..end, |_, row| {
            gone += row.len() as u64;
            false
        })?;
        self.bytes = self.bytes.saturating_sub(gone);
        self.oldest = end;
        self.write(transaction)
    }

    fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        transaction.open_table(META)?.insert(META_KEPT, self.bytes.to_be_bytes().as_slice())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(oldest: u64, bytes: u64) -> Kept {
        Kept { oldest, bytes, max_rows: 10, max_bytes: 1_000, unwanted: 0, asked: false }
    }

    #[test]
    fn nothing_is_too_much_up_to_both_bounds() {
        assert_eq!(kept(1, 1_000).surplus(10, 0), 0);
        assert_eq!(kept(11, 0).surplus(10, 0), 0);
        assert_eq!(kept(5, 0).surplus(3, 0), 0);
    }

    #[test]
    fn what_is_over_either_bound_is_too_much() {
        assert_eq!(kept(1, 100).surplus(13, 0), 3);
        assert_eq!(kept(1, 2_000).surplus(10, 0), 5);
        assert_eq!(kept(1, 1_000).surplus(10, 1), 1);
        assert_eq!(kept(1, 1_000_000).surplus(1, 0), 1);
        let mut unwanted = kept(3, 0);
        unwanted.forget(5);
        assert_eq!((unwanted.surplus(4, 0), unwanted.surplus(9, 0)), (2, 3));
    }
}
