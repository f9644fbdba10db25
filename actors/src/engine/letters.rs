//! What operators do with dead letters: each goes again through its conversation, or is dropped.

use std::time::Duration;

use chatbot::OnDoubt;
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
use crate::records::inbox::{InboundMessage, InboxPayload, LetterAgain, MessageAgain, OrderKey, Origin, SendOrder};
use crate::records::{Control, SendPayload};
use crate::seen;

/// How long the caller waits for the turn.
const PATIENCE: Duration = Duration::from_secs(5);

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
    /// A message of ours, and the node that had decided it.
    Ours(Box<Outgoing>, Option<Box<str>>),
    /// A message of the person.
    Theirs(Box<InboundMessage>),
}

impl Engine {
    /// Lets a dead letter go again, with this content where one is given. It is resolved in the same commit, once.
    pub async fn retry_letter(&self, id: u64, by: &str, edited: Option<Outgoing>) -> Result<Again, OrderError> {
        let Some(letter) = self.deps.store.letters(vec![id]).await?.into_iter().flatten().next() else {
            return Ok(Again::Unknown);
        };
        if letter.resolution.is_some() {
            return Ok(Again::Resolved);
        }
        let is_edited = edited.is_some();
        let content = match (self.content(&letter).await?, edited) {
            (Some(Content::Ours(_, node)), Some(edited)) => Content::Ours(Box::new(edited), node),
            (Some(_), Some(_)) | (None, _) => return Ok(Again::NotRetryable),
            (Some(content), None) => content,
        };
        let Some((conversation, state)) = self.destination(letter.conversation).await? else {
            return Ok(Again::NotRetryable);
        };
        let reached = Reached::known(conversation, state, None);
        match content {
            Content::Ours(message, node) => {
                let again = LetterAgain { id, of: letter.send, node, by: by.into(), edited: is_edited };
                self.ours_again(reached, *message, again).await
            }
            Content::Theirs(message) => {
                if reached.state.control != Control::Bot {
                    return Ok(Again::Refused(Refusal::WithHuman));
                }
                let again = MessageAgain { letter: id, by: by.into(), message: *message };
                let now_ms = self.deps.clock.now_ms();
                let seq = self.append_to(&reached, &InboxPayload::Again(Box::new(again)), now_ms).await?;
                Ok(Again::Waiting(seq))
            }
        }
    }

    async fn ours_again(&self, reached: Reached, message: Outgoing, again: LetterAgain) -> Result<Again, OrderError> {
        if let Some(refusal) = self.refuses_ours(&reached, &message, again.node.is_some()) {
            return Ok(Again::Refused(refusal));
        }
        let now_ms = self.deps.clock.now_ms();
        let (ticket, answer) = self.deps.tickets.draw(now_ms);
        let key = seen::hash(&self.deps.store.secret(), &format!("letter:{}", again.id));
        let (on_doubt, key) = (OnDoubt::of(&message), Some(OrderKey { key, body: 0 }));
        let order = SendOrder { message, on_doubt, ticket, key, origin: Origin::Letter(again), named: None };
        let appended = self.append_to(&reached, &InboxPayload::Order(Box::new(order)), now_ms).await;
        let outcome = match &appended {
            Ok(_) => tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.deps.tickets.give_back(ticket);
        Ok(match (outcome, appended?) {
            (Some(OrderOutcome::Queued(send)), _) => Again::Queued(send),
            (Some(OrderOutcome::Refused(refusal)), _) => Again::Refused(refusal),
            (None, seq) => Again::Waiting(seq),
        })
    }

    fn refuses_ours(&self, reached: &Reached, message: &Outgoing, is_bots: bool) -> Option<Refusal> {
        let (deps, state) = (&self.deps, &reached.state);
        if is_bots && state.control != Control::Bot {
            return Some(Refusal::WithHuman);
        }
        let is_marketing = marketing::is_marketing(&*deps.categories, &deps.numbers.all(), &state.number_id, message);
        state.refuses(message, is_marketing, deps.clock.now_ms())
    }

    /// Why a letter could not go again now, as a stable word.
    pub(crate) async fn hinders(&self, letter: &DeadLetter) -> Result<Option<&'static str>, OrderError> {
        let Some(content) = self.content(letter).await? else { return Ok(Some(Again::NotRetryable.word())) };
        let Some((conversation, state)) = self.destination(letter.conversation).await? else {
            return Ok(Some(Again::NotRetryable.word()));
        };
        let reached = Reached::known(conversation, state, None);
        let refusal = match content {
            Content::Ours(message, node) => self.refuses_ours(&reached, &message, node.is_some()),
            Content::Theirs(_) => (reached.state.control != Control::Bot).then_some(Refusal::WithHuman),
        };
        Ok(refusal.map(|refusal| refusal.word()))
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
                return Ok(Some(Content::Ours(Box::new(stored.message), stored.node)));
            }
        }
        if letter.send.is_some() || (letter.inbox.is_none() && *letter.reason == *"opted_out") {
            let parsed = raw.and_then(|raw| Outgoing::parse(&serde_json::from_str::<Value>(raw).ok()?).ok());
            return Ok(parsed.map(|message| Content::Ours(Box::new(message), node)));
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
