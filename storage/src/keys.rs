//! Keys of the folded table: a byte for the kind, then big-endian fields, so that scans come out in order.
//!
//! `FORMAT.md` lists them. Lists that are shown newest first are scanned backwards.

use crate::{Alias, ConversationId, SendId, SendState};

/// What a key is of, where its value means something by itself: not an index, not a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Head(ConversationId),
    Entry(ConversationId, u64),
    Message(SendId),
    Standing(SendId),
    Letter(u64),
    Quarantine(u64),
    Notice(u64),
    Document(Box<str>, Box<str>),
}

/// A key of the folded table.
pub(crate) type Key = Box<[u8]>;

pub(crate) const CONVERSATION: u8 = 1;
pub(crate) const WAKE: u8 = 2;
pub(crate) const ALIAS: u8 = 3;
pub(crate) const RECENT: u8 = 4;
pub(crate) const OPEN: u8 = 5;
pub(crate) const CREATED: u8 = 6;
pub(crate) const ATTENTION: u8 = 7;
pub(crate) const LETTER: u8 = 8;
pub(crate) const QUARANTINE: u8 = 9;
pub(crate) const DOCUMENT: u8 = 10;
pub(crate) const NOTICE: u8 = 11;
pub(crate) const FORGOTTEN: u8 = 12;
pub(crate) const RESOLVED: u8 = 13;

// The state between the newest entry and the newest message, so that a turn changes one place of the table.
const HISTORY: u8 = 0;
const HEAD: u8 = 1;
const OUTBOX: u8 = 2;
const MESSAGE: u8 = 0;
const STANDING: u8 = 1;

fn join(parts: &[&[u8]]) -> Key {
    parts.concat().into_boxed_slice()
}

/// The state of a conversation.
pub(crate) fn head(id: ConversationId) -> Key {
    join(&[&[CONVERSATION], &id.0, &[HEAD]])
}

/// What every history entry of a conversation starts with.
pub(crate) fn history(id: ConversationId) -> Key {
    join(&[&[CONVERSATION], &id.0, &[HISTORY]])
}

/// A history entry.
pub(crate) fn entry(id: ConversationId, index: u64) -> Key {
    join(&[&history(id), &index.to_be_bytes()])
}

/// What every outbox row of a conversation starts with.
pub(crate) fn outbox(id: ConversationId) -> Key {
    join(&[&[CONVERSATION], &id.0, &[OUTBOX]])
}

/// The outbox row that one of its halves belongs to.
pub(crate) fn send_of(key: &[u8]) -> Option<SendId> {
    let (conversation, rest) = key.get(1..)?.split_first_chunk::<16>()?;
    let (n, _half) = rest.strip_prefix(&[OUTBOX])?.split_first_chunk::<8>()?;
    Some(SendId { conversation: ConversationId(*conversation), n: !u64::from_be_bytes(*n) })
}

/// What the conversations of a business number that were last active before a time sort below.
pub(crate) fn recent_before(number: [u8; 4], time_ms: u64) -> Key {
    join(&[&[RECENT], &number, &time_ms.to_be_bytes()])
}

/// The unchanging half of an outbox row.
pub(crate) fn message(id: SendId) -> Key {
    half(id, MESSAGE)
}

/// The half of an outbox row that settlements change.
pub(crate) fn standing(id: SendId) -> Key {
    half(id, STANDING)
}

/// The newest row comes first.
fn half(id: SendId, half: u8) -> Key {
    join(&[&[CONVERSATION], &id.conversation.0, &[OUTBOX], &(!id.n).to_be_bytes(), &[half]])
}

/// A conversation that wants to be woken.
pub(crate) fn wake(at_ms: u64, id: ConversationId) -> Key {
    join(&[&[WAKE], &at_ms.to_be_bytes(), &id.0])
}

/// An id that leads to a person.
pub(crate) fn alias(alias: &Alias) -> Key {
    join(&[&[ALIAS], alias.0.as_bytes()])
}

