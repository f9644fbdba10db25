//! What this crate writes into the store's opaque fields: inbox payloads, snapshots, history entries, messages to send.

pub(crate) mod change;
pub(crate) mod inbox;
pub(crate) mod state;
mod telling;

use bytes::Bytes;
use chatbot::{Closed, HandBack, OnDoubt, Order, Trace};
use serde::{Deserialize, Serialize};
use storage::{ConversationId, InboxSeq, NewDeadLetter, SendId};
use whatsapp::graph::ErrorRecord;
use whatsapp::message::{Outgoing, Recipient};
use whatsapp::webhook::Pricing;

pub(crate) use inbox::InboxPayload;
pub use inbox::{echo, inbound, preference, user_id_change};
pub(crate) use state::{Control, PHONE_APP, State};
pub(crate) use telling::Telling;

use crate::codec;
use change::After;

/// The service window: free-form messages may be sent this long after the person's last message.
pub const SERVICE_WINDOW_MS: u64 = 24 * 3_600_000;

/// One step of a conversation as it is kept for operators.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryEntry {
    pub at_ms: u64,
    /// With `at_ms`, all that the turn was given beside its input: the same turn again gives the same bytes.
    pub seed: u64,
    pub input: Option<HistoryInput>,
    /// Outbox numbers of what it decided to send.
    pub sends: Vec<u64>,
    pub trace: Vec<Trace>,
    pub error: Option<Box<str>>,
    /// What happened to the conversation itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Happened>,
    /// What it made of the state; `None` if it changed nothing that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

/// The input of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryInput {
    pub seq: InboxSeq,
    pub received_ms: u64,
    pub sent_ms: Option<u64>,
    pub raw: Box<str>,
    #[serde(default, skip_serializing_if = "InputKind::is_message")]
    pub kind: InputKind,
}

/// A member beside those of a [`chatbot::HttpDone`] in [`HistoryInput::raw`]: the body is cut, and had so many bytes.
pub(crate) const CUT_FROM: &str = "cut_from";

/// What an input was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InputKind {
    /// A message of the person.
    #[default]
    Message,
    /// A webhook field about the person.
    About { field: Box<str>, detail: Box<str> },
    /// A message from the phone app.
    Echo,
    /// An order to send; `raw` is its body.
    Order,
    /// The result of a call of another program; `raw` is a [`chatbot::HttpDone`] as JSON.
    Http,
    /// A human was done.
    HandBack(HandBack),
    /// A call from outside; `raw` is it whole.
    Call,
    /// What a form asked; `raw` is it, without the token.
    Form,
    /// A form did not reach the person; `raw` says why.
    Unsent,
    /// A message of a broadcast; `raw` says of which.
    Broadcast,
    /// A message of the person that was given up, once more.
    Again,
    /// Somebody led the run elsewhere, or changed it; `raw` says who and why.
    Staff { act: Box<str> },
}

impl InputKind {
    fn is_message(&self) -> bool {
        *self == Self::Message
    }
}

/// Something that happened to a conversation itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    /// Somebody answers in the bot's place.
    TakenOver {
        by: Box<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Box<str>>,
        /// Who did until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Box<str>>,
    },
    /// The bot answers again.
    HandedBack {
        after_ms: u64,
        /// Who gave it back; `None`: nobody did anything for too long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Box<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Box<str>>,
    },
    /// Whoever had it did nothing for too long: somebody else shall answer.
    Requeued { from: Option<Box<str>> },
    /// Somebody did something else with it.
    Did { by: Box<str>, reason: Option<Box<str>>, did: Box<Did> },
    /// It became a part of another one.
    MergedInto(ConversationId),
    /// Another one became a part of it.
    Absorbed(ConversationId),
    /// The person has another number or user id.
    Moved,
    /// Somebody else has a number that was this person's.
    NumberPassedOn,
    /// The person wants marketing, or not.
    Marketing { wanted: bool },
    /// A free entry point is open.
    FreeEntry { until_ms: u64 },
    /// Its run was moved to another version of its bot, or ended because it could not stay: [`chatbot::migrate`] with
    /// these versions and this `how`.
    Migrated { bot: Box<str>, from: Box<str>, to: Box<str>, how: Box<chatbot::How> },
}

