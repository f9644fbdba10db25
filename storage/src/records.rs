//! The records that cross the seam: plain, owned data. Times are Unix milliseconds (`_ms`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A business phone number: Meta's `phone_number_id`, an opaque string. The unit of fencing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition(pub Box<str>);

/// A person, whatever ids Meta knows them by. Twelve bytes, chosen when the person is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContactId(pub [u8; 12]);

/// One of the ids that lead to a person, in canonical text such as `wa:447700900123` or `bsuid:GB.778…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alias(pub Box<str>);

/// A person's conversation with one business phone number: four bytes that stand for the number, then the contact.
/// Keys sort by number first, so a partition is one key range. Text form: `c_` and 26 characters of Crockford base32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConversationId(pub [u8; 16]);

/// Place of a message in the inbox: the journal order of everything that was accepted. Starts at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InboxSeq(pub u64);

/// Place of a committed change in the log: the order of all commits. Starts at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogSeq(pub u64);

/// A part of the log that one opening of the store wrote. A copy of the store that is written to by itself has other
/// stretches from there on, so a place in the log and the name of its stretch name the same row everywhere, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// It begins with this row, and ends before the next one begins.
    pub first: LogSeq,
    /// Random.
    pub name: [u8; 8],
}

/// How often a conversation was advanced; 0 is a conversation that does not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision(pub u64);

/// An outbox row: the `n`-th message (from 1) that its conversation decided to send.
/// Text form: `o_`, the conversation's 26 characters, `-`, n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SendId {
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Position in the order in which the conversation decided its messages.
    pub n: u64,
}

/// What a writer must hold: the epoch is bumped when a store is opened, so that an older process is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The epoch that was current when the fence was taken.
    pub epoch: u64,
}

/// One accepted message, before anybody looked at what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The business number it came to.
    pub partition: Partition,
    /// The ids its sender goes by, most stable first. May be empty (some system messages).
    pub aliases: Vec<Alias>,
    /// When it was accepted.
    pub received_ms: u64,
    /// The message itself: versioned bytes that the store does not read.
    pub payload: Bytes,
}

/// Something that was acknowledged but must not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Why: a stable word such as `unknown_number`, `unreadable`, `too_old`.
    pub reason: Box<str>,
    /// The explanation for an operator.
    pub detail: Box<str>,
    /// When it was accepted.
    pub received_ms: u64,
    /// Whose secret signed it; opaque here, and empty where that is not known.
    pub signed_by: Box<str>,
    /// Whether `payload` is a webhook that was made around the one element that it is about.
    pub made: bool,
    /// The raw bytes as they came, unless `made`.
    pub payload: Bytes,
}

/// Something that was told to an account and belongs to no conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about: the webhook field that it came as.
    pub field: Box<str>,
    /// The business account's id; empty where none was given.
    pub account: Box<str>,
    /// The explanation for an operator.
    pub detail: Box<str>,
    /// Whether somebody should look at it.
    pub alarm: bool,
    /// When it was accepted.
    pub received_ms: u64,
    /// The raw bytes as they came.
    pub payload: Bytes,
}

/// One item of T1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Append to the inbox.
    Message(Inbound),
    /// Keep for an operator.
    Quarantine(Quarantined),
    /// Keep what an account was told.
    Notice(Notice),
}

/// A small named value (bot versions, settings), by kind and key; `None` removes it.
pub type NewDocument = (Box<str>, Box<str>, Option<Bytes>);

/// A dead letter's number, and what became of it: opaque, kept with it.
pub type Resolved = (u64, Bytes);

/// What may be forgotten: of each kind, what is older than the given time; `None` keeps all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Horizons {
    /// Quarantined items, by when they were accepted.
    pub quarantine_ms: Option<u64>,
    /// Notices, by when they were accepted.
    pub notices_ms: Option<u64>,
    /// Dead letters, open and resolved, by when they were given up.
    pub dead_letters_ms: Option<u64>,
    /// Settled outbox rows that were decided before and have not changed since.
    pub outbox_ms: Option<u64>,
}

/// Something that is to go for good. What is not there counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erase {
    /// All of a conversation: its history, its outbox, and at last its state with the times that it asked for. Where a
    /// revision is given, only as long as it stands there.
    Conversation {
        /// Which one.
        id: ConversationId,
        /// The revision that it must have.
        revision: Option<Revision>,
    },
    /// The history of a conversation below an index. The state stays, and later entries keep their index.
    History {
        /// Which one.
        id: ConversationId,
        /// The index of the first entry that stays.
        below: u64,
    },
    /// A message that no turn has consumed.
    Inbox(InboxSeq),
    /// What leads from an id to this contact; one that leads to another stays.
    Alias(Alias, ContactId),
    /// The same, unless one of these conversations exists in that moment: whoever came back keeps their ids.
    AliasOfNobody(Alias, ContactId, Arc<[ConversationId]>),
    /// A dead letter, open or resolved, by its id.
    DeadLetter(u64),
    /// A quarantined item, by its id.
    Quarantined(u64),
    /// A notice, by its id.
    Notice(u64),
}

