//! Deliveries that grew old go: those that are settled, those whose endpoint nobody has any more, and those that nobody can read.

use super::record::{self, DELIVERY, TIME};
use super::{Delivery, DeliveryState, Outlet, OutletError};

const CHUNK: usize = 100;

impl Outlet {
    /// Removes what is of an event from before a time, and has not changed since, up to `limit`. Answers how many went, and
    /// whether there may be more.
    pub async fn prune(&self, before_ms: u64, limit: usize) -> Result<(usize, bool), OutletError> {
        let (mut pruned, mut after) = (0, record::time_key(before_ms, ""));
        loop {
            let rows = self.store.documents_page(TIME, Some(&after), CHUNK).await?;
            let Some((last, _)) = rows.last() else { return Ok((pruned, false)) };
            after = last.clone();
            for (key, _) in rows {
                if pruned == limit {
                    return Ok((pruned, true));
                }
                pruned += usize::from(self.prune_one(&key, before_ms).await?);
            }
        }
    }

    async fn prune_one(&self, key: &str, before_ms: u64) -> Result<bool, OutletError> {
        let id = record::read_time(key).unwrap_or_default();
        let _one_at_a_time = self.lock(id).await;
        let delivery = match self.delivery(id).await {
            Ok(Some(delivery)) => delivery,
            Ok(None) => {
                self.store.put_document(TIME, key, None).await?;
                return Ok(false);
            }
            // The list says how old it is, and nobody can deliver it.
            Err(OutletError::Damaged(_)) => {
                let gone = [(DELIVERY, id), (TIME, key)];
                self.store.put_documents(gone.map(|(kind, key)| (kind.into(), key.into(), None)).into()).await?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let is_old = self.is_settled(&delivery) && delivery.created_ms.max(delivery.changed_ms) < before_ms;
        if is_old {
            self.store.put_documents(delivery.removal()).await?;
        }
        Ok(is_old)
    }

    fn is_settled(&self, delivery: &Delivery) -> bool {
        delivery.state != DeliveryState::Pending || self.endpoint(&delivery.endpoint).is_none()
    }
}
