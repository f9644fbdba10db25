//! The router reads what was accepted in journal order, finds out whose it is, and hands it to that conversation's
//! shard. It is the only reader of new inbox rows, so their order is the order of delivery.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use storage::{Alias, ContactId, ConversationId, Inbound, InboxSeq, StoreError};

use crate::deps::Deps;
use crate::identity;
use crate::queue::Item;
use crate::shard;

/// Rows read at once.
const PAGE: usize = 256;
/// People whose contact is remembered; the older half is forgotten when it is full.
const REMEMBERED_PEOPLE: usize = 65_536;
/// When a read failed, or too much waits, the router looks again after this long.
const PAUSE_MS: u64 = 200;

pub(crate) struct Router;

pub(crate) struct Arguments {
    pub deps: Arc<Deps>,
    pub shards: Vec<ActorRef<shard::Message>>,
    /// Set while a `Pull` is in the mailbox.
    pub pulling: Arc<AtomicBool>,
}

pub(crate) enum Message {
    /// Something was appended.
    Pull,
    /// A conversation worked off its queue; what was held for it may come.
    Refill { conversation: ConversationId, from: InboxSeq },
    /// Conversations whose wake time is due.
    Due(Vec<ConversationId>),
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

    async fn handle(&self, myself: ActorRef<Message>, message: Message, state: &mut State) -> Result<(), ActorProcessingErr> {
        if state.stopped {
            return Ok(());
        }
        match message {
            Message::Pull => state.on_pull(&myself).await,
            Message::Refill { conversation, from } => state.on_refill(&myself, conversation, from).await,
            Message::Due(due) => state.on_due(due),
            Message::Retry => state.broadcast(|| shard::Message::Retry),
            Message::Stop => {
                state.stopped = true;
                Ok(())
            }
        }
    }

    // Shards are supervised by the engine; nothing is linked here.
    async fn handle_supervisor_evt(&self, _: ActorRef<Message>, _: SupervisionEvent, _: &mut State) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl State {
    async fn on_pull(&mut self, myself: &ActorRef<Message>) -> Result<(), ActorProcessingErr> {
        self.pulling.store(false, Ordering::Release);
        if self.deps.load.is_full() {
            self.again_later(myself, Message::Pull);
            return Ok(());
        }
        let rows = match self.deps.store.pending(self.cursor, PAGE).await {
            Ok(rows) => rows,
            Err(error) => {
                crate::events::route_failed(&error);
                self.again_later(myself, Message::Pull);
                return Ok(());
            }
        };
        let Some((last, _)) = rows.last() else { return Ok(()) };
        let (last, more) = (*last, rows.len() == PAGE);
        let mut batches: Vec<Vec<(ConversationId, Item)>> = self.shards.iter().map(|_| Vec::new()).collect();
        for (seq, row) in rows {
            match self.conversation(&row).await {
                Ok(id) => batches[self.shard_of(id)].push((id, Item { seq, row: Some(row) })),
                Err(error) => {
                    // Nothing of this page was handed out yet: the whole page comes again.
                    crate::events::route_failed(&error);
                    self.again_later(myself, Message::Pull);
                    return Ok(());
                }
            }
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
    async fn on_refill(&mut self, myself: &ActorRef<Message>, conversation: ConversationId, from: InboxSeq) -> Result<(), ActorProcessingErr> {
        let limit = self.deps.settings.mailbox_limit;
        let (mut items, mut after) = (Vec::new(), InboxSeq(from.0.saturating_sub(1)));
        let mut held_from = None;
        let cursor = self.cursor;
        while held_from.is_none() && after < cursor {
            let rows = match self.deps.store.pending(after, PAGE).await {
                Ok(rows) => rows,
                Err(error) => {
                    crate::events::route_failed(&error);
                    self.again_later(myself, Message::Refill { conversation, from });
                    return Ok(());
                }
            };
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (seq, row) in rows.into_iter().filter(|(seq, _)| *seq <= cursor) {
                if self.conversation(&row).await.ok() != Some(conversation) {
                    continue;
                }
                if items.len() == limit {
                    held_from = Some(seq);
                    break;
                }
                items.push(Item { seq, row: None });
            }
        }
        self.shards[self.shard_of(conversation)].cast(shard::Message::Refill { conversation, items, held_from })?;
        Ok(())
    }

    fn on_due(&self, due: Vec<ConversationId>) -> Result<(), ActorProcessingErr> {
        for conversation in due {
            self.shards[self.shard_of(conversation)].cast(shard::Message::Tick(conversation))?;
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

    async fn conversation(&mut self, row: &Inbound) -> Result<ConversationId, StoreError> {
        let remembered = row.aliases.iter().find_map(|alias| self.people.get(alias));
        let contact = match remembered {
            Some(contact) => contact,
            None => identity::contact_or_first(self.deps.store.resolve(row.aliases.clone()).await?, row),
        };
        // All of them: the turn that writes the links down may not have committed when the next message comes.
        for alias in &row.aliases {
            self.people.remember(alias, contact);
        }
        Ok(identity::conversation_id(&row.partition, contact))
    }

    fn shard_of(&self, id: ConversationId) -> usize {
        usize::from(id.0[15]) % self.shards.len()
    }
}

/// Recently seen people, in two generations.
#[derive(Default)]
struct People {
    young: HashMap<Alias, ContactId>,
    old: HashMap<Alias, ContactId>,
}

impl People {
    fn get(&self, alias: &Alias) -> Option<ContactId> {
        self.young.get(alias).or_else(|| self.old.get(alias)).copied()
    }

    fn remember(&mut self, alias: &Alias, contact: ContactId) {
        if self.young.contains_key(alias) {
            return;
        }
        if self.young.len() >= REMEMBERED_PEOPLE / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(alias.clone(), contact);
    }
}
