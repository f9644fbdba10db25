//! The lists: which ranges are scanned, and how far.
//!
//! A list that goes through an index reads the rows in a second step; a row that changed in between is shown as it is
//! then, and left out if it no longer belongs.

use bytes::Bytes;

use super::read::{Order, Reader, Span};
use crate::keys::{self, Key};
use crate::{
    ConversationId, DeadLetter, Entry, Head, Listed, Notice, Page, Quarantined, Send, SendId, SendState, StoreError,
    rows,
};

/// Rows of the outbox that one page looks at when the wanted state has no index.
const LOOKED_AT: usize = 2_000;
/// The longest page.
const MAX_PAGE: usize = 1_000;

pub(super) fn wakes_due(
    reader: &Reader,
    after: Option<(u64, ConversationId)>,
    until_ms: u64,
    limit: usize,
) -> Result<Vec<(u64, ConversationId)>, StoreError> {
    let mut span = Span::prefix(&[keys::WAKE]);
    if let Some((at_ms, id)) = after {
        span = span.above(keys::wake(at_ms, id));
    }
    if let Some(end) = until_ms.checked_add(1) {
        span = span.below(keys::wake(end, ConversationId([0; 16])));
    }
    let found = reader.scan(span, Order::Rising, limit)?;
    found.iter().map(|(key, _)| keys::wake_parts(key).ok_or_else(damaged_key)).collect()
}

pub(super) fn open_sends(reader: &Reader, mut after: Option<SendId>, limit: usize) -> Result<Vec<Send>, StoreError> {
    let mut open = Vec::new();
    while open.len() < limit {
        let mut span = Span::prefix(&[keys::OPEN]);
        if let Some(after) = after {
            span = span.above(keys::open(after));
        }
        let wanted = limit - open.len();
        let found = reader.scan(span, Order::Rising, wanted)?;
        let ids = send_ids(&found)?;
        open.extend(load_sends(reader, &ids)?.into_iter().filter(|send| !send.state.is_settled()));
        if found.len() < wanted {
            break;
        }
        after = ids.last().copied();
    }
    Ok(open)
}

pub(super) fn conversations(
    reader: &Reader,
    prefix: Option<[u8; 4]>,
    page: &Page,
) -> Result<Listed<(ConversationId, Head)>, StoreError> {
    let Some(before) = position::<24>(page) else { return Ok(nothing()) };
    let limit = limit_of(page);
    let mut found = Vec::new();
    let numbers = match prefix {
        Some(prefix) => vec![prefix],
        None => business_numbers(reader)?,
    };
    for number in numbers {
        let mut span = Span::prefix(&[&[keys::RECENT], number.as_slice()].concat());
        if let Some(before) = &before {
            span = span.below(recent_bound(number, before));
        }
        for (key, _) in reader.scan(span, Order::Falling, limit + 1)? {
            found.push(keys::recent_parts(&key).ok_or_else(damaged_key)?);
        }
    }
    found.sort_by_key(|place| std::cmp::Reverse(*place));
    let next = cut(&mut found, limit, |(at, id)| [&at.to_be_bytes()[..], &id.0].concat());
    let heads = reader.get(&found.iter().map(|(_, id)| keys::head(*id)).collect::<Vec<_>>())?;
    let rows = found.iter().zip(heads).filter_map(|((_, id), head)| Some((*id, head?)));
    let items = rows.map(|(id, head)| Ok((id, rows::read_head(&head)?))).collect::<Result<_, StoreError>>()?;
    Ok(Listed { items, next })
}

pub(super) fn idle_conversations(
    reader: &Reader,
    after: Option<(u64, ConversationId)>,
    before_ms: u64,
    limit: usize,
) -> Result<Vec<(u64, ConversationId)>, StoreError> {
    let mut idle = Vec::new();
    for number in business_numbers(reader)? {
        let mut span = Span::prefix(&[&[keys::RECENT], number.as_slice()].concat());
        span = span.below(keys::recent_before(number, before_ms));
        match after.map(|(at_ms, id)| (at_ms, id, *id.0.first_chunk::<4>().expect("an id has sixteen bytes"))) {
            Some((_, _, last)) if last > number => continue,
            Some((at_ms, id, last)) if last == number => span = span.above(keys::recent(at_ms, id)),
            _ => {}
        }
        for (key, _) in reader.scan(span, Order::Rising, limit - idle.len())? {
            idle.push(keys::recent_parts(&key).ok_or_else(damaged_key)?);
        }
    }
    Ok(idle)
}