/// See [`Happened::Did`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Did {
    Paused,
    Restarted,
    Ended,
    /// The run `took` began as `run`, or one before, was after this entry.
    Reset {
        entry: u64,
        run: Option<Box<str>>,
        took: Option<Box<str>>,
    },
    Copied {
        of: ConversationId,
        entry: u64,
    },
    Set {
        names: Vec<Box<str>>,
    },
    Noted {
        text: Box<str>,
    },
}

/// An outgoing message as it lies in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SendPayload {
    pub number_id: Box<str>,
    pub to: Recipient,
    pub message: Outgoing,
    pub on_doubt: OnDoubt,
    /// What to do when the service window is closed when it is to leave.
    pub closed: Closed,
    /// End of the service window when it was decided; `None` if the person never wrote.
    pub window_until_ms: Option<u64>,
    /// When the next one to this person may leave.
    pub order: Order,
    /// One of many (a broadcast): never delays the others.
    pub bulk: bool,
    /// How often it was put back after Meta had taken it and then failed.
    pub put_back: u8,
    /// The node that decided it; `None` if no bot did.
    pub node: Option<Box<str>>,
    /// The broadcast that it is one of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<Box<str>>,
    /// The message that was given up and that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<SendId>,
}

/// Why a message has not left, as it is kept with its row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SendError {
    /// Meta's number; `None` when Meta did not answer.
    pub code: Option<u32>,
    /// What happened, short.
    pub title: Box<str>,
    /// The sentence that helps.
    pub details: Option<Box<str>>,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<Box<str>>,
    /// What to do.
    pub advice: Box<str>,
    /// Requests that count towards giving up.
    pub tries: u32,
    /// What it is held for.
    pub held: Option<Held>,
}

/// Why a message waits for something outside of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Held {
    /// Nobody knows whether it was sent: an operator decides.
    Doubt,
    /// The service window is closed: it leaves when the person writes.
    WindowClosed,
    /// A person has taken the conversation over: it leaves when the bot is back.
    Takeover,
    /// Meta throttles its Flow: it leaves when its turn comes. Its row stays queued.
    FlowThrottled,
}

impl Held {
    /// A stable word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Held::Doubt => "doubt",
            Held::WindowClosed => "window_closed",
            Held::Takeover => "takeover",
            Held::FlowThrottled => "flow_throttled",
        }
    }
}

impl SendError {
    /// The last error of a row, if it has one that this program can read.
    pub(crate) fn of(row: &storage::Send) -> Option<Self> {
        row.error.as_deref().and_then(|error| codec::decode(error).ok())
    }

    pub(crate) fn held(held: Held) -> Self {
        let (title, advice) = match held {
            Held::Doubt => (
                "nobody knows whether this message was sent",
                "Ask the person, or look at the phone: then send it again or drop it.",
            ),
            Held::WindowClosed => (
                "the person last wrote more than 24 hours ago",
                "Nothing to do: it leaves when the person writes. A template can be sent now.",
            ),
            Held::Takeover => (
                "a person has taken this conversation over",
                "Nothing to do: it leaves when the bot is given the conversation back.",
            ),
            Held::FlowThrottled => (
                "Meta throttles the Flow: ten messages of it leave in an hour",
                "It leaves when its turn comes, or at once when Meta lets the Flow go. Correct what its alerts say.",
            ),
        };
        Self { title: title.into(), advice: advice.into(), held: Some(held), ..Self::default() }
    }

    /// The process ended while a request was under way.
    pub(crate) fn cut_off(tries: u32) -> Self {
        Self {
            title: "the process ended while this message was being sent; it may have been sent".into(),
            advice: "A status within the doubt window settles it; after that the policy for such sends decides.".into(),
            tries,
            ..Self::default()
        }
    }

