//! What waits for something outside of the sender: written down as held, and put back.

use storage::{Change, ConversationId, Partition, Send, SendId, SendState, Settlement};

use super::Row;
use super::job::Job;
use crate::codec::CodecError;
use crate::events;
use crate::identity;
use crate::records::{Control, DeadLetterPayload, Held, SendError, State, dead_letter};

/// Rows of one conversation read at once.
const PAGE: usize = 256;
/// Conversations that became a part of another one, one after the other, at the most.
const MERGES: usize = 8;

impl Job {
    /// Writes down that these rows wait for something outside of the sender.
    pub(super) async fn hold(&self, rows: Vec<Row>, held: Held) {
        let Some(conversation) = rows.first().map(|row| row.id.conversation) else { return };
        let settlement = |row: &Row| {
            events::send_held(&self.deps.metrics, row.id, held);
            let error = SendError { tries: row.tries, ..SendError::held(held) };
            let change = Change::Held { error: Some(error.encode()) };
            Settlement { send: row.id, nonce: Some(row.nonce), at_ms: self.now_ms(), change }
        };
        self.settle_all(rows.iter().map(settlement).collect()).await;
        let is_silent = self.deps.senders.is_silent(conversation);
        if held == Held::Takeover && !is_silent && !self.is_taken(conversation).await {
            // The bot came back before this was written down, and found nothing to put back.
            self.deps.senders.release(&self.number.id, conversation);
        }
    }

    /// Puts back what was held for this; answers the rows as they stand. At a takeover: if the bot has the conversation
    /// again, and without what belongs to a course that it has left since.
    pub(super) async fn release(&self, conversation: ConversationId, held: Held) -> Vec<Send> {
        let mut released = self.held(conversation, held).await;
        if released.is_empty() {
            return Vec::new();
        }
        if held == Held::Takeover {
            let Some(Ok(state)) = self.state(conversation).await else { return Vec::new() };
            if state.control != Control::Bot {
                return Vec::new();
            }
            let left: Vec<_> = released.extract_if(.., |(send, _)| state.is_superseded(*send)).collect();
            self.supersede(left).await;
        }
        let now_ms = self.now_ms();
        let settlement = |(send, nonce): &(SendId, u32)| {
            let change = Change::Retry { due_ms: now_ms, error: None };
            Settlement { send: *send, nonce: Some(*nonce), at_ms: now_ms, change }
        };
        if !released.is_empty() {
            self.settle_all(released.iter().map(settlement).collect()).await;
        }
        self.stored(released.into_iter().map(|(send, _)| send).collect()).await.into_iter().flatten().collect()
    }

    /// Whether a bot's message stays here that is about to leave: it is held if somebody has taken the conversation over,
    /// and given up if the bot was led elsewhere.
    pub(super) async fn stays(&self, row: &Row) -> bool {
        let Some(Ok(state)) = self.state(row.id.conversation).await else { return false };
        if self.deps.settings.takeover.hold_unsent && state.control != Control::Bot {
            self.hold(vec![row.clone()], Held::Takeover).await;
            return true;
        }
        let superseded = state.is_superseded(row.id) && !row.doubt;
        if superseded {
            self.supersede(vec![(row.id, row.nonce)]).await;
        }
        superseded
    }

    /// Gives up what belongs to a course that the bot has left.
    async fn supersede(&self, rows: Vec<(SendId, u32)>) {
        let now_ms = self.now_ms();
        let payload = DeadLetterPayload {
            detail: "a person led the bot elsewhere before this message left".into(),
            hint: Some("Nothing to do: it belonged to what the person had ended.".into()),
            ..DeadLetterPayload::default()
        };
        let settlement = |(send, nonce): (SendId, u32)| {
            let letter = dead_letter(None, Some(send), "superseded", &payload);
            let change = Change::Dead { letter, error: None };
            Settlement { send, nonce: Some(nonce), at_ms: now_ms, change }
        };
        if !rows.is_empty() {
            self.settle_all(rows.into_iter().map(settlement).collect()).await;
        }
    }

    /// The rows of a conversation that are held for this, and their nonces.
    async fn held(&self, conversation: ConversationId, held: Held) -> Vec<(SendId, u32)> {
        let (mut after, mut found) = (SendId { conversation, n: 0 }, Vec::new());
        loop {
            let page = self.open_sends(after).await;
            let ours = page.iter().filter(|row| row.id.conversation == conversation);
            let is_held = |row: &&Send| {
                row.state == SendState::Held && SendError::of(row).and_then(|error| error.held) == Some(held)
            };
            found.extend(ours.clone().filter(is_held).map(|row| (row.id, row.nonce)));
            match ours.last() {
                Some(last) if page.len() == PAGE => after = last.id,
                _ => return found,
            }
        }
    }

    async fn open_sends(&self, after: SendId) -> Vec<Send> {
        loop {
            match self.deps.store.open_sends(Some(after), PAGE).await {
                Ok(page) => return page,
                Err(error) => self.store_refused("reading the outbox", &error).await,
            }
        }
    }

    /// Whether somebody has taken the conversation over, so that the bot's messages wait.
    async fn is_taken(&self, conversation: ConversationId) -> bool {
        let holds = self.deps.settings.takeover.hold_unsent;
        holds && matches!(self.state(conversation).await, Some(Ok(state)) if state.control != Control::Bot)
    }

    /// A conversation as it stands, or the one that it became a part of; `None` if there is none. What that one does not
    /// know of yet nobody has: what its bot said stays here until it has arrived.
    pub(super) async fn state(&self, conversation: ConversationId) -> Option<Result<State, CodecError>> {
        let mut state = self.own_state(conversation).await;
        for _ in 0..MERGES {
            let Some(Ok(State { merged_into: Some(into), .. })) = &state else { break };
            let next = identity::conversation_id(&Partition(self.number.id.clone()), *into);
            let next = self.own_state(next).await;
            let arrived = matches!(&next, Some(Ok(next)) if next.absorbed.contains(&conversation));
            state = next.or(state);
            if let Some(Ok(state)) = state.as_mut().filter(|_| !arrived) {
                state.control = Control::silent(0, 0);
            }
        }
        state
    }

    async fn own_state(&self, conversation: ConversationId) -> Option<Result<State, CodecError>> {
        loop {
            match self.deps.store.load(conversation).await {
                Ok(head) => return head.map(|head| State::decode(&head.snapshot)),
                Err(error) => self.store_refused("reading a conversation", &error).await,
            }
        }
    }
}
