//! What operators do with dead letters: each goes again through its conversation, or is dropped.

use std::time::Duration;

use chatbot::{Closed, OnDoubt};
use serde_json::Value;
use storage::{DeadLetter, InboxSeq, SendId, StoreError};
use whatsapp::message::Outgoing;
use whatsapp::webhook::Message;

use super::Engine;
use super::orders::OrderError;
use super::reach::Reached;
use crate::codec;
use crate::letters::{self, How, Resolution};
use crate::marketing;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::inbox::{InboundMessage, InboxPayload, LetterAgain, MessageAgain, Origin, SendOrder};
use crate::records::{Control, SendPayload, State};

/// How long the caller waits for the turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// For one of many: a conversation that has to wait does not keep those after it.
const PATIENCE_OF_MANY: Duration = Duration::from_millis(250);

/// What became of a letter that was to go again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// This message took its place.
    Queued(SendId),
    /// It is in the inbox and gets its turn. A message of a person always comes to this.
    Waiting(InboxSeq),
    /// It may not go now; the letter stays.
    Refused(Refusal),
    /// It went again, or was dropped, before.
    Resolved,
    /// There is nothing that could go again.
    NotRetryable,
    /// There is no such letter.
    Unknown,
}

impl Again {
    /// A stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Again::Queued(_) => "queued",
            Again::Waiting(_) => "waiting",
            Again::Refused(refusal) => refusal.word(),
            Again::Resolved => "resolved",
            Again::NotRetryable => "not_retryable",
            Again::Unknown => "unknown",
        }
    }
}

/// What of a letter can go again.
enum Content {
    /// A message of ours.
    Ours(Box<Ours>),
    /// A message of the person.
    Theirs(Box<InboundMessage>),
}

/// A message of ours as it was decided; of one that never came to the outbox only the content is known.
struct Ours {
    message: Outgoing,
    /// The node that had decided it.
    node: Option<Box<str>>,
    on_doubt: OnDoubt,
    closed: Closed,
    order: chatbot::Order,
}

impl Ours {
    fn bare(message: Outgoing, node: Option<Box<str>>) -> Self {
        let on_doubt = OnDoubt::of(&message);
        Self { message, node, on_doubt, closed: Closed::Drop, order: chatbot::Order::Accepted }
    }

    /// With another content. One of another kind is in doubt as its kind is.
    fn with(self, message: Outgoing) -> Self {
        let doubt = OnDoubt::of(&message);
        let on_doubt = if doubt == OnDoubt::of(&self.message) { self.on_doubt } else { doubt };
        Self { message, on_doubt, ..self }
    }
}

impl From<SendPayload> for Ours {
    fn from(sent: SendPayload) -> Self {
        let SendPayload { message, node, on_doubt, closed, order, .. } = sent;
        Self { message, node, on_doubt, closed, order }
    }
}

/// How a letter goes again.
struct Way<'a> {
    by: &'a str,
    edited: Option<Outgoing>,
    /// One of many that do.
    many: bool,
}

impl Engine {
    /// Lets a dead letter go again, with this content where one is given. It is resolved in the same commit, once.
    pub async fn retry_letter(&self, id: u64, by: &str, edited: Option<Outgoing>) -> Result<Again, OrderError> {
        self.again(id, Way { by, edited, many: false }).await
    }

    /// As [`Engine::retry_letter`], for one of many: what is said to people who wait leaves first.
    pub(crate) async fn retry_one_of_many(&self, id: u64, by: &str) -> Result<Again, OrderError> {
        self.again(id, Way { by, edited: None, many: true }).await
    }

    async fn again(&self, id: u64, way: Way<'_>) -> Result<Again, OrderError> {
        let Some(letter) = self.deps.store.letters(vec![id]).await?.into_iter().flatten().next() else {
            return Ok(Again::Unknown);
        };
        if letters::is_settled(&letter) {
            return Ok(Again::Resolved);
        }
        let Way { by, edited, many } = way;
        let is_edited = edited.is_some();
        let content = match (self.content(&letter).await?, edited) {
            (Some(Content::Ours(ours)), Some(edited)) => Content::Ours(Box::new(ours.with(edited))),
            (Some(_), Some(_)) | (None, _) => return Ok(Again::NotRetryable),
            (Some(content), None) => content,
        };
        let Some((conversation, state)) = self.destination(letter.conversation).await? else {
            return Ok(Again::NotRetryable);
        };
        let reached = Reached::known(conversation, state, None);
        if let Some(refusal) = self.refuses(&reached.state, &content) {
            return Ok(Again::Refused(refusal));
        }
        match content {
            Content::Ours(ours) => {
                let Ours { message, node, on_doubt, closed, order } = *ours;
                let (of, by) = (letter.send, by.into());
                let again = LetterAgain { id, of, node, by, edited: is_edited, closed, order, many };
                self.ours_again(reached, (message, on_doubt), again).await
            }
            Content::Theirs(message) => {
                let again = MessageAgain { letter: id, by: by.into(), many, message: *message };
                let now_ms = self.deps.clock.now_ms();
                let seq = self.append_to(&reached, &InboxPayload::Again(Box::new(again)), now_ms).await?;
                Ok(Again::Waiting(seq))
            }
        }
    }