/// The business numbers that have conversations: few, so each costs a look.
fn business_numbers(reader: &Reader) -> Result<Vec<[u8; 4]>, StoreError> {
    let mut numbers = Vec::new();
    let mut span = Span::prefix(&[keys::RECENT]);
    while let Some((key, _)) = reader.scan(span.clone(), Order::Rising, 1)?.pop() {
        let (_, id) = keys::recent_parts(&key).ok_or_else(damaged_key)?;
        let number = *id.0.first_chunk().expect("an id has sixteen bytes");
        numbers.push(number);
        let next = keys::after_prefix(&[&[keys::RECENT], number.as_slice()].concat());
        span.from = std::ops::Bound::Included(next);
    }
    Ok(numbers)
}

/// Where a list over all numbers, cut at (time, conversation), is cut within one of them.
fn recent_bound(number: [u8; 4], before: &[u8; 24]) -> Key {
    let (at, id) = before.split_at(8);
    let (of, contact) = id.split_at(4);
    let mut bound = [&[keys::RECENT], number.as_slice(), at].concat();
    match number.as_slice().cmp(of) {
        std::cmp::Ordering::Less => bound = keys::after_prefix(&bound).into_vec(),
        std::cmp::Ordering::Equal => bound.extend_from_slice(contact),
        std::cmp::Ordering::Greater => {}
    }
    bound.into_boxed_slice()
}

pub(super) fn history(reader: &Reader, conversation: ConversationId, page: &Page) -> Result<Listed<Entry>, StoreError> {
    let found = numbered(reader, &keys::history(conversation), page)?;
    map_list(found, |index, value| Ok(Entry { index, payload: rows::read_opaque(&value)? }))
}

pub(super) fn history_from(
    reader: &Reader,
    conversation: ConversationId,
    index: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut span = Span::prefix(&keys::history(conversation));
    span.from = std::ops::Bound::Included(keys::entry(conversation, index));
    let rows = reader.scan(span, Order::Rising, limit.clamp(1, MAX_PAGE))?;
    let entry = |(key, value): (Key, Bytes)| {
        let index = keys::last_number(&key).ok_or_else(damaged_key)?;
        Ok(Entry { index, payload: rows::read_opaque(&value)? })
    };
    rows.into_iter().map(entry).collect()
}

pub(super) fn dead_letters(reader: &Reader, page: &Page) -> Result<Listed<DeadLetter>, StoreError> {
    map_list(numbered(reader, &[keys::LETTER], page)?, |id, value| rows::read_letter(id, &value))
}

pub(super) fn resolved_letters(reader: &Reader, page: &Page) -> Result<Listed<DeadLetter>, StoreError> {
    map_list(numbered(reader, &[keys::RESOLVED], page)?, |id, value| rows::read_letter(id, &value))
}

/// The keys of dead letters, two for each.
pub(super) fn letter_keys(ids: &[u64]) -> Vec<Key> {
    ids.iter().flat_map(|id| [keys::letter(*id), keys::resolved(*id)]).collect()
}

/// What was read under [`letter_keys`].
pub(super) fn read_letters(ids: &[u64], values: &[Option<Bytes>]) -> Result<Vec<Option<DeadLetter>>, StoreError> {
    let read = |(id, values): (&u64, &[Option<Bytes>])| {
        values.iter().flatten().next().map(|row| rows::read_letter(*id, row)).transpose()
    };
    ids.iter().zip(values.chunks(2)).map(read).collect()
}

pub(super) fn quarantine(reader: &Reader, page: &Page) -> Result<Listed<(u64, Quarantined)>, StoreError> {
    map_list(numbered(reader, &[keys::QUARANTINE], page)?, |id, value| Ok((id, rows::read_quarantined(&value)?)))
}

pub(super) fn quarantine_from(reader: &Reader, id: u64, limit: usize) -> Result<Vec<(u64, Quarantined)>, StoreError> {
    let mut span = Span::prefix(&[keys::QUARANTINE]);
    span.from = std::ops::Bound::Included(keys::quarantine(id));
    let rows = reader.scan(span, Order::Rising, limit.clamp(1, MAX_PAGE))?;
    let row = |(key, value): (Key, Bytes)| {
        let id = keys::last_number(&key).ok_or_else(damaged_key)?;
        Ok((id, rows::read_quarantined(&value)?))
    };
    rows.into_iter().map(row).collect()
}

pub(super) fn notices(reader: &Reader, page: &Page) -> Result<Listed<(u64, Notice)>, StoreError> {
    map_list(numbered(reader, &[keys::NOTICE], page)?, |id, value| Ok((id, rows::read_notice(&value)?)))
}

/// A list whose keys are a prefix and a number.
fn numbered(reader: &Reader, prefix: &[u8], page: &Page) -> Result<Listed<(u64, Bytes)>, StoreError> {
    let Some(before) = position::<8>(page) else { return Ok(nothing()) };
    let mut span = Span::prefix(prefix);
    if let Some(before) = before {
        span = span.below([prefix, &before].concat().into_boxed_slice());
    }
    let limit = limit_of(page);
    let mut items = Vec::new();
    for (key, value) in reader.scan(span, Order::Falling, limit + 1)? {
        items.push((keys::last_number(&key).ok_or_else(damaged_key)?, value));
    }
    let next = cut(&mut items, limit, |(number, _)| number.to_be_bytes().to_vec());
    Ok(Listed { items, next })
}

