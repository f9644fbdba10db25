//! The list of deliveries, newest first.

use storage::Listed;

use super::record::{self, TIME};
use super::{Delivery, DeliveryState, Outlet, OutletError};

/// Rows looked at for one page, whatever the filter leaves of them.
const LOOKED_AT: usize = 2_000;
const CHUNK: usize = 200;

/// Which deliveries are asked for.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this endpoint.
    pub endpoint: Option<Box<str>>,
    /// Of this type.
    pub kind: Option<Box<str>>,
    /// Of events that happened at this time or later.
    pub since_ms: Option<u64>,
}

impl DeliveryFilter {
    pub(super) fn takes(&self, delivery: &Delivery) -> bool {
        self.state.is_none_or(|state| state == delivery.state)
            && self.endpoint.as_ref().is_none_or(|endpoint| *endpoint == delivery.endpoint)
            && self.kind.as_ref().is_none_or(|kind| *kind == delivery.kind)
            && self.since_ms.is_none_or(|since_ms| delivery.created_ms >= since_ms)
    }
}

impl Outlet {
    /// A page of deliveries. It may be short and still have a next one.
    pub async fn list(
        &self,
        filter: &DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Delivery>, OutletError> {
        let (mut items, mut after) = (Vec::new(), cursor.map(Box::<str>::from));
        for _ in 0..LOOKED_AT / CHUNK {
            let rows = self.store.documents_page(TIME, after.as_deref(), CHUNK).await?;
            let is_last = rows.len() < CHUNK;
            for (key, _) in rows {
                if items.len() == limit {
                    return Ok(Listed { items, next: after });
                }
                let found = match record::read_time(&key) {
                    Some(id) => self.delivery(id).await?,
                    None => None,
                };
                items.extend(found.filter(|delivery| filter.takes(delivery)));
                after = Some(key);
            }
            if is_last {
                return Ok(Listed { items, next: None });
            }
        }
        Ok(Listed { items, next: after })
    }
}
