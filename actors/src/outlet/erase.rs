//! Events about people who are erased: delivered, given up and still to be tried.

use serde_json::Value;

use super::record::DELIVERY;
use super::{Delivery, DeliveryState, Outlet, OutletError};
use crate::codec;
use crate::erasure::mentions;

/// Rows looked at in one step.
const CHUNK: usize = 500;
/// Events that an export shows.
const EXPORTED: usize = 1_000;

impl Outlet {
    /// Removes the deliveries whose body names one of these words; with `only_count` it removes nothing. Answers how many.
    /// One that is under way comes to its end first.
    pub(crate) async fn erase(&self, words: &[String], only_count: bool) -> Result<usize, OutletError> {
        let mut count = 0;
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(DELIVERY, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(last.clone());
            for (id, bytes) in page {
                if !names(&codec::decode::<Delivery>(&bytes)?, words) {
                    continue;
                }
                count += 1;
                if !only_count {
                    self.erase_one(&id).await?;
                }
            }
        }
    }

    async fn erase_one(&self, id: &str) -> Result<(), OutletError> {
        let _one_at_a_time = self.lock(id).await;
        if let Some(delivery) = self.delivery(id).await? {
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
                let delivery: Delivery = codec::decode(&bytes)?;
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
