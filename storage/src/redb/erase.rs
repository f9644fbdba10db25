//! Erasing: a reader finds the rows of what is to go; the writer removes those that are still there.

use std::sync::Arc;

use super::batch::{Batch, Ledger};
use super::log::Record;
use super::memtable::Op;
use super::ops::{erase_head_ops, erase_send_ops};
use super::queries::damaged_key;
use super::read::{Order, Reader, Span};
use crate::keys::{self, Key};
use crate::{Alias, ContactId, ConversationId, Erase, Revision, SendId, StoreError, rows};

/// A row that is to go.
#[derive(Debug)]
pub(super) struct Doomed {
    what: What,
    /// Only while this conversation stands there.
    only_at: Option<(ConversationId, Revision)>,
}

#[derive(Debug)]
enum What {
    /// A history entry.
    Entry(Key),
    Send(SendId),
    Head(ConversationId),
    Inbox(u64),
    /// Only while none of these conversations exists.
    Alias(Alias, ContactId, Arc<[ConversationId]>),
    /// Of a list whose keys are a prefix and a number.
    Row {
        kind: u8,
        number: u64,
        key: Key,
    },
}

/// Up to `limit` rows of what is to go, in its order.
pub(super) fn find(reader: &Reader, what: Vec<Erase>, limit: usize) -> Result<Vec<Doomed>, StoreError> {
    let mut found = Vec::new();
    for what in what {
        if found.len() >= limit {
            break;
        }
        match what {
            Erase::Conversation { id, revision } => conversation(reader, id, revision, limit, &mut found)?,
            Erase::History { id, below } => {
                let span = Span::prefix(&keys::history(id)).below(keys::entry(id, below));
                entries(reader, span, None, limit, &mut found)?;
            }
            Erase::Inbox(seq) => found.extend(reader.is_pending(seq.0).then(|| always(What::Inbox(seq.0)))),
            Erase::Alias(id, contact) => alias(reader, id, contact, Arc::default(), &mut found)?,
            Erase::AliasOfNobody(id, contact, without) => alias(reader, id, contact, without, &mut found)?,
            Erase::DeadLetter(id) => {
                row(reader, keys::LETTER, id, keys::letter(id), &mut found)?;
                row(reader, keys::RESOLVED, id, keys::resolved(id), &mut found)?;
            }
            Erase::Quarantined(id) => row(reader, keys::QUARANTINE, id, keys::quarantine(id), &mut found)?,
            Erase::Notice(id) => row(reader, keys::NOTICE, id, keys::notice(id), &mut found)?,
        }
    }
    Ok(found)
}

fn always(what: What) -> Doomed {
    Doomed { what, only_at: None }
}

/// What is not there must not take the room of what is.
fn is_there(reader: &Reader, key: &Key) -> Result<bool, StoreError> {
    Ok(reader.get(std::slice::from_ref(key))?.iter().any(Option::is_some))
}

fn alias(
    reader: &Reader,
    alias: Alias,
    contact: ContactId,
    without: Arc<[ConversationId]>,
    found: &mut Vec<Doomed>,
) -> Result<(), StoreError> {
    let known = reader.get(&[keys::alias(&alias)])?.pop().flatten();
    let is_theirs = known.map(|row| rows::read_contact(&row)).transpose()? == Some(contact);
    for id in without.iter().filter(|_| is_theirs) {
        if is_there(reader, &keys::head(*id))? {
            return Ok(());
        }
    }
    found.extend(is_theirs.then(|| always(What::Alias(alias, contact, without))));
    Ok(())
}

fn row(reader: &Reader, kind: u8, number: u64, key: Key, found: &mut Vec<Doomed>) -> Result<(), StoreError> {
    if is_there(reader, &key)? {
        found.push(always(What::Row { kind, number, key }));
    }
    Ok(())
}

