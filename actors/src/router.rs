//! The router reads what was accepted in journal order, finds out whose it is, and hands it to that conversation's
//! shard. It is the only reader of new inbox rows, so their order is the order of delivery.

mod people;
mod whose;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use storage::{ConversationId, Erase, Inbound, InboxSeq, StoreError};

use crate::deps::Deps;
use crate::identity;
use crate::queue::Item;
use crate::shard;
use people::People;
use whose::Whose;

/// Rows read at once.
const PAGE: usize = 256;
/// When a read failed, or too much waits, the router looks again after this long.
const PAUSE_MS: u64 = 200;

pub(crate) struct Router;

pub(crate) struct Arguments {
    pub deps: Arc<Deps>,
    pub shards: Vec<ActorRef<shard::Message>>,
    /// Set while a `Pull` is in the mailbox or on its way there.
    pub pulling: Arc<AtomicBool>,
}

/// Reading what was held for a conversation, page by page.
pub(crate) struct Refill {
    conversation: ConversationId,
    after: InboxSeq,
    items: Vec<Item>,
}

/// Rows of the inbox.
struct Page {
    items: Vec<(ConversationId, Item)>,
    /// The last row that was read.
    last: Option<InboxSeq>,
    /// There may be more.
    full: bool,
}

pub(crate) enum Message {
    /// Something was appended.
    Pull,
    /// A conversation worked off its queue; what was held for it may come.
    Refill { conversation: ConversationId, from: InboxSeq },
    /// The next page of it: in between, others get their turn.
    RefillOn(Refill),
    /// A conversation's messages have left; it takes inputs again.
    Resume(ConversationId),
    /// Conversations whose wake time is due.
    Due(Vec<ConversationId>),
    /// People were erased: nobody is remembered who has a tombstone.
    Forget,
    /// A bot version went live.
    Retry,
    /// Hand out nothing more.
    Stop,
}

pub(crate) struct State {
    deps: Arc<Deps>,
    shards: Vec<ActorRef<shard::Message>>,
    pulling: Arc<AtomicBool>,
    cursor: InboxSeq,
    people: People,
    stopped: bool,
}

impl Actor for Router {
    type Msg = Message;
    type State = State;
    type Arguments = Arguments;

