//! Values of the file: a version byte, a MessagePack header of ours, then opaque bytes if the row has any.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    ContactId, ConversationId, DeadLetter, Head, Inbound, InboxSeq, LoggedMessage, NewDeadLetter, Notice, Quarantined,
    Revision, Send, SendId, SendState, Standing, StoreError,
};

/// The only version so far, of every kind of row.
const VERSION: u8 = 1;

/// What is known of a conversation beside its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadRow {
    pub(crate) revision: Revision,
    pub(crate) next_send: u64,
    pub(crate) next_entry: u64,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    pub(crate) wake_ms: Option<u64>,
}

/// The unchanging part of an outbox row; the payload follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRow {
    pub(crate) nonce: u32,
    pub(crate) created_ms: u64,
}

/// The part of an outbox row that settlements change. Repeats nonce and creation so that it can be judged alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StandingRow {
    pub(crate) nonce: u32,
    pub(crate) created_ms: u64,
    pub(crate) state: SendState,
    pub(crate) attempts: u32,
    pub(crate) updated_ms: u64,
    pub(crate) due_ms: u64,
    pub(crate) wamid: Option<Box<str>>,
    pub(crate) error: Option<Bytes>,
    pub(crate) lettered: bool,
    /// Not in rows that were written before there were prices.
    #[serde(default)]
    pub(crate) price: Option<Bytes>,
}

impl StandingRow {
    /// Whether it is settled and has stood as it is since before this time.
    pub(crate) fn is_older(&self, before_ms: u64) -> bool {
        self.state.is_settled() && self.created_ms < before_ms && self.updated_ms < before_ms
    }

    /// A row that was just decided.
    pub(crate) fn queued(nonce: u32, at_ms: u64) -> Self {
        Self {
            nonce,
            created_ms: at_ms,
            state: SendState::Queued,
            attempts: 0,
            updated_ms: at_ms,
            due_ms: at_ms,
            wamid: None,
            error: None,
            lettered: false,
            price: None,
        }
    }
}

/// A dead letter without its id; the payload follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LetterRow {
    conversation: ConversationId,
    at_ms: u64,
    inbox: Option<InboxSeq>,
    send: Option<SendId>,
    reason: Box<str>,
    /// Not in rows that were written before letters could be resolved.
    #[serde(default)]
    resolution: Option<Bytes>,
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(what.into())
}

/// Version, header, opaque rest.
fn encode<T: Serialize>(header: &T, rest: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(64 + rest.len());
    bytes.push(VERSION);
    rmp_serde::encode::write(&mut bytes, header).expect("writing plain records to memory cannot fail");
    bytes.extend_from_slice(rest);
    bytes.into()
}

fn decode<T: DeserializeOwned>(what: &str, bytes: &Bytes) -> Result<(T, Bytes), StoreError> {
    let Some((&VERSION, mut body)) = bytes.split_first() else { return Err(damaged(what)) };
    let header = rmp_serde::from_read(&mut body).map_err(|_| damaged(what))?;
    Ok((header, bytes.slice(bytes.len() - body.len()..)))
}

pub(crate) fn head(row: &HeadRow, snapshot: &[u8]) -> Bytes {
    encode(row, snapshot)
}

pub(crate) fn read_head_row(bytes: &Bytes) -> Result<HeadRow, StoreError> {
    Ok(decode("the state of a conversation", bytes)?.0)
}

pub(crate) fn read_head(bytes: &Bytes) -> Result<Head, StoreError> {
    let (row, snapshot): (HeadRow, Bytes) = decode("the state of a conversation", bytes)?;
    let HeadRow { revision, next_send, next_entry, created_ms, updated_ms, wake_ms } = row;
    Ok(Head { revision, next_send, next_entry, created_ms, updated_ms, wake_ms, snapshot })
}

pub(crate) fn message(row: &MessageRow, payload: &[u8]) -> Bytes {
    encode(row, payload)
}

pub(crate) fn standing(row: &StandingRow) -> Bytes {
    encode(row, &[])
}

pub(crate) fn read_standing(bytes: &Bytes) -> Result<StandingRow, StoreError> {
    Ok(decode("the standing of an outbox row", bytes)?.0)
}

pub(crate) fn read_send(id: SendId, message: &Bytes, standing: &Bytes) -> Result<Send, StoreError> {
    let (MessageRow { nonce, created_ms }, payload) = decode("an outbox row", message)?;
    let StandingRow { state, attempts, updated_ms, due_ms, wamid, error, price, .. } = read_standing(standing)?;
    Ok(Send { id, nonce, state, attempts, created_ms, updated_ms, due_ms, wamid, payload, error, price })
}

pub(crate) fn read_message(bytes: &Bytes) -> Result<LoggedMessage, StoreError> {
    let (MessageRow { nonce, created_ms }, payload) = decode("an outbox row", bytes)?;
    Ok(LoggedMessage { nonce, created_ms, payload })
}

