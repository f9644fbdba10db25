//! Log rows: what one turn, one group of settlements or one document changed, as final values.
//!
//! Being final, a row can be applied again over a table that holds some of it already: the last value wins.
//! Layout: version, count and numbers of the consumed inbox rows, then per change a tag, the key and the value, both
//! with their length. Numbers are big-endian; lengths and counts have four bytes.

use bytes::{Buf, BufMut, Bytes};

use super::memtable::Op;
use crate::StoreError;

const VERSION: u8 = 1;
const DELETE: u8 = 0;
const PUT: u8 = 1;

/// A committed change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) consumed: Vec<u64>,
    pub(super) ops: Vec<Op>,
}

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let total: usize = record.ops.iter().map(|op| 9 + op.bytes()).sum();
    let mut row = Vec::with_capacity(5 + record.consumed.len() * 8 + total);
    row.put_u8(VERSION);
    row.put_u32(record.consumed.len() as u32);
    record.consumed.iter().for_each(|seq| row.put_u64(*seq));
    for op in &record.ops {
        match op {
            Op::Put(key, value) | Op::PutNew(key, value) => {
                row.put_u8(PUT);
                put_text(&mut row, key);
                put_text(&mut row, value);
            }
            Op::Delete(key) => {
                row.put_u8(DELETE);
                put_text(&mut row, key);
            }
        }
    }
    row
}

fn put_text(row: &mut Vec<u8>, text: &[u8]) {
    row.put_u32(text.len() as u32);
    row.extend_from_slice(text);
}

/// Reads a row back. No change is told to be of a new key: the folded table may hold later ones already.
pub(super) fn decode(mut row: Bytes) -> Result<Record, StoreError> {
    read(&mut row).ok_or_else(|| StoreError::Corrupt("a log row".into()))
}

fn read(row: &mut Bytes) -> Option<Record> {
    if row.try_get_u8().ok()? != VERSION {
        return None;
    }
    let count = row.try_get_u32().ok()?;
    let mut record = Record::default();
    for _ in 0..count {
        record.consumed.push(row.try_get_u64().ok()?);
    }
    while row.has_remaining() {
        let tag = row.get_u8();
        let key = Box::from(&*text(row)?);
        record.ops.push(match tag {
            PUT => Op::Put(key, text(row)?),
            DELETE => Op::Delete(key),
            _ => return None,
        });
    }
    Some(record)
}

fn text(row: &mut Bytes) -> Option<Bytes> {
    let length = row.try_get_u32().ok()? as usize;
    (length <= row.len()).then(|| row.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let ops = vec![
            Op::Put(Box::from(*b"key"), Bytes::from_static(b"value")),
            Op::Delete(Box::from(*b"")),
            Op::Put(Box::from(*b"other"), Bytes::new()),
        ];
        Record { consumed: vec![1, u64::MAX], ops }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        assert_eq!(decode(encode(&record()).into()), Ok(record()));
    }

    #[test]
    fn cut_rows_are_errors_or_shorter_and_never_panics() {
        let row = Bytes::from(encode(&record()));
        for end in 0..row.len() {
            if let Ok(read) = decode(row.slice(..end)) {
                assert!(read.ops.len() < record().ops.len());
            }
        }
    }
}