/// A step of a conversation (T2): all of it commits, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Its revision before this turn; another one is a conflict.
    pub expected: Revision,
    /// When it was decided.
    pub at_ms: u64,
    /// Inbox rows that it consumes. Already consumed ones are a conflict.
    pub consumed: Vec<InboxSeq>,
    /// The whole state afterwards, opaque.
    pub snapshot: Bytes,
    /// History entries to append, opaque.
    pub entries: Vec<Bytes>,
    /// Messages to send, in order; their `n` continue the conversation's count without a gap.
    pub sends: Vec<NewSend>,
    /// When the conversation wants to be woken next: replaces what was asked before; `None` clears it.
    pub wake_ms: Option<u64>,
    /// Ids that lead to this person from now on.
    pub aliases: Vec<(Alias, ContactId)>,
    /// Messages that were given up on, with the reason.
    pub dead_letters: Vec<NewDeadLetter>,
    /// Rows that it appends to the inbox, in order: what it hands to another conversation or to itself.
    pub append: Vec<Inbound>,
    /// Documents that it writes or removes, in order.
    pub documents: Vec<NewDocument>,
    /// Open dead letters that it resolves. One that is not open is a conflict.
    pub resolved: Vec<Resolved>,
}

/// A message to send, as a turn decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSend {
    /// Its place in the conversation's order.
    pub n: u64,
    /// Random; tells a status for this row from one for a row of an earlier database.
    pub nonce: u32,
    /// What to send and how: versioned bytes that the store does not read.
    pub payload: Bytes,
}

/// A dead letter, as a turn or the sender decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDeadLetter {
    /// The inbox row it was, if it was an inbound message.
    pub inbox: Option<InboxSeq>,
    /// The outbox row it was, if it was an outgoing message.
    pub send: Option<SendId>,
    /// Why: a stable word such as `panic`, `bot_error`, `permanent`, `window_closed`.
    pub reason: Box<str>,
    /// What to show and to retry with, opaque.
    pub payload: Bytes,
}

/// What a turn was committed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The conversation's revision now.
    pub revision: Revision,
}

/// The state of a conversation as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How often it was advanced.
    pub revision: Revision,
    /// The `n` that its next send must have.
    pub next_send: u64,
    /// The index that its next history entry will have (from 0).
    pub next_entry: u64,
    /// When it first and last advanced.
    pub created_ms: u64,
    /// When it last advanced.
    pub updated_ms: u64,
    /// When it wants to be woken.
    pub wake_ms: Option<u64>,
    /// The snapshot of its last turn.
    pub snapshot: Bytes,
}

/// Where an outbox row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SendState {
    /// Waiting for its turn, or for a retry at `due_ms`.
    Queued,
    /// A request is about to leave or under way.
    Sending,
    /// The request left and no decided answer came; waiting for a status until `due_ms`.
    Uncertain,
    /// Waits for an operator.
    Held,
    /// Given up; there is a dead letter.
    Dead,
    /// Graph took it.
    Accepted,
    /// Status `sent`.
    Sent,
    /// Status `failed`.
    Failed,
    /// Status `delivered`.
    Delivered,
    /// Status `read` or `played`.
    Read,
}

impl SendState {
    /// Whether nothing more will be tried with it: later rows of the conversation may go.
    pub fn is_settled(self) -> bool {
        self >= SendState::Dead
    }
}

/// An outbox row as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Its id.
    pub id: SendId,
    /// See [`NewSend::nonce`].
    pub nonce: u32,
    /// Where it stands.
    pub state: SendState,
    /// Requests made for it so far.
    pub attempts: u32,
    /// When it was decided.
    pub created_ms: u64,
    /// When it last changed.
    pub updated_ms: u64,
    /// The next try (`Queued`), or the end of the doubt window (`Uncertain`).
    pub due_ms: u64,
    /// Meta's id of the message, once known.
    pub wamid: Option<Box<str>>,
    /// What to send.
    pub payload: Bytes,
    /// The last error, opaque, if any.
    pub error: Option<Bytes>,
    /// What it costs as far as a status told, opaque.
    pub price: Option<Bytes>,
}

/// A change of an outbox row (T3). Applying one twice, or after a later one, changes nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Which row.
    pub send: SendId,
    /// If given, the row's nonce must be the same, else the settlement is ignored.
    pub nonce: Option<u32>,
    /// When it happened.
    pub at_ms: u64,
    /// What happened.
    pub change: Change,
}