    async fn ours_again(
        &self,
        reached: Reached,
        (message, on_doubt): (Outgoing, OnDoubt),
        again: LetterAgain,
    ) -> Result<Again, OrderError> {
        let (ticket, answer) = self.deps.tickets.draw(self.deps.clock.now_ms());
        let patience = if again.many { PATIENCE_OF_MANY } else { PATIENCE };
        // Its letter is what makes it once: no key does.
        let order = SendOrder { message, on_doubt, ticket, key: None, origin: Origin::Letter(again), named: None };
        let payload = InboxPayload::Order(Box::new(order));
        let appended = self.append_to(&reached, &payload, self.deps.clock.now_ms()).await;
        let outcome = match &appended {
            Ok(_) => tokio::time::timeout(patience, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.deps.tickets.give_back(ticket);
        Ok(match (outcome, appended?) {
            (Some(OrderOutcome::Queued(send)), _) => Again::Queued(send),
            (Some(OrderOutcome::Refused(Refusal::Resolved)), _) => Again::Resolved,
            (Some(OrderOutcome::Refused(refusal)), _) => Again::Refused(refusal),
            (None, seq) => Again::Waiting(seq),
        })
    }

    /// Why it may not go now, as far as that is known before its turn.
    fn refuses(&self, state: &State, content: &Content) -> Option<Refusal> {
        let with_human = state.control != Control::Bot;
        let ours = match content {
            Content::Theirs(_) => return with_human.then_some(Refusal::WithHuman),
            Content::Ours(ours) if ours.node.is_some() && with_human => return Some(Refusal::WithHuman),
            Content::Ours(ours) => ours,
        };
        let (deps, numbers) = (&self.deps, self.deps.numbers.all());
        let could_be =
            |what: &Outgoing| marketing::could_be_marketing(&*deps.categories, &numbers, &state.number_id, what);
        state.refuses_again(&ours.message, &ours.closed, could_be, deps.clock.now_ms())
    }

    /// Why a letter could not go again now, as a stable word.
    pub(crate) async fn hinders(&self, letter: &DeadLetter) -> Result<Option<&'static str>, OrderError> {
        if letters::is_settled(letter) {
            return Ok(Some(Again::Resolved.word()));
        }
        let Some(content) = self.content(letter).await? else { return Ok(Some(Again::NotRetryable.word())) };
        let Some((_, state)) = self.destination(letter.conversation).await? else {
            return Ok(Some(Again::NotRetryable.word()));
        };
        Ok(self.refuses(&state, &content).map(|refusal| refusal.word()))
    }

    /// Ends letters for good. Answers how many of them were open.
    pub async fn drop_letters(&self, ids: &[u64], by: &str, why: &str) -> Result<usize, StoreError> {
        let at_ms = self.deps.clock.now_ms();
        let resolution = Resolution { how: How::Dropped, by: by.into(), at_ms, why: Some(why.into()), send: None };
        let resolution = codec::encode(&resolution);
        let resolved = ids.iter().map(|id| (*id, resolution.clone())).collect();
        Ok(self.deps.store.resolve_letters(resolved).await?.into_iter().filter(|open| *open).count())
    }

    /// What of a letter can go again: the message as it lies in the outbox, or as the letter has it.
    async fn content(&self, letter: &DeadLetter) -> Result<Option<Content>, StoreError> {
        let payload = letters::payload(letter);
        let node = payload.as_ref().and_then(|payload| payload.node.clone());
        let raw = payload.as_ref().and_then(|payload| payload.raw.as_deref());
        if let Some(send) = letter.send {
            let row = self.deps.store.sends(vec![send]).await?.into_iter().flatten().next();
            if let Some(stored) = row.and_then(|row| codec::decode::<SendPayload>(&row.payload).ok()) {
                return Ok(Some(Content::Ours(Box::new(stored.into()))));
            }
        }
        if letter.send.is_some() || (letter.inbox.is_none() && *letter.reason == *"opted_out") {
            let parsed = raw.and_then(|raw| Outgoing::parse(&serde_json::from_str::<Value>(raw).ok()?).ok());
            return Ok(parsed.map(|message| Content::Ours(Box::new(Ours::bare(message, node)))));
        }
        let message =
            raw.filter(|_| letter.inbox.is_some() && payload.as_ref().is_some_and(|payload| payload.is_message));
        Ok(message.map(|raw| {
            let sent_ms = Message::parse(raw).sent_ms;
            let (message, contact) = (raw.into(), None);
            Content::Theirs(Box::new(InboundMessage { message, contact, display_number: None, sent_ms, group: false }))
        }))
    }
}