impl From<StandingRow> for Standing {
    fn from(row: StandingRow) -> Self {
        let StandingRow { nonce, created_ms, state, attempts, updated_ms, due_ms, wamid, error, lettered: _, price } =
            row;
        Self { nonce, state, attempts, created_ms, updated_ms, due_ms, wamid, error, price }
    }
}

pub(crate) fn letter(conversation: ConversationId, at_ms: u64, letter: &NewDeadLetter) -> Bytes {
    let NewDeadLetter { inbox, send, reason, payload } = letter;
    let (inbox, send, reason) = (*inbox, *send, reason.clone());
    encode(&LetterRow { conversation, at_ms, inbox, send, reason, resolution: None }, payload)
}

/// The row of a letter from the time on when it is resolved.
pub(crate) fn resolved(letter: &Bytes, resolution: &Bytes) -> Result<Bytes, StoreError> {
    let (row, payload): (LetterRow, Bytes) = decode("a dead letter", letter)?;
    Ok(encode(&LetterRow { resolution: Some(resolution.clone()), ..row }, &payload))
}

pub(crate) fn read_letter(id: u64, bytes: &Bytes) -> Result<DeadLetter, StoreError> {
    let (row, payload): (LetterRow, Bytes) = decode("a dead letter", bytes)?;
    let LetterRow { conversation, at_ms, inbox, send, reason, resolution } = row;
    Ok(DeadLetter { id, conversation, at_ms, inbox, send, reason, payload, resolution })
}

pub(crate) fn inbound(row: &Inbound) -> Bytes {
    encode(&(&row.partition, &row.aliases, row.received_ms), &row.payload)
}

pub(crate) fn read_inbound(bytes: &Bytes) -> Result<Inbound, StoreError> {
    let ((partition, aliases, received_ms), payload) = decode("an inbox row", bytes)?;
    Ok(Inbound { partition, aliases, received_ms, payload })
}

pub(crate) fn quarantined(row: &Quarantined) -> Bytes {
    encode(&(&row.reason, &row.detail, row.received_ms, &row.signed_by, row.made), &row.payload)
}

pub(crate) fn read_quarantined(bytes: &Bytes) -> Result<Quarantined, StoreError> {
    let ((reason, detail, received_ms, signed_by, made), payload) = decode("a quarantined item", bytes)?;
    Ok(Quarantined { reason, detail, received_ms, signed_by, made, payload })
}

pub(crate) fn notice(row: &Notice) -> Bytes {
    encode(&(&row.field, &row.account, &row.detail, row.alarm, row.received_ms), &row.payload)
}

pub(crate) fn read_notice(bytes: &Bytes) -> Result<Notice, StoreError> {
    let ((field, account, detail, alarm, received_ms), payload) = decode("a notice", bytes)?;
    Ok(Notice { field, account, detail, alarm, received_ms, payload })
}

pub(crate) fn number(number: u64) -> Bytes {
    encode(&number, &[])
}

pub(crate) fn read_number(bytes: &Bytes) -> Result<u64, StoreError> {
    Ok(decode("a number", bytes)?.0)
}

pub(crate) fn contact(id: ContactId) -> Bytes {
    encode(&(), &id.0)
}

pub(crate) fn read_contact(bytes: &Bytes) -> Result<ContactId, StoreError> {
    let ((), id) = decode("an alias", bytes)?;
    Ok(ContactId(id.as_ref().try_into().map_err(|_| damaged("an alias"))?))
}

/// Bytes that have no header: history entries and documents.
pub(crate) fn opaque(payload: &[u8]) -> Bytes {
    [&[VERSION], payload].concat().into()
}

pub(crate) fn read_opaque(bytes: &Bytes) -> Result<Bytes, StoreError> {
    match bytes.first() {
        Some(&VERSION) => Ok(bytes.slice(1..)),
        _ => Err(damaged("an entry or a document")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let row = HeadRow {
            revision: Revision(3),
            next_send: 1,
            next_entry: 2,
            created_ms: u64::MAX,
            updated_ms: 5,
            wake_ms: None,
        };
        let bytes = head(&row, b"snapshot");
        assert_eq!(read_head_row(&bytes), Ok(row));
        assert_eq!(read_head(&bytes).unwrap().snapshot, "snapshot");
        assert_eq!(read_contact(&contact(ContactId([7; 12]))), Ok(ContactId([7; 12])));
        assert_eq!(read_opaque(&opaque(b"")), Ok(Bytes::new()));
    }

    #[test]
    fn damaged_rows_are_errors_and_not_panics() {
        for bytes in [&b""[..], b"\x02", b"\x01", b"\x01\x96", b"\x01\xc1\xff"] {
            let bytes = Bytes::copy_from_slice(bytes);
            assert!(matches!(read_head(&bytes), Err(StoreError::Corrupt(_))), "{bytes:?}");
            assert!(matches!(read_inbound(&bytes), Err(StoreError::Corrupt(_))), "{bytes:?}");
        }
    }

    #[test]
    fn row_of_an_unknown_version_is_refused() {
        assert!(read_opaque(&Bytes::from_static(b"\x02text")).is_err());
    }
}
