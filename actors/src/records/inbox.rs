//! What lies in the inbox: messages of people, and everything else that goes to a conversation in journal order.

use chatbot::{ApiCall, Closed, HandBack, HttpDone, Incoming, OnDoubt, Order, Unsent};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::{ContactId, Inbound, Partition, SendId};
use whatsapp::message::{Outgoing, Recipient};
use whatsapp::webhook::Received;
use whatsapp::webhook::field::{Echo, Preference, UserIdChange};

use super::state::State;
use crate::deeds::Deed;
use crate::{codec, identity};

/// A row of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InboxPayload {
    /// A message of the person.
    Message(InboundMessage),
    /// What a webhook field says about the person.
    About(About),
    /// What staff wrote from the phone app.
    Echo(InboundEcho),
    /// A message that somebody wants to have sent.
    Order(Box<SendOrder>),
    /// The person has another number or user id.
    Moved(Moved),
    /// Sending or a status told something about the person.
    Told(Told),
    /// A human has no more to say.
    HandBack(HandBack),
    /// Somebody does something with the conversation.
    Deed(Box<OrderedDeed>),
    /// The result of a call of another program.
    HttpDone(Box<HttpDone>),
    /// Another program tells that something happened.
    Call(Box<OutsideCall>),
    /// The conversation becomes a part of this contact's.
    Merge(ContactId),
    /// What a conversation was that became a part of this one.
    Absorb(Box<Absorbed>),
    /// A message with a form that came while somebody answered in the bot's place.
    Form(Box<Incoming>),
    /// A form that we sent does not reach the person.
    Unsent(Box<Unsent>),
    /// A message of the person that was given up goes again.
    Again(Box<MessageAgain>),
}

/// An inbound message: the raw JSON elements, untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboundMessage {
    pub message: Box<str>,
    pub contact: Option<Box<str>>,
    pub display_number: Option<Box<str>>,
    pub sent_ms: Option<u64>,
    pub group: bool,
}

/// An element of a webhook field, untouched, and what it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub field: Box<str>,
    pub raw: Box<str>,
    pub detail: Box<str>,
    pub at_ms: Option<u64>,
    /// Marketing is wanted or not.
    pub marketing: Option<bool>,
    /// The person's number, if the element names it.
    pub wa_id: Option<Box<str>>,
    /// The person's user id now.
    pub user_id: Option<Box<str>>,
}

/// An echo, untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboundEcho {
    pub message: Box<str>,
    pub sent_ms: Option<u64>,
    pub wa_id: Option<Box<str>>,
    pub user_id: Option<Box<str>>,
}

/// A message from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SendOrder {
    pub message: Outgoing,
    pub on_doubt: OnDoubt,
    /// Who waits for what comes of it, in this process.
    pub ticket: u64,
    /// The same order is carried out once.
    pub key: Option<OrderKey>,
    /// What it is a part of.
    pub origin: Origin,
    /// How the person was named: their conversation may not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Recipient>,
}

/// What a message from outside is a part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// Nothing: somebody, or a program, says it.
    Outside {
        who: Box<str>,
        /// Also where somebody else of staff answers.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
    },
    /// A broadcast, and which of its people this is.
    Broadcast { id: Box<str>, place: u32 },
    /// It was given up before.
    Letter(LetterAgain),
}

/// A message of ours that was given up and goes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LetterAgain {
    /// The dead letter.
    pub id: u64,
    /// The message that it was.
    pub of: Option<SendId>,
    /// The node that had decided it.
    pub node: Option<Box<str>>,
    /// Who lets it go again.
    pub by: Box<str>,
    /// Whether its content was changed.
    pub edited: bool,
    /// What it said becomes of it when the service window is closed.
    pub closed: Closed,
    /// When the next one to this person may leave.
    pub order: Order,
    /// One of many letters that go again: what is said to people who wait leaves first.
    pub many: bool,
}

