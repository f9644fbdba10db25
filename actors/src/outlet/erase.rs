//! Events about people who are erased: delivered, given up and still to be tried.

use serde_json::Value;

use super::record::DELIVERY;
use super::{Delivery, DeliveryState, Outlet, OutletError};
use crate::codec;
use crate::erasure::mentions;
use crate::events;

/// Rows looked at in one step.
const CHUNK: usize = 500;
/// Events that an export shows.
const EXPORTED: usize = 1_000;

impl Outlet {
    /// Removes the deliveries whose body names one of these words; with `only_count` it removes nothing. Answers how many.
    /// One that is under way comes to its end first.
    pub(crate) async fn erase(&self, words: &[String], only_count: bool) -> Result<usize, OutletError> {
        let (mut count, mut unreadable) = (0, 0);
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(DELIVERY, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (id, bytes) in page {
                let named = codec::decode::<Delivery>(&bytes).map(|delivery| names(&delivery, words));
                unreadable += usize::from(named.is_err());
                if !named.unwrap_or_else(|_| mentions(&bytes, words)) {
                    continue;
                }
                count += 1;
                if !only_count {
                    self.erase_one(&id).await?;
                }
            }
        }
        events::unreadable(DELIVERY, unreadable);
        Ok(count)
    }

    async fn erase_one(&self, id: &str) -> Result<(), OutletError> {
        let _one_at_a_time = self.lock(id).await;
        let delivery = match self.delivery(id).await {
            // Its rows in the lists lead to nothing then, and go when they are looked at.
            Err(OutletError::Damaged(_)) => return Ok(self.store.put_document(DELIVERY, id, None).await?),
            delivery => delivery?,
        };
        if let Some(delivery) = delivery {
            self.store.put_documents(delivery.removal()).await?;
            if let Some(endpoint) =
                self.endpoint(&delivery.endpoint).filter(|_| delivery.state == DeliveryState::Pending)
            {
                endpoint.one_less();
            }
        }
        Ok(())
    }

    /// The newest events about them, as they were or will be sent.
    pub(crate) async fn naming(&self, words: &[String]) -> Result<Vec<Value>, OutletError> {
        let (mut found, mut after) = (Vec::new(), None::<Box<str>>);
        while found.len() < EXPORTED {
            let page = self.store.documents_page(DELIVERY, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (_, bytes) in page {
                let Ok(delivery) = codec::decode::<Delivery>(&bytes) else { continue };
                if names(&delivery, words) && found.len() < EXPORTED {
                    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
                    found.push(serde_json::json!({
                        "id": delivery.id, "endpoint": delivery.endpoint, "state": delivery.state.name(), "body": body,
                    }));
                }
            }
        }
        Ok(found)
    }
}

fn names(delivery: &Delivery, words: &[String]) -> bool {
    mentions(delivery.body.as_bytes(), words)
        || delivery.answer.as_deref().is_some_and(|answer| mentions(answer.as_bytes(), words))
}
