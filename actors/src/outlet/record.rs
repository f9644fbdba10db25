//! What the store knows of deliveries.
//!
//! `event_delivery` holds them by id, `event_time` their order (newest first), `event_due` what is to be tried and when,
//! by endpoint. Settled ones have no row in the last.

use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage::NewDocument;

use crate::codec;

pub(super) const DELIVERY: &str = "event_delivery";
pub(super) const TIME: &str = "event_time";
pub(super) const DUE: &str = "event_due";

/// Tries that are kept with a delivery, the newest ones.
const MAX_TRIES_KEPT: usize = 16;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, for the first time or again.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// Given up after the last try.
    Failed,
}

impl DeliveryState {
    /// A stable word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|state| state.name() == name).ok_or(())
    }
}

/// An event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The event's id, a dot, and the endpoint's name.
    pub id: Box<str>,
    /// The event's id: `webhook-id`, the same for all endpoints and tries.
    pub event: Box<str>,
    /// The endpoint's name.
    pub endpoint: Box<str>,
    /// The event's type.
    pub kind: Box<str>,
    /// Where it stands.
    pub state: DeliveryState,
    /// When the event happened.
    pub created_ms: u64,
    /// When it last changed.
    pub changed_ms: u64,
    /// The next try, of one that is pending.
    pub due_ms: u64,
    /// The place on the ladder of tries, from 0; a replay begins anew.
    pub rung: u32,
    /// Tries so far.
    pub tries: u32,
    /// JSON, exactly as it is signed and sent.
    pub body: Box<str>,
    /// The last tries, oldest first.
    pub last: Vec<Try>,
    /// The beginning of the last answer's body.
    pub answer: Option<Box<str>>,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// When it began.
    pub at_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// The status of the answer; `None` if none came.
    pub status: Option<u16>,
    /// Why it was no success.
    pub error: Option<Box<str>>,
}

impl Delivery {
    /// The first documents of it.
    pub(super) fn creation(&self) -> Vec<NewDocument> {
        vec![self.document(), (TIME.into(), time_key(self.created_ms, &self.id), Some(Bytes::new())), self.due_row()]
    }

    /// The delivery as it is now.
    pub(super) fn document(&self) -> NewDocument {
        (DELIVERY.into(), self.id.clone(), Some(codec::encode(self)))
    }

    /// Makes it due.
    pub(super) fn due_row(&self) -> NewDocument {
        (DUE.into(), self.due_key(), Some(Bytes::new()))
    }

    /// Makes it not due.
    pub(super) fn no_due_row(&self) -> NewDocument {
        (DUE.into(), self.due_key(), None)
    }

    /// What removes it.
    pub(super) fn removal(&self) -> Vec<NewDocument> {
        let time = (TIME.into(), time_key(self.created_ms, &self.id), None);
        vec![(DELIVERY.into(), self.id.clone(), None), time, self.no_due_row()]
    }

    pub(super) fn due_key(&self) -> Box<str> {
        format!("{}{:016x}/{}", due_prefix(&self.endpoint), self.due_ms, self.id).into()
    }

    pub(super) fn tried(&mut self, done: Try) {
        self.tries = self.tries.saturating_add(1);
        self.changed_ms = done.at_ms.saturating_add(done.took_ms);
        if self.last.len() >= MAX_TRIES_KEPT {
            self.last.remove(0);
        }
        self.last.push(done);
    }
}

/// What the rows of an endpoint in [`DUE`] begin with.
pub(super) fn due_prefix(endpoint: &str) -> String {
    format!("{endpoint}/")
}

/// The time and the id of a key of [`DUE`].
pub(super) fn read_due<'k>(endpoint: &str, key: &'k str) -> Option<(u64, &'k str)> {
    let (due, id) = key.strip_prefix(endpoint)?.strip_prefix('/')?.split_once('/')?;
    Some((u64::from_str_radix(due, 16).ok()?, id))
}

/// The newest comes first.
pub(super) fn time_key(created_ms: u64, id: &str) -> Box<str> {
    format!("{:016x}/{id}", u64::MAX - created_ms).into()
}

/// The id of a key of [`TIME`].
pub(super) fn read_time(key: &str) -> Option<&str> {
    key.split_once('/').map(|(_, id)| id)
}

/// The id of a delivery.
pub(super) fn delivery_id(event: &str, endpoint: &str) -> Box<str> {
    format!("{event}.{endpoint}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_when_they_are_due_and_by_newest() {
        let due = |due_ms, endpoint: &str| {
            let id = delivery_id("evt_1", endpoint);
            let delivery = Delivery {
                id,
                event: "evt_1".into(),
                endpoint: endpoint.into(),
                kind: "run.finished".into(),
                state: DeliveryState::Pending,
                created_ms: 1,
                changed_ms: 1,
                due_ms,
                rung: 0,
                tries: 0,
                body: "{}".into(),
                last: Vec::new(),
                answer: None,
            };
            delivery.due_key()
        };
        assert!(due(9, "crm") < due(10, "crm"));
        assert_eq!(read_due("crm", &due(10, "crm")), Some((10, "evt_1.crm")));
        assert_eq!(read_due("crm", &due(10, "crm-2")), None);
        assert!(time_key(10, "a") < time_key(9, "b"));
        assert_eq!(read_time(&time_key(10, "a.b")), Some("a.b"));
    }

    #[test]
    fn only_the_newest_tries_are_kept() {
        let bytes = codec::encode(&serde_json::json!({
            "id": "evt_1.crm", "event": "evt_1", "endpoint": "crm", "kind": "bot.x", "state": "pending", "created_ms": 1,
            "changed_ms": 1, "due_ms": 1, "rung": 0, "tries": 0, "body": "{}", "last": [], "answer": null,
        }));
        let mut delivery: Delivery = codec::decode(&bytes).unwrap();
        for at_ms in 0..20 {
            delivery.tried(Try { at_ms, took_ms: 1, status: Some(500), error: None });
        }
        assert_eq!((delivery.tries, delivery.last.len(), delivery.last[0].at_ms), (20, MAX_TRIES_KEPT, 4));
    }
}
