//! Reading the log: committed rows after a given one, as owned values.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use redb::ReadableTable;

use super::log::{self, Record};
use super::memtable::Op;
use super::read::Reader;
use super::tables::LOG;
use super::{io_text, rows};
use crate::keys::{self, Subject};
use crate::{Entry, LogPage, LogSeq, Logged, LoggedValue, StoreError};

/// Rows of a page at the most.
const MAX_ROWS: usize = 1_000;
/// A page ends with the row that reaches this.
const MAX_BYTES: usize = 1 << 20;

pub(super) fn page(reader: &Reader, after: LogSeq, limit: usize) -> Result<LogPage, StoreError> {
    // Not further than this: a row is committed a moment before readers see what it changed.
    let newest = *reader.shared.committed.borrow();
    let table = reader.shared.table(LOG)?;
    let first = table.first().map_err(|error| io_text(&error))?;
    let cut = reader.shared.cut.load(Ordering::Acquire);
    let oldest = first.map_or(newest.0 + 1, |(seq, _)| seq.value()).max(cut + 1);
    let mut page = LogPage { oldest: LogSeq(oldest.min(newest.0 + 1)), newest, rows: Vec::new() };
    // An empty range of this kind would be refused with a panic.
    let from = after.0.max(cut);
    if from >= newest.0 {
        return Ok(page);
    }
    let mut bytes = 0;
    for row in table.range(from + 1..=newest.0).map_err(|error| io_text(&error))? {
        let (seq, row) = row.map_err(|error| io_text(&error))?;
        bytes += row.value().len();
        page.rows.push(logged(LogSeq(seq.value()), log::decode(Bytes::copy_from_slice(row.value()))?)?);
        if page.rows.len() >= limit.clamp(1, MAX_ROWS) || bytes >= MAX_BYTES {
            break;
        }
    }
    Ok(page)
}

fn logged(seq: LogSeq, record: Record) -> Result<Logged, StoreError> {
    let mut values = Vec::with_capacity(record.ops.len());
    for op in record.ops {
        values.extend(match op {
            Op::Put(key, value) | Op::PutNew(key, value) => written(&key, &value)?,
            Op::Delete(key) => removed(&key),
        });
    }
    Ok(Logged { seq, values })
}

fn written(key: &[u8], value: &Bytes) -> Result<Option<LoggedValue>, StoreError> {
    let Some(subject) = keys::subject(key) else { return Ok(None) };
    Ok(Some(match subject {
        Subject::Head(id) => LoggedValue::Head(id, rows::read_head(value)?),
        Subject::Entry(id, index) => LoggedValue::Entry(id, Entry { index, payload: rows::read_opaque(value)? }),
        Subject::Message(id) => LoggedValue::Message(id, rows::read_message(value)?),
        Subject::Standing(id) => LoggedValue::Standing(id, rows::read_standing(value)?.into()),
        Subject::Letter(id) => LoggedValue::DeadLetter(rows::read_letter(id, value)?),
        Subject::Quarantine(id) => LoggedValue::Quarantined(id, rows::read_quarantined(value)?),
        Subject::Notice(id) => LoggedValue::Notice(id, rows::read_notice(value)?),
        Subject::Document(kind, key) => LoggedValue::Document((kind, key, Some(rows::read_opaque(value)?))),
    }))
}

/// Of what is removed only documents are told: rows that grew too old are nobody's news.
fn removed(key: &[u8]) -> Option<LoggedValue> {
    match keys::subject(key)? {
        Subject::Document(kind, key) => Some(LoggedValue::Document((kind, key, None))),
        _ => None,
    }
}