/// A conversation in the order of last activity, within its business number.
pub(crate) fn recent(updated_ms: u64, id: ConversationId) -> Key {
    let (number, contact) = id.0.split_at(4);
    join(&[&[RECENT], number, &updated_ms.to_be_bytes(), contact])
}

/// An outbox row that is not settled.
pub(crate) fn open(id: SendId) -> Key {
    join(&[&[OPEN], &id.conversation.0, &id.n.to_be_bytes()])
}

/// An outbox row in the order of creation.
pub(crate) fn created(created_ms: u64, id: SendId) -> Key {
    join(&[&[CREATED], &created_ms.to_be_bytes(), &id.conversation.0, &id.n.to_be_bytes()])
}

/// What all outbox rows that were created before a time sort below.
pub(crate) fn created_before(time_ms: u64) -> Key {
    join(&[&[CREATED], &time_ms.to_be_bytes()])
}

/// Whether a state is rare and wants somebody's attention, so that it has an index of its own.
pub(crate) fn wants_attention(state: SendState) -> bool {
    matches!(state, SendState::Uncertain | SendState::Held | SendState::Dead | SendState::Failed)
}

/// What the index of such a state starts with.
pub(crate) fn attention_of(state: SendState) -> Key {
    join(&[&[ATTENTION, state as u8]])
}

/// An outbox row in such a state, in the order of creation.
pub(crate) fn attention(state: SendState, created_ms: u64, id: SendId) -> Key {
    join(&[&attention_of(state), &created_ms.to_be_bytes(), &id.conversation.0, &id.n.to_be_bytes()])
}

/// A dead letter.
pub(crate) fn letter(id: u64) -> Key {
    join(&[&[LETTER], &id.to_be_bytes()])
}

/// A dead letter that is resolved, under the number that it had.
pub(crate) fn resolved(id: u64) -> Key {
    join(&[&[RESOLVED], &id.to_be_bytes()])
}

/// A quarantined item.
pub(crate) fn quarantine(id: u64) -> Key {
    join(&[&[QUARANTINE], &id.to_be_bytes()])
}

/// Something that an account was told.
pub(crate) fn notice(id: u64) -> Key {
    join(&[&[NOTICE], &id.to_be_bytes()])
}

/// The newest number of a list of this kind that was removed: it is not given out again.
pub(crate) fn forgotten(kind: u8) -> Key {
    join(&[&[FORGOTTEN, kind]])
}

/// What every document of a kind starts with.
pub(crate) fn documents(kind: &str) -> Key {
    join(&[&[DOCUMENT], &(kind.len() as u64).to_be_bytes(), kind.as_bytes()])
}

/// A document.
pub(crate) fn document(kind: &str, key: &str) -> Key {
    join(&[&documents(kind), key.as_bytes()])
}

/// What a key is of; `None` for indexes, aliases and marks, and for what is no key.
pub(crate) fn subject(key: &[u8]) -> Option<Subject> {
    let (kind, rest) = key.split_first()?;
    match *kind {
        CONVERSATION => {
            let (id, rest) = rest.split_first_chunk::<16>()?;
            of_conversation(ConversationId(*id), rest)
        }
        LETTER | RESOLVED => Some(Subject::Letter(last_number(rest)?)),
        QUARANTINE => Some(Subject::Quarantine(last_number(rest)?)),
        NOTICE => Some(Subject::Notice(last_number(rest)?)),
        DOCUMENT => {
            let (length, names) = rest.split_first_chunk::<8>()?;
            let (kind, key) = names.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
            let text = |bytes| std::str::from_utf8(bytes).ok().map(Box::from);
            Some(Subject::Document(text(kind)?, text(key)?))
        }
        _ => None,
    }
}

fn of_conversation(id: ConversationId, rest: &[u8]) -> Option<Subject> {
    match rest {
        [HEAD] => Some(Subject::Head(id)),
        [HISTORY, index @ ..] => Some(Subject::Entry(id, last_number(index)?)),
        [OUTBOX, n @ .., MESSAGE] => Some(Subject::Message(SendId { conversation: id, n: !last_number(n)? })),
        [OUTBOX, n @ .., STANDING] => Some(Subject::Standing(SendId { conversation: id, n: !last_number(n)? })),
        _ => None,
    }
}

