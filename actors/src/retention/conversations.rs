//! Conversations that grew old: those in which nothing goes on any more go whole; of the others goes what is older than
//! the policy, while their state stays, so that no run is cut in the middle. So does the state of somebody who wants no
//! marketing, which is to hold for as long as we can write to them.

use std::sync::Arc;

use storage::{ConversationId, Erase, Page, SendId, Store};

use super::BATCH;
use crate::codec;
use crate::contacts::{ContactError, Contacts};
use crate::events;
use crate::identity;
use crate::metrics::Metrics;
use crate::records::{Control, HistoryEntry, State};

/// Conversations looked at in one step.
const PAGE: usize = 200;

/// What grows old.
pub(super) struct Old<'a> {
    pub store: &'a dyn Store,
    pub contacts: &'a Contacts,
    pub metrics: &'a Metrics,
    pub before_ms: u64,
}

impl Old<'_> {
    /// Removes what is old. What cannot be read stays, and is told.
    pub(super) async fn remove(&self) -> Result<(), ContactError> {
        self.idle().await?;
        self.active().await
    }

    async fn idle(&self) -> Result<(), ContactError> {
        let mut after = None;
        loop {
            let page = self.store.idle_conversations(after, self.before_ms, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
            for (_, id) in page {
                self.one_idle(id).await?;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn one_idle(&self, id: ConversationId) -> Result<(), ContactError> {
        let Some(head) = self.store.load(id).await?.filter(|head| head.updated_ms < self.before_ms) else {
            return Ok(());
        };
        let state = match State::decode(&head.snapshot) {
            Ok(state) => state,
            Err(error) => {
                events::not_forgotten("a conversation", &error.to_string());
                return Ok(());
            }
        };
        let goes_on = state.bot.is_waiting() || state.bot.handed_over().is_some() || head.wake_ms.is_some();
        // Nothing else knows that they said stop, and under which ids.
        let said_stop = state.opted_out();
        if goes_on || said_stop || state.control != Control::Bot || self.has_open_sends(id).await? {
            return self.trim(id, head.next_entry).await;
        }
        // Whoever writes in this moment has another revision: then it stays, and is not idle any more.
        let what = || vec![Erase::Conversation { id, revision: Some(head.revision) }];
        if self.erase(what, "conversation").await? > 0 && self.store.load(id).await?.is_none() {
            self.forget_ids(id, &state).await?;
        }
        Ok(())
    }

    /// The ids of somebody of whom nothing else is left lead nowhere.
    async fn forget_ids(&self, id: ConversationId, state: &State) -> Result<(), ContactError> {
        let contact = identity::contact_of(id);
        if self.contacts.exists(contact).await? {
            return Ok(());
        }
        // Whoever writes in this moment keeps them.
        let places: Arc<[ConversationId]> = self.contacts.places(contact).into_keys().collect();
        let former = state.former.iter().map(|former| former.alias.clone());
        let numbers = state.former.iter().filter_map(|former| former.alias.0.strip_prefix("wa:"));
        let own = state.person.wa_id.as_deref().map(identity::phone_alias);
        let aliases = state.aliases.iter().cloned().chain(former).chain(numbers.map(identity::former_alias)).chain(own);
        let what: Vec<_> = aliases.map(|alias| Erase::AliasOfNobody(alias, contact, places.clone())).collect();
        self.erase(|| what.clone(), "alias").await?;
        Ok(())
    }

    async fn has_open_sends(&self, id: ConversationId) -> Result<bool, ContactError> {
        let first = self.store.open_sends(Some(SendId { conversation: id, n: 0 }), 1).await?;
        Ok(first.first().is_some_and(|send| send.id.conversation == id))
    }

    async fn active(&self) -> Result<(), ContactError> {
        let mut page = Page { cursor: None, limit: PAGE };
        loop {
            let listed = self.store.conversations(None, page).await?;
            for (id, head) in listed.items {
                if head.created_ms < self.before_ms && head.updated_ms >= self.before_ms {
                    match self.first_young(id, head.next_entry).await {
                        Ok(below) => self.trim(id, below).await?,
                        Err(ContactError::Damaged(_)) => events::unreadable("history", 1),
                        Err(error) => return Err(error),
                    }
                }
            }
            let Some(next) = listed.next else { return Ok(()) };
            page = Page { cursor: Some(next), limit: PAGE };
            tokio::task::yield_now().await;
        }
    }

    /// The index of the first entry that is young enough, found by halving: entries stand in the order of time.
    async fn first_young(&self, id: ConversationId, next_entry: u64) -> Result<u64, ContactError> {
        let (mut low, mut high) = (0, next_entry);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.store.history_from(id, middle, 1).await?;
            let Some(entry) = found.first().filter(|entry| entry.index < high) else {
                high = middle;
                continue;
            };
            let is_old = codec::decode::<HistoryEntry>(&entry.payload)?.at_ms < self.before_ms;
            if is_old {
                low = entry.index + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    async fn trim(&self, id: ConversationId, below: u64) -> Result<(), ContactError> {
        if below > 0 {
            self.erase(|| vec![Erase::History { id, below }], "history").await?;
        }
        Ok(())
    }

    async fn erase(&self, what: impl Fn() -> Vec<Erase>, kind: &'static str) -> Result<usize, ContactError> {
        let mut all = 0;
        loop {
            let gone = self.store.erase(what(), BATCH).await?;
            events::forgotten(self.metrics, kind, gone);
            all += gone;
            if gone == 0 {
                return Ok(all);
            }
            tokio::task::yield_now().await;
        }
    }
}