fn map_list<T>(
    list: Listed<(u64, Bytes)>,
    read: impl Fn(u64, Bytes) -> Result<T, StoreError>,
) -> Result<Listed<T>, StoreError> {
    let items = list.items.into_iter().map(|(number, value)| read(number, value)).collect::<Result<_, _>>()?;
    Ok(Listed { items, next: list.next })
}

pub(super) fn outbox(reader: &Reader, state: Option<SendState>, page: &Page) -> Result<Listed<Send>, StoreError> {
    let Some(before) = position::<32>(page) else { return Ok(nothing()) };
    let index = state.filter(|state| keys::wants_attention(*state));
    let prefix = index.map_or_else(|| Key::from([keys::CREATED]), keys::attention_of);
    let mut span = Span::prefix(&prefix);
    if let Some(before) = before {
        span = span.below([&*prefix, &before].concat().into_boxed_slice());
    }
    let limit = limit_of(page);
    let through = if state.is_some() && index.is_none() { LOOKED_AT } else { limit };
    let mut found = reader.scan(span, Order::Falling, through + 1)?;
    let mut next = cut(&mut found, through, |(key, _)| key.get(prefix.len()..).unwrap_or_default().to_vec());
    let mut items = load_sends(reader, &send_ids(&found)?)?;
    items.retain(|send| state.is_none_or(|state| send.state == state));
    let place = |send: &Send| {
        let id = send.id;
        [&send.created_ms.to_be_bytes()[..], &id.conversation.0, &id.n.to_be_bytes()].concat()
    };
    next = cut(&mut items, limit, place).or(next);
    Ok(Listed { items, next })
}

pub(super) fn documents(
    reader: &Reader,
    kind: &str,
    after_key: Option<&str>,
    limit: usize,
) -> Result<Vec<(Box<str>, Bytes)>, StoreError> {
    let prefix = keys::documents(kind);
    let mut span = Span::prefix(&prefix);
    if let Some(after) = after_key {
        span = span.above(keys::document(kind, after));
    }
    let found = reader.scan(span, Order::Rising, limit)?;
    let read = |(key, value): (Key, Bytes)| {
        let name = key.get(prefix.len()..).and_then(|name| std::str::from_utf8(name).ok());
        Ok((name.ok_or_else(damaged_key)?.into(), rows::read_opaque(&value)?))
    };
    found.into_iter().map(read).collect()
}

/// The keys of outbox rows, two for each.
pub(super) fn send_keys(ids: &[SendId]) -> Vec<Key> {
    ids.iter().flat_map(|id| [keys::message(*id), keys::standing(*id)]).collect()
}

/// What was read under [`send_keys`].
pub(super) fn read_sends(ids: &[SendId], values: &[Option<Bytes>]) -> Result<Vec<Option<Send>>, StoreError> {
    let read = |(id, values): (&SendId, &[Option<Bytes>])| match values {
        [Some(message), Some(standing)] => rows::read_send(*id, message, standing).map(Some),
        _ => Ok(None),
    };
    ids.iter().zip(values.chunks(2)).map(read).collect()
}

fn load_sends(reader: &Reader, ids: &[SendId]) -> Result<Vec<Send>, StoreError> {
    let values = reader.get(&send_keys(ids))?;
    Ok(read_sends(ids, &values)?.into_iter().flatten().collect())
}

pub(super) fn send_ids(found: &[(Key, Bytes)]) -> Result<Vec<SendId>, StoreError> {
    found.iter().map(|(key, _)| keys::last_send(key).ok_or_else(damaged_key)).collect()
}

pub(super) fn damaged_key() -> StoreError {
    StoreError::Corrupt("a key of the folded table".into())
}

fn nothing<T>() -> Listed<T> {
    Listed { items: Vec::new(), next: None }
}

fn limit_of(page: &Page) -> usize {
    page.limit.clamp(1, MAX_PAGE)
}

/// Drops what is beyond the limit; answers with the cursor, if something was.
fn cut<T>(rows: &mut Vec<T>, limit: usize, place: impl Fn(&T) -> Vec<u8>) -> Option<Box<str>> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    rows.last().filter(|_| more).map(|row| hex::encode(place(row)).into_boxed_str())
}

/// The place that a cursor names: `Some(None)` without a cursor, `None` if no list gave it out.
#[expect(clippy::option_option, reason = "an absent cursor and a wrong one are different things")]
fn position<const N: usize>(page: &Page) -> Option<Option<[u8; N]>> {
    let Some(cursor) = &page.cursor else { return Some(None) };
    let mut place = [0; N];
    hex::decode_to_slice(cursor.as_bytes(), &mut place).ok()?;
    Some(Some(place))
}
