//! What operators decide about messages that wait in the outbox, and how a sender stands.

use std::time::Duration;

use ractor::rpc::CallResult;
use storage::{Change, Page, SendId, SendState, Settled};

use super::Engine;
use super::orders::OrderError;
use crate::codec;
use crate::letters::{DROPPED, How, Resolution};
use crate::records::{self, Control, DeadLetterPayload, Held, SendError, SendPayload};
use crate::seen;
use crate::sender::{self, SenderStatus};

/// How long a sender may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Letters looked through for the one of a message that was just dropped.
const LETTERS: usize = 200;

/// What became of a decision about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is in this state now.
    Now(SendState),
    /// It stands otherwise than what was asked needs.
    Not(SendState),
    /// A request for it is under way.
    UnderWay,
    /// Somebody answers in the bot's place: it leaves when the bot is back.
    WithHuman,
    /// There is no such message, or its number is not served here.
    Unknown,
}

impl Engine {
    /// Lets a message go now that is held or in doubt. One in doubt may be sent a second time by this.
    pub async fn release_send(&self, id: SendId) -> Result<Decided, OrderError> {
        let Some(row) = self.deps.store.sends(vec![id]).await?.into_iter().flatten().next() else {
            return Ok(Decided::Unknown);
        };
        if !matches!(row.state, SendState::Held | SendState::Uncertain) {
            return Ok(if row.state == SendState::Sending { Decided::UnderWay } else { Decided::Not(row.state) });
        }
        let held = SendError::of(&row).and_then(|error| error.held);
        if held == Some(Held::Takeover) && self.is_with_human(id).await? {
            return Ok(Decided::WithHuman);
        }
        let change = Change::Retry { due_ms: self.deps.clock.now_ms(), error: None };
        self.decide(&row, change).await
    }

    /// Ends a message that has not left. It becomes a dead letter, dropped by whoever asked.
    pub async fn drop_send(&self, id: SendId, by: &str, why: &str) -> Result<Decided, OrderError> {
        let Some(row) = self.deps.store.sends(vec![id]).await?.into_iter().flatten().next() else {
            return Ok(Decided::Unknown);
        };
        if row.state.is_settled() {
            return Ok(Decided::Not(row.state));
        }
        let payload: Option<SendPayload> = codec::decode(&row.payload).ok();
        let letter = DeadLetterPayload {
            detail: why.into(),
            node: payload.as_ref().and_then(|payload| payload.node.clone()),
            raw: payload.map(|payload| payload.message.raw().to_string().into()),
            tries: row.attempts,
            ..DeadLetterPayload::default()
        };
        let letter = records::dead_letter(None, Some(id), DROPPED, &letter);
        let decided = self.decide(&row, Change::Dead { letter, error: row.error.clone() }).await?;
        if decided == Decided::Now(SendState::Dead) {
            self.resolve_dropped(id, by, why).await?;
        }
        Ok(decided)
    }

    /// The sender takes the row out of its lane first, so that nothing is sent while this is written.
    async fn decide(&self, row: &storage::Send, change: Change) -> Result<Decided, OrderError> {
        let number = codec::decode::<SendPayload>(&row.payload).map(|payload| payload.number_id)?;
        let Some(sender) = self.deps.senders.get(&number) else { return Ok(Decided::Unknown) };
        let (send, nonce) = (row.id, row.nonce);
        let asked = sender.call(|reply| sender::Message::Decide { send, nonce, change, reply }, Some(PATIENCE)).await;
        Ok(match asked {
            Ok(CallResult::Success(Some(Settled::Now(state)))) => Decided::Now(state),
            Ok(CallResult::Success(Some(Settled::Unknown))) => Decided::Unknown,
            // Busy, or about to end.
            Ok(CallResult::Success(None) | CallResult::Timeout | CallResult::SenderError) | Err(_) => Decided::UnderWay,
        })
    }

    async fn resolve_dropped(&self, id: SendId, by: &str, why: &str) -> Result<(), OrderError> {
        let page = self.deps.store.dead_letters(Page { cursor: None, limit: LETTERS }).await?;
        let Some(letter) = page.items.iter().find(|letter| letter.send == Some(id)) else { return Ok(()) };
        let at_ms = self.deps.clock.now_ms();
        let resolution = Resolution { how: How::Dropped, by: by.into(), at_ms, why: Some(why.into()), send: None };
        self.deps.store.resolve_letters(vec![(letter.id, codec::encode(&resolution))]).await?;
        Ok(())
    }

    async fn is_with_human(&self, id: SendId) -> Result<bool, OrderError> {
        let found = self.destination(id.conversation).await?;
        Ok(found.is_some_and(|(_, state)| state.control != Control::Bot))
    }

    /// How the sender of a number stands; `None` if there is none, or it does not answer.
    pub async fn sender(&self, number_id: &str) -> Option<SenderStatus> {
        let sender = self.deps.senders.get(number_id)?;
        match sender.call(sender::Message::Describe, Some(PATIENCE)).await {
            Ok(CallResult::Success(status)) => Some(status),
            Ok(CallResult::Timeout | CallResult::SenderError) | Err(_) => None,
        }
    }

    /// Messages per second of the slowest number, if one has a limit.
    pub(crate) async fn slowest_rate(&self) -> Option<f64> {
        let rates = self.status().await.senders.into_values().filter_map(|sender| sender.per_second);
        rates.reduce(f64::min)
    }

    /// What somebody got of a broadcast: which place of it, and the message.
    pub(crate) async fn had_broadcast(
        &self,
        broadcast: &str,
        number_id: &str,
        to: &str,
    ) -> Result<Option<(u32, SendId)>, OrderError> {
        let Ok(target) = to.parse() else { return Ok(None) };
        let mark = seen::hash(&self.deps.store.secret(), &format!("broadcast:{broadcast}"));
        let reached = self.reach(number_id, &target).await?;
        Ok(reached.and_then(|reached| reached.state.broadcast(mark).map(|had| (had.place, had.send))))
    }
}