/// The first key after everything that starts with `prefix`.
pub(crate) fn after_prefix(prefix: &[u8]) -> Key {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end.into_boxed_slice()
}

/// The number that a key ends with.
pub(crate) fn last_number(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The outbox row that an index key ends with.
pub(crate) fn last_send(key: &[u8]) -> Option<SendId> {
    let (rest, n) = key.split_last_chunk::<8>()?;
    let conversation = ConversationId(*rest.last_chunk()?);
    Some(SendId { conversation, n: u64::from_be_bytes(*n) })
}

/// The time and the conversation of a wake key.
pub(crate) fn wake_parts(key: &[u8]) -> Option<(u64, ConversationId)> {
    let (rest, id) = key.split_last_chunk::<16>()?;
    Some((u64::from_be_bytes(*rest.last_chunk()?), ConversationId(*id)))
}

/// The time and the conversation of a recency key.
pub(crate) fn recent_parts(key: &[u8]) -> Option<(u64, ConversationId)> {
    let (number, rest) = key.get(1..)?.split_first_chunk::<4>()?;
    let (at, contact) = rest.split_first_chunk::<8>()?;
    let id = [number.as_slice(), contact].concat();
    Some((u64::from_be_bytes(*at), ConversationId(id.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_give_back_what_was_put_in() {
        let id = ConversationId(std::array::from_fn(|i| i as u8));
        let send = SendId { conversation: id, n: 7 };
        assert_eq!(wake_parts(&wake(5, id)), Some((5, id)));
        assert_eq!(recent_parts(&recent(6, id)), Some((6, id)));
        assert_eq!(last_send(&open(send)), Some(send));
        assert_eq!(last_send(&attention(SendState::Held, 1, send)), Some(send));
        assert_eq!(last_number(&letter(9)), Some(9));
        assert_eq!((send_of(&message(send)), send_of(&standing(send))), (Some(send), Some(send)));
        assert_eq!(send_of(&entry(id, 7)), None);
    }

    #[test]
    fn keys_tell_what_they_are_of() {
        let id = ConversationId([7; 16]);
        let send = SendId { conversation: id, n: 3 };
        assert_eq!(subject(&head(id)), Some(Subject::Head(id)));
        assert_eq!(subject(&entry(id, 5)), Some(Subject::Entry(id, 5)));
        assert_eq!(subject(&message(send)), Some(Subject::Message(send)));
        assert_eq!(subject(&standing(send)), Some(Subject::Standing(send)));
        assert_eq!(subject(&letter(1)), Some(Subject::Letter(1)));
        assert_eq!(subject(&resolved(1)), Some(Subject::Letter(1)));
        assert_eq!(subject(&quarantine(2)), Some(Subject::Quarantine(2)));
        assert_eq!(subject(&notice(3)), Some(Subject::Notice(3)));
        assert_eq!(subject(&document("kind", "kéy")), Some(Subject::Document("kind".into(), "kéy".into())));
        let index = [open(send), wake(1, id), recent(1, id), created(1, send), alias(&Alias("wa:1".into()))];
        for key in index.iter().map(|key| &**key).chain([&b""[..], b"\x01", b"\x0a\0\0\0\0\0\0\0\x09kind"]) {
            assert_eq!(subject(key), None, "{key:?}");
        }
    }

    #[test]
    fn end_of_a_prefix_carries_over_full_bytes() {
        assert_eq!(*after_prefix(&[1, 2]), [1, 3]);
        assert_eq!(*after_prefix(&[1, 255, 255]), [2]);
        assert!(after_prefix(&[255]).is_empty());
    }

    #[test]
    fn documents_of_a_kind_are_not_those_of_a_longer_one() {
        let end = after_prefix(&documents("bot"));
        assert!(document("bot", "x") < end);
        assert!(document("bots", "") > end || document("bots", "") < documents("bot"));
    }
}
