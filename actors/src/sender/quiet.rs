//! What leaves the lanes without leaving: held while a person answers, given up, released, or decided by an operator.

use std::collections::BTreeSet;

use ractor::RpcReplyPort;
use storage::{Change, ConversationId, SendId, SendState, Settlement};

use super::{Message, State};
use crate::records::{Held, SendError};

/// Conversations with rows that wait for the bot's return: it may be back since before the process began.
pub(super) fn held_at_takeovers(rows: &[storage::Send]) -> BTreeSet<ConversationId> {
    let held = |row: &&storage::Send| {
        row.state == SendState::Held && SendError::of(row).and_then(|error| error.held) == Some(Held::Takeover)
    };
    rows.iter().filter(held).map(|row| row.id.conversation).collect()
}

impl State {
    pub(super) fn on_hold(&mut self, conversation: ConversationId, held: Held) {
        let rows = self.lanes.take_out(conversation);
        if rows.is_empty() {
            return;
        }
        for row in &rows {
            self.left(row.id);
        }
        *self.being_held.entry(conversation).or_default() += 1;
        let (job, sender) = (self.job.clone(), self.me.clone());
        tokio::spawn(async move {
            job.hold(rows, held).await;
            // An error means that the engine is shutting down.
            let _gone = sender.cast(Message::IsHeld(conversation));
        });
    }

    pub(super) fn on_is_held(&mut self, conversation: ConversationId) {
        match self.being_held.get_mut(&conversation) {
            Some(times) if *times > 1 => *times -= 1,
            _ => drop(self.being_held.remove(&conversation)),
        }
    }

    /// Whether a bot's message may be about to be held.
    fn is_being_held(&self, conversation: ConversationId) -> bool {
        self.being_held.contains_key(&conversation) || self.lanes.bot_is_under_way(conversation)
    }

    pub(super) fn answer_quiet(&mut self) {
        let waiting = std::mem::take(&mut self.quiet);
        let busy = |id: &ConversationId| self.is_being_held(*id) || self.lanes.is_blocked(*id);
        let (wait, quiet): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(ids, _)| ids.iter().any(busy));
        self.quiet = wait;
        for (_, reply) in quiet {
            // Whoever asked may have gone.
            let _gone = reply.send(());
        }
    }

    /// What was held leaves before what is newer.
    pub(super) fn on_release(&mut self, conversation: ConversationId, held: Held) {
        self.lanes.block(conversation);
        self.releases.push((conversation, held));
    }

    /// Puts back what is to be put back, but nothing that bots said while more of it may be about to be held: that would
    /// come too late, and leave after what is newer.
    pub(super) fn start_releases(&mut self) {
        let releases = std::mem::take(&mut self.releases);
        let waits = |(id, held): &(ConversationId, Held)| *held == Held::Takeover && self.is_being_held(*id);
        let (wait, go): (Vec<_>, Vec<_>) = releases.into_iter().partition(waits);
        self.releases = wait;
        for (conversation, held) in go {
            let (job, sender) = (self.job.clone(), self.me.clone());
            tokio::spawn(async move {
                let rows = job.release(conversation, held).await;
                // An error means that the engine is shutting down: they are open in the store.
                let _gone = sender.cast(Message::Released(conversation, rows));
            });
        }
    }

    /// Takes the message out of its lane, which stands still until the decision is written, and takes it up as it is then.
    pub(super) fn on_decide(
        &mut self,
        send: SendId,
        nonce: u32,
        change: Change,
        reply: RpcReplyPort<Option<storage::Settled>>,
    ) {
        if self.lanes.is_under_way(send) {
            let _gone = reply.send(None);
            return;
        }
        if self.lanes.status(send, SendState::Dead) {
            self.left(send);
        }
        self.lanes.block(send.conversation);
        let (job, sender, at_ms) = (self.job.clone(), self.me.clone(), self.now_ms());
        tokio::spawn(async move {
            let settlement = Settlement { send, nonce: Some(nonce), at_ms, change };
            let settled = job.settle_all(vec![settlement]).await.first().copied();
            let mut rows: Vec<_> = job.stored(vec![send]).await.into_iter().flatten().collect();
            rows.retain(|row| !row.state.is_settled());
            // Whoever asked may have gone; an error of the cast means that the engine is shutting down.
            let _gone = sender.cast(Message::Released(send.conversation, rows));
            let _gone = reply.send(settled);
        });
    }
}
