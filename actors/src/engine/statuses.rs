//! Status webhooks, and what they tell about the person beside how far a message came.

use storage::{Accept, Inbound, Partition, SendId, StoreError};
use whatsapp::webhook::{ErrorObject, StatusUpdate};

use super::Engine;
use crate::records::inbox::{InboxPayload, Told};
use crate::{identity, records, sender};

impl Engine {
    /// Whether a status is of a message to somebody who was erased.
    pub fn is_of_erased(&self, update: &StatusUpdate) -> bool {
        sender::is_of_erased(&self.deps, update)
    }

    /// T3: commits them all, then tells the senders. Answers those that belong to nothing that is known here. Those of
    /// messages to people who were erased change nothing.
    pub async fn statuses<'a>(&self, updates: &'a [StatusUpdate]) -> Result<Vec<&'a StatusUpdate>, StoreError> {
        let now_ms = self.deps.clock.now_ms();
        let unknown = sender::apply_statuses(&self.deps, updates).await?;
        let known = updates.iter().filter(|update| !unknown.iter().any(|other| std::ptr::eq(*other, *update)));
        let known = known.filter(|update| !self.is_of_erased(update));
        let told: Vec<_> = known.flat_map(|update| told(update, now_ms)).map(Accept::Message).collect();
        if !told.is_empty() {
            self.deps.store.append(told).await?;
        }
        Ok(unknown)
    }
}

fn told(update: &StatusUpdate, now_ms: u64) -> Vec<Inbound> {
    let Some((send, _)) = update.callback_data.as_deref().and_then(records::parse_callback_data) else {
        return Vec::new();
    };
    let conversation = update.details().conversation.filter(|conversation| conversation.is_free_entry());
    let free_entry = conversation.and_then(|conversation| conversation.expires_ms);
    let stopped = update.errors.iter().any(ErrorObject::is_marketing_stopped);
    let at_ms = update.at_ms.unwrap_or(now_ms);
    let free_entry = free_entry.map(|until_ms| Told::FreeEntry { until_ms });
    let stopped = stopped.then_some(Told::MarketingStopped { at_ms });
    free_entry.into_iter().chain(stopped).map(|told| row(&update.phone_number_id, send, told, now_ms)).collect()
}

fn row(number_id: &str, send: SendId, told: Told, now_ms: u64) -> Inbound {
    InboxPayload::Told(told).to(identity::contact_of(send.conversation), &Partition(number_id.into()), now_ms)
}
