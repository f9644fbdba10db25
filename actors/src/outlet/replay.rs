//! Deliveries that somebody wants to have tried anew: one, or what a filter takes. The event keeps its id.

use super::list::DeliveryFilter;
use super::{Delivery, DeliveryState, Outlet, OutletError};

/// Why a delivery is not tried anew.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Nobody knows where to.
    #[error("no endpoint {0:?} is configured")]
    NoEndpoint(Box<str>),
    /// It could not be read or written.
    #[error(transparent)]
    Outlet(#[from] OutletError),
}

/// What a replay by filter did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries that are due now.
    pub replayed: usize,
    /// Deliveries that were left, for their endpoint is not configured.
    pub left: usize,
    /// Where to go on; `None` when all were looked at.
    pub next: Option<Box<str>>,
}

impl Outlet {
    /// Makes a delivery due now, with all tries before it; `None` if there is none. One that is under way is not disturbed.
    pub async fn replay(&self, id: &str) -> Result<Option<Delivery>, ReplayError> {
        let _one_at_a_time = self.lock(id).await;
        let Some(before) = self.delivery(id).await? else { return Ok(None) };
        let Some(endpoint) = self.endpoint(&before.endpoint) else {
            return Err(ReplayError::NoEndpoint(before.endpoint));
        };
        let mut after = before.clone();
        let now_ms = self.clock.now_ms();
        (after.state, after.rung, after.due_ms, after.changed_ms) = (DeliveryState::Pending, 0, now_ms, now_ms);
        let documents = vec![before.no_due_row(), after.due_row(), after.document()];
        self.store.put_documents(documents).await.map_err(OutletError::from)?;
        if before.state != DeliveryState::Pending {
            endpoint.one_more();
        }
        endpoint.wake.notify_one();
        Ok(Some(after))
    }

    /// Makes those due that a filter takes, newest first and at most `limit` at once.
    pub async fn replay_all(
        &self,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Replayed, OutletError> {
        let listed = self.list(filter, cursor, limit).await?;
        let mut done = Replayed { next: listed.next, ..Replayed::default() };
        for delivery in listed.items {
            match self.replay(&delivery.id).await {
                Ok(Some(_)) => done.replayed += 1,
                Ok(None) => {}
                Err(ReplayError::NoEndpoint(_)) => done.left += 1,
                Err(ReplayError::Outlet(error)) => return Err(error),
            }
        }
        Ok(done)
    }
}
