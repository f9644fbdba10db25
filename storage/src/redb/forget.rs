//! Ageing: a reader finds what is old enough; the writer removes what still is.

use bytes::Bytes;

use super::queries::{damaged_key, send_ids};
use super::read::{Order, Reader, Span};
use crate::keys::{self, Key};
use crate::{Horizons, SendId, StoreError, rows};

/// The most that one call removes: the writer looks each row up again.
pub(super) const MOST: usize = 1_000;
/// Rows that are looked at in one step.
const STEP: usize = 256;

/// A row that may go.
#[derive(Debug)]
pub(super) enum Old {
    /// Of a list whose keys are a prefix and a number.
    Row { kind: u8, number: u64, key: Key },
    /// Of the outbox, unless it has changed since this time.
    Send { id: SendId, before_ms: u64 },
}

/// Up to `limit` rows that may go, the oldest of each kind first.
pub(super) fn find(reader: &Reader, before: &Horizons, limit: usize) -> Result<Vec<Old>, StoreError> {
    let mut found = Vec::new();
    let quarantined = |row: &Bytes| Ok(rows::read_quarantined(row)?.received_ms);
    numbered(reader, keys::QUARANTINE, before.quarantine_ms, limit, quarantined, &mut found)?;
    let noticed = |row: &Bytes| Ok(rows::read_notice(row)?.received_ms);
    numbered(reader, keys::NOTICE, before.notices_ms, limit, noticed, &mut found)?;
    let given_up = |row: &Bytes| Ok(rows::read_letter(0, row)?.at_ms);
    numbered(reader, keys::LETTER, before.dead_letters_ms, limit, given_up, &mut found)?;
    numbered(reader, keys::RESOLVED, before.dead_letters_ms, limit, given_up, &mut found)?;
    if let Some(before_ms) = before.outbox_ms {
        sends(reader, before_ms, limit, &mut found)?;
    }
    Ok(found)
}

fn numbered(
    reader: &Reader,
    kind: u8,
    before_ms: Option<u64>,
    limit: usize,
    time: impl Fn(&Bytes) -> Result<u64, StoreError>,
    found: &mut Vec<Old>,
) -> Result<(), StoreError> {
    let Some(before_ms) = before_ms else { return Ok(()) };
    let mut span = Span::prefix(&[kind]);
    while found.len() < limit {
        let rows = reader.scan(span.clone(), Order::Rising, STEP.min(limit - found.len()))?;
        let Some((last, _)) = rows.last() else { break };
        span = span.above(last.clone());
        for (key, row) in rows {
            if time(&row)? >= before_ms {
                return Ok(());
            }
            let number = keys::last_number(&key).ok_or_else(damaged_key)?;
            found.push(Old::Row { kind, number, key });
        }
    }
    Ok(())
}

fn sends(reader: &Reader, before_ms: u64, limit: usize, found: &mut Vec<Old>) -> Result<(), StoreError> {
    let mut span = Span::prefix(&[keys::CREATED]).below(keys::created_before(before_ms));
    while found.len() < limit {
        let ids = send_ids(&reader.scan(span.clone(), Order::Rising, STEP)?)?;
        let standings = reader.get(&ids.iter().map(|id| keys::standing(*id)).collect::<Vec<_>>())?;
        let mut last = None;
        for (id, standing) in ids.into_iter().zip(standings) {
            let Some(row) = standing.map(|row| rows::read_standing(&row)).transpose()? else { continue };
            last = Some(keys::created(row.created_ms, id));
            if row.is_older(before_ms) && found.len() < limit {
                found.push(Old::Send { id, before_ms });
            }
        }
        let Some(last) = last else { break };
        span = span.above(last);
    }
    Ok(())
}