/// What happened to an outbox row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A request is about to leave; `attempt` counts from 1.
    Sending {
        /// Which try this is.
        attempt: u32,
    },
    /// Graph answered with an id.
    Accepted {
        /// Meta's message id.
        wamid: Box<str>,
    },
    /// Try again at `due_ms`; also what releases a row that is held.
    Retry {
        /// When.
        due_ms: u64,
        /// Why, opaque.
        error: Option<Bytes>,
    },
    /// The request left without a decided answer; wait for a status until `until_ms`.
    Uncertain {
        /// The end of the doubt window.
        until_ms: u64,
        /// Why, opaque.
        error: Option<Bytes>,
    },
    /// An operator must decide.
    Held {
        /// Why, opaque.
        error: Option<Bytes>,
    },
    /// Given up: a dead letter is kept with it.
    Dead {
        /// Why, for operators.
        letter: NewDeadLetter,
        /// The error, opaque.
        error: Option<Bytes>,
    },
    /// A status webhook. Never moves a row backwards (`accepted < sent < failed < delivered < read`), in any order.
    Status {
        /// `Sent`, `Failed`, `Delivered` or `Read`.
        state: SendState,
        /// Meta's message id.
        wamid: Box<str>,
        /// For `Failed`: Meta's error, opaque.
        error: Option<Bytes>,
        /// What it costs, opaque. Kept whatever state the row is in; a status without it does not clear it.
        price: Option<Bytes>,
    },
    /// Another message takes the row's place and is due now: as if it had just been decided, with no attempt, id, error
    /// or price. Changes nothing if the row has this nonce already, or is `Dead`, `Delivered` or `Read`. Keeps no dead
    /// letter by itself; what became of the earlier message is unknown from then on to a settlement with its nonce.
    Rewrite {
        /// The new message's nonce; see [`NewSend::nonce`].
        nonce: u32,
        /// What to send instead.
        payload: Bytes,
    },
}

/// What a settlement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The row is in this state now (which may be the state it was in).
    Now(SendState),
    /// No such row, or another nonce.
    Unknown,
}

/// A history entry as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index in the conversation, from 0.
    pub index: u64,
    /// The entry, opaque.
    pub payload: Bytes,
}

/// A dead letter as a reader finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id, rising with time.
    pub id: u64,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// When it was given up.
    pub at_ms: u64,
    /// The inbox row it was.
    pub inbox: Option<InboxSeq>,
    /// The outbox row it was.
    pub send: Option<SendId>,
    /// Why.
    pub reason: Box<str>,
    /// What to show and to retry with, opaque.
    pub payload: Bytes,
    /// What became of it, opaque; `None` while it is open.
    pub resolution: Option<Bytes>,
}

/// A row of the log as a reader finds it: what one turn, one group of settlements or one other call changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub seq: LogSeq,
    /// The values that it left behind, in the order in which it wrote them. Empty if it only removed rows.
    pub values: Vec<LoggedValue>,
}

/// A value that a committed change left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedValue {
    /// A conversation was advanced to this.
    Head(ConversationId, Head),
    /// It got an entry of its history.
    Entry(ConversationId, Entry),
    /// A message to send was decided, or put in the place of another one.
    Message(SendId, LoggedMessage),
    /// An outbox row stands like this.
    Standing(SendId, Standing),
    /// Something was given up, or resolved.
    DeadLetter(DeadLetter),
    /// Something was put aside, under this number.
    Quarantined(u64, Quarantined),
    /// An account was told something, under this number.
    Notice(u64, Notice),
    /// A document was written or removed.
    Document(NewDocument),
}

/// The unchanging half of an outbox row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMessage {
    /// See [`NewSend::nonce`].
    pub nonce: u32,
    /// When the row was decided.
    pub created_ms: u64,
    /// What to send.
    pub payload: Bytes,
}

/// The half of an outbox row that settlements change; see [`Send`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of `Send`")]
pub struct Standing {
    pub nonce: u32,
    pub state: SendState,
    pub attempts: u32,
    pub created_ms: u64,
    pub updated_ms: u64,
    pub due_ms: u64,
    pub wamid: Option<Box<str>>,
    pub error: Option<Bytes>,
    pub price: Option<Bytes>,
}

/// A part of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The oldest row that is kept; the one after [`LogPage::newest`] if none is. Whoever asked for what comes after an
    /// earlier row than the one before this one has missed rows.
    pub oldest: LogSeq,
    /// The newest row.
    pub newest: LogSeq,
    /// Rows in order, without a gap.
    pub rows: Vec<Logged>,
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl fmt::Display for ConversationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = u128::from_be_bytes(self.0);
        let digits: [u8; 26] = std::array::from_fn(|at| CROCKFORD[(number >> ((25 - at) * 5)) as usize & 31]);
        out.write_str("c_")?;
        out.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A text that is not the id that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {0}")]
pub struct IdError(&'static str);

impl FromStr for ConversationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError("c_ and 26 characters");
        let digits = text.strip_prefix("c_").ok_or(error)?.as_bytes();
        if digits.len() != 26 || digits[0] > b'7' {
            return Err(error);
        }
        let mut number = 0u128;
        for digit in digits {
            let value = CROCKFORD.iter().position(|c| c == digit).ok_or(error)?;
            number = (number << 5) | value as u128;
        }
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for SendId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conversation = self.conversation.to_string();
        write!(out, "o_{}-{}", conversation.trim_start_matches("c_"), self.n)
    }
}

impl FromStr for SendId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError("o_, 26 characters, a hyphen and a number");
        let (conversation, n) = text.strip_prefix("o_").and_then(|rest| rest.split_once('-')).ok_or(error)?;
        let conversation = format!("c_{conversation}").parse().map_err(|_| error)?;
        Ok(Self { conversation, n: n.parse().map_err(|_| error)? })
    }
}
