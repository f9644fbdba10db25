//! Messages that somebody outside wants to have sent, and what others want to know of an account.

use std::sync::Arc;
use std::time::Duration;

use chatbot::OnDoubt;
use storage::{ConversationId, InboxSeq, SendId, StoreError};
use tokio::sync::broadcast;
use whatsapp::message::Outgoing;
use whatsapp::webhook::FieldEvent;

use super::Engine;
use super::reach::Reached;
use crate::codec::CodecError;
use crate::identity;
use crate::marketing;
use crate::orders::{OrderOutcome, Refusal};
use crate::records::State;
use crate::records::inbox::{InboxPayload, OrderKey, Origin, SendOrder};
use crate::seen;

/// How long the caller waits for the turn of an order.
const PATIENCE: Duration = Duration::from_secs(5);
/// A conversation that became a part of one that became a part of another is followed this far.
const MAX_MERGES: usize = 16;

/// A message that somebody wants to have sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// To whom, and from which number.
    pub conversation: ConversationId,
    /// What to send.
    pub message: Outgoing,
    /// Orders of a conversation with the same key are carried out once within 24 hours.
    pub key: Option<String>,
    /// Who wants it, such as `user:elif`.
    pub who: Box<str>,
    /// Also where somebody else of staff answers.
    pub force: bool,
}

/// What became of an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// It is in the outbox.
    Queued(SendId),
    /// It is in the inbox, and will get its turn: the conversation is busy.
    Waiting(InboxSeq),
    /// It will not be sent.
    Refused(Refusal),
    /// So many messages of this conversation have not left that it takes nothing more.
    Full,
    /// There is no such conversation.
    Unknown,
}

/// Why nobody knows what becomes of an order.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The conversation cannot be read.
    #[error(transparent)]
    State(#[from] CodecError),
}

/// A webhook about an account, once it is kept.
#[derive(Clone, Debug)]
pub struct AccountEvent {
    /// The business account's id, may be empty.
    pub account: Box<str>,
    /// The webhook field.
    pub field: Box<str>,
    /// What it says.
    pub event: Arc<FieldEvent>,
    /// When Meta reported it; when it came, where Meta does not say.
    pub at_ms: u64,
}

impl Engine {
    /// Has a message sent: durable once this answers, in the order of the conversation. What is refused already by what
    /// is known now is refused without a trace.
    pub async fn order(&self, order: Order) -> Result<Ordered, OrderError> {
        let Order { conversation, message, key, who, force } = order;
        let Some((conversation, state)) = self.destination(conversation).await? else {
            return Ok(Ordered::Unknown);
        };
        self.place(Reached::known(conversation, state, None), (message, key), who, force).await
    }

    /// Has a message sent to somebody who was found.
    pub(super) async fn place(
        &self,
        reached: Reached,
        (message, key): (Outgoing, Option<String>),
        who: Box<str>,
        force: bool,
    ) -> Result<Ordered, OrderError> {
        let (conversation, state) = (reached.conversation, &reached.state);
        let now_ms = self.deps.clock.now_ms();
        let key = key.as_deref().map(|key| self.order_key(key, &message));
        if let Some(done) = key.and_then(|key| state.done_order(key.key, now_ms).filter(|done| done.key == key)) {
            return Ok(Ordered::Queued(done.send));
        }
        if key.is_some_and(|key| state.done_order(key.key, now_ms).is_some()) {
            return Ok(Ordered::Refused(Refusal::KeyReused));
        }
        if let Some(refusal) = state.refuses_writer(&who).filter(|_| !force) {
            return Ok(Ordered::Refused(refusal));
        }
        let deps = &self.deps;
        let is_marketing = marketing::is_marketing(&*deps.categories, &deps.numbers.all(), &state.number_id, &message);
        if let Some(refusal) = state.refuses(&message, is_marketing, now_ms) {
            return Ok(Ordered::Refused(refusal));
        }
        if self.deps.backlog.is_full(conversation) {
            return Ok(Ordered::Full);
        }
        let (ticket, answer) = self.deps.tickets.draw(now_ms);
        let (on_doubt, origin, named) = (OnDoubt::of(&message), Origin::Outside { who, force }, reached.named.clone());
        let order = SendOrder { message, on_doubt, ticket, key, origin, named };
        let appended = self.append_to(&reached, &InboxPayload::Order(Box::new(order)), now_ms).await;
        let outcome = match &appended {
            Ok(_) => tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.deps.tickets.give_back(ticket);
        Ok(match (outcome, appended?) {
            (Some(OrderOutcome::Queued(send)), _) => Ordered::Queued(send),
            (Some(OrderOutcome::Refused(refusal)), _) => Ordered::Refused(refusal),
            (None, seq) => Ordered::Waiting(seq),
        })
    }

    /// The conversation, or the one that it became a part of.
    pub(super) async fn destination(
        &self,
        mut id: ConversationId,
    ) -> Result<Option<(ConversationId, State)>, OrderError> {
        for _ in 0..MAX_MERGES {
            let Some(head) = self.deps.store.load(id).await? else { return Ok(None) };
            let state = State::decode(&head.snapshot)?;
            let Some(into) = state.merged_into else { return Ok(Some((id, state))) };
            id = identity::beside(id, into);
        }
        Ok(None)
    }

    fn order_key(&self, key: &str, message: &Outgoing) -> OrderKey {
        let secret = self.deps.store.secret();
        OrderKey { key: seen::hash(&secret, key), body: seen::hash(&secret, &message.raw().to_string()) }
    }

    /// Tells whoever listens that a webhook about an account came.
    pub fn tell(&self, event: AccountEvent) {
        // Nobody may be listening.
        let _unheard = self.account_events.send(event);
    }

    /// Webhooks about accounts from now on. Who falls behind misses some and should look at Meta's lists anew.
    pub fn account_events(&self) -> broadcast::Receiver<AccountEvent> {
        self.account_events.subscribe()
    }
}