/// History first, then the outbox, and the state when nothing else is left.
fn conversation(
    reader: &Reader,
    id: ConversationId,
    revision: Option<Revision>,
    limit: usize,
    found: &mut Vec<Doomed>,
) -> Result<(), StoreError> {
    let only_at = revision.map(|revision| (id, revision));
    entries(reader, Span::prefix(&keys::history(id)), only_at, limit, found)?;
    let left = limit - found.len();
    // The oldest first; two halves each.
    let halves = reader.scan(Span::prefix(&keys::outbox(id)), Order::Falling, 2 * left)?;
    let mut last = None;
    for (key, _) in &halves {
        let send = keys::send_of(key).ok_or_else(damaged_key)?;
        if last.replace(send) != Some(send) && found.len() < limit {
            found.push(Doomed { what: What::Send(send), only_at });
        }
    }
    if found.len() < limit && is_there(reader, &keys::head(id))? {
        found.push(Doomed { what: What::Head(id), only_at });
    }
    Ok(())
}

fn entries(
    reader: &Reader,
    span: Span,
    only_at: Option<(ConversationId, Revision)>,
    limit: usize,
    found: &mut Vec<Doomed>,
) -> Result<(), StoreError> {
    let rows = reader.scan(span, Order::Rising, limit - found.len())?;
    found.extend(rows.into_iter().map(|(key, _)| Doomed { what: What::Entry(key), only_at }));
    Ok(())
}

impl Ledger {
    /// Removes what is still there. Answers how many.
    pub(super) fn erase(&mut self, batch: &mut Batch, doomed: Vec<Doomed>) -> Result<usize, StoreError> {
        let mut record = Record { consumed: Vec::new(), ops: Vec::with_capacity(4 * doomed.len()) };
        let (mut count, mut heads) = (0, Vec::new());
        for Doomed { what, only_at } in doomed {
            if let Some((id, revision)) = only_at
                && self.head(batch, id)?.map(|head| head.revision) != Some(revision)
            {
                continue;
            }
            if let What::Head(id) = &what {
                heads.push(*id);
            }
            count += usize::from(self.erase_one(batch, what, &mut record)?);
        }
        self.log(batch, record, count);
        // Only now: the rows before were judged by the state that goes with them.
        heads.iter().for_each(|id| self.forget_head(*id));
        Ok(count)
    }

    fn erase_one(&mut self, batch: &mut Batch, what: What, record: &mut Record) -> Result<bool, StoreError> {
        let ops = &mut record.ops;
        match what {
            What::Entry(key) => {
                let there = self.value(batch, &key)?.is_some();
                ops.extend(there.then_some(Op::Delete(key)));
                Ok(there)
            }
            What::Send(id) => {
                let row = self.value(batch, &keys::standing(id))?;
                let row = row.map(|row| rows::read_standing(&row)).transpose()?;
                row.iter().for_each(|row| erase_send_ops(ops, id, row));
                Ok(row.is_some())
            }
            What::Head(id) => {
                let head = self.head(batch, id)?;
                head.iter().for_each(|head| erase_head_ops(ops, id, head));
                Ok(head.is_some())
            }
            What::Inbox(seq) => {
                let pending = self.shared.inbox.read().contains(seq);
                let there = pending && batch.consume(seq);
                record.consumed.extend(there.then_some(seq));
                Ok(there)
            }
            What::Alias(alias, contact, without) => {
                let key = keys::alias(&alias);
                let known = self.value(batch, &key)?.map(|row| rows::read_contact(&row)).transpose()?;
                let mut is_theirs = known == Some(contact);
                for id in without.iter() {
                    is_theirs = is_theirs && self.head(batch, *id)?.is_none();
                }
                ops.extend(is_theirs.then_some(Op::Delete(key)));
                Ok(is_theirs)
            }
            What::Row { kind, number, key } => {
                let there = self.value(batch, &key)?.is_some();
                if there {
                    ops.push(Op::Delete(key));
                    let mark = keys::forgotten(kind);
                    let known = self.value(batch, &mark)?.map(|row| rows::read_number(&row)).transpose()?;
                    let here = ops.iter().rev().find_map(|op| match op {
                        Op::Put(key, value) if *key == mark => rows::read_number(value).ok(),
                        _ => None,
                    });
                    ops.push(Op::Put(mark, rows::number(number.max(known.max(here).unwrap_or(0)))));
                }
                Ok(there)
            }
        }
    }
}