/// A message of the person that was given up and goes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageAgain {
    /// The dead letter.
    pub letter: u64,
    /// Who lets it go again.
    pub by: Box<str>,
    /// As of [`LetterAgain`].
    pub many: bool,
    pub message: InboundMessage,
}

/// A deed, and who waits for what comes of it in this process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderedDeed {
    pub deed: Deed,
    pub ticket: u64,
}

/// Whether this is an [`InboxPayload::Deed`], by its first bytes: deeds overtake what waits.
pub(crate) fn is_deed(payload: &[u8]) -> bool {
    // After the version a map of one member, whose name has four letters.
    payload.get(1..).is_some_and(|rest| rest.starts_with(b"\x81\xa4deed"))
}

/// The dead letter that a row lets go again, if it does. Most rows cost nothing but a look at their first bytes.
pub(crate) fn letter_of(payload: &[u8]) -> Option<u64> {
    // After the version a map of one member, whose name has five letters.
    let rest = payload.get(1..)?;
    if !rest.starts_with(b"\x81\xa5again") && !rest.starts_with(b"\x81\xa5order") {
        return None;
    }
    match codec::decode(payload).ok()? {
        InboxPayload::Again(again) => Some(again.letter),
        InboxPayload::Order(order) => match order.origin {
            Origin::Letter(letter) => Some(letter.id),
            Origin::Outside { .. } | Origin::Broadcast { .. } => None,
        },
        _ => None,
    }
}

/// A call from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutsideCall {
    pub call: ApiCall,
    /// The same call counts once.
    pub key: Option<OrderKey>,
    /// The bot that shall hear it, where it is not the one that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<Box<str>>,
    /// How the person was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Recipient>,
}

/// Hashes of an idempotency key and of the body that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderKey {
    pub key: u64,
    pub body: u64,
}

/// A change of ids that a system message told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub at_ms: u64,
    /// The number now, and the one before.
    pub wa_id: Option<Box<str>>,
    pub former_wa_id: Option<Box<str>>,
    /// The user id now.
    pub user_id: Option<Box<str>>,
}

/// Something about the person that came with a message that we sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Marketing is not wanted.
    MarketingStopped { at_ms: u64 },
    /// A free entry point is open.
    FreeEntry { until_ms: u64 },
}

/// See [`InboxPayload::Absorb`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Absorbed {
    pub from: ContactId,
    pub state: State,
}

impl InboxPayload {
    /// A row that goes to a contact's conversation with this number.
    pub(crate) fn to(&self, contact: ContactId, partition: &Partition, received_ms: u64) -> Inbound {
        Inbound {
            partition: partition.clone(),
            aliases: vec![identity::to(contact)],
            received_ms,
            payload: codec::encode(self),
        }
    }
}

/// Makes the inbox row of a received message.
pub fn inbound(received: &Received, now_ms: u64) -> Inbound {
    let payload = InboxPayload::Message(InboundMessage {
        message: received.message.get().into(),
        contact: received.contact.as_ref().map(|contact| contact.get().into()),
        display_number: received.display_phone_number.as_deref().map(Into::into),
        sent_ms: received.sent_ms,
        group: received.group_id.is_some(),
    });
    Inbound {
        partition: Partition(received.phone_number_id.as_str().into()),
        aliases: identity::aliases_of(received),
        received_ms: now_ms,
        payload: codec::encode(&payload),
    }
}

/// Makes the inbox row of a changed preference; `None` if it names nobody. `raw` is its element.
pub fn preference(number_id: &str, preference: &Preference, raw: &RawValue, now_ms: u64) -> Option<Inbound> {
    let payload = About {
        field: "user_preferences".into(),
        raw: raw.get().into(),
        detail: preference.detail.as_deref().unwrap_or_default().into(),
        at_ms: preference.at_ms,
        marketing: preference.marketing(),
        wa_id: preference.wa_id.as_deref().map(Into::into),
        user_id: preference.user_id.as_deref().map(Into::into),
    };
    let aliases = identity::aliases_of_ids(preference.wa_id.as_deref(), &[preference.user_id.as_deref()]);
    about(number_id, aliases, payload, now_ms)
}

