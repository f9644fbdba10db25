//! How an actor starts after its predecessor failed: it trusts the store only.

use std::collections::HashSet;

use storage::{SendId, SendState};

use super::{State, Trouble};
use crate::bots::Choice;
use crate::queue::HANDLING_TICK;

/// Open outbox rows read at once.
const PAGE: usize = 100;

/// What the predecessor left behind.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    pub give_up: Option<GiveUp>,
}

/// An input that failed too often.
#[derive(Clone, Debug)]
pub(crate) struct GiveUp {
    pub input: u64,
    /// The failure's text.
    pub detail: Box<str>,
    /// How often it ran.
    pub runs: u32,
    /// Giving it up failed as well: it is not even looked at any more.
    pub unread: bool,
}

impl State {
    /// Drops inputs that were committed before the failure, gives up the one that keeps failing, and hands over what was
    /// committed and did not reach the sender.
    pub(super) async fn recover(&mut self) -> Result<(), Trouble> {
        let queued = self.queue.sequences();
        let open: HashSet<_> = self.deps.store.inbox(queued).await?.into_iter().map(|(seq, _)| seq).collect();
        self.queue.retain(|seq| open.contains(&seq), &self.deps.load);
        if let Some(give_up) = self.recovery.as_ref().and_then(|recovery| recovery.give_up.clone()) {
            self.give_up(&give_up).await?;
            self.recovery = Some(Recovery { give_up: None });
        }
        self.hand_over_again().await?;
        self.recovery = None;
        Ok(())
    }

    async fn give_up(&mut self, give_up: &GiveUp) -> Result<(), Trouble> {
        let timer = give_up.input == HANDLING_TICK;
        let wanted = if timer { Vec::new() } else { vec![storage::InboxSeq(give_up.input)] };
        let item = self.deps.store.inbox(wanted).await?.pop();
        if item.is_none() && !timer {
            return Ok(());
        }
        let loaded = self.load().await?;
        let deps = self.deps.clone();
        let settled = self.settled_letters(item.iter().map(|(_, row)| row)).await?;
        let mut draft = self.draft(&deps, loaded).with_settled(settled);
        let number = item.as_ref().map_or(&draft.after.state.number_id, |(_, row)| &row.partition.0);
        let bot = match self.choose(&draft, number) {
            Choice::Run(bot) => Some(bot),
            Choice::Move(plan) => Some(plan.from.unwrap_or(plan.to)),
            Choice::Nobody | Choice::Wait(_) => None,
        };
        self.handling(give_up.input);
        match item {
            Some((seq, row)) => draft.give_up_message(seq, &row, bot.as_ref(), give_up),
            None => {
                draft.give_up_timer(bot.as_ref(), give_up);
                self.queue.take_tick();
            }
        }
        self.commit(draft).await?;
        self.moved_on();
        Ok(())
    }

    /// If nobody knows whether the last commit happened, it may have queued messages that nobody sends. The sender
    /// ignores those that it has.
    async fn hand_over_again(&mut self) -> Result<(), Trouble> {
        let loaded = self.load().await?;
        let number_id = loaded.state.number_id.clone();
        self.loaded = Some(loaded);
        let mut after = SendId { conversation: self.id, n: 0 };
        loop {
            let page = self.deps.store.open_sends(Some(after), PAGE).await?;
            let ours: Vec<_> = page.into_iter().filter(|row| row.id.conversation == self.id).collect();
            let Some(last) = ours.last() else { return Ok(()) };
            after = last.id;
            let queued = ours.into_iter().filter(|row| row.state == SendState::Queued).collect();
            self.deps.senders.hand_over_again(&number_id, queued);
        }
    }
}