    pub(crate) fn encode(&self) -> Bytes {
        codec::encode(self)
    }
}

impl From<ErrorRecord> for SendError {
    fn from(record: ErrorRecord) -> Self {
        Self {
            code: record.code,
            title: record.title.into(),
            details: record.details.map(Into::into),
            fbtrace_id: record.fbtrace_id.map(Into::into),
            advice: record.advice.into(),
            ..Self::default()
        }
    }
}

/// What a message costs, as a status tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// To be dropped by Meta; `type` says it as well.
    pub billable: bool,
    /// `PMP` since July 2025.
    pub pricing_model: Option<Box<str>>,
    /// `regular`, `free_customer_service`, `free_entry_point`, …
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// `service`, `utility`, `marketing`, `authentication`, …
    pub category: Option<Box<str>>,
}

impl From<Pricing> for Price {
    fn from(pricing: Pricing) -> Self {
        let Pricing { billable, model, kind, category } = pricing;
        let text = |text: Option<String>| text.map(Into::into);
        Self { billable, pricing_model: text(model), kind: text(kind), category: text(category) }
    }
}

/// The text that Graph echoes in statuses: which row, and the nonce that tells it from one of an earlier database.
pub(crate) fn callback_data(send: SendId, nonce: u32) -> String {
    format!("{send}.{nonce:08x}")
}

pub(crate) fn parse_callback_data(text: &str) -> Option<(SendId, u32)> {
    let (send, nonce) = text.split_once('.')?;
    (nonce.len() == 8).then_some(())?;
    Some((send.parse().ok()?, u32::from_str_radix(nonce, 16).ok()?))
}

/// What a dead letter shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeadLetterPayload {
    /// What happened, in words.
    pub detail: Box<str>,
    /// What to do about it.
    pub hint: Option<Box<str>>,
    pub bot: Option<Box<str>>,
    pub version: Option<Box<str>>,
    pub node: Option<Box<str>>,
    /// The message itself: raw JSON.
    pub raw: Option<Box<str>>,
    pub tries: u32,
    /// Meta's number, if Meta gave one.
    #[serde(default)]
    pub code: Option<u32>,
    /// Whether `raw` is a message of the person as Meta delivered it.
    #[serde(default)]
    pub is_message: bool,
}

pub(crate) fn dead_letter(
    inbox: Option<InboxSeq>,
    send: Option<SendId>,
    reason: &str,
    payload: &DeadLetterPayload,
) -> NewDeadLetter {
    NewDeadLetter { inbox, send, reason: reason.into(), payload: codec::encode(payload) }
}

#[cfg(test)]
mod tests {
    use super::state::Person;
    use super::*;

    #[test]
    fn callback_data_leads_back_to_its_row_and_is_short() {
        let send = SendId { conversation: ConversationId([0xA5; 16]), n: 41 };
        let text = callback_data(send, 0x00C0_FFEE);
        assert_eq!(parse_callback_data(&text), Some((send, 0x00C0_FFEE)));
        assert!(text.len() < 64, "{text}");
        for foreign in ["", "o_x.1", "obx:1", text.strip_suffix('e').unwrap(), &text.replace('.', ":")] {
            assert_eq!(parse_callback_data(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_person_keeps_what_a_later_message_leaves_out() {
        let mut person = Person::default();
        person.update(Some("Ada"), Some("447700900123"), None);
        person.update(None, None, Some("GB.1"));
        assert_eq!(person.name.as_deref(), Some("Ada"));
        assert_eq!(person.recipient(), Some(Recipient::Phone("447700900123".into())));
    }

    #[test]
    fn a_person_without_a_number_is_reached_by_the_business_scoped_id() {
        let mut person = Person::default();
        person.update(None, None, Some("GB.1"));
        assert_eq!(person.recipient(), Some(Recipient::UserId("GB.1".into())));
    }
}