/// Makes the inbox row of a changed user id. `raw` is its element.
pub fn user_id_change(number_id: &str, change: &UserIdChange, raw: &RawValue, now_ms: u64) -> Option<Inbound> {
    let payload = About {
        field: "user_id_update".into(),
        raw: raw.get().into(),
        detail: change.detail.as_deref().unwrap_or_default().into(),
        at_ms: change.at_ms,
        marketing: None,
        wa_id: change.wa_id.as_deref().map(Into::into),
        user_id: Some(change.current.as_str().into()),
    };
    let user_ids = [change.previous.as_deref(), Some(change.current.as_str())];
    about(number_id, identity::aliases_of_ids(change.wa_id.as_deref(), &user_ids), payload, now_ms)
}

fn about(number_id: &str, aliases: Vec<storage::Alias>, about: About, now_ms: u64) -> Option<Inbound> {
    let payload = codec::encode(&InboxPayload::About(about));
    let partition = Partition(number_id.into());
    (!aliases.is_empty()).then_some(Inbound { partition, aliases, received_ms: now_ms, payload })
}

/// Makes the inbox row of an echo; `None` if it names nobody. `raw` is its element.
pub fn echo(number_id: &str, echo: &Echo, raw: &RawValue, now_ms: u64) -> Option<Inbound> {
    let aliases = identity::aliases_of_ids(echo.to.as_deref(), &[echo.to_user_id.as_deref()]);
    let payload = InboxPayload::Echo(InboundEcho {
        message: raw.get().into(),
        sent_ms: echo.at_ms,
        wa_id: echo.to.as_deref().map(Into::into),
        user_id: echo.to_user_id.as_deref().map(Into::into),
    });
    let partition = Partition(number_id.into());
    let payload = codec::encode(&payload);
    (!aliases.is_empty()).then_some(Inbound { partition, aliases, received_ms: now_ms, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deeds::Act;

    #[test]
    fn deeds_are_told_from_everything_else_without_decoding_them() {
        let deed = Deed { act: Act::Pause, who: "a".into(), reason: None, note: None, by_right: false };
        let deed = InboxPayload::Deed(Box::new(OrderedDeed { deed, ticket: 1 }));
        assert!(is_deed(&codec::encode(&deed)));
        assert!(!is_deed(&codec::encode(&InboxPayload::HandBack(HandBack::Closed))));
        assert!(!is_deed(&[]));
    }

    #[test]
    fn rows_that_let_a_letter_go_again_name_it_and_no_others_do() {
        let message = || Outgoing::parse(&serde_json::json!({ "type": "text", "text": { "body": "again" } })).unwrap();
        let order = |origin| {
            let (message, on_doubt) = (message(), OnDoubt::Hold);
            let order = SendOrder { message, on_doubt, ticket: 1, key: None, origin, named: None };
            codec::encode(&InboxPayload::Order(Box::new(order)))
        };
        let letter = LetterAgain {
            id: 7,
            of: None,
            node: None,
            by: "a".into(),
            edited: false,
            closed: Closed::Drop,
            order: Order::Accepted,
            many: false,
        };
        assert_eq!(letter_of(&order(Origin::Letter(letter))), Some(7));
        assert_eq!(letter_of(&order(Origin::Outside { who: "a".into(), force: false })), None);
        let said = |text: &str| InboundMessage {
            message: text.into(),
            contact: None,
            display_number: None,
            sent_ms: None,
            group: false,
        };
        let again = MessageAgain { letter: 8, by: "a".into(), many: false, message: said("x") };
        assert_eq!(letter_of(&codec::encode(&InboxPayload::Again(Box::new(again)))), Some(8));
        assert_eq!(letter_of(&codec::encode(&InboxPayload::Message(said("again")))), None);
        assert_eq!(letter_of(&[]), None);
    }
}