    async fn pre_start(&self, _: ActorRef<Message>, args: Arguments) -> Result<State, ActorProcessingErr> {
        let Arguments { deps, shards, pulling } = args;
        Ok(State { deps, shards, pulling, cursor: InboxSeq(0), people: People::default(), stopped: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if state.stopped {
            return Ok(());
        }
        match message {
            Message::Pull => state.on_pull(&myself).await,
            Message::Refill { conversation, from } => {
                let after = InboxSeq(from.0.saturating_sub(1));
                state.on_refill(&myself, Refill { conversation, after, items: Vec::new() }).await
            }
            Message::RefillOn(refill) => state.on_refill(&myself, refill).await,
            Message::Resume(id) => Ok(state.shard_of(id).cast(shard::Message::Resume(id))?),
            Message::Due(due) => state.on_due(due),
            Message::Forget => {
                let tombs = state.deps.tombs.clone();
                state.people.forget(|contact| tombs.is_dead(contact));
                Ok(())
            }
            Message::Retry => state.broadcast(|| shard::Message::Retry),
            Message::Stop => {
                state.stopped = true;
                Ok(())
            }
        }
    }

    // Shards are supervised by the engine; nothing is linked here.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Message>,
        _: SupervisionEvent,
        _: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl State {
    async fn on_pull(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        if self.deps.load.is_full() {
            self.again_later(myself, Message::Pull);
            return Ok(());
        }
        // What is appended from here on asks for a pull of its own.
        self.pulling.store(false, Ordering::Release);
        let page = match self.page(self.cursor).await {
            Ok(page) => page,
            Err(error) => {
                crate::events::route_failed(&error);
                if !self.pulling.swap(true, Ordering::AcqRel) {
                    self.again_later(myself, Message::Pull);
                }
                return Ok(());
            }
        };
        let Page { items, last, full: more } = page;
        let Some(last) = last else { return Ok(()) };
        let mut batches: Vec<Vec<(ConversationId, Item)>> = self.shards.iter().map(|_| Vec::new()).collect();
        for (id, item) in items {
            batches[self.place_of(id)].push((id, item));
        }
        for (shard, batch) in self.shards.iter().zip(batches) {
            if !batch.is_empty() {
                shard.cast(shard::Message::Deliver(batch))?;
            }
        }
        self.cursor = last;
        if more && !self.pulling.swap(true, Ordering::AcqRel) {
            myself.cast(Message::Pull)?;
        }
        Ok(())
    }

    /// Reads what was held for a conversation, up to where the router is: later rows come by themselves.
    async fn on_refill(&mut self, myself: &ActorRef<Message>, mut refill: Refill) -> Result<(), ActorProcessingErr> {
        let limit = self.deps.settings.mailbox_limit.max(1);
        let page = match self.page(refill.after).await {
            Ok(page) => page,
            Err(error) => {
                crate::events::route_failed(&error);
                self.again_later(myself, Message::RefillOn(refill));
                return Ok(());
            }
        };
        let Page { items, last, full } = page;
        let mut held_from = None;
        for (id, item) in items {
            if item.seq > self.cursor || held_from.is_some() {
                break;
            }
            if id == refill.conversation && refill.items.len() == limit {
                held_from = Some(item.seq);
            } else if id == refill.conversation {
                refill.items.push(Item { row: None, ..item });
            }
        }
        refill.after = last.unwrap_or(self.cursor);
        if full && held_from.is_none() && refill.after < self.cursor {
            myself.cast(Message::RefillOn(refill))?;
            return Ok(());
        }
        let Refill { conversation, items, .. } = refill;
        self.shard_of(conversation).cast(shard::Message::Refill { conversation, items, held_from })?;
        Ok(())
    }

    /// The next rows, with the conversations that they belong to. What is of somebody who was erased goes.
    async fn page(&mut self, after: InboxSeq) -> Result<Page, StoreError> {
        let mut rows = self.deps.store.pending(after, PAGE).await?;
        let (last, full) = (rows.last().map(|(seq, _)| *seq), rows.len() == PAGE);
        if !self.deps.tombs.is_empty() {
            rows = self.without_dropped(rows).await?;
        }
        // All strangers of a page are looked up at once: one after the other, each would wait for the store's threads.
        let strangers = rows.iter().map(|(seq, row)| (*seq, whose::strangers(&self.people, row)));
        let lookups: Vec<_> = strangers.filter(|(_, aliases)| !aliases.is_empty()).collect();
        let lookups = lookups.into_iter().map(async |(seq, aliases)| {
            let contacts = self.deps.store.resolve_each(aliases.clone()).await;
            (seq, contacts.map(|contacts| aliases.into_iter().zip(contacts).collect::<whose::Found>()))
        });
        let mut found = join_all(lookups).await.into_iter().peekable();
        let mut items = Vec::with_capacity(rows.len());
        for (seq, row) in rows {
            let found = found.next_if(|(stranger, _)| *stranger == seq).map(|(_, found)| found).transpose()?;
            let found = found.unwrap_or_default();
            let Whose { contact, merge_into } = whose::whose(&mut self.people, &self.deps, &row, &found).await?;
            let id = identity::conversation_id(&row.partition, contact);
            items.push((id, Item { seq, row: Some(row), merge_into }));
        }
        Ok(Page { items, last, full })
    }

    async fn without_dropped(&self, rows: Vec<(InboxSeq, Inbound)>) -> Result<Vec<(InboxSeq, Inbound)>, StoreError> {
        let (dropped, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| self.deps.tombs.drops(row));
        if !dropped.is_empty() {
            let gone = dropped.iter().map(|(seq, _)| Erase::Inbox(*seq)).collect();
            let count = self.deps.store.erase(gone, PAGE).await?;
            crate::events::late_rows_dropped(count);
        }
        Ok(rows)
    }

    fn on_due(&self, due: Vec<ConversationId>) -> Result<(), ActorProcessingErr> {
        for conversation in due {
            self.shard_of(conversation).cast(shard::Message::Tick(conversation))?;
        }
        Ok(())
    }

    fn broadcast(&self, message: impl Fn() -> shard::Message) -> Result<(), ActorProcessingErr> {
        for shard in &self.shards {
            shard.cast(message())?;
        }
        Ok(())
    }

    fn again_later(&self, myself: &ActorRef<Message>, message: Message) {
        let (clock, router) = (self.deps.clock.clone(), myself.clone());
        tokio::spawn(async move {
            let again_ms = clock.now_ms() + PAUSE_MS;
            clock.wait_until(again_ms).await;
            // An error means that the engine is shutting down.
            let _gone = router.cast(message);
        });
    }

    fn place_of(&self, id: ConversationId) -> usize {
        shard::place_of(id, self.shards.len())
    }

    fn shard_of(&self, id: ConversationId) -> &ActorRef<shard::Message> {
        shard::of(&self.shards, id)
    }
}
